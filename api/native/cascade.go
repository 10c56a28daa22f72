package native

import (
	"context"
	"slices"
	"strings"

	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/access"
)

func (s *Service) cascadeOp() wire.Operation {
	return wire.Op(wire.Operation{
		Method: "DELETE", Path: "/entities/{id}/cascade", ID: "cascadeDelete", Tag: tagEntities, Summary: "Delete an entity and what hangs on it",
		Description: "Follows outgoing relationships whose predicate matches a pattern (`x`, `x_*`, `*_x`, `*`; never `collection`), breadth first, inside one collection. Needs entity:delete on that collection, once. The root is deleted under its expected tip in one transaction with the first thousand others; more follow in transactions of a thousand.",
		Permission:  "entity:delete", Auth: wire.AuthRequired,
		Success: []wire.Success{{Status: 200, Body: CascadeResponse{}}}, Errors: []int{400, 401, 403, 404, 409},
	}, s.cascade)
}

type cascadeIn struct {
	ID           entity.ID `path:"id"`
	ExpectTip    wire.Tip  `json:"expect_tip" req:"true"`
	Note         string    `json:"note" max:"10000"`
	CollectionID entity.ID `json:"collection_id" alias:"collection_pi" req:"true"`
	Predicates   []string  `json:"cascade_predicates" req:"true" min:"1" max:"100"`
	EditedBy     entity.ID `json:"edited_by_filter" doc:"only what this user edited last"`
	MaxDepth     int       `json:"max_depth" default:"10" min:"1" max:"20"`
	Reason       string    `json:"reason" max:"500"`
}

// CascadeDeleted is an entity that a cascade deleted.
type CascadeDeleted struct {
	ID    entity.ID `json:"id"`
	CID   string    `json:"cid"`
	Type  string    `json:"type"`
	Depth int       `json:"depth"`
}

// CascadeSkipped is an entity that a cascade met and left alone.
type CascadeSkipped struct {
	ID     entity.ID `json:"id"`
	Type   string    `json:"type"`
	Reason string    `json:"reason" enum:"not_in_collection,already_deleted,edited_by_mismatch,cas_conflict"`
}

// CascadeSummary counts a cascade.
type CascadeSummary struct {
	TotalTraversed  int `json:"total_traversed"`
	TotalDeleted    int `json:"total_deleted"`
	TotalSkipped    int `json:"total_skipped"`
	MaxDepthReached int `json:"max_depth_reached"`
}

// CascadeResponse is the outcome of a cascade, deepest first.
type CascadeResponse struct {
	Root    EntityDeletedResponse `json:"root"`
	Deleted []CascadeDeleted      `json:"deleted"`
	Skipped []CascadeSkipped      `json:"skipped"`
	Summary CascadeSummary        `json:"summary"`
}

// cascadeChunk is how many entities one transaction deletes beside the root.
const cascadeChunk = 1000

func (s *Service) cascade(ctx context.Context, in *cascadeIn) (*wire.Reply, error) {
	for i, p := range in.Predicates {
		if inner := strings.TrimSuffix(strings.TrimPrefix(p, "*"), "*"); p == "" || strings.Contains(inner, "*") || len(p) > len(inner)+1 {
			return nil, invalidField("must be a predicate, or one with a * at its beginning or its end", "cascade_predicates", i)
		}
	}
	var w *cascadeWalk
	var out CascadeResponse
	err := s.update(ctx, func(tx txn) (err error) {
		out = CascadeResponse{Deleted: []CascadeDeleted{}}
		if w, err = walkCascade(tx, in); err != nil {
			return err
		}
		tx.Permit(in.ID)
		root, err := tx.Put(in.ID, in.ExpectTip.Expect(), s.bury(tx, in.Reason, in.Note))
		if err != nil {
			return err
		}
		out.Root = deletedResponse(root)
		out.Deleted, err = w.bury(tx, s, 0, out.Deleted)
		return err
	})
	for from := cascadeChunk; err == nil && from < len(w.found); from += cascadeChunk {
		before, skipped := out.Deleted, w.skipped
		err = s.update(ctx, func(tx txn) (err error) {
			w.skipped = skipped
			out.Deleted, err = w.bury(tx, s, from, before[:len(before):len(before)])
			return err
		})
	}
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(out.Deleted, func(a, b CascadeDeleted) int { return b.Depth - a.Depth })
	out.Skipped = w.skipped
	out.Summary = CascadeSummary{TotalTraversed: w.traversed, TotalDeleted: len(out.Deleted) + 1, TotalSkipped: len(out.Skipped), MaxDepthReached: w.depth}
	return wire.OK(out), nil
}

// cascadeWalk is what a cascade found.
type cascadeWalk struct {
	in        *cascadeIn
	found     []cascadeFound // to delete, breadth first, without the root
	skipped   []CascadeSkipped
	traversed int
	depth     int
}

