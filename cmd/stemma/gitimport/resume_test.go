package gitimport_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/google/go-cmp/cmp"

	"stemma/cmd/stemma/gitimport"
	"stemma/entity"
)

// randomHistory makes a history with branches, merges, deletions, returns,
// files that become folders, modes, symlinks and submodules, and gives its tip.
func randomHistory(repo *repository, rng *rand.Rand, commits int) *commit {
	paths := []string{"a", "a/x", "a/x/y", "a.b", "a-b", "b/c", "b/d/e", "b/d/f", "lib", "lib/é", "z"}
	modes := []filemode.FileMode{filemode.Regular, filemode.Regular, filemode.Regular, filemode.Executable, filemode.Symlink, filemode.Submodule}
	authors := []string{"Ann <ann@example.org>", "Bob <bob@example.org>", "Cy <cy@example.org>"}
	tips := []*commit{repo.commit("root", files{"z": text("0")})}
	for i := range commits {
		tip := tips[rng.IntN(len(tips))]
		parents := []*commit{tip}
		f := tip.files.with(nil)
		if other := tips[rng.IntN(len(tips))]; other != tip && rng.IntN(2) == 0 {
			parents = append(parents, other)
			for p, x := range other.files {
				place(f, p, x)
			}
		}
		for range rng.IntN(4) {
			p := paths[rng.IntN(len(paths))]
			if rng.IntN(3) == 0 {
				delete(f, p)
				continue
			}
			place(f, p, file{fmt.Sprint(rng.IntN(9)), modes[rng.IntN(len(modes))]})
		}
		c := repo.commitBy(authors[rng.IntN(len(authors))], fmt.Sprint("commit ", i), f, parents...)
		if at := slices.Index(tips, tip); rng.IntN(4) > 0 || len(tips) > 4 {
			tips[at] = c
		} else {
			tips = append(tips, c)
		}
	}
	last := tips[0]
	for _, tip := range tips[1:] {
		last = repo.commit("join", last.files.with(files{"joined": text(tip.message)}), last, tip)
	}
	return last
}

// place sets a path, and takes away what cannot be beside it in a tree.
func place(f files, p string, x file) {
	for q := range f {
		if len(q) > len(p) && q[:len(p)+1] == p+"/" || len(p) > len(q) && p[:len(q)+1] == q+"/" {
			delete(f, q)
		}
	}
	f[p] = x
}

// Living entities are the files of the ref, and every file's versions are the
// first parents that changed it, whatever the size of a transaction.
func TestRandomHistories(t *testing.T) {
	for range 4 {
		seed := rand.Uint64()
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			repo := newRepository(t)
			head := randomHistory(repo, rand.New(rand.NewPCG(seed, 0)), 40)
			repo.branch("master", head)
			for _, size := range []int{0, 1} {
				s := openStore(t)
				report := run(t, s, gitimport.Options{Path: repo.dir, PartFiles: size})
				w := look(t, s)
				w.matches(t, head.files)
				if d := cmp.Diff(expected(head), histories(t, s, w)); d != "" {
					t.Error(d)
				}
				if got := len(w.living("commit")); got != report.Commits {
					t.Error(got, "commits, reported", report.Commits)
				}
				ancestors := map[string]bool{}
				reach(head, ancestors)
				if len(ancestors) != report.Commits {
					t.Error(report.Commits, "commits of", len(ancestors))
				}
			}
		})
	}
}

func reach(c *commit, into map[string]bool) {
	if into[c.hash.String()] {
		return
	}
	into[c.hash.String()] = true
	for _, p := range c.parents {
		reach(p, into)
	}
}

var errKilled = errors.New("killed")

// dying is a store whose process ends at the n-th update: before it, or after
// it was committed and before anybody heard.
type dying struct {
	entity.Store
	left   int
	after  bool
	cancel context.CancelFunc // instead of an error
}

