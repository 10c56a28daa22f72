package agent

import (
	"context"
	"fmt"
	"net/http"

	"stemma/entity"
)

const typeSummary = "summary" // of the entity that a summary is

// How much a summary tells.
const (
	mostTerms     = 20
	mostConnected = 10
)

// summarise counts what is in the target and writes that down beside it.
func summarise(ctx context.Context, w *worker) (map[string]any, error) {
	ids, err := w.api.members(ctx, w.job.Target)
	if err != nil {
		return nil, err
	}
	types, terms, links := map[string]int{}, map[string]int{}, map[string]int{}
	labels := map[entity.ID]string{}
	inside := make(map[entity.ID]bool, len(ids))
	for _, id := range ids {
		inside[id] = true
	}
	err = w.each(ctx, "reading", ids, func(e Entity) error {
		types[e.Type]++
		labels[e.ID] = e.label()
		texts(e.Properties, func(text string) {
			for _, word := range words(text) {
				if telling(word) {
					terms[word]++
				}
			}
		})
		for _, r := range e.Relationships {
			if inside[r.Peer] && r.Peer != e.ID {
				links[string(e.ID)]++
				links[string(r.Peer)]++
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var target Entity
	if err := w.api.do(ctx, http.MethodGet, "/collections/"+string(w.job.Target), nil, &target); err != nil {
		return nil, err
	}
	props := map[string]any{"label": "Summary of " + target.label(), "entities": len(labels), "types": types, "terms": namedCounts("term", top(terms, mostTerms)), "job": w.job.ID}
	var connected []map[string]any
	for _, c := range top(links, mostConnected) {
		connected = append(connected, map[string]any{"id": c.name, "label": labels[entity.ID(c.name)], "links": c.n})
	}
	props["most_connected"] = connected
	props["text"] = fmt.Sprintf("%d entities of %d types in %s", len(labels), len(types), target.label())
	var made Entity
	err = w.api.do(ctx, http.MethodPost, "/entities", map[string]any{
		"type": typeSummary, "collection": w.job.Target, "properties": props,
		"relationships": []any{map[string]any{"predicate": "summarises", "peer": w.job.Target, "peer_type": entity.TypeCollection}},
	}, &made)
	if err != nil {
		return nil, err
	}
	return map[string]any{"summary": made.ID, "entities": len(labels), "types": types}, nil
}

func namedCounts(name string, list []count) []map[string]any {
	out := []map[string]any{}
	for _, c := range list {
		out = append(out, map[string]any{name: c.name, "count": c.n})
	}
	return out
}
