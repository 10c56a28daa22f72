// Package store keeps a network's log, blocks and heads in Badger, and runs the
// projections over them. It is the only package that touches Badger.
//
// # Laws
//
//   - One way in: [Store.Update]. Its closure runs on the caller's goroutine
//     against the latest committed state; the committer, one goroutine, then
//     checks that everything the closure read is still so and otherwise runs it
//     again, in line. All closures that have queued up by then are committed as
//     one Badger transaction with one fsync; a closure that fails takes nobody
//     with it.
//   - Nothing is visible before it is on disk: readers read at the Badger
//     timestamp of the last commit that was fsynced and are never made to wait
//     for one that is under way.
//   - After a commit the order is: projections' memory, the readable state,
//     the answers, the watchers. So whoever was answered reads its own write.
//   - [Store.Close] waits for readers under way and refuses those that come
//     later, since Badger's files are mapped into memory.
//   - Badger is opened in managed mode: timestamps are ours, one per batch.
//   - The blocks of a large batch are on disk in a pack before the transaction
//     that places them there: a row never names bytes that a crash could take.
//   - The bytes of content can go ([entity.Tx.Erase]) and nothing else can. They lie in
//     packs, are unreadable when the erasure is committed, and are overwritten on
//     disk by [Store.Wipe], which a crash makes no more than late.
//   - What projections add to rows of sums is added to what is there by the
//     committer, so that a row that everybody adds to is in nobody's way.
//   - A closure that scans a range always runs in the committer, since a range
//     cannot be checked for what has come into it.
//   - A backup ([Store.Backup]) is rows of one state, b c h k l v in full or those
//     that the log after a state names, and all of s. It is incremental by the
//     log and not by Badger's timestamps: what was deleted and compacted leaves
//     no trace in those. Rows p and m are not in it; opening a restored store
//     makes them anew. Backups follow one another by number and by the hash of
//     the record that they meet at.
//
// # Keys
//
//	b <digest 32>                          block bytes              every manifest and chain block
//	                                    or 00 <pack be32> <offset be64> <size be32>
//	h <id 26>                              entity.Head              where the entity stands
//	v <id 26> <ver be64>                   digest 32                version 3 of 10,000 is one look-up; the tip's is in h
//	l <last seq be64>                      entity.Record            found by any seq it holds: seek, take the first
//	k <id 26> <chain>                      n be64, digests, 00      the last blocks of a chain, to n: what one transaction appended
//	c <id 26> <chain> 00 <n be64>          digests                  those before, in rows that end at n
//	p <projection> 00 <key>                the projection's rows
//	s <name>                               a secret; never in a block or record. A name that begins
//	                                       with ~ is in backups, and no reason to make one
//	w <digest 32>                          where an erased block lies that is to be overwritten, as in b; or nothing
//	m format | network | p/<projection>    the store's own notes
//
// # Packs
//
//	packs/00000001.pack                    blocks, end to end       those of batches past [packFrom] or with content, in the log's order
package store
