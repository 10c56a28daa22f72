package vector

import (
	"context"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"stemma/entity"
)

func openQdrant(t *testing.T, s *qdrantServer, space string, dims int) *Qdrant {
	t.Helper()
	q, err := OpenQdrant(context.Background(), QdrantOptions{URL: s.URL + "/", Key: "secret", Collection: "stemma main", Space: space, Dimensions: dims, Latest: 1 << 62})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = q.Close() })
	return q
}

// A search is the naive search, whatever the filter, in the life that put the
// rows and in the next.
func TestQdrantIsNaive(t *testing.T) {
	for round := range 8 {
		r := rand.New(rand.NewPCG(11, uint64(round)))
		dims, s, m := 2+r.IntN(8), newQdrantServer(t), model{}
		q := openQdrant(t, s, "a", dims)
		fillRandom(t, r, q, m, 1+r.IntN(600), dims)
		for i := range 40 {
			if i == 20 {
				cursor := q.Cursor()
				if q = openQdrant(t, s, "a", dims); q.Cursor() != cursor {
					t.Fatalf("reopened at %d, want %d", q.Cursor(), cursor)
				}
				if n := q.Stats().Rows; n != len(m) {
					t.Fatalf("%d rows, want %d", n, len(m))
				}
			}
			v, k := randomVector(r, dims), 1+r.IntN(30)
			f, pass := randomFilter(r, m)
			got, err := q.Nearest(context.Background(), v, k, f)
			if err != nil {
				t.Fatal(err)
			}
			same(t, got, m.naive(v, k, pass))
			sameMean(t, q, m, f, pass)
		}
		for id, row := range m {
			if v, err := q.Vector(context.Background(), id); err != nil || cosine(v, row.Vector) < 0.9999 {
				t.Fatalf("%v, %v", v, err)
			}
		}
		if _, err := q.Vector(context.Background(), "nobody"); entity.KindOf(err) != entity.KindNotFound {
			t.Error(err)
		}
	}
}

// What a caller cannot view does not leave the service.
func TestQdrantLeavesOut(t *testing.T) {
	s := newQdrantServer(t)
	q := openQdrant(t, s, "a", 2)
	var put []Row
	for i := range 500 {
		put = append(put, Row{ID: id(i), Type: "t", Collection: "hidden", Vector: []float32{1, 0}})
	}
	apply(t, q, append(put, Row{ID: id(999), Type: "t", Collection: "open", Vector: []float32{0, 1}}), nil, 1)
	before := len(s.requests)
	see := &sights{scope: map[entity.ID]entity.Sight{"open": entity.SightAll}, scoped: map[entity.ID]int{}}
	got, err := q.Nearest(context.Background(), []float32{1, 0}, 1, Filter{Visible: see})
	if err != nil || len(got) != 1 || got[0].ID != id(999) || len(s.requests) != before+1 {
		t.Errorf("%v, %v, after %d requests", got, err, len(s.requests)-before)
	}
	before = len(s.requests)
	see.scope = nil
	if got, err := q.Nearest(context.Background(), []float32{1, 0}, 1, Filter{Visible: see}); err != nil || len(got) != 0 || len(s.requests) != before {
		t.Errorf("%v, %v", got, err)
	}
}

func TestQdrantAnotherSpace(t *testing.T) {
	s := newQdrantServer(t)
	for _, c := range []struct {
		space string
		dims  int
	}{{"a", 2}, {"b", 2}, {"b", 3}} {
		q := openQdrant(t, s, c.space, c.dims)
		if q.Cursor() != 0 || q.Stats().Rows != 0 {
			t.Errorf("%v is not empty", c)
		}
		apply(t, q, []Row{{ID: id(1), Type: "t", Vector: randomVector(rand.New(rand.NewPCG(1, 1)), c.dims)}}, nil, 1<<60+1)
		if again := openQdrant(t, s, c.space, c.dims); again.Cursor() != 1<<60+1 || again.Stats().Rows != 1 {
			t.Errorf("%v was not kept", c)
		}
	}
}

