// Package search makes entities findable by text and by meaning: a follower of
// the log.
package search
