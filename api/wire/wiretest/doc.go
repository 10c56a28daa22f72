// Package wiretest is what the tests of views have in common: the wire scripts of
// testdata/wire, whose README tells the notation, and the bad requests that follow
// from what an operation says of its parameters and its body, and reading answers.
package wiretest
