package query

import (
	"slices"
	"strings"

	"stemma/entity"
)

// matcher is the exact part of what a stage asks of an entity, in the order in
// which it is looked at: cheapest first, whatever the order in the query.
type matcher struct {
	ids        map[entity.ID]bool // nil for any
	types      []typeTest
	collection entity.ID // "" for any; a look-up
	where      []Condition
}

type typeTest struct {
	list  []string
	names map[string]bool
	not   bool
}

func (t typeTest) describe() string {
	if t.not {
		return "type not " + strings.Join(t.list, ", ")
	}
	return "type " + strings.Join(t.list, ", ")
}

// require adds what a selector asks for, but for its text.
func (m *matcher) require(s *Selector) {
	if s == nil {
		return
	}
	if len(s.IDs) > 0 {
		wanted := make(map[entity.ID]bool, len(s.IDs))
		for _, id := range s.IDs {
			wanted[id] = m.ids == nil || m.ids[id]
		}
		m.ids = wanted
	}
	if len(s.Types) > 0 {
		t := typeTest{list: s.Types, names: make(map[string]bool, len(s.Types)), not: s.Not}
		for _, name := range s.Types {
			t.names[name] = true
		}
		m.types = append(m.types, t)
	}
	m.where = append(m.where, s.Where...)
}

// cheap looks at what the graph itself knows.
func (m *matcher) cheap(id entity.ID, typ string) bool {
	if m.ids != nil && !m.ids[id] {
		return false
	}
	for _, t := range m.types {
		if t.names[typ] == t.not {
			return false
		}
	}
	return true
}

// dear tells whether there is more to look at than the graph knows.
func (m *matcher) dear() bool { return m.collection != "" || len(m.where) > 0 }

// match tells whether a live entity satisfies all of m.
func (r *run) match(m *matcher, id entity.ID, typ string) (bool, error) {
	if !m.cheap(id, typ) {
		return false, nil
	}
	if !m.dear() {
		return true, nil
	}
	if err := r.spend(1); err != nil {
		return false, err
	}
	if m.collection != "" {
		c, err := r.opts.Lookup.Collection(id)
		if err != nil || c != m.collection {
			return false, missingIsFalse(err)
		}
		if !r.shownIn(id, c) {
			return false, nil
		}
	}
	if len(m.where) == 0 {
		return true, nil
	}
	manifest, err := r.opts.Lookup.Manifest(id)
	if err != nil || manifest.Deleted() {
		return false, missingIsFalse(err)
	}
	for _, c := range m.where {
		if !c.holds(manifest.Properties) {
			return false, nil
		}
	}
	return true, nil
}

// shownIn tells whether the source shows that an entity is in its collection: of
// one that is hidden nothing is known to be a member.
func (r *run) shownIn(id, collection entity.ID) bool {
	if r.src.Counted() || id == collection {
		return true
	}
	for e := range r.src.Edges(id, entity.Outgoing, memberOf) {
		if e.To == collection {
			return true
		}
	}
	return false
}

// missingIsFalse: an entity that went away between the graph's state and the
// look-up, or that the look-up does not show, satisfies nothing, and that is no
// error.
func missingIsFalse(err error) error {
	if entity.KindOf(err) == entity.KindNotFound {
		return nil
	}
	return err
}

// holds compares the property at the condition's path with its value.
func (c *Condition) holds(p entity.Properties) bool {
	switch {
	case c.Op == OpNotEqual:
		equal := *c
		equal.Op = OpEqual
		return !equal.holds(p)
	case c.Value == nil:
		return !present(p, c.Path)
	}
	return c.anyHolds(p, c.Path)
}

// present tells whether there is anything but null at the path, in an element
// of each list on the way.
func present(v any, path []string) bool {
	if len(path) == 0 {
		return v != nil
	}
	switch v := v.(type) {
	case map[string]any:
		return present(v[path[0]], path[1:])
	case []any:
		return slices.ContainsFunc(v, func(element any) bool { return present(element, path) })
	}
	return false
}

// anyHolds looks through lists: one element that satisfies is enough.
func (c *Condition) anyHolds(v any, path []string) bool {
	if list, ok := v.([]any); ok {
		return slices.ContainsFunc(list, func(element any) bool { return c.anyHolds(element, path) })
	}
	if len(path) == 0 {
		return c.compare(v)
	}
	object, ok := v.(map[string]any)
	if !ok {
		return false
	}
	inner, ok := object[path[0]]
	return ok && c.anyHolds(inner, path[1:])
}

// compare holds a scalar against the value. A link reads as the text of its
// CID. Values of unlike kinds neither equal nor precede one another.
func (c *Condition) compare(v any) bool {
	if link, ok := v.(entity.Link); ok {
		v = link.String()
	}
	if c.Op == OpContains {
		s, ok := v.(string)
		return ok && strings.Contains(strings.ToLower(s), strings.ToLower(c.Value.(string)))
	}
	order, ok := order(v, c.Value)
	if !ok {
		return false
	}
	switch c.Op {
	case OpEqual:
		return order == 0
	case OpLess:
		return order < 0
	case OpLessEqual:
		return order <= 0
	case OpGreater:
		return order > 0
	}
	return order >= 0
}

// order compares two scalars; ok is false when they are of unlike kinds.
func order(a, b any) (sign int, ok bool) {
	switch a := a.(type) {
	case string:
		b, ok := b.(string)
		return strings.Compare(a, b), ok
	case bool:
		b, ok := b.(bool)
		if a != b {
			return 1, ok
		}
		return 0, ok
	case int64, float64:
		return orderNumbers(a, b)
	}
	return 0, false
}
