package attest_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	flog "github.com/transparency-dev/formats/log"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"stemma/entity"
	"stemma/versions/attest"
)

func raw(hashes []tlog.Hash) (out [][]byte) {
	for _, h := range hashes {
		out = append(out, h[:])
	}
	return out
}

// Every change is proven, to a verifier that is not ours: leaf, way, root, signature
// and form of the checkpoint. Trees of all sizes continue one another.
func TestProofsHoldElsewhere(t *testing.T) {
	s := openStore(t, "")
	l := open(t, s, attest.Options{})
	write(t, s, 330, "x") // more than two tiles
	head := settled(t, s, l)
	verifier, err := note.NewVerifier(l.VerifierKey())
	if err != nil {
		t.Fatal(err)
	}
	parsed, rest, _, err := flog.ParseCheckpoint([]byte(head.Text), origin, verifier)
	if err != nil || len(rest) > 0 || parsed.Size != uint64(s.Seq()) || !bytes.Equal(parsed.Hash, head.Root[:]) {
		t.Fatalf("the checkpoint %q: %v, %+v", head.Text, err, parsed)
	}
	all := cids(t, s)
	for i, c := range all {
		p, err := l.Prove(t.Context(), c, s.Seq())
		if err != nil || p.Leaf != int64(i) {
			t.Fatalf("leaf %d: %v, leaf %d", i, err, p.Leaf)
		}
		leaf := rfc6962.DefaultHasher.HashLeaf(c.Bytes())
		if err := proof.VerifyInclusion(rfc6962.DefaultHasher, uint64(i), parsed.Size, leaf, raw(p.Hashes), parsed.Hash); err != nil {
			t.Errorf("leaf %d: %v", i, err)
		}
		if c2, err := l.CIDAt(t.Context(), int64(i)); err != nil || c2 != c {
			t.Errorf("leaf %d names %s, %v", i, c2, err)
		}
	}
	for _, from := range []int64{1, 2, 3, 255, 256, 257, 300, 511, 512, 513, head.Size - 1, head.Size} {
		for _, to := range []int64{from, from + 1, 512, head.Size} {
			if to < from || to > head.Size {
				continue
			}
			hashes, err := l.Consistency(t.Context(), from, to)
			if err != nil {
				t.Fatal(err)
			}
			a, err1 := l.RootAt(t.Context(), from)
			b, err2 := l.RootAt(t.Context(), to)
			err = proof.VerifyConsistency(rfc6962.DefaultHasher, uint64(from), uint64(to), raw(hashes), a[:], b[:])
			if err = errors.Join(err, err1, err2); err != nil {
				t.Errorf("from %d to %d: %v", from, to, err)
			}
		}
	}
}

// While many write, checkpoints only grow, each continues the one before, and who
// waits for one gets a larger one.
func TestCheckpointsGrow(t *testing.T) {
	s := openStore(t, "")
	l := open(t, s, attest.Options{})
	ctx, stop := context.WithCancel(t.Context())
	var group sync.WaitGroup
	for range 3 {
		group.Go(func() { write(t, s, 100, "y") })
	}
	go func() { group.Wait(); stop() }()
	last, err := l.WaitCheckpoint(t.Context(), 0)
	for seen := 0; err == nil; seen++ {
		var next attest.Checkpoint
		if next, err = l.WaitCheckpoint(ctx, last.Size); err != nil {
			break
		}
		if next.Size <= last.Size {
			t.Fatalf("from %d to %d", last.Size, next.Size)
		}
		hashes, err := l.Consistency(t.Context(), last.Size, next.Size)
		if err == nil {
			err = tlog.CheckTree(hashes, next.Size, next.Root, last.Size, last.Root)
		}
		if err != nil {
			t.Fatal(err)
		}
		last = next
	}
	wantKind(t, err, entity.KindCanceled)
	settled(t, s, l)
}

