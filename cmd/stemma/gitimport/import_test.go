package gitimport_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/google/go-cmp/cmp"
	"github.com/oklog/ulid/v2"

	"stemma/cmd/stemma/gitimport"
	"stemma/entity"
	"stemma/entity/store"
)

func TestImport(t *testing.T) {
	repo := newRepository(t)
	one := repo.commit("begin\n\nwith a body\n", files{"README.md": text("# Atlas\n"), "src/main.go": text("package main\n"), "src/deep/a.txt": text("a")})
	two := repo.commitBy("Bob <bob@example.org>", "second", one.files.with(files{"README.md": text("# Atlas\n\nMaps.\n"), "src/deep/a.txt": {}}), one)
	side := repo.commitBy("Cy <cy@example.org>", "side", two.files.with(files{"side.txt": text("side\n")}), two)
	three := repo.commitBy("Annie <ANN@example.org>", "third", two.files.with(files{"src/main.go": {"package main\n", filemode.Executable}}), two)
	merge := repo.commit("merge side", three.files.with(files{"side.txt": text("side\n")}), three, side)
	last := repo.commit("again", merge.files.with(files{"src/deep/a.txt": text("b\nb")}), merge)
	repo.branch("master", last)

	s := openStore(t)
	report := run(t, s, gitimport.Options{Path: repo.dir})
	want := gitimport.Report{Collection: report.Collection, Label: "atlas", Head: last.hash.String(), Commits: 6, Files: 4, Folders: 2, People: 3, Versions: 7, Deleted: 1}
	if d := cmp.Diff(want, report); d != "" {
		t.Error(d)
	}
	w := look(t, s)
	w.matches(t, last.files)
	wantHistory := map[string][]string{}
	for p, lines := range expected(last) {
		for i := range lines { // the oracle has whole messages and addresses as they are
			lines[i] = strings.Replace(strings.Replace(lines[i], "begin\n\nwith a body\n", "begin", 1), "ANN@", "ann@", 1)
		}
		wantHistory[p] = lines
	}
	if d := cmp.Diff(wantHistory, histories(t, s, w)); d != "" {
		t.Error(d)
	}
	testCommits(t, w, merge, side)
	testPeople(t, w)
	testFileProperties(t, w)
	testCollection(t, w, report)
}

func testCommits(t *testing.T, w *world, merge, side *commit) {
	t.Helper()
	m := w.get(t, "commit", merge.hash.String())
	parents := []string{merge.parents[0].hash.String(), side.hash.String()}
	slices.Sort(parents)
	if d := cmp.Diff(parents, w.peers(m, "parent")); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"side.txt"}, w.peers(m, "changed")); d != "" {
		t.Error(d)
	}
	sideCommit := w.get(t, "commit", side.hash.String())
	if d := cmp.Diff([]string{"side.txt"}, w.peers(sideCommit, "changed")); d != "" {
		t.Error(d)
	}
	if sideCommit.Properties["mainline"] != false || m.Properties["mainline"] != true || m.Properties["label"] != "merge side" {
		t.Error(sideCommit.Properties, m.Properties)
	}
	if got := w.peers(sideCommit, "authored_by"); !slices.Equal(got, []string{"Cy"}) {
		t.Error(got)
	}
	first := w.get(t, "commit", merge.parents[0].parents[0].parents[0].hash.String())
	if first.Properties["message"] != "begin\n\nwith a body" || first.Properties["label"] != "begin" || first.Properties["committed_at"] != "2020-02-03T04:06:06.000Z" {
		t.Error(first.Properties)
	}
	if id, err := ulid.ParseStrict(string(first.ID)); err != nil || entity.FormatMillis(int64(id.Time())) != first.Properties["committed_at"] {
		t.Errorf("commit id %s is not of the commit's time", first.ID)
	}
}

func testPeople(t *testing.T, w *world) {
	t.Helper()
	if d := cmp.Diff([]string{"Ann", "Bob", "Cy"}, w.living("person")); d != "" {
		t.Error(d)
	}
	ann := w.get(t, "person", "Ann")
	if d := cmp.Diff(entity.Properties{"label": "Ann", "name": "Ann", "email": "ann@example.org", "aliases": []any{"Annie"}}, ann.Properties); d != "" {
		t.Error(d)
	}
	if ann.EditedBy != (entity.Actor{UserID: ann.ID, Method: entity.MethodImport}) {
		t.Error(ann.EditedBy)
	}
}

func testFileProperties(t *testing.T, w *world) {
	t.Helper()
	m := w.get(t, "source_file", "src/deep/a.txt")
	commit := m.Properties["commit"].(string)
	want := entity.Properties{
		"label": "src/deep/a.txt", "path": "src/deep/a.txt", "filename": "a.txt", "extension": "txt", "language": "Text",
		"mode": "100644", "blob": plumbing.ComputeHash(plumbing.BlobObject, []byte("b\nb")).String(), "size": int64(3), "lines": int64(2), "text": "b\nb",
		"commit": commit, "committed_at": "2020-02-03T04:11:06.000Z",
	}
	if d := cmp.Diff(want, m.Properties); d != "" {
		t.Error(d)
	}
	if got := w.peers(m, "changed_in"); !slices.Equal(got, []string{commit}) {
		t.Error(got)
	}
	if m.Note != "again" || m.Ver != 3 {
		t.Error(m.Note, m.Ver)
	}
}

