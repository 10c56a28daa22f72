package versions_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"stemma/entity"
	"stemma/versions"
)

// buried stores versions and then a tombstone that names ver as the last live.
func buried(t *testing.T, s *memory, ver int64) *entity.Manifest {
	t.Helper()
	m := manifest(t, idA, `{}`)
	m.Bury(entity.Tombstone{DeletedAt: entity.FormatMillis(epoch), DeletedBy: idC, OriginalVer: ver})
	tip, err := s.Manifest(s.put(t, m))
	if err != nil {
		t.Fatal(err)
	}
	return tip
}

func TestLastLive(t *testing.T) {
	s := newMemory()
	s.fill(t, idA, 4)
	tip := buried(t, s, 4)
	v, err := versions.LastLive(s, tip)
	if err != nil || v.CID != s.versions[idA][3] || v.Manifest.Ver != 4 || v.Manifest.Properties["n"] != int64(4) {
		t.Fatalf("%+v, %v; want version 4", v, err)
	}
	// Restored, edited, deleted again: the newer grave names the newer version.
	next := tip.Clone()
	if err := versions.Revert(v.Manifest)(next); err != nil {
		t.Fatal(err)
	}
	s.put(t, next)
	if v, err = versions.LastLive(s, buried(t, s, 6)); err != nil || v.Manifest.Ver != 6 {
		t.Errorf("%+v, %v; want version 6", v, err)
	}
}

func TestLastLiveRefuses(t *testing.T) {
	s := newMemory()
	s.fill(t, idA, 2)
	live, err := s.Manifest(s.versions[idA][1])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := versions.LastLive(s, live); err == nil || entity.KindOf(err) != entity.KindInvalid {
		t.Errorf("a live entity: %v, want KindInvalid", err)
	}
	buried(t, s, 2) // version 3
	if v, err := versions.LastLive(s, buried(t, s, 3)); err == nil || entity.KindOf(err) != entity.KindInvalid {
		t.Errorf("a tombstone that names a tombstone: %+v, %v; want KindInvalid", v, err)
	}
}

func TestAt(t *testing.T) {
	s := newMemory()
	s.fill(t, idA, 3)
	if v, err := versions.At(s, idA, 2); err != nil || v.Manifest.Ver != 2 || v.CID != s.versions[idA][1] {
		t.Errorf("%+v, %v", v, err)
	}
	for _, ver := range []int64{0, -1, 4} {
		if _, err := versions.At(s, idA, ver); err == nil || entity.KindOf(err) != entity.KindNotFound {
			t.Errorf("version %d: %v, want KindNotFound", ver, err)
		}
	}
}

// A reverted version has the old content, its own identity, and shares nothing
// with the version it came from.
func TestRevert(t *testing.T) {
	old := manifest(t, idA, `{"a":{"b":[1,2]}}`, entity.Relationship{Predicate: "in", Peer: idB, Properties: object(t, `{"x":{"y":1}}`)})
	old.Type, old.Note = "draft", "first"
	want := old.Clone()
	m := manifest(t, idA, `{"other":true}`)
	m.Ver, m.TS, m.Note = 7, epoch+7, "kept"
	if err := versions.Revert(old)(m); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(versions.Document(want), versions.Document(m)); diff != "" {
		t.Errorf("content -want +got:\n%s", diff)
	}
	if m.Ver != 7 || m.TS != epoch+7 || m.Note != "kept" {
		t.Errorf("more than the content changed: %+v", m)
	}
	m.Properties["a"].(map[string]any)["b"].([]any)[0] = "scribbled"
	m.Relationships[0].Properties["x"].(map[string]any)["y"] = "scribbled"
	m.Relationships[0].Predicate = "scribbled"
	if diff := cmp.Diff(want, old); diff != "" {
		t.Errorf("editing the new version changed the old one:\n%s", diff)
	}
}

func TestRevertRefuses(t *testing.T) {
	s := newMemory()
	s.fill(t, idA, 2)
	grave := buried(t, s, 2)
	for name, target := range map[string]*entity.Manifest{"a tombstone": grave, "another entity": manifest(t, idB, `{}`)} {
		m := manifest(t, idA, `{"a":1}`)
		before := m.Clone()
		if err := versions.Revert(target)(m); err == nil || entity.KindOf(err) != entity.KindInvalid {
			t.Errorf("%s: %v, want KindInvalid", name, err)
		}
		if diff := cmp.Diff(before, m); diff != "" {
			t.Errorf("%s: the refused edit changed the manifest:\n%s", name, diff)
		}
	}
}
