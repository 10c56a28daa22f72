// Package llmtest is a provider of language models for tests: a server on
// loopback that speaks the wire format of OpenAI, Anthropic or Gemini and answers
// as a script tells it, well or badly.
package llmtest
