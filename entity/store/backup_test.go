package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stemma/entity"
	"stemma/entity/listing"
	"stemma/entity/store"
	"stemma/graph"
)

func openDir(tb testing.TB, dir string, network entity.Network) *store.Store {
	tb.Helper()
	s, err := store.Open(store.Options{Dir: dir, Network: network, Projections: []entity.Projection{graph.New(), listing.Projection{}}})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func backUp(tb testing.TB, s *store.Store, since entity.Seq) ([]byte, store.BackupInfo) {
	tb.Helper()
	var b bytes.Buffer
	info, err := s.Backup(context.Background(), &b, since)
	if err != nil {
		tb.Fatal(err)
	}
	return b.Bytes(), info
}

// rows are all that a full backup holds.
func rows(tb testing.TB, s *store.Store) map[string]string {
	tb.Helper()
	full, _ := backUp(tb, s, 0)
	r, err := store.OpenBackup(bytes.NewReader(full))
	if err != nil {
		tb.Fatal(err)
	}
	out := map[string]string{}
	for row, err := range r.Rows() {
		if err != nil {
			tb.Fatal(err)
		}
		if _, twice := out[string(row.Key)]; twice {
			tb.Errorf("row %q is in the backup twice", row.Key)
		}
		out[string(row.Key)] = string(row.Value)
	}
	return out
}

// restore makes a store of backups, checks it and hands it over.
func restore(tb testing.TB, parts ...[]byte) *store.Store {
	tb.Helper()
	dir := filepath.Join(tb.TempDir(), "restored")
	r, err := store.NewRestore(dir)
	if err != nil {
		tb.Fatal(err)
	}
	var info store.BackupInfo
	for i, p := range parts {
		if info, err = r.Apply(tb.Context(), bytes.NewReader(p), nil); err != nil {
			tb.Fatalf("backup %d: %v", i, err)
		}
	}
	if err := r.Close(); err != nil {
		tb.Fatal(err)
	}
	s := openDir(tb, dir, info.Network)
	tb.Cleanup(func() { s.Close() })
	if _, err := s.Check(tb.Context(), nil); err != nil {
		tb.Fatal(err)
	}
	if s.Seq() != info.To {
		tb.Fatalf("restored to change %d, the backup leads to %d", s.Seq(), info.To)
	}
	return s
}

// life makes random changes: creations, edits, relationships, tombstones,
// restorations, chains, and secrets that come and go with them or alone.
type life struct {
	s   *store.Store
	r   *rand.Rand
	ids []entity.ID
}

func (l *life) step(n int) error {
	_, err := l.s.Update(context.Background(), actor, func(tx entity.Tx) error {
		name := fmt.Sprint("secret/", l.r.IntN(20))
		if l.r.IntN(4) == 0 {
			tx.DeleteSecret(name)
		} else {
			tx.SetSecret(name, []byte(fmt.Sprint("value ", n)))
		}
		if l.r.IntN(10) == 0 {
			return nil // the secret alone
		}
		if len(l.ids) == 0 || l.r.IntN(3) == 0 {
			v, err := tx.Create(entity.Draft{Type: "note", Properties: properties(3)})
			if err == nil {
				l.ids = append(l.ids, v.Manifest.ID)
			}
			return err
		}
		id := l.ids[l.r.IntN(len(l.ids))]
		if l.r.IntN(3) == 0 {
			_, err := tx.Append(id, "steps", entity.Any, entity.Properties{"n": int64(n)})
			return err
		}
		peer := l.ids[l.r.IntN(len(l.ids))]
		_, err := tx.Put(id, entity.Any, func(m *entity.Manifest) error {
			switch {
			case m.Deleted():
				m.Properties = entity.Properties{"label": "back"}
			case l.r.IntN(5) == 0:
				m.Bury(entity.Tombstone{DeletedAt: m.CreatedAt, DeletedBy: actor.UserID, OriginalVer: m.Ver})
			default:
				m.Properties["n"] = int64(n)
				return m.Relate(entity.RelationshipEdit{Relationship: entity.Relationship{Predicate: "knows", Peer: peer}})
			}
			return nil
		})
		return err
	})
	return err
}

// A backup taken while 16 writers write, and the increments after it, give back
// the state that each ends at: the same rows as the source has, byte for byte,
// with its secrets, and projections that a check agrees with.
func TestBackupWhileWriting(t *testing.T) {
	const writers, steps = 16, 120
	s := openDir(t, t.TempDir(), entity.Main)
	defer s.Close()
	var wg sync.WaitGroup
	half := make(chan struct{}, writers) // each writer's half-way signal
	for w := range writers {
		wg.Go(func() {
			l := &life{s: s, r: rand.New(rand.NewPCG(7, uint64(w)))}
			for n := range steps {
				if n == steps/2 {
					half <- struct{}{}
				}
				if err := l.step(n); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	writing, ended := context.WithCancel(t.Context())
	go func() { defer ended(); wg.Wait() }()
	<-half
	var parts [][]byte
	var infos []store.BackupInfo
	take := func() {
		var since entity.Seq
		if len(infos) > 0 {
			since = infos[len(infos)-1].To
		}
		b, info := backUp(t, s, since)
		parts, infos = append(parts, b), append(infos, info)
	}
	for over := false; !over; {
		take()
		// The next one when there is something to back up, or the writers are done.
		over = s.Wait(writing, infos[len(infos)-1].To+150) != nil
	}
	take() // what came between the last one and the end, if anything
	if last := infos[len(infos)-1].To; last != s.Seq() {
		t.Fatalf("the backups lead to change %d of %d", last, s.Seq())
	}
	t.Logf("%d backups of %d changes", len(parts), s.Seq())
	restored := restore(t, parts...)
	if diff := cmp.Diff(rows(t, s), rows(t, restored)); diff != "" {
		t.Errorf("what was restored differs (-source +restored):\n%s", diff)
	}
	earlier := restore(t, parts[0])
	want := rows(t, s)
	for key, val := range rows(t, earlier) {
		switch key[0] {
		case 'b', 'l', 'v', 'c': // rows that never change
			if want[key] != val {
				t.Errorf("row %q of the first backup is not the source's", key)
			}
		}
	}
	if _, err := restored.Update(t.Context(), actor, func(tx entity.Tx) error {
		_, err := tx.Create(entity.Draft{Type: "note"})
		return err
	}); err != nil || restored.Seq() != s.Seq()+1 {
		t.Errorf("the restored store does not go on: %v", err)
	}
}

// A secret that was deleted before an increment is not restored.
func TestRestoreForgetsSecrets(t *testing.T) {
	s := openDir(t, "", entity.Test)
	defer s.Close()
	set := func(fn func(tx entity.Tx)) {
		t.Helper()
		if _, err := s.Update(t.Context(), actor, func(tx entity.Tx) error { fn(tx); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	set(func(tx entity.Tx) { tx.SetSecret("kept", []byte("1")); tx.SetSecret("gone", []byte("2")) })
	full, before := backUp(t, s, 0)
	set(func(tx entity.Tx) { tx.SetSecret(entity.Passing+"use", []byte("4")) })
	if _, same := backUp(t, s, 0); same.Secrets != before.Secrets {
		t.Error("the secrets' hash is another after a passing one changed")
	}
	set(func(tx entity.Tx) { tx.DeleteSecret("gone"); tx.SetSecret("new", []byte("3")) })
	next, after := backUp(t, s, 0)
	if before.Secrets == after.Secrets {
		t.Error("the secrets' hash is the same after they changed")
	}
	err := restore(t, full, next).View(t.Context(), func(r entity.Reader) error {
		for name, want := range map[string]string{"kept": "1", "gone": "", "new": "3", entity.Passing + "use": "4"} {
			if got, err := r.Secret(name); err != nil || string(got) != want {
				t.Errorf("secret %s is %q, want %q (%v)", name, got, want, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// refusedRestore applies backups of which the last must be refused.
func refusedRestore(t *testing.T, parts ...[]byte) error {
	t.Helper()
	r, err := store.NewRestore(filepath.Join(t.TempDir(), "new"))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for i, p := range parts {
		_, err = r.Apply(t.Context(), bytes.NewReader(p), nil)
		if last := i == len(parts)-1; err != nil && !last {
			t.Fatalf("backup %d: %v", i, err)
		}
	}
	if entity.KindOf(err) != entity.KindInvalid || err == nil {
		t.Errorf("not refused as invalid: %v", err)
	}
	return err
}

func TestRestoreRefuses(t *testing.T) {
	s, other := openDir(t, "", entity.Main), openDir(t, "", entity.Main)
	defer s.Close()
	defer other.Close()
	create(t, s, 3)
	create(t, other, 3)
	full, _ := backUp(t, s, 0)
	foreign, _ := backUp(t, other, 0)
	create(t, s, 2)
	create(t, other, 2)
	second, _ := backUp(t, s, 3)
	foreignSecond, _ := backUp(t, other, 3)
	create(t, s, 1)
	third, _ := backUp(t, s, 5)
	for name, parts := range map[string][][]byte{
		"an increment first":         {second},
		"one missing":                {full, third},
		"out of order":               {full, second, second},
		"a full one after another":   {full, foreign},
		"another store's increment":  {full, foreignSecond},
		"nothing":                    {nil},
		"text":                       {[]byte("not a backup at all, but long enough to be one")},
		"more after the end":         {append(bytes.Clone(full), 0)},
		"two in one file":            {append(bytes.Clone(full), second...)},
		"the head alone":             {full[:bytes.IndexByte(full[20:], '\n')+21]},
		"its last byte missing":      {full[:len(full)-1]},
		"an increment that is empty": {full, second[:0]},
	} {
		t.Run(name, func(t *testing.T) { t.Log(refusedRestore(t, parts...)) })
	}
	if _, err := s.Backup(t.Context(), io.Discard, 4); entity.KindOf(err) != entity.KindInvalid {
		t.Errorf("a backup that begins within a record: %v", err)
	}
	if _, err := s.Backup(t.Context(), io.Discard, 99); entity.KindOf(err) != entity.KindInvalid {
		t.Errorf("a backup that begins after the end: %v", err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.NewRestore(dir); entity.KindOf(err) != entity.KindInvalid {
		t.Errorf("a directory that is not empty: %v", err)
	}
}

// readAll reads a backup to its end.
func readAll(b []byte) (n int, err error) {
	r, err := store.OpenBackup(bytes.NewReader(b))
	if err != nil {
		return 0, err
	}
	for _, err := range r.Rows() {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// A backup that lost its end or had any of its bytes changed is refused.
func TestDamagedBackup(t *testing.T) {
	s := openDir(t, "", entity.Main)
	defer s.Close()
	create(t, s, 2)
	full, _ := backUp(t, s, 0)
	if _, err := readAll(full); err != nil {
		t.Fatal(err)
	}
	for i := range full {
		if _, err := readAll(full[:i]); entity.KindOf(err) != entity.KindInvalid || err == nil {
			t.Fatalf("cut at byte %d: %v", i, err)
		}
		bad := bytes.Clone(full)
		bad[i] ^= 1 << (i % 8)
		if _, err := readAll(bad); entity.KindOf(err) != entity.KindInvalid || err == nil {
			t.Fatalf("byte %d changed: %v", i, err)
		}
	}
}

func FuzzOpenBackup(f *testing.F) {
	s := openDir(f, "", entity.Main)
	defer s.Close()
	create(f, s, 1)
	full, _ := backUp(f, s, 0)
	f.Add(full)
	f.Add(full[:40])
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := readAll(b); err != nil && entity.KindOf(err) != entity.KindInvalid {
			t.Error(err)
		}
	})
}

// failing is a disk or a connection that gives up after some bytes.
type failing struct {
	left int
	err  error
}

func (w *failing) Write(p []byte) (int, error) {
	if w.left -= len(p); w.left < 0 {
		return 0, w.err
	}
	return len(p), nil
}

func TestBackupSaysWhatFailed(t *testing.T) {
	s := openDir(t, "", entity.Main)
	defer s.Close()
	for range 20 {
		create(t, s, 100) // more than a buffer's worth of bytes, and rows between looks at the context
	}
	for _, x := range []struct {
		left int
		err  error
		want entity.Kind
	}{
		{0, syscall.ENOSPC, entity.KindFull},
		{300_000, syscall.ENOSPC, entity.KindFull},
		{300_000, errors.New("connection reset"), entity.KindUnavailable},
	} {
		if _, err := s.Backup(t.Context(), &failing{x.left, x.err}, 0); entity.KindOf(err) != x.want {
			t.Errorf("%v after %d bytes: %v", x.err, x.left, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Backup(ctx, io.Discard, 0); entity.KindOf(err) != entity.KindCanceled {
		t.Errorf("canceled: %v", err)
	}
}

func TestManifestOfBackup(t *testing.T) {
	s := openDir(t, "", entity.Main)
	defer s.Close()
	vs := create(t, s, 3) // of the type document
	full, _ := backUp(t, s, 0)
	r, err := store.OpenBackup(bytes.NewReader(full))
	if err != nil {
		t.Fatal(err)
	}
	found, blocks := 0, 0
	for row, err := range r.Rows() {
		if err != nil {
			t.Fatal(err)
		}
		if m := store.Manifest(row, "document"); m != nil {
			found++
		}
		if m := store.Manifest(row, "file"); m != nil {
			t.Errorf("a %s is no file", m.Type)
		}
		if store.IsBlock(row) {
			blocks++
		}
	}
	if found != len(vs) || blocks != len(vs) {
		t.Errorf("%d manifests and %d blocks", found, blocks)
	}
}
