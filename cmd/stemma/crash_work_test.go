package main

import (
	"context"
	"fmt"
	"net/http"

	"stemma/entity"
)

// editCold creates entities of the worker's own, edits, deletes and restores
// them. Every one of these must succeed.
func (c *client) editCold(ctx context.Context, mine *[]*owned) {
	var a answer
	for i := 0; ; i++ {
		if len(*mine) == 0 || c.rnd.IntN(8) == 0 {
			body := fields{"type": "note", "properties": fields{"label": fmt.Sprint("cold ", i)}}
			if len(*mine) > 0 {
				body["relationships"] = []fields{{"predicate": "after", "peer": (*mine)[c.rnd.IntN(len(*mine))].id}}
			}
			if !c.must(ctx, "POST", "/entities", body, &a) {
				return
			}
			*mine = append(*mine, &owned{id: a.ID, tip: a.CID})
			continue
		}
		o := (*mine)[c.rnd.IntN(len(*mine))]
		if !c.editOwn(ctx, o, *mine, i) {
			return
		}
	}
}

// editOwn writes the next version of an entity.
func (c *client) editOwn(ctx context.Context, o *owned, peers []*owned, i int) bool {
	var a answer
	path, deleted := "/entities/"+string(o.id), false
	var ok bool
	switch {
	case o.deleted:
		ok = c.must(ctx, "POST", path+"/restore", fields{"expect_tip": o.tip}, &a)
	case c.rnd.IntN(4) == 0:
		deleted = true
		ok = c.must(ctx, "DELETE", path, fields{"expect_tip": o.tip, "reason": "load"}, &a)
	default:
		peer := peers[c.rnd.IntN(len(peers))].id
		ok = c.must(ctx, "PUT", path, fields{
			"expect_tip":           o.tip,
			"properties":           fields{"edit": i},
			"relationships_remove": []fields{{"predicate": "after"}},
			"relationships_add":    []fields{{"predicate": "after", "peer": peer}},
		}, &a)
	}
	if ok {
		o.tip, o.deleted = a.CID, deleted
	}
	return ok
}

// seedHot creates the entities that everybody fights for, in the first round.
func (c *client) seedHot(ctx context.Context) {
	var a answer
	for c.hotIDs() < 2 {
		if !c.must(ctx, "POST", "/entities", fields{"type": "counter", "properties": fields{"label": "hot"}}, &a) {
			return
		}
		c.mu.Lock()
		c.hot = append(c.hot, a.ID)
		c.mu.Unlock()
	}
}

func (c *client) hotIDs() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.hot)
}

// editHot reads a tip that others want to replace too, and tries to. It begins
// when seedHot has ended, and has nothing to do where the server died before.
func (c *client) editHot(ctx context.Context, seeded <-chan struct{}) {
	<-seeded
	if c.hotIDs() == 0 {
		return
	}
	var tip, a answer
	for i := 0; ; i++ {
		c.mu.Lock()
		id := c.hot[c.rnd.IntN(len(c.hot))]
		c.mu.Unlock()
		if c.send(ctx, "GET", "/entities/"+string(id)+"/tip", nil, &tip) != http.StatusOK {
			return
		}
		switch c.send(ctx, "PUT", "/entities/"+string(id), fields{"expect_tip": tip.CID, "properties": fields{"edit": i}}, &a) {
		case http.StatusOK, http.StatusConflict:
		default:
			return
		}
	}
}

// Notes by which the audit knows the two versions of one transaction.
const (
	notePair  = "pair "
	noteChild = "child "
)

// Relationships that are there on both sides or on neither.
const (
	paired   entity.Predicate = "paired"
	pairedBy entity.Predicate = "paired_by"
)

// relatePair relates two entities to one another and takes that back, over and
// over: two versions in one transaction.
func (c *client) relatePair(ctx context.Context, worker int) {
	var a answer
	pair := &c.pairs[worker]
	for i := range pair {
		if pair[i] != nil {
			continue
		}
		if !c.must(ctx, "POST", "/entities", fields{"type": "half", "properties": fields{"label": "half"}}, &a) {
			return
		}
		pair[i] = &owned{id: a.ID, tip: a.CID}
	}
	for i := 0; ; i++ {
		source, target := pair[0], pair[1]
		method := "POST"
		if source.related {
			method = "DELETE"
		}
		if !c.must(ctx, method, "/relationships", fields{
			"source_id": source.id, "target_id": target.id, "source_predicate": paired, "target_predicate": pairedBy,
			"expect_source_tip": source.tip, "expect_target_tip": target.tip, "note": fmt.Sprint(notePair, worker, " ", i),
		}, &a) {
			return
		}
		source.tip, target.tip, source.related = a.Source.CID, a.Target.CID, !source.related
	}
}

// fillFolder puts new entities into a folder; the folder and the child change
// in one transaction.
func (c *client) fillFolder(ctx context.Context) {
	var a answer
	for {
		if c.folder == nil || c.child%50 == 49 {
			if !c.must(ctx, "POST", "/folders", fields{"label": "folder"}, &a) {
				return
			}
			c.folder = &owned{id: a.ID, tip: a.CID}
		}
		c.child++
		if !c.must(ctx, "POST", "/entities", fields{"type": "leaf", "properties": fields{"label": "leaf"}}, &a) {
			return
		}
		child := a.ack
		if !c.must(ctx, "POST", "/folders/"+string(c.folder.id)+"/children", fields{
			"child_id": child.ID, "expect_tip": c.folder.tip, "expect_child_tip": child.CID, "note": fmt.Sprint(noteChild, c.child),
		}, &a) {
			return
		}
		c.folder.tip = a.Folder.CID
	}
}

// createBatches creates a dozen entities with one request, in two transactions.
func (c *client) createBatches(ctx context.Context) {
	items := make([]fields, 12)
	for i := range items {
		items[i] = fields{"type": "batched", "properties": fields{"label": fmt.Sprint("batched ", i)}}
	}
	var a answer
	for c.must(ctx, "POST", "/entities/batch", fields{"entities": items}, &a) {
		if len(a.Results) != len(items) {
			c.fail("a batch of %d answered %d results", len(items), len(a.Results))
		}
	}
}
