package entity

import (
	"errors"
	"fmt"
)

// Kind classifies an error. The list is closed; api/wire maps each kind to an
// HTTP status and a code.
type Kind uint8

// The kinds. The zero value is an internal error, so that a forgotten kind is
// never taken for the caller's fault.
const (
	KindInternal        Kind = iota // a defect or a broken disk; no detail leaves the server
	KindInvalid                     // the request is wrong and will be wrong again
	KindUnauthenticated             // no credential, or one that proves nothing
	KindForbidden                   // a known caller who may not do this
	KindNotFound                    // no such entity, block, version or row
	KindConflict                    // compare-and-swap lost: the tip is another
	KindExists                      // the thing to be created is already there
	KindTooLarge                    // over a bound on size or count
	KindUnsupported                 // a media type or form that is not spoken here
	KindNotImplemented              // known to the language, not served by this build
	KindRateLimited                 // too many requests; try again later
	KindUnavailable                 // a part of the server is not ready; try again
	KindTimeout                     // the deadline passed before an answer was found
	KindCanceled                    // the caller went away
	KindFull                        // the disk or a quota is full
	KindUpstream                    // a server that this one had to ask does not answer as it should
	kindCount
)

// Kinds lists every kind, for tables that must be complete.
func Kinds() []Kind {
	all := make([]Kind, kindCount)
	for i := range all {
		all[i] = Kind(i)
	}
	return all
}

var kindNames = [kindCount]string{"internal", "invalid", "unauthenticated", "forbidden", "not_found", "conflict", "exists",
	"too_large", "unsupported", "not_implemented", "rate_limited", "unavailable", "timeout", "canceled", "full", "upstream"}

// String is the kind's name in logs and metrics.
func (k Kind) String() string {
	if k < kindCount {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// Error is the one error type that crosses packages.
type Error struct {
	Kind    Kind
	Op      string  // package and operation that met it: "store.Update"
	Message string  // for the person who reads the answer; empty for internal errors
	Issues  []Issue // what is wrong where, when the request was checked field by field
	Tips    *Tips   // set on a lost compare-and-swap
	Err     error   // the cause, for errors.Is and the log
}

// ErrHidden is the cause of a KindNotFound that is a refusal: the thing is there,
// and the caller may not know. It never shows; it is for who keeps account of
// refusals.
var ErrHidden = errors.New("hidden from the caller")

// Hidden makes an error of [KindNotFound] for what is there and not to be seen.
// Its message is that of a thing which is not there.
func Hidden(op, format string, args ...any) *Error {
	e := NotFound(op, format, args...)
	e.Err = ErrHidden
	return e
}

// Issue is one thing that is wrong with a request. Path leads to it: strings
// for object keys, ints for array positions.
type Issue struct {
	Path    []any  `json:"path"`
	Message string `json:"message"`
}

// Tips are the two sides of a lost compare-and-swap, as text: what the caller
// expected, in the caller's words, and the tip there is ("none" for none).
// Clients of the specification look for "expected tip A, got B" in the message.
type Tips struct {
	ID               ID
	Expected, Actual string
}

func (e *Error) Error() string {
	s := e.Op
	if e.Message != "" {
		s += ": " + e.Message
	} else {
		s += ": " + e.Kind.String()
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an error of a kind with a message for the caller.
func Errorf(kind Kind, op, format string, args ...any) *Error {
	return &Error{Kind: kind, Op: op, Message: fmt.Sprintf(format, args...)}
}

// Invalid makes an error of [KindInvalid]. The message says what is wrong and
// what would be right.
func Invalid(op, format string, args ...any) *Error { return Errorf(KindInvalid, op, format, args...) }

// NotFound makes an error of [KindNotFound].
func NotFound(op, format string, args ...any) *Error {
	return Errorf(KindNotFound, op, format, args...)
}

// Internal wraps a foreign error. The message stays in the log.
func Internal(op string, err error) *Error { return &Error{Kind: KindInternal, Op: op, Err: err} }

func tipText(c CID) string {
	if !c.Defined() {
		return "none"
	}
	return c.String()
}

// KindOf is the kind of err; of an error that is not an [*Error] it is
// [KindInternal].
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return KindInternal
}
