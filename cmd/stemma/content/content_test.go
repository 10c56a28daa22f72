package content_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"strings"
	"testing"
	"time"

	"stemma/cmd/stemma/content"
	"stemma/entity"
	"stemma/entity/store"
	"stemma/files"
)

var actor = entity.Actor{UserID: "01JH8Z0Y6V5RZ4Q8Q9V4T2W3XK", Method: entity.MethodManual}

// rig is a store without any projection, and content beside it.
type rig struct {
	*testing.T
	store *store.Store
	blobs *files.Blobs
}

func newRig(t *testing.T) *rig {
	t.Helper()
	s, err := store.Open(store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := s.Check(context.Background(), nil); err != nil {
			t.Error(err)
		}
		s.Close()
	})
	blobs, err := files.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return &rig{t, s, blobs}
}

func (r *rig) put(text string) files.Info {
	r.Helper()
	info, err := r.blobs.Ingest(r.Context(), strings.NewReader(text), 1<<20, files.Unknown)
	if err != nil {
		r.Fatal(err)
	}
	return info
}

func (r *rig) update(fn func(entity.Tx) error) {
	r.Helper()
	if _, err := r.store.Update(r.Context(), actor, fn); err != nil {
		r.Fatal(err)
	}
}

func properties(info files.Info) entity.Properties {
	return entity.Properties{"label": "f", "key": "k", "uploaded": true, "cid": info.CID.String(), "size": info.Size}
}

// file makes a file entity with the content.
func (r *rig) file(info files.Info) (id entity.ID) {
	r.Helper()
	r.update(func(tx entity.Tx) error {
		v, err := tx.Create(entity.Draft{Type: entity.TypeFile, Properties: properties(info)})
		if err == nil {
			id = v.Manifest.ID
		}
		return err
	})
	return id
}

func (r *rig) collect(before time.Time, mode content.Mode) (out content.Collected, deleted map[entity.CID]bool) {
	r.Helper()
	deleted = map[entity.CID]bool{}
	err := r.store.View(r.Context(), func(read entity.Reader) (err error) {
		out, err = content.Collect(r.Context(), read, r.blobs, before, mode, func(i files.Info) { deleted[i.CID] = true }, nil)
		return err
	})
	if err != nil {
		r.Fatal(err)
	}
	return out, deleted
}

func (r *rig) kept(info files.Info) bool {
	r.Helper()
	_, err := r.blobs.Stat(r.Context(), info.CID)
	if err != nil && entity.KindOf(err) != entity.KindNotFound {
		r.Fatal(err)
	}
	return err == nil
}

func (r *rig) verify(source content.Source) (v content.Verified, err error) {
	viewed := r.store.View(r.Context(), func(read entity.Reader) error {
		v, err = content.Verify(r.Context(), read, source, nil)
		return nil
	})
	if viewed != nil {
		r.Fatal(viewed)
	}
	return v, err
}

// What any version has ever referred to stays: the tip, a version before it, a
// deleted file. What only looks like a reference does not.
func TestCollect(t *testing.T) {
	r := newRig(t)
	tip, old, buried, orphan := r.put("tip"), r.put("old"), r.put("buried"), r.put("orphan")
	pending, note, young := r.put("pending"), r.put("note"), time.Now().Add(time.Hour)
	id := r.file(old)
	r.update(func(tx entity.Tx) error {
		_, err := tx.Put(id, entity.Any, func(m *entity.Manifest) error { m.Properties = properties(tip); return nil })
		return err
	})
	gone := r.file(buried)
	r.update(func(tx entity.Tx) error {
		_, err := tx.Put(gone, entity.Any, func(m *entity.Manifest) error {
			m.Bury(entity.Tombstone{DeletedAt: m.CreatedAt, DeletedBy: actor.UserID, OriginalVer: 1})
			return nil
		})
		return err
	})
	r.update(func(tx entity.Tx) error {
		p := properties(pending)
		p["uploaded"] = false
		if _, err := tx.Create(entity.Draft{Type: entity.TypeFile, Properties: p}); err != nil {
			return err
		}
		_, err := tx.Create(entity.Draft{Type: "note", Properties: properties(note)})
		return err
	})
	garbage := []files.Info{orphan, pending, note}

	if got, _ := r.collect(tip.Modified.Add(-time.Hour), content.Delete); got.Deleted.Blobs != 0 || got.Young.Blobs != 3 || got.Referenced.Blobs != 3 {
		t.Errorf("within the grace: %+v", got)
	}
	got, would := r.collect(young, content.DryRun)
	if got.Deleted != (content.Amount{Blobs: 3, Bytes: orphan.Size + pending.Size + note.Size}) || len(would) != 3 {
		t.Errorf("dry run: %+v", got)
	}
	for _, info := range garbage {
		if !would[info.CID] || !r.kept(info) {
			t.Errorf("dry run: %v of %s, kept %v", would[info.CID], info.CID, r.kept(info))
		}
	}
	if got, deleted := r.collect(young, content.Delete); got.Deleted.Blobs != 3 || len(deleted) != 3 {
		t.Errorf("%+v", got)
	}
	for _, info := range garbage {
		if r.kept(info) {
			t.Errorf("garbage is kept: %s", info.CID)
		}
	}
	for _, info := range []files.Info{tip, old, buried} {
		if !r.kept(info) {
			t.Errorf("content that a version refers to was deleted: %s", info.CID)
		}
	}
	if v, err := r.verify(r.blobs); err != nil || v != (content.Verified{Blobs: 3, Bytes: tip.Size + old.Size + buried.Size}) {
		t.Errorf("%+v %v", v, err)
	}
}

