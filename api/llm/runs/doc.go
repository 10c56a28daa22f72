// Package runs writes down calls of language models: each is an entity of type
// run whose chain "steps" holds what happened, in the words of the recorder.
//
// # A run
//
// It has one version, written when it is over, with the head of its chain pinned
// under "chain" and, in hexadecimal, under "chain_hash". The entries of the chain
// are
//
//	start    trigger, agent, what was asked
//	context  the system prompt and the passages that were found, with their CIDs
//	step     a call of a model: request, response, tokens, cost, duration
//	tool     a call of a tool, behind the step that asked for it
//	end      how it ended, and the sums
//
// What of an entry is content (Sealed of [Entry]) stands in the clear, or under
// "sealed" as bytes that only the tenant's key opens.
//
// # Laws
//
//   - Nobody who is answered waits for a run to be written, unless the queue is
//     full: then [Recorder.Record] waits until there is room, which slows down
//     callers and loses nothing.
//   - What has come together in 20 ms (Gather of [Options]) is written in one
//     transaction, and earlier where it fills one: a run is durable within that
//     and the time of two transactions after its answer has ended. While a store is
//     full or not ready it is tried again, and what is in the queue is written
//     before Close returns. A run that cannot be written is counted in
//     stemma_runs_failed_total and logged without its content. When the process is
//     killed, runs are lost whose answers had left less than that before: some
//     40 ms.
//   - What is not known is absent, never 0.
package runs