// The cursor never speaks of what is not there, and a service that is down is
// not the caller's fault.
func TestQdrantFails(t *testing.T) {
	s := newQdrantServer(t)
	q := openQdrant(t, s, "a", 2)
	row := []Row{{ID: id(1), Type: "t", Vector: []float32{1, 1}}}
	for status, kind := range map[int]entity.Kind{500: entity.KindUnavailable, 503: entity.KindUnavailable, 429: entity.KindUnavailable, 403: entity.KindUnavailable, 404: entity.KindUnavailable, 400: entity.KindInternal} {
		s.fail = func(path string) int {
			if strings.Contains(path, "points") {
				return status
			}
			return 0
		}
		if err := q.Apply(context.Background(), row, []entity.ID{id(2)}, 5); entity.KindOf(err) != kind || q.Cursor() != 0 {
			t.Errorf("status %d: Apply: %v", status, err)
		}
		if _, err := q.Nearest(context.Background(), []float32{1, 0}, 3, Filter{}); entity.KindOf(err) != kind {
			t.Errorf("status %d: Nearest: %v", status, err)
		}
		if _, err := q.Mean(context.Background(), Filter{}); entity.KindOf(err) != kind {
			t.Errorf("status %d: Mean: %v", status, err)
		}
	}
	s.fail = nil
	apply(t, q, row, nil, 5)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := q.Nearest(ctx, []float32{1, 0}, 3, Filter{}); entity.KindOf(err) != entity.KindCanceled {
		t.Error(err)
	}
	for _, v := range [][]float32{{1}, {0, 0}} {
		if _, err := q.Nearest(context.Background(), v, 3, Filter{}); entity.KindOf(err) != entity.KindInvalid {
			t.Error(err)
		}
		if err := q.Apply(context.Background(), []Row{{ID: id(3), Vector: v}}, nil, 6); entity.KindOf(err) != entity.KindInvalid || q.Cursor() != 5 {
			t.Error(err)
		}
	}
	if i := slices.IndexFunc(s.requests, func(r string) bool {
		return strings.HasPrefix(r, http.MethodPut) && strings.Contains(r, "stemma%20main")
	}); i < 0 {
		t.Errorf("the collection's name was not escaped: %v", s.requests[:3])
	}
	s.Close()
	if _, err := q.Nearest(context.Background(), []float32{1, 0}, 3, Filter{}); entity.KindOf(err) != entity.KindUnavailable {
		t.Error(err)
	}
	for _, o := range []QdrantOptions{{}, {URL: "http://h", Dimensions: 2}, {URL: "h:1", Collection: "c", Dimensions: 2}, {URL: "http://h", Collection: "c"}} {
		if _, err := OpenQdrant(context.Background(), o); entity.KindOf(err) != entity.KindInvalid {
			t.Error(err)
		}
	}
	if _, err := OpenQdrant(context.Background(), QdrantOptions{URL: s.URL, Collection: "c", Dimensions: 2}); entity.KindOf(err) != entity.KindUnavailable {
		t.Error(err)
	}
}

// A collection that has seen what the log has not is of another log, or of what
// a restored backup does not have.
func TestQdrantOfAnotherLog(t *testing.T) {
	r, s, m := rand.New(rand.NewPCG(11, 17)), newQdrantServer(t), model{}
	q := openQdrant(t, s, "a", 4)
	fillRandom(t, r, q, m, 20, 4)
	o := q.o
	for _, c := range []struct {
		latest, cursor entity.Seq
		rows           int
	}{{q.Cursor(), q.Cursor(), len(m)}, {q.Cursor() - 1, 0, 0}} {
		o.Latest = c.latest
		q, err := OpenQdrant(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if q.Cursor() != c.cursor || q.Stats().Rows != c.rows {
			t.Errorf("a log of %d: %d rows as of %d, want %d as of %d", c.latest, q.Stats().Rows, q.Cursor(), c.rows, c.cursor)
		}
	}
}
