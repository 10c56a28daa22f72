package wire

import (
	"reflect"
	"strings"
)

// areas are the views by the first segments of their paths: what is asked for
// below a view's paths, and is not there, is answered as the view's clients know
// it. The value is nil where several views have operations.
type areas map[string]ErrorBody

// mostSegments is how many segments of a path tell whose it is.
const mostSegments = 3

func areasOf(ops []Operation) areas {
	a := areas{}
	for i := range ops {
		for prefix := range prefixes(ops[i].Path) {
			had, known := a[prefix]
			if !known {
				a[prefix] = ops[i].ErrorBody
			} else if reflect.ValueOf(had).Pointer() != reflect.ValueOf(ops[i].ErrorBody).Pointer() {
				a[prefix] = nil
			}
		}
	}
	return a
}

// of is how errors are rendered below the path; nil: as the router does.
func (a areas) of(path string) (body ErrorBody) {
	for prefix := range prefixes(path) {
		own, known := a[prefix]
		if !known {
			break
		}
		body = own
	}
	return body
}

// prefixes yields the first segments of a path, up to a parameter: /a, /a/b.
func prefixes(path string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for at, n := 1, 0; n < mostSegments && at <= len(path); n++ {
			next := strings.IndexByte(path[at:], '/')
			if next < 0 {
				next = len(path) - at
			}
			if strings.HasPrefix(path[at:], "{") || next == 0 || !yield(path[:at+next]) {
				return
			}
			at += next + 1
		}
	}
}
