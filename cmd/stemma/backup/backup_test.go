package backup_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stemma/api/auth"
	"stemma/api/wire"
	"stemma/cmd/stemma/backup"
	"stemma/entity"
	"stemma/entity/access"
	"stemma/entity/listing"
	"stemma/entity/store"
	"stemma/files"
	"stemma/graph"
)

const user entity.ID = "01JH8Z0Y6V5RZ4Q8Q9V4T2W3XK"

var actor = entity.Actor{UserID: user, Method: entity.MethodManual}

func projections() []entity.Projection {
	return []entity.Projection{graph.New(), listing.Projection{}}
}

// rig is a store with content, and a directory to back it up to.
type rig struct {
	*testing.T
	backup.Local
	blobs *files.Blobs
	dir   string
	n     int
}

func newRig(t *testing.T) *rig {
	t.Helper()
	s, err := store.Open(store.Options{Projections: projections()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	blobs, err := files.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return &rig{T: t, Local: backup.Local{Store: s, Blobs: blobs}, blobs: blobs, dir: filepath.Join(t.TempDir(), "backups")}
}

func (r *rig) update(fn func(entity.Tx) error) {
	r.Helper()
	if _, err := r.Store.Update(r.Context(), actor, fn); err != nil {
		r.Fatal(err)
	}
}

// grow makes a note and a file with content of its own.
func (r *rig) grow() files.Info {
	r.Helper()
	r.n++
	info, err := r.blobs.Ingest(r.Context(), strings.NewReader(fmt.Sprint("content ", r.n)), 1<<20, files.Unknown)
	if err != nil {
		r.Fatal(err)
	}
	r.update(func(tx entity.Tx) error {
		tx.SetSecret("key", []byte(fmt.Sprint(r.n)))
		if _, err := tx.Create(entity.Draft{Type: "note"}); err != nil {
			return err
		}
		_, err := tx.Create(entity.Draft{Type: entity.TypeFile, Properties: entity.Properties{"uploaded": true, "cid": info.CID.String(), "size": info.Size}})
		return err
	})
	return info
}

func (r *rig) run() backup.Result {
	r.Helper()
	res, err := backup.Run(r.Context(), r.Local, r.dir, entity.Main, nil)
	if err != nil {
		r.Fatal(err)
	}
	return res
}

// restore restores the directory into a new one, and gives what a backup of
// that would hold.
func (r *rig) restore() (backup.Restored, []byte, error) {
	r.Helper()
	data := filepath.Join(r.TempDir(), "data")
	var res backup.Restored
	err := backup.Into(data, func(tmp string) (err error) {
		dir := filepath.Join(tmp, "main")
		open := func() (*files.Blobs, error) { return files.OpenDir(filepath.Join(dir, "blobs")) }
		res, err = backup.Restore(r.Context(), r.dir, entity.Main, backup.Target{Dir: dir, Projections: projections(), OpenBlobs: open}, nil)
		return err
	})
	left, readErr := os.ReadDir(filepath.Dir(data))
	if readErr != nil {
		r.Fatal(readErr)
	}
	if err != nil {
		if len(left) > 0 {
			r.Errorf("a restore that failed left %v", left)
		}
		return res, nil, err
	}
	if len(left) != 1 {
		r.Errorf("beside what was restored: %v", left)
	}
	s, err := store.Open(store.Options{Dir: filepath.Join(data, "main"), Projections: projections()})
	if err != nil {
		r.Fatal(err)
	}
	defer s.Close()
	return res, rows(r.T, s), nil
}

// rows are what a full backup holds, without its head.
func rows(t *testing.T, s *store.Store) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := s.Backup(context.Background(), &b, 0); err != nil {
		t.Fatal(err)
	}
	r, err := store.OpenBackup(&b)
	if err != nil {
		t.Fatal(err)
	}
	var out []byte
	for row, err := range r.Rows() {
		if err != nil {
			t.Fatal(err)
		}
		out = fmt.Appendf(out, "%q %q\n", row.Key, row.Value)
	}
	return out
}

func names(t *testing.T, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

// A full backup and increments, one of them of a secret alone, give the store
// back, its content too; where nothing has changed there is no file.
func TestBackupAndRestore(t *testing.T) {
	r := newRig(t)
	r.grow()
	if got := r.run(); got.From != 0 || got.To != 2 || got.Content != 1 || filepath.Base(got.Path) != "main-000001-0-2.backup" {
		t.Errorf("%+v", got)
	}
	if got := r.run(); got.Path != "" {
		t.Errorf("nothing has changed: %+v", got)
	}
	r.grow()
	r.grow()
	if got := r.run(); got.From != 2 || got.To != 6 || got.Content != 2 {
		t.Errorf("%+v", got)
	}
	r.update(func(tx entity.Tx) error { tx.SetSecret("key", []byte("rotated")); return nil })
	if got := r.run(); got.Path == "" || got.From != got.To {
		t.Errorf("a secret has changed: %+v", got)
	}
	if diff := cmp.Diff([]string{"content", "main-000001-0-2.backup", "main-000002-2-6.backup", "main-000003-6-6.backup"}, names(t, r.dir)); diff != "" {
		t.Error(diff)
	}
	err := filepath.WalkDir(r.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has the mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	res, got, err := r.restore()
	if err != nil {
		t.Fatal(err)
	}
	if res.Parts != 3 || res.To != 6 || res.Content.Blobs != 3 || res.Report.Entities != 6 {
		t.Errorf("%+v", res)
	}
	if diff := cmp.Diff(rows(t, r.Store), got); diff != "" {
		t.Error(diff)
	}
}

// Whatever happens to a directory of backups, a restore says which file is the
// matter and leaves nothing.
func TestRestoreRefuses(t *testing.T) {
	const second = "main-000002-2-4.backup"
	edit := func(change func([]byte) []byte) func(string) error {
		return func(dir string) error {
			b, err := os.ReadFile(filepath.Join(dir, second))
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(dir, second), change(b), 0o600)
		}
	}
	blob := func(dir string, change func(path string) error) error {
		found, err := filepath.Glob(filepath.Join(dir, "content", "main", "*", "*", "bafk*"))
		if err == nil && len(found) != 3 {
			err = fmt.Errorf("%d blobs in the backup", len(found))
		}
		if err != nil {
			return err
		}
		return change(found[0])
	}
	for name, x := range map[string]struct {
		damage func(dir string) error
		want   string
	}{
		"missing":      {func(dir string) error { return os.Remove(filepath.Join(dir, second)) }, "backup number 2 of main is missing"},
		"no full one":  {func(dir string) error { return os.Remove(filepath.Join(dir, "main-000001-0-2.backup")) }, "backup number 1 of main is missing"},
		"cut short":    {edit(func(b []byte) []byte { return b[:len(b)-5] }), second + ": the backup is cut short"},
		"cut to 0":     {edit(func(b []byte) []byte { return nil }), second + ": this is not a backup"},
		"a bit":        {edit(func(b []byte) []byte { b[len(b)/2] ^= 1; return b }), second},
		"the checksum": {edit(func(b []byte) []byte { b[len(b)-1] ^= 1; return b }), second + ": the backup is damaged"},
		"renamed": {func(dir string) error {
			return os.Rename(filepath.Join(dir, second), filepath.Join(dir, "main-000002-2-5.backup"))
		}, "begins after change 4"},
		"in place of another": {func(dir string) error {
			return os.Rename(filepath.Join(dir, "main-000003-4-6.backup"), filepath.Join(dir, second))
		}, "another name"},
		"a copy": {func(dir string) error {
			return os.Link(filepath.Join(dir, second), filepath.Join(dir, "main-000002-2-9.backup"))
		}, "not of one chain"},
		"content missing": {func(dir string) error { return blob(dir, os.Remove) }, "is missing"},
		"content changed": {func(dir string) error {
			return blob(dir, func(path string) error {
				return errors.Join(os.Chmod(path, 0o600), os.WriteFile(path, []byte("other"), 0o600))
			})
		}, "holds other bytes"},
		"no content": {func(dir string) error { return os.RemoveAll(filepath.Join(dir, "content")) }, "3 blobs of file content are missing"},
		"nothing":    {os.RemoveAll, "holds no backup of main"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			for range 3 {
				r.grow()
				r.run()
			}
			if err := x.damage(r.dir); err != nil {
				t.Fatal(err)
			}
			_, _, err := r.restore()
			if entity.KindOf(err) != entity.KindInvalid || err == nil || !strings.Contains(err.Error(), x.want) {
				t.Errorf("%v, want %q", err, x.want)
			}
		})
	}
}

func TestIntoRefusesWhatIsThere(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "precious"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err := backup.Into(dir, func(string) error { t.Error("called"); return nil })
	if entity.KindOf(err) != entity.KindInvalid || len(names(t, dir)) != 1 {
		t.Error(err)
	}
	empty := t.TempDir()
	if err := backup.Into(empty, func(tmp string) error { return os.WriteFile(filepath.Join(tmp, "x"), nil, 0o600) }); err != nil || !slices.Equal(names(t, empty), []string{"x"}) {
		t.Error(err)
	}
}

// broken is a source that fails.
type broken struct {
	backup.Source
	cut     int // bytes of the stream before it ends
	content func(io.ReadCloser) io.ReadCloser
}

func (b broken) Backup(ctx context.Context, since entity.Seq) (io.ReadCloser, error) {
	in, err := b.Source.Backup(ctx, since)
	if err != nil || b.cut == 0 {
		return in, err
	}
	return limited{io.LimitReader(in, int64(b.cut)), in}, nil
}

func (b broken) Content(ctx context.Context, c entity.CID) (io.ReadCloser, error) {
	in, err := b.Source.Content(ctx, c)
	if err == nil && b.content != nil {
		in = b.content(in)
	}
	return in, err
}

type limited struct {
	io.Reader
	io.Closer
}

// A backup that fails leaves the directory as it was, and the next one works.
func TestRunRefuses(t *testing.T) {
	other := newRig(t)
	other.grow()
	for name, x := range map[string]struct {
		source func(*rig) backup.Source
		want   string
	}{
		"cut in the head": {func(r *rig) backup.Source { return broken{Source: r.Local, cut: 30} }, "cut short"},
		"cut in a row":    {func(r *rig) backup.Source { return broken{Source: r.Local, cut: 700} }, "cut short"},
		"content that lies": {func(r *rig) backup.Source {
			return broken{Source: r.Local, content: func(in io.ReadCloser) io.ReadCloser { return limited{io.LimitReader(in, 3), in} }}
		}, "holds other bytes"},
		"no content":    {func(r *rig) backup.Source { return backup.Local{Store: r.Store} }, "is kept here"},
		"another store": {func(*rig) backup.Source { return other.Local }, "of another store"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.grow()
			r.run()
			before := names(t, r.dir)
			r.grow()
			_, err := backup.Run(t.Context(), x.source(r), r.dir, entity.Main, nil)
			if err == nil || !strings.Contains(err.Error(), x.want) {
				t.Errorf("%v, want %q", err, x.want)
			}
			if diff := cmp.Diff(before, names(t, r.dir)); diff != "" {
				t.Error(diff)
			}
			if got := r.run(); got.From != 2 || got.To != 4 {
				t.Errorf("the next one: %+v", got)
			}
		})
	}
}

