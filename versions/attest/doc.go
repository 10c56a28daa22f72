// Package attest keeps a transparency log over all changes of a store: a Merkle
// tree whose head is signed, with proofs that a version is in it and that it has
// only ever grown, which anybody can check without this server.
//
// # Laws
//
//   - One leaf for each change of the log, versions and blocks of chains alike, in
//     the log's order: leaf i is change i+1. An entry is the 36 bytes of the
//     change's binary CID and nothing else, as the manifest or block that it names
//     says itself what it is. Hashing is that of RFC 6962.
//   - So the log publishes that there was a change, and none of its content. Whoever
//     knows a block but for a few bits (its random identifiers and its millisecond
//     among them) can find out the rest from its CID; who does not learns nothing.
//   - The log follows the store. What it keeps is a function of the store's log and
//     its key: made again it is the same, and so are its signatures, as a checkpoint
//     has no time in it and Ed25519 no randomness.
//   - Nothing is signed that does not continue what was signed before. When the
//     store's log is shorter than the signed tree, or differs from it, the log halts:
//     it signs no more, [Log.Checkpoint] says why, and so do a metric and the
//     server's log. At open the checkpoint, the edge of the tree and leaves spread
//     over all of it are compared; [Check] compares everything.
//   - A checkpoint is on disk before anybody sees it, and sizes never go back, not
//     even where the directory was lost: then nothing is signed before all is there
//     that the store had.
//   - The name of a log is its origin, which its key is bound to. Both are in the
//     store's secret space, as are the anchors, and so in every backup; the
//     directory is in none.
//   - Following costs the store one reading of what is new each [Options.Interval],
//     and never waits in a commit.
//
// # Backups and mirrors
//
// A store that is restored with all that it had goes on under its name: the tree is
// made again and signed as it was. One that is restored to an older state has lost
// changes that were attested, which this server cannot know when the directory is
// lost too; whoever keeps checkpoints (a witness, an anchor, a client with a proof)
// sees that the log has forked. The way out that is honest is a new name:
// [Options.Origin] begins another log, with another key, and ends the former for
// good. The same goes for a directory that is kept while the store goes back: that
// is noticed, and the log halts. A directory that is damaged itself halts the log
// too; where 'stemma verify' finds nothing but that, it can be removed.
//
// A mirror has neither the key nor a log of its own: its changes are those of its
// source, whose checkpoints and proofs hold for them.
//
// # The directory
//
//	leaves     32 bytes for each leaf: the digest in its CID
//	tiles-0    32 bytes for each leaf: its hash
//	tiles-1    the hashes of the full tiles (256 hashes) of tiles-0; likewise tiles-2, tiles-3
//	state      how many leaves are synced, and the last checkpoint; replaced atomically
//
// Only the state is synced with every checkpoint. What is in the other files behind
// the leaves that it tells of is not there after a crash: it is taken from the store
// again, and must lead to the root that was signed. In memory are some 16 bytes for
// each leaf, by which a CID is found.
//
// # Formats
//
// Checkpoints, tiles and entry bundles are those of C2SP: tlog-checkpoint,
// signed-note, tlog-tiles and tlog-proof. A [Bundle] is what a proof of blocks needs
// beside a key, in JSON.
package attest
