package native_test

import (
	"fmt"
	"testing"
)

// A cascade goes as deep as it was told to, whatever the number: what does not
// fit into the first transaction follows in others, everything once, deepest
// first.
func TestCascadePastOneTransaction(t *testing.T) {
	const pages = 1150
	w := newRig(t, rigOptions{})
	coll := w.must(t, 201, "POST", "/collections", object{"label": "library"})["id"].(string)
	note, _ := w.create(t, object{"type": "note", "collection": coll})
	var related []any
	for from := 0; from < pages; from += 50 {
		var items []any
		for range min(50, pages-from) {
			items = append(items, object{"type": "page", "relationships": []any{object{"predicate": "has_note", "peer": note}}})
		}
		results := w.must(t, 201, "POST", "/entities/batch", object{"entities": items, "default_collection": coll})["results"]
		for i := range items {
			related = append(related, object{"predicate": "has_page", "peer": at(results, i, "id")})
		}
	}
	book, tip := w.create(t, object{"type": "book", "collection": coll, "relationships": related})
	seq := w.main().Seq()
	out := w.must(t, 200, "DELETE", "/entities/"+book+"/cascade", object{"expect_tip": tip, "collection_id": coll, "cascade_predicates": []string{"has_*"}})
	want := object{"total_traversed": pages + 2, "total_deleted": pages + 2, "total_skipped": 0, "max_depth_reached": 2}
	if got := at(out, "summary"); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("summary %v, want %v", got, want)
	}
	if at(out, "deleted", 0, "id") != note || fmt.Sprint(at(out, "deleted", 0, "depth")) != "2" {
		t.Errorf("the deepest is not the first: %v", at(out, "deleted", 0))
	}
	seen := map[string]bool{book: true}
	for i := range out["deleted"].([]any) {
		id := at(out, "deleted", i, "id").(string)
		if seen[id] {
			t.Errorf("%s is deleted twice", id)
		}
		seen[id] = true
	}
	if n := w.main().Seq() - seq; n != pages+2 || len(seen) != pages+2 {
		t.Errorf("%d changes and %d names for %d deletions", n, len(seen), pages+2)
	}
	if rest := w.must(t, 200, "GET", "/collections/"+coll+"/entities", nil)["entities"].([]any); len(rest) != 0 {
		t.Errorf("%d members are left", len(rest))
	}
}

// A cascade goes by what the entities are now: one that was moved out of the
// collection is left alone, one that was deleted and restored is not.
func TestCascadeLooksAtTheLatest(t *testing.T) {
	w := newRig(t, rigOptions{})
	coll := w.must(t, 201, "POST", "/collections", object{"label": "a"})["id"].(string)
	moved, movedTip := w.create(t, object{"type": "page", "collection": coll})
	back, backTip := w.create(t, object{"type": "page", "collection": coll})
	root, tip := w.create(t, object{"type": "book", "collection": coll, "relationships": []any{object{"predicate": "has", "peer": moved}, object{"predicate": "has", "peer": back}}})
	w.must(t, 200, "PUT", "/entities/"+moved, object{"expect_tip": movedTip, "relationships_remove": []any{object{"predicate": "collection"}}})
	backTip = w.must(t, 200, "DELETE", "/entities/"+back, object{"expect_tip": backTip})["cid"].(string)
	w.must(t, 200, "POST", "/entities/"+back+"/restore", object{"expect_tip": backTip})
	out := w.must(t, 200, "DELETE", "/entities/"+root+"/cascade", object{"expect_tip": tip, "collection_id": coll, "cascade_predicates": []string{"*"}})
	if at(out, "deleted", 0, "id") != back || at(out, "skipped", 0, "id") != moved || at(out, "skipped", 0, "reason") != "not_in_collection" {
		t.Errorf("%v", out)
	}
}
