package archive_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stemma/cmd/stemma/archive"
	"stemma/entity"
	"stemma/versions/car"
)

// A store that is exported and imported is the same store: histories, chains
// and contents. Importing again changes nothing.
func TestEverything(t *testing.T) {
	from, to := newPlace(t), newPlace(t)
	w := fill(t, from, 250)
	file, wrote := from.export(t, archive.Selection{})
	took, refused := to.take(t, file, archive.ImportOptions{})
	if len(refused) > 0 || len(wrote.Missing) > 0 {
		t.Fatalf("refused %+v, missing %v", refused, wrote.Missing)
	}
	if took.Versions != wrote.Versions || took.ChainBlocks != wrote.ChainBlocks || took.Contents != wrote.Contents || took.Created != wrote.Entities || took.Index != 2 {
		t.Errorf("wrote %+v, took %+v", wrote, took)
	}
	want := from.histories(t, w.all())
	if diff := cmp.Diff(want, to.histories(t, w.all())); diff != "" {
		t.Error(diff)
	}
	before := to.Seq()
	again, refused := to.take(t, file, archive.ImportOptions{})
	if to.Seq() != before || len(refused) > 0 || again.Versions+again.ChainBlocks+again.Contents != 0 || again.Known != wrote.Versions+wrote.ChainBlocks+wrote.Contents {
		t.Errorf("importing again: %+v, refused %v, log from %d to %d", again, refused, before, to.Seq())
	}
}