type cascadeFound struct {
	entity.Head
	depth int
}

// walkCascade finds what hangs on the root, reading in the transaction.
func walkCascade(tx txn, in *cascadeIn) (*cascadeWalk, error) {
	scope, err := tx.collection(in.CollectionID)
	if err != nil {
		return nil, err
	}
	if err := tx.May("entity:delete", entity.Head{Type: access.BaseType, Collection: scope.ID}); err != nil {
		return nil, err
	}
	root, err := tx.Head(in.ID)
	switch {
	case err != nil:
		return nil, err
	case root.Deleted:
		return nil, entity.Invalid("native.cascade", "entity %s is already deleted", in.ID)
	case root.Collection != in.CollectionID || root.Type == entity.TypeCollection:
		return nil, entity.Invalid("native.cascade", "entity %s does not belong to collection %s", in.ID, in.CollectionID)
	}
	w := &cascadeWalk{in: in, skipped: []CascadeSkipped{}, traversed: 1}
	seen := map[entity.ID]bool{in.ID: true}
	level := []cascadeFound{{Head: root}}
	for depth := 1; depth <= in.MaxDepth && len(level) > 0; depth++ {
		var next []cascadeFound
		for _, f := range level {
			children, err := w.children(tx, f, seen)
			if err != nil {
				return nil, err
			}
			next = append(next, children...)
		}
		w.found = append(w.found, next...)
		if len(next) > 0 {
			w.depth = depth
		}
		level = next
	}
	return w, nil
}

// children reads the peers of one entity that a cascade takes along, and notes
// those it skips.
func (w *cascadeWalk) children(tx txn, f cascadeFound, seen map[entity.ID]bool) (out []cascadeFound, err error) {
	m, err := tx.Manifest(f.CID())
	if err != nil {
		return nil, err
	}
	for _, r := range m.Relationships {
		if seen[r.Peer] || !w.matches(r.Predicate) {
			continue
		}
		seen[r.Peer] = true
		h, err := tx.Head(r.Peer)
		if err != nil && entity.KindOf(err) == entity.KindNotFound {
			continue
		}
		if err != nil {
			return nil, err
		}
		w.traversed++
		reason, err := w.skips(tx, h)
		if err != nil {
			return nil, err
		}
		if reason != "" {
			w.skipped = append(w.skipped, CascadeSkipped{ID: h.ID, Type: h.Type, Reason: reason})
			continue
		}
		out = append(out, cascadeFound{Head: h, depth: f.depth + 1})
	}
	return out, nil
}

func (w *cascadeWalk) matches(p entity.Predicate) bool {
	return p != entity.PredicateCollection && slices.ContainsFunc(w.in.Predicates, func(pattern string) bool {
		if tail, ok := strings.CutPrefix(pattern, "*"); ok {
			return strings.HasSuffix(string(p), tail)
		}
		if head, ok := strings.CutSuffix(pattern, "*"); ok {
			return strings.HasPrefix(string(p), head)
		}
		return pattern == string(p)
	})
}

// skips says why an entity is left alone, "" when it is not.
func (w *cascadeWalk) skips(tx txn, h entity.Head) (reason string, err error) {
	switch {
	case h.Deleted:
		return "already_deleted", nil
	case h.Collection != w.in.CollectionID || h.Type == entity.TypeCollection:
		return "not_in_collection", nil
	case w.in.EditedBy == "":
		return "", nil
	}
	m, err := tx.Manifest(h.CID())
	if err == nil && m.EditedBy.UserID != w.in.EditedBy {
		reason = "edited_by_mismatch"
	}
	return reason, err
}

// bury deletes one chunk of what was found. What has changed since the walk is
// looked at again: it may have been deleted or moved by somebody else.
func (w *cascadeWalk) bury(tx txn, s *Service, from int, deleted []CascadeDeleted) ([]CascadeDeleted, error) {
	for _, f := range w.found[min(from, len(w.found)):min(from+cascadeChunk, len(w.found))] {
		h, err := tx.Head(f.ID)
		if err != nil {
			return nil, err
		}
		reason := ""
		if h.Tip != f.Tip {
			if reason, err = w.skips(tx, h); err != nil {
				return nil, err
			}
		}
		if reason != "" {
			w.skipped = append(w.skipped, CascadeSkipped{ID: h.ID, Type: h.Type, Reason: reason})
			continue
		}
		tx.Permit(f.ID) // the collection was asked
		v, err := tx.Put(f.ID, entity.Any, s.bury(tx, w.in.Reason, w.in.Note))
		if err != nil {
			return nil, err
		}
		deleted = append(deleted, CascadeDeleted{ID: f.ID, CID: v.CID.String(), Type: f.Type, Depth: f.depth})
	}
	return deleted, nil
}
