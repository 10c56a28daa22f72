package fulltext

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"

	index "github.com/blevesearch/bleve_index_api"
)

// Weights are the parameters of the ranking, BM25F (Robertson and Zaragoza, The
// Probabilistic Relevance Framework, 2009): how often a term stands in a
// document counts with K1 / (K1 + tf), where tf is how often it stands in the
// text over a norm of the text's length, and Label times more in the label.
type Weights struct {
	K1    float64
	B     float64 // how much the length of the text matters, 0 to 1
	Label float64
}

// Tuned are the weights that searches use. On Cranfield's odd queries nDCG@10 is
// from 0.507 to 0.527 for K1 0.8 to 2, B 0.5 to 0.9 and Label 0 to 2, and on
// either half of them the middle is near the best: these are of the middle.
var Tuned = Weights{K1: 1.5, B: 0.8, Label: 1}

// clause is a term of a query on one state of the index.
type clause struct {
	text, label []*postings // of each stem it may have
	members     *set        // of a beginning: the documents with such a word; nil otherwise
	order       *phrase     // of a phrase: its words in their order; nil otherwise
	must        bool        // what does not have it is not found
	df          float64     // how many documents have it
	idf         float64     // times how often it stands in the query
	bound       float64     // no document has a higher score for it
	doc         uint64      // where it stands
}

func (c *clause) close() {
	for _, p := range slices.Concat(c.text, c.label) {
		_ = p.r.Close()
	}
	if c.order != nil {
		c.order.close()
	}
}

// seek goes to the first document from doc on.
func (c *clause) seek(doc uint64) error {
	if c.members != nil {
		c.doc = c.members.from(doc)
		return nil
	}
	c.doc = done
	for _, p := range c.text {
		if p.doc < doc {
			if err := p.seek(doc); err != nil {
				return err
			}
		}
		c.doc = min(c.doc, p.doc)
	}
	return nil
}

// score is what the clause gives the document it stands at.
func (c *clause) score(w *Weights, average float64) (float64, error) {
	if c.members != nil {
		return c.idf / (w.K1 + 1), nil
	}
	tf := 0.0
	norm := 1.0
	for _, p := range c.text {
		if p.doc == c.doc {
			norm = 1 - w.B + w.B*lengthOf(p.at.Norm)/average
			tf += float64(p.at.Freq)
		}
	}
	tf /= norm
	if w.Label > 0 {
		for _, p := range c.label {
			if p.doc < c.doc {
				if err := p.seek(c.doc); err != nil {
					return 0, err
				}
			}
			if p.doc == c.doc {
				tf += w.Label * float64(p.at.Freq)
			}
		}
	}
	return c.idf * tf / (w.K1 + tf), nil
}

// idf is how much a term tells that stands in df of n documents.
func idf(n, df float64) float64 { return math.Log1p((n - df + 0.5) / (df + 0.5)) }

// state is one state of the index, for one search.
type state struct {
	ctx       context.Context
	r         index.IndexReader
	n         float64 // documents
	average   float64 // length
	languages []Language
	stemmer   *stemmer
	weights   *Weights
}

func newState(ctx context.Context, r index.IndexReader, w *Weights) (*state, error) {
	n, err := r.DocCount()
	if err != nil {
		return nil, err
	}
	words, err := internal(r, keyWords)
	if err != nil {
		return nil, err
	}
	s := &state{ctx: ctx, r: r, n: float64(n), average: max(1, float64(words)/max(1, float64(n))), weights: w}
	for l := range languages {
		p, err := r.TermFieldReader(ctx, termLanguage(Language(l)), fieldAll, false, false, false)
		if err != nil {
			return nil, err
		}
		if p.Count() > 0 {
			s.languages = append(s.languages, Language(l))
		}
		if err := p.Close(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// stems are what a word may have become in the documents there are.
func (s *state) stems(word string) []string {
	var out []string
	for _, l := range s.languages {
		if stem := s.stemmer.stem(l, word); !slices.Contains(out, stem) {
			out = append(out, stem)
		}
	}
	return out
}

// clauses opens the terms of a query. None of them stands anywhere yet.
func (s *state) clauses(q Query) (all []*clause, err error) {
	defer func() {
		if err != nil {
			for _, c := range all {
				c.close()
			}
		}
	}()
	for _, t := range q.telling(s.languages) {
		var c *clause
		switch {
		case t.prefix:
			c, err = s.prefix(t)
		case len(t.words) > 1:
			var parts []*clause
			parts, err = s.phrase(t)
			all = append(all, parts...)
		default:
			c, err = s.word(t.words[0].word)
		}
		if c != nil {
			c.must = t.phrase
			c.idf *= float64(t.count)
			c.bound = c.idf
			all = append(all, c)
		}
		if err != nil {
			return all, err
		}
	}
	return all, nil
}

func (s *state) word(word string) (*clause, error) {
	c := &clause{}
	df := 0.0
	for _, stem := range s.stems(word) {
		p, err := openPostings(s.ctx, s.r, fieldText, []byte(stem), false)
		if err != nil {
			return c, err
		}
		c.text = append(c.text, p)
		df += float64(p.r.Count())
		if s.weights.Label == 0 || p.doc == done {
			continue
		}
		if p, err = openPostings(s.ctx, s.r, fieldLabel, []byte(stem), false); err != nil {
			return c, err
		}
		c.label = append(c.label, p)
	}
	c.df = min(df, s.n)
	c.idf = idf(s.n, c.df)
	return c, nil
}

// prefix is the clause of a beginning of words.
func (s *state) prefix(t term) (*clause, error) {
	begin := fold(t.words[0].word)
	c := &clause{members: &set{}}
	words, err := s.beginning(begin)
	if err != nil {
		return nil, err
	}
	for _, w := range words {
		p, err := s.r.TermFieldReader(s.ctx, []byte(w), fieldWord, false, false, false)
		if err != nil {
			return nil, err
		}
		d, err := p.Next(nil)
		for ; err == nil && d != nil; d, err = p.Next(d) {
			c.members.add(d.ID.Value())
		}
		if err = errors.Join(err, p.Close()); err != nil {
			return nil, err
		}
	}
	c.df = min(s.n, float64(c.members.n))
	c.idf = idf(s.n, c.df)
	return c, nil
}

// beginning gives the words that begin so, those of the most documents.
func (s *state) beginning(begin string) (words []string, err error) {
	dict, err := s.r.FieldDictPrefix(fieldWord, []byte(begin))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, dict.Close()) }()
	type entry struct {
		word  string
		count uint64
	}
	var all []entry
	for range maxScanned {
		e, err := dict.Next()
		if err != nil {
			return nil, err
		}
		if e == nil {
			break
		}
		all = append(all, entry{strings.Clone(e.Term), e.Count})
	}
	slices.SortStableFunc(all, func(a, b entry) int { return int(b.count) - int(a.count) })
	for _, e := range all[:min(len(all), maxExpansions)] {
		words = append(words, e.word)
	}
	return words, nil
}