// racing runs another backup while the first is at work.
type racing struct {
	backup.Local
	r *rig
}

func (x racing) Backup(ctx context.Context, since entity.Seq) (io.ReadCloser, error) {
	x.r.run()
	return x.Local.Backup(ctx, since)
}

func TestTwoAtATime(t *testing.T) {
	r := newRig(t)
	r.grow()
	_, err := backup.Run(t.Context(), racing{r.Local, r}, r.dir, entity.Main, nil)
	if entity.KindOf(err) != entity.KindConflict {
		t.Error(err)
	}
	if _, _, err := r.restore(); err != nil {
		t.Error(err)
	}
}

// server serves the rig as the real one does.
func (r *rig) server() string {
	r.Helper()
	callers, err := auth.New(auth.Options{Stores: []entity.Store{r.Store}})
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { callers.Close() })
	handler := wire.New(wire.Options{
		Ops:          backup.View{entity.Main: r.Local}.Operations(),
		Authenticate: callers.Authenticate,
		ErrorBody:    wire.ArkeError,
	})
	srv := httptest.NewServer(handler)
	r.Cleanup(srv.Close)
	return srv.URL
}

const (
	ownersKey = "uk_owner_0123456789abcdef"
	usersKey  = "uk_user__0123456789abcdef"
)

