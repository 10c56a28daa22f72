package native_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"stemma/api/wire/wiretest"
	"stemma/entity"
)

// A write that was answered is seen by every later read on this server, while
// others write: the entity, its tip, its history, the listing of its
// collection, the graph from both ends, the tree, the path language, paths,
// what can be reached, and the feed. (DESIGN, law 9.)
func TestAnsweredWritesAreSeen(t *testing.T) {
	w := newRig(t, rigOptions{})
	coll := w.must(t, 201, "POST", "/collections", object{"label": "shared"})["id"].(string)
	hub, hubTip := w.create(t, object{"type": "hub", "collection": coll})
	stop, pace := make(chan struct{}), make(chan struct{}, 3)
	var others sync.WaitGroup
	end := sync.OnceFunc(func() { close(stop); others.Wait() })
	defer end()
	for range 3 {
		others.Go(func() { w.disturb(t, coll, hub, pace, stop) })
	}
	for range 10 {
		f := &fresh{rig: w, pace: pace, coll: coll, hub: hub, since: w.main().Seq()}
		f.id, f.tip = w.create(t, object{"type": "spoke", "collection": coll, "properties": object{"label": "new"}, "relationships": []any{object{"predicate": "of", "peer": hub}}})
		f.seen(t, "create", "new")
		f.tip = w.must(t, 200, "PUT", "/entities/"+f.id, object{"expect_tip": f.tip, "properties": object{"label": "edited"}})["cid"].(string)
		f.seen(t, "update", "edited")
		f.tip = w.must(t, 200, "DELETE", "/entities/"+f.id, object{"expect_tip": f.tip})["cid"].(string)
		f.gone(t)
		f.tip = w.must(t, 200, "POST", "/entities/"+f.id+"/restore", object{"expect_tip": f.tip})["cid"].(string)
		f.seen(t, "restore", "edited")
		if t.Failed() {
			break
		}
	}
	end()
	if tip := w.must(t, 200, "GET", "/entities/"+hub+"/tip", nil)["cid"]; tip != hubTip {
		t.Errorf("the hub, which nobody edited, went from %s to %s", hubTip, tip)
	}
}

// disturb writes beside the test, in the same collection and around the same
// hub, as often as the test reads, until it is told to stop.
func (w *rig) disturb(t *testing.T, coll, hub string, pace, stop chan struct{}) {
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		case <-pace:
		}
		out := w.call("POST", "/entities", encode(t, object{"type": "noise", "collection": coll, "relationships": []any{object{"predicate": "of", "peer": hub}}}))
		if out.Code != http.StatusCreated {
			t.Errorf("noise %d: %d %s", i, out.Code, out.Body)
			return
		}
		e := decode(t, out.Body.Bytes())
		w.call("DELETE", "/entities/"+e["id"].(string), encode(t, object{"expect_tip": e["cid"]}))
	}
}

// fresh is an entity that was just written.
type fresh struct {
	*rig
	pace      chan struct{} // what the others write by
	coll, hub string
	id, tip   string
	since     entity.Seq
}

