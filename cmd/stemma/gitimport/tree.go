package gitimport

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// action is what happened to a path.
type action uint8

const (
	addFile action = iota
	modifyFile
	deleteFile
	addFolder
	deleteFolder
)

// String is the action as relationships "changed" record it.
func (a action) String() string {
	return [...]string{"added", "modified", "deleted", "added", "deleted"}[a]
}

func (a action) ofFile() bool { return a <= deleteFile }

// delta is one difference between two trees. The entry is that of the newer
// tree, except for deletions.
type delta struct {
	action action
	path   string // bytes as git has them, "/" between names
	entry  object.TreeEntry
}

// treeEntries bounds the entries that the cache of trees holds in each of its
// two generations; an entry takes about 100 bytes.
const treeEntries = 100_000

// trees compares trees. It is ours since go-git's DiffTree builds a node for
// every entry and compares names after Unicode normalisation; a subtree whose
// hash is the same is not read here at all.
type trees struct {
	read       func(plumbing.Hash) ([]object.TreeEntry, error)
	young, old map[plumbing.Hash][]object.TreeEntry
	held       int // entries in young
	submodules map[string]struct{}
}

// entries of a tree, sorted by [compareEntries]; shared, read only.
func (t *trees) entries(hash plumbing.Hash) ([]object.TreeEntry, error) {
	if hash.IsZero() {
		return nil, nil
	}
	if e, ok := t.young[hash]; ok {
		return e, nil
	}
	e, ok := t.old[hash]
	if !ok {
		var err error
		if e, err = t.read(hash); err != nil {
			return nil, err
		}
		if !slices.IsSortedFunc(e, compareEntries) { // git fsck would complain; old tools wrote such
			slices.SortStableFunc(e, compareEntries)
		}
		e = slices.CompactFunc(e, func(a, b object.TreeEntry) bool { return compareEntries(a, b) == 0 })
	}
	if t.held += len(e) + 1; t.young == nil || t.held > treeEntries {
		t.old, t.young, t.held = t.young, make(map[plumbing.Hash][]object.TreeEntry), len(e)+1
	}
	t.young[hash] = e
	return e, nil
}

// compareEntries is git's order in a tree: a folder's name ends in a slash. A
// file and a folder of one name are two entries.
func compareEntries(a, b object.TreeEntry) int {
	n := min(len(a.Name), len(b.Name))
	if c := strings.Compare(a.Name[:n], b.Name[:n]); c != 0 {
		return c
	}
	return cmp.Compare(byteAt(a, n), byteAt(b, n))
}

func byteAt(e object.TreeEntry, n int) byte {
	switch {
	case n < len(e.Name):
		return e.Name[n]
	case e.Mode == filemode.Dir:
		return '/'
	}
	return 0
}

// diff gives what leads from one root tree to another, in the order of paths;
// a folder comes before what is added in it and after what is deleted in it.
// The zero hash is the empty tree.
func (t *trees) diff(ctx context.Context, from, to plumbing.Hash) ([]delta, error) {
	w := walk{ctx: ctx, trees: t}
	if err := w.tree(from, to, ""); err != nil {
		return nil, err
	}
	return w.out, nil
}

type walk struct {
	ctx   context.Context
	trees *trees
	out   []delta
}

func (w *walk) tree(from, to plumbing.Hash, prefix string) error {
	if from == to {
		return nil
	}
	if err := ctxError(w.ctx); err != nil {
		return err
	}
	a, err := w.trees.entries(from)
	if err != nil {
		return err
	}
	b, err := w.trees.entries(to)
	if err != nil {
		return err
	}
	for len(a) > 0 || len(b) > 0 {
		order := 0
		switch {
		case len(b) == 0:
			order = -1
		case len(a) == 0:
			order = 1
		default:
			order = compareEntries(a[0], b[0])
		}
		switch {
		case order < 0:
			err = w.gone(a[0], prefix+a[0].Name)
			a = a[1:]
		case order > 0:
			err = w.come(b[0], prefix+b[0].Name)
			b = b[1:]
		default:
			err = w.both(a[0], b[0], prefix+b[0].Name)
			a, b = a[1:], b[1:]
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) gone(e object.TreeEntry, path string) error {
	switch e.Mode {
	case filemode.Submodule:
		return nil
	case filemode.Dir:
		if err := w.tree(e.Hash, plumbing.ZeroHash, path+"/"); err != nil {
			return err
		}
		w.emit(deleteFolder, path, e)
		return nil
	}
	w.emit(deleteFile, path, e)
	return nil
}

func (w *walk) come(e object.TreeEntry, path string) error {
	switch e.Mode {
	case filemode.Submodule:
		w.passOver(path)
		return nil
	case filemode.Dir:
		w.emit(addFolder, path, e)
		return w.tree(plumbing.ZeroHash, e.Hash, path+"/")
	}
	w.emit(addFile, path, e)
	return nil
}

// both handles an entry of both trees; either both are folders or none is.
func (w *walk) both(a, b object.TreeEntry, path string) error {
	switch {
	case a.Hash == b.Hash && a.Mode == b.Mode:
		return nil
	case b.Mode == filemode.Dir:
		return w.tree(a.Hash, b.Hash, path+"/")
	case b.Mode == filemode.Submodule:
		w.passOver(path)
		return w.gone(a, path)
	case a.Mode == filemode.Submodule:
		return w.come(b, path)
	}
	w.emit(modifyFile, path, b)
	return nil
}

func (w *walk) emit(a action, path string, e object.TreeEntry) {
	w.out = append(w.out, delta{action: a, path: path, entry: e})
}

func (w *walk) passOver(path string) {
	if w.trees.submodules == nil {
		w.trees.submodules = make(map[string]struct{})
	}
	w.trees.submodules[path] = struct{}{}
}
