// Package mask takes out of records what must not be kept: patterns in text, and
// what stands at paths.
//
// A rule has a pattern or a path, or both, and a replacement:
//
//	{"name": "cards", "pattern": "credit_card"}                  a pattern of the table [Named]
//	{"name": "tickets", "pattern": "TICKET-[0-9]+"}              a regular expression (RE2)
//	{"name": "passwords", "path": "$..password"}                 all of what is there
//	{"name": "names", "path": "$.metadata.user.*", "pattern": "…"}  the pattern, there only
//
// Paths are the plain part of JSONPath (RFC 9535): $, .name, ['name'], [0], [*],
// .* and ..name.
//
// # Laws
//
//   - What is masked is a new value: the record that came in is not changed.
//   - Patterns apply to every text at any depth, keys of objects included where
//     no path is given. A text that is JSON itself is masked as text.
//   - Masking what is masked changes nothing more, for the default replacement.
package mask
