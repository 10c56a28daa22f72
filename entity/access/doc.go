// Package access decides who may do what: "may this principal take this action
// on this entity" as pure functions of what was read in the transaction at
// hand. It does no I/O.
package access
