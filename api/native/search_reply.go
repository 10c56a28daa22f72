package native

import (
	"stemma/entity"
	"stemma/query/search"
)

// SearchResultItem is a hit.
type SearchResultItem struct {
	PI           entity.ID         `json:"pi"`
	ID           entity.ID         `json:"id"`
	Type         string            `json:"type"`
	Label        string            `json:"label"`
	CollectionPI *entity.ID        `json:"collection_pi"`
	CollectionID *entity.ID        `json:"collection_id"`
	Score        float64           `json:"score" doc:"0 to 1, comparable between collections"`
	Status       string            `json:"status,omitempty" doc:"of an agent that says so"`
	CreatedAt    string            `json:"created_at"`
	UpdatedAt    string            `json:"updated_at"`
	Highlights   []SearchHighlight `json:"highlights,omitempty"`
	Preview      *EntityPreview    `json:"entity_preview,omitempty"`
	Entity       *EntityResponse   `json:"entity,omitempty"`
}

// SearchHighlight is a piece of text in which words were found.
type SearchHighlight struct {
	Field string                `json:"field" doc:"label, description, the path of a property, or content"`
	Text  string                `json:"text"`
	Parts []SearchHighlightPart `json:"parts" doc:"the text again, cut at what was found"`
}

// SearchHighlightPart is a part of a highlight's text.
type SearchHighlightPart struct {
	Text  string `json:"text"`
	Match bool   `json:"match,omitempty"`
}

// SearchMetadata says how an answer came about. Which fields are there depends on
// the search.
type SearchMetadata struct {
	Query               string      `json:"query,omitempty"`
	SourcePI            entity.ID   `json:"source_pi,omitempty"`
	SourceID            entity.ID   `json:"source_id,omitempty"`
	CollectionPIs       []entity.ID `json:"collection_pis,omitempty"`
	CollectionIDs       []entity.ID `json:"collection_ids,omitempty"`
	Scope               string      `json:"scope,omitempty"`
	CollectionsSearched *int        `json:"collections_searched,omitempty"`
	CollectionsQueried  *int        `json:"collections_queried,omitempty"`
	CollectionsTotal    *int        `json:"collections_total,omitempty"`
	IncludePublic       *bool       `json:"include_public,omitempty"`
	ResultCount         int         `json:"result_count"`
	Cached              *bool       `json:"cached,omitempty" doc:"always false"`
	Missing             []string    `json:"missing,omitempty" doc:"parts of the search that could not answer"`
	Cursor              entity.Seq  `json:"cursor" doc:"the last change that was searched"`
	ExecutionTimeMS     float64     `json:"execution_time_ms"`
}

// like names what the hits are like.
func (m *SearchMetadata) like(id entity.ID) {
	m.SourcePI, m.SourceID, m.Cached = id, id, new(bool)
}

func (m *SearchMetadata) searched(n int) { m.CollectionsSearched = &n }

// SearchResponse is the answer of a search, best first.
type SearchResponse struct {
	Results  []SearchResultItem `json:"results"`
	Metadata SearchMetadata     `json:"metadata"`
}

// search renders hits as they are in the state read. The index may be newer: what
// is not in that state is left out.
func (x *expander) search(found search.Results) (out SearchResponse, err error) {
	out.Results = make([]SearchResultItem, 0, len(found.Hits))
	for i := range found.Hits {
		hit := &found.Hits[i]
		h, err := x.r.Head(hit.ID)
		if err != nil || h.Deleted {
			if err = unlessKind(err, entity.KindNotFound); err != nil {
				return out, err
			}
			continue
		}
		item := SearchResultItem{
			PI: h.ID, ID: h.ID, Type: h.Type, Label: h.Label, Score: hit.Score,
			CreatedAt: entity.FormatMillis(h.CreatedAt), UpdatedAt: entity.FormatMillis(h.TS), Highlights: highlights(hit.Highlights),
		}
		if h.Collection != "" {
			item.CollectionPI, item.CollectionID = &h.Collection, &h.Collection
		}
		if h.Type == entity.TypeAgent {
			v, err := x.version(h.ID)
			if err != nil {
				return out, err
			}
			item.Status, _ = v.Manifest.Properties["status"].(string)
		}
		if item.Preview, item.Entity, err = x.expand(h.ID); err != nil {
			return out, err
		}
		out.Results = append(out.Results, item)
	}
	return out, nil
}

func highlights(found []search.Highlight) []SearchHighlight {
	out := make([]SearchHighlight, len(found))
	for i, h := range found {
		out[i] = SearchHighlight{Field: h.Field, Text: h.Text}
		at := 0
		add := func(to int, match bool) {
			if at < to {
				out[i].Parts = append(out[i].Parts, SearchHighlightPart{h.Text[at:to], match})
				at = to
			}
		}
		for _, s := range h.Spans {
			add(s.From, false)
			add(s.To, true)
		}
		add(len(h.Text), false)
	}
	return out
}
