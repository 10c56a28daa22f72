// Package provider speaks to language models behind OpenAI's chat completions,
// the wire format that most providers have (OpenAI, Ollama, vLLM, llama.cpp,
// OpenRouter): POST {base}/chat/completions with "stream": true.
//
// # Laws
//
//   - An answer is a stream of [Event] while it comes and an [Answer] when it is
//     whole; an error in between gives what had come as well.
//   - Nothing is asked twice once anything of an answer has come: tries are for
//     failures before the first byte.
//   - What a provider sends is checked and bounded before it is believed: lines,
//     the number of tool calls, and the whole.
//   - The key is sent to the base URL and nowhere else: redirects are not followed.
//   - Errors are of [entity.KindInvalid] when the provider does not take this
//     request and will not take it later; [entity.KindRateLimited],
//     [entity.KindUnavailable], [entity.KindTimeout] when another time may do;
//     [entity.KindInternal] when the answer cannot be used; [entity.KindCanceled]
//     when ctx is done. What the provider said is in the cause, for the log.
//
// The format: https://platform.openai.com/docs/api-reference/chat/create and
// …/chat-streaming.
package provider
