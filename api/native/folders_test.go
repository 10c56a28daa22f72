package native_test

import (
	"math/rand/v2"
	"sync"
	"testing"
)

// However many move folders into each other at once, no folder ever comes to
// lie in itself, and both sides of each link agree.
func TestFoldersNeverContainThemselves(t *testing.T) {
	const folders, movers, moves = 5, 4, 40
	w := newRig(t, rigOptions{})
	var ids []string
	for range folders {
		ids = append(ids, w.must(t, 201, "POST", "/folders", object{"label": "f"})["id"].(string))
	}
	var busy sync.WaitGroup
	for mover := range movers {
		busy.Go(func() {
			rnd := rand.New(rand.NewPCG(2, uint64(mover)))
			for range moves {
				w.move(t, ids[rnd.IntN(folders)], ids[rnd.IntN(folders)])
			}
		})
	}
	busy.Wait()
	parents := map[string][]string{}
	links := 0
	for _, id := range ids {
		e := w.must(t, 200, "GET", "/folders/"+id, nil)
		for i := range e["relationships"].([]any) {
			peer := at(e, "relationships", i, "peer").(string)
			switch at(e, "relationships", i, "predicate") {
			case "in":
				parents[id] = append(parents[id], peer)
				links++
			case "contains":
				links--
			}
		}
	}
	if links != 0 {
		t.Errorf("%d more links upwards than downwards", links)
	}
	if len(parents) == 0 {
		t.Error("nothing was moved")
	}
	for _, id := range ids {
		if lies(parents, id, id, folders) {
			t.Errorf("%s lies in itself: %v", id, parents)
		}
	}
}

// move puts child into parent, or finds that it may not.
func (w *rig) move(t *testing.T, child, parent string) {
	tip := decode(t, w.call("GET", "/entities/"+child+"/tip", "").Body.Bytes())["cid"]
	out := w.call("POST", "/folders/"+child+"/parents", encode(t, object{"expect_tip": tip, "parent_id": parent}))
	if out.Code != 200 && out.Code != 400 && out.Code != 409 {
		t.Errorf("status %d: %s", out.Code, out.Body)
	}
}

// lies tells whether id lies in folder, up to depth levels up.
func lies(parents map[string][]string, id, folder string, depth int) bool {
	for _, p := range parents[id] {
		if p == folder || depth > 0 && lies(parents, p, folder, depth-1) {
			return true
		}
	}
	return false
}