// The order of the blocks in a file is free: newest first, contents last, or
// any other.
func TestAnyOrder(t *testing.T) {
	from := newPlace(t)
	w := fill(t, from, 160)
	want := from.histories(t, w.all())
	file, _ := from.export(t, archive.Selection{})
	_, blocks := unpack(t, file)
	reversed := slices.Clone(blocks)
	slices.Reverse(reversed)
	shuffled := slices.Clone(blocks)
	rand.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	late := slices.Clone(blocks)
	slices.SortStableFunc(late, func(a, b block) int {
		switch {
		case isContent(a) == isContent(b):
			return 0
		case isContent(a):
			return 1
		}
		return -1
	})
	twice := slices.Concat(shuffled, blocks)
	for name, order := range map[string][]block{"newest first": reversed, "shuffled": shuffled, "contents last": late, "twice": twice} {
		t.Run(name, func(t *testing.T) {
			to := newPlace(t)
			if _, refused := to.take(t, pack(t, order), archive.ImportOptions{}); len(refused) > 0 {
				t.Errorf("refused %+v", refused)
			}
			if diff := cmp.Diff(want, to.histories(t, w.all())); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// An export of an entity or a collection holds their whole histories and
// nothing of others, and is a store by itself.
func TestSelections(t *testing.T) {
	from := newPlace(t)
	w := fill(t, from, 160)
	one := w.plain[0]
	for _, id := range []entity.ID{one, w.files[0]} {
		file, report := from.export(t, archive.Selection{Entity: id})
		to := newPlace(t)
		took, refused := to.take(t, file, archive.ImportOptions{})
		if len(refused) > 0 || report.Entities != 1 || took.Created != 1 || took.Index != 0 {
			t.Errorf("refused %v, wrote %+v, took %+v", refused, report, took)
		}
		if diff := cmp.Diff(from.histories(t, []entity.ID{id}), to.histories(t, []entity.ID{id})); diff != "" {
			t.Error(diff)
		}
	}
	var in []entity.ID
	err := from.View(t.Context(), func(r entity.Reader) error {
		in = []entity.ID{w.collections[0]}
		for _, id := range w.all() {
			h, err := r.Head(id)
			if err != nil {
				return err
			}
			if m, err := r.Manifest(h.CID()); err != nil || m.Related(entity.PredicateCollection, w.collections[0]) >= 0 {
				in = append(in, id)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	file, report := from.export(t, archive.Selection{Collection: w.collections[0]})
	to := newPlace(t)
	if took, refused := to.take(t, file, archive.ImportOptions{}); len(refused) > 0 || took.Created != len(in) || report.Entities != len(in) {
		t.Errorf("%d in the collection; wrote %+v, took %+v, refused %v", len(in), report, took, refused)
	}
	if diff := cmp.Diff(from.histories(t, in), to.histories(t, in)); diff != "" {
		t.Error(diff)
	}
}

func TestSelectionErrors(t *testing.T) {
	p := newPlace(t)
	letter := p.create(t, entity.Draft{Type: "letter"}).Manifest.ID
	for name, c := range map[string]struct {
		s    archive.Selection
		kind entity.Kind
	}{
		"unknown entity":     {archive.Selection{Entity: "01JH8Z0Y6V5RZ4Q8Q9V4T2W3XX"}, entity.KindNotFound},
		"unknown collection": {archive.Selection{Collection: "01JH8Z0Y6V5RZ4Q8Q9V4T2W3XX"}, entity.KindNotFound},
		"no collection":      {archive.Selection{Collection: letter}, entity.KindInvalid},
		"both":               {archive.Selection{Collection: letter, Entity: letter}, entity.KindInvalid},
	} {
		if _, err := archive.Export(t.Context(), p, io.Discard, archive.ExportOptions{Select: c.s}); err == nil || entity.KindOf(err) != c.kind {
			t.Errorf("%s: %v, want %s", name, err, c.kind)
		}
	}
}

// Every block and content of an export can be reached from its roots, so that
// pinning them holds all; and a block comes after those it links to.
func TestRootsReachEverything(t *testing.T) {
	from := newPlace(t)
	w := fill(t, from, 200)
	for _, s := range []archive.Selection{{}, {Collection: w.collections[1]}, {Entity: w.plain[0]}, {Entity: w.files[0]}} {
		file, report := from.export(t, s)
		roots, blocks := unpack(t, file)
		if !slices.Equal(roots, report.Roots) || len(roots) == 0 || s.Entity == "" && len(roots) != 1 {
			t.Errorf("%+v: roots %v, report %v", s, roots, report.Roots)
		}
		byCID := map[entity.CID][]byte{}
		for _, b := range blocks {
			if _, twice := byCID[b.cid]; twice {
				t.Errorf("%+v: %s is there twice", s, b.cid)
			}
			byCID[b.cid] = b.data
			if m, err := entity.DecodeManifest(b.data); err == nil && m.Prev != nil && byCID[m.Prev.CID] == nil {
				t.Errorf("%+v: %s comes before version %d", s, b.cid, m.Ver-1)
			}
		}
		reached := map[entity.CID]bool{}
		for stack := roots; len(stack) > 0; {
			c := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			if reached[c] {
				continue
			}
			reached[c] = true
			if isContent(block{cid: c}) {
				continue
			}
			links, err := car.Links(byCID[c])
			if err != nil {
				t.Fatalf("%+v: %s: %v", s, c, err)
			}
			stack = append(stack, links...)
		}
		if len(reached) != len(blocks) {
			t.Errorf("%+v: %d blocks, %d can be reached", s, len(blocks), len(reached))
		}
	}
}

// A large export's index takes several parts, all linked from one root.
func TestIndexParts(t *testing.T) {
	p := newPlace(t)
	const n = 4200
	for range n / 1400 {
		p.update(t, func(tx entity.Tx) error {
			for i := range 1400 {
				if _, err := tx.Create(entity.Draft{Type: "letter", Properties: entity.Properties{"n": int64(i)}}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	file, report := p.export(t, archive.Selection{})
	if len(report.Roots) != 1 || report.Versions != n {
		t.Errorf("%+v", report)
	}
	to := newPlace(t)
	if took, refused := to.take(t, file, archive.ImportOptions{}); took.Created != n || took.Index != 3 || len(refused) > 0 {
		t.Errorf("%+v, refused %v", took, refused)
	}
}

// Large versions, of which a few fill a piece, come whole and in order.
func TestLargeVersions(t *testing.T) {
	from, to := placeIn(t, t.TempDir()), placeIn(t, t.TempDir()) // in memory Badger takes no value past 1 MiB
	id := from.create(t, entity.Draft{Type: "letter"}).Manifest.ID
	for n := range 6 {
		from.put(t, id, set("text", strings.Repeat("x", 1_500_000+n)))
	}
	file, _ := from.export(t, archive.Selection{})
	if took, refused := to.take(t, file, archive.ImportOptions{}); took.Versions != 7 || len(refused) > 0 {
		t.Errorf("%+v, refused %v", took, refused)
	}
}

// offsets are where the blocks of a file begin.
func offsets(t testing.TB, file []byte) (out []int) {
	t.Helper()
	in, err := car.NewReader(bytes.NewReader(file), car.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for {
		b, err := in.Next()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, int(b.Offset))
	}
}

// A file that was cut within a block is an error, what came before the cut stays, and the
// whole file then gives what it would have given at once.
func TestInterrupted(t *testing.T) {
	from, to := newPlace(t), newPlace(t)
	w := fill(t, from, 160)
	file, _ := from.export(t, archive.Selection{})
	at := offsets(t, file)
	for _, part := range []int{at[len(at)/5] + 5, at[len(at)/2] + 40, len(file) - 3} {
		before := to.Seq()
		report, err := archive.Import(t.Context(), to, bytes.NewReader(file[:part]), archive.ImportOptions{By: actor.UserID, Contents: to.blobs})
		if err == nil || entity.KindOf(err) != entity.KindInvalid || !strings.Contains(err.Error(), "cut short") {
			t.Errorf("cut at %d: %v", part, err)
		}
		if int(to.Seq()-before) != report.Versions+report.ChainBlocks || report.Versions == 0 || report.Refused > 0 {
			t.Errorf("cut at %d: %d changes, report %+v", part, to.Seq()-before, report)
		}
	}
	if _, refused := to.take(t, file, archive.ImportOptions{}); len(refused) > 0 {
		t.Errorf("refused %v", refused)
	}
	if diff := cmp.Diff(from.histories(t, w.all()), to.histories(t, w.all())); diff != "" {
		t.Error(diff)
	}
}

// The end of the context ends an import, as such.
func TestCanceled(t *testing.T) {
	p := newPlace(t)
	fill(t, p, 20)
	file, _ := p.export(t, archive.Selection{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := archive.Import(ctx, newPlace(t), bytes.NewReader(file), archive.ImportOptions{}); entity.KindOf(err) != entity.KindCanceled || err == nil {
		t.Errorf("import: %v", err)
	}
	if _, err := archive.Export(ctx, p, io.Discard, archive.ExportOptions{}); entity.KindOf(err) != entity.KindCanceled || err == nil {
		t.Errorf("export: %v", err)
	}
}

// An export without contents names what an import then asks for.
func TestWithoutContents(t *testing.T) {
	from := newPlace(t)
	w := fill(t, from, 200)
	var out bytes.Buffer
	report, err := archive.Export(t.Context(), from, &out, archive.ExportOptions{})
	if err != nil || report.Contents != 0 {
		t.Fatalf("%+v, %v", report, err)
	}
	to := newPlace(t)
	took, refused := to.take(t, out.Bytes(), archive.ImportOptions{})
	if len(refused) == 0 || took.Versions+len(refused) != report.Versions {
		t.Errorf("took %+v of %+v", took, report)
	}
	for _, r := range refused {
		if !strings.Contains(r.Reason, "its content baf") && !strings.Contains(r.Reason, "it follows version") || r.Entity == "" || r.N < 2 {
			t.Errorf("refused: %+v", r)
		}
	}
	took, refused = to.take(t, out.Bytes(), archive.ImportOptions{WithoutContent: true})
	if len(refused) > 0 || took.Missing == 0 {
		t.Errorf("without content: %+v, refused %v", took, refused)
	}
	heads := func(p *place) (out []string) {
		for _, id := range w.all() {
			if err := p.View(t.Context(), func(r entity.Reader) error {
				h, err := r.Head(id)
				out = append(out, fmt.Sprint(id, h.CID()))
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
		return out
	}
	if diff := cmp.Diff(heads(from), heads(to)); diff != "" {
		t.Error(diff)
	}
}

// A content that is gone is reported, and the rest is exported.
func TestContentGone(t *testing.T) {
	p := newPlace(t)
	id := p.create(t, fileDraft("")).Manifest.ID
	p.upload(t, id, "here today")
	p.upload(t, id, "here to stay")
	c := entity.SumRaw([]byte("here today"))
	info, err := p.blobs.Stat(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if gone, err := p.blobs.Delete(t.Context(), c, info.Modified.Add(1)); err != nil || !gone {
		t.Fatal(gone, err)
	}
	file, report := p.export(t, archive.Selection{})
	if !slices.Equal(report.Missing, []entity.CID{c}) || report.Contents != 1 || report.Versions != 3 {
		t.Errorf("%+v", report)
	}
	_, refused := newPlace(t).take(t, file, archive.ImportOptions{})
	if len(refused) != 2 { // the version that names it, and the one after
		t.Errorf("%+v", refused)
	}
}
