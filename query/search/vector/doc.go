// Package vector finds the unit vectors nearest to another: an [Index] in
// memory with a log on disk, or a [Qdrant] collection, behind one [Store].
//
// # Laws
//
//   - A store is of one space. Opened for another, or for other dimensions, it is
//     empty and its cursor is 0.
//   - Rows and cursor change together. After a crash the cursor is that of a
//     whole batch, and what the log says from there on is to be applied again.
//   - The filter is decided inside the search: k rows are found as long as k pass
//     it. What a [entity.Visibility] says of a collection is asked once a search,
//     what it says of an entity only where there is no other way, and always on
//     the goroutine of the caller.
//   - A score is exact, whoever proposed the row. Equal scores are in the order
//     of the IDs.
//   - Approximation is measured, not believed: an index without a measured recall
//     of MinRecall at 10 scores all rows.
//
// # A search
//
// Of each row there are the vector (float32), a bit for the sign of each
// dimension, and a factor that makes an unbiased estimate of a scalar product out
// of those signs. The query is made into a table of what each byte of signs adds;
// all rows that pass types and collections get a 16-bit key from it, on all
// cores, and are counted by key. The caller's goroutine then takes ranges of keys
// from the top, leaving out what is not visible, until it has as many candidates
// as the measurement of recall says are enough; their vectors decide. Without the
// prefilter the keys come from the vectors themselves, and the rest is the same.
//
// Measured on 2 cores, k = 10 (candidates found to be needed; recall; p50 while
// other work ran, least):
//
//	100,000 x 384  around 2000 centres   256     1.00    3.9 ms, 2.4 ms
//	100,000 x 384  isotropic            6250     0.99    9.4 ms, 8.7 ms
//	100,000 x 384  without prefilter                      27 ms,  20 ms
//	 30,000 x 384  lexical, Go comments 1096     0.99    1.8 ms, 1.5 ms
//	 30,000 x 768  lexical, Go comments 1025     0.99    2.8 ms, 2.3 ms
//
// A row takes 1655 bytes of memory at 384 dimensions. A file of 100,000 opens in
// 0.5 s, and 30,000 rows a second are put, 100 at a time, each batch synced.
//
// # The directory of an Index
//
//	vectors-00000003.log    the rows; the greatest number is the one, all others are swept away
//	new-123456789           a compaction under way
//
// A file, integers little-endian, checksums CRC-32C:
//
//	header   "STEMVEC1"  length uint32  dimensions uint32  space (text)   checksum of all before, uint32
//	record   length uint32  checksum of the payload uint32  payload
//	payload  cursor uint64  removed uint32  put uint32  removed × id  put × row
//	row      id  type  collection  dimensions × float32
//
// Names (id, type, collection) are a byte of length and the text. A record is a
// batch and is synced before [Index.Apply] returns; the first that is not whole
// ends the file. Compaction writes the rows into a new file, then the records
// since it began, and renames it.
//
// # A Qdrant collection
//
// A point is a row: its id is a UUID made of the entity's, its payload is
// {"id", "type", "collection"}. The point of the zero UUID holds the cursor and
// the space; it is written after the batch that it speaks of.
package vector
