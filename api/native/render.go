package native

import (
	"context"
	"strconv"
	"strings"

	"stemma/api/wire"
	"stemma/entity"
)

// EntityResponse is an entity's version as every route answers it. Fields
// after EditedBy are there only in the answers that have them.
type EntityResponse struct {
	ID              entity.ID              `json:"id"`
	CID             string                 `json:"cid" doc:"the version's content identifier: the tip to expect in the next edit"`
	Type            string                 `json:"type"`
	Properties      entity.Properties      `json:"properties"`
	Relationships   []RelationshipResponse `json:"relationships"`
	Ver             int64                  `json:"ver"`
	CreatedAt       string                 `json:"created_at"`
	TS              int64                  `json:"ts" doc:"time of this version, milliseconds since 1970"`
	EditedBy        EditedBy               `json:"edited_by"`
	PrevCID         string                 `json:"prev_cid,omitempty"`
	RestoredFromVer int64                  `json:"restored_from_ver,omitempty"`
	RootEntityID    entity.ID              `json:"root_entity_id,omitempty"`
	Expansion       *ExpansionMetadata     `json:"_expansion_metadata,omitempty"`
	Warnings        []AgentWarning         `json:"warnings,omitempty" doc:"of an agent: what is wrong with those that it uses"`
}

// EditedBy is who made a version; the labels are filled when relationships are
// expanded.
type EditedBy struct {
	UserID          entity.ID `json:"user_id"`
	UserLabel       string    `json:"user_label,omitempty"`
	Method          string    `json:"method"`
	OnBehalfOf      entity.ID `json:"on_behalf_of,omitempty"`
	OnBehalfOfLabel string    `json:"on_behalf_of_label,omitempty"`
}

// RelationshipResponse is a relationship, with its peer where that was asked
// for.
type RelationshipResponse struct {
	Predicate   entity.Predicate  `json:"predicate"`
	Peer        entity.ID         `json:"peer"`
	PeerType    string            `json:"peer_type,omitempty"`
	PeerLabel   string            `json:"peer_label,omitempty" doc:"as it was when the relationship was written"`
	Properties  entity.Properties `json:"properties,omitempty"`
	PeerPreview *EntityPreview    `json:"peer_preview,omitempty"`
	PeerEntity  *EntityResponse   `json:"peer_entity,omitempty"`
}

// EntityPreview is an entity in short.
type EntityPreview struct {
	ID                 entity.ID `json:"id"`
	PI                 entity.ID `json:"pi"`
	Type               string    `json:"type"`
	Label              string    `json:"label"`
	CollectionPI       entity.ID `json:"collection_pi,omitempty"`
	CollectionID       entity.ID `json:"collection_id,omitempty"`
	DescriptionPreview string    `json:"description_preview,omitempty"`
	TextPreview        string    `json:"text_preview,omitempty"`
	CreatedAt          string    `json:"created_at"`
	UpdatedAt          string    `json:"updated_at"`
}

func respond(c entity.CID, m *entity.Manifest) *EntityResponse {
	e := &EntityResponse{
		ID: m.ID, CID: c.String(), Type: m.Type, Properties: m.Properties, Ver: m.Ver, CreatedAt: m.CreatedAt, TS: m.TS,
		Relationships: make([]RelationshipResponse, len(m.Relationships)),
		EditedBy:      EditedBy{UserID: m.EditedBy.UserID, Method: m.EditedBy.Method, OnBehalfOf: m.EditedBy.OnBehalfOf},
	}
	for i, r := range m.Relationships {
		e.Relationships[i] = RelationshipResponse{Predicate: r.Predicate, Peer: r.Peer, PeerType: r.PeerType, PeerLabel: r.PeerLabel, Properties: r.Properties}
	}
	if m.Prev != nil {
		e.PrevCID = m.Prev.String()
	}
	return e
}

func respondVersion(v *entity.Version) *EntityResponse { return respond(v.CID, v.Manifest) }

// replyVersion is the answer to a write of one entity.
func replyVersion(v *entity.Version) *wire.Reply {
	return wire.OK(respondVersion(v)).WithETag(wire.ETag(v.CID))
}

