package fulltext

import (
	"slices"
)

// phrase checks documents for words in their order.
type phrase struct {
	words [][]*postings // with positions, of each stem a word may have
	after []uint64      // how far each word stands behind the first
	at    [][]uint64
}

func (p *phrase) close() {
	for _, w := range p.words {
		for _, s := range w {
			_ = s.r.Close()
		}
	}
}

// phrase gives a clause for each word, of which every one must be there, and the
// last also checks their order.
func (s *state) phrase(t term) (all []*clause, err error) {
	order := &phrase{at: make([][]uint64, len(t.words))}
	defer func() {
		if err != nil {
			order.close()
		}
	}()
	for _, w := range t.words {
		c, err := s.word(w.word)
		c.must = true
		c.idf *= float64(t.count)
		c.bound = c.idf
		all = append(all, c)
		if err != nil {
			return all, err
		}
		var stems []*postings
		for _, stem := range s.stems(w.word) {
			p, err := openPostings(s.ctx, s.r, fieldText, []byte(stem), true)
			if err != nil {
				return all, err
			}
			stems = append(stems, p)
		}
		order.words = append(order.words, stems)
		order.after = append(order.after, uint64(w.pos-t.words[0].pos))
	}
	all[len(all)-1].order = order
	return all, nil
}

// in tells whether the document has the phrase.
func (p *phrase) in(doc uint64) (bool, error) {
	for i, stems := range p.words {
		p.at[i] = p.at[i][:0]
		for _, s := range stems {
			if s.doc < doc {
				if err := s.seek(doc); err != nil {
					return false, err
				}
			}
			if s.doc == doc {
				for _, v := range s.at.Vectors {
					p.at[i] = append(p.at[i], v.Pos)
				}
			}
		}
		if len(stems) > 1 {
			slices.Sort(p.at[i])
		}
	}
	for _, first := range p.at[0] {
		found := true
		for i := 1; found && i < len(p.at); i++ {
			_, found = slices.BinarySearch(p.at[i], first+p.after[i])
		}
		if found {
			return true, nil
		}
	}
	return false, nil
}
