// Package chat lets a model answer people with this server's operations as its
// tools: the turn (model, tools, their results, model again), what a session
// remembers, and the answer as a stream for the AI SDK's clients. It has no HTTP
// and no store in it: a [Sink] takes the frames, a [Keep] what is to be kept.
//
// # The session
//
// A session is a list of entries, each a block of a chain: [Fold] reads the
// conversation off them. Nothing is ever taken out:
//
//	user         a message; under the id of one that is there, the conversation
//	             goes on from that place and what came after it no longer counts
//	assistant    a step of an answer: the entries of one id are one message; a tool
//	             call that comes again replaces itself, further on than it was
//	assistant    with answers: what the person said to calls that wait for it
//
// # Laws
//
//   - The session is the truth: of what a client sends only the last message
//     counts, and of a message of the assistant's only the answers to what the
//     session itself holds as waiting, with the same tool and the same input.
//   - A tool that writes is called only after a yes. The yes is kept before the
//     call is made, so that no call is made twice; of one whose outcome was not
//     kept, since the server died, it is said that it is not known.
//   - A step is kept when it ends, however it ends: what a disconnect or an error
//     cut off is kept as partial.
//   - One turn of a session at a time.
//   - What goes to the model is bounded: results of tools one by one, the whole by
//     [Options.Context], as tokens of four bytes.
//
// # The stream
//
// The frames are those of the UI message stream of the npm package ai, version 6
// (src/ui-message-stream/ui-message-chunks.ts). Its parser takes no frame of
// another type, so that the usage is a frame of type data-usage and the metadata
// of the last one.
package chat
