// Package retrieval finds passages for a question in knowledge bases: text out of
// files, cut into chunks, each with a vector.
//
// A knowledge base is a collection of kind "knowledge_base" that belongs to a
// tenant. What is in it are files. A file's chunks are its chain "chunks", and
// their vectors its chain "vectors"; its property "chunks" says which blocks of
// them are of its content:
//
//	chunks   {"index": 0, "content": "…", "tokens": 643, "from": 0, "to": 2570}     from and to are characters
//	vectors  {"space": "lexical/lexical-1/512", "vectors": [bytes, …]}              little-endian float32, in the order of chunks
//	the file "chunks": {"first": 1, "count": 12, "vectors_first": 1, "vectors_count": 1,
//	          "tokens": 7012, "space": "…", "content": "bafkrei…", "split": "650/120"}
//
// # Laws
//
//   - Chunks are blocks: an answer can name the CIDs of those it saw, and they
//     stay what they were when the file changes, as new ones are appended.
//   - The files of an upload are written in one transaction, or none is; their
//     chunks follow in as many as it takes, by one writer at a time, and a file
//     names its chunks when all are there. What is interrupted is finished by
//     [Base.Follow].
//   - Extraction and embedding come before the transaction that names their
//     results, and never within it.
//   - A search sees every file as its tip is: what is cached is compared with it.
//   - Vectors of another embedder than the server's are never compared with: the
//     chunks are embedded again, in memory until [Base.Refresh] writes them.
//   - What a file holds that is not what it says it is, is refused with what it
//     is; nothing of the upload is written then.
package retrieval
