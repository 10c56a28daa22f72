package versions_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stemma/entity"
	"stemma/versions"
)

// arke.txt, GET /entities/{id}/diff: the four modes.
func TestDiffResolves(t *testing.T) {
	s := newMemory()
	s.fill(t, idA, 5)
	at := func(ver int) entity.CID {
		if ver == 0 {
			return entity.CID{}
		}
		return s.versions[idA][ver-1]
	}
	for name, tt := range map[string]struct{ from, to, wantFrom, wantTo int }{
		"neither":            {0, 0, 4, 5},
		"to only":            {0, 3, 2, 3},
		"to version 1":       {0, 1, 0, 1},
		"from only":          {2, 0, 2, 5},
		"from the tip":       {5, 0, 5, 5},
		"both":               {1, 4, 1, 4},
		"both, backwards":    {4, 1, 4, 1},
		"the same":           {3, 3, 3, 3},
		"from version 1":     {1, 2, 1, 2},
		"backwards to first": {2, 1, 2, 1},
	} {
		p, err := versions.Diff(s, idA, at(tt.from), at(tt.to))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got := [2]int{}
		for i, v := range []*entity.Version{p.From, p.To} {
			if v == nil {
				continue
			}
			got[i] = int(v.Manifest.Ver)
			want := &versions.Meta{CID: at(got[i]), Ver: int64(got[i]), TS: entity.FormatMillis(epoch + int64(got[i])*1000)}
			if diff := cmp.Diff(want, versions.MetaOf(v), cmpCIDs); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
		if got != [2]int{tt.wantFrom, tt.wantTo} {
			t.Errorf("%s: from %d to %d, want from %d to %d", name, got[0], got[1], tt.wantFrom, tt.wantTo)
		}
	}
	if versions.MetaOf(nil) != nil {
		t.Error("no version has a description")
	}
}

var cmpCIDs = cmp.Comparer(func(a, b entity.CID) bool { return a == b })

func TestDiffOfVersionOne(t *testing.T) {
	s := newMemory()
	c := s.put(t, manifest(t, idA, `{"a":1}`, entity.Relationship{Predicate: "in", Peer: idB}))
	for _, to := range []entity.CID{{}, c} {
		p, err := versions.Diff(s, idA, entity.CID{}, to)
		if err != nil || p.From != nil || p.To.CID != c {
			t.Fatalf("%+v, %v", p, err)
		}
		changes := versions.Semantic(nil, p.To.Manifest)
		if len(changes.Properties.Added) != 1 || len(changes.Relationships.Added) != 1 || changes.Properties.Added["a"] != int64(1) {
			t.Errorf("not all is added: %+v", changes)
		}
	}
}

func TestDiffRefuses(t *testing.T) {
	s := newMemory()
	s.fill(t, idA, 3)
	s.fill(t, idB, 3)
	stray := manifest(t, idA, `{"never":"committed"}`)
	mine, others, lost := s.versions[idA][1], s.versions[idB][1], entity.SumBlock([]byte("lost"))
	for name, tt := range map[string]struct {
		id       entity.ID
		from, to entity.CID
		kind     entity.Kind
	}{
		"unknown entity":     {idC, entity.CID{}, entity.CID{}, entity.KindNotFound},
		"to of another":      {idA, entity.CID{}, others, entity.KindInvalid},
		"from of another":    {idA, others, entity.CID{}, entity.KindInvalid},
		"from of another, 2": {idA, others, mine, entity.KindInvalid},
		"unknown to":         {idA, mine, lost, entity.KindNotFound},
		"unknown from":       {idA, lost, mine, entity.KindNotFound},
		"never a version":    {idA, entity.CID{}, s.keep(t, stray), entity.KindNotFound},
	} {
		if p, err := versions.Diff(s, tt.id, tt.from, tt.to); err == nil || entity.KindOf(err) != tt.kind || p.To != nil {
			t.Errorf("%s: %+v, %v; want %v", name, p, err, tt.kind)
		}
	}
}

func object(t testing.TB, text string) map[string]any {
	t.Helper()
	v, err := entity.ParseJSON([]byte(text), 0)
	if err != nil {
		t.Fatal(err)
	}
	return v.(map[string]any)
}

// The JSON of the changes is the answer of the specification (arke-notes,
// section 6 and Appendix B).
func TestSemantic(t *testing.T) {
	rel := func(p entity.Predicate, peer entity.ID, typ, label, properties string) entity.Relationship {
		r := entity.Relationship{Predicate: p, Peer: peer, PeerType: typ, PeerLabel: label}
		if properties != "" {
			r.Properties = object(t, properties)
		}
		return r
	}
	base := manifest(t, idA, `{"keep":1,"gone":{"a":[1]},"edit":{"x":1,"y":2},"null":null,"big":9007199254740992}`,
		rel("in", idB, "folder", "F", ""), rel("cites", idB, "", "", `{"page":1}`), rel("cites", idC, "letter", "L", `{"page":1}`))
	for name, tt := range map[string]struct {
		edit func(*entity.Manifest)
		want string
	}{
		"nothing": {func(*entity.Manifest) {},
			`{"properties":{"added":{},"removed":{},"changed":{}},"relationships":{"added":[],"removed":[],"changed":[]}}`},
		"properties by top-level key": {func(m *entity.Manifest) {
			delete(m.Properties, "gone")
			m.Properties["new"] = nil
			m.Properties["edit"].(map[string]any)["x"] = int64(5)
			m.Properties["null"] = false
			m.Properties["big"] = int64(1<<53 + 1)
		}, `{"properties":{"added":{"new":null},"removed":{"gone":{"a":[1]}},"changed":{"big":{"from":9007199254740992,"to":9007199254740993},"edit":{"from":{"x":1,"y":2},"to":{"x":5,"y":2}},"null":{"from":null,"to":false}}},"relationships":{"added":[],"removed":[],"changed":[]}}`},
		"relationships by predicate and peer": {func(m *entity.Manifest) {
			m.Relationships = []entity.Relationship{rel("cites", idC, "letter", "L", `{"page":2}`), rel("in", idB, "folder", "F", ""), rel("in", idC, "", "", `{"a":1}`)}
		}, `{"properties":{"added":{},"removed":{},"changed":{}},"relationships":{"added":[{"predicate":"in","peer":"` + string(idC) + `","properties":{"a":1}}],"removed":[{"predicate":"cites","peer":"` + string(idB) + `","properties":{"page":1}}],"changed":[{"predicate":"cites","peer":"` + string(idC) + `","peer_type":"letter","peer_label":"L","properties":{"from":{"page":1},"to":{"page":2}}}]}}`},
		"peer's type and label": {func(m *entity.Manifest) {
			m.Relationships[0].PeerLabel = "New"
			m.Relationships[2].PeerType, m.Relationships[2].Properties = "", nil
		}, `{"properties":{"added":{},"removed":{},"changed":{}},"relationships":{"added":[],"removed":[],"changed":[{"predicate":"in","peer":"` + string(idB) + `","peer_type":"folder","peer_label":"New","was":{"peer_type":"folder","peer_label":"F"}},{"predicate":"cites","peer":"` + string(idC) + `","peer_label":"L","was":{"peer_type":"letter","peer_label":"L"},"properties":{"from":{"page":1},"to":{}}}]}}`},
		"order is no difference": {func(m *entity.Manifest) {
			m.Relationships[0], m.Relationships[2] = m.Relationships[2], m.Relationships[0]
		}, `{"properties":{"added":{},"removed":{},"changed":{}},"relationships":{"added":[],"removed":[],"changed":[]}}`},
		"type": {func(m *entity.Manifest) { m.Type = "note" },
			`{"type":{"from":"letter","to":"note"},"properties":{"added":{},"removed":{},"changed":{}},"relationships":{"added":[],"removed":[],"changed":[]}}`},
	} {
		t.Run(name, func(t *testing.T) {
			to := base.Clone()
			tt.edit(to)
			got, err := json.Marshal(versions.Semantic(base, to))
			if err != nil || string(got) != tt.want {
				t.Errorf("%v\n got %s\nwant %s", err, got, tt.want)
			}
		})
	}
}
