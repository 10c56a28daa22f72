// Package jsonlimport brings entities and relationships from JSON lines into a
// store, up to millions of them.
//
// # Lines
//
// A line is one JSON object (RFC 8259, read by entity.ParseJSON) of at most
// [MaxLine] bytes. It is an entity,
//
//	{"type": "person",                       required
//	 "key": "ann",                           a name of the client's own, or
//	 "id": "01JH8Z0Y6V5RZ4Q8Q9V4T2W3XK",     an identifier; neither: one made from the line's bytes
//	 "properties": {…},
//	 "relationships": [{"predicate": "knows", "peer": REF, "peer_type": "person", "peer_label": "Bob", "properties": {…}}],
//	 "collection": REF,
//	 "note": "…"}
//
// or a relationship of an entity that has a line of its own, or is in the store,
//
//	{"relationship": {"source": REF, "predicate": "knows", "target": REF, "peer_type": …, "peer_label": …, "properties": {…}}}
//
// where REF is an identifier in quotes, {"key": "bob"}, or, as a peer or target,
// "*" for everybody. Members beyond these are refused: a misspelt one would be
// lost in silence. Blank lines and a byte order mark are passed over.
//
// A key stands for an identifier that is a function of the key and
// [Options.Keys] alone, so that a peer may be named before its line has come, by
// another file, or never. The order of lines matters in one place: a collection
// comes before what is in it.
//
// # Laws
//
//   - A line is taken whole or refused. Every refused line is in the report with
//     its number, the reason and its text, once, and all others are imported.
//   - What an import did and where it stands in the file are one transaction. A
//     run that was killed and is run again gives what one run would have given,
//     and so do its report and its deferred lines: what they got last is in the
//     position too, and written again after a crash.
//   - A second run over the same file does nothing; over a file that has grown it
//     imports what is new; over a file that has changed it begins anew. A line
//     whose entity's first version says the same is passed over, whatever became
//     of the entity since; one that says something else is a duplicate and
//     refused. A relationship that is there already writes nothing.
//   - Transactions are committed in the order of the file, so of two lines that
//     contradict one another the first is taken.
//   - A relationship whose source is not there yet is put aside, into a file
//     beside the report, and tried again after the last line.
//   - Relationships of one source in one transaction are one version of it, and
//     none beside version 1 when the source's own line is there too.
//
// # Concurrency
//
// One goroutine reads and hashes, two parse, and up to [inFlight] transactions
// run their closures at a time; each waits for the one before it when it has
// run, so that the next is sealed while the last is being written. [Import]
// returns when all of them have ended. Memory is bounded by the chunks under
// way, whatever the length of the file.
//
// # Secrets
//
//	import/jsonl/<hash of path and keys>    position, CBOR: how far the file is imported
package jsonlimport
