package gitimport

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"stemma/entity"
)

// An identifier must never change: imports are resumed by it.
func TestIdentifiersAreForEver(t *testing.T) {
	root := plumbing.NewHash("4b825dc642cb6eb9a060e54bf8d69288fbee4904")
	at := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	d := newIDs(entity.Main, "atlas", root, at)
	for _, x := range []struct{ got, want entity.ID }{
		{d.collection, "01DXJ3BK48M3P48DF0EMRMF4K7"},
		{d.file("a/b"), "01DXJ3BK48R34TKKV9XZJ1YBRN"},
		{d.folder("a/b"), "01DXJ3BK48Q9TSFN4MQC32XNSF"},
		{d.person("ann@example.org"), "01DXJ3BK489QFN05QHR6KX6SVX"},
		{d.commit(root, at), "01DXJ3BK48H345YR4T4V4MD2EA"},
		{d.commit(root, time.Unix(0, 0)), "0000000000H345YR4T4V4MD2EA"},
		{d.commit(root, time.Unix(1<<50, 0)), "76EZ91ZPZZH345YR4T4V4MD2EA"},
	} {
		if _, err := entity.ParseID(string(x.got)); err != nil || x.got != x.want {
			t.Errorf("%s, want %s: %v", x.got, x.want, err)
		}
	}
}

func TestMessages(t *testing.T) {
	for _, x := range []struct{ text, encoding, want string }{
		{"plain\n", "", "plain"},
		{"caf\xe9", "ISO-8859-1", "café"},
		{"caf\xe9", "", "caf\uFFFD"},
		{"café", "ISO-8859-1", "café"}, // says one thing and does another
		{"\n\n  \n", "", ""},
	} {
		if got := message(&object.Commit{Message: x.text, Encoding: object.MessageEncoding(x.encoding)}); got != x.want {
			t.Errorf("%q in %q is %q", x.text, x.encoding, got)
		}
	}
	if got := clip("ééé", 2); got != "é…" {
		t.Error(got)
	}
	if got := clipFront("ééé", 2); got != "…é" {
		t.Error(got)
	}
}

func TestTimes(t *testing.T) {
	for at, want := range map[time.Time]string{
		time.Unix(-5, 0):            "1970-01-01T00:00:00.000Z",
		time.Unix(1<<40, 0):         "9999-12-31T23:59:59.999Z",
		time.Unix(1_600_000_000, 0): "2020-09-13T12:26:40.000Z",
	} {
		if got := stamp(at); got != want {
			t.Error(got, want)
		}
	}
}

// Trees that git fsck would refuse are sorted before they are compared, so
// that order alone is no difference.
func TestUnsortedTrees(t *testing.T) {
	hash := func(b byte) plumbing.Hash { return plumbing.Hash{b} }
	dir := object.TreeEntry{Name: "a", Mode: filemode.Dir, Hash: hash(3)}
	dot := object.TreeEntry{Name: "a.b", Mode: filemode.Regular, Hash: hash(9)}
	deprecated := object.TreeEntry{Name: "z", Mode: filemode.Deprecated, Hash: hash(9)}
	stored := map[plumbing.Hash][]object.TreeEntry{
		hash(1): {dot, dir},
		hash(2): {dir, dot, dot, deprecated},
		hash(3): {},
	}
	tr := trees{read: func(h plumbing.Hash) ([]object.TreeEntry, error) { return stored[h], nil }}
	got, err := tr.diff(context.Background(), hash(1), hash(2))
	if err != nil || len(got) != 1 || got[0].path != "z" || got[0].action != addFile || modeText(got[0].entry.Mode) != "100644" {
		t.Error(got, err)
	}
	if got, err = tr.diff(context.Background(), hash(2), hash(2)); err != nil || len(got) != 0 {
		t.Error(got, err)
	}
}

// A commit of any width fits into a manifest.
func TestWideCommit(t *testing.T) {
	r := run{ids: newIDs(entity.Main, "atlas", plumbing.ZeroHash, time.Unix(0, 0)), part: part{commit: &object.Commit{}, committedBy: true}}
	for i := range 66 { // git allows any number of parents
		r.part.parents = append(r.part.parents, parentRef{id: r.ids.file(strconv.Itoa(i))}, parentRef{id: r.ids.file(strconv.Itoa(i))})
	}
	for i := range 20_000 {
		r.part.changed = append(r.part.changed, delta{path: strconv.Itoa(i)})
	}
	m := entity.Manifest{
		Schema: entity.Schema, ID: r.commitID(), Type: typeCommit, CreatedAt: stamp(time.Unix(0, 0)), Ver: 1, Properties: entity.Properties{},
		Relationships: r.commitRelationships(), EditedBy: entity.Actor{UserID: r.commitID(), Method: entity.MethodImport},
	}
	if _, _, err := m.Seal(); err != nil || len(m.Relationships) != 3+66+maxChanged {
		t.Error(len(m.Relationships), err)
	}
}
