package agent

import (
	"context"
	"encoding/json"
	"regexp"
	"strings"

	"stemma/entity"
)

// Predicates of the relationships that linking adds.
const (
	mentions = "mentions"
	samePref = "same_" // and the name of the property
)

// mostWords bounds the words of a label that is looked for in texts; a label of
// one word has to be telling.
const mostWords = 6

// tie is a relationship to add.
type tie struct {
	predicate string
	peer      entity.ID
	label     string
}

// linker collects what is alike.
type linker struct {
	property string
	mentions bool
	byLabel  map[string]entity.ID // by words, joined; "" for a label that several have
	labels   map[entity.ID]string
	values   map[string]entity.ID // by value, the first that has it
}

// link adds relationships between entities of the target: to the first that has
// the same value of a property, and to whatever a text mentions by its label. It
// reads everything twice, first to know the labels.
func link(ctx context.Context, w *worker) (map[string]any, error) {
	in := w.job.Input
	l := &linker{property: in.Property, mentions: in.Mentions == nil || *in.Mentions, byLabel: map[string]entity.ID{}, labels: map[entity.ID]string{}, values: map[string]entity.ID{}}
	ids, err := w.api.members(ctx, w.job.Target)
	if err != nil {
		return nil, err
	}
	if err := w.each(ctx, "reading", ids, l.learn); err != nil {
		return nil, err
	}
	added, edited := 0, 0
	err = w.each(ctx, "linking", ids, func(e Entity) error {
		n, err := w.tie(ctx, e, l.of(e))
		added += n
		if n > 0 && err == nil {
			edited++
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return map[string]any{"entities": len(ids), "edited": edited, "relationships": added}, nil
}

// learn takes an entity's label in.
func (l *linker) learn(e Entity) error {
	label := e.label()
	l.labels[e.ID] = label
	parts := words(label)
	if len(parts) == 0 || len(parts) > mostWords || len(parts) == 1 && !telling(parts[0]) {
		return nil
	}
	key := strings.Join(parts, " ")
	if _, twice := l.byLabel[key]; twice {
		l.byLabel[key] = "" // nobody knows who is meant
		return nil
	}
	l.byLabel[key] = e.ID
	return nil
}

var predicateForm = regexp.MustCompile(`[^a-z0-9_]+`)

// of are the ties of an entity.
func (l *linker) of(e Entity) (out []tie) {
	if v, ok := e.Properties[l.property]; ok && l.property != "" {
		value, err := json.Marshal(v)
		if first, met := l.values[string(value)]; err == nil && met {
			predicate := samePref + predicateForm.ReplaceAllString(strings.ToLower(l.property), "_")
			out = append(out, tie{predicate[:min(len(predicate), 50)], first, l.labels[first]})
		} else if err == nil {
			l.values[string(value)] = e.ID
		}
	}
	if !l.mentions {
		return out
	}
	met := map[entity.ID]bool{e.ID: true, "": true}
	texts(e.Properties, func(text string) {
		parts := words(text)
		for i := range parts {
			for n := 1; n <= mostWords && i+n <= len(parts); n++ {
				id, ok := l.byLabel[strings.Join(parts[i:i+n], " ")]
				if ok && !met[id] {
					met[id] = true
					out = append(out, tie{mentions, id, l.labels[id]})
				}
			}
		}
	})
	return out
}

// tie adds those relationships that are not there.
func (w *worker) tie(ctx context.Context, e Entity, ties []tie) (added int, err error) {
	missing := func(e Entity) (out []any) {
		for _, t := range ties {
			m := entity.Manifest{Relationships: e.Relationships}
			if m.Related(entity.Predicate(t.predicate), t.peer) < 0 {
				out = append(out, map[string]any{"predicate": t.predicate, "peer": t.peer, "peer_label": t.label})
			}
		}
		return out
	}
	if len(missing(e)) == 0 {
		return 0, nil
	}
	edited, err := w.api.edit(ctx, "/entities/"+string(e.ID), func(now Entity) map[string]any {
		add := missing(now)
		added = len(add)
		if added == 0 {
			return nil
		}
		return map[string]any{"relationships_add": add, "note": "linked by " + w.job.ID}
	})
	if !edited {
		added = 0
	}
	return added, err
}
