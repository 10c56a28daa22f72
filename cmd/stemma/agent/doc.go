// Package agent is a small agent: a server of its own that works on a collection
// through the public API, with its own key, when it is invoked. It is what the
// README's section on agents runs, and what invoking, verifying and status are
// tested against.
//
//	GET  /.well-known/arke-verification   that the endpoint is the agent's
//	POST /process                         take a job, if the server's signature is on it
//	GET  /status/{job_id}                 how a job stands
//
// # Laws
//
//   - A job is on disk before it is accepted: DIR/jobs/<job_id>.json, written to a
//     temporary file, synced and renamed. So is each step of it.
//   - A job that was cut by the death of the process is error, interrupted, when the
//     process is there again. Nothing is begun twice: invoke again instead.
//   - The server that the agent works for is the one it was started with, whatever
//     a request says: its key is what signatures are checked with.
//   - Edits are made under compare-and-swap and made again when somebody was faster.
//   - Counters count what was done: an entity is done when it was read and, where
//     there was something to write to it, that was answered.
//   - Every job has a goroutine that [Agent.Close] ends and waits for.
package agent
