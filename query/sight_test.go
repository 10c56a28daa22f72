package query

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"stemma/entity"
	"stemma/graph"
)

// dice is a caller whose sight is thrown by id.
type dice uint64

func (d dice) throw(sides uint64, s string) uint64 {
	h := fnv.New64a()
	fmt.Fprint(h, uint64(d), s)
	return h.Sum64() >> 7 % sides
}

func (d dice) Scope(c entity.ID) entity.Sight { return entity.Sight(d.throw(5, string(c))+1) % 3 }

func (dice) Apart(typ string) bool { return typ == entity.TypeCollection }

func (d dice) Sees(id entity.ID, typ string, c entity.ID) bool {
	if scope := d.Scope(c); typ == "" || d.Apart(typ) || scope == entity.SightSome {
		return d.throw(4, string(id)) > 0
	} else {
		return scope == entity.SightAll
	}
}

// everything is a caller who has to be asked and sees all.
type everything struct{}

func (everything) Scope(entity.ID) entity.Sight           { return entity.SightAll }
func (everything) Apart(string) bool                      { return true }
func (everything) Sees(entity.ID, string, entity.ID) bool { return true }

// uncounted is a source that must not be asked for what it would have to count.
type uncounted struct {
	*graph.Snapshot
	t *testing.T
}

func (u uncounted) not() int {
	u.t.Error("a run counts the whole graph")
	return 0
}

func (u uncounted) Nodes() int                          { return u.not() }
func (u uncounted) EdgeCount() int                      { return u.not() }
func (u uncounted) PredicateCount(entity.Predicate) int { return u.not() }

// guarded is a look-up that does not show what its caller may not view.
type guarded struct {
	*world
	sees func(entity.ID) bool
}

func (g guarded) Manifest(id entity.ID) (*entity.Manifest, error) {
	if !g.sees(id) {
		return nil, entity.NotFound("guarded.Manifest", "no %s", id)
	}
	return g.world.Manifest(id)
}

func (g guarded) Collection(id entity.ID) (entity.ID, error) {
	m, err := g.Manifest(id)
	if err != nil {
		return "", err
	}
	return m.Collection(), nil
}

// long is an id of a random world as the graph takes it, in the same order.
func long(id entity.ID) entity.ID { return id + entity.ID(strings.Repeat("0", 26-len(id))) }

var shortIDs = regexp.MustCompile(`\b(N\d|gone|nobody)\b`)

// graphed is a random world as a graph: with long ids, at most one collection an
// entity, and no edges of what was deleted.
func graphed(w *world) *world {
	out := newWorld()
	for _, id := range w.ids {
		out.add(long(id), w.types[id], w.manifests[id].Properties)
		out.dead[long(id)] = w.dead[id]
	}
	for _, id := range w.ids {
		for _, e := range w.out[id] {
			if w.dead[id] || e.Predicate == entity.PredicateCollection && slices.ContainsFunc(out.out[long(id)], func(o entity.Edge) bool { return o.Predicate == e.Predicate }) {
				continue
			}
			out.link(long(e.From), e.Predicate, long(e.To))
		}
	}
	return out
}

// only is the world without what is not seen.
func (w *world) only(sees func(entity.ID) bool) *world {
	out := newWorld()
	for _, id := range w.ids {
		if !w.dead[id] && sees(id) {
			out.add(id, w.types[id], w.manifests[id].Properties)
		}
	}
	for _, id := range out.ids {
		for _, e := range w.out[id] {
			if sees(e.To) {
				out.link(e.From, e.Predicate, e.To)
			}
		}
	}
	return out
}

func (w *world) snapshot() *graph.Snapshot {
	x := graph.New()
	var steps []entity.Transition
	for _, id := range w.ids {
		if !w.dead[id] {
			steps = append(steps, entity.Transition{ID: id, After: w.manifests[id]})
		}
	}
	x.Committed(steps)
	return x.Snapshot()
}

