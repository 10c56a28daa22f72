// Package audit keeps account of who came in, with what, who was turned away, and
// who changed how things are set up: in the chain "audit" of the tenants that it concerns.
//
// A block of the chain is a batch:
//
//	{"entries": [{"action": "auth.login", "at": "2026-01-01T00:00:00.000Z", "principal": "01…", "kind": "user",
//	  "credential": "password", "ip": "192.0.2.1", "user_agent": "…", "op": "login", "target": "", "count": 1}, …]}
//
// # Laws
//
//   - An entry is never part of the transaction that it tells of, and nobody
//     waits for it: Record takes a lock and puts it into a bounded queue.
//   - Nothing is lost in silence. What the queue has no room for is counted in
//     stemma_audit_dropped_total and in the field dropped of the next entry; what
//     a store does not take stays in the queue; what is in it is written before
//     Close returns, or logged.
//   - What differs in time alone is one entry with a count, and then has first
//     and last: a flood of refusals is as long as it has kinds.
//   - No entry has a secret: of what a change was made with it has names, and those
//     values alone that cannot be one (Given).
//   - An entry that concerns no tenant is a line of the log.
package audit
