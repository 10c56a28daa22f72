// Package witness watches the transparency log of another server: that what it
// signs now continues what it signed before. A server can show each of its
// readers a consistent log and yet not the same one to all, or not the same
// today as yesterday; who remembers what it signed finds out.
//
// # Laws
//
//   - What is remembered was signed by the log's key and proven to continue what
//     was remembered before. It is on disk before [Witness.Look] returns.
//   - Tiles are believed when they hash to the root that was signed, and not else.
//   - An [Alarm] is raised for what no honest log does, and for nothing else: a
//     server that is away, or answers what is no checkpoint, is asked again.
//     What could come of a broken copy on the way is looked at again, and is an
//     alarm only if it is still so.
//   - After an alarm the last good checkpoint stays, so that the alarm does not
//     go away, and both checkpoints are kept as evidence, in a file that is
//     never written again.
//   - The key does not change. Where none was given the first that the server
//     names is taken, and remembered.
//
// # What is an alarm
//
//	forked        two signed trees of one size, with two roots
//	inconsistent  a larger tree that does not begin with the smaller one
//	shrank        a tree smaller than one that was signed before
//	key           a checkpoint that another key signed
//	signature     a signature that is not of this checkpoint
//	tiles         a signed tree that the server has not, or has otherwise
//
// The first two prove by themselves, to anybody with the key, that the log's
// history was rewritten. The rest are looked at three times.
//
// # The directory
//
//	state.json            URL, key, the last good checkpoint, when it was seen
//	evidence-<time>.json  an alarm: reason, both checkpoints, URL, key
package witness
