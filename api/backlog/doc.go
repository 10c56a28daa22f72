// Package backlog has work that follows an answer done later and together, by as
// few writers as it takes: what has come together while one transaction was under
// way is the next one.
//
// # Laws
//
//   - What has been added is written, in the order of its coming within a lane, and in
//     all where there is one writer; [Backlog.Close] waits for it.
//   - It is bounded: in items under way and in items to be written. Where they come
//     faster than they are written, the next ones wait for room before they begin;
//     when that does not come in time, as with a disk that hangs, they are refused
//     at once until there is some.
//   - There is a writer while there is something to write, and none else.
package backlog
