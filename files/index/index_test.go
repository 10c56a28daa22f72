package index_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"stemma/entity"
	"stemma/entity/store"
	"stemma/files/index"
)

var actor = entity.Actor{UserID: "01JH8Z0Y6V5RZ4Q8Q9V4T2W3XK", Method: entity.MethodManual}

// state is everything the index answers about the files of a test.
type state struct {
	Content    map[string]index.Content // by file and key
	Used       map[string]bool
	References map[index.Reference]bool
}

func newState() state {
	return state{map[string]index.Content{}, map[string]bool{}, map[index.Reference]bool{}}
}

var keys = []string{"", "a", "b", "../c", strings.Repeat("long", 200), "ключ"}

// A random life of files and notes: after each reopening, whether the rows were
// kept or made anew from the log, the index answers what a walk through every
// version of every file finds.
func TestIndexEqualsWalk(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Log("seed", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	dir := filepath.Join(t.TempDir(), "store")
	open := func(with bool) *store.Store {
		var projections []entity.Projection
		if with {
			projections = []entity.Projection{index.Projection{}}
		}
		s, err := store.Open(store.Options{Dir: dir, Projections: projections})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := open(true)
	var ids []entity.ID
	for step := range 200 {
		ids = change(t, s, rnd, ids)
		if step%40 != 39 {
			continue
		}
		live := read(t, s, ids)
		if walked := walk(t, s, ids); !reflect.DeepEqual(live, walked) {
			t.Fatalf("step %d: the index has\n%v\na walk finds\n%v", step, live, walked)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if step%80 == 79 { // a life without the projection makes its rows stale
			s = open(false)
			ids = change(t, s, rnd, ids)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
		s = open(true)
		if again, walked := read(t, s, ids), walk(t, s, ids); !reflect.DeepEqual(again, walked) {
			t.Fatalf("step %d, reopened: the index has\n%v\na walk finds\n%v", step, again, walked)
		}
	}
	if _, err := s.Check(t.Context(), nil); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// change makes an entity, or gives one other properties, also such as no view
// would write.
func change(t *testing.T, s *store.Store, rnd *rand.Rand, ids []entity.ID) []entity.ID {
	t.Helper()
	p := entity.Properties{}
	content := fmt.Sprint("content ", rnd.IntN(5))
	for name, values := range map[string][]any{
		index.Key:         {keys[rnd.IntN(len(keys))], keys[rnd.IntN(len(keys))], nil, int64(7)},
		index.Uploaded:    {true, true, true, false, "yes"},
		index.CID:         {entity.SumRaw([]byte(content)).String(), entity.SumRaw([]byte(content)).String(), "bafkrei", entity.SumBlock([]byte(content)).String()},
		index.Size:        {int64(len(content)), "9"},
		index.ContentType: {"text/plain", int64(1)},
	} {
		if v := values[rnd.IntN(len(values))]; v != nil && rnd.IntN(8) > 0 {
			p[name] = v
		}
	}
	typ := []string{entity.TypeFile, entity.TypeFile, "note"}[rnd.IntN(3)]
	pick, dice := rnd.IntN(len(ids)+1), rnd.IntN(6)
	var made entity.ID
	_, err := s.Update(t.Context(), actor, func(tx entity.Tx) error {
		made = ""
		if pick == len(ids) || len(ids) < 6 {
			v, err := tx.Create(entity.Draft{Type: typ, Properties: entity.CloneProperties(p)})
			if err == nil {
				made = v.Manifest.ID
			}
			return err
		}
		_, err := tx.Put(ids[pick], entity.Any, func(m *entity.Manifest) error {
			if dice == 0 && !m.Deleted() {
				m.Bury(entity.Tombstone{DeletedAt: m.CreatedAt, DeletedBy: actor.UserID, OriginalVer: m.Ver})
				return nil
			}
			m.Properties = entity.CloneProperties(p)
			return nil
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if made != "" {
		ids = append(ids, made)
	}
	return ids
}

// read asks the index.
func read(t *testing.T, s *store.Store, ids []entity.ID) state {
	t.Helper()
	out := newState()
	err := s.View(t.Context(), func(r entity.Reader) error {
		for _, id := range ids {
			for _, key := range keys {
				c, ok, err := index.Lookup(r, id, key)
				if err != nil {
					return err
				}
				if ok {
					out.Content[string(id)+key] = c
				}
				used, err := index.Used(r, id, key)
				if err != nil {
					return err
				}
				if used {
					out.Used[string(id)+key] = true
				}
			}
		}
		var last entity.Digest
		for ref, err := range index.References(r) {
			if err != nil {
				return err
			}
			if string(ref.Digest[:]) < string(last[:]) {
				t.Error("the references are not in order")
			}
			last = ref.Digest
			out.References[ref] = true
			if !hasFile(t, r, ref) {
				t.Errorf("%v is not among the files of its content", ref)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func hasFile(t *testing.T, r entity.Reader, want index.Reference) bool {
	t.Helper()
	for ref, err := range index.Files(r, want.Digest) {
		if err != nil || ref.Digest != want.Digest {
			t.Fatal(ref, err)
		}
		if ref == want {
			return true
		}
	}
	return false
}

// walk finds the same in the histories.
func walk(t *testing.T, s *store.Store, ids []entity.ID) state {
	t.Helper()
	out := newState()
	err := s.View(t.Context(), func(r entity.Reader) error {
		for _, id := range ids {
			var history []*entity.Manifest
			for v, err := range r.History(id, 0) {
				if err != nil {
					return err
				}
				m, err := r.Manifest(v.CID)
				if err != nil {
					return err
				}
				history = append([]*entity.Manifest{m}, history...)
			}
			for _, m := range history {
				out.add(m)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (s state) add(m *entity.Manifest) {
	if m.Type != entity.TypeFile || m.Deleted() {
		return
	}
	key, isText := m.Properties["key"].(string)
	if isText {
		s.Used[string(m.ID)+key] = true
	}
	text, _ := m.Properties["cid"].(string)
	if m.Properties["uploaded"] != any(true) || len(text) != 59 || !strings.HasPrefix(text, "bafkrei") {
		return
	}
	c, err := entity.ParseCID(text)
	if err != nil {
		return
	}
	d, _ := entity.DigestOf(c)
	s.References[index.Reference{Digest: d, File: m.ID}] = true
	if !isText {
		return
	}
	content := index.Content{CID: c}
	content.Size, _ = m.Properties["size"].(int64)
	content.ContentType, _ = m.Properties["content_type"].(string)
	s.Content[string(m.ID)+key] = content
}
