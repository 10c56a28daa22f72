package native

import (
	"stemma/api/wire"
	"stemma/entity"
)

// editBody are the fields that every update shares.
type editBody struct {
	ExpectTip           wire.Tip            `json:"expect_tip" req:"true" doc:"the CID that the edit replaces; 409 when the tip is another"`
	Note                string              `json:"note" max:"10000" doc:"kept with the version"`
	Properties          entity.Properties   `json:"properties" doc:"merged: objects deeply, all else replaced, null stored"`
	PropertiesRemove    any                 `json:"properties_remove" doc:"keys to delete, as an array or as an object that leads to one; before properties are merged"`
	RelationshipsAdd    []relationshipAdd   `json:"relationships_add" max:"10000" doc:"upserted by predicate and peer"`
	RelationshipsRemove []relationshipMatch `json:"relationships_remove" max:"10000" doc:"before relationships_add; without peer all of the predicate"`
}

type relationshipBody struct {
	Predicate  entity.Predicate  `json:"predicate" req:"true" min:"1" max:"100"`
	Peer       entity.ID         `json:"peer" alias:"peer_pi,peer_id" req:"true" wildcard:"true"`
	PeerType   string            `json:"peer_type"`
	PeerLabel  string            `json:"peer_label"`
	Properties entity.Properties `json:"properties"`
}

func (b relationshipBody) relationship() entity.Relationship {
	return entity.Relationship{Predicate: b.Predicate, Peer: b.Peer, PeerType: b.PeerType, PeerLabel: b.PeerLabel, Properties: b.Properties}
}

type relationshipAdd struct {
	relationshipBody
	PropertiesRemove any `json:"properties_remove"`
}

type relationshipMatch struct {
	Predicate entity.Predicate `json:"predicate" req:"true" min:"1" max:"100"`
	Peer      entity.ID        `json:"peer" alias:"peer_pi,peer_id" wildcard:"true"`
}

// edit is the change that the body asks for. root are fields of the request
// that stand for properties of the same name; those not given are left out.
func (b editBody) edit(root entity.Properties) entity.Edit {
	e := entity.Edit{Properties: b.Properties, PropertiesRemove: b.PropertiesRemove, Note: b.Note}
	if len(root) > 0 {
		e.Properties = entity.CloneProperties(b.Properties)
		entity.Merge(e.Properties, root)
	}
	for _, r := range b.RelationshipsAdd {
		e.RelationshipsAdd = append(e.RelationshipsAdd, entity.RelationshipEdit{Relationship: r.relationship(), PropertiesRemove: r.PropertiesRemove})
	}
	for _, r := range b.RelationshipsRemove {
		e.RelationshipsRemove = append(e.RelationshipsRemove, entity.RelationshipRef{Predicate: r.Predicate, Peer: r.Peer})
	}
	return e
}

// createBody are the fields that every creation shares.
type createBody struct {
	Note          string             `json:"note" max:"10000"`
	Properties    entity.Properties  `json:"properties"`
	Relationships []relationshipBody `json:"relationships" max:"10000"`
}

// draft makes the entity that the body describes, a member of collection where
// that is not empty. Relationships with the same predicate and peer are one.
func (b createBody) draft(id entity.ID, typ string, collection entity.ID, root entity.Properties) (entity.Draft, error) {
	m := entity.Manifest{Properties: entity.CloneProperties(b.Properties), Relationships: []entity.Relationship{}}
	entity.Merge(m.Properties, root)
	var edits []entity.RelationshipEdit
	if collection != "" {
		edits = append(edits, entity.RelationshipEdit{Relationship: entity.Relationship{Predicate: entity.PredicateCollection, Peer: collection, PeerType: entity.TypeCollection}})
	}
	for _, r := range b.Relationships {
		edits = append(edits, entity.RelationshipEdit{Relationship: r.relationship()})
	}
	err := m.Relate(edits...)
	return entity.Draft{ID: id, Type: typ, Properties: m.Properties, Relationships: m.Relationships, Note: b.Note}, err
}

// given collects the optional text fields of a request that are there.
func given(fields map[string]*string) entity.Properties {
	p := entity.Properties{}
	for key, value := range fields {
		if value != nil {
			p[key] = *value
		}
	}
	return p
}
