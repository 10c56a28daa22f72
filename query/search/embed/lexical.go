package embed

import (
	"context"
	"math"

	"stemma/entity"
)

// LexicalOptions are the settings of [NewLexical]; the zero value works.
type LexicalOptions struct {
	Dimensions int // 0: 512. Fewer are smaller and find less: doc.go has the measurements
}

// Lexical embeds by hashing words and pieces of words. It needs no model and no
// network, is deterministic, and is safe for any number of goroutines.
type Lexical struct{ dims int }

var _ source = (*Lexical)(nil)

// NewLexical makes the embedder that needs nothing.
func NewLexical(o LexicalOptions) *Lexical {
	if o.Dimensions <= 0 {
		o.Dimensions = 512
	}
	return &Lexical{dims: o.Dimensions}
}

// lexicalModel changes with every change of a vector; a test holds one.
const lexicalModel = "lexical-1"

// Space is {"lexical", "lexical-1", dimensions}.
func (l *Lexical) Space() Space { return Space{"lexical", lexicalModel, l.dims} }

// Embed fails only when ctx is done. It looks at the first 256 KiB of a text;
// both purposes are the same.
func (l *Lexical) Embed(ctx context.Context, _ Purpose, texts []string) ([][]float32, error) {
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		if ctx.Err() != nil {
			return nil, done("embed.Lexical", ctx.Err())
		}
		vectors[i] = l.embed(text)
	}
	return vectors, nil
}

// done is the error of a context as one of ours.
func done(op string, err error) error {
	kind := entity.KindCanceled
	if err == context.DeadlineExceeded {
		kind = entity.KindTimeout
	}
	return &entity.Error{Kind: kind, Op: op, Err: err}
}

// The weights of what a word is made into, chosen on Cranfield with and without
// typing errors, for 384 to 1024 dimensions.
const (
	mostText    = 256 << 10
	wordWeight  = 1.0 // the word, folded
	stemWeight  = 1.0 // its beginning without an English ending
	pieceWeight = 0.4 // 3 and 4 characters in a row, its two edges counting as one each
	leastPiece  = 3
	mostPiece   = 4
)

// The namespaces that keep a word, a stem and a piece apart that read the same.
const (
	wordSeed uint64 = 0xcbf29ce484222325 + iota
	stemSeed
	pieceSeed
)

// feature is something a text has, how often, and what that weighs.
type feature struct {
	hash   uint64
	count  float64
	weight float64
}

// bag collects features in the order of their first occurrence: sums of floats
// depend on order, and vectors must not.
type bag struct {
	at   map[uint64]int
	list []feature
}

func (b *bag) add(hash uint64, weight float64) {
	i, ok := b.at[hash]
	if !ok {
		i = len(b.list)
		b.at[hash] = i
		b.list = append(b.list, feature{hash: hash, weight: weight})
	}
	b.list[i].count++
}

func (l *Lexical) embed(text string) []float32 {
	b := bag{at: map[uint64]int{}}
	words(text[:min(len(text), mostText)], b.word)
	sums := make([]float64, l.dims)
	for _, f := range b.list {
		h := scatter(f.hash)
		w := f.weight * (1 + math.Log(f.count))
		if h&1 == 0 {
			w = -w
		}
		sums[(h>>1)%uint64(l.dims)] += w
	}
	return normal(sums)
}

// word adds what a word is made into.
func (b *bag) word(w []rune) {
	weight := rarity(w)
	b.add(hash(wordSeed, w), wordWeight*weight)
	b.add(hash(stemSeed, stem(w)), stemWeight*weight)
	if weight < 1 || hasDigit(w) || ideographic(w[0]) {
		return // pieces of these say nothing
	}
	padded := make([]rune, 0, 2+longestWord)
	padded = append(append(append(padded, ' '), w...), ' ')
	for n := leastPiece; n <= mostPiece; n++ {
		for i := 0; i+n <= len(padded); i++ {
			b.add(hash(pieceSeed, padded[i:i+n]), pieceWeight)
		}
	}
}

func hasDigit(w []rune) bool {
	for _, r := range w {
		if r >= '0' && r <= '9' {
			return true
		}
	}
	return false
}

// hash is FNV-1a over the runes.
func hash(seed uint64, w []rune) uint64 {
	for _, r := range w {
		seed = (seed ^ uint64(r)) * 0x100000001b3
	}
	return seed
}

// scatter is the finalizer of MurmurHash3: FNV leaves the low bits related.
func scatter(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// normal is the sums as a unit vector, or zeros.
func normal(sums []float64) []float32 {
	var square float64
	for _, f := range sums {
		square += f * f
	}
	v := make([]float32, len(sums))
	if square == 0 {
		return v
	}
	length := math.Sqrt(square)
	for i, f := range sums {
		v[i] = float32(f / length)
	}
	return v
}
