package witness

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"stemma/entity"
	"stemma/versions/attest"
)

func look(t *testing.T, w *Witness) Seen {
	t.Helper()
	seen, err := w.Look(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return seen
}

// evidence is what an alarm left in the directory, beside the state.
func evidence(t *testing.T, dir string) (kept []Alarm) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "evidence-*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var a Alarm
		if err := json.Unmarshal(b, &a); err != nil {
			t.Fatal(err)
		}
		kept = append(kept, a)
	}
	return kept
}

// A log that grows is followed through all shapes of its tree, by one witness and
// by one that is opened anew each time.
func TestGrows(t *testing.T) {
	l := newTree(t)
	s := newWeb(t, l.grow(1, "entry"))
	one, again := t.TempDir(), t.TempDir()
	w, _ := s.watch(t, one, l.vkey)
	if seen := look(t, w); !seen.First || seen.Checkpoint.Size != 1 || seen.TrustedKey != "" {
		t.Errorf("first: %+v", seen)
	}
	for _, n := range []int64{0, 1, 1, 5, 247, 1, 1, 254, 3, 256 * 3, 70_000} {
		was := l.size
		s.mu.Lock()
		l.grow(n, "entry")
		s.mu.Unlock()
		if seen := look(t, w); seen.First || seen.Was != was || seen.Checkpoint.Size != l.size {
			t.Errorf("%d more: %+v", n, seen)
		}
		anew, waits := s.watch(t, again, "")
		if seen := look(t, anew); seen.Checkpoint.Size != l.size || len(*waits) != 0 {
			t.Errorf("anew, %d more: %+v", n, seen)
		}
	}
	s.serve(l)
	look(t, w)
	if want := []string{"/tlog/checkpoint"}; !slices.Equal(s.asked, want) {
		t.Errorf("when nothing is new, %v is asked for", s.asked)
	}
	for _, dir := range []string{one, again} {
		names, err := os.ReadDir(dir)
		if err != nil || len(names) != 1 || names[0].Name() != stateFile {
			t.Errorf("%s holds %v, %v", dir, names, err)
		}
	}
}

// The first key that the server names is taken, said, and kept; another server's
// key is no match for it.
func TestFirstUse(t *testing.T) {
	l := newTree(t).grow(10, "entry")
	s := newWeb(t, l)
	dir := t.TempDir()
	w, _ := s.watch(t, dir, "")
	if seen := look(t, w); seen.TrustedKey != l.vkey || !seen.First {
		t.Errorf("first: %+v", seen)
	}
	if seen := look(t, w); seen.TrustedKey != "" || seen.First {
		t.Errorf("second: %+v", seen)
	}
	_, other, err := note.GenerateKey(nil, "log.example/tlog")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{URL: s.URL, Dir: dir, Key: other}); err == nil || entity.KindOf(err) != entity.KindInvalid || !strings.Contains(err.Error(), l.vkey) {
		t.Errorf("another key given: %v", err)
	}
	if _, err := Open(Options{URL: s.URL, Dir: dir, Key: l.vkey}); err != nil {
		t.Errorf("the same key given: %v", err)
	}
}

