// Package recorder is the Arkna API: what agents do is recorded, replayed and
// proved. Programs tell of it (ingestion), or call their model provider through
// the server (proxy); people look at it (monitoring).
//
// # Laws
//
//   - Whose recordings they are: those of the tenant that the caller's entity
//     belongs to, else the caller's own. They lie in one private collection,
//     "Recordings", made on first use, so that who may see and add to them is
//     decided by the rules of every collection and by nothing else. A run, a
//     session and an agent are entities.
//   - A request is one transaction: all of it is recorded, or nothing. An export of
//     traces alone takes several, as many as it is large; it is safe to repeat, for
//     a span is recorded once, and what it takes of them it answers for. Calls
//     through the proxy that are over share one with others of their caller.
//   - A trace is a run in the recordings of whoever exports it. The span without a
//     parent ends it, after all that is on its way from the same caller at that
//     moment; what comes later is rejected. Where no such span is ever exported the
//     run goes on until PATCH /api/v1/runs/{id} ends it, or the next law.
//   - A run of which nothing came for Options.Idle, or for as long as content is kept
//     where it lies, is ended by the worker below: as run.TimedOut, when the last of it
//     came, with the error type run.LeftOpen, which is an anomaly too.
//   - A call through the proxy is recorded when its answer has ended, and does not
//     wait for that: a crash takes what was not yet written down, [mostCalls] at
//     most. Where calls come faster than they are written, the next ones wait for
//     room, up to [patience]. One that cannot be recorded passes all the same, and
//     is counted.
//   - What is to be masked is masked before anything of it is stored, whichever
//     way it came.
//   - A request with an Idempotency-Key is answered once: the same again gets the
//     same answer for a day, another under the same key is refused with 409. Both
//     are decided in the transaction that records.
//   - Content that is past the retention of where it lies (a property of the
//     collection, like masking) is deleted by [Service.Retain], which the service's own
//     worker calls: run by run, each in a transaction that looks at the retention
//     again, so that a crash or a second worker changes nothing. Hashes stay.
//   - Up to 2,048 calls through the proxy are recorded at once. What comes beyond is
//     forwarded, not recorded, and counted. No call waits for its recording.
//   - Every error is rendered by [Error].
//
// # The secret space
//
//	recorder/collection/<account>                where its recordings lie
//	recorder/trace/<collection>/<trace>          the run of a trace, and its spans' identifiers
//	recorder/conversation/<collection>/<hash>    the session of a conversation that traces name
//	~recorder/idem/<principal>/<digit>/k/<hash>  what a request was answered
//	~recorder/idem/<principal>/<digit>/q/<n>     hashes in the order they came, to be forgotten
//	~recorder/idem/<principal>/<digit>/q         the ends of that queue
package recorder
