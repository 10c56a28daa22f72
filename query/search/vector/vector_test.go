package vector

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"stemma/entity"
)

// sights is a Visibility by a table. Its counter is unguarded: under the race
// detector it proves that one goroutine asks.
type sights struct {
	scope  map[entity.ID]entity.Sight
	apart  map[string]bool
	hidden map[entity.ID]bool
	asked  int
	scoped map[entity.ID]int
}

func (s *sights) Scope(c entity.ID) entity.Sight {
	s.asked++
	s.scoped[c]++
	return s.scope[c]
}

func (s *sights) Apart(typ string) bool { s.asked++; return s.apart[typ] }

func (s *sights) Sees(id entity.ID, typ string, c entity.ID) bool {
	s.asked++
	if !s.apart[typ] && s.scope[c] != entity.SightSome {
		panic("Sees of what Scope has decided")
	}
	return !s.hidden[id]
}

// may is what the three together mean.
func (s *sights) may(r Row) bool {
	if !s.apart[r.Type] && s.scope[r.Collection] != entity.SightSome {
		return s.scope[r.Collection] == entity.SightAll
	}
	return !s.hidden[r.ID]
}

// model is what an index should hold.
type model map[entity.ID]Row

func (m model) naive(q []float32, k int, pass func(Row) bool) []Match {
	all := []Match{}
	for id, r := range m {
		if pass(r) {
			all = append(all, Match{id, cosine(q, r.Vector)})
		}
	}
	slices.SortFunc(all, func(a, b Match) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ID, b.ID))
	})
	return all[:min(k, len(all))]
}

func cosine(a, b []float32) float64 {
	var ab, aa, bb float64
	for i := range a {
		ab += float64(a[i]) * float64(b[i])
		aa += float64(a[i]) * float64(a[i])
		bb += float64(b[i]) * float64(b[i])
	}
	return ab / math.Sqrt(aa*bb)
}

func randomVector(r *rand.Rand, dims int) []float32 {
	v := make([]float32, dims)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}

func id(n int) entity.ID { return entity.ID(fmt.Sprintf("01%024d", n)) }

func randomRow(r *rand.Rand, n, dims int) Row {
	row := Row{ID: id(n), Type: fmt.Sprint("type", r.IntN(4)), Vector: randomVector(r, dims)}
	if c := r.IntN(6); c > 0 {
		row.Collection = entity.ID(fmt.Sprint("collection", c))
	}
	return row
}

