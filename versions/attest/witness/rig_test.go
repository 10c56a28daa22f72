package witness

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// tree is a log as static files: every checkpoint and tile of every size that it
// had, made by x/mod as any log would make them.
type tree struct {
	t      testing.TB
	skey   string
	vkey   string
	size   int64
	hashes []tlog.Hash
	files  map[string][]byte
}

func newTree(t testing.TB) *tree {
	t.Helper()
	skey, vkey, err := note.GenerateKey(nil, "log.example/tlog")
	if err != nil {
		t.Fatal(err)
	}
	return &tree{t: t, skey: skey, vkey: vkey, files: map[string][]byte{}}
}

// another is a log with the same key, that begins with the first n entries.
func (l *tree) another(n int64) *tree {
	other := &tree{t: l.t, skey: l.skey, vkey: l.vkey, files: map[string][]byte{}}
	if n > 0 {
		other.grow(n, "entry")
	}
	return other
}

func (l *tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var out []tlog.Hash
	for _, i := range indexes {
		out = append(out, l.hashes[i])
	}
	return out, nil
}

// grow adds entries, signs, and writes the tiles of the new size.
func (l *tree) grow(n int64, entry string) *tree {
	l.t.Helper()
	was := l.size
	for range n {
		more, err := tlog.StoredHashes(l.size, fmt.Appendf(nil, "%s %d", entry, l.size), l)
		if err != nil {
			l.t.Fatal(err)
		}
		l.hashes = append(l.hashes, more...)
		l.size++
	}
	for _, tile := range tlog.NewTiles(tileHeight, was, l.size) {
		b, err := tlog.ReadTileData(tile, l)
		if err != nil {
			l.t.Fatal(err)
		}
		l.files["/"+strings.Replace(tile.Path(), "tile/8/", "tile/", 1)] = b
	}
	l.files["/checkpoint"] = []byte(l.sign(l.skey))
	return l
}

// sign is the newest checkpoint, by a key.
func (l *tree) sign(skey string) string {
	l.t.Helper()
	root, err := tlog.TreeHash(l.size, l)
	if err != nil {
		l.t.Fatal(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		l.t.Fatal(err)
	}
	text, err := note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n%s\n", signer.Name(), l.size, root)}, signer)
	if err != nil {
		l.t.Fatal(err)
	}
	return string(text)
}

// web serves trees; what it serves can be changed at any time.
type web struct {
	*httptest.Server
	mu    sync.Mutex
	tree  *tree
	spoil func(w http.ResponseWriter, r *http.Request) bool // answers in its place
	asked []string
}

func newWeb(t testing.TB, l *tree) *web {
	t.Helper()
	s := &web{tree: l}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.asked = append(s.asked, r.URL.Path)
		if s.spoil != nil && s.spoil(w, r) {
			return
		}
		if r.URL.Path == "/attestations/head" {
			fmt.Fprintf(w, `{"seq":1,"verifier_key":%q}`, s.tree.vkey)
			return
		}
		path, _ := strings.CutPrefix(r.URL.Path, "/tlog")
		b, ok := s.tree.files[path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(b)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *web) serve(l *tree) { s.spoiled(l, nil) }

func (s *web) spoiled(l *tree, spoil func(w http.ResponseWriter, r *http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tree, s.spoil, s.asked = l, spoil, nil
}

// watch opens a witness of it that waits for nothing; the waits are counted.
func (s *web) watch(t testing.TB, dir, key string) (*Witness, *[]time.Duration) {
	t.Helper()
	waits := &[]time.Duration{}
	w, err := Open(Options{
		URL: s.URL, Dir: dir, Key: key,
		Now: func() time.Time { return time.Unix(1e9, 0) },
		Sleep: func(ctx context.Context, d time.Duration) error {
			*waits = append(*waits, d)
			return ctx.Err()
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return w, waits
}
