package wire

import (
	"reflect"
	"strings"
)

// bodies is a tree of the operations' paths, by segment. It tells which view's
// clients ask for a path that no operation has: those of the view that has all
// operations below the longest beginning of the path which leads to any.
type bodies struct {
	render   ErrorBody
	mixed    bool // several views have operations here, or below
	children map[string]*bodies
}

// anySegment is a parameter's place in the tree: no segment of a path is it.
const anySegment = "/"

func segments(path string) []string { return strings.Split(strings.Trim(path, "/"), "/") }

// add takes an operation into the tree.
func (b *bodies) add(op *Operation) {
	render := op.ErrorBody
	b.take(render)
	for _, s := range segments(op.Path) {
		if strings.Contains(s, "{") {
			s = anySegment
		}
		next := b.children[s]
		if next == nil {
			if b.children == nil {
				b.children = map[string]*bodies{}
			}
			next = &bodies{render: render}
			b.children[s] = next
		}
		next.take(render)
		b = next
	}
}

func (b *bodies) take(render ErrorBody) {
	if reflect.ValueOf(b.render).Pointer() != reflect.ValueOf(render).Pointer() {
		b.mixed = true
	}
}

// of is how errors at a path are rendered; nil is as the router does.
func (b *bodies) of(path string) ErrorBody {
	for _, s := range segments(path) {
		next := b.children[s]
		if next == nil {
			next = b.children[anySegment]
		}
		if next == nil {
			break
		}
		b = next
	}
	if b.mixed {
		return nil
	}
	return b.render
}