func open(t testing.TB, o Options) *Index {
	t.Helper()
	o.Space = cmp.Or(o.Space, "space")
	x, err := Open(o)
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

func apply(t testing.TB, x Store, put []Row, remove []entity.ID, cursor entity.Seq) {
	t.Helper()
	if err := x.Apply(context.Background(), put, remove, cursor); err != nil {
		t.Fatal(err)
	}
}

// same fails unless two lists of matches are the same, rounding aside: rows
// whose scores differ by less than it may change places.
func same(t *testing.T, got, want []Match) {
	t.Helper()
	const rounding = 2e-6
	if len(got) != len(want) {
		t.Fatalf("%d matches, want %d", len(got), len(want))
	}
	for i := range got {
		if math.Abs(got[i].Score-want[i].Score) > rounding {
			t.Fatalf("match %d is %v, want %v", i, got[i], want[i])
		}
	}
	scores := map[entity.ID]float64{}
	for _, m := range want {
		scores[m.ID] = m.Score
	}
	for _, m := range got {
		if s, ok := scores[m.ID]; !ok && len(want) > 0 && m.Score > want[len(want)-1].Score+rounding || ok && math.Abs(s-m.Score) > rounding {
			t.Fatalf("%v does not belong to %v", m, want)
		}
	}
}

// randomFilter is a filter, and what it means.
func randomFilter(r *rand.Rand, m model) (Filter, func(Row) bool) {
	var f Filter
	if r.IntN(3) == 0 {
		f.Types = []string{fmt.Sprint("type", r.IntN(5)), "type1"}[:r.IntN(3)]
	}
	if r.IntN(3) == 0 {
		f.Collections = []entity.ID{entity.ID(fmt.Sprint("collection", 1+r.IntN(6))), "", "collection2"}[:1+r.IntN(3)]
	}
	s := &sights{scope: map[entity.ID]entity.Sight{}, apart: map[string]bool{}, hidden: map[entity.ID]bool{}, scoped: map[entity.ID]int{}}
	if r.IntN(3) > 0 {
		s.scope[""] = entity.Sight(r.IntN(3))
		for c := range 6 {
			s.scope[entity.ID(fmt.Sprint("collection", c+1))] = entity.Sight(r.IntN(3))
		}
		s.apart["type3"] = r.IntN(2) == 0
		rate := r.Float64()
		for id := range m {
			s.hidden[id] = r.Float64() < rate
		}
		f.Visible = s
	}
	dead := map[entity.ID]bool{}
	if r.IntN(3) == 0 {
		rate := r.Float64()
		for id := range m {
			dead[id] = r.Float64() < rate
		}
		f.Live = func(id entity.ID) bool { return !dead[id] }
	}
	return f, func(row Row) bool {
		return (f.Types == nil || slices.Contains(f.Types, row.Type)) &&
			(f.Collections == nil || slices.Contains(f.Collections, row.Collection)) &&
			(f.Visible == nil || s.may(row)) && !dead[row.ID]
	}
}

// A search without the prefilter is the naive search, whatever the filter; so
// is Mean.
func TestNearestIsNaive(t *testing.T) {
	for round := range 20 {
		r := rand.New(rand.NewPCG(1, uint64(round)))
		dims := 1 + r.IntN(40)
		x, m := open(t, Options{Dimensions: dims, Workers: 1 + r.IntN(3)}), model{}
		fillRandom(t, r, x, m, 1+r.IntN(1500), dims)
		for range 20 {
			q, k := randomVector(r, dims), 1+r.IntN(30)
			f, pass := randomFilter(r, m)
			got, err := x.Nearest(context.Background(), q, k, f)
			if err != nil {
				t.Fatal(err)
			}
			same(t, got, m.naive(q, k, pass))
			if s, ok := f.Visible.(*sights); ok {
				for c, n := range s.scoped {
					if n > 1 {
						t.Fatalf("Scope of %q was asked %d times in one search", c, n)
					}
				}
			}
			sameMean(t, x, m, f, pass)
		}
	}
}

func fillRandom(t *testing.T, r *rand.Rand, x Store, m model, n, dims int) {
	t.Helper()
	for i := 0; i < n; i += 100 {
		var put []Row
		for j := range min(100, n-i) {
			put = append(put, randomRow(r, i+j, dims))
		}
		var remove []entity.ID
		for j := range i {
			if r.IntN(20) == 0 {
				remove = append(remove, id(j))
			}
		}
		apply(t, x, put, remove, entity.Seq(i+1))
		for _, id := range remove {
			delete(m, id)
		}
		for _, row := range put {
			m[row.ID] = row
		}
	}
}

func sameMean(t *testing.T, x Store, m model, f Filter, pass func(Row) bool) {
	t.Helper()
	got, err := x.Mean(context.Background(), f)
	if err != nil {
		t.Fatal(err)
	}
	var sum []float32
	n := 0
	for _, id := range slices.Sorted(maps.Keys(m)) {
		if row := m[id]; pass(row) {
			length := float32(math.Sqrt(float64(Dot(row.Vector, row.Vector))))
			if sum == nil {
				sum = make([]float32, len(row.Vector))
			}
			for i, v := range row.Vector {
				sum[i] += v / length
			}
			n++
		}
	}
	if got.Rows != n {
		t.Fatalf("the mean is of %d rows, want %d", got.Rows, n)
	}
	if got.Vector == nil {
		return // none, or they cancel out
	}
	unity := math.Sqrt(float64(Dot(sum, sum))) / float64(n)
	if math.Abs(got.Unity-unity) > 1e-4 || unity > 1e-3 && cosine(got.Vector, sum) < 0.999 {
		t.Fatalf("the mean has unity %f, want %f, and is off by %f", got.Unity, unity, cosine(got.Vector, sum))
	}
}

// With the prefilter, all of what is found passes and has its true score, k are
// found where there are k, and nothing is missed where few pass.
func TestPrefilter(t *testing.T) {
	for round := range 6 {
		r := rand.New(rand.NewPCG(2, uint64(round)))
		dims := 8 + r.IntN(60)
		x, m := open(t, Options{Dimensions: dims, ExactBelow: 100, Candidates: 120, MinRecall: 0.001, Still: true}), model{}
		fillRandom(t, r, x, m, 3000, dims)
		if err := x.Measure(context.Background()); err != nil {
			t.Fatal(err)
		}
		if s := x.Stats(); s.Exact || s.Candidates != 120 || s.Recall == 0 {
			t.Fatalf("no prefilter: %+v", s)
		}
		found, missed := 0, 0
		for range 60 {
			q, k := randomVector(r, dims), 1+r.IntN(30)
			f, pass := randomFilter(r, m)
			got, err := x.Nearest(context.Background(), q, k, f)
			if err != nil {
				t.Fatal(err)
			}
			all := m.naive(q, len(m), pass)
			if len(got) != min(k, len(all)) {
				t.Fatalf("%d found, of %d that pass and %d wanted", len(got), len(all), k)
			}
			for _, g := range got {
				i := slices.IndexFunc(all, func(a Match) bool { return a.ID == g.ID })
				if i < 0 || math.Abs(all[i].Score-g.Score) > 2e-6 {
					t.Fatalf("%v should not have been found", g)
				}
				if i < k {
					found++
				} else {
					missed++
				}
			}
			if f.Live == nil && len(all) <= 120 {
				same(t, got, all[:len(got)])
			}
		}
		if recall := float64(found) / float64(found+missed); recall < 0.6 {
			t.Errorf("%d dimensions: recall %.2f with %d found", dims, recall, found)
		}
	}
}

// The prefilter is used where it finds what it should, and not where it cannot.
func TestRecallDecides(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	clustered := func() []float32 { // around 40 centres, chosen by a generator of its own
		v, centre := randomVector(r, 64), randomVector(rand.New(rand.NewPCG(4, uint64(r.IntN(40)))), 64)
		for i := range v {
			v[i] = v[i]*0.4 + centre[i]
		}
		return v
	}
	fewSigns := func() []float32 { // all signs positive: the prefilter knows nothing
		v := randomVector(r, 64)
		for i := range v {
			v[i] = float32(math.Abs(float64(v[i])))
		}
		return v
	}
	for name, c := range map[string]struct {
		vector func() []float32
		exact  bool
	}{"clustered": {clustered, false}, "one orthant": {fewSigns, true}} {
		x := open(t, Options{Dimensions: 64, Still: true})
		var put []Row
		for i := range 6000 {
			put = append(put, Row{ID: id(i), Vector: c.vector()})
		}
		apply(t, x, put, nil, 1)
		if !x.Stats().Exact {
			t.Error("a prefilter before it was measured")
		}
		if err := x.Measure(context.Background()); err != nil {
			t.Fatal(err)
		}
		s := x.Stats()
		t.Logf("%s: %+v", name, s)
		if s.Exact != c.exact || s.Exact != (s.Recall < 0.95) || s.MeasuredAt != 6000 {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

func TestBadVectors(t *testing.T) {
	x := open(t, Options{Dimensions: 3})
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, v := range [][]float32{nil, {1}, {1, 2, 3, 4}, {0, 0, 0}, {nan, 1, 1}, {inf, 1, 1}} {
		if err := x.Apply(context.Background(), []Row{{ID: id(1), Vector: v}}, nil, 9); entity.KindOf(err) != entity.KindInvalid {
			t.Errorf("Apply of %v: %v", v, err)
		}
		if _, err := x.Nearest(context.Background(), v, 5, Filter{}); entity.KindOf(err) != entity.KindInvalid {
			t.Errorf("Nearest of %v: %v", v, err)
		}
	}
	if s := x.Stats(); s.Rows != 0 || s.Cursor != 0 {
		t.Errorf("something came in: %+v", s)
	}
	apply(t, x, []Row{{ID: id(1), Vector: []float32{3e19, -4e19, 0}}}, nil, 1)
	if v, err := x.Vector(context.Background(), id(1)); err != nil || math.Abs(float64(v[0])-0.6) > 1e-6 {
		t.Errorf("%v, %v", v, err)
	}
	if _, err := x.Vector(context.Background(), id(2)); entity.KindOf(err) != entity.KindNotFound {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := x.Nearest(ctx, []float32{1, 0, 0}, 1, Filter{}); entity.KindOf(err) != entity.KindCanceled {
		t.Error(err)
	}
}
