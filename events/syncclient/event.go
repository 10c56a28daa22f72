package syncclient

import (
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"stemma/entity"
)

// Event is one change of one entity or chain.
type Event struct {
	ID         entity.Seq
	Entity     entity.ID
	CID        entity.CID // of the version made; of a chain, of the block
	At         time.Time  // of the commit; for people, never for order
	Kind       entity.ChangeKind
	Type       string // of the entity, after the change
	Ver        int64  // the version made; of a chain, the position of the block
	Chain      string // "" for a version
	Collection entity.ID
	Actor      entity.Actor
}

// Batch is the next events of a feed.
type Batch struct {
	Events []Event
	// Cursor is where to go on: store it with the effects of Events.
	Cursor Cursor
	// Latest is the newest change that the server had.
	Latest entity.Seq
	// Withheld is how many changes between the cursors the caller may not view.
	Withheld int
	// More tells that there are more already. When it is false one is up to date.
	More bool
}

// Filter says which events are wanted: those that pass every field that is
// set. The zero value wants everything, blocks of chains included.
type Filter struct {
	Types       []string
	Collections []entity.ID // a collection is in itself
	Entities    []entity.ID
	Kinds       []entity.ChangeKind
}

// all tells whether nothing is refused, so that numbers are dense.
func (f Filter) all() bool {
	return len(f.Types)+len(f.Collections)+len(f.Entities)+len(f.Kinds) == 0
}

// every kind by name: without them the server leaves out blocks of chains.
var everyKind = []entity.ChangeKind{entity.Created, entity.Updated, entity.Deleted, entity.Restored, entity.Appended}

func (f Filter) query() url.Values {
	kinds := f.Kinds
	if len(kinds) == 0 {
		kinds = everyKind
	}
	q := url.Values{"kind": {join(kinds, entity.ChangeKind.String)}}
	set := func(name, list string) {
		if list != "" {
			q.Set(name, list)
		}
	}
	set("type", strings.Join(f.Types, ","))
	set("collection", join(f.Collections, asText))
	set("entity", join(f.Entities, asText))
	return q
}

func asText(id entity.ID) string { return string(id) }

func join[T any](list []T, text func(T) string) string {
	parts := make([]string, len(list))
	for i, x := range list {
		parts[i] = text(x)
	}
	return strings.Join(parts, ",")
}

// page is an answer of GET /events.
type page struct {
	Events []struct {
		ID           entity.Seq   `json:"id"`
		EntityID     entity.ID    `json:"entity_id"`
		CID          string       `json:"cid"`
		TS           time.Time    `json:"ts"`
		Kind         string       `json:"kind"`
		Type         string       `json:"type"`
		Ver          int64        `json:"ver"`
		Chain        string       `json:"chain"`
		CollectionID entity.ID    `json:"collection_id"`
		Actor        entity.Actor `json:"actor"`
	} `json:"events"`
	HasMore *bool       `json:"has_more"`
	Cursor  *entity.Seq `json:"cursor"`
	Latest  *entity.Seq `json:"latest"`

	Withheld int `json:"withheld"`
}

// readPage reads an answer; its order is not looked at.
func readPage(op string, text []byte) (b Batch, err error) {
	var p page
	if err := json.Unmarshal(text, &p); err != nil {
		return b, untrue(op, ErrAnswer, "what the server answered to GET /events is no page of events (%v); is it a Stemma server?", err)
	}
	if p.HasMore == nil || p.Cursor == nil || p.Latest == nil {
		return b, untrue(op, ErrAnswer, "a page of events without has_more, cursor or latest; is it a Stemma server?")
	}
	b = Batch{Events: make([]Event, len(p.Events)), Cursor: Cursor{Seq: *p.Cursor}, Latest: *p.Latest, Withheld: p.Withheld, More: *p.HasMore}
	for i := range p.Events {
		e := &p.Events[i]
		b.Events[i] = Event{ID: e.ID, Entity: e.EntityID, At: e.TS, Type: e.Type, Ver: e.Ver, Chain: e.Chain, Collection: e.CollectionID, Actor: e.Actor}
		var known bool
		if b.Events[i].Kind, known = entity.ParseChangeKind(e.Kind); !known {
			return b, untrue(op, ErrAnswer, "event %d is of the kind %q, which this client does not know; use a newer one", e.ID, e.Kind)
		}
		if b.Events[i].CID, err = entity.ParseCID(e.CID); err != nil {
			return b, untrue(op, ErrAnswer, "event %d names no block: %v", e.ID, err)
		}
	}
	return b, nil
}
