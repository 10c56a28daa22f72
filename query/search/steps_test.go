package search_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"stemma/entity"
	"stemma/query/search"
	"stemma/query/search/embed"
)

// library is collections about three subjects; the last says nothing of itself.
type library struct {
	*rig
	bridges, tunnels, ships, untold entity.ID
	items                           map[entity.ID][]entity.ID
}

var subjects = map[string][]string{
	"bridges": {"suspension bridge over the river", "arch bridge of stone", "bridge cables and towers", "a wooden bridge"},
	"tunnels": {"railway tunnel under the mountain", "tunnel boring machine", "drainage of a tunnel"},
	"ships":   {"sailing ship with three masts", "ship hull of steel", "harbour where a ship lies"},
	"untold":  {"the bridge and the river", "a bridge in winter", "river bridge repair"},
}

func newLibrary(t *testing.T) *library {
	l := &library{rig: newRig(t, search.Options{Embedder: embed.NewLexical(embed.LexicalOptions{Dimensions: 256})}), items: map[entity.ID][]entity.ID{}}
	collection := func(name string, p entity.Properties) entity.ID {
		id := l.create(entity.TypeCollection, p)
		for _, text := range subjects[name] {
			l.items[id] = append(l.items[id], l.create("paper", entity.Properties{"label": text}, in(id)))
		}
		return id
	}
	l.bridges = collection("bridges", entity.Properties{"label": "Bridges", "description": "papers about bridges"})
	l.tunnels = collection("tunnels", entity.Properties{"label": "Tunnels"})
	l.ships = collection("ships", entity.Properties{"label": "Ships"})
	l.untold = collection("untold", entity.Properties{"label": "Zzyzx"})
	l.create("note", entity.Properties{"label": "a bridge that belongs nowhere"})
	l.wait()
	return l
}

func ok(t *testing.T) func(search.Results, error) search.Results {
	return func(r search.Results, err error) search.Results {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		last := 1.0
		for _, h := range r.Hits {
			if h.Score <= 0 || h.Score > last {
				t.Errorf("a score of %v after %v", h.Score, last)
			}
			last = h.Score
		}
		return r
	}
}

// denies hides some scopes.
type denies []entity.ID

func (d denies) Scope(c entity.ID) entity.Sight {
	if slices.Contains(d, c) {
		return entity.SightNone
	}
	return entity.SightAll
}
func (d denies) Apart(string) bool                            { return false }
func (d denies) Sees(_ entity.ID, _ string, c entity.ID) bool { return d.Scope(c) == entity.SightAll }

// A collection is found by what it says and by what it holds, if it may be seen.
func TestCollections(t *testing.T) {
	l := newLibrary(t)
	got := ok(t)(l.index.Collections(t.Context(), search.CollectionQuery{Text: "bridges", Limit: 2}))
	if !slices.Equal(idsOf(got.Hits), []entity.ID{l.bridges, l.untold}) {
		t.Errorf("%+v", got.Hits)
	}
	got = ok(t)(l.index.Collections(t.Context(), search.CollectionQuery{Text: "bridges", Limit: 10, Visible: denies{l.bridges}}))
	if len(got.Hits) == 0 || got.Hits[0].ID != l.untold || slices.Contains(idsOf(got.Hits), l.bridges) {
		t.Errorf("%+v", got.Hits)
	}
	if got = ok(t)(l.index.Collections(t.Context(), search.CollectionQuery{Text: "bridges", Limit: 10, Holding: []string{"note"}})); len(got.Hits) != 0 {
		t.Errorf("collections that hold notes: %+v", got.Hits)
	}
	l.delete(l.bridges)
	if got = ok(t)(l.index.Collections(t.Context(), search.CollectionQuery{Text: "bridges", Limit: 10})); slices.Contains(idsOf(got.Hits), l.bridges) {
		t.Errorf("deleted: %+v", got.Hits)
	}
}

