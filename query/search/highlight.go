package search

import (
	"context"

	"stemma/entity"
	"stemma/query/search/fulltext"
)

// maxHighlights bounds the highlights of a hit.
const maxHighlights = 3

// highlights are the pieces of an entity's text in which words of the query
// stand, those with the most of them first. A file's content is only looked at
// when its properties have none.
func (x *Index) highlights(ctx context.Context, m *entity.Manifest, words fulltext.Query) []Highlight {
	var out []Highlight
	marker := words.Marker(languageOf(m))
	mark := func(field, text string) {
		if len(out) == maxHighlights {
			return
		}
		if piece, spans := marker.Mark(text, MaxHighlight); len(spans) > 0 {
			h := Highlight{Field: field, Text: piece}
			for _, s := range spans {
				h.Spans = append(h.Spans, Span(s))
			}
			out = append(out, h)
		}
	}
	for _, p := range pieces(m, maxIndexed) {
		mark(p.field, p.text)
	}
	if len(out) == 0 {
		if content, err := x.content(ctx, m); err == nil && content != "" {
			mark(FieldContent, content)
		}
	}
	return out
}
