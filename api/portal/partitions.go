package portal

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"stemma/api/llm/agent"
	"stemma/api/llm/memory"
	"stemma/api/llm/seal"
	"stemma/api/llm/tenant"
	"stemma/api/wire"
	"stemma/entity"
)

// deepest is how far partitions may lie below one another.
const deepest = 32

func (s *Service) partitionOps() []wire.Operation {
	return []wire.Operation{
		wire.Op(row(wire.Operation{
			Method: "GET", Path: "/partitions", ID: "portalListPartitions", Summary: "List the tenant's partitions, as a tree", Permission: anyMember,
			Description: "`id` is what clients call a partition in `partition_id` of a chat, `uuid` its entity. A chat that names a new one makes it.",
			Success:     []wire.Success{{Status: 200, Body: Partitions{}}}, Errors: []int{503},
		}), s.listPartitions),
		wire.Op(row(wire.Operation{
			Method: "POST", Path: "/partitions", ID: "portalCreatePartition", Summary: "Make a partition", Permission: anyMember,
			Success: []wire.Success{{Status: 201, Body: Partition{}}}, Errors: []int{400, 404, 409, 503},
		}), s.createPartition),
		wire.Op(row(wire.Operation{
			Method: "PUT", Path: "/partitions/{id}", ID: "portalUpdatePartition", Summary: "Give a partition another title or place", Permission: anyMember,
			Description: "What is left out stays; an empty `parent_id` puts it at the top.",
			Success:     []wire.Success{{Status: 200, Body: Done{}}}, Errors: []int{400, 404, 503},
		}), s.updatePartition),
		wire.Op(row(wire.Operation{
			Method: "DELETE", Path: "/partitions/{id}", ID: "portalDeletePartition", Summary: "Delete a partition that is empty", Permission: anyMember,
			Success: []wire.Success{{Status: 200, Body: Done{}}}, Errors: []int{400, 404, 409},
		}), s.deletePartition),
	}
}

// Done says that it was.
type Done struct {
	Success bool `json:"success"`
}

// Partition is one with those below it, newest first.
type Partition struct {
	UUID      entity.ID   `json:"uuid"`
	ID        string      `json:"id" doc:"what clients call it"`
	ParentID  *entity.ID  `json:"parentId" doc:"uuid of the one above; null at the top"`
	Title     string      `json:"title"`
	CreatedAt string      `json:"createdAt"`
	Children  []Partition `json:"children"`
}

// Partitions are those at the top.
type Partitions struct {
	Partitions []Partition `json:"partitions"`
}

func partitionOf(m *entity.Manifest, box *seal.Box) (p Partition, err error) {
	p = Partition{UUID: m.ID, ID: text(m.Properties, "external_id"), CreatedAt: m.CreatedAt, Children: []Partition{}}
	if up := agent.Peer(m, entity.PredicateParent); up != "" {
		p.ParentID = &up
	}
	p.Title, err = memory.Title(m, box)
	return p, err
}

// sealing is what titles are to be sealed with, nil where they are not.
// KindUnavailable on a server that cannot.
func (s *Service) sealing(h here) (*seal.Box, error) {
	if !agent.OfTenant(h.tenant).SealContent {
		return nil, nil
	}
	box := s.box(h)
	if box == nil {
		return nil, entity.Errorf(entity.KindUnavailable, "portal.sealing", "the tenant wants its content sealed, and this server has no master key; start it with STEMMA_MASTER_KEY")
	}
	return box, nil
}

