// Package limit bounds how often each of many keys may try something.
//
// # Laws
//
//   - Each key has a token bucket. An attempt takes a token before it begins, so
//     that attempts at the same time cannot share one, and one that did no harm
//     gives it back.
//   - Memory is bounded: past [Options.Keys] the key that was used least recently
//     is forgotten. Who would have a key forgotten must use as many others, and
//     is bounded under those.
package limit
