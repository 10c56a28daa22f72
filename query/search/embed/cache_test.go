package embed

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"stemma/entity"
)

// counting is the lexical embedder, with a count of what it was asked for.
type counting struct {
	*Lexical
	mu    sync.Mutex
	asked []string
	fail  string // fails when asked for it
}

func (c *counting) Embed(ctx context.Context, p Purpose, texts []string) ([][]float32, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if slices.Contains(texts, c.fail) {
		return nil, entity.Errorf(entity.KindUnavailable, "test", "down")
	}
	c.asked = append(c.asked, texts...)
	return c.Lexical.Embed(ctx, p, texts)
}

func sameAsLexical(t *testing.T, dims int, texts []string, got [][]float32, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range lexical(t, dims, texts...) {
		if !slices.Equal(want, got[i]) {
			t.Fatalf("text %d has another vector", i)
		}
	}
}

func textsTo(n int) []string {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = fmt.Sprint("text number ", i, " of many")
	}
	return texts
}

// Nothing is asked for twice, whether it is twice in one call, in two, or in two
// lives of a cache on disk; spaces and purposes are kept apart.
func TestCached(t *testing.T) {
	for _, dir := range []string{"", t.TempDir()} {
		from := &counting{Lexical: NewLexical(LexicalOptions{Dimensions: 32})}
		texts := append(textsTo(700), textsTo(20)...)
		for life := range 2 {
			cache, err := OpenCache(CacheOptions{Dir: dir})
			if err != nil {
				t.Fatal(err)
			}
			c := NewCached(from, cache)
			for range 2 {
				got, err := c.Embed(context.Background(), Document, texts)
				sameAsLexical(t, 32, texts, got, err)
			}
			want := 700
			if life == 1 && dir != "" {
				want = 0
			}
			if len(from.asked) != want {
				t.Errorf("dir %q: asked for %d in life %d, want %d", dir, len(from.asked), life, want)
			}
			if hits, of := cache.Hits(); hits == 0 || of < hits {
				t.Errorf("%d hits of %d", hits, of)
			}
			from.asked = nil
			got, err := c.Embed(context.Background(), Query, texts[:1])
			sameAsLexical(t, 32, texts[:1], got, err)
			if len(from.asked) != want/700 {
				t.Errorf("dir %q: asked for %d queries in life %d", dir, len(from.asked), life)
			}
			other := NewCached(NewLexical(LexicalOptions{Dimensions: 16}), cache)
			got, err = other.Embed(context.Background(), Document, texts)
			sameAsLexical(t, 16, texts, got, err)
			from.asked = nil
			if err := cache.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// What was answered before a failure is not asked for again.
func TestCachedResumes(t *testing.T) {
	from := &counting{Lexical: NewLexical(LexicalOptions{Dimensions: 32}), fail: "text number 600 of many"}
	cache, err := OpenCache(CacheOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c, texts := NewCached(from, cache), textsTo(700)
	if _, err := c.Embed(context.Background(), Document, texts); entity.KindOf(err) != entity.KindUnavailable {
		t.Fatal(err)
	}
	from.fail = ""
	got, err := c.Embed(context.Background(), Document, texts)
	sameAsLexical(t, 32, texts, got, err)
	if len(from.asked) != 700 {
		t.Errorf("asked for %d of 700", len(from.asked))
	}
}

// A cache stays within its bound, and what is used stays in it.
func TestCacheBound(t *testing.T) {
	const most = 64 << 10
	for _, dir := range []string{"", t.TempDir()} {
		from := &counting{Lexical: NewLexical(LexicalOptions{Dimensions: 32})}
		cache, err := OpenCache(CacheOptions{Dir: dir, MaxBytes: most})
		if err != nil {
			t.Fatal(err)
		}
		c, texts := NewCached(from, cache), textsTo(2000)
		for i, text := range texts {
			got, err := c.Embed(context.Background(), Document, []string{text, "often used"})
			sameAsLexical(t, 32, []string{text, "often used"}, got, err)
			if size := cache.young.size + cache.old.size; size > most {
				t.Fatalf("%d bytes after %d texts", size, i)
			}
		}
		if len(from.asked) != 2001 {
			t.Errorf("what is often used was forgotten: asked for %d", len(from.asked))
		}
		if dir != "" {
			var size int64
			for _, name := range []string{"recent", "older"} {
				info, err := os.Stat(filepath.Join(dir, name))
				if err != nil {
					t.Fatal(err)
				}
				size += info.Size()
			}
			if size > most || size < most/4 {
				t.Errorf("%d bytes on disk", size)
			}
		}
		if err := cache.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// Whatever happened to the files, a vector is right or is asked for.
func TestCacheBroken(t *testing.T) {
	dir, texts := t.TempDir(), textsTo(20)
	path := filepath.Join(dir, "recent")
	use := func() int {
		from := &counting{Lexical: NewLexical(LexicalOptions{Dimensions: 32})}
		cache, err := OpenCache(CacheOptions{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		got, err := NewCached(from, cache).Embed(context.Background(), Document, texts)
		sameAsLexical(t, 32, texts, got, err)
		if err := cache.Close(); err != nil {
			t.Fatal(err)
		}
		return len(from.asked)
	}
	use()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := 0; at < len(whole); at += 7 {
		b := slices.Clone(whole)
		b[at] ^= 0x55
		for _, b := range [][]byte{b, whole[:at]} {
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			if n := use(); n == 0 {
				t.Errorf("broken at %d and nothing was asked for", at)
			}
			if n := use(); n != 0 && len(b) < len(whole) {
				t.Errorf("cut at %d, %d were asked for twice", at, n)
			}
		}
	}
}

func TestCacheConcurrent(t *testing.T) {
	cache, err := OpenCache(CacheOptions{Dir: t.TempDir(), MaxBytes: 20 << 10})
	if err != nil {
		t.Fatal(err)
	}
	c, texts := NewCached(NewLexical(LexicalOptions{Dimensions: 32}), cache), textsTo(100)
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 40 {
				part := texts[(i*w)%60:][:40]
				got, err := c.Embed(context.Background(), Document, part)
				sameAsLexical(t, 32, part, got, err)
			}
		})
	}
	wg.Wait()
	if err := cache.Close(); err != nil {
		t.Fatal(err)
	}
}
