package attest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"stemma/entity"
	"stemma/entity/store"
	"stemma/entity/storetest"
	"stemma/versions/attest"
)

const origin = "stemma.example/tlog"

var author = entity.Actor{UserID: "01KDVR00000000000000000WNR", Method: entity.MethodManual}

// openStore opens a store whose identifiers and times are the same in every run;
// it ends with the test.
func openStore(t testing.TB, dir string) *store.Store {
	t.Helper()
	s, err := store.Open(store.Options{Dir: dir, Clock: storetest.NewClock().Now, Entropy: storetest.Entropy(1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() }) // closed before, where that matters
	return s
}

// write makes records of 1, 2, 3, 1, … changes: entities, edits of the first, and
// blocks of a chain of it. The text is in every one.
func write(t testing.TB, s entity.Store, records int, text string) {
	t.Helper()
	first := entity.ID("01KDVR0000000000000000F1RS")
	for i := range records {
		_, err := s.Update(t.Context(), author, func(tx entity.Tx) error {
			if _, err := tx.Head(first); entity.KindOf(err) == entity.KindNotFound {
				_, err := tx.Create(entity.Draft{ID: first, Type: "note"})
				return err
			}
			if _, err := tx.Create(entity.Draft{Type: "note", Properties: entity.Properties{"text": fmt.Sprint(text, i)}}); err != nil {
				return err
			}
			if i%3 > 0 {
				if _, err := tx.Append(first, "steps", entity.Any, entity.Properties{"text": fmt.Sprint(text, i)}); err != nil {
					return err
				}
			}
			if i%3 == 2 {
				_, err := tx.Put(first, entity.Any, func(m *entity.Manifest) error {
					m.Properties["n"] = int64(i)
					return nil
				})
				return err
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// open opens a log that signs as fast as it can; it ends with the test.
func open(t testing.TB, s entity.Store, o attest.Options) *attest.Log {
	t.Helper()
	l, err := tryOpen(t, s, o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func tryOpen(t testing.TB, s entity.Store, o attest.Options) (*attest.Log, error) {
	t.Helper()
	o.Store, o.Fallback, o.Entropy = s, origin, storetest.Entropy(2)
	if o.Interval == 0 {
		o.Interval = time.Nanosecond
	}
	l, err := attest.Open(t.Context(), o)
	if err == nil {
		t.Cleanup(func() {
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	return l, err
}

// settled is the checkpoint of all that the store has.
func settled(t testing.TB, s *store.Store, l *attest.Log) attest.Checkpoint {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	c, err := l.WaitCheckpoint(ctx, int64(s.Seq())-1)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// cids are the blocks that the changes of a store made, in order.
func cids(t testing.TB, s entity.Store) (out []entity.CID) {
	t.Helper()
	err := s.View(t.Context(), func(r entity.Reader) error {
		out = nil
		for rec, err := range r.Log(0) {
			if err != nil {
				return err
			}
			for _, c := range rec.Changes {
				out = append(out, c.CID())
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func blockOf(t testing.TB, s entity.Store, c entity.CID) (block []byte) {
	t.Helper()
	err := s.View(t.Context(), func(r entity.Reader) (err error) {
		block, err = r.Block(c)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return block
}

// check is what Check says of a directory.
func check(t testing.TB, s entity.Store, dir string) (report attest.Report, err error) {
	t.Helper()
	_ = s.View(t.Context(), func(r entity.Reader) error {
		report, err = attest.Check(t.Context(), dir, r, nil)
		return nil
	})
	return report, err
}

// wantKind fails unless err is of the kind and tells all the words.
func wantKind(t testing.TB, err error, kind entity.Kind, words ...string) {
	t.Helper()
	if err == nil || entity.KindOf(err) != kind {
		t.Fatalf("got %v, want an error of kind %s", err, kind)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not tell of %q", err, w)
		}
	}
}
