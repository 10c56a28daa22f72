package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"stemma/entity"
	"stemma/entity/store"
	"stemma/query/search"
	"stemma/query/search/embed"
)

const (
	findWords      = 200     // of a document
	findVocabulary = 200_000 // different words, the n-th 1/n times as frequent as the first
	findQueries    = 400     // of each kind in a repeat
	findHits       = 20      // of an answer
)

// find is how fast documents become findable and are found: full text and the
// built-in embedder's vectors, one search at a time, by everybody who may view
// everything.
func (r *runner) find(ctx context.Context) (results []Result, err error) {
	dir, done, err := r.scratch()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, done()) }()
	s, err := store.Open(store.Options{Dir: filepath.Join(dir, "store")})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	corpus := newCorpus(r.Sizes.Documents)
	if err := fill(ctx, s, r.Sizes.Documents, 4, 100, corpus.draft); err != nil {
		return nil, err
	}
	before, peak := residentNow(), watchResident(ctx)
	began := time.Now()
	x, err := search.Open(search.Options{Dir: filepath.Join(dir, "search"), Store: s, Embedder: embed.NewLexical(embed.LexicalOptions{})})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, x.Close()) }()
	for at := x.Status(); at.Seen < at.Latest || at.Waiting > 0; at = x.Status() {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		time.Sleep(20 * time.Millisecond)
	}
	n := float64(r.Sizes.Documents)
	took := time.Since(began)
	results = append(results, bound(fmt.Sprintf("%.0f documents of %d words indexed, text and vectors", n, findWords), "/s",
		[]float64{n / took.Seconds()}, 1000, Goal{AtLeast: 1, Text: "≥ 1,000/s"}))
	for _, kind := range findKinds {
		result, err := r.findKind(ctx, x, corpus, kind)
		if err != nil {
			return results, err
		}
		results = append(results, result)
	}
	late, err := r.findable(ctx, s, x)
	if err != nil {
		return results, err
	}
	results = append(results, late)
	const mib = 1 << 20
	return append(results, bound("most memory that search added, beside its store", "MiB", []float64{float64(max(1, peak()-before)) / mib}, 1536,
		Goal{AtMost: 1, Text: "< 1.5 GB"}).also(true, "resident, pages of files among it")), nil
}

// findKind is a kind of query.
type findKind struct {
	name string
	mode search.Mode
	text func(c *corpus, rng *rand.Rand) string
}

var findKinds = []findKind{
	{"a word", search.Text, func(c *corpus, rng *rand.Rand) string { return c.words(rng, 1) }},
	{"three words", search.Text, func(c *corpus, rng *rand.Rand) string { return c.words(rng, 3) }},
	{"a phrase", search.Text, func(c *corpus, rng *rand.Rand) string { return `"` + c.words(rng, 2) + `"` }},
	{"a beginning", search.Text, func(c *corpus, rng *rand.Rand) string { w := c.words(rng, 1); return w[:min(len(w), 4)] + "*" }},
	{"vectors", search.Meaning, func(c *corpus, rng *rand.Rand) string { return c.words(rng, 5) }},
	{"hybrid", search.Hybrid, func(c *corpus, rng *rand.Rand) string { return c.words(rng, 3) }},
}

// findKind measures a kind of query; the p99 is judged too.
func (r *runner) findKind(ctx context.Context, x *search.Index, c *corpus, kind findKind) (Result, error) {
	rng := rand.New(rand.NewPCG(11, 13))
	var medians, worst []float64
	for range r.Repeat {
		took := make([]time.Duration, findQueries)
		for i := range took {
			text := kind.text(c, rng)
			began := time.Now()
			found, err := x.Search(ctx, search.Query{Text: text, Mode: kind.mode, Limit: findHits})
			took[i] = time.Since(began)
			if err == nil && (len(found.Hits) == 0 || len(found.Missing) > 0) {
				err = fmt.Errorf("%s: %q finds %d, without %v", kind.name, text, len(found.Hits), found.Missing)
			}
			if err != nil {
				return Result{}, err
			}
		}
		worst = append(worst, milliseconds(percentile(took, 99)))
		medians = append(medians, milliseconds(percentile(took, 50)))
	}
	p99 := median(worst)
	return bound("find "+kind.name+", p50", "ms", medians, 10, Goal{AtMost: 1, Text: "< 10 ms, p99 < 60 ms"}).
		also(p99 < 60, fmt.Sprintf("p99 %.1f ms", p99)), nil
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// findable is the time from the answer to a write until it is found, without
// waiting for the index.
func (r *runner) findable(ctx context.Context, s entity.Store, x *search.Index) (Result, error) {
	var took []float64
	for i := range 20 * r.Repeat {
		word := "findable" + strconv.Itoa(i)
		if _, err := s.Update(ctx, actor, func(tx entity.Tx) error {
			_, err := tx.Create(entity.Draft{Type: "note", Properties: entity.Properties{"label": word}})
			return err
		}); err != nil {
			return Result{}, err
		}
		for began := time.Now(); ; {
			found, err := x.Search(ctx, search.Query{Text: word, Mode: search.Text, Limit: 1})
			if err != nil {
				return Result{}, err
			}
			if len(found.Hits) == 1 {
				took = append(took, milliseconds(time.Since(began)))
				break
			}
			time.Sleep(time.Millisecond)
		}
	}
	return bound("a write becomes findable after", "ms", took, 500, Goal{AtMost: 1, Text: "< 500 ms"}), nil
}

// corpus is documents of words by Zipf's law.
type corpus struct{ n int }

func newCorpus(n int) *corpus { return &corpus{n} }

func (c *corpus) draft(i int) entity.Draft {
	text := c.text(i)
	return entity.Draft{ID: idOf(i), Type: "paper", Properties: entity.Properties{"label": strings.Join(text[:5], " "), "text": strings.Join(text[5:], " ")}}
}

// text is the words of the i-th document.
func (c *corpus) text(i int) []string {
	rng := rand.New(rand.NewPCG(uint64(i), 17))
	z := rand.NewZipf(rng, 1.1, 10, findVocabulary-1)
	words := make([]string, findWords)
	for j := range words {
		words[j] = wordOf(z.Uint64())
	}
	return words
}

// words are some words that follow each other in a document.
func (c *corpus) words(rng *rand.Rand, n int) string {
	text := c.text(rng.IntN(c.n))
	at := rng.IntN(len(text) - n - 5)
	if at >= 5-n { // the label ends there
		at += 5
	}
	return strings.Join(text[at:at+n], " ")
}

// wordOf is the n-th word of the vocabulary.
func wordOf(n uint64) string {
	const consonants, vowels = "bcdfghjklmnprstvwz", "aeiou"
	var b []byte
	for n += 20; n > 0; n /= uint64(len(consonants) * len(vowels)) {
		m := n % uint64(len(consonants)*len(vowels))
		b = append(b, consonants[m/uint64(len(vowels))], vowels[m%uint64(len(vowels))])
	}
	return string(append(b, 'x'))
}

// residentNow is the physical memory of this process.
func residentNow() int64 {
	kb, err := strconv.ParseInt(strings.TrimSuffix(field("/proc/self/status", "VmRSS"), " kB"), 10, 64)
	if err != nil {
		return 0
	}
	return kb << 10
}

// watchResident gives the most memory this process has had since.
func watchResident(ctx context.Context) func() int64 {
	var most atomic.Int64
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			most.Store(max(most.Load(), residentNow()))
			select {
			case <-ctx.Done():
			case <-time.After(100 * time.Millisecond):
			}
		}
	}()
	return func() int64 {
		stop()
		<-ended
		return most.Load()
	}
}
