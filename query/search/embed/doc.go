// Package embed turns texts into vectors: [Lexical] from their words alone,
// [Remote] by a service that speaks OpenAI's /v1/embeddings, [Cached] by
// remembering.
package embed