// AppendJSON writes the answer without reflection: it is the hot one.
func (e *EntityResponse) AppendJSON(b []byte) []byte {
	b = append(b, `{"id":`...)
	b = wire.AppendString(b, string(e.ID))
	b = append(b, `,"cid":`...)
	b = wire.AppendString(b, e.CID)
	b = append(b, `,"type":`...)
	b = wire.AppendString(b, e.Type)
	b = append(b, `,"properties":`...)
	b = wire.AppendValue(b, e.Properties)
	b = append(b, `,"relationships":[`...)
	for i := range e.Relationships {
		if i > 0 {
			b = append(b, ',')
		}
		b = e.Relationships[i].AppendJSON(b)
	}
	b = append(b, `],"ver":`...)
	b = strconv.AppendInt(b, e.Ver, 10)
	b = append(b, `,"created_at":`...)
	b = wire.AppendString(b, e.CreatedAt)
	b = append(b, `,"ts":`...)
	b = strconv.AppendInt(b, e.TS, 10)
	b = append(b, `,"edited_by":{"user_id":`...)
	b = wire.AppendString(b, string(e.EditedBy.UserID))
	b = appendOptional(b, "user_label", e.EditedBy.UserLabel)
	b = append(b, `,"method":`...)
	b = wire.AppendString(b, e.EditedBy.Method)
	b = appendOptional(b, "on_behalf_of", string(e.EditedBy.OnBehalfOf))
	b = appendOptional(b, "on_behalf_of_label", e.EditedBy.OnBehalfOfLabel)
	b = append(b, '}')
	b = appendOptional(b, "prev_cid", e.PrevCID)
	if e.RestoredFromVer != 0 {
		b = append(b, `,"restored_from_ver":`...)
		b = strconv.AppendInt(b, e.RestoredFromVer, 10)
	}
	b = appendOptional(b, "root_entity_id", string(e.RootEntityID))
	if e.Expansion != nil {
		b = append(b, `,"_expansion_metadata":`...)
		b = e.Expansion.appendJSON(b)
	}
	if len(e.Warnings) > 0 {
		b = append(b, `,"warnings":[`...)
		for i, w := range e.Warnings {
			if i > 0 {
				b = append(b, ',')
			}
			b = w.AppendJSON(b)
		}
		b = append(b, ']')
	}
	return append(b, '}')
}

// MarshalJSON lets the answer stand inside others that encoding/json writes.
func (e *EntityResponse) MarshalJSON() ([]byte, error) { return e.AppendJSON(nil), nil }

// AppendJSON writes a relationship.
func (r *RelationshipResponse) AppendJSON(b []byte) []byte {
	b = append(b, `{"predicate":`...)
	b = wire.AppendString(b, string(r.Predicate))
	b = append(b, `,"peer":`...)
	b = wire.AppendString(b, string(r.Peer))
	b = appendOptional(b, "peer_type", r.PeerType)
	b = appendOptional(b, "peer_label", r.PeerLabel)
	if len(r.Properties) > 0 {
		b = append(b, `,"properties":`...)
		b = wire.AppendValue(b, r.Properties)
	}
	if r.PeerPreview != nil {
		b = append(b, `,"peer_preview":`...)
		b = r.PeerPreview.AppendJSON(b)
	}
	if r.PeerEntity != nil {
		b = append(b, `,"peer_entity":`...)
		b = r.PeerEntity.AppendJSON(b)
	}
	return append(b, '}')
}

// AppendJSON writes a preview.
func (p *EntityPreview) AppendJSON(b []byte) []byte {
	b = append(b, `{"id":`...)
	b = wire.AppendString(b, string(p.ID))
	b = append(b, `,"pi":`...)
	b = wire.AppendString(b, string(p.ID))
	b = append(b, `,"type":`...)
	b = wire.AppendString(b, p.Type)
	b = append(b, `,"label":`...)
	b = wire.AppendString(b, p.Label)
	b = appendOptional(b, "collection_pi", string(p.CollectionID))
	b = appendOptional(b, "collection_id", string(p.CollectionID))
	b = appendOptional(b, "description_preview", p.DescriptionPreview)
	b = appendOptional(b, "text_preview", p.TextPreview)
	b = append(b, `,"created_at":`...)
	b = wire.AppendString(b, p.CreatedAt)
	b = append(b, `,"updated_at":`...)
	b = wire.AppendString(b, p.UpdatedAt)
	return append(b, '}')
}

func appendOptional(b []byte, key, value string) []byte {
	if value == "" {
		return b
	}
	b = append(b, ',', '"')
	b = append(b, key...)
	b = append(b, '"', ':')
	return wire.AppendString(b, value)
}

func preview(m *entity.Manifest) *EntityPreview {
	c := m.Collection()
	return &EntityPreview{
		ID: m.ID, PI: m.ID, Type: m.Type, Label: m.Label(), CollectionPI: c, CollectionID: c,
		DescriptionPreview: cut(m.Properties["description"]), TextPreview: cut(m.Properties["text"]),
		CreatedAt: m.CreatedAt, UpdatedAt: entity.FormatMillis(m.TS),
	}
}

