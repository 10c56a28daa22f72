package fulltext

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"stemma/entity"
)

func open2(t *testing.T, dir string) *Index {
	t.Helper()
	x, err := Open(dir, func(Mark) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	})
	return x
}

// naive is the ranking as its formula says, over all documents.
type naive struct {
	docs map[entity.ID]Document
}

type counts struct {
	text, label map[string]float64
	words       map[string]bool
	sequence    []token
	length      float64
	stem        func(string) string
}

func (n naive) count(d Document) counts {
	tokens, labels := d.tokens()
	lang, ok := ParseLanguage(d.Language)
	if !ok {
		lang = detect(tokens)
	}
	s := newStemmer(64)
	c := counts{text: map[string]float64{}, label: map[string]float64{}, words: map[string]bool{}, sequence: tokens, length: float64(len(tokens) + 1)}
	c.stem = func(w string) string { return s.stem(lang, w) }
	for i, t := range tokens {
		c.text[c.stem(t.word)]++
		c.words[fold(t.word)] = true
		if i < labels {
			c.label[c.stem(t.word)]++
		}
	}
	return c
}

// search ranks by a query whose words are all English, without small words.
func (n naive) search(text string, limit int, pass func(entity.ID) bool) []Match {
	q := Parse(text)
	all := make(map[entity.ID]counts)
	total := 0.0
	for id, d := range n.docs {
		all[id] = n.count(d)
		total += all[id].length
	}
	average := total / float64(len(all))
	has := func(c counts, w token, prefix bool) bool {
		if !prefix {
			return c.text[c.stem(w.word)] > 0
		}
		for word := range c.words {
			if strings.HasPrefix(word, fold(w.word)) {
				return true
			}
		}
		return false
	}
	var out []Match
	for id, c := range all {
		score, ok := 0.0, true
		for _, t := range q.terms {
			if t.phrase && !c.follow(t.words) {
				ok = false
			}
			for _, w := range t.words {
				df := 0.0
				for _, other := range all {
					if has(other, w, t.prefix) {
						df++
					}
				}
				weight := float64(t.count) * math.Log1p((float64(len(all))-df+0.5)/(df+0.5))
				switch stem := c.stem(w.word); {
				case t.prefix && has(c, w, true):
					score += weight / (Tuned.K1 + 1)
				case !t.prefix && c.text[stem] > 0:
					tf := c.text[stem]/(1-Tuned.B+Tuned.B*c.length/average) + Tuned.Label*c.label[stem]
					score += weight * tf / (Tuned.K1 + tf)
				}
			}
		}
		if ok && score > 0 && pass(id) {
			out = append(out, Match{ID: id, Score: score})
		}
	}
	slices.SortFunc(out, func(a, b Match) int {
		if math.Abs(a.Score-b.Score) > 1e-9 {
			return cmp.Compare(b.Score, a.Score)
		}
		return cmp.Compare(a.ID, b.ID)
	})
	return out[:min(len(out), limit)]
}

// follow tells whether the words stand in this order.
func (c counts) follow(words []token) bool {
	at := make(map[int]string)
	for _, t := range c.sequence {
		at[t.pos] = c.stem(t.word)
	}
	for _, t := range c.sequence {
		ok := true
		for _, w := range words {
			ok = ok && at[t.pos+w.pos-words[0].pos] == c.stem(w.word)
		}
		if ok {
			return true
		}
	}
	return false
}

var vocabulary = strings.Fields("wing wings flow flows flowing boundary layer supersonic heat heated pressure cylinder shock wave waves plate buckling shell thermal stress panel panels")

func randomText(rng *rand.Rand, n int) string {
	words := make([]string, n)
	for i := range words {
		words[i] = vocabulary[min(rng.IntN(len(vocabulary)), rng.IntN(len(vocabulary)))]
	}
	return strings.Join(words, " ")
}

func randomQuery(rng *rand.Rand) string {
	var parts []string
	for range 1 + rng.IntN(3) {
		w := vocabulary[rng.IntN(len(vocabulary))]
		switch rng.IntN(5) {
		case 0:
			w = w[:2+rng.IntN(2)] + "*"
		case 1:
			w = `"` + w + " " + vocabulary[rng.IntN(8)] + `"`
		}
		parts = append(parts, w)
	}
	return strings.Join(parts, " ")
}