// find asks one route and gives the values that a path finds in its answer.
func (f *fresh) find(t *testing.T, method, target, body string, path ...string) []string {
	t.Helper()
	select {
	case f.pace <- struct{}{}:
	default:
	}
	out := f.call(method, target, body)
	if out.Code != 200 {
		t.Fatalf("%s %s: %d %s", method, target, out.Code, out.Body)
	}
	values, err := wiretest.Find(out.Body.String(), path...)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// routes are all the places where a live spoke shows, and what finds it there.
func (f *fresh) routes(t *testing.T) map[string][]string {
	t.Helper()
	return map[string][]string{
		"listing":        f.find(t, "GET", "/collections/"+f.coll+"/entities?type=spoke", "", "entities", "*", "id"),
		"full listing":   f.find(t, "GET", "/collections/"+f.coll+"/entities?expand=full", "", "entities", "*", "entity", "id"),
		"graph entity":   f.find(t, "GET", "/graph/entity/"+f.id+"?expand=none", "", "id"),
		"graph incoming": f.find(t, "GET", "/graph/entity/"+f.hub+"?direction=incoming&expand=none&predicate=of", "", "relationships", "*", "peer_id"),
		"tree":           f.find(t, "GET", "/entities/"+f.coll+"/tree?depth=1&limit=1000", "", "root", "children", "*", "id"),
		"reachable":      f.find(t, "POST", "/graph/reachable?expand=none", `{"source_ids":["`+f.hub+`"],"target_type":"spoke","max_depth":1,"limit":1000}`, "results", "*", "target_id"),
		"paths":          f.find(t, "POST", "/graph/paths?expand=none", `{"source_ids":["`+f.id+`"],"target_ids":["`+f.hub+`"]}`, "paths", "*", "source_id"),
		"query":          f.find(t, "POST", "/query", `{"path":"@`+f.hub+` <-[=of]- type:spoke","k":100,"expand":"none"}`, "results", "*", "entity", "id"),
	}
}

// seen checks every route after an answered write of the given kind.
func (f *fresh) seen(t *testing.T, kind, label string) {
	t.Helper()
	for route, ids := range f.routes(t) {
		if !has(ids, f.id) {
			t.Errorf("after %s %s does not show %s: %v", kind, route, f.id, ids)
		}
	}
	f.versionSeen(t, kind)
	got := f.find(t, "GET", "/collections/"+f.coll+"/entities?type=spoke&limit=1", "", "entities", "*", "label")
	if !has(got, label) {
		t.Errorf("after %s the listing calls the newest spoke %v, not %s", kind, got, label)
	}
	got = f.find(t, "GET", "/graph/entity/"+f.id+"?expand=none", "", "label")
	if !has(got, label) {
		t.Errorf("after %s the graph calls it %v, not %s", kind, got, label)
	}
}

// gone checks that no route shows the entity after its deletion was answered.
func (f *fresh) gone(t *testing.T) {
	t.Helper()
	if out := f.call("GET", "/graph/entity/"+f.id, ""); out.Code != 404 {
		t.Errorf("after delete the graph has the entity still: %d", out.Code)
	}
	live := *f
	live.id = f.hub // the one route that asks for the entity itself asks for the hub
	for route, ids := range live.routes(t) {
		if has(ids, f.id) {
			t.Errorf("after delete %s shows %s", route, f.id)
		}
	}
	f.versionSeen(t, "delete")
}

// versionSeen checks the routes that show a version, living or not.
func (f *fresh) versionSeen(t *testing.T, kind string) {
	t.Helper()
	for route, got := range map[string][]string{
		"tip":      f.find(t, "GET", "/entities/"+f.id+"/tip", "", "cid"),
		"entity":   f.find(t, "GET", "/entities/"+f.id, "", "cid"),
		"history":  f.find(t, "GET", "/versions/"+f.id+"?limit=1", "", "versions", "*", "cid"),
		"manifest": f.find(t, "GET", "/versions/manifest/"+f.tip, "", "cid"),
		"diff":     f.find(t, "GET", "/entities/"+f.id+"/diff", "", "to", "cid"),
		"feed":     f.find(t, "GET", fmt.Sprintf("/events?since=%d&limit=1000&entity=%s&kind=%s", f.since, f.id, kind), "", "events", "*", "cid"),
		"news":     f.find(t, "GET", "/events?limit=200", "", "events", "*", "cid"),
	} {
		if !has(got, f.tip) {
			t.Errorf("after %s %s does not show %s: %.200v", kind, route, f.tip, got)
		}
	}
}

// has tells whether a quoted value is among others.
func has(values []string, want string) bool {
	for _, v := range values {
		if v == wiretest.Quote(want) {
			return true
		}
	}
	return false
}
