// Package storetest is the one conformance suite for implementations of
// [entity.Store], with the reference implementation that they are compared to.
//
// [Run] plays every case against the stores that a [Harness] opens: in memory,
// on disk, or on disk and reopened after each step. A case is named after the
// law it proves. Each ends with the Check of the harness and an [Audit], which
// reads the whole log through the interface and hashes every block again.
//
// # Laws
//
//   - A case relies on nothing but the comments in entity/store.go and
//     entity/projection.go. Where they leave a choice (whether a panic in a
//     closure comes out as a panic or as an error, say) each way passes.
//   - No case sleeps, and none takes its verdict from the clock: time is a
//     [Clock] that the case moves. A deadline of a minute only turns a hang
//     into a failure.
//   - Closures are safe to run more than once, because a store may do so. The
//     [Oracle] proves it of the suite, by rehearsing each closure once for
//     nothing (see [Options]).
//   - Random cases print their seed; STORETEST_SEED=n plays it again.
//
// The [Oracle] is a store in plain maps under a mutex. It serves three ends:
// random histories of a store are compared with it, CIDs and all; it proves
// that the suite itself runs; and packages above the store may test on it
// without opening a database. It keeps every value that a key has had, so that
// a snapshot is a number, and is made to be obviously right, not fast or small.
package storetest
