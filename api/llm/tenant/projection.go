package tenant

import (
	"iter"

	"stemma/api/llm/agent"
	"stemma/entity"
)

// name of the projection and its rows.
const name = "tenants"

const (
	spaceTenant   = 't'
	spaceSlug     = 's'
	spaceBelow    = 'c'
	spaceProvider = 'p'
	spaceBase     = 'k'
)

const idLength = 26

// KindKnowledgeBase is the property kind of a collection that is one.
const KindKnowledgeBase = "knowledge_base"

// Projection keeps the rows. It has no memory state.
type Projection struct{ entity.RowsOnly }

// Name implements [entity.Projection].
func (Projection) Name() string { return name }

// Version implements [entity.Projection].
func (Projection) Version() int { return 1 }

// Apply implements [entity.Projection].
func (Projection) Apply(t entity.Transition, w entity.RowWriter) error {
	before, after := t.Live()
	entity.MoveRows(w, rows(before), rows(after))
	return nil
}

// rows of one version.
func rows(m *entity.Manifest) (out []entity.Row) {
	if m == nil {
		return nil
	}
	add := func(value string, space byte, parts ...string) {
		key := []byte{space}
		for _, p := range parts {
			key = append(key, p...)
		}
		out = append(out, entity.Row{Key: key, Value: []byte(value)})
	}
	switch m.Type {
	case entity.TypeTenant:
		status := agent.StatusActive
		if !agent.Active(m) {
			status = agent.StatusInactive
		}
		add(status, spaceTenant, string(m.ID))
		if slug := Slug(m); slug != "" {
			add(string(m.ID), spaceSlug, slug)
		}
		if up := agent.Peer(m, entity.PredicateParent); len(up) == idLength {
			add("", spaceBelow, string(up), string(m.ID))
		}
	case agent.TypeProvider:
		add("", spaceProvider, string(m.ID))
	case entity.TypeCollection:
		if in := agent.Peer(m, entity.PredicateTenant); m.Properties["kind"] == KindKnowledgeBase && len(in) == idLength {
			add(m.Label(), spaceBase, string(in), string(m.ID))
		}
	}
	return out
}

// Entry is an entity that the projection lists.
type Entry struct {
	ID   entity.ID
	Text string // a tenant's status, a knowledge base's name
}

func scan(r entity.Reader, space byte, under entity.ID) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for row, err := range r.Rows(name).Scan(append([]byte{space}, under...), nil) {
			if err != nil {
				yield(Entry{}, err)
				return
			}
			if !yield(Entry{entity.ID(row.Key[len(row.Key)-idLength:]), string(row.Value)}, nil) {
				return
			}
		}
	}
}

// All are the tenants there are, oldest first.
func All(r entity.Reader) iter.Seq2[Entry, error] { return scan(r, spaceTenant, "") }

// Below are the tenants right below one.
func Below(r entity.Reader, id entity.ID) iter.Seq2[Entry, error] { return scan(r, spaceBelow, id) }

// Providers are the operator's.
func Providers(r entity.Reader) iter.Seq2[Entry, error] { return scan(r, spaceProvider, "") }

// KnowledgeBases are those of a tenant.
func KnowledgeBases(r entity.Reader, id entity.ID) iter.Seq2[Entry, error] {
	return scan(r, spaceBase, id)
}

// WithBelow is a tenant and all below it, at most ten levels.
func WithBelow(r entity.Reader, id entity.ID) ([]entity.ID, error) {
	all, seen := []entity.ID{id}, map[entity.ID]bool{id: true}
	level := all
	for depth := 0; len(level) > 0 && depth < agent.MostLevels; depth++ {
		var next []entity.ID
		for _, up := range level {
			for e, err := range Below(r, up) {
				if err != nil {
					return nil, err
				}
				if !seen[e.ID] {
					seen[e.ID] = true
					next = append(next, e.ID)
				}
			}
		}
		all, level = append(all, next...), next
	}
	return all, nil
}

// BySlug is the tenant that has a slug, "" for none.
func BySlug(r entity.Reader, slug string) (entity.ID, error) {
	id, err := r.Rows(name).Get(append([]byte{spaceSlug}, slug...))
	return entity.ID(id), err
}