func (d *dying) Update(ctx context.Context, by entity.Actor, fn func(entity.Tx) error) (entity.Seq, error) {
	if d.left--; d.left > 0 {
		return d.Store.Update(ctx, by, fn)
	}
	if d.cancel != nil {
		d.cancel()
		return d.Store.Update(ctx, by, fn)
	}
	if d.after {
		if _, err := d.Store.Update(ctx, by, fn); err != nil {
			return 0, err
		}
	}
	return 0, errKilled
}

// A run that ends at any transaction and is run again gives the same log,
// byte for byte, as one run.
func TestInterruptedAnywhere(t *testing.T) {
	seed := rand.Uint64()
	t.Log("seed", seed)
	repo := newRepository(t)
	head := randomHistory(repo, rand.New(rand.NewPCG(seed, 1)), 8)
	big := head.files.with(files{"z": {}})
	for i := range 7 {
		big[fmt.Sprintf("big/%d/file", i)] = text(fmt.Sprint(i))
	}
	head = repo.commit("big", big, head)
	head = repo.commit("small again", head.files.with(files{"big/0/file": {}, "big/1/file": {}, "big/2/file": {}, "big/3/file": {}}), head)
	repo.branch("master", head)
	o := gitimport.Options{Path: repo.dir, By: user, PartFiles: 2}

	whole := openStore(t)
	transactions := 0
	o.Progress = func(int, int, string) { transactions++ }
	run(t, whole, o)
	o.Progress = nil
	want := dump(t, whole)
	for n := 1; n <= transactions+1; n++ {
		// Every other time after the commit, which is before the next one.
		s := openStore(t)
		d := &dying{Store: s, left: n, after: n%2 == 0 || n > transactions}
		if _, err := gitimport.Import(t.Context(), d, o); !errors.Is(err, errKilled) {
			t.Fatal(n, err)
		}
		run(t, s, o)
		if diff := cmp.Diff(want, dump(t, s)); diff != "" {
			t.Fatalf("killed at transaction %d, after it: %v\n%s", n, d.after, diff)
		}
	}
	s := openStore(t)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := gitimport.Import(ctx, &dying{Store: s, left: 5, cancel: cancel}, o)
	if entity.KindOf(err) != entity.KindCanceled {
		t.Error(err)
	}
	for rounds := 0; ; rounds++ { // killed again and again, a little later each time
		_, err := gitimport.Import(t.Context(), &dying{Store: s, left: 4 + rounds}, o)
		if err == nil {
			break
		}
		if !errors.Is(err, errKilled) || rounds > transactions {
			t.Fatal(rounds, err)
		}
	}
	if diff := cmp.Diff(want, dump(t, s)); diff != "" {
		t.Fatal(diff)
	}
}

func TestNothingNewWritesNothing(t *testing.T) {
	repo := newRepository(t)
	one := repo.commit("one", files{"a": text("1")})
	repo.branch("master", one)
	s := openStore(t)
	run(t, s, gitimport.Options{Path: repo.dir})
	before := s.Seq()
	report := run(t, s, gitimport.Options{Path: repo.dir})
	if s.Seq() != before || !report.UpToDate() || report.Head != one.hash.String() {
		t.Error(before, s.Seq(), report)
	}
}

// Importing as history grows gives what importing it at the end gives.
func TestGrowing(t *testing.T) {
	repo := newRepository(t)
	var line []*commit
	c := repo.commit("0", files{"a": text("0"), "d/b": text("0")})
	for i := 1; i < 6; i++ {
		line = append(line, c)
		side := repo.commitBy("Bob <bob@example.org>", "side", c.files.with(files{"side": text(fmt.Sprint(i))}), c)
		c = repo.commit(fmt.Sprint(i), c.files.with(files{"a": text(fmt.Sprint(i)), "side": text(fmt.Sprint(i)), fmt.Sprint("n", i): text("")}), c, side)
	}
	line = append(line, c)
	step, once := openStore(t), openStore(t)
	for _, c := range line {
		repo.branch("master", c)
		run(t, step, gitimport.Options{Path: repo.dir})
		look(t, step).matches(t, c.files)
	}
	run(t, once, gitimport.Options{Path: repo.dir})
	if d := cmp.Diff(dump(t, once), dump(t, step)); d != "" {
		t.Error(d)
	}
}

