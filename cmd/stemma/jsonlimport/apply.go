package jsonlimport

import (
	"slices"

	"stemma/entity"
)

// apply does what a chunk's lines say. Lines that the rules forbid are refused
// one by one; an error is one of the whole.
func (a *attempt) apply(tx entity.Tx) error {
	a.out.counts.Lines = int64(len(a.chunk.lines))
	for _, r := range a.chunk.bad {
		a.refuse(r.lineRef, r.Message)
	}
	owners := make(map[*item]*ownLine)
	for _, g := range a.chunk.groups {
		if g.owner != nil {
			owners[g.owner.item] = g.owner
		}
	}
	held := make(map[*ownLine]bool) // whose edges are in version 1
	known := make(map[entity.ID]error)
	for _, it := range a.chunk.entities {
		o := owners[it]
		with, err := a.entity(tx, it, o, known)
		if err != nil {
			return err
		}
		if with {
			held[o] = true
		}
	}
	for _, g := range a.chunk.groups {
		edges := g.edges
		if held[g.owner] {
			edges = edges[len(g.owner.edges):]
		}
		if err := a.relate(tx, g.source, edges); err != nil {
			return err
		}
	}
	slices.SortFunc(a.out.refused, func(x, y refusal) int { return int(x.No - y.No) })
	slices.SortFunc(a.out.later, func(x, y lineRef) int { return int(x.No - y.No) })
	return nil
}

func (a *attempt) refuse(l lineRef, message string) {
	a.out.counts.Refused++
	a.out.refused = append(a.out.refused, refusal{lineRef: l, Message: message})
}

// entity creates an entity, with the relationships of its own lines if it can;
// with tells whether they are in.
func (a *attempt) entity(tx entity.Tx, it *item, o *ownLine, known map[entity.ID]error) (with bool, err error) {
	if refused, err := checkCollections(tx, it, known); refused != nil || err != nil {
		if refused != nil {
			a.refuse(it.lineRef, message(refused))
		}
		return false, err
	}
	if o != nil && len(o.edges) > 0 {
		_, err := tx.Create(o.draft)
		if err == nil {
			a.out.counts.Entities++
			a.out.counts.Relationships += int64(len(o.draft.Relationships))
			return true, nil
		}
		if !lineError(err) {
			return false, err
		}
	}
	_, err = tx.Create(it.draft)
	switch {
	case err == nil:
		a.out.counts.Entities++
		a.out.counts.Relationships += int64(len(it.draft.Relationships))
	case entity.KindOf(err) == entity.KindExists:
		return false, a.repeated(tx, it)
	case lineError(err):
		a.refuse(it.lineRef, message(err))
	default:
		return false, err
	}
	return false, nil
}

// lineError tells whether an error is about one line and not about the store.
func lineError(err error) bool {
	switch entity.KindOf(err) {
	case entity.KindInvalid, entity.KindTooLarge, entity.KindExists:
		return true
	}
	return false
}

// checkCollections tells why an entity cannot be where its line puts it.
func checkCollections(tx entity.Tx, it *item, known map[entity.ID]error) (refused, err error) {
	for _, id := range it.collections {
		why, seen := known[id]
		if !seen {
			h, err := tx.Head(id)
			switch {
			case err != nil && entity.KindOf(err) != entity.KindNotFound:
				return nil, err
			case err != nil:
				why = entity.Invalid(op, "unknown collection %s; the line of a collection comes before those of what is in it", id)
			case h.Type != entity.TypeCollection:
				why = entity.Invalid(op, "%s is not a collection, it is a %s", id, h.Type)
			case h.Deleted:
				why = entity.Invalid(op, "the collection %s was deleted", id)
			}
			known[id] = why
		}
		if why != nil {
			return why, nil
		}
	}
	return nil, nil
}

// repeated passes over a line whose entity began as the line says, and refuses
// it otherwise.
func (a *attempt) repeated(tx entity.Tx, it *item) error {
	c, err := tx.VersionAt(it.draft.ID, 1)
	if err != nil {
		return err
	}
	first, err := tx.Manifest(c)
	if err != nil {
		return err
	}
	if begins(first, it.draft) {
		a.out.counts.Known++
		return nil
	}
	a.refuse(it.lineRef, "duplicate: entity "+string(it.draft.ID)+" is there already and began as something else; to change an entity use the API")
	return nil
}

