package gitimport_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/google/go-cmp/cmp"

	"stemma/entity"
)

// world is everything in a store, by type and then by the property that names
// the thing: the latest manifest, of the deleted the last living one.
type world struct {
	byID    map[entity.ID]*entity.Manifest
	deleted map[entity.ID]bool
	names   map[string]entity.ID // type + " " + name
}

func look(t testing.TB, s entity.Store) *world {
	t.Helper()
	w := &world{byID: map[entity.ID]*entity.Manifest{}, deleted: map[entity.ID]bool{}, names: map[string]entity.ID{}}
	read(t, s, func(r entity.Reader) error {
		for record, err := range r.Log(0) {
			if err != nil {
				return err
			}
			for _, c := range record.Changes {
				if c.Chain != "" {
					continue
				}
				m, err := r.Manifest(c.CID())
				if err != nil {
					return err
				}
				if w.deleted[c.ID] = m.Deleted(); !m.Deleted() {
					w.byID[c.ID] = m
				}
			}
		}
		return nil
	})
	for id, m := range w.byID {
		w.names[m.Type+" "+nameOf(m)] = id
	}
	return w
}

func nameOf(m *entity.Manifest) string {
	key := map[string]string{"source_file": "path", "folder": "path", "commit": "hash", "person": "name"}[m.Type]
	if b, ok := m.Properties["path_bytes"].([]byte); ok {
		return string(b)
	}
	s, _ := m.Properties[key].(string)
	return s
}

func read(t testing.TB, s entity.Store, fn func(entity.Reader) error) {
	t.Helper()
	if err := s.View(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

// get is the latest living manifest of a thing.
func (w *world) get(t testing.TB, typ, name string) *entity.Manifest {
	t.Helper()
	id, ok := w.names[typ+" "+name]
	if !ok {
		t.Fatalf("there is no %s %q", typ, name)
	}
	return w.byID[id]
}

// peers lists the names of what a thing has a predicate to.
func (w *world) peers(m *entity.Manifest, p entity.Predicate) []string {
	names := []string{}
	for _, r := range m.Relationships {
		if r.Predicate != p {
			continue
		}
		name := string(r.Peer)
		if peer := w.byID[r.Peer]; peer != nil {
			name = nameOf(peer)
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// living lists the names of a type's living entities.
func (w *world) living(typ string) []string {
	names := []string{}
	for id, m := range w.byID {
		if m.Type == typ && !w.deleted[id] {
			names = append(names, nameOf(m))
		}
	}
	slices.Sort(names)
	return names
}

// matches compares the living files and folders, and what is in what, with the
// files of a commit.
func (w *world) matches(t testing.TB, want files) {
	t.Helper()
	children := map[string][]string{"": {}}
	paths := []string{}
	for p, f := range want {
		inside := p
		if f.mode != filemode.Submodule {
			paths = append(paths, p)
			children[folderOf(p)] = append(children[folderOf(p)], p)
		}
		for inside = folderOf(inside); inside != ""; inside = folderOf(inside) {
			if children[inside] == nil {
				children[inside] = []string{}
			}
			if up := folderOf(inside); !slices.Contains(children[up], inside) {
				children[up] = append(children[up], inside)
			}
		}
	}
	slices.Sort(paths)
	if d := cmp.Diff(paths, w.living("source_file")); d != "" {
		t.Errorf("living files (-want +got):\n%s", d)
	}
	folders := []string{}
	for p, in := range children {
		folders = append(folders, p)
		slices.Sort(in)
		if d := cmp.Diff(in, w.peers(w.get(t, "folder", p), entity.PredicateContains)); d != "" {
			t.Errorf("folder %q contains (-want +got):\n%s", p, d)
		}
	}
	slices.Sort(folders)
	if d := cmp.Diff(folders, w.living("folder")); d != "" {
		t.Errorf("living folders (-want +got):\n%s", d)
	}
	for _, p := range paths {
		m := w.get(t, "source_file", p)
		blob := plumbing.ComputeHash(plumbing.BlobObject, []byte(want[p].content)).String()
		if m.Properties["blob"] != blob || m.Properties["mode"] != strings.TrimPrefix(want[p].mode.String(), "0") {
			t.Errorf("%s is %v %v", p, m.Properties["mode"], m.Properties["blob"])
		}
		if in := w.peers(m, entity.PredicateIn); !slices.Equal(in, []string{folderOf(p)}) {
			t.Errorf("%s is in %q", p, in)
		}
	}
}

func folderOf(p string) string {
	i := strings.LastIndexByte(p, '/')
	return p[:max(i, 0)]
}

// histories gives every file's versions as lines, oldest first.
func histories(t testing.TB, s entity.Store, w *world) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	read(t, s, func(r entity.Reader) error {
		for id, last := range w.byID {
			if last.Type != "source_file" {
				continue
			}
			var lines []string
			for v, err := range r.History(id, 0) {
				if err != nil {
					return err
				}
				m, err := r.Manifest(v.CID)
				if err != nil {
					return err
				}
				lines = append(lines, line(m.Deleted(), m.Note, w.byID[m.EditedBy.UserID].Properties["email"], m.Properties["mode"], m.Properties["blob"]))
			}
			slices.Reverse(lines)
			out[nameOf(last)] = lines
		}
		return nil
	})
	return out
}

func line(deleted bool, note string, email, mode, blob any) string {
	if deleted {
		return fmt.Sprintf("%s deleted by %s", note, email)
	}
	return fmt.Sprintf("%s by %s: %s %s", note, email, mode, blob)
}

// expected walks the first parents of a commit, with flat maps of files: the
// rule of the package without trees, parts and stores.
func expected(head *commit) map[string][]string {
	var line1 []*commit
	for c := head; ; c = c.parents[0] {
		line1 = append(line1, c)
		if len(c.parents) == 0 {
			break
		}
	}
	slices.Reverse(line1)
	out, before := map[string][]string{}, files{}
	for _, c := range line1 {
		now := files{}
		for p, f := range c.files {
			if f.mode != filemode.Submodule {
				now[p] = f
			}
		}
		for p := range before {
			if _, still := now[p]; !still {
				out[p] = append(out[p], line(true, c.message, c.author.Email, nil, nil))
			}
		}
		for p, f := range now {
			if old, had := before[p]; !had || old != f {
				blob := plumbing.ComputeHash(plumbing.BlobObject, []byte(f.content)).String()
				out[p] = append(out[p], line(false, c.message, c.author.Email, strings.TrimPrefix(f.mode.String(), "0"), blob))
			}
		}
		before = now
	}
	return out
}

// dump is the log as text: equal text means equal content, version by version,
// in the same transactions.
func dump(t testing.TB, s entity.Store) string {
	t.Helper()
	var b strings.Builder
	read(t, s, func(r entity.Reader) error {
		for record, err := range r.Log(0) {
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, "%d by %s\n", record.Seq, record.Actor.UserID)
			for _, c := range record.Changes {
				fmt.Fprintf(&b, "  %s %s %s %d %s\n", c.Kind, c.Type, c.ID, c.Ver, c.CID())
			}
		}
		return nil
	})
	return b.String()
}