// partitions are those that the caller may view, newest first.
func (h here) partitions() (all []*entity.Manifest, err error) {
	for id, err := range memory.Partitions(h.raw, h.workspace, "") {
		if err != nil {
			return nil, err
		}
		head, err := h.raw.Head(id)
		if err != nil {
			return nil, err
		}
		if !h.Sees(head) {
			continue
		}
		m, err := h.raw.Manifest(head.CID())
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

// tree puts partitions below those above them. One whose parent is not among
// them, or that stands in a circle, stands at the top.
func tree(all []*entity.Manifest, box *seal.Box) ([]Partition, error) {
	up, below := map[entity.ID]entity.ID{}, map[entity.ID][]*entity.Manifest{}
	for _, m := range all {
		up[m.ID] = ""
	}
	for _, m := range all {
		parent := agent.Peer(m, entity.PredicateParent)
		if _, there := up[parent]; there && !under(up, parent, m.ID) {
			up[m.ID] = parent
		}
		below[up[m.ID]] = append(below[up[m.ID]], m)
	}
	var grow func(id entity.ID) ([]Partition, error)
	grow = func(id entity.ID) ([]Partition, error) {
		out := []Partition{}
		for _, m := range below[id] {
			p, err := partitionOf(m, box)
			if err != nil {
				return nil, err
			}
			if p.Children, err = grow(m.ID); err != nil {
				return nil, err
			}
			out = append(out, p)
		}
		return out, nil
	}
	return grow("")
}

// under tells whether id is above, or right at, from.
func under(up map[entity.ID]entity.ID, from, id entity.ID) bool {
	for ; from != ""; from = up[from] {
		if from == id {
			return true
		}
	}
	return false
}

func (s *Service) listPartitions(ctx context.Context, _ *struct{}) (*wire.Reply, error) {
	out := Partitions{}
	err := s.view(ctx, func(h here) error {
		all, err := h.partitions()
		if err == nil {
			out.Partitions, err = tree(all, s.box(h))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return secret(wire.OK(out)), nil
}

type createPartitionIn struct {
	Name   string  `json:"external_id" alias:"externalId" req:"true" min:"1" max:"255" doc:"what clients call it"`
	Parent string  `json:"parent_id" alias:"parentId" max:"255" doc:"of the one above: its uuid, or what clients call it"`
	Title  *string `json:"title" max:"200" doc:"external_id when left out"`
}

// partition is one by its entity's id or by what clients call it; KindNotFound.
func (h here) partition(called string) (*entity.Version, error) {
	id, err := entity.ParseID(called)
	if err == nil {
		v, err := h.live("entity:view", id, memory.TypePartition, "partition")
		if err == nil || entity.KindOf(err) != entity.KindNotFound {
			return v, err
		}
	}
	if h.workspace != "" {
		if id, err = memory.FindPartition(h.raw, h.tenant.ID, h.workspace, called); err != nil {
			return nil, err
		}
	}
	if h.workspace == "" || id == "" {
		return nil, entity.NotFound("portal.partition", "there is no partition %s in this tenant", called)
	}
	return h.live("entity:view", id, memory.TypePartition, "partition")
}

// above is how far below the top something is that is put below a partition;
// KindInvalid when that is too far, or lies below the partition moved itself.
func (h here) above(parent, moved entity.ID) (depth int, err error) {
	for id := parent; id != ""; depth++ {
		switch {
		case id == moved:
			return 0, issue("parent_id", "a partition cannot lie below itself; choose one that is not below %s", moved)
		case depth+1 >= deepest:
			return 0, tooDeep()
		}
		v, err := h.live("entity:view", id, memory.TypePartition, "partition")
		if err != nil && entity.KindOf(err) == entity.KindNotFound {
			return depth, nil // it was deleted by another view
		}
		if err != nil {
			return 0, err
		}
		id = agent.Peer(v.Manifest, entity.PredicateParent)
	}
	return depth, nil
}

func tooDeep() error {
	return issue("parent_id", "partitions lie at most %d deep; choose one further up", deepest)
}

func (s *Service) createPartition(ctx context.Context, in *createPartitionIn) (*wire.Reply, error) {
	name, title := strings.TrimSpace(in.Name), ""
	if name == "" {
		return nil, issue("external_id", "external_id must not be empty")
	}
	if in.Title != nil {
		title = strings.TrimSpace(*in.Title)
	}
	var out Partition
	err := s.update(ctx, func(t txn) error {
		if err := t.needWorkspace(); err != nil {
			return err
		}
		up := entity.ID("")
		if in.Parent != "" {
			v, err := t.partition(in.Parent)
			if err != nil {
				return err
			}
			up = v.Manifest.ID
			if _, err := t.above(up, ""); err != nil {
				return err
			}
		}
		box, err := s.sealing(t.here)
		if err != nil {
			return err
		}
		id, made, err := memory.EnsurePartition(t.tx, t.tenant.ID, t.workspace, name, title, box, up)
		if err != nil {
			return err
		}
		if !made {
			return entity.Errorf(entity.KindExists, "portal.createPartition", "there is a partition %s already: %s; choose another external_id, or change that one", name, id)
		}
		v, err := t.live("entity:view", id, memory.TypePartition, "partition")
		if err == nil {
			out, err = partitionOf(v.Manifest, s.box(t.here))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return secret(wire.Created(out)), nil
}

type updatePartitionIn struct {
	idIn
	Title  *string `json:"title" min:"1" max:"200"`
	Parent *string `json:"parent_id" alias:"parentId" max:"255" doc:"of the one above: its uuid, or what clients call it; empty for none"`
}

func (s *Service) updatePartition(ctx context.Context, in *updatePartitionIn) (*wire.Reply, error) {
	if in.Title == nil && in.Parent == nil {
		return nil, entity.Invalid("portal.updatePartition", "there is nothing to change: give title, or parent_id, or both")
	}
	if in.Title != nil {
		if *in.Title = strings.TrimSpace(*in.Title); *in.Title == "" {
			return nil, issue("title", "the title must not be empty")
		}
	}
	return wire.OK(Done{true}), s.update(ctx, func(t txn) error {
		if _, err := t.live("entity:update", in.ID, memory.TypePartition, "partition"); err != nil {
			return err
		}
		up := entity.ID("")
		if in.Parent != nil && *in.Parent != "" {
			v, err := t.partition(*in.Parent)
			if err != nil {
				return err
			}
			up = v.Manifest.ID
			if err := t.fits(in.ID, up); err != nil {
				return err
			}
		}
		box, err := s.sealing(t.here)
		if err != nil {
			return err
		}
		_, err = t.tx.Put(in.ID, entity.Any, func(m *entity.Manifest) error {
			if in.Title != nil {
				if err := memory.SetTitle(m, *in.Title, box); err != nil {
					return err
				}
			}
			if in.Parent == nil {
				return nil
			}
			m.Relationships = slices.DeleteFunc(m.Relationships, func(r entity.Relationship) bool { return r.Predicate == entity.PredicateParent })
			if up != "" {
				m.Relationships = append(m.Relationships, entity.Relationship{Predicate: entity.PredicateParent, Peer: up, PeerType: memory.TypePartition})
			}
			return nil
		})
		return err
	})
}

// fits makes sure that a partition, with those below it, can be put below another.
func (h here) fits(id, up entity.ID) error {
	depth, err := h.above(up, id)
	if err != nil {
		return err
	}
	for level := []entity.ID{id}; len(level) > 0; depth++ {
		if depth >= deepest {
			return tooDeep()
		}
		var next []entity.ID
		for _, id := range level {
			for child, err := range memory.Partitions(h.raw, h.workspace, id) {
				if err != nil {
					return err
				}
				next = append(next, child)
			}
		}
		level = next
	}
	return nil
}

func (s *Service) deletePartition(ctx context.Context, in *idIn) (*wire.Reply, error) {
	return wire.OK(Done{true}), s.update(ctx, func(t txn) error {
		if _, err := t.live("entity:delete", in.ID, memory.TypePartition, "partition"); err != nil {
			return err
		}
		for what, list := range map[string]func(yield func(entity.ID, error) bool){
			"partition":    memory.Partitions(t.raw, t.workspace, in.ID),
			"conversation": memory.Conversations(t.raw, t.workspace, in.ID, ""),
		} {
			for id, err := range list {
				if err != nil {
					return err
				}
				return entity.Errorf(entity.KindExists, "portal.deletePartition", "the partition is not empty: the %s %s is in it; %s", what, id, emptied[what])
			}
		}
		return tenant.Bury(t.tx, in.ID, entity.Any, t.At())
	})
}

// emptied is what to do about what is in a partition.
var emptied = map[string]string{
	"partition":    fmt.Sprintf("move what lies below it with PUT %s/partitions/{id}, or delete it first", base),
	"conversation": fmt.Sprintf("delete its conversations with DELETE %s/conversations/{id} first", base),
}
