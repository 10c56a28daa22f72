// Package ui is the web application: what a person uses, served by the server's own
// binary at / and /app/.
//
// It has no power of its own. What it shows and does goes through the public HTTP
// API with the user's credential, so that whatever it can do a script can do.
//
// # Laws
//
//   - The folder dist, which `make ui` fills, is embedded. A binary that was built
//     without it says on its page how to build it, and serves everything else.
//   - No page loads from, or sends to, any other host: the Content-Security-Policy
//     says so, and lets no inline script run.
//   - Files whose names hold a hash are cached for ever, the page never.
package ui
