package versions

import (
	"maps"
	"slices"

	"stemma/entity"
)

// Pair is two versions to compare. From is nil when To is version 1 and no
// other was named: then everything in it is new.
type Pair struct{ From, To *entity.Version }

// Meta says which version one side of a diff is.
type Meta struct {
	CID entity.CID `json:"cid"`
	Ver int64      `json:"ver"`
	TS  string     `json:"ts"` // entity.TimeLayout
}

// MetaOf describes a version; nil for nil.
func MetaOf(v *entity.Version) *Meta {
	if v == nil {
		return nil
	}
	return &Meta{CID: v.CID, Ver: v.Manifest.Ver, TS: entity.FormatMillis(v.Manifest.TS)}
}

// Diff finds the two versions to compare. An undefined to is the tip; an
// undefined from is the version before to. Either may be the older one.
//
// The error is KindInvalid for a version of another entity, KindNotFound for
// an unknown entity or version.
func Diff(r Reader, id entity.ID, from, to entity.CID) (Pair, error) {
	const op = "versions.Diff"
	head, err := r.Head(id)
	if err != nil {
		return Pair{}, err
	}
	if !to.Defined() {
		to = head.CID()
	}
	var p Pair
	if p.To, err = find(r, op, id, to); err != nil {
		return Pair{}, err
	}
	if !from.Defined() {
		if from = p.To.Manifest.PrevCID(); !from.Defined() {
			return p, nil
		}
	}
	if p.From, err = find(r, op, id, from); err != nil {
		return Pair{}, err
	}
	return p, nil
}

// Changes is what differs between two versions, for people: properties by
// their top-level key, relationships by predicate and peer. The order of
// relationships is not a difference here; in a [Patch] it is.
type Changes struct {
	Type          *Change             `json:"type,omitempty"` // nil when the type is the same
	Properties    PropertiesChanges   `json:"properties"`
	Relationships RelationshipChanges `json:"relationships"`
}

// Change is a value before and after.
type Change struct {
	From any `json:"from"`
	To   any `json:"to"`
}

// PropertiesChanges are those of the properties, by top-level key.
type PropertiesChanges struct {
	Added   map[string]any    `json:"added"`
	Removed map[string]any    `json:"removed"` // with their old values
	Changed map[string]Change `json:"changed"`
}

// RelationshipChanges are those of the relationships, in the order of To, the
// removed ones in the order of From.
type RelationshipChanges struct {
	Added   []entity.Relationship `json:"added"`
	Removed []entity.Relationship `json:"removed"`
	Changed []RelationshipChange  `json:"changed"`
}

// RelationshipChange is a relationship that both versions have, as To has it.
type RelationshipChange struct {
	Predicate  entity.Predicate `json:"predicate"`
	Peer       entity.ID        `json:"peer"`
	PeerType   string           `json:"peer_type,omitempty"`
	PeerLabel  string           `json:"peer_label,omitempty"`
	Was        *Peer            `json:"was,omitempty"`        // nil when type and label are the same
	Properties *Change          `json:"properties,omitempty"` // nil when they are the same; both sides are objects
}

// Peer is what a relationship said of its peer.
type Peer struct {
	PeerType  string `json:"peer_type,omitempty"`
	PeerLabel string `json:"peer_label,omitempty"`
}

// Semantic compares two versions. A nil from is an entity without content. No
// map or slice in the answer is nil.
func Semantic(from, to *entity.Manifest) Changes {
	if from == nil {
		from = &entity.Manifest{Type: to.Type}
	}
	c := Changes{Properties: compareProperties(from.Properties, to.Properties), Relationships: compareRelationships(from.Relationships, to.Relationships)}
	if from.Type != to.Type {
		c.Type = &Change{From: from.Type, To: to.Type}
	}
	return c
}

func compareProperties(from, to entity.Properties) PropertiesChanges {
	c := PropertiesChanges{Added: map[string]any{}, Removed: map[string]any{}, Changed: map[string]Change{}}
	for k, was := range from {
		is, kept := to[k]
		switch {
		case !kept:
			c.Removed[k] = was
		case !entity.EqualValues(was, is):
			c.Changed[k] = Change{From: was, To: is}
		}
	}
	for k, is := range to {
		if _, had := from[k]; !had {
			c.Added[k] = is
		}
	}
	return c
}

// edgeKey is what a relationship is known by.
type edgeKey struct {
	predicate entity.Predicate
	peer      entity.ID
}

func keyOf(r entity.Relationship) edgeKey { return edgeKey{r.Predicate, r.Peer} }

func byKey(rels []entity.Relationship) map[edgeKey]entity.Relationship {
	m := make(map[edgeKey]entity.Relationship, len(rels))
	for _, r := range rels {
		m[keyOf(r)] = r
	}
	return m
}

func compareRelationships(from, to []entity.Relationship) RelationshipChanges {
	c := RelationshipChanges{Added: []entity.Relationship{}, Removed: []entity.Relationship{}, Changed: []RelationshipChange{}}
	before, after := byKey(from), byKey(to)
	for _, r := range from {
		if _, kept := after[keyOf(r)]; !kept {
			c.Removed = append(c.Removed, r)
		}
	}
	for _, is := range to {
		was, had := before[keyOf(is)]
		if !had {
			c.Added = append(c.Added, is)
		} else if change, differs := compareRelationship(was, is); differs {
			c.Changed = append(c.Changed, change)
		}
	}
	return c
}

func compareRelationship(was, is entity.Relationship) (c RelationshipChange, differs bool) {
	c = RelationshipChange{Predicate: is.Predicate, Peer: is.Peer, PeerType: is.PeerType, PeerLabel: is.PeerLabel}
	if was.PeerType != is.PeerType || was.PeerLabel != is.PeerLabel {
		c.Was = &Peer{PeerType: was.PeerType, PeerLabel: was.PeerLabel}
	}
	if !maps.EqualFunc(was.Properties, is.Properties, entity.EqualValues) {
		c.Properties = &Change{From: orEmpty(was.Properties), To: orEmpty(is.Properties)}
	}
	return c, c.Was != nil || c.Properties != nil
}

func orEmpty(p entity.Properties) entity.Properties {
	if p == nil {
		return entity.Properties{}
	}
	return p
}

// sortedKeys are the keys of both maps, ascending.
func sortedKeys(a, b map[string]any) []string {
	keys := slices.AppendSeq(make([]string, 0, len(a)+len(b)), maps.Keys(a))
	keys = slices.AppendSeq(keys, maps.Keys(b))
	slices.Sort(keys)
	return slices.Compact(keys)
}