// Discovery goes into the collections that the text is about, and no further
// into each than it is told.
func TestDiscover(t *testing.T) {
	l := newLibrary(t)
	got := ok(t)(l.index.Discover(t.Context(), search.Discover{Text: "bridge", Types: []string{"paper"}, Collections: 2, PerCollection: 2, Limit: 10}))
	per := map[entity.ID]int{}
	for _, h := range got.Hits {
		if per[h.Collection]++; !strings.Contains(h.Label, "bridge") {
			t.Errorf("%+v", h)
		}
	}
	if len(got.Hits) != 4 || per[l.bridges] != 2 || per[l.untold] != 2 || len(got.Searched) != 2 {
		t.Errorf("%+v", got)
	}
	got = ok(t)(l.index.Discover(t.Context(), search.Discover{Text: "bridge", Visible: denies{l.untold}, Limit: 10}))
	for _, h := range got.Hits {
		if h.Collection == l.untold || h.Collection == "" {
			t.Errorf("%+v", h)
		}
	}
}

// What is like an entity is of its subject, wherever it is; the entity itself is
// not among it.
func TestSimilar(t *testing.T) {
	l := newLibrary(t)
	of := l.items[l.bridges][0]
	got := ok(t)(l.index.Similar(t.Context(), search.SimilarQuery{ID: of, Types: []string{"paper"}, Limit: 3}))
	if len(got.Hits) != 3 || slices.Contains(idsOf(got.Hits), of) {
		t.Errorf("%+v", got.Hits)
	}
	for _, h := range got.Hits {
		if !strings.Contains(h.Label, "bridge") {
			t.Errorf("%+v", h)
		}
	}
	got = ok(t)(l.index.SimilarCollections(t.Context(), search.SimilarQuery{ID: l.bridges, Limit: 10}))
	if len(got.Hits) == 0 || got.Hits[0].ID != l.untold || slices.Contains(idsOf(got.Hits), l.bridges) {
		t.Errorf("%+v", got.Hits)
	}
	for _, same := range []bool{false, true} {
		got = ok(t)(l.index.SimilarItems(t.Context(), search.SimilarItemsQuery{ID: of, Collection: l.bridges, Tier2: 2, ExcludeSame: same, Limit: 6}))
		per := map[entity.ID]int{}
		for _, h := range got.Hits {
			per[h.Collection]++
			if h.ID == of || h.ID == h.Collection || per[h.Collection] > 2 {
				t.Errorf("without the same collection %v: %+v", same, h)
			}
		}
		if want := map[bool]int{false: 2, true: 0}[same]; per[l.bridges] != want || per[l.untold] != 2 || slices.Contains(got.Searched, l.bridges) == same {
			t.Errorf("without the same collection %v: %v of %v", same, per, got.Searched)
		}
	}
	for what, err := range map[string]error{
		"similar": second(l.index.Similar(t.Context(), search.SimilarQuery{ID: "01JH8Z0Y6V5RZ4Q8Q9V4T2W3XK", Limit: 1})),
		"paper":   second(l.index.SimilarCollections(t.Context(), search.SimilarQuery{ID: of, Limit: 1})),
		"items":   second(l.index.SimilarItems(t.Context(), search.SimilarItemsQuery{ID: "01JH8Z0Y6V5RZ4Q8Q9V4T2W3XK", Collection: l.bridges, Limit: 1})),
	} {
		if entity.KindOf(err) != entity.KindNotFound {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func second(_ search.Results, err error) error { return err }

// Without vectors each of these answers by text.
func TestStepsByText(t *testing.T) {
	r := newRig(t, search.Options{})
	c := r.create(entity.TypeCollection, entity.Properties{"label": "Bridges"})
	d := r.create(entity.TypeCollection, entity.Properties{"label": "More bridges"})
	a := r.create("paper", entity.Properties{"label": "stone bridge"}, in(c))
	b := r.create("paper", entity.Properties{"label": "wooden bridge"}, in(d))
	r.wait()
	for what, got := range map[string]search.Results{
		"collections": ok(t)(r.index.Collections(t.Context(), search.CollectionQuery{Text: "bridge", Limit: 5})),
		"discover":    ok(t)(r.index.Discover(t.Context(), search.Discover{Text: "wooden", Limit: 5})),
		"similar":     ok(t)(r.index.Similar(t.Context(), search.SimilarQuery{ID: a, Types: []string{"paper"}, Limit: 5})),
		"likewise":    ok(t)(r.index.SimilarCollections(t.Context(), search.SimilarQuery{ID: c, Limit: 5})),
		"items":       ok(t)(r.index.SimilarItems(t.Context(), search.SimilarItemsQuery{ID: a, Collection: c, Limit: 5})),
	} {
		want := map[string]entity.ID{"collections": c, "discover": b, "similar": b, "likewise": d, "items": b}[what]
		if len(got.Hits) == 0 || got.Hits[0].ID != want || missing(got) != search.PartMeaning {
			t.Errorf("%s: %+v", what, got)
		}
	}
}

// What a ranking of others asks for is on the scale of a search.
func TestScorer(t *testing.T) {
	l := newLibrary(t)
	q := search.Query{Text: "stone bridge", Limit: 10}
	found := l.search(q)
	if len(found.Hits) == 0 {
		t.Fatal("nothing found")
	}
	ids := append(idsOf(found.Hits), "01JH8Z0Y6V5RZ4Q8Q9V4T2W3XK")
	scores, err := l.index.Similarity(t.Context(), q.Text, ids, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, h := range found.Hits {
		if scores[i] < h.Score-1e-6 {
			t.Errorf("%+v: similarity %v", h, scores[i])
		}
	}
	if scores[len(ids)-1] != 0 {
		t.Errorf("what is not there has %v", scores)
	}
	if scores, err = l.index.Similarity(t.Context(), q.Text, l.items[l.bridges], denies{l.bridges}); err != nil || slices.Max(scores) != 0 {
		t.Errorf("hidden: %v, %v", scores, err)
	}
	if got, err := l.index.Discover(t.Context(), search.Discover{Text: "bridge", Limit: 3}); err != nil || len(got.Hits) != 3 {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := l.index.Collections(t.Context(), search.CollectionQuery{Text: "bridge", Limit: 3}); err != nil || len(got.Hits) == 0 {
		t.Errorf("%v, %v", got, err)
	}
	for _, r := range []*rig{l.rig, newRig(t, search.Options{})} {
		got, err := r.index.Predicates(t.Context(), []string{"writes", "contains"}, []entity.Predicate{"contains", "written_by", "owner"})
		if err != nil || got[0] != 1 || got[1] <= got[2] || got[2] < 0 || got[1] >= 1 {
			t.Errorf("predicates: %v, %v", got, err)
		}
		if got, err = r.index.Predicates(t.Context(), nil, nil); err != nil || len(got) != 0 {
			t.Errorf("of none: %v, %v", got, err)
		}
	}
}

// A bound for each collection leaves the best of each.
func TestPerCollection(t *testing.T) {
	l := newLibrary(t)
	for _, mode := range []search.Mode{search.Text, search.Meaning, search.Hybrid} {
		for _, in := range [][]entity.ID{nil, {l.bridges, l.untold, l.ships}} {
			got := l.search(search.Query{Text: "bridge river", Mode: mode, PerCollection: 1, Collections: in, Types: []string{"paper"}})
			per := map[entity.ID]int{}
			for _, h := range got.Hits {
				per[h.Collection]++
			}
			if per[l.bridges] != 1 || per[l.untold] != 1 || per[l.ships] > 1 {
				t.Errorf("%s in %v: %v", mode, in, per)
			}
		}
	}
	if got := l.search(search.Query{Text: "bridge", Unowned: true}); len(got.Hits) != 1 || got.Hits[0].Collection != "" {
		t.Errorf("unowned: %+v", got.Hits)
	}
	if got := l.search(search.Query{Text: "bridge", Collections: []entity.ID{"01JH8Z0Y6V5RZ4Q8Q9V4T2W3XK"}}); len(got.Hits) != 0 {
		t.Errorf("of a collection that is not there: %+v", got.Hits)
	}
}

// Requests out of bounds are refused, and whatever text is within them is not.
func TestBounds(t *testing.T) {
	l := newLibrary(t)
	long := strings.Repeat("é", search.MaxText)
	for _, text := range []string{long, `"`, `*`, `"""`, "\x00", "\xff\xfe", "AND OR NOT", "label:bridge^5 +(a || b) ~2 [1 TO 2] {*} \\", "' OR 1=1 --", "<script>", strings.Repeat("a* ", 160), strings.Repeat(`"a b" `, 80), "the", "🙂"} {
		for _, mode := range []search.Mode{search.Text, search.Meaning, search.Hybrid} {
			l.search(search.Query{Text: text, Mode: mode, Highlights: true})
		}
		ok(t)(l.index.Collections(t.Context(), search.CollectionQuery{Text: text, Limit: 5}))
		if _, err := l.index.Similarity(t.Context(), text, l.items[l.bridges], nil); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
	for name, q := range map[string]search.Query{
		"no text": {Limit: 1}, "a long text": {Text: long + "x", Limit: 1}, "no limit": {Text: "a"}, "a great limit": {Text: "a", Limit: search.MaxLimit + 1},
		"a mode": {Text: "a", Limit: 1, Mode: "fuzzy"}, "per collection": {Text: "a", Limit: 1, PerCollection: -1},
	} {
		if _, err := l.index.Search(t.Context(), q); entity.KindOf(err) != entity.KindInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, err := range map[string]error{
		"discover":     second(l.index.Discover(t.Context(), search.Discover{Text: "a", Limit: 1, Collections: -1})),
		"its limit":    second(l.index.Discover(t.Context(), search.Discover{Text: "zzz"})),
		"collections":  second(l.index.Collections(t.Context(), search.CollectionQuery{Text: "a"})),
		"their text":   second(l.index.Collections(t.Context(), search.CollectionQuery{Limit: 1})),
		"similar":      second(l.index.Similar(t.Context(), search.SimilarQuery{ID: l.bridges})),
		"similar ones": second(l.index.SimilarCollections(t.Context(), search.SimilarQuery{ID: l.bridges})),
		"items":        second(l.index.SimilarItems(t.Context(), search.SimilarItemsQuery{ID: l.bridges, Collection: l.bridges, Limit: 1, Tier2: 1000})),
	} {
		if entity.KindOf(err) != entity.KindInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Marks stand on the words that were found, in text that is shown.
func TestHighlights(t *testing.T) {
	r := newRig(t, search.Options{})
	r.create("note", entity.Properties{
		"label": "Bridges", "description": strings.Repeat("nothing. ", 100) + "The BRIDGE was built in winter. " + strings.Repeat("nothing. ", 100),
		"deep": map[string]any{"er": []any{"a bridge too far"}},
	})
	r.wait()
	got := r.search(search.Query{Text: `bridges "in winter"`, Highlights: true})
	var show []string
	for _, h := range got.Hits[0].Highlights {
		for _, s := range h.Spans {
			show = append(show, fmt.Sprint(h.Field, ":", h.Text[s.From:s.To]))
		}
		if len(h.Text) > search.MaxHighlight {
			t.Errorf("%d bytes", len(h.Text))
		}
	}
	if want := []string{"label:Bridges", "description:BRIDGE", "description:in", "description:winter", "deep.er:bridge"}; !slices.Equal(show, want) {
		t.Errorf("%q, want %q", show, want)
	}
}
