package fulltext

import (
	"context"
	"math"
	"math/bits"

	index "github.com/blevesearch/bleve_index_api"
)

// done is the number of no document.
const done = math.MaxUint64

// postings are the documents of one term of a field, ascending.
type postings struct {
	r   index.TermFieldReader
	at  index.TermFieldDoc
	doc uint64
	id  index.IndexInternalID
}

func openPostings(ctx context.Context, r index.IndexReader, field string, term []byte, vectors bool) (*postings, error) {
	tfr, err := r.TermFieldReader(ctx, term, field, true, true, vectors)
	if err != nil {
		return nil, err
	}
	p := &postings{r: tfr}
	if err := p.next(); err != nil {
		_ = tfr.Close()
		return nil, err
	}
	return p, nil
}

func (p *postings) next() error {
	d, err := p.r.Next(&p.at)
	return p.take(d, err)
}

func (p *postings) take(d *index.TermFieldDoc, err error) error {
	p.doc = done
	if err == nil && d != nil {
		p.doc = d.ID.Value()
	}
	return err
}

// near is how many documents further a look at each is quicker than a leap.
const near = 8

// seek goes to the first document from doc on.
func (p *postings) seek(doc uint64) error {
	for range near {
		if p.doc >= doc {
			return nil
		}
		if err := p.next(); err != nil {
			return err
		}
	}
	if p.doc >= doc {
		return nil
	}
	p.id = index.NewIndexInternalID(p.id, doc)
	d, err := p.r.Advance(p.id, &p.at)
	return p.take(d, err)
}

// set is a set of documents.
type set struct {
	words []uint64
	n     int
}

func (s *set) add(doc uint64) {
	for uint64(len(s.words)) <= doc/64 {
		s.words = append(s.words, make([]uint64, 1+len(s.words))...)
	}
	if bit := uint64(1) << (doc % 64); s.words[doc/64]&bit == 0 {
		s.words[doc/64] |= bit
		s.n++
	}
}

// from is the first document of the set from doc on.
func (s *set) from(doc uint64) uint64 {
	i := doc / 64
	if i >= uint64(len(s.words)) {
		return done
	}
	if w := s.words[i] >> (doc % 64); w != 0 {
		return doc + uint64(bits.TrailingZeros64(w))
	}
	for i++; i < uint64(len(s.words)); i++ {
		if w := s.words[i]; w != 0 {
			return i*64 + uint64(bits.TrailingZeros64(w))
		}
	}
	return done
}
