// Package dialect reads what programs and model providers say to each other: of
// a call it finds model, texts, tool calls, tokens and cost, in each provider's
// own form, streamed or not.
//
//	openai     chat completions, responses, completions, embeddings; also of
//	           OpenRouter and whoever else speaks it
//	anthropic  messages
//	google     generateContent, streamGenerateContent, embedContent
//
// # Laws
//
//   - Nothing that is said is refused: what is not understood is passed over, and
//     what is not known stays absent, never 0.
//   - A stream is read to where it broke off: what had come is there, and
//     [Call.Ended] tells that the end had not.
package dialect
