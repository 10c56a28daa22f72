// Package run is what a recorder keeps: runs of agents as entities, each with a
// chain of content-addressed blocks that says all that happened in it.
//
// A run is an entity of type run. Its chain "steps" holds everything in the
// order of its arrival, a block for each [Entry]:
//
//	start    what set it off: trigger, input, agent, session
//	step     something the agent did, numbered by sequence from 1
//	tool     a call of a tool, which belongs to a step
//	context  what the agent knew at a step
//	end      how it ended
//
// What it was about - input, output, arguments, documents, whatever else a program
// tells - is content, and lies in a block of the chain "content" that the entry
// names. Entries that were recorded together share one, up to a size: under "parts"
// it has the content of each by its place, and the entry says which under "part". It
// can be deleted ([DeleteContent]) and the entry stays: when, in what
// order, how long, how much.
//
// The manifest holds what lists need and no content: version 1 of a running run,
// version 2 of one that ended, with the chain's head pinned under "chain" and
// the counts, names and anomalies of [Facts]. A run that begins and ends in one
// transaction has one version, the latter. An end may know of an earlier
// beginning, and of another agent, than the start did: a trace's root span comes
// last. The last version has them then.
//
// # Laws
//
//   - What was recorded is in the chain or in content that it names by hash, so that
//     one digest, that of the head at completion, is proof of all of it.
//   - Content of a run is its own: a salt in each block keeps it from being that of
//     another, and what was deleted from being guessed by its hash.
//   - Content that is missing is a gap where a block of the chain "erased" says that
//     it was deleted, and damage otherwise.
//   - The hash of an entry is the SHA-256 of its block, in hexadecimal.
//   - A run that has ended takes nothing more: KindExists.
//   - What is not known is absent, never 0.
//   - Names of runs and sessions are their entities' identifiers as UUIDs. That of
//     an entry tells its run and its place, and is stored nowhere.
//
// # Rows of the projection "runs"
//
//	r<collection><started, newest first><id>         summary    runs of a collection
//	a<collection><agent><started, newest first><id>  summary    those of an agent
//	n<collection><hash of label><id>                 nothing    agents of a collection by name
//	d<collection><ended><id>                         nothing    runs that ended and have content that may go, deleted runs among them
//	o<collection><started><id>                       nothing    runs that have not ended, deleted runs among them
//	t<collection>                                    nothing    collections that have a retention, and are not on hold
package run
