package entity_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stemma/entity"
)

const (
	idA = entity.ID("01JH8Z0Y6V5RZ4Q8Q9V4T2W3XA")
	idB = entity.ID("01JH8Z0Y6V5RZ4Q8Q9V4T2W3XB")
	idC = entity.ID("01JH8Z0Y6V5RZ4Q8Q9V4T2W3XC")
)

// sample is a valid manifest with properties and relationships from JSON, an
// array of {predicate, peer, …}.
func sample(t testing.TB, properties string, rels ...entity.Relationship) *entity.Manifest {
	t.Helper()
	p, err := entity.ParseJSON([]byte(properties), 0)
	if err != nil {
		t.Fatal(err)
	}
	return &entity.Manifest{
		Schema: entity.Schema, ID: idA, Type: "letter", CreatedAt: "2026-11-22T07:00:00.000Z", Ver: 1, TS: 1795330800000,
		Properties: p.(map[string]any), Relationships: append([]entity.Relationship{}, rels...),
		EditedBy: entity.Actor{UserID: idB, Method: entity.MethodManual},
	}
}

func rel(p entity.Predicate, peer entity.ID) entity.Relationship {
	return entity.Relationship{Predicate: p, Peer: peer}
}

func add(r entity.Relationship, remove any) entity.RelationshipEdit {
	return entity.RelationshipEdit{Relationship: r, PropertiesRemove: remove}
}

// arke-notes 3.4: the key is (predicate, peer); properties merge; the peer's
// type and label are replaced where given; order of first appearance is kept.
func TestRelate(t *testing.T) {
	props := func(text string) entity.Properties { return object(t, text) }
	full := entity.Relationship{Predicate: "cites", Peer: idB, PeerType: "letter", PeerLabel: "Old", Properties: props(`{"page":1,"at":{"x":1,"y":2}}`)}
	with := func(edit func(*entity.Relationship)) entity.Relationship {
		r := full
		edit(&r)
		return r
	}
	for name, tt := range map[string]struct {
		before []entity.Relationship
		edits  []entity.RelationshipEdit
		want   []entity.Relationship
	}{
		"new": {nil, []entity.RelationshipEdit{add(full, nil)}, []entity.Relationship{full}},
		"at the end, in order": {
			[]entity.Relationship{rel("in", idB)},
			[]entity.RelationshipEdit{add(rel("z", idB), nil), add(rel("a", idB), nil)},
			[]entity.Relationship{rel("in", idB), rel("z", idB), rel("a", idB)}},
		"same predicate, other peer": {
			[]entity.Relationship{rel("in", idB)},
			[]entity.RelationshipEdit{add(rel("in", idC), nil)},
			[]entity.Relationship{rel("in", idB), rel("in", idC)}},
		"again changes nothing": {
			[]entity.Relationship{full}, []entity.RelationshipEdit{add(rel("cites", idB), nil)}, []entity.Relationship{full}},
		"twice in one edit is one": {
			nil,
			[]entity.RelationshipEdit{add(rel("in", idB), nil), add(entity.Relationship{Predicate: "in", Peer: idB, PeerLabel: "L"}, nil)},
			[]entity.Relationship{{Predicate: "in", Peer: idB, PeerLabel: "L"}}},
		"label replaced, the rest kept, in place": {
			[]entity.Relationship{full, rel("in", idC)},
			[]entity.RelationshipEdit{add(entity.Relationship{Predicate: "cites", Peer: idB, PeerLabel: "New"}, nil)},
			[]entity.Relationship{with(func(r *entity.Relationship) { r.PeerLabel = "New" }), rel("in", idC)}},
		"properties merge deep": {
			[]entity.Relationship{full},
			[]entity.RelationshipEdit{add(entity.Relationship{Predicate: "cites", Peer: idB, Properties: props(`{"at":{"y":5},"n":null}`)}, nil)},
			[]entity.Relationship{with(func(r *entity.Relationship) {
				r.Properties = props(`{"page":1,"at":{"x":1,"y":5},"n":null}`)
			})}},
		"removal before merge": {
			[]entity.Relationship{full},
			[]entity.RelationshipEdit{add(entity.Relationship{Predicate: "cites", Peer: idB, Properties: props(`{"at":{"z":3}}`)}, parse(t, `["at"]`))},
			[]entity.Relationship{with(func(r *entity.Relationship) { r.Properties = props(`{"page":1,"at":{"z":3}}`) })}},
		"no property left is none": {
			[]entity.Relationship{full},
			[]entity.RelationshipEdit{add(rel("cites", idB), parse(t, `["page","at"]`))},
			[]entity.Relationship{with(func(r *entity.Relationship) { r.Properties = nil })}},
		"removal from none is none": {
			[]entity.Relationship{rel("in", idB)},
			[]entity.RelationshipEdit{add(rel("in", idB), parse(t, `["x"]`))},
			[]entity.Relationship{rel("in", idB)}},
	} {
		t.Run(name, func(t *testing.T) {
			m := sample(t, `{}`, tt.before...).Clone()
			if err := m.Relate(tt.edits...); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, m.Relationships); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			for _, r := range m.Relationships {
				scribble(r.Properties)
			}
			if diff := cmp.Diff(props(`{"page":1,"at":{"x":1,"y":2}}`), full.Properties); diff != "" {
				t.Errorf("changing the result changed the source: %s", diff)
			}
		})
	}
}

