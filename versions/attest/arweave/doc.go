// Package arweave anchors the checkpoints of a transparency log on Arweave: a
// signed checkpoint becomes the data of an ANS-104 data item, which a wallet
// signs and an upload service (Turbo, or any that takes POST /tx) publishes.
// Who holds an anchored checkpoint can show that the log was so at that time,
// whatever its server says later.
//
// # Laws
//
//   - An item is on disk before it is uploaded for the first time, and stays the
//     one that is uploaded until the service has it: what is published is
//     published under one id, and no id is shown that was not published.
//   - An anchor is recorded when the service has named the item's id, by a receipt
//     or by its status, and not before.
//   - Nothing here ends a server or holds a write up. What fails is tried again
//     for ever; the reason is logged when it changes, and counted.
//   - The newest checkpoint is anchored, not each: an anchor covers all before it.
//   - What a service or gateway answers is bounded in bytes and time, never
//     redirected, and checked before it is believed.
//
// # The item
//
// ANS-104 version 1.0 (https://github.com/ArweaveTeam/arweave-standards), in the
// form that its implementations write and verify:
//
//	2     signature type, little-endian: 1, RSA-4096 with PSS and SHA-256
//	512   signature of the deep hash
//	512   owner: the modulus of the wallet's key, whose exponent is 65537
//	1+32  target, if the first byte is 1
//	1+32  anchor, likewise
//	8     number of tags, little-endian
//	8     bytes of the tags
//	…     tags: an Avro array of records of two strings, in one block
//	…     data
//
// The id is the base64url of the SHA-256 of the signature. The deep hash is over
// "dataitem", "1", the signature type in digits, owner, target, anchor, tags as
// they are above, and data. Signatures are randomised: to sign twice makes two
// ids, which is why the first law is one.
//
// The tags of an anchor, in order: Content-Type, App-Name (Stemma), Type
// (checkpoint), Origin, Size and Root (as the checkpoint has them).
package arweave
