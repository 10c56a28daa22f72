// Package password turns passwords into hashes that may be kept, and checks
// passwords against them.
//
// # Laws
//
//   - A hash is argon2id (RFC 9106) in the PHC string form, with 19 MiB, two
//     passes and one lane, the first of OWASP's equivalent choices; hashes of
//     other parameters are checked as they were made.
//   - Checking takes the same work whether there is an account or not: where
//     there is none, the password is checked against a hash that nothing has.
//   - At most [Options.Parallel] hashes are made at a time, as each takes 19 MiB
//     and a core for tens of milliseconds, and only so many callers wait for
//     their turn; the others are told to come back.
package password
