// Package auth finds out who is calling: it turns a request's credential into
// an access.Principal.
//
// # Laws
//
//   - A key is 256 random bits, shown once and kept as its SHA-256 in the
//     store's secret space, under "key/<hex of the hash>".
//   - A credential that proves nothing is KindUnauthenticated, also where none
//     was needed.
//   - A key counts from the moment it is answered and is void from the moment
//     its revocation is: both are read from the committed state, nothing is
//     cached.
package auth