// What no honest log does is an alarm, with both checkpoints, and one again at
// the next look, also of a witness that is opened anew; the good checkpoint stays.
func TestAlarms(t *testing.T) {
	const size = 1000
	honest := newTree(t).grow(size, "entry")
	known := honest.sign(honest.skey)
	otherKey, _, err := note.GenerateKey(nil, "log.example/tlog")
	if err != nil {
		t.Fatal(err)
	}
	otherName, _, err := note.GenerateKey(nil, "elsewhere.example/tlog")
	if err != nil {
		t.Fatal(err)
	}
	signed := func(l *tree, skey string) *tree {
		l.files["/checkpoint"] = []byte(l.sign(skey))
		return l
	}
	grown := func() *tree { return honest.another(size).grow(700, "entry") }
	on := func(path string, change func([]byte) []byte) *tree {
		l := grown()
		if l.files[path] == nil {
			t.Fatalf("the tree has no %s", path)
		}
		if l.files[path] = change(slices.Clone(l.files[path])); l.files[path] == nil {
			delete(l.files, path)
		}
		return l
	}
	flip := func(at int) func([]byte) []byte {
		return func(b []byte) []byte { b[at] ^= 1; return b }
	}
	for name, c := range map[string]struct {
		tree *tree
		want Reason
	}{
		"another history of the same size":      {honest.another(0).grow(size, "forged"), Forked},
		"the last entry is another":             {honest.another(size-1).grow(1, "forged"), Forked},
		"another history, longer":               {honest.another(0).grow(size+200, "forged"), Inconsistent},
		"one entry is another, then it goes on": {honest.another(size-1).grow(500, "forged"), Inconsistent},
		"cut short":                             {honest.another(size - 1), Shrank},
		"cut short, and other entries":          {honest.another(10).grow(20, "forged"), Shrank},
		"empty":                                 {honest.another(0).grow(0, ""), Shrank},
		"another key of the same name":          {signed(grown(), otherKey), OtherKey},
		"another name":                          {signed(grown(), otherName), OtherKey},
		"a size that was not signed":            {on("/checkpoint", func(b []byte) []byte { return []byte(strings.Replace(string(b), "\n1700\n", "\n1701\n", 1)) }), Signature},
		"a signature with another bit":          {on("/checkpoint", func(b []byte) []byte { return []byte(swap(string(b))) }), Signature},
		"a tile with another bit":               {on("/tile/0/006.p/164", flip(7)), Tiles},
		"a full tile with another bit":          {on("/tile/0/003", flip(8000)), Tiles},
		"a tile of the level above, likewise":   {on("/tile/1/000.p/6", flip(0)), Tiles},
		"a tile that is short":                  {on("/tile/0/006.p/164", func(b []byte) []byte { return b[32:] }), Tiles},
		"a tile that is long":                   {on("/tile/0/006.p/164", func(b []byte) []byte { return append(b, b[:32]...) }), Tiles},
		"no tile":                               {on("/tile/0/006.p/164", func([]byte) []byte { return nil }), Tiles},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := newWeb(t, honest)
			w, waits := s.watch(t, dir, honest.vkey)
			look(t, w)
			s.serve(c.tree)
			for n := range 2 {
				_, err := w.Look(t.Context())
				var alarm *Alarm
				if !errors.As(err, &alarm) || alarm.Reason != c.want {
					t.Fatalf("look %d: %v", n, err)
				}
				seen := string(c.tree.files["/checkpoint"])
				for _, part := range []string{string(c.want), s.URL, alarm.Known, seen, alarm.File, "HISTORY WAS REWRITTEN"} {
					if part == "" || !strings.Contains(err.Error(), part) {
						t.Errorf("the alarm does not show %q:\n%v", part, err)
					}
				}
				if _, err := attest.ParseCheckpoint(alarm.Known, honest.vkey); err != nil {
					t.Error(err)
				}
				w, _ = s.watch(t, dir, "") // the next start
			}
			if n := len(*waits); (n == 0) != c.want.proven() {
				t.Errorf("looked %d times more", n)
			}
			kept := evidence(t, dir)
			if len(kept) != 2 || kept[0].Reason != c.want || kept[1].Known != known || kept[1].Seen != string(c.tree.files["/checkpoint"]) || kept[0].Key != honest.vkey {
				t.Errorf("evidence: %+v", kept)
			}
			s.serve(grown())
			if seen := look(t, w); seen.Was != size || seen.Checkpoint.Size != 1700 {
				t.Errorf("when all is well again: %+v", seen)
			}
		})
	}
}

// swap changes a bit of the signature that is no bit of the key's hash.
func swap(text string) string {
	i := len(text) - 12
	c := byte('A')
	if text[i] == c {
		c = 'B'
	}
	return text[:i] + string(c) + text[i+1:]
}

