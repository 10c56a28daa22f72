package events

import "stemma/entity"

// Filter says which events are wanted. An event passes when it passes every
// field that is set; a list passes what is in it. The zero value passes every
// version of everything, and no chain blocks.
type Filter struct {
	Types       []string
	Collections []entity.ID // by the collection of the entity at the time; a collection is in itself
	Entities    []entity.ID
	Kinds       []entity.ChangeKind
	Chains      bool // pass blocks of chains; naming [entity.Appended] in Kinds does too
}

// matcher is a filter made ready for many events. A nil set passes everything.
type matcher struct {
	types       map[string]struct{}
	collections map[entity.ID]struct{}
	entities    map[entity.ID]struct{}
	kinds       uint32 // bit k: kind k passes
}

func (f *Filter) matcher() matcher {
	m := matcher{types: setOf(f.Types), collections: setOf(f.Collections), entities: setOf(f.Entities)}
	for _, k := range f.Kinds {
		m.kinds |= 1 << k
	}
	if len(f.Kinds) == 0 {
		m.kinds = ^uint32(1 << entity.Appended)
	}
	if f.Chains {
		m.kinds |= 1 << entity.Appended
	}
	return m
}

func (m *matcher) passes(c *entity.Change) bool {
	return m.kinds&(1<<c.Kind) != 0 && in(m.types, c.Type) && in(m.entities, c.ID) && in(m.collections, c.Collection)
}

func setOf[T comparable](list []T) map[T]struct{} {
	if len(list) == 0 {
		return nil
	}
	set := make(map[T]struct{}, len(list))
	for _, x := range list {
		set[x] = struct{}{}
	}
	return set
}

func in[T comparable](set map[T]struct{}, x T) bool {
	if set == nil {
		return true
	}
	_, ok := set[x]
	return ok
}