// cut shortens a text property to 200 characters and an ellipsis.
func cut(v any) string {
	const most = 200
	s, _ := v.(string)
	n := 0
	for i := range s {
		if n == most {
			return s[:i] + "..."
		}
		n++
	}
	return s
}

// expansion is how much of an entity an answer carries beside its name.
type expansion string

const (
	expandNone    expansion = "none"
	expandPreview expansion = "preview"
	expandFull    expansion = "full"
)

// expander reads entities for expansion, each once per answer. What is deleted
// or unknown has no expansion.
type expander struct {
	r    entity.Reader
	mode expansion
	seen map[entity.ID]*entity.Version
}

func newExpander(r entity.Reader, mode string) *expander {
	if mode == "" {
		mode = string(expandPreview)
	}
	return &expander{r: r, mode: expansion(mode), seen: make(map[entity.ID]*entity.Version)}
}

func (x *expander) version(id entity.ID) (*entity.Version, error) {
	if v, ok := x.seen[id]; ok {
		return v, nil
	}
	h, err := x.r.Head(id)
	if entity.KindOf(err) == entity.KindNotFound && err != nil || err == nil && h.Deleted {
		x.seen[id] = nil
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	m, err := x.r.Manifest(h.CID())
	if err != nil {
		return nil, err
	}
	v := &entity.Version{CID: h.CID(), Manifest: m}
	x.seen[id] = v
	return v, nil
}

// expand gives the preview or the full entity of id, by the mode; both nil
// where there is none.
func (x *expander) expand(id entity.ID) (*EntityPreview, *EntityResponse, error) {
	if x.mode == expandNone {
		return nil, nil, nil
	}
	v, err := x.version(id)
	if err != nil || v == nil {
		return nil, nil, err
	}
	if x.mode == expandFull {
		return nil, respondVersion(v), nil
	}
	return preview(v.Manifest), nil, nil
}

// ExpansionMetadata says how many relationships were expanded, when not all.
type ExpansionMetadata struct {
	Total     int  `json:"total_relationships"`
	Expanded  int  `json:"expanded_count"`
	Truncated bool `json:"truncated"`
	Limit     int  `json:"expand_limit"`
}

func (x *ExpansionMetadata) appendJSON(b []byte) []byte {
	b = append(b, `{"total_relationships":`...)
	b = strconv.AppendInt(b, int64(x.Total), 10)
	b = append(b, `,"expanded_count":`...)
	b = strconv.AppendInt(b, int64(x.Expanded), 10)
	b = append(b, `,"truncated":true,"expand_limit":`...)
	b = strconv.AppendInt(b, int64(x.Limit), 10)
	return append(b, '}')
}

// relationshipMode reads expand=relationships[:preview|full] of GET
// /entities/{id}; "" asks for none.
func relationshipMode(expand string) (expansion, error) {
	what, mode, _ := strings.Cut(expand, ":")
	switch {
	case expand == "" || expand == "none":
		return expandNone, nil
	case what != "relationships" || mode != "" && mode != "preview" && mode != "full":
		return "", invalidField("must be relationships, relationships:preview or relationships:full", "expand")
	case mode == "full":
		return expandFull, nil
	}
	return expandPreview, nil
}

// expandRelationships fills in peers of an entity, at most limit of them, and
// the labels of who edited it.
func (s *Service) expandRelationships(_ context.Context, r entity.Reader, e *EntityResponse, mode expansion, limit int) error {
	x := newExpander(r, string(mode))
	for i := range e.Relationships {
		rel := &e.Relationships[i]
		if i == limit {
			e.Expansion = &ExpansionMetadata{Total: len(e.Relationships), Expanded: limit, Truncated: true, Limit: limit}
			break
		}
		if rel.Peer == entity.Wildcard {
			continue
		}
		var err error
		if rel.PeerPreview, rel.PeerEntity, err = x.expand(rel.Peer); err != nil {
			return err
		}
	}
	label := func(id entity.ID) string {
		v, err := x.version(id)
		if id == "" || err != nil || v == nil {
			return ""
		}
		return v.Manifest.Label()
	}
	e.EditedBy.UserLabel = label(e.EditedBy.UserID)
	e.EditedBy.OnBehalfOfLabel = label(e.EditedBy.OnBehalfOf)
	return nil
}
