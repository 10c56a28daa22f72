// Package gateway is the view that clients of language models know: OpenAI's chat
// completions, embeddings and responses, and Anthropic's messages, answered by
// the agent that a key belongs to.
//
// The formats are those of the clients; what happens is package turn's. See
// api/llm/provider for how formats are mapped to one another.
//
// # Laws
//
//   - A key is an agent's: loom_sk_…, as "Authorization: Bearer" or "x-api-key".
//     Without one the answer is 401 missing_api_key, with a wrong one 401
//     invalid_api_key, also where its tenant is switched off.
//   - An answer is 200 only when a provider, or the built-in model, has answered:
//     a failure is 502 with the provider's reason, 400 where the provider refuses
//     the request itself, 429 with Retry-After at a limit.
//   - A key sees traces and sums of its own agent's calls, without what was said.
//   - A stream that breaks off ends with an error in the client's format and
//     without the sign of its end.
package gateway
