// Package fulltext finds documents by their words: an inverted index on Bleve's
// segments, with an analysis and a ranking of its own.
//
// # Laws
//
//   - A batch of documents and the mark that they bring the index to are one:
//     after a crash both are there or neither is. What a crash takes is behind
//     the mark that is left, and in the log.
//   - What [Index.Search] gives is a function of the documents there are and the
//     query: an index that was made anew answers as one that grew, scores
//     included. Documents with equal scores are in the order of their ids.
//   - As many documents come back as are asked for, if so many match and pass:
//     [Request.Pass] is asked inside the search, about those alone that are good
//     enough.
//   - Whatever text is a query. Words in double quotes stand in this order, word*
//     is every word that begins so, and no other sign means anything.
//   - Whatever text is a document, up to [MaxText] bytes of it; of a longer word
//     the first [MaxWord] bytes count.
//
// # Languages
//
// A document's words become stems by the rules of its language (Snowball), which
// it says or which is found out by the small words in it. All languages share a
// field: a word that is searched for is what each of the languages that there
// are documents in would make of it. Small words are kept, so that phrases are
// exact and "the who" can be found; a query leaves them out unless it has
// nothing else. Accents do not matter. Writing without blanks is indexed by
// pairs of neighbours.
//
// # Ranking
//
// BM25F over text and label; see [Weights]. A beginning of words counts as one
// word that stands once in each document with such a word: the 256 in the most
// documents, out of the first 32,768 in the alphabet. A score lies below the sum
// of the query's inverse document frequencies ([Found.Bound]).
//
// # Keys
//
//	field t    stems of everything, with positions and, as its norm, the length
//	field l    stems of the label
//	field w    words without accents, for beginnings
//	field a    0x01: every document, its norm the length; 0x02, n: those in language n
//	version    of this layout, big endian
//	log        the name of the log that was followed
//	cursor     the last change of it that was taken in, big endian
//	words      the sum of the documents' lengths, big endian
package fulltext
