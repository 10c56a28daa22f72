package native

import (
	"context"
	"strings"

	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/guard"
	"stemma/graph"
)

func (s *Service) treeOp() wire.Operation {
	return wire.Op(wire.Operation{
		Method: "GET", Path: "/entities/{id}/tree", ID: "getTree", Tag: tagEntities, Summary: "Get the tree below an entity",
		Description: "Follows relationships from the entity, breadth first, each entity once. Of a collection the members are children too. `predicates` names those to follow, `collection` keeps to the members of one.",
		Permission:  "entity:view", Auth: wire.AuthOptional,
		Success: []wire.Success{{Status: 200, Body: TreeResponse{}}}, Errors: []int{400, 403, 404},
	}, s.tree)
}

type treeIn struct {
	ID         entity.ID `path:"id"`
	Depth      int       `query:"depth" default:"2" min:"1" max:"4"`
	Collection entity.ID `query:"collection" alias:"collection_id,collection_pi"`
	Predicates string    `query:"predicates" doc:"separated by commas"`
	Limit      int       `query:"limit" default:"100" min:"1" max:"1000"`
}

// TreeNode is an entity in a tree.
type TreeNode struct {
	PI       entity.ID  `json:"pi"`
	ID       entity.ID  `json:"id"`
	Label    string     `json:"label"`
	Type     string     `json:"type"`
	Depth    int        `json:"depth"`
	Children []TreeNode `json:"children"`
}

// TreeResponse is a tree and whether the limit cut it.
type TreeResponse struct {
	Root       TreeNode `json:"root"`
	TotalNodes int      `json:"total_nodes"`
	Truncated  bool     `json:"truncated"`
}

func (s *Service) tree(ctx context.Context, in *treeIn) (*wire.Reply, error) {
	ctx, cancel := context.WithTimeout(ctx, graphTimeout)
	defer cancel()
	var out TreeResponse
	err := s.view(ctx, func(r *guard.Reader) error {
		h, err := r.Allowed("entity:view", in.ID)
		if err != nil {
			return err
		}
		if h.Deleted {
			return entity.NotFound("native.tree", "Entity not found: %s is deleted", in.ID)
		}
		q := graph.TreeQuery{Root: in.ID, Depth: in.Depth, Collection: in.Collection, Limit: in.Limit}
		for p := range strings.SplitSeq(in.Predicates, ",") {
			if p = strings.TrimSpace(p); p != "" {
				q.Predicates = append(q.Predicates, entity.Predicate(p))
			}
		}
		root, total, truncated, err := s.graph(ctx, r).Tree(ctx, q)
		if err != nil {
			return err
		}
		out = TreeResponse{TotalNodes: total, Truncated: truncated}
		out.Root, err = newExpander(r, "none").tree(root)
		return err
	})
	return wire.OK(out), err
}

func (x *expander) tree(n *graph.TreeNode) (out TreeNode, err error) {
	out = TreeNode{PI: n.ID, ID: n.ID, Depth: n.Depth, Children: make([]TreeNode, 0, len(n.Children))}
	if out.Label, out.Type, err = x.name(n.ID); err != nil {
		return out, err
	}
	for _, c := range n.Children {
		child, err := x.tree(c)
		if err != nil {
			return out, err
		}
		out.Children = append(out.Children, child)
	}
	return out, nil
}
