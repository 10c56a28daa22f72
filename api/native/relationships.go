package native

import (
	"context"

	"stemma/api/wire"
	"stemma/entity"
)

const tagRelationships = "Relationships"

func (s *Service) relationshipOps() []wire.Operation {
	both := []wire.Success{{Status: 201, Body: RelationshipPair{}}}
	return []wire.Operation{
		wire.Op(wire.Operation{
			Method: "POST", Path: "/relationships", ID: "addRelationship", Tag: tagRelationships, Summary: "Relate two entities",
			Description: "With `target_predicate` both entities change in one transaction, each under its own expected tip. For one side alone prefer PUT /entities/{id}.",
			Permission:  "entity:update", Auth: wire.AuthRequired,
			Success: both, Errors: []int{400, 401, 403, 404, 409},
		}, s.addRelationship),
		wire.Op(wire.Operation{
			Method: "DELETE", Path: "/relationships", ID: "removeRelationship", Tag: tagRelationships, Summary: "Remove a relationship of two entities",
			Description: "The inverse of POST /relationships; 404 when there is no such relationship.",
			Permission:  "entity:update", Auth: wire.AuthRequired,
			Success: []wire.Success{{Status: 200, Body: RelationshipPair{}}}, Errors: []int{400, 401, 403, 404, 409},
		}, s.removeRelationship),
		wire.Op(wire.Operation{
			Method: "POST", Path: "/connect", ID: "connect", Tag: tagRelationships, Summary: "Connect one entity to another",
			Description: "Adds a relationship on the source, by default `connects_to`, with label and description as its properties.",
			Permission:  "entity:update", Auth: wire.AuthRequired,
			Success: []wire.Success{{Status: 201, Body: RelationshipPair{}}}, Errors: []int{400, 401, 403, 404, 409},
		}, s.connect),
		wire.Op(wire.Operation{
			Method: "POST", Path: "/connect/disconnect", ID: "disconnect", Tag: tagRelationships, Summary: "Disconnect one entity from another",
			Description: "Removes a relationship of the source, by default `connects_to`; 404 when there is no such relationship.",
			Permission:  "entity:update", Auth: wire.AuthRequired,
			Success: []wire.Success{{Status: 200, Body: RelationshipPair{}}}, Errors: []int{400, 401, 403, 404, 409},
		}, s.disconnect),
	}
}

// RelationshipPair is what a write to one or two entities answers.
type RelationshipPair struct {
	Source *EntityResponse `json:"source"`
	Target *EntityResponse `json:"target,omitempty"`
}

type ends struct {
	Note     string    `json:"note" max:"10000"`
	SourceID entity.ID `json:"source_id" alias:"source_pi" req:"true"`
	TargetID entity.ID `json:"target_id" alias:"target_pi" req:"true"`
}

type relationshipIn struct {
	ends
	SourcePredicate entity.Predicate `json:"source_predicate" req:"true" min:"1" max:"50" pattern:"^[a-z][a-z0-9_]*$"`
	TargetPredicate entity.Predicate `json:"target_predicate" min:"1" max:"50" pattern:"^[a-z][a-z0-9_]*$" doc:"also relate the target to the source"`
	SourceTip       wire.Tip         `json:"expect_source_tip" req:"true"`
	TargetTip       wire.Tip         `json:"expect_target_tip" doc:"required with target_predicate"`
}

func (in *relationshipIn) check() error {
	switch {
	case in.TargetPredicate == "":
		return nil
	case in.SourceID == in.TargetID:
		return invalidField("must be another entity than source_id when target_predicate is given; relate an entity to itself with PUT /entities/{id}", "target_id")
	case in.TargetTip == "":
		return invalidField("is required with target_predicate: the target changes too", "expect_target_tip")
	}
	return nil
}

func (s *Service) addRelationship(ctx context.Context, in *relationshipIn) (*wire.Reply, error) {
	out, err := s.pair(ctx, in, func(p entity.Predicate, peer entity.Head) func(*entity.Manifest) error {
		return relate(p, peer, nil, in.Note)
	})
	return wire.Created(out), err
}

func (s *Service) removeRelationship(ctx context.Context, in *relationshipIn) (*wire.Reply, error) {
	out, err := s.pair(ctx, in, func(p entity.Predicate, peer entity.Head) func(*entity.Manifest) error {
		return unrelate(p, peer.ID, in.Note)
	})
	return wire.OK(out), err
}

