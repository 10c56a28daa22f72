// Package turn is one turn of an agent: what the client asked goes together with
// what the agent was told, remembers and finds; a provider answers; tools are
// called until it has; and all of it is recorded. It speaks no HTTP to clients.
//
//	limits → memory → retrieval → prompt and tools → provider ⇄ tools → memory → run
//
// # Laws
//
//   - The client's fields reach the provider as they came, but for conversation_id
//     and partition_id, which are ours, and what the agent's policies change.
//   - An answer is handed on as it comes. Until its first piece a provider that
//     fails is tried again, and then the next of its chain.
//   - A failure of memory's summary, of retrieval, or of a tool's server fails no
//     turn: the run says what was missing.
//   - A turn whose context ends cancels the call of the provider, and its run says
//     "partial" with what had been received.
//   - What was reserved of the limits is settled whatever becomes of the turn.
//   - Prompts and answers are kept for agents of a tenant alone: what belongs to
//     no tenant may be everybody's to read.
//   - Tokens are the provider's count; where it gives none they are counted with
//     the encoding o200k_base, of long texts at four bytes each.
package turn
