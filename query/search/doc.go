// Package search makes the entities of a store findable by text and by meaning:
// a follower of its log with a full text index (package fulltext), an index of
// vectors (package vector) and the ranking that joins them.
//
// # Laws
//
//   - What is deleted, hidden or moved is so in the answer of every search that
//     begins after the write was answered. A table of what there is, in memory,
//     follows the log on a search's own way; the indexes propose, the table
//     decides, and the store's heads have the last word.
//   - What is written is found within half a second, and at once by who calls
//     [Index.Wait] with the number of the write.
//   - At the end of the log changes are let come together for 200 ms, unless
//     somebody waits for one, so that following leaves writers their disk and
//     half of the time.
//   - Filters are decided inside the search: as many hits come back as are asked
//     for, if so many match and may be seen.
//   - Each index has its own place in the log, which is written with its rows. It
//     is a function of the log up to there: made anew it answers as before, scores
//     included. An index that is torn, of another version or of another log is
//     wiped and made anew.
//   - No entity stops it: of each, the first MiB of text is found by words, the
//     first 24 KiB make its vector; a file's content counts as the end of its
//     text. A file that cannot be read is found by its properties, and tried
//     again; a text that the embedder refuses is found by its words.
//   - Without the embedder text goes on, and answers say what is missing. What was
//     not embedded is as soon as the embedder answers.
//   - When the embedder's space changes, the vectors of the former one serve, if
//     their embedder is still there ([Options.Former]), until those of the new one
//     are complete; progress is kept over restarts.
//
// # What is found by
//
// The label, which counts twice; the description and every other string in the
// properties, but for the roles of a scope; the type; of a file, the text of its
// content. The language is the property language (or lang), or found out.
//
// # Scores
//
// All scores are from 0 to 1 and compare across collections, kinds of entities
// and pages of one query, since they depend on the query and the entity alone.
//
//	text     BM25F over the sum of the query's inverse document frequencies: the
//	         share of what was asked for that the entity has
//	meaning  the cosine of the vectors, from 0
//	hybrid   1 - (1-text)(1-meaning)
//
// The order of a hybrid search is that of reciprocal rank fusion ([Index.Search]).
// Where the score of a hit is above that of the hit before it, it is cut down to
// that: what ranks higher never has the lower score.
//
// # Collections
//
// A collection's centroid is the sum of its own vector and, with the weight
// n/(n+4), the direction of its n members' mean, made length 1. Who may not see
// all members gets the collection's own vector. [Index.Collections] ranks by the
// score above, whose text is the better of the collection's own and half of its
// best member's, and whose meaning is the better of its own vector and centroid.
//
// [Index.Discover] searches the ten best, or as many as are asked for, at once,
// with a bound for each. [Index.SimilarItems] searches each of the collections
// with the nearest centroids; in its answer each hit of a collection takes a tenth
// of the score of the hits of that collection behind it, so that they take turns.
//
// # The directory
//
//	text/               the full text index
//	vectors/serving     the name of the space that served last
//	vectors/<16 hex>/   the vectors of a space, by the SHA-256 of its name
package search
