// Package embed turns texts into vectors: [Lexical] from their words alone,
// [Remote] by a service that speaks OpenAI's /v1/embeddings, [Cached] by
// remembering.
//
// # Laws
//
//   - A vector is of length 1 and has the dimensions of its [Space], or it is all
//     zeros, of a text that says nothing. Vectors of two spaces are never
//     compared; whatever changes vectors changes the space.
//   - Embed answers for all texts or for none, in their order. What a service
//     answers is checked before it is believed: how many, for which texts, of
//     what dimensions, finite.
//   - An embedder may be used by any number of goroutines.
//
// # The lexical embedder
//
// A text is folded (NFKD, no accents, lower case) and cut into words; each gives
// the word, its beginning without an ending, and its pieces of 3 and 4
// characters, which is what is left of a word with a typing error. A feature
// weighs (1 + ln count) times its rarity, and is added to or subtracted from one
// dimension, both by its hash (Weinberger et al., Feature Hashing, ICML 2009).
//
// The rarity is fixed (function words and short words get little, all others the
// same) and not learnt from the documents. On Cranfield (1400 documents, 113
// queries), a prototype with pieces of 3 to 5 characters, nDCG@10 of the queries
// as they are, and with an error in 30% of their longer words:
//
//	dimensions        384            768           1024
//	fixed rarity   0.434  0.331   0.459  0.391
//	learnt IDF     0.398  0.199   0.447  0.268
//	none           0.388
//
//	as it is       0.406  0.344   0.460  0.393   0.473  0.420   (recall@100: 0.668, 0.698, 0.725)
//
// A learnt IDF gives the most weight to the rarest, and so to errors and to the
// noise of collisions; it is better only from about 4000 dimensions on. Fixed
// also means that a vector depends on its text alone: nothing is to be kept or
// versioned, and nothing re-embedded as a store grows. With another hash the
// figures move by 0.02.
//
// The default is 512 dimensions, for which a row takes two thirds of the memory
// and time that it takes for 768. The same collection with queries as they are,
// by 'stemma bench-search', nDCG@10 of the vectors alone and of the hybrid:
//
//	dimensions       384    512    640    768
//	vectors        0.408  0.454  0.446  0.456
//	hybrid         0.527  0.532  0.526  0.533
//
// # The cache on disk
//
// Two files, "recent" and "older", of records
//
//	key   SHA-256 of space, purpose and text, 32 bytes
//	n     dimensions, uint32 little-endian
//	sum   CRC-32C of key, n and vector, uint32
//	      n × float32, little-endian
//
// New ones are appended to "recent" and not synced. When it has half of the
// bounded size, it becomes "older", and what was "older" is gone; what is read
// from "older" is written to "recent" again. A record that is not whole ends its
// file.
package embed