// begins tells whether a first version holds what a line says. It may hold more
// relationships, which came with lines of their own.
func begins(first *entity.Manifest, d entity.Draft) bool {
	props := d.Properties
	if props == nil {
		props = entity.Properties{}
	}
	if first.Type != d.Type || !entity.EqualValues(first.Properties, props) {
		return false
	}
	held := index(first)
	for _, r := range d.Relationships {
		if _, ok := held[edge{r.Predicate, r.Peer}]; !ok {
			return false
		}
	}
	return true
}

type edge struct {
	predicate entity.Predicate
	peer      entity.ID
}

// index finds a manifest's relationships.
func index(m *entity.Manifest) map[edge]int {
	at := make(map[edge]int, len(m.Relationships))
	for i, r := range m.Relationships {
		at[edge{r.Predicate, r.Peer}] = i
	}
	return at
}

// relate adds relationships to an entity that is there, as one version.
func (a *attempt) relate(tx entity.Tx, source entity.ID, edges []*item) error {
	if len(edges) == 0 {
		return nil
	}
	h, err := tx.Head(source)
	switch {
	case entity.KindOf(err) == entity.KindNotFound && err != nil && !a.deferred:
		for _, it := range edges {
			a.out.later = append(a.out.later, it.lineRef)
		}
		return nil
	case entity.KindOf(err) == entity.KindNotFound && err != nil:
		return a.refuseEach(edges, "unknown source "+string(source)+": there is no such entity, and no line makes it")
	case err != nil:
		return err
	case h.Deleted:
		return a.refuseEach(edges, "the source "+string(source)+" was deleted")
	}
	now, err := tx.Manifest(h.CID())
	if err != nil {
		return err
	}
	fresh, added := a.news(now, edges)
	if len(fresh) == 0 {
		return nil
	}
	_, err = tx.Put(source, entity.Any, func(m *entity.Manifest) error { return m.Relate(edits(fresh)...) })
	switch {
	case err == nil:
		a.out.counts.Updated++
		a.out.counts.Relationships += int64(added)
	case !lineError(err):
		return err
	case len(fresh) == 1:
		a.refuse(fresh[0].lineRef, message(err))
	default: // too many bytes: what fits goes in
		half := len(fresh) / 2
		if err := a.relate(tx, source, fresh[:half]); err != nil {
			return err
		}
		return a.relate(tx, source, fresh[half:])
	}
	return nil
}

func (a *attempt) refuseEach(edges []*item, message string) error {
	for _, it := range edges {
		a.refuse(it.lineRef, message)
	}
	return nil
}

// news leaves out the relationships that m has already, and refuses those that
// it has no room for. added counts those that are not changes of one there is.
func (a *attempt) news(m *entity.Manifest, edges []*item) (fresh []*item, added int) {
	held := index(m)
	for _, it := range edges {
		at, there := held[edge{it.edit.Predicate, it.edit.Peer}]
		switch {
		case there && at >= 0 && covers(m.Relationships[at], it.edit):
			a.out.counts.Known++
			continue
		case !there && len(held) >= entity.MaxRelationships:
			a.refuse(it.lineRef, "the source has as many relationships as an entity can hold (10,000); let the many point at the one instead")
			continue
		case !there:
			held[edge{it.edit.Predicate, it.edit.Peer}] = -1
			added++
		}
		fresh = append(fresh, it)
	}
	return fresh, added
}

// covers tells whether an edit would change nothing.
func covers(r entity.Relationship, e entity.RelationshipEdit) bool {
	if e.PeerType != "" && e.PeerType != r.PeerType || e.PeerLabel != "" && e.PeerLabel != r.PeerLabel {
		return false
	}
	if len(e.Properties) == 0 {
		return true
	}
	merged := entity.CloneProperties(r.Properties)
	entity.Merge(merged, e.Properties)
	return entity.EqualValues(merged, entity.CloneProperties(r.Properties))
}
