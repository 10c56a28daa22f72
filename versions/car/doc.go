// Package car reads and writes CARv1 files: content-addressed blocks one after
// another (https://ipld.io/specs/transport/car/carv1/).
//
//	file     header, section…
//	header   uvarint length, dag-cbor {"roots": [link…], "version": 1}
//	section  uvarint length, CID 36 bytes, block
//
// # Laws
//
//   - What a [Reader] gives was verified: the SHA-256 of a block's bytes is the
//     one in its CID. Of content that is streamed, the end of the stream says so.
//   - Blocks are those of this server: CIDv1, sha2-256, dag-cbor or raw. Another
//     one, one that is too large or one with other bytes than its name says is a
//     [BlockError]; reading may go on behind it. Every other error ends the file.
//   - Memory is bounded by [Limits], whatever the file says of itself. A raw
//     block is never in memory as a whole.
//   - The header is strict dag-cbor and lengths are written in the fewest bytes
//     (https://github.com/multiformats/unsigned-varint), so that a file that was
//     read without an error and is written again is the same file.
//   - A [Writer] trusts its caller that a block has the CID it is given.
//
// A Reader or Writer is used by one goroutine.
package car
