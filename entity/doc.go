// Package entity says what the words of Stemma mean: identifiers, manifests,
// relationships, content identifiers, log records, errors and the contracts of
// a store. It does no I/O and imports nothing else of this module.
//
// # Laws
//
//   - A [Manifest] is immutable once sealed. Whoever holds one may read it from
//     any goroutine and must not change it; [Manifest.Clone] gives a copy to edit.
//   - Equal content has equal bytes and so an equal [CID], for ever. The encoding
//     is IPLD dag-cbor, strict: map keys sorted by length and then by byte order,
//     shortest integers, 64-bit floats, links as tag 42, absent optional fields
//     left out. testdata/manifests holds the vectors.
//   - A whole number that fits in int64 is an integer, however it was written
//     (1, 1.0 and 1e0 are one value); -0 is 0; every other finite number is a
//     float64; NaN and the infinities are refused.
//   - Order is the sequence number ([Seq]), dense from 1 and given at commit. No
//     clock and no identifier is ever compared to find out what came first.
//   - Every error that leaves a package of this module is an [*Error] with a
//     [Kind] out of a closed list.
package entity
