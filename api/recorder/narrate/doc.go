// Package narrate tells a run as sentences, by templates: the same entries give
// the same words.
package narrate