// Whatever was put, replaced and removed in whatever batches, a search gives what
// the formula gives over the documents there are; so it does when the index was
// closed and opened, and when it was made anew.
func TestNaive(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 3))
			dir := t.TempDir()
			x := open2(t, dir)
			n := naive{docs: make(map[entity.ID]Document)}
			ids := make([]entity.ID, 60)
			for i := range ids {
				ids[i] = entity.ID(fmt.Sprintf("01JH8Z0Y6V5RZ4Q8Q9V4T2%04d", i))
			}
			for step := range 8 {
				var put []Document
				var remove []entity.ID
				for _, id := range ids {
					switch rng.IntN(4) {
					case 0:
						d := Document{ID: id, Language: "en", Label: randomText(rng, rng.IntN(4)), Parts: []string{randomText(rng, rng.IntN(30)), randomText(rng, rng.IntN(5))}}
						put = append(put, d)
						n.docs[id] = d
					case 1:
						if rng.IntN(2) == 0 {
							remove = append(remove, id)
							delete(n.docs, id)
						}
					}
				}
				if err := x.Apply(Prepare(put), remove, Mark{"log", entity.Seq(step + 1)}); err != nil {
					t.Fatal(err)
				}
				compare(t, "live", x, n, rng)
			}
			if err := x.Close(); err != nil {
				t.Fatal(err)
			}
			x = open2(t, dir)
			if x.Mark() != (Mark{"log", 8}) {
				t.Errorf("reopened at %v", x.Mark())
			}
			compare(t, "reopened", x, n, rng)
			fresh := open2(t, t.TempDir())
			var all []Document
			for _, d := range n.docs {
				all = append(all, d)
			}
			if err := fresh.Apply(Prepare(all), nil, Mark{"log", 8}); err != nil {
				t.Fatal(err)
			}
			compare(t, "made anew", fresh, n, rng)
		})
	}
}

func compare(t *testing.T, when string, x *Index, n naive, rng *rand.Rand) {
	t.Helper()
	for range 25 {
		text, limit, modulus := randomQuery(rng), 1+rng.IntN(12), 1+rng.IntN(4)
		pass := func(id entity.ID) bool { return int(id[len(id)-1])%modulus == 0 }
		want := n.search(text, limit, pass)
		got, err := x.Search(context.Background(), Request{Query: Parse(text), Limit: limit, Pass: func(id entity.ID) (entity.ID, bool) { return "", pass(id) }})
		if err != nil {
			t.Fatal(err)
		}
		same := len(got.Matches) == len(want)
		for i := 0; same && i < len(want); i++ {
			same = math.Abs(got.Matches[i].Score-want[i].Score) < 1e-9
		}
		if !same {
			t.Fatalf("%s: %s, the best %d:\n got %v\nwant %v", when, text, limit, got.Matches, want)
		}
		list := make([]entity.ID, len(want))
		for i, m := range want {
			list[i] = m.ID
			if m.Score > got.Bound {
				t.Errorf("%s: %s: a score of %v is above the bound of %v", when, text, m.Score, got.Bound)
			}
		}
		scores, _, err := x.Scores(context.Background(), Parse(text), append(list, "01JH8Z0Y6V5RZ4Q8Q9V4T2ZZZZ"))
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range scores[:len(want)] {
			if math.Abs(s-want[i].Score) > 1e-9 {
				t.Errorf("%s: %s: the score of %s is %v and %v when asked for", when, text, want[i].ID, want[i].Score, s)
			}
		}
		if scores[len(want)] != 0 {
			t.Error("what is not there has a score")
		}
	}
}

// A bound for each group gives the best of each.
func TestPerGroup(t *testing.T) {
	x := open2(t, t.TempDir())
	rng := rand.New(rand.NewPCG(5, 5))
	var docs []Document
	for i := range 200 {
		docs = append(docs, Document{ID: entity.ID(fmt.Sprintf("01JH8Z0Y6V5RZ4Q8Q9V4T2%04d", i)), Parts: []string{randomText(rng, 20)}})
	}
	if err := x.Apply(Prepare(docs), nil, Mark{"log", 1}); err != nil {
		t.Fatal(err)
	}
	group := func(id entity.ID) (entity.ID, bool) { return id[len(id)-1:], true }
	all, err := x.Search(t.Context(), Request{Query: Parse("wing flow heat"), Limit: 300, Pass: group})
	if err != nil {
		t.Fatal(err)
	}
	had := make(map[entity.ID]int)
	var want []Match
	for _, m := range all.Matches {
		if had[m.Group]++; had[m.Group] <= 3 {
			want = append(want, m)
		}
	}
	got, err := x.Search(t.Context(), Request{Query: Parse("wing flow heat"), Limit: 25, PerGroup: 3, Pass: group})
	if err != nil || !slices.Equal(got.Matches, want[:25]) {
		t.Errorf("got %v, %v\nwant %v", got.Matches, err, want[:25])
	}
}
