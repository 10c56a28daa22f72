// Package mirror keeps a verified copy of another server's log.
//
// # Laws
//
//   - The mirror's log is the source's log: the same changes under the same
//     numbers, by the same actors. So the log is the cursor. It cannot disagree
//     with what was adopted, and a client of the source may go on at the mirror
//     with the cursor that it has. Times of commit are the mirror's own.
//   - Nothing is believed. A block hashes to the CID that its event names, is a
//     strict manifest or chain block, follows what is here (prev, ver, position),
//     and is what the event says of it: entity, kind, type, collection. Numbers are
//     dense. The source must still have the event that the mirror ends with.
//   - What cannot be true ends the mirror with an error that names the event and
//     is [ErrUntrue], [syncclient.ErrBlock], [syncclient.ErrGap] or
//     [syncclient.ErrForeignCursor]. Every event before that one is kept, nothing
//     of it or after it.
//   - Content that the source has erased is a gap here too, under the hash that its
//     event names; what erases content here is the block that says so, which comes
//     later in the log. 'stemma verify' finds a gap for which none has come.
//   - What passes by itself is waited for, by the client.
//   - A mirror is of all: what the source withholds because the caller may not view
//     it ends the mirror with KindForbidden.
//   - Contents of files are stored before the transaction that refers to them.
//   - One transaction takes events of one actor, of about a megabyte; fetching
//     is at most a few of those ahead of it.
//   - A store that has a log and is no mirror is refused: its numbers are its own.
//
// # Secrets
//
//	mirror    JSON {"source": "https://stemma.example"}    the store is a mirror of that
package mirror
