package native_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"stemma/entity"
	"stemma/query/search/embed"
)

const asReader = "ApiKey " + readKey

// labels are the labels of an answer's hits.
func labels(t *testing.T, out *httptest.ResponseRecorder) (names []string) {
	t.Helper()
	if out.Code != http.StatusOK {
		t.Fatalf("status %d: %s", out.Code, out.Body)
	}
	for _, hit := range decode(t, out.Body.Bytes())["results"].([]any) {
		label := at(hit, "label")
		if label == nil {
			label = at(hit, "entity", "label")
		}
		names = append(names, label.(string))
	}
	slices.Sort(names)
	return names
}

// fillCollection makes a collection with n notes whose text is the same.
func (w *rig) fillCollection(t *testing.T, visibility, name, text string, n int) (id string) {
	t.Helper()
	id = w.must(t, 201, "POST", "/collections", object{"label": name, "visibility": visibility})["id"].(string)
	var notes []object
	for i := range n {
		notes = append(notes, object{"type": "note", "properties": object{"label": fmt.Sprintf("%s %d", name, i), "text": text}})
	}
	w.must(t, 201, "POST", "/entities/batch", object{"default_collection": id, "entities": notes})
	return id
}

// However much there is that the caller may not view and that matches better, as
// many hits come back as are asked for, and all that there are of those that they
// may view: in every search, and nothing counts what is hidden.
func TestSearchIsExactUnderAFilter(t *testing.T) {
	w := newRig(t, rigOptions{})
	for i := range 4 {
		w.fillCollection(t, "private", fmt.Sprint("whale ", i), "whale whale whale", 100)
	}
	seen := w.fillCollection(t, "public", "sea", "a story of the sea in which there is a whale", 7)
	want := []string{"sea 0", "sea 1", "sea 2", "sea 3", "sea 4", "sea 5", "sea 6"}
	for _, mode := range []string{"hybrid", "text", "meaning"} {
		for path, rest := range map[string]string{
			"/search/entities": `"collection_id":"` + seen + `","limit":7`,
			"/search/discover": `"limit":7,"types":["note"],"per_collection_limit":7`,
		} {
			out := w.call("POST", path, `{"query":"whale","expand":"none","mode":"`+mode+`",`+rest+`}`, "Authorization", asReader)
			if got := labels(t, out); !slices.Equal(got, want) {
				t.Errorf("%s finds %v", path, got)
			}
			if !strings.Contains(out.Body.String(), `"collections_searched":1,`) {
				t.Errorf("%s: more collections were searched than may be seen: %s", path, out.Body)
			}
		}
		out := w.call("POST", "/search/collections", `{"query":"whale","limit":1,"expand":"none","mode":"`+mode+`"}`, "Authorization", asReader)
		if got := labels(t, out); !slices.Equal(got, []string{"sea"}) {
			t.Errorf("collections by %s: %v", mode, got)
		}
	}
	out := w.call("POST", "/query", `{"path":"type:note ~ \"whale\"","k":7,"expand":"none"}`, "Authorization", asReader)
	if got := labels(t, out); !slices.Equal(got, want) {
		t.Errorf("the path query finds %v", got)
	}
}

// From the moment on that a delete, or what hides, is answered, nothing finds what
// is gone: nobody waits for the index here.
func TestSearchForgetsAtOnce(t *testing.T) {
	w := newRig(t, rigOptions{})
	coll := w.fillCollection(t, "public", "harbour", "ships in the harbour", 20)
	w.settle()
	list := w.must(t, 200, "GET", "/collections/"+coll+"/entities", nil)["entities"].([]any)
	searches := map[string]string{
		"/search/entities": `{"query":"harbour ships","collection_id":"` + coll + `","limit":100,"expand":"none"}`,
		"/search/discover": `{"query":"harbour ships","limit":100,"per_collection_limit":20,"expand":"none"}`,
		"/query":           `{"path":"type:note ~ \"harbour ships\"","k":100,"expand":"none"}`,
	}
	for i, e := range list {
		id := at(e, "id").(string)
		tip := w.must(t, 200, "GET", "/entities/"+id+"/tip", nil)["cid"]
		w.must(t, 200, "DELETE", "/entities/"+id, object{"expect_tip": tip})
		for path, body := range searches {
			if got := labels(t, w.send("POST", path, body)); len(got) != len(list)-i-1 || slices.Contains(got, at(e, "label").(string)) {
				t.Fatalf("%s: with %d deleted it finds %v", path, i+1, got)
			}
		}
	}
	coll = w.fillCollection(t, "public", "lagoon", "harbour ships", 5)
	w.settle()
	tip := w.must(t, 200, "GET", "/collections/"+coll, nil)["cid"]
	w.must(t, 200, "PUT", "/collections/"+coll, object{"expect_tip": tip, "visibility": "private"})
	for _, path := range []string{"/search/discover", "/query"} {
		if got := labels(t, w.send("POST", path, searches[path], "Authorization", asReader)); len(got) != 0 {
			t.Errorf("%s: of a collection made private it finds %v", path, got)
		}
	}
}

