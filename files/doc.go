// Package files keeps bytes by their CID: a [Store] is a directory or an
// S3-compatible service, [Blobs] is a store with the spool that content enters
// it through.
//
// # Laws
//
//   - Content has one name, the CIDv1 of its bytes, raw over SHA-256
//     ("bafkrei…"), and a name one content: equal bytes are kept once, whoever
//     puts them and however often.
//   - The only way in is a [Spooled] file, which names itself: no store ever
//     holds bytes under a name that is not theirs.
//   - Content is there whole or not at all. It arrives in a temporary file while
//     it is hashed, 256 KiB at a time whatever its size, and is on disk (or
//     acknowledged by the service) before it has its name. What is given up on
//     the way leaves nothing, and [Open] sweeps away what a killed process left.
//   - Put of content that is there already succeeds and makes it young again.
//     [Store.Delete] takes only what has not been put since a moment: so a
//     collector of garbage takes nothing that is about to be named, if its grace
//     is longer than an upload and an hour more, which covers clocks that differ.
//     In a directory the two exclude each other; with S3 two requests lie between
//     the look and the removal.
//   - A store may be used by any number of goroutines. A [Reader] and a [Spooled]
//     belong to one.
//   - Two processes may share a directory: a temporary file is locked (flock) as
//     long as it is written, and only unlocked ones are swept away.
//
// # A directory
//
//	tmp/put-123456789                      content on its way
//	w/4/bafkreibm6jg3ux5…44yegnrjhc4yeq    content; shards by the 3rd and 2nd last character
//
// # A bucket
//
//	<prefix>bafkreibm6jg3ux5…44yegnrjhc4yeq
package files