// pair edits the source and, with a target predicate, the target, in one
// transaction.
func (s *Service) pair(ctx context.Context, in *relationshipIn, edit func(entity.Predicate, entity.Head) func(*entity.Manifest) error) (RelationshipPair, error) {
	var out RelationshipPair
	if err := in.check(); err != nil {
		return out, err
	}
	err := s.update(ctx, func(tx txn) error {
		source, err := tx.live("entity:update", in.SourceID)
		if err != nil {
			return err
		}
		target, err := tx.Head(in.TargetID)
		if err != nil {
			return err
		}
		v, err := tx.put("entity:update", in.SourceID, in.SourceTip, edit(in.SourcePredicate, tx.mention(source, target)))
		if err != nil {
			return err
		}
		out = RelationshipPair{Source: respondVersion(v)}
		if in.TargetPredicate == "" {
			return nil
		}
		if v, err = tx.put("entity:update", in.TargetID, in.TargetTip, edit(in.TargetPredicate, tx.mention(target, source))); err != nil {
			return err
		}
		out.Target = respondVersion(v)
		return nil
	})
	return out, err
}

// relate is the edit that adds a relationship to peer.
func relate(p entity.Predicate, peer entity.Head, properties entity.Properties, note string) func(*entity.Manifest) error {
	return func(m *entity.Manifest) error {
		m.Note = note
		return m.Relate(entity.RelationshipEdit{Relationship: entity.Relationship{
			Predicate: p, Peer: peer.ID, PeerType: peer.Type, PeerLabel: peer.Label, Properties: properties,
		}})
	}
}

// unrelate is the edit that removes one, KindNotFound when it is not there.
func unrelate(p entity.Predicate, peer entity.ID, note string) func(*entity.Manifest) error {
	return func(m *entity.Manifest) error {
		m.Note = note
		if !m.Unrelate(entity.RelationshipRef{Predicate: p, Peer: peer}) {
			return entity.NotFound("native.unrelate", "Relationship not found: %s has no %q to %s", m.ID, p, peer)
		}
		return nil
	}
}

type connectIn struct {
	ends
	ExpectTip   wire.Tip         `json:"expect_tip" req:"true"`
	Predicate   entity.Predicate `json:"predicate" default:"connects_to" min:"1" max:"50" pattern:"^[a-z][a-z0-9_]*$"`
	Label       *string          `json:"label" max:"200"`
	Description *string          `json:"description" max:"2000"`
}

func (s *Service) connect(ctx context.Context, in *connectIn) (*wire.Reply, error) {
	out, err := s.oneSided(ctx, in.ends, in.ExpectTip, func(tx txn) (func(*entity.Manifest) error, error) {
		source, err := tx.live("entity:update", in.SourceID)
		if err != nil {
			return nil, err
		}
		target, err := tx.Head(in.TargetID)
		return relate(in.Predicate, tx.mention(source, target), given(map[string]*string{"label": in.Label, "description": in.Description}), in.Note), err
	})
	return wire.Created(out), err
}

type disconnectIn struct {
	ends
	ExpectTip wire.Tip         `json:"expect_tip" req:"true"`
	Predicate entity.Predicate `json:"predicate" default:"connects_to" min:"1" max:"50" pattern:"^[a-z][a-z0-9_]*$"`
}

func (s *Service) disconnect(ctx context.Context, in *disconnectIn) (*wire.Reply, error) {
	out, err := s.oneSided(ctx, in.ends, in.ExpectTip, func(txn) (func(*entity.Manifest) error, error) {
		return unrelate(in.Predicate, in.TargetID, in.Note), nil
	})
	return wire.OK(out), err
}

func (s *Service) oneSided(ctx context.Context, e ends, tip wire.Tip, edit func(txn) (func(*entity.Manifest) error, error)) (RelationshipPair, error) {
	var v *entity.Version
	err := s.update(ctx, func(tx txn) error {
		change, err := edit(tx)
		if err != nil {
			return err
		}
		v, err = tx.put("entity:update", e.SourceID, tip, change)
		return err
	})
	if err != nil {
		return RelationshipPair{}, err
	}
	return RelationshipPair{Source: respondVersion(v)}, nil
}