// Over HTTP the owner, and nobody else, gets what a process with the store gets.
func TestRemote(t *testing.T) {
	r := newRig(t)
	r.update(func(tx entity.Tx) error {
		return errors.Join(auth.SetKey(tx, ownersKey, access.Principal{ID: user, Kind: access.User, System: true}), auth.SetKey(tx, usersKey, access.Principal{ID: user, Kind: access.User}))
	})
	info := r.grow()
	url := r.server()
	for key, want := range map[string]entity.Kind{"": entity.KindUnauthenticated, "uk_unknown_0123456789abcdef": entity.KindUnauthenticated, usersKey: entity.KindForbidden} {
		src := backup.Remote{URL: url, Key: key, Network: entity.Main}
		if _, err := src.Backup(t.Context(), 0); entity.KindOf(err) != want {
			t.Errorf("key %q: %v", key, err)
		}
		if _, err := src.Content(t.Context(), info.CID); entity.KindOf(err) != want {
			t.Errorf("content, key %q: %v", key, err)
		}
	}
	src := backup.Remote{URL: url + "/", Key: ownersKey, Network: entity.Main}
	for range 2 {
		if _, err := backup.Run(t.Context(), src, r.dir, entity.Main, nil); err != nil {
			t.Fatal(err)
		}
		r.grow()
	}
	if _, err := backup.Run(t.Context(), src, r.dir, entity.Main, nil); err != nil {
		t.Fatal(err)
	}
	_, got, err := r.restore()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(rows(t, r.Store), got); diff != "" {
		t.Error(diff)
	}
	if _, err := src.Backup(t.Context(), 1); entity.KindOf(err) != entity.KindInvalid || !strings.Contains(err.Error(), "no state of this store ends at change 1") {
		t.Errorf("since a change within a record: %v", err)
	}
	if _, err := src.Content(t.Context(), entity.SumRaw([]byte("unknown"))); entity.KindOf(err) != entity.KindNotFound {
		t.Errorf("unknown content: %v", err)
	}
	src.Network = entity.Test
	if _, err := src.Backup(t.Context(), 0); entity.KindOf(err) != entity.KindNotFound {
		t.Errorf("a network that is not served: %v", err)
	}
	for _, bad := range []string{"", "localhost:1", "ftp://x", "http://127.0.0.1:1"} {
		src.URL = bad
		if _, err := src.Backup(t.Context(), 0); err == nil || entity.KindOf(err) == entity.KindInternal {
			t.Errorf("address %q: %v", bad, err)
		}
	}
}
