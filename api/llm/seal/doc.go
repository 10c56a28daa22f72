// Package seal keeps secrets under a master key: the keys of providers, and what
// a tenant wants kept sealed.
//
// # Form
//
//	byte 0       1, the form
//	bytes 1-4    which master key: the first bytes of its HMAC-SHA256 over "stemma key id"
//	bytes 5-28   nonce, random
//	the rest     XChaCha20-Poly1305; associated data is the record's name
//
// # Laws
//
//   - A sealed value opens under its record's name and no other: what is copied
//     from one record to another does not open there.
//   - Each tenant's key is derived from the master key and the tenant's id
//     (HKDF-SHA256), so that what one tenant's key opens is that tenant's alone.
//   - A value of another master key is told from a damaged one: the first names
//     which key it wants.
package seal