// Who names the number of a write, or asks for all there is, finds what was written, without a moment's
// delay: in the body or in the query, in every search that reads it.
func TestSearchSinceOnesOwnWrite(t *testing.T) {
	w := newRig(t, rigOptions{})
	coll := w.fillCollection(t, "public", "log", "nothing", 1)
	w.settle()
	for i := range 30 {
		word := fmt.Sprintf("word%dx", i)
		w.must(t, 201, "POST", "/entities", object{"type": "note", "collection": coll, "properties": object{"label": word}})
		since := w.main().Seq()
		for target, body := range map[string]string{
			"/search/entities": fmt.Sprintf(`{"query":"%s","mode":"text","collection_id":"%s","since":%d}`, word, coll, since),
			fmt.Sprintf("/users/me/search?since=%d", since): fmt.Sprintf(`{"query":"%s","mode":"text"}`, word),
			"/query":           fmt.Sprintf(`{"path":"@:collection(%s) \"%s\"","k":1,"since":%d}`, coll, word, since),
			"/search/discover": fmt.Sprintf(`{"query":"%s","mode":"text","fresh":true}`, word),
		} {
			if got := labels(t, w.send("POST", target, body)); !slices.Equal(got, []string{word}) {
				t.Fatalf("%s %s finds %v", target, body, got)
			}
		}
	}
}

// A service that embeds and breaks down: text search answers as long, and says
// that meaning is missing; when it is back, so is meaning.
func TestEmbedderDown(t *testing.T) {
	var down atomic.Bool
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if down.Load() {
			http.Error(w, "out of memory", http.StatusInternalServerError)
			return
		}
		var ask struct{ Input []string }
		if err := json.NewDecoder(r.Body).Decode(&ask); err != nil {
			t.Error(err)
		}
		var data []object
		for i, text := range ask.Input {
			vector := []float64{1, float64(strings.Count(text, "sea")), float64(strings.Count(text, "land")), 0}
			data = append(data, object{"index": i, "embedding": vector})
		}
		json.NewEncoder(w).Encode(object{"data": data})
	}))
	defer service.Close()
	remote, err := embed.NewRemote(embed.RemoteOptions{BaseURL: service.URL + "/v1", Model: "m", Dimensions: 4, Tries: 1})
	if err != nil {
		t.Fatal(err)
	}
	w := newRig(t, rigOptions{embed: remote})
	coll := w.fillCollection(t, "public", "atlas", "the sea and its ships", 3)
	w.settle()
	body := `{"query":"sea","collection_id":"` + coll + `","expand":"none"}`
	missing := func(out *httptest.ResponseRecorder) any {
		return at(decode(t, out.Body.Bytes()), "metadata", "missing", 0)
	}
	if out := w.send("POST", "/search/entities", body); len(labels(t, out)) != 3 || missing(out) != nil {
		t.Fatalf("all is well, and the answer is %s", out.Body)
	}
	down.Store(true)
	w.must(t, 201, "POST", "/entities", object{"type": "note", "collection": coll, "properties": object{"label": "sea chart"}})
	since := w.main().Seq()
	for path, body := range map[string]string{
		"/search/entities":    fmt.Sprintf(`{"query":"sea","collection_id":"%s","since":%d}`, coll, since),
		"/search/discover":    fmt.Sprintf(`{"query":"sea","since":%d}`, since),
		"/users/me/search":    fmt.Sprintf(`{"query":"sea","since":%d}`, since),
		"/query":              fmt.Sprintf(`{"path":"type:note ~ \"sea\"","since":%d}`, since),
		"/search/collections": fmt.Sprintf(`{"query":"atlas","since":%d}`, since),
	} {
		out := w.send("POST", path, body)
		switch got := labels(t, out); {
		case missing(out) != "meaning":
			t.Errorf("%s does not say what is missing: %s", path, out.Body)
		case strings.Contains(body, "sea") && !slices.Equal(got, []string{"atlas 0", "atlas 1", "atlas 2", "sea chart"}):
			t.Errorf("%s finds %v", path, got)
		}
	}
	down.Store(false)
	w.settle()
	if out := w.send("POST", "/search/entities", body); len(labels(t, out)) != 4 || missing(out) != nil {
		t.Errorf("the service is back, and the answer is %s", out.Body)
	}
}

// Official agents are those of the collection named for them, else those that
// everybody may view.
func TestOfficialAgents(t *testing.T) {
	const official = entity.ID("01KDVR000000000000000AGENT")
	agents := func(w *rig, scope string) []string {
		return labels(t, w.call("POST", "/search/agents", `{"query":"transcriber","scope":"`+scope+`"}`))
	}
	enlist := func(w *rig, label string, more object) {
		e := object{"type": "agent", "properties": object{"label": label}}
		for k, v := range more {
			e[k] = v
		}
		w.must(t, 201, "POST", "/entities", e)
	}
	w := newRig(t, rigOptions{agents: official})
	w.must(t, 201, "POST", "/collections", object{"id": official, "label": "agents"})
	enlist(w, "good transcriber", object{"collection": official})
	enlist(w, "other transcriber", nil)
	if got := agents(w, "official"); !slices.Equal(got, []string{"good transcriber"}) {
		t.Errorf("official are %v", got)
	}
	if got := agents(w, "all"); !slices.Equal(got, []string{"good transcriber", "other transcriber"}) {
		t.Errorf("all are %v", got)
	}
	w = newRig(t, rigOptions{})
	hidden := w.must(t, 201, "POST", "/collections", object{"label": "workshop", "visibility": "private"})["id"]
	enlist(w, "hidden transcriber", object{"collection": hidden})
	enlist(w, "open transcriber", nil)
	if got := agents(w, "official"); !slices.Equal(got, []string{"open transcriber"}) {
		t.Errorf("official are %v", got)
	}
	if got := agents(w, "all"); !slices.Equal(got, []string{"hidden transcriber", "open transcriber"}) {
		t.Errorf("all are %v", got)
	}
}