// TestSeen: a query on the graph as somebody sees it gives all and only what
// every simple path of the graph without the hidden leads to; answer, metadata
// and plan are those of somebody who sees all of that graph, and so is every
// number of the plan those of that graph itself.
func TestSeen(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 2))
	seen := map[string]int{}
	for i := range 2000 {
		w := graphed(randomWorld(r))
		d := dice(r.Uint64())
		sees := func(id entity.ID) bool {
			if typ, live := w.Type(id); live {
				return d.Sees(id, typ, w.manifests[id].Collection())
			}
			return d.Sees(id, "", "")
		}
		rest := w.only(sees)
		text := shortIDs.ReplaceAllStringFunc(randomQuery(r, i%2 == 1), func(id string) string { return string(long(entity.ID(id))) })
		if i%5 == 0 {
			text += " | count"
		}
		q, err := Parse(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		opts := Options{K: MaxK, KExplore: MaxKExplore, Lookup: guarded{w, sees}, Now: func() time.Time { return time.Time{} }}
		if i%2 == 1 {
			opts.Scorer = w // knows more than the caller sees
		}
		ours := func() *graph.Snapshot { return w.snapshot().Seen(d) }
		got, err := q.Run(ctx(), uncounted{ours(), t}, opts)
		opts.Lookup = rest
		want, err2 := q.Run(ctx(), rest.snapshot().Seen(everything{}), opts)
		if fmt.Sprint(err) != fmt.Sprint(err2) || !reflect.DeepEqual(got, want) {
			t.Fatalf("round %d: %s\n got %+v, %v\nwant %+v, %v", i, text, got, err, want, err2)
		}
		steps, _ := q.Explain(ours(), opts)
		all, _ := q.Explain(rest.snapshot().Seen(everything{}), opts)
		plain, _ := q.Explain(rest.snapshot(), opts)
		if !slices.Equal(steps, all) || sameWay(steps, plain) && !slices.Equal(steps, plain) {
			t.Fatalf("round %d: %s\n got %+v\nwant %+v\n  or %+v", i, text, steps, all, plain)
		}
		if sameWay(steps, plain) {
			seen["the way of whom nothing is hidden from"]++
		}
		if err != nil {
			continue // it needs the scorer
		}
		list, stopped := naive{rest, q}.answer()
		if q.Count {
			seen["counted"]++
			if *got.Count != len(list) {
				t.Fatalf("round %d: %s counts %d, not %d", i, text, *got.Count, len(list))
			}
			continue
		}
		var found []verdict
		for _, item := range got.Items {
			v, ok := verify(t, rest, q, item)
			if !ok {
				t.FailNow()
			}
			found = append(found, v)
		}
		if !slices.Equal(found, list) || len(list) == 0 && got.Meta.StoppedAtHop != stopped {
			t.Fatalf("round %d: %s\n got %v\nwant %v", i, text, found, list)
		}
		for _, step := range got.Meta.PartialPath {
			if _, live := rest.Type(step.Entity); step.Entity != "" && !live {
				t.Fatalf("round %d: %s leads over %s, which is hidden", i, text, step.Entity)
			}
		}
		if len(rest.ids) < len(w.ids) && len(list) > 0 {
			seen["answered with something hidden"]++
		}
	}
	t.Log(seen)
	if seen["counted"] == 0 || seen["answered with something hidden"] == 0 {
		t.Error("the worlds are too poor")
	}
}

// sameWay tells whether two plans differ in numbers at most.
func sameWay(a, b []Step) bool {
	return slices.EqualFunc(a, b, func(a, b Step) bool { a.Rows = b.Rows; return a == b })
}

// A term that only the hidden use is unknown, their types have no entities, and
// no plan, number or reason tells of them; and nothing belongs to a collection
// that is hidden, whichever way it is looked for.
func TestSeenTells(t *testing.T) {
	w := newWorld()
	for n, typ := range []string{"collection", "p", "p", "q", "p"} {
		w.add(long(entity.ID(fmt.Sprint("N", n))), typ, nil)
	}
	link := func(from entity.ID, p entity.Predicate, to entity.ID) { w.link(long(from), p, long(to)) }
	link("N1", "collection", "N0")
	link("N1", "knows", "N2")
	link("N3", "leaks", "N1")
	link("N1", "leaks", "N3")
	link("N4", "collection", "N0")
	hidden := map[entity.ID]bool{long("N0"): true, long("N3"): true}
	sees := func(id entity.ID) bool { return !hidden[id] }
	opts := Options{Lookup: guarded{w, sees}, Now: func() time.Time { return time.Time{} }}
	s := w.snapshot().Seen(hiding(hidden))
	for text, want := range map[string]string{
		"@N1 -[leaks]-> type:q":                   "the relation leaks is fuzzy (no predicate in use has that name",
		"@N1 -[=leaks]->":                         "leads nowhere from the 1 candidates before it",
		"type:q":                                  "no entity matches type:q",
		"type:q | count":                          "count 0",
		"type:p | count":                          "count 3",
		"@:collection(N0) type:p":                 "no entity matches",
		"@:collection(N0) type:p @N1":             "no entity matches",
		"@:collection(N0) type:p,q,collection":    "no entity matches",
		"@N1 -[*]-> type:p":                       "explored 2",
		"@N3 -[*]-> type:p":                       "no entity matches",
		"@N2 <-[*]{,4}-> type:collection | count": "count 0",
	} {
		q, err := Parse(shortIDs.ReplaceAllStringFunc(text, func(id string) string { return string(long(entity.ID(id))) }))
		if err != nil {
			t.Fatal(err)
		}
		if got := show(q, s, opts); !strings.Contains(got, want) {
			t.Errorf("%s: %s\nwant %s", text, got, want)
		}
	}
}

// hiding hides some entities, each decided alone.
type hiding map[entity.ID]bool

func (hiding) Scope(entity.ID) entity.Sight                    { return entity.SightSome }
func (hiding) Apart(string) bool                               { return false }
func (h hiding) Sees(id entity.ID, _ string, _ entity.ID) bool { return !h[id] }
