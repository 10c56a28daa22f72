// Package tools calls tools for language models, at servers that speak the Model
// Context Protocol over streamable HTTP.
//
// # Laws
//
//   - A [Set] is of one turn: it finds out what the servers have, calls what the
//     model asks for, and lets go of its sessions when it is closed.
//   - A server that does not answer takes none of the others with it: its tools
//     are missing, and a call of one has an error for its result, which the model
//     reads.
//   - A server's token is sent to the URL that it was set for and to no other.
//   - Servers of tenants are reached at public addresses alone, unless the
//     operator says otherwise.
package tools
