package syncclient_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"stemma/entity"
	"stemma/events/syncclient"
)

func blocksOf(t *testing.T, c *syncclient.Client, want []entity.CID) (got []syncclient.Block, err error) {
	t.Helper()
	for b, err := range c.Blocks(t.Context(), want) {
		if err != nil {
			return got, err
		}
		got = append(got, b)
	}
	return got, nil
}

// Blocks come in the order asked, however many, each with its bytes.
func TestBlocks(t *testing.T) {
	s, h := newServer(t)
	c := serve(t, h, syncclient.Options{})
	cids := write(t, s, 40)
	slices.Reverse(cids)
	var want []entity.CID
	for range 20 { // 2,400: three answers
		want = append(want, cids...)
	}
	got, err := blocksOf(t, c, want)
	if err != nil || len(got) != len(want) {
		t.Fatalf("%d of %d blocks: %v", len(got), len(want), err)
	}
	for i, b := range got {
		if b.CID != want[i] || entity.SumBlock(b.Data) != want[i] {
			t.Fatalf("block %d is %s, hashing to %s; want %s", i, b.CID, entity.SumBlock(b.Data), want[i])
		}
	}
	if got, err := blocksOf(t, c, nil); err != nil || len(got) != 0 {
		t.Errorf("no blocks: %d, %v", len(got), err)
	}
	for range c.Blocks(t.Context(), want) {
		break // leaving early is allowed
	}
}

// A block that is not there is named, and those before it are given.
func TestBlocksMissing(t *testing.T) {
	s, h := newServer(t)
	c := serve(t, h, syncclient.Options{})
	cids := write(t, s, 2)
	missing := entity.SumBlock([]byte("nowhere"))
	for _, at := range []int{0, 3, len(cids)} {
		got, err := blocksOf(t, c, slices.Insert(slices.Clone(cids), at, missing))
		if len(got) != at || entity.KindOf(err) != entity.KindNotFound || !strings.Contains(err.Error(), missing.String()) {
			t.Errorf("missing at %d: %d blocks, %v", at, len(got), err)
		}
	}
	if _, err := c.Block(t.Context(), missing); entity.KindOf(err) != entity.KindNotFound {
		t.Errorf("one missing block: %v", err)
	}
}

// A stream of blocks that breaks goes on where it broke.
func TestBlocksGoOn(t *testing.T) {
	s, h := newServer(t)
	var requests atomic.Int64
	c := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n := requests.Add(1); n < 8 {
			w = &cutWriter{w, int(n) * 700}
		}
		h.ServeHTTP(w, r)
	}), syncclient.Options{})
	cids := write(t, s, 30)
	got, err := blocksOf(t, c, cids)
	if err != nil || len(got) != len(cids) || requests.Load() != 8 {
		t.Errorf("%d of %d blocks in %d requests: %v", len(got), len(cids), requests.Load(), err)
	}
}

// cutWriter breaks the connection after so many bytes.
type cutWriter struct {
	http.ResponseWriter
	left int
}

func (w *cutWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *cutWriter) Write(p []byte) (int, error) {
	if w.left -= len(p); w.left < 0 {
		_, _ = w.ResponseWriter.Write(p[:max(len(p)+w.left, 0)])
		_ = http.NewResponseController(w.ResponseWriter).Flush()
		panic(http.ErrAbortHandler)
	}
	return w.ResponseWriter.Write(p)
}

