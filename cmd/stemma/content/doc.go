// Package content holds file content against the log that refers to it.
//
// # Laws
//
//   - Content is referenced when any version of any entity of the type file, the
//     versions of deleted ones too, has uploaded: true and names it. The log is
//     asked and no projection, so that a projection that is missing or wrong
//     cannot make content look like garbage.
//   - [Collect] deletes what is not referenced and has not been put since the
//     grace began. Bytes come before the manifest that names them, so content of
//     an upload under way is unreferenced for a while: that is what the grace is
//     for. The log is read before the content is listed; the store must not be
//     written meanwhile, which is so when the process that collects has it open.
//   - [Verify] reads every referenced blob, a piece at a time, and hashes it.
//
// # Concurrency
//
// A call uses one goroutine and 40 bytes of memory for each referenced blob.
package content
