package vector

import (
	"cmp"
	"context"
	"math"
	"slices"
)

const (
	recallAt     = 10 // neighbours looked for
	samples      = 24 // rows they are looked for of
	leastToTry   = 256
	mostPart     = 8 // of the rows, a candidate in so many at most
	headroom     = 1.25
	wantedInside = 0.98 // of the neighbours seen, before headroom
)

// recall is what is known of the prefilter.
type recall struct {
	o          Options
	measuredAt int     // rows; 0: never
	candidates int     // chosen or set
	value      float64 // at recallAt with so many candidates
}

// plan says how many of n rows to score exactly for k neighbours, and whether
// to do without the prefilter.
func (r recall) plan(k, n int) (want int, exact bool) {
	if r.exact(n) {
		return k, true
	}
	// Neighbours that are further off stand closer together in the prefilter's
	// order: twice as many do not take twice as long a list to be in.
	want = int(float64(r.candidates) * math.Sqrt(max(1, float64(k)/recallAt)))
	if want > n/4 {
		return k, true // so many cost more, one by one, than all in order
	}
	return want, false
}

func (r recall) exact(n int) bool {
	return r.measuredAt == 0 || n < r.o.ExactBelow || r.value < r.o.MinRecall
}

// due tells that n rows are too many for what was measured with fewer.
func (r recall) due(n int) bool { return n >= r.o.ExactBelow && n >= 2*r.measuredAt }

func (r recall) tell(s *Stats) {
	s.Exact = r.exact(s.Rows)
	s.Candidates, s.Recall, s.MeasuredAt = r.candidates, r.value, r.measuredAt
}

// settle chooses the candidates by the ranks that the prefilter gave to true
// neighbours among n rows: 1 for the first.
func (r *recall) settle(ranks []int, n int) {
	slices.Sort(ranks)
	r.measuredAt, r.candidates = n, r.o.Candidates
	if r.candidates == 0 {
		inside := ranks[min(len(ranks)-1, int(math.Ceil(wantedInside*float64(len(ranks)))))]
		r.candidates = max(leastToTry, min(int(headroom*float64(inside)), n/mostPart))
	}
	found, _ := slices.BinarySearch(ranks, r.candidates+1)
	r.value = float64(found) / float64(len(ranks))
}

// Measure finds the neighbours of some rows with the prefilter and without, and
// settles how many candidates there must be, or that there is to be no
// prefilter. It runs by itself when there are twice as many rows as the last
// time; until then all rows are scored exactly. With fewer rows than ExactBelow
// it does nothing.
func (x *Index) Measure(ctx context.Context) error {
	var ranks []int
	var n int
	for i := range samples {
		if ctx.Err() != nil {
			return done("vector.Measure", ctx.Err())
		}
		x.mu.RLock() // for each anew: writers need not wait for all of it
		n = x.rows.n
		if n < max(x.o.ExactBelow, recallAt+1) {
			x.mu.RUnlock()
			return nil
		}
		s := x.scan()
		ranks = append(ranks, s.ranks(i*(n/samples))...)
		x.mu.RUnlock()
		x.pool.Put(s)
	}
	x.mu.Lock()
	x.recall.settle(ranks, n)
	x.mu.Unlock()
	return nil
}

// ranks are those of the true neighbours of a row, itself left out, in the
// order of the prefilter.
func (s *scan) ranks(row int) []int {
	q := slices.Clone(s.rows.vector(row))
	s.score(q, plain{}, true)
	s.verdicts.reset(s.rows, nil)
	s.taken = s.taken[:0]
	_ = s.take(context.Background(), q, s.below(bins, recallAt+1), bins) // nothing cancels it
	slices.SortFunc(s.taken, func(a, b scored) int { return cmp.Compare(b.score, a.score) })
	s.taken = slices.DeleteFunc(s.taken, func(t scored) bool { return t.row == row })[:recallAt]
	s.score(q, plain{}, false)
	above := make([]int, 1<<16) // rows with a greater key
	for _, k := range s.keys {
		above[k]++
	}
	for k, sum := len(above)-1, 0; k >= 0; k-- {
		above[k], sum = sum, sum+above[k]
	}
	ranks := make([]int, recallAt)
	for i, t := range s.taken {
		ranks[i] = 1 + above[s.keys[t.row]]
	}
	return ranks
}
