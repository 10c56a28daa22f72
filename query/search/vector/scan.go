package vector

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"stemma/entity"
)

// bins are what the keys of a query are counted in, 0.0005 of cosine each.
const (
	bins    = 4096
	binBits = 4 // of a key that do not count
)

// scan is the work of one query: every row gets a key by its score, the rows
// are taken in order of their keys, a range of bins at a time, until enough of
// them are visible, and those are scored exactly.
type scan struct {
	rows     *rows
	workers  int
	keys     []uint16
	hist     [][bins]uint32 // one of each worker; the first is the sum after score
	table    table
	verdicts verdicts
	taken    []scored
}

type scored struct {
	row   int
	score float32
}

// score gives each row that passes its key: of its exact score, or of what its
// signs let expect.
func (s *scan) score(q []float32, p plain, exact bool) {
	n := s.rows.n
	if cap(s.keys) < n {
		s.keys = make([]uint16, n+n/4)
	}
	s.keys = s.keys[:n]
	if !exact {
		s.table.fill(q)
	}
	workers := max(1, min(s.workers, n/(4*chunkRows)))
	for len(s.hist) < workers {
		s.hist = append(s.hist, [bins]uint32{})
	}
	chunks := (n + chunkRows - 1) / chunkRows
	share(workers, func(w int) {
		s.part(q, p, exact, w, chunks*w/workers, chunks*(w+1)/workers)
	})
	for w := 1; w < workers; w++ {
		for b, count := range &s.hist[w] {
			s.hist[0][b] += count
		}
	}
}

// part scores the chunks from first up to end.
func (s *scan) part(q []float32, p plain, exact bool, worker, first, end int) {
	hist := &s.hist[worker]
	clear(hist[:])
	dims, signBytes := s.rows.dims, s.rows.signBytes
	for at := first; at < end; at++ {
		c := s.rows.chunks[at]
		keys := s.keys[at*chunkRows : min((at+1)*chunkRows, s.rows.n)]
		for i := range keys {
			if !p.passes(c, i) {
				keys[i] = 0
				continue
			}
			var k uint16
			if exact {
				k = key(Dot(q, c.vectors[i*dims:(i+1)*dims]))
			} else {
				k = key(s.table.sum(c.signs[i*signBytes:(i+1)*signBytes]) * c.factors[i])
			}
			keys[i] = k
			hist[k>>binBits]++
		}
	}
}

// below is the greatest bin so that it and those up to before hold at least
// want rows, or 0.
func (s *scan) below(before, want int) int {
	for b := before; b > 0; {
		b--
		if want -= int(s.hist[0][b]); want <= 0 {
			return b
		}
	}
	return 0
}

// take adds the visible rows whose bins are from lo up to hi, scored exactly.
func (s *scan) take(ctx context.Context, q []float32, lo, hi int) error {
	from, to := uint16(max(lo<<binBits, 1)), uint16(hi<<binBits-1)
	before := len(s.taken)
	for i, k := range s.keys {
		if i%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if k >= from && k <= to && s.verdicts.sees(i) {
			s.taken = append(s.taken, scored{row: i})
		}
	}
	fresh := s.taken[before:]
	workers := max(1, min(s.workers, len(fresh)/chunkRows))
	share(workers, func(w int) {
		part := fresh[len(fresh)*w/workers : len(fresh)*(w+1)/workers]
		for i := range part {
			part[i].score = Dot(q, s.rows.vector(part[i].row))
		}
	})
	return nil
}

// share calls do for each worker, at once, and waits for all.
func share(workers int, do func(worker int)) {
	var wg sync.WaitGroup
	for w := 1; w < workers; w++ {
		wg.Go(func() { do(w) })
	}
	do(0)
	wg.Wait()
}

// nearest runs a query; the caller holds the rows still. want is how many
// candidates are scored exactly at least, where there are as many.
func (s *scan) nearest(ctx context.Context, q []float32, k, want int, f Filter, exact bool) ([]Match, error) {
	s.score(q, s.rows.plain(f), exact)
	s.verdicts.reset(s.rows, f.Visible)
	s.taken = s.taken[:0]
	want = max(want, k)
	for hi, reach := bins, want; ; {
		lo := s.below(hi, reach)
		if err := s.take(ctx, q, lo, hi); err != nil {
			return nil, err
		}
		hi = lo
		if len(s.taken) < want && hi > 0 {
			reach *= 4 // most are hidden, it seems
			continue
		}
		found := s.best(k, f.Live)
		if len(found) == k || hi == 0 {
			return found, nil
		}
		want, reach = want+len(s.taken), reach*4 // dead ones stood before the living
	}
}

// best is the first k of those taken that live.
func (s *scan) best(k int, live func(entity.ID) bool) []Match {
	slices.SortFunc(s.taken, func(a, b scored) int {
		if c := cmp.Compare(b.score, a.score); c != 0 {
			return c
		}
		return cmp.Compare(s.rows.id(a.row), s.rows.id(b.row))
	})
	found := make([]Match, 0, min(k, len(s.taken)))
	for _, t := range s.taken {
		if len(found) == k {
			break
		}
		if id := s.rows.id(t.row); live == nil || live(id) {
			found = append(found, Match{id, float64(max(-1, min(1, t.score)))})
		}
	}
	return found
}