// What is no CAR of the blocks asked for is told apart from a broken connection.
func TestBlocksDistrust(t *testing.T) {
	block := []byte("\xa1\x61a\x01")
	cid := entity.SumBlock(block)
	head := "\x11\xa2eroots\x80gversion\x01"
	section := func(c entity.CID, b []byte) string {
		return string([]byte{byte(36 + len(b))}) + string(c.Bytes()) + string(b)
	}
	good := section(cid, block)
	for name, c := range map[string]struct {
		kind, body string
		want       error
	}{
		"what is right":         {"application/vnd.ipld.car", head + good, nil},
		"with parameters":       {"application/vnd.ipld.car; version=1", head + good, nil},
		"another type":          {"text/html", head + good, syncclient.ErrAnswer},
		"nothing":               {"application/vnd.ipld.car", "", syncclient.ErrAnswer},
		"half a header":         {"application/vnd.ipld.car", head[:5], syncclient.ErrAnswer},
		"a section cut short":   {"application/vnd.ipld.car", head + good[:20], syncclient.ErrAnswer},
		"a section too short":   {"application/vnd.ipld.car", head + "\x02ab", syncclient.ErrAnswer},
		"a section too long":    {"application/vnd.ipld.car", head + "\xff\xff\xff\xff\x0f", syncclient.ErrAnswer},
		"other bytes":           {"application/vnd.ipld.car", head + section(cid, []byte("\xa1\x61a\x02")), syncclient.ErrBlock},
		"more than asked":       {"application/vnd.ipld.car", head + good + good, syncclient.ErrAnswer},
		"a length without end":  {"application/vnd.ipld.car", head + strings.Repeat("\xff", 12), syncclient.ErrAnswer},
		"a header without end":  {"application/vnd.ipld.car", "\xff\xff\xff\xff\x7f", syncclient.ErrAnswer},
		"a header of no length": {"application/vnd.ipld.car", "\x00", syncclient.ErrAnswer},
	} {
		t.Run(name, func(t *testing.T) {
			client := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", c.kind)
				_, _ = w.Write([]byte(c.body))
			}), syncclient.Options{})
			if _, err := blocksOf(t, client, []entity.CID{cid}); !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
				t.Errorf("error %v; want %v", err, c.want)
			}
		})
	}
}

// Many may ask for single blocks at once.
func TestBlockConcurrently(t *testing.T) {
	s, h := newServer(t)
	c := serve(t, h, syncclient.Options{InFlight: 4})
	cids := write(t, s, 20)
	failed := make(chan error, len(cids))
	for _, cid := range cids {
		go func() {
			b, err := c.Block(t.Context(), cid)
			if err == nil && entity.SumBlock(b) != cid {
				err = errors.New("another block than " + cid.String())
			}
			failed <- err
		}()
	}
	for range cids {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
}

// Content is streamed, checked at its end, and fetched again when it broke off.
func TestContent(t *testing.T) {
	content := bytes.Repeat([]byte("a page of the diary\n"), 20_000)
	cid := entity.SumRaw(content)
	var requests atomic.Int64
	lie := false
	c := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/ipfs/"+cid.String() || r.URL.Query().Get("format") != "raw" {
			t.Errorf("asked for %s", r.URL)
		}
		if requests.Add(1) == 1 {
			w = &cutWriter{w, 100_000}
		}
		for i := 0; i < len(content)-1; i += 40_000 {
			_, _ = w.Write(content[i:min(i+40_000, len(content)-1)])
		}
		last := content[len(content)-1:]
		if lie {
			last = []byte("!")
		}
		_, _ = w.Write(last)
	}), syncclient.Options{})
	var got []byte
	take := func(in io.Reader) (err error) {
		got, err = io.ReadAll(in)
		return err
	}
	if err := c.Content(t.Context(), cid, take); err != nil || !bytes.Equal(got, content) || requests.Load() != 2 {
		t.Errorf("%d of %d bytes in %d requests: %v", len(got), len(content), requests.Load(), err)
	}
	lie = true
	if err := c.Content(t.Context(), cid, take); !errors.Is(err, syncclient.ErrBlock) {
		t.Errorf("a lie: %v", err)
	}
	careless := func(in io.Reader) error { _, _ = in.Read(make([]byte, 10)); return nil }
	if err := c.Content(t.Context(), cid, careless); !errors.Is(err, syncclient.ErrBlock) {
		t.Errorf("a lie to somebody who does not look: %v", err)
	}
	mine := errors.New("the disk is full")
	if err := c.Content(t.Context(), cid, func(io.Reader) error { return mine }); !errors.Is(err, mine) {
		t.Errorf("the taker's own error: %v", err)
	}
}
