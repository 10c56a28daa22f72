// Package provider speaks to language models: configurations of providers, their
// sealed keys, the formats they speak, and the client that calls them.
//
// A chat is held in the format of OpenAI's chat completions, which this package
// calls the pivot. A dialect is a row of a table: pure functions from the pivot to
// what a provider takes, and from what it answers back to the pivot, whole and as
// a stream. OpenAI-compatible providers, Azure and Ollama take the pivot as it
// is, so that every field survives that nobody here knows.
package provider
