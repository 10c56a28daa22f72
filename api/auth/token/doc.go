// Package token signs and verifies the access tokens of this server: JSON Web
// Tokens with an Ed25519 signature (RFC 7519, RFC 8037, RFC 9068).
//
// # Laws
//
//   - The algorithm is EdDSA. What a token says about its algorithm is compared
//     with that and chooses nothing.
//   - Each network has keys of its own, and a token names its network in a claim
//     that is signed: the token of one network proves nothing in the other.
//   - Signatures are deterministic; nothing here draws at random but [NewKey].
//   - A token has at most [MaxSize] bytes; a longer one is not looked at.
package token