// A view for one and another view for the next is found out by whoever has both.
func TestSplitView(t *testing.T) {
	honest := newTree(t).grow(300, "entry")
	other := honest.another(299).grow(10, "forged")
	s := newWeb(t, honest)
	dir := t.TempDir()
	w, _ := s.watch(t, dir, honest.vkey)
	look(t, w)
	turn := 0
	s.spoiled(honest, func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/tlog/checkpoint" {
			turn++
		}
		if turn%2 == 0 {
			return false
		}
		b, ok := other.files[strings.TrimPrefix(r.URL.Path, "/tlog")]
		if !ok {
			http.NotFound(w, r)
		}
		_, _ = w.Write(b)
		return true
	})
	var alarm *Alarm
	if _, err := w.Look(t.Context()); !errors.As(err, &alarm) || alarm.Reason != Inconsistent {
		t.Fatalf("the other view: %v", err)
	}
	if seen := look(t, w); seen.Checkpoint.Size != 300 {
		t.Errorf("the first view again: %+v", seen)
	}
}

// A server that is away, or answers something else, is asked again, and is no
// alarm however long it lasts; nor does what is remembered suffer.
func TestAway(t *testing.T) {
	l := newTree(t).grow(300, "entry")
	says := func(status int, body string, headers ...string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			for i := 0; i+1 < len(headers); i += 2 {
				w.Header().Set(headers[i], headers[i+1])
			}
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
			return true
		}
	}
	cut := func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) }
	behind := func(path string, do func(http.ResponseWriter, *http.Request) bool) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			return strings.HasPrefix(r.URL.Path, path) && do(w, r)
		}
	}
	for name, c := range map[string]struct {
		spoil func(http.ResponseWriter, *http.Request) bool
		wait  time.Duration
		want  string
	}{
		"500":                       {says(500, "oops"), firstPause, "500"},
		"503 with Retry-After":      {says(503, "", "Retry-After", "40"), 40 * time.Second, "503"},
		"429 with a date":           {says(429, "", "Retry-After", time.Unix(1e9+90, 0).UTC().Format(http.TimeFormat)), 90 * time.Second, "429"},
		"503 until the end of time": {says(503, "", "Retry-After", "2000000000"), time.Hour, "503"},
		"cut":                       {cut, firstPause, "EOF"},
		"nothing there":             {says(404, ""), firstPause, "no checkpoint"},
		"a page":                    {says(200, "<!doctype html>"), firstPause, "not signed"},
		"nothing":                   {says(200, ""), firstPause, "not signed"},
		"bytes":                     {says(200, "\x00\xff\n\n\u2014 x y\n"), firstPause, "not signed"},
		"without end":               {says(200, strings.Repeat("x", maxCheckpoint+1)), firstPause, "more than"},
		"a redirect":                {says(301, "", "Location", "https://elsewhere.example/"), firstPause, "elsewhere.example"},
		"tiles: 500":                {behind("/tlog/tile", says(500, "")), firstPause, "500"},
		"tiles: cut":                {behind("/tlog/tile", cut), firstPause, "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := newWeb(t, l)
			w, waits := s.watch(t, dir, "")
			look(t, w)
			before, err := os.ReadFile(filepath.Join(dir, stateFile))
			if err != nil {
				t.Fatal(err)
			}
			s.spoiled(l.another(300).grow(300, "entry"), c.spoil)
			_, err = w.Look(t.Context())
			if entity.KindOf(err) != entity.KindUnavailable || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v", err)
			}
			if len(*waits) != looks-1 || (*waits)[0] != c.wait {
				t.Errorf("waited %v", *waits)
			}
			after, err := os.ReadFile(filepath.Join(dir, stateFile))
			if err != nil || string(after) != string(before) || len(evidence(t, dir)) != 0 {
				t.Errorf("the state is another, or there is evidence: %v", err)
			}
			s.serve(l)
			if seen := look(t, w); seen.Was != 300 {
				t.Errorf("when it is back: %+v", seen)
			}
		})
	}
	t.Run("nobody", func(t *testing.T) {
		s := newWeb(t, l)
		w, _ := s.watch(t, t.TempDir(), "")
		s.Close()
		if _, err := w.Look(t.Context()); entity.KindOf(err) != entity.KindUnavailable {
			t.Error(err)
		}
	})
	t.Run("told to stop", func(t *testing.T) {
		s := newWeb(t, l)
		w, _ := s.watch(t, t.TempDir(), "")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := w.Look(ctx); entity.KindOf(err) != entity.KindCanceled {
			t.Error(err)
		}
	})
	t.Run("once", func(t *testing.T) { // a bad copy on the way, and then a good one
		s := newWeb(t, l)
		w, waits := s.watch(t, t.TempDir(), l.vkey)
		bad := 0
		s.spoiled(l, func(w http.ResponseWriter, r *http.Request) bool {
			if bad++; bad > 1 {
				return false
			}
			_, _ = w.Write([]byte(swap(l.sign(l.skey))))
			return true
		})
		if seen := look(t, w); seen.Checkpoint.Size != 300 || len(*waits) != 1 {
			t.Errorf("%+v, waited %v", seen, *waits)
		}
	})
}