func testCollection(t *testing.T, w *world, report gitimport.Report) {
	t.Helper()
	c := w.byID[report.Collection]
	want := []entity.Relationship{
		{Predicate: entity.PredicatePublic, Peer: entity.Wildcard, PeerType: "wildcard"},
		{Predicate: entity.PredicateOwner, Peer: user, PeerType: entity.TypeUser},
		{Predicate: entity.PredicateRoot, Peer: w.names["folder "], PeerType: entity.TypeFolder},
	}
	if d := cmp.Diff(want, c.Relationships); d != "" {
		t.Error(d)
	}
	if c.Ver != 1 || c.Properties["label"] != "atlas" {
		t.Error(c.Ver, c.Properties)
	}
	for id, m := range w.byID {
		if m.Collection() != report.Collection {
			t.Errorf("%s %s belongs to %q", m.Type, id, m.Collection())
		}
	}
}

func TestContent(t *testing.T) {
	repo := newRepository(t)
	c := repo.commit("all kinds", files{
		"empty": text(""), "nul.bin": text("a\x00b"), "latin.txt": text("caf\xe9"), "long.txt": text(strings.Repeat("x", 101)), "fits.txt": text(strings.Repeat("x", 100)),
		"link": {"fits.txt", filemode.Symlink}, "mod": {"sub", filemode.Submodule}, "only/mod": {"sub", filemode.Submodule},
		"caf\xe9/na\xefve.go": text("package x\n"), "Makefile": text("all:\n"), ".gitignore": text("x"),
	})
	repo.branch("master", c)
	s := openStore(t)
	report := run(t, s, gitimport.Options{Path: repo.dir, MaxText: 100})
	if report.Submodules != 2 {
		t.Error(report)
	}
	w := look(t, s)
	w.matches(t, c.files)
	for path, want := range map[string]entity.Properties{
		"empty":               {"text": "", "lines": int64(0), "size": int64(0)},
		"nul.bin":             {"text": nil, "lines": nil, "binary": true, "extension": "bin", "language": nil},
		"latin.txt":           {"text": nil, "binary": true},
		"long.txt":            {"text": nil, "lines": nil, "text_omitted": true, "size": int64(101)},
		"fits.txt":            {"text": strings.Repeat("x", 100), "text_omitted": nil, "lines": int64(1)},
		"link":                {"text": "fits.txt", "mode": "120000"},
		"caf\xe9/na\xefve.go": {"path": "caf\uFFFD/na\uFFFDve.go", "filename": "na\uFFFDve.go", "path_bytes": []byte("caf\xe9/na\xefve.go"), "language": "Go"},
		"Makefile":            {"language": "Makefile", "extension": nil},
		".gitignore":          {"extension": nil},
	} {
		m := w.get(t, "source_file", path)
		for key, value := range want {
			if d := cmp.Diff(value, m.Properties[key]); d != "" {
				t.Errorf("%s %s: %s", path, key, d)
			}
		}
	}
}

func TestOddCommits(t *testing.T) {
	repo := newRepository(t)
	one := repo.commitBy(" <>", "", files{"a": text("a")})
	two := repo.commitBy("Bj\xf6rn <b@example.org>", "empty commit, of \xff bytes", one.files, one)
	three := repo.commitBy("Zed <>", strings.Repeat("long ", 100), one.files, two, one, two)
	repo.branch("master", three)
	s := openStore(t)
	report := run(t, s, gitimport.Options{Path: repo.dir})
	if report.Commits != 3 || report.Versions != 1 || report.People != 3 {
		t.Error(report)
	}
	w := look(t, s)
	if got := w.living("person"); !slices.Equal(got, []string{"Bj\uFFFDrn", "Zed", "unknown"}) {
		t.Errorf("%q", got)
	}
	if m := w.get(t, "commit", one.hash.String()); m.Properties["label"] != "commit "+one.hash.String()[:10] {
		t.Error(m.Properties)
	}
	if m := w.get(t, "commit", two.hash.String()); m.Properties["label"] != "empty commit, of \uFFFD bytes" || m.Properties["files_changed"] != int64(0) {
		t.Error(m.Properties)
	}
	m := w.get(t, "commit", three.hash.String())
	if label := m.Properties["label"].(string); len([]rune(label)) != 200 || !strings.HasSuffix(label, "…") {
		t.Error(label)
	}
	if got := w.peers(m, "parent"); len(got) != 2 {
		t.Error("a parent that git names twice is one relationship", got)
	}
}

// The same repository gives the same identifiers wherever it lies, and those
// of the store's network.
func TestIdentifiers(t *testing.T) {
	repo := newRepository(t)
	one := repo.commit("one", files{"a/b": text("1")})
	repo.branch("master", one)
	work, bare := openStore(t), openStore(t)
	first := run(t, work, gitimport.Options{Path: repo.dir})
	second := run(t, bare, gitimport.Options{Path: repo.bare()})
	if first.Collection != second.Collection {
		t.Error(first.Collection, second.Collection)
	}
	if d := cmp.Diff(dump(t, work), dump(t, bare)); d != "" {
		t.Error(d)
	}
	if again := run(t, work, gitimport.Options{Path: repo.dir, Label: "other"}); again.Collection == first.Collection || again.Commits != 1 {
		t.Error("another label is another import", again)
	}

	test, err := store.Open(store.Options{Network: entity.Test})
	if err != nil {
		t.Fatal(err)
	}
	defer test.Close()
	if _, err := gitimport.Import(t.Context(), test, gitimport.Options{Path: repo.dir, By: user}); entity.KindOf(err) != entity.KindInvalid {
		t.Error("a user of the other network", err)
	}
	report := run(t, test, gitimport.Options{Path: repo.dir, By: "II" + user[2:]})
	if report.Collection.Network() != entity.Test || report.Collection[2:] != first.Collection[2:] {
		t.Error(report.Collection, first.Collection)
	}
}
