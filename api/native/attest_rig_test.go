package native_test

import (
	"cmp"
	"context"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"stemma/entity"
	"stemma/entity/store"
	"stemma/entity/storetest"
	"stemma/versions/attest"
)

// openAttest opens the log of attestations of the main store.
func (w *rig) openAttest(s *store.Store, interval time.Duration) (err error) {
	w.slow = interval > 0
	w.attest, err = attest.Open(context.Background(), attest.Options{
		Dir: w.attestDir(), Store: s, Fallback: "stemma.example/tlog", Interval: cmp.Or(interval, time.Nanosecond), Entropy: storetest.Entropy(4),
	})
	return err
}

func (w *rig) attestDir() string { return filepath.Join(w.dir, "attest") }

// endAttest closes the log and compares it with the store.
func (w *rig) endAttest(t testing.TB) {
	if err := w.attest.Close(); err != nil {
		t.Error(err)
	}
	err := w.main().View(context.Background(), func(r entity.Reader) error {
		_, err := attest.Check(context.Background(), w.attestDir(), r, nil)
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// asksLog tells which requests are answered out of the log of attestations.
var asksLog = regexp.MustCompile(`^/(attestations/|tlog/|(entities|versions)/[^?]*/attestation)`)

// settleAttest lets the log attest all that was written, unless it is slow.
func (w *rig) settleAttest() {
	if w.slow {
		return
	}
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	if _, err := w.attest.WaitCheckpoint(ctx, int64(w.main().Seq())-1); err != nil && entity.KindOf(err) != entity.KindUnavailable {
		panic(err)
	}
}