// A partial tile that is gone since the full one is there does for it.
func TestFullTile(t *testing.T) {
	l := newTree(t).grow(300, "entry")
	s := newWeb(t, l)
	w, _ := s.watch(t, t.TempDir(), l.vkey)
	look(t, w)
	old := l.another(300).grow(100, "entry")
	later := l.another(300).grow(100, "entry").grow(200, "entry")
	for path := range later.files {
		if strings.Contains(path, ".p/") {
			delete(later.files, path)
		}
	}
	later.files["/checkpoint"], later.files["/tile/1/000.p/1"] = old.files["/checkpoint"], old.files["/tile/1/000.p/1"]
	s.serve(later)
	if seen := look(t, w); seen.Checkpoint.Size != 400 {
		t.Errorf("%+v", seen)
	}
}

// What cannot be watched is refused, and a state that is damaged is not begun
// anew.
func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	for _, url := range []string{"", "stemma.example", "ftp://stemma.example", "https://", "https://stemma.example/?a=b", "https://stemma.example/#x"} {
		if _, err := Open(Options{URL: url, Dir: dir}); err == nil || entity.KindOf(err) != entity.KindInvalid {
			t.Errorf("%q: %v", url, err)
		}
	}
	for _, key := range []string{"x", "log.example+1234+AAAA", "PRIVATE+KEY+log+1+AA"} {
		if _, err := Open(Options{URL: "https://stemma.example", Dir: dir, Key: key}); err == nil || entity.KindOf(err) != entity.KindInvalid {
			t.Errorf("key %q: %v", key, err)
		}
	}
	l := newTree(t).grow(3, "entry")
	for _, text := range []string{"", "{", "{}", `{"key":"x","checkpoint":"y"}`, `{"key":"` + l.vkey + `","checkpoint":"log.example/tlog\n3\n"}`} {
		if err := os.WriteFile(filepath.Join(dir, stateFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(Options{URL: "https://stemma.example", Dir: dir}); err == nil || entity.KindOf(err) != entity.KindInvalid || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("state %q: %v", text, err)
		}
	}
	if _, err := Open(Options{URL: "https://stemma.example", Dir: filepath.Join(dir, stateFile)}); err == nil || entity.KindOf(err) != entity.KindUnavailable {
		t.Errorf("a file for a directory: %v", err)
	}
	for url, want := range map[string]string{
		"https://stemma.example": "https://stemma.example/tlog", "https://stemma.example/": "https://stemma.example/tlog",
		"https://stemma.example/tlog": "https://stemma.example/tlog", "http://x.example:80/a/log/": "http://x.example:80/a/log",
	} {
		w, err := Open(Options{URL: url, Dir: t.TempDir()})
		if err != nil || w.URL() != want {
			t.Errorf("%s is watched at %s: %v", url, w.URL(), err)
		}
	}
}
