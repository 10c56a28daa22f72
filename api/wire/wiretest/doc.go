// Package wiretest runs conversations with a handler that are written down as
// text: the wire scripts of testdata/wire, whose README tells the notation.
package wiretest
