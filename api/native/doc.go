// Package native is the Arke API: entities, collections, folders,
// relationships, versions, the graph, the path language, search, agents and the
// events feed over HTTP.
//
// # Laws
//
//   - The table [Service.Operations] is the API: it routes, and the OpenAPI
//     document and the plain reference are printed from it.
//   - A handler decides who may do what inside the transaction that it writes
//     in, on what it reads there.
//   - What was renamed between releases of the specification is accepted in
//     both spellings and answered in both (pi and id, collection_pi and
//     collection_id, …).
//   - A read runs on one state: an answer never mixes two moments. The graph's
//     snapshot is taken after the state, so it may be newer, never older. Nor does
//     a search: the index proposes, by what the caller may view, and hits that are
//     not in the state, or not the caller's to view there, are left out.
//   - Agents are called outside of every transaction, through package outbound. What
//     was read before a call is looked at again in the transaction after it. What an
//     invocation grants ends by itself, and is taken back where the agent does not
//     take the job.
package native