// What was lost is made again and signed again to the byte; what was written but
// for the state likewise.
func TestDirectoryLost(t *testing.T) {
	s := openStore(t, "")
	write(t, s, 200, "x")
	dir := t.TempDir()
	first := open(t, s, attest.Options{Dir: dir})
	was := settled(t, s, first)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	for name, lose := range map[string]func() error{
		"all":       func() error { return os.RemoveAll(dir) },
		"the state": func() error { return os.Remove(filepath.Join(dir, "state")) },
		"nothing":   func() error { return nil },
		"an unfinished write": func() error {
			f, err := os.OpenFile(filepath.Join(dir, "tiles-0"), os.O_APPEND|os.O_WRONLY, 0)
			if err == nil {
				_, err = f.WriteString("torn")
			}
			return errors.Join(err, f.Close())
		},
	} {
		if err := lose(); err != nil {
			t.Fatal(err)
		}
		l, err := tryOpen(t, s, attest.Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		if now := settled(t, s, l); now.Text != was.Text {
			t.Errorf("%s lost: signed\n%s\nand before\n%s", name, now.Text, was.Text)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if r, err := check(t, s, dir); err != nil || r.Leaves != int64(s.Seq()) || r.Signed != r.Leaves {
			t.Errorf("%s lost: %+v %v", name, r, err)
		}
	}
}

// A lost directory is signed again from where the log had been, never from less.
func TestSizesDoNotGoBack(t *testing.T) {
	s := openStore(t, "")
	for range 17 { // more than a batch
		_, err := s.Update(t.Context(), author, func(tx entity.Tx) error {
			for range 1000 {
				if _, err := tx.Create(entity.Draft{Type: "note"}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	l := open(t, s, attest.Options{})
	head, err := l.WaitCheckpoint(t.Context(), 0)
	if err != nil || head.Size != int64(s.Seq()) {
		t.Errorf("the first checkpoint has %d of %d leaves: %v", head.Size, s.Seq(), err)
	}
}

// A log that is named anew begins again with another key, and never takes back a
// name that it had.
func TestOrigin(t *testing.T) {
	s, dir := openStore(t, ""), t.TempDir()
	write(t, s, 10, "x")
	l := open(t, s, attest.Options{Dir: dir})
	was := settled(t, s, l)
	key := l.VerifierKey()
	if err := l.AddAnchor(t.Context(), attest.Anchor{Size: 1, Tx: "x"}); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open(t, s, attest.Options{Dir: dir, Origin: "stemma.example/second"})
	now := settled(t, s, l)
	if _, ok := l.LatestAnchor(); ok {
		t.Error("the new log has an anchor of the former")
	}
	if now.Origin != "stemma.example/second" || now.Root != was.Root || l.VerifierKey() == key {
		t.Errorf("%+v with %s", now, l.VerifierKey())
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := tryOpen(t, s, attest.Options{Dir: dir, Origin: origin})
	wantKind(t, err, entity.KindInvalid, "was called "+origin)
	_, err = tryOpen(t, s, attest.Options{Dir: dir, Origin: "with space"})
	wantKind(t, err, entity.KindInvalid, "without its scheme")
	if kept := settled(t, s, open(t, s, attest.Options{Dir: dir})); kept.Text != now.Text {
		t.Errorf("without a name it signs %s", kept.Text)
	}
}

// A server that only reads shows what was signed, and neither signs nor makes keys.
func TestReadOnly(t *testing.T) {
	s, dir := openStore(t, ""), t.TempDir()
	write(t, s, 10, "x")
	l := open(t, s, attest.Options{Dir: dir, ReadOnly: true})
	_, err := l.Checkpoint(t.Context())
	wantKind(t, err, entity.KindNotFound)
	if l.VerifierKey() != "" || l.Close() != nil {
		t.Error("it made a key")
	}
	l = open(t, s, attest.Options{Dir: dir})
	was := settled(t, s, l)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, s, 1, "more")
	l = open(t, s, attest.Options{Dir: dir, ReadOnly: true})
	if now, err := l.Checkpoint(t.Context()); err != nil || now.Text != was.Text {
		t.Errorf("%v %v", now, err)
	}
	all := cids(t, s)
	if _, err := l.Prove(t.Context(), all[3], s.Seq()); err != nil {
		t.Error(err)
	}
	_, err = l.Prove(t.Context(), all[len(all)-1], s.Seq())
	wantKind(t, err, entity.KindNotFound, "not attested yet")
}

// What was written before a log is closed is signed, however long it was to wait.
func TestCloseSigns(t *testing.T) {
	s, dir := openStore(t, ""), t.TempDir()
	write(t, s, 3, "x")
	l := open(t, s, attest.Options{Dir: dir, Interval: time.Hour})
	settled(t, s, l)
	write(t, s, 3, "y")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if r, err := check(t, s, dir); err != nil || r.Signed != int64(s.Seq()) {
		t.Errorf("%+v of %d, %v", r, s.Seq(), err)
	}
}

// What cannot be asked for says so; a closed log lets go of who waits.
func TestBadRequests(t *testing.T) {
	s := openStore(t, "")
	l := open(t, s, attest.Options{})
	_, err := l.Checkpoint(t.Context())
	wantKind(t, err, entity.KindNotFound)
	write(t, s, 10, "x")
	size := settled(t, s, l).Size
	_, err = l.Consistency(t.Context(), 0, 1)
	wantKind(t, err, entity.KindInvalid)
	_, err = l.Consistency(t.Context(), 2, 1)
	wantKind(t, err, entity.KindInvalid)
	_, err = l.Consistency(t.Context(), 1, size+1)
	wantKind(t, err, entity.KindNotFound, strconv.FormatInt(size, 10))
	_, err = l.Inclusion(t.Context(), size, size)
	wantKind(t, err, entity.KindNotFound)
	_, err = l.Inclusion(t.Context(), -1, size)
	wantKind(t, err, entity.KindNotFound)
	_, err = l.RootAt(t.Context(), size+1)
	wantKind(t, err, entity.KindNotFound)
	_, err = l.CIDAt(t.Context(), size)
	wantKind(t, err, entity.KindNotFound)
	_, err = l.Prove(t.Context(), entity.SumBlock([]byte("nothing")), 0)
	wantKind(t, err, entity.KindNotFound)
	_, err = l.Prove(t.Context(), entity.SumRaw([]byte("content")), 0)
	wantKind(t, err, entity.KindNotFound)
	waits := make(chan error)
	go func() {
		_, err := l.WaitCheckpoint(context.Background(), size)
		waits <- err
	}()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	wantKind(t, <-waits, entity.KindUnavailable, "closed")
	_, err = l.Prove(t.Context(), cids(t, s)[0], 0)
	wantKind(t, err, entity.KindUnavailable)
}

// The metrics of following.
func TestMetrics(t *testing.T) {
	s, registry := openStore(t, ""), prometheus.NewRegistry()
	l := open(t, s, attest.Options{Registry: registry})
	write(t, s, 10, "x")
	size := settled(t, s, l).Size
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		got[f.GetName()] = f.GetMetric()[0].GetGauge().GetValue()
	}
	if got["stemma_follower_lag"] != 0 || got["stemma_attest_size"] != float64(size) || got["stemma_attest_halted"] != 0 || len(got) != 3 {
		t.Errorf("%v", got)
	}
}

// Checkpoints that are none, or another's.
func TestParseCheckpoint(t *testing.T) {
	s := openStore(t, "")
	l := open(t, s, attest.Options{})
	write(t, s, 10, "x")
	head, key := settled(t, s, l), l.VerifierKey()
	if c, err := attest.ParseCheckpoint(head.Text, key+"\n"); err != nil || c != head {
		t.Errorf("%+v %v", c, err)
	}
	skey, other, err := note.GenerateKey(nil, origin)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	signed := func(text string) string {
		b, err := note.Sign(&note.Note{Text: text}, signer)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	root := strings.Split(head.Text, "\n")[2]
	for name, c := range map[string]struct{ text, key, word string }{
		"another key":    {head.Text, other, "not signed by the key"},
		"no key":         {head.Text, "x", "not a verifier key"},
		"a changed size": {strings.Replace(head.Text, "\n"+strconv.FormatInt(head.Size, 10)+"\n", "\n9\n", 1), key, "not signed"},
		"another origin": {signed("elsewhere\n9\n" + root + "\n"), other, "does not begin with"},
		"a size of 09":   {signed(origin + "\n09\n" + root + "\n"), other, "not the size"},
		"a size of -1":   {signed(origin + "\n-1\n" + root + "\n"), other, "not the size"},
		"a short root":   {signed(origin + "\n9\nAAAA\n"), other, "not the hash"},
		"two lines":      {signed(origin + "\n9\n"), other, "does not begin with"},
		"nothing":        {"", key, "not signed"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := attest.ParseCheckpoint(c.text, c.key)
			wantKind(t, err, entity.KindInvalid, c.word)
		})
	}
}