func TestUnrelate(t *testing.T) {
	before := []entity.Relationship{rel("in", idA), rel("cites", idA), rel("cites", idB), rel("cites", "*")}
	for name, tt := range map[string]struct {
		ref  entity.RelationshipRef
		want []entity.Relationship
	}{
		"one":                {entity.RelationshipRef{Predicate: "cites", Peer: idA}, []entity.Relationship{rel("in", idA), rel("cites", idB), rel("cites", "*")}},
		"all of a predicate": {entity.RelationshipRef{Predicate: "cites"}, []entity.Relationship{rel("in", idA)}},
		"the wildcard only":  {entity.RelationshipRef{Predicate: "cites", Peer: "*"}, []entity.Relationship{rel("in", idA), rel("cites", idA), rel("cites", idB)}},
		"absent peer":        {entity.RelationshipRef{Predicate: "in", Peer: idB}, before},
		"absent predicate":   {entity.RelationshipRef{Predicate: "cite"}, before},
	} {
		t.Run(name, func(t *testing.T) {
			m := sample(t, `{}`, before...)
			if some := m.Unrelate(tt.ref); some != (len(tt.want) < len(before)) {
				t.Errorf("Unrelate tells %v", some)
			}
			if diff := cmp.Diff(tt.want, m.Relationships); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// Removals come before additions, in properties and in relationships: one edit
// replaces a subtree and moves an entity between collections.
func TestEditApply(t *testing.T) {
	m := sample(t, `{"flow":{"a":1,"b":2},"keep":true}`, rel("collection", idB), rel("cites", idB))
	m.Note = "old"
	edit := entity.Edit{
		Properties:          object(t, `{"flow":{"c":3}}`),
		PropertiesRemove:    parse(t, `["flow"]`),
		RelationshipsAdd:    []entity.RelationshipEdit{add(rel("collection", idC), nil)},
		RelationshipsRemove: []entity.RelationshipRef{{Predicate: "collection", Peer: idB}, {Predicate: "absent"}},
		Note:                "moved",
	}
	if err := edit.Apply(m); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(object(t, `{"flow":{"c":3},"keep":true}`), m.Properties); diff != "" {
		t.Errorf("properties -want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]entity.Relationship{rel("cites", idB), rel("collection", idC)}, m.Relationships); diff != "" {
		t.Errorf("relationships -want +got:\n%s", diff)
	}
	if m.Note != "moved" || m.Collection() != idC {
		t.Errorf("note %q, collection %s", m.Note, m.Collection())
	}
	scribble(m.Properties)
	if !entity.EqualValues(any(edit.Properties), parse(t, `{"flow":{"c":3}}`)) {
		t.Errorf("changing the manifest changed the edit: %v", edit.Properties)
	}
	if err := (entity.Edit{}).Apply(m); err != nil || m.Note != "" {
		t.Errorf("an empty edit: %v, note %q", err, m.Note)
	}
}

func TestEditApplyRefuses(t *testing.T) {
	for name, e := range map[string]entity.Edit{
		"properties_remove":                   {PropertiesRemove: "label"},
		"properties_remove of a relationship": {RelationshipsAdd: []entity.RelationshipEdit{add(rel("in", idB), int64(1))}},
	} {
		err := e.Apply(sample(t, `{}`))
		var x *entity.Error
		if !errors.As(err, &x) || x.Kind != entity.KindInvalid || len(x.Issues) == 0 || !strings.Contains(x.Issues[0].Message, "array of keys") {
			t.Errorf("%s: %v; want KindInvalid with an issue", name, err)
		}
	}
}

// arke-notes 1.5.
func TestTombstone(t *testing.T) {
	m := sample(t, `{"label":"Letter"}`, rel("collection", idC))
	if _, ok := m.Tombstone(); ok || m.Deleted() {
		t.Fatal("a live manifest is taken for a tombstone")
	}
	for _, want := range []entity.Tombstone{
		{DeletedAt: "2026-11-22T07:00:00.000Z", DeletedBy: idB, Reason: "duplicate", OriginalVer: 7},
		{DeletedAt: "2026-11-22T07:00:00.000Z", DeletedBy: idB, OriginalVer: 1},
	} {
		grave := m.Clone()
		grave.Ver, grave.Prev = want.OriginalVer+1, &entity.Link{CID: entity.SumBlock(nil)}
		grave.Bury(want)
		if got, ok := grave.Tombstone(); !ok || got != want || !grave.Deleted() {
			t.Errorf("Tombstone() = %+v, %v; want %+v", got, ok, want)
		}
		if grave.Relationships == nil || len(grave.Relationships) != 0 || len(grave.Properties) != 1 || grave.Label() != "" || grave.Collection() != "" {
			t.Errorf("something is left: %v %v", grave.Properties, grave.Relationships)
		}
		if stone := grave.Properties[entity.TombstoneKey].(map[string]any); (stone["reason"] != nil) != (want.Reason != "") {
			t.Errorf("an absent reason is written: %v", stone)
		}
		block, _, err := grave.Seal()
		if err != nil {
			t.Fatal(err)
		}
		back, err := entity.DecodeManifest(block)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := back.Tombstone(); !ok || got != want {
			t.Errorf("after a round trip %+v, %v", got, ok)
		}
		for name, spoil := range map[string]func(*entity.Manifest){
			"more properties": func(m *entity.Manifest) { m.Properties["x"] = true },
			"relationships":   func(m *entity.Manifest) { m.Relationships = append(m.Relationships, rel("in", idB)) },
			"its own version": func(m *entity.Manifest) { m.Properties[entity.TombstoneKey].(map[string]any)["original_ver"] = m.Ver },
		} {
			bad := grave.Clone()
			spoil(bad)
			if err := bad.Validate(); entity.KindOf(err) != entity.KindInvalid || err == nil {
				t.Errorf("a tombstone with %s: %v, want KindInvalid", name, err)
			}
		}
	}
	if m.Deleted() || m.Label() != "Letter" || m.Collection() != idC {
		t.Error("burying the copy changed the original")
	}
	for _, text := range []string{`{"_tombstone":"text"}`, `{"_tombstone":{}}`, `{"_tombstone":{"original_ver":1}}`, `{"_tombstone":{"original_ver":"1"}}`, `{"_tombstone":null}`} {
		if err := sample(t, text).Validate(); entity.KindOf(err) != entity.KindInvalid || err == nil {
			t.Errorf("version 1 with %s: %v; want KindInvalid, only deleting writes it", text, err)
		}
	}
	if sample(t, `{"_tombstone":"text"}`).Deleted() {
		t.Error("a property that is not a tombstone deletes the entity")
	}
}
