package gitimport_test

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/google/go-cmp/cmp"

	"stemma/cmd/stemma/gitimport"
	"stemma/entity"
)

func TestErrors(t *testing.T) {
	repo := newRepository(t)
	one := repo.commit("one", files{"a": text("1")})
	repo.branch("master", one)
	repo.branch("dev", one)

	empty := newRepository(t)
	detached := newRepository(t)
	detached.branch("dev", detached.commit("one", files{"a": text("1")}))
	shallow := newRepository(t)
	tip := shallow.commit("one", files{"a": text("1")})
	shallow.branch("master", tip)
	if err := shallow.repo.Storer.SetShallow([]plumbing.Hash{tip.hash}); err != nil {
		t.Fatal(err)
	}
	partial := newRepository(t)
	partial.branch("master", partial.commit("one", files{"a": text("missing blob")}))
	blob := plumbing.ComputeHash(plumbing.BlobObject, []byte("missing blob")).String()
	if err := os.Remove(filepath.Join(partial.dir, ".git", "objects", blob[:2], blob[2:])); err != nil {
		t.Fatal(err)
	}
	sha256 := newRepository(t)
	sha256.branch("master", sha256.commit("one", files{"a": text("1")}))
	sha256.setConfig(func(c *config.Config) {
		c.Core.RepositoryFormatVersion = "1"
		c.Extensions.ObjectFormat = "sha256"
	})

	s := openStore(t)
	for _, x := range []struct {
		name, want string
		o          gitimport.Options
	}{
		{"no path", "give the path of a git work tree", gitimport.Options{Path: filepath.Join(repo.dir, "nowhere")}},
		{"no repository", "is not a git repository: give the top folder", gitimport.Options{Path: t.TempDir()}},
		{"a file", "is not a git repository", gitimport.Options{Path: filepath.Join(repo.dir, ".git", "config")}},
		{"empty", "has no commits yet", gitimport.Options{Path: empty.dir}},
		{"empty, with a ref", "which has no branches", gitimport.Options{Path: empty.dir, Ref: "dev"}},
		{"unborn head", "say which one to import, of dev", gitimport.Options{Path: detached.dir}},
		{"unknown ref", `"v1" names no commit`, gitimport.Options{Path: repo.dir, Ref: "v1"}},
		{"unknown ref, hint", "its branches are dev, master", gitimport.Options{Path: repo.dir, Ref: "v1"}},
		{"ref without a name", `"^1" names no commit`, gitimport.Options{Path: repo.dir, Ref: "^1"}},
		{"past the root", `"HEAD~9" names no commit`, gitimport.Options{Path: repo.dir, Ref: "HEAD~9"}},
		{"a blob", "names no commit", gitimport.Options{Path: repo.dir, Ref: plumbing.ComputeHash(plumbing.BlobObject, []byte("1")).String()}},
		{"shallow", "git fetch --unshallow", gitimport.Options{Path: shallow.dir}},
		{"partial clone", "blob " + blob + " is missing", gitimport.Options{Path: partial.dir}},
		{"sha256", "plain SHA-1 repositories can", gitimport.Options{Path: sha256.dir}},
		{"long label", "at most 200 characters", gitimport.Options{Path: repo.dir, Label: strings.Repeat("x", 201)}},
		{"text bound", "bound on text", gitimport.Options{Path: repo.dir, MaxText: -1}},
		{"part bound", "must be at least 1", gitimport.Options{Path: repo.dir, PartFiles: -1}},
		{"user", "an id has 26", gitimport.Options{Path: repo.dir, By: "me"}},
	} {
		t.Run(x.name, func(t *testing.T) {
			if x.o.By == "" {
				x.o.By = user
			}
			_, err := gitimport.Import(t.Context(), s, x.o)
			if err == nil || !strings.Contains(err.Error(), x.want) || entity.KindOf(err) != entity.KindInvalid {
				t.Errorf("%v, want %q", err, x.want)
			}
			if _, ours := err.(*entity.Error); !ours {
				t.Errorf("the error is a %T", err)
			}
		})
	}
}

