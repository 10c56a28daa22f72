package gitimport_test

import (
	"context"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"stemma/cmd/stemma/gitimport"
	"stemma/entity"
	"stemma/entity/store"
	"stemma/entity/storetest"
)

const user entity.ID = "01JH8Z0Y6V5RZ4Q8Q9V4T2W3XK"

// file is one path of a commit.
type file struct {
	content string // of a submodule anything
	mode    filemode.FileMode
}

func text(s string) file { return file{s, filemode.Regular} }

// files is a commit's tree, flat.
type files map[string]file

// with is f after changes; a path set to the zero file is deleted.
func (f files) with(changes files) files {
	out := maps.Clone(f)
	if out == nil {
		out = files{}
	}
	for p, x := range changes {
		if x == (file{}) {
			delete(out, p)
			continue
		}
		out[p] = x
	}
	return out
}

// commit is what a test knows of a commit it made.
type commit struct {
	hash    plumbing.Hash
	parents []*commit
	files   files
	author  object.Signature
	message string
}

// repository is a git repository on disk, written object by object.
type repository struct {
	t    testing.TB
	dir  string
	repo *git.Repository
	now  time.Time
	made map[string]plumbing.Hash // content → blob
}

func newRepository(t testing.TB) *repository {
	t.Helper()
	dir := path.Join(t.TempDir(), "atlas")
	repo, err := git.PlainInit(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	return &repository{t: t, dir: dir, repo: repo, now: time.Date(2020, 2, 3, 4, 5, 6, 0, time.UTC), made: map[string]plumbing.Hash{}}
}

func (r *repository) put(o interface {
	Encode(plumbing.EncodedObject) error
}) plumbing.Hash {
	r.t.Helper()
	raw := r.repo.Storer.NewEncodedObject()
	if err := o.Encode(raw); err != nil {
		r.t.Fatal(err)
	}
	h, err := r.repo.Storer.SetEncodedObject(raw)
	if err != nil {
		r.t.Fatal(err)
	}
	return h
}

func (r *repository) blob(content string) plumbing.Hash {
	r.t.Helper()
	if h, ok := r.made[content]; ok {
		return h
	}
	raw := r.repo.Storer.NewEncodedObject()
	raw.SetType(plumbing.BlobObject)
	w, err := raw.Writer()
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := w.Write([]byte(content)); err != nil {
		r.t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		r.t.Fatal(err)
	}
	h, err := r.repo.Storer.SetEncodedObject(raw)
	if err != nil {
		r.t.Fatal(err)
	}
	r.made[content] = h
	return h
}

func (r *repository) tree(f files) plumbing.Hash {
	r.t.Helper()
	var t object.Tree
	inside := map[string]files{}
	for p, x := range f {
		dir, rest, nested := strings.Cut(p, "/")
		if nested {
			if inside[dir] == nil {
				inside[dir] = files{}
			}
			inside[dir][rest] = x
			continue
		}
		hash := plumbing.ComputeHash(plumbing.CommitObject, []byte(x.content))
		if x.mode != filemode.Submodule {
			hash = r.blob(x.content)
		}
		t.Entries = append(t.Entries, object.TreeEntry{Name: p, Mode: x.mode, Hash: hash})
	}
	for dir, f := range inside {
		t.Entries = append(t.Entries, object.TreeEntry{Name: dir, Mode: filemode.Dir, Hash: r.tree(f)})
	}
	slices.SortFunc(t.Entries, func(a, b object.TreeEntry) int {
		return strings.Compare(sortName(a), sortName(b))
	})
	return r.put(&t)
}

func sortName(e object.TreeEntry) string {
	if e.Mode == filemode.Dir {
		return e.Name + "/"
	}
	return e.Name
}

// commit writes a commit, a minute after the last.
func (r *repository) commit(message string, f files, parents ...*commit) *commit {
	r.t.Helper()
	return r.commitBy("Ann <ann@example.org>", message, f, parents...)
}

func (r *repository) commitBy(author, message string, f files, parents ...*commit) *commit {
	r.t.Helper()
	r.now = r.now.Add(time.Minute)
	name, mail, _ := strings.Cut(author, " <")
	who := object.Signature{Name: name, Email: strings.TrimSuffix(mail, ">"), When: r.now}
	c := &commit{parents: parents, files: f, author: who, message: message}
	o := object.Commit{Author: who, Committer: who, Message: message, TreeHash: r.tree(f)}
	for _, p := range parents {
		o.ParentHashes = append(o.ParentHashes, p.hash)
	}
	c.hash = r.put(&o)
	return c
}

// branch points a branch at a commit; master is what HEAD names.
func (r *repository) branch(name string, c *commit) {
	r.t.Helper()
	ref := plumbing.NewHashReference(plumbing.NewBranchReferenceName(name), c.hash)
	if err := r.repo.Storer.SetReference(ref); err != nil {
		r.t.Fatal(err)
	}
}

func (r *repository) bare() string {
	r.t.Helper()
	dir := path.Join(r.t.TempDir(), "atlas.git")
	if _, err := git.PlainClone(dir, true, &git.CloneOptions{URL: r.dir}); err != nil {
		r.t.Fatal(err)
	}
	return dir
}

func (r *repository) setConfig(edit func(*config.Config)) {
	r.t.Helper()
	c, err := r.repo.Config()
	if err != nil {
		r.t.Fatal(err)
	}
	edit(c)
	if err := r.repo.SetConfig(c); err != nil {
		r.t.Fatal(err)
	}
}

// openStore is a store whose clock stands still; it is checked at the end.
func openStore(t testing.TB, projections ...entity.Projection) *store.Store {
	t.Helper()
	s, err := store.Open(store.Options{Clock: storetest.NewClock().Now, Projections: projections})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// The test's own context is over by now.
		if _, err := s.Check(context.WithoutCancel(t.Context()), nil); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func run(t testing.TB, s entity.Store, o gitimport.Options) gitimport.Report {
	t.Helper()
	if o.By == "" {
		o.By = user
	}
	report, err := gitimport.Import(t.Context(), s, o)
	if err != nil {
		t.Fatal(err)
	}
	return report
}