// putAgain is a store in which content is put again between the look and the
// removal.
type putAgain struct {
	*files.Blobs
	r    *rig
	text string
}

func (p putAgain) List(ctx context.Context) iter.Seq2[files.Info, error] {
	return func(yield func(files.Info, error) bool) {
		for i, err := range p.Blobs.List(ctx) {
			i.Modified = i.Modified.Add(-48 * time.Hour) // as it was when it was listed
			p.r.put(p.text)
			if !yield(i, err) {
				return
			}
		}
	}
}

func TestCollectSparesWhatIsPutAgain(t *testing.T) {
	r := newRig(t)
	info := r.put("text")
	before := info.Modified.Add(-time.Hour)
	err := r.store.View(t.Context(), func(read entity.Reader) error {
		c, err := content.Collect(t.Context(), read, putAgain{r.blobs, r, "text"}, before, content.Delete, nil, nil)
		if c.Deleted.Blobs != 0 || c.Young.Blobs != 1 {
			t.Errorf("%+v", c)
		}
		return err
	})
	if err != nil || !r.kept(info) {
		t.Errorf("kept %v, %v", r.kept(info), err)
	}
}

// lying gives other bytes under a name, or fails.
type lying struct {
	*files.Blobs
	text string
	err  error
}

func (l lying) Get(context.Context, entity.CID, int64, int64) (io.ReadCloser, error) {
	if l.text == "" {
		return nil, l.err
	}
	return io.NopCloser(io.MultiReader(strings.NewReader(l.text), broken{l.err})), nil
}

type broken struct{ err error }

func (b broken) Read([]byte) (int, error) {
	if b.err == nil {
		return 0, io.EOF
	}
	return 0, b.err
}

func TestVerifyFinds(t *testing.T) {
	r := newRig(t)
	info := r.put("text")
	r.file(info)
	for _, x := range []struct {
		source content.Source
		want   string
	}{
		{lying{text: "tixt"}, "holds other bytes"},
		{lying{text: "te", err: errors.New("bad sector")}, "cannot be read: bad sector"},
		{lying{err: entity.NotFound("x", "none")}, "is missing"},
	} {
		v, err := r.verify(x.source)
		if err == nil || !strings.Contains(err.Error(), x.want) || !strings.Contains(err.Error(), info.CID.String()) || v.Blobs != 1 {
			t.Errorf("%+v %v, want %q", v, err, x.want)
		}
	}
	unreachable := entity.Errorf(entity.KindUnavailable, "x", "no service")
	if _, err := r.verify(lying{err: unreachable}); entity.KindOf(err) != entity.KindUnavailable {
		t.Errorf("%v", err)
	}
	wrong := info
	wrong.Size++
	r.file(wrong)
	if _, err := r.verify(r.blobs); err == nil || !strings.Contains(err.Error(), "a file says 5") {
		t.Errorf("%v", err)
	}
}

func TestCanceled(t *testing.T) {
	r := newRig(t)
	r.file(r.put("text"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := r.store.View(t.Context(), func(read entity.Reader) error {
		_, err := content.Verify(ctx, read, r.blobs, nil)
		return err
	})
	if entity.KindOf(err) != entity.KindCanceled {
		t.Errorf("%v", err)
	}
}