// Where git keeps its objects makes no difference: loose, packed, in another
// repository, or behind a linked work tree.
func TestLayouts(t *testing.T) {
	repo := newRepository(t)
	one := repo.commit("one", files{"a/b": text("1"), "c": text(strings.Repeat("much the same\n", 200))})
	two := repo.commit("two", one.files.with(files{"c": text(strings.Repeat("much the same\n", 201))}), one)
	repo.branch("master", two)
	loose := openStore(t)
	run(t, loose, gitimport.Options{Path: repo.dir, Label: "atlas"})
	dir := t.TempDir()
	for _, args := range [][]string{
		{"worktree", "add", "-q", "--detach", filepath.Join(dir, "linked"), "master"},
		{"clone", "-q", "--shared", "--no-checkout", repo.dir, filepath.Join(dir, "shared")},
		{"gc", "-q"},
	} {
		cmd := exec.Command("git", args...)
		cmd.Dir = repo.dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	for _, path := range []string{repo.dir, filepath.Join(repo.dir, ".git"), filepath.Join(dir, "linked"), filepath.Join(dir, "shared")} {
		s := openStore(t)
		run(t, s, gitimport.Options{Path: path, Label: "atlas"})
		if d := cmp.Diff(dump(t, loose), dump(t, s)); d != "" {
			t.Errorf("%s: %s", path, d)
		}
	}
	s := openStore(t)
	if report := run(t, s, gitimport.Options{Path: filepath.Join(repo.dir, ".git")}); report.Label != "atlas" {
		t.Error(report)
	}
	if report := run(t, s, gitimport.Options{Path: repo.dir, Ref: "master~1", Label: "older"}); report.Head != one.hash.String() {
		t.Error(report)
	}
}

func TestPrunedHistory(t *testing.T) {
	repo := newRepository(t)
	root := repo.commit("root", files{"a": text("1")})
	old := repo.commit("old", files{"a": text("2")}, root)
	repo.branch("master", old)
	s := openStore(t)
	run(t, s, gitimport.Options{Path: repo.dir})
	before := s.Seq()
	repo.branch("master", repo.commit("new", files{"a": text("3")}, root))
	if err := os.Remove(filepath.Join(repo.dir, ".git", "objects", old.hash.String()[:2], old.hash.String()[2:])); err != nil {
		t.Fatal(err)
	}
	_, err := gitimport.Import(t.Context(), s, gitimport.Options{Path: repo.dir, By: user})
	if err == nil || !strings.Contains(err.Error(), "rewritten and pruned") || s.Seq() != before {
		t.Error(err, s.Seq())
	}
}

func TestDeletedCollection(t *testing.T) {
	repo := newRepository(t)
	repo.branch("master", repo.commit("one", files{"a": text("1")}))
	s := openStore(t)
	report := run(t, s, gitimport.Options{Path: repo.dir})
	if _, err := s.Update(t.Context(), entity.Actor{UserID: user, Method: entity.MethodManual}, func(tx entity.Tx) error {
		_, err := tx.Put(report.Collection, entity.Any, func(m *entity.Manifest) error {
			m.Bury(entity.Tombstone{DeletedBy: user, OriginalVer: m.Ver})
			return nil
		})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := gitimport.Import(t.Context(), s, gitimport.Options{Path: repo.dir, By: user}); err == nil || !strings.Contains(err.Error(), "was deleted: restore it") {
		t.Error(err)
	}
}

// What people have added to an imported file outlives its next commit.
func TestEditsOfOthersStay(t *testing.T) {
	repo := newRepository(t)
	one := repo.commit("one", files{"a": text("1")})
	repo.branch("master", one)
	s := openStore(t)
	run(t, s, gitimport.Options{Path: repo.dir})
	id := look(t, s).names["source_file a"]
	if _, err := s.Update(t.Context(), entity.Actor{UserID: user, Method: entity.MethodManual}, func(tx entity.Tx) error {
		_, err := tx.Put(id, entity.Any, func(m *entity.Manifest) error {
			m.Properties["reviewed"] = true
			return m.Relate(entity.RelationshipEdit{Relationship: entity.Relationship{Predicate: "cites", Peer: user}})
		})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	repo.branch("master", repo.commit("two", files{"a": text("\x00")}, one))
	run(t, s, gitimport.Options{Path: repo.dir})
	m := look(t, s).byID[id]
	if m.Properties["reviewed"] != true || m.Related("cites", user) < 0 || m.Properties["text"] != nil || m.Properties["binary"] != true || m.Ver != 3 {
		t.Error(m.Properties, m.Relationships)
	}
	if n := len(m.Relationships); n != 4 {
		t.Error(m.Relationships)
	}
}

// More files in a folder than it holds relationships.
func TestWideFolder(t *testing.T) {
	repo := newRepository(t)
	wide := files{"other/x": text("")}
	for i := range 2100 {
		wide[fmt.Sprintf("wide/%05d", i)] = text("")
	}
	one := repo.commit("wide", wide)
	two := repo.commit("narrower", one.files.with(files{"wide/00000": {}, "wide/02099": {}, "other/x": {}}), one)
	three := repo.commit("room", two.files.with(files{"wide/new": text("")}), two)
	repo.branch("master", three)
	s := openStore(t)
	report := run(t, s, gitimport.Options{Path: repo.dir})
	if report.Files != 2102 || report.Deleted != 3 {
		t.Error(report)
	}
	w := look(t, s)
	folder := w.get(t, "folder", "wide")
	children := w.peers(folder, "contains")
	if len(children) != 2000 || folder.Properties["contains_partial"] != true || children[0] != "wide/00001" || children[1999] != "wide/new" {
		t.Error(len(children), folder.Properties)
	}
	if root := w.get(t, "folder", ""); root.Properties["contains_partial"] != nil {
		t.Error(root.Properties)
	}
	in := 0
	for id, m := range w.byID {
		if !w.deleted[id] && m.Type == "source_file" && m.Related(entity.PredicateIn, folder.ID) >= 0 {
			in++
		}
	}
	if in != 2099 {
		t.Error(in, "files are in the folder")
	}
}

// rowy is a projection that writes a hundred rows per version, so that a
// transaction is full long before a part is.
type rowy struct{}

func (rowy) Name() string                  { return "rowy" }
func (rowy) Version() int                  { return 1 }
func (rowy) Load(entity.Rows) error        { return nil }
func (rowy) Committed([]entity.Transition) {}
func (rowy) Apply(t entity.Transition, w entity.RowWriter) error {
	for i := range uint32(100) {
		w.Set(binary.BigEndian.AppendUint32([]byte(t.ID), i), []byte(t.After.Type))
	}
	return nil
}

// A part that the store finds too large is halved, and its commit is done when
// all of it is there.
func TestTooLargeForOneTransaction(t *testing.T) {
	repo := newRepository(t)
	f := files{}
	for i := range 640 {
		f[fmt.Sprintf("d%d/f%d", i%7, i)] = text("")
	}
	head := repo.commit("much", f)
	repo.branch("master", head)
	s := openStore(t, rowy{})
	updates := 0
	report := run(t, s, gitimport.Options{Path: repo.dir, Progress: func(done, total int, stage string) {
		if stage == gitimport.StageImporting {
			updates++
			if done != 1 || total != 1 {
				t.Error(done, total)
			}
		}
	}})
	if report.Commits != 1 || report.Versions != 640 || updates != 1 {
		t.Error(report, updates)
	}
	w := look(t, s)
	w.matches(t, head.files)
	records := 0
	read(t, s, func(r entity.Reader) error {
		for _, err := range r.Log(0) {
			if err != nil {
				return err
			}
			records++
		}
		return nil
	})
	if records != 3 { // the collection and two halves
		t.Error(records, "records")
	}
	if d := cmp.Diff(expected(head), histories(t, s, w)); d != "" {
		t.Error(d)
	}
}
