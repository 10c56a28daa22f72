package archive

import (
	"math"

	"stemma/entity"
	"stemma/entity/listing"
)

// Selection says what to export: one entity, a collection, or with neither
// everything.
type Selection struct {
	Entity     entity.ID
	Collection entity.ID
}

func (s Selection) everything() bool { return s == Selection{} }

// chosen tells of an entity whether it is selected.
type chosen func(entity.ID) bool

func (s Selection) chosen(r entity.Reader) (chosen, error) {
	const op = "archive.Export"
	switch {
	case s.Entity != "" && s.Collection != "":
		return nil, entity.Invalid(op, "an entity or a collection can be exported, not both into one file")
	case s.Entity != "":
		_, err := r.Head(s.Entity)
		return func(id entity.ID) bool { return id == s.Entity }, err
	case s.Collection == "":
		return func(entity.ID) bool { return true }, nil
	}
	h, err := r.Head(s.Collection)
	if err != nil {
		return nil, err
	}
	if h.Type != entity.TypeCollection {
		return nil, entity.Invalid(op, "%s is of type %s; export it as an entity", h.ID, h.Type)
	}
	ids, _, err := listing.Collection(r, s.Collection, "", 0, math.MaxInt, nil)
	if err != nil {
		return nil, err
	}
	set := make(map[entity.ID]struct{}, len(ids)+1)
	set[s.Collection] = struct{}{}
	for _, id := range ids {
		set[id] = struct{}{}
	}
	return func(id entity.ID) bool { _, ok := set[id]; return ok }, nil
}

func (s Selection) rootSet(n entity.Network) (rootSet, error) {
	if s.Entity != "" {
		return &listed{}, nil
	}
	return newIndexed(n)
}
