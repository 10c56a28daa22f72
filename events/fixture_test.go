package events_test

import (
	"fmt"
	"slices"
	"testing"

	"stemma/entity"
	"stemma/entity/storetest"
	"stemma/events"
)

var author = entity.Actor{UserID: "01JQ00000000000000000AVTHR", Method: entity.MethodManual}

const (
	collectionA entity.ID = "01JQ0000000000000000000000"
	collectionB entity.ID = "01JQ0000000000000000000001"
)

// open makes an empty store whose clock stands still. Closures run twice, as
// they may in any store.
func open(tb testing.TB) *storetest.Oracle {
	tb.Helper()
	s, err := storetest.NewOracle(storetest.Options{Clock: storetest.NewClock().Now, Entropy: storetest.Entropy(1), Rehearse: true})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func update(tb testing.TB, s entity.Store, fn func(entity.Tx) error) entity.Seq {
	tb.Helper()
	seq, err := s.Update(tb.Context(), author, fn)
	if err != nil {
		tb.Fatalf("Update: %v", err)
	}
	return seq
}

// draft is an entity of a type in a collection.
func draft(typ string, collection entity.ID) entity.Draft {
	return entity.Draft{
		Type: typ, Properties: entity.Properties{"label": "x"},
		Relationships: []entity.Relationship{{Predicate: entity.PredicateCollection, Peer: collection}},
	}
}

func touch(m *entity.Manifest) error { return nil }

func bury(m *entity.Manifest) error {
	m.Bury(entity.Tombstone{DeletedAt: m.CreatedAt, DeletedBy: author.UserID, OriginalVer: m.Ver})
	return nil
}

func revive(m *entity.Manifest) error {
	m.Properties = entity.Properties{"label": "x"}
	return nil
}

// fill commits records of 1 to 9 changes, of every kind, over two types and
// two collections, and gives the entities.
func fill(tb testing.TB, s entity.Store) (ids []entity.ID) {
	for n := range 9 {
		var made entity.ID
		update(tb, s, func(tx entity.Tx) error {
			d := draft([]string{"person", "place"}[n%2], []entity.ID{collectionA, collectionB}[n/2%2])
			v, err := tx.Create(d)
			if err != nil {
				return err
			}
			made = v.Manifest.ID
			for i := range n {
				switch i % 5 {
				case 1:
					_, err = tx.Append(made, "log", entity.Any, nil)
				case 2:
					_, err = tx.Put(made, entity.Any, bury)
				case 3:
					_, err = tx.Put(made, entity.Any, revive)
				default:
					_, err = tx.Put(made, entity.Any, touch)
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
		ids = append(ids, made)
	}
	return ids
}

// naive gives every event that passes keep, ascending, straight from the log.
func naive(tb testing.TB, s entity.Store, keep func(entity.Change) bool) (list []events.Event) {
	tb.Helper()
	err := s.View(tb.Context(), func(r entity.Reader) error {
		for rec, err := range r.Log(0) {
			if err != nil {
				return err
			}
			for i, c := range rec.Changes {
				if keep(c) {
					list = append(list, events.Event{
						ID: rec.Seq + entity.Seq(i), Entity: c.ID, Block: c.New, TS: rec.At, Kind: c.Kind, Type: c.Type,
						Ver: c.Ver, Chain: c.Chain, Collection: c.Collection, Actor: rec.Actor,
					})
				}
			}
		}
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return list
}

func versions(c entity.Change) bool { return c.Kind != entity.Appended }

// filters are cases of a filter and the same said of a change.
func filters(ids []entity.ID) map[string]struct {
	filter events.Filter
	keep   func(entity.Change) bool
} {
	type row = struct {
		filter events.Filter
		keep   func(entity.Change) bool
	}
	return map[string]row{
		"none":       {events.Filter{}, versions},
		"chains":     {events.Filter{Chains: true}, func(entity.Change) bool { return true }},
		"type":       {events.Filter{Types: []string{"person"}}, func(c entity.Change) bool { return versions(c) && c.Type == "person" }},
		"two types":  {events.Filter{Types: []string{"person", "place"}}, versions},
		"no type":    {events.Filter{Types: []string{"absent"}}, func(entity.Change) bool { return false }},
		"collection": {events.Filter{Collections: []entity.ID{collectionB}}, func(c entity.Change) bool { return versions(c) && c.Collection == collectionB }},
		"entity":     {events.Filter{Entities: ids[6:7]}, func(c entity.Change) bool { return versions(c) && c.ID == ids[6] }},
		"entities":   {events.Filter{Entities: ids[3:8], Chains: true}, func(c entity.Change) bool { return slices.Contains(ids[3:8], c.ID) }},
		"kinds": {events.Filter{Kinds: []entity.ChangeKind{entity.Deleted, entity.Restored}}, func(c entity.Change) bool {
			return c.Kind == entity.Deleted || c.Kind == entity.Restored
		}},
		"kind append": {events.Filter{Kinds: []entity.ChangeKind{entity.Appended}}, func(c entity.Change) bool { return c.Kind == entity.Appended }},
		"all": {
			events.Filter{Types: []string{"place"}, Collections: []entity.ID{collectionA}, Kinds: []entity.ChangeKind{entity.Updated}},
			func(c entity.Change) bool {
				return c.Type == "place" && c.Collection == collectionA && c.Kind == entity.Updated
			},
		},
	}
}

func wantEvents(tb testing.TB, what string, got, want []events.Event) {
	tb.Helper()
	if slices.Equal(got, want) {
		return
	}
	tb.Errorf("%s: %s\nwant %s", what, numbers(got), numbers(want))
}

func numbers(list []events.Event) string {
	ids := make([]entity.Seq, len(list))
	for i, e := range list {
		ids[i] = e.ID
	}
	return fmt.Sprint(ids)
}