// Whatever happens to a ref, the files follow it; commits are imported once.
func TestRewrittenHistory(t *testing.T) {
	repo := newRepository(t)
	base := repo.commit("base", files{"a": text("1"), "keep/k": text("k")})
	old := repo.commit("old", base.files.with(files{"a": text("2"), "gone/x": text("x")}), base)
	amended := repo.commit("amended", base.files.with(files{"a": text("3"), "came/y": text("y")}), base)
	on := repo.commit("on", amended.files.with(files{"a": text("4")}), amended)
	feature := repo.commit("feature", on.files.with(files{"f": text("f")}), on)
	mine := repo.commit("mine", on.files.with(files{"m": text("m")}), on)
	foxtrot := repo.commit("foxtrot", mine.files.with(files{"f": text("f")}), feature, mine)
	s := openStore(t)
	commits := 0
	for _, x := range []struct {
		at       *commit
		commits  int
		versions int
		deleted  int
	}{
		{old, 2, 4, 0},
		{amended, 1, 2, 1},
		{on, 1, 1, 0},
		{old, 0, 2, 1}, // straight back
		{on, 0, 2, 1},
		{base, 0, 1, 1}, // an older ref
		{mine, 1, 3, 0}, // all of what "on" had comes with it
		// The mainline now runs through feature, which has not mine: its file is
		// not taken away and brought back, the merge brings f.
		{foxtrot, 2, 1, 0},
	} {
		repo.branch("master", x.at)
		report := run(t, s, gitimport.Options{Path: repo.dir})
		commits += x.commits
		if report.Commits != x.commits || report.Versions != x.versions || report.Deleted != x.deleted {
			t.Errorf("%s: %+v", x.at.message, report)
		}
		w := look(t, s)
		w.matches(t, x.at.files)
		if got := len(w.living("commit")); got != commits {
			t.Errorf("%s: %d commits", x.at.message, got)
		}
	}
	w := look(t, s)
	if w.get(t, "commit", feature.hash.String()).Properties["mainline"] != false {
		t.Error("feature wrote files")
	}
}

// A commit that was begun is finished before history that was rewritten in the
// meantime is followed, so that none of its files is left behind.
func TestRewrittenWhileBegun(t *testing.T) {
	repo := newRepository(t)
	base := repo.commit("base", files{"a": text("1")})
	big := base.files.with(nil)
	for i := range 9 {
		big[fmt.Sprint("big/", i)] = text(fmt.Sprint(i))
	}
	old := repo.commit("big", big, base)
	other := repo.commit("other", base.files.with(files{"a": text("2")}), base)
	for _, n := range []int{3, 4, 6} {
		s := openStore(t)
		repo.branch("master", old)
		o := gitimport.Options{Path: repo.dir, By: user, PartFiles: 2}
		if _, err := gitimport.Import(t.Context(), &dying{Store: s, left: n, after: true}, o); !errors.Is(err, errKilled) {
			t.Fatal(err)
		}
		repo.branch("master", other)
		o.PartFiles = 100 // nor does it matter that parts are cut otherwise now
		run(t, s, o)
		look(t, s).matches(t, other.files)
	}
}

// Two imports at a time leave what one leaves; at most, one of them is told to
// run again.
func TestTwoAtOnce(t *testing.T) {
	repo := newRepository(t)
	head := randomHistory(repo, rand.New(rand.NewPCG(7, 7)), 40)
	repo.branch("master", head)
	s := openStore(t)
	o := gitimport.Options{Path: repo.dir, By: user, PartFiles: 2}
	errs := make([]error, 3)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { _, errs[i] = gitimport.Import(t.Context(), s, o) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil && entity.KindOf(err) != entity.KindConflict {
			t.Error(err)
		}
	}
	run(t, s, o)
	w := look(t, s)
	w.matches(t, head.files)
	if d := cmp.Diff(expected(head), histories(t, s, w)); d != "" {
		t.Error(d)
	}
}
