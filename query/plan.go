package query

import (
	"slices"

	"stemma/entity"
)

// Plan is how a query will be run on one graph. It is immutable: any goroutine
// that may use the source may run it, any number of times.
type Plan struct {
	query    *Query
	src      Source
	stats    statistics // what it was chosen by
	opts     Options    // with defaults
	entry    entryPlan
	hops     []hopPlan
	resolved []Resolved
	frontier bool // first walk back from the last target's ids
}

// entryWay is how a query finds where it begins.
type entryWay uint8

const (
	entryIDs     entryWay = iota // named in the query
	entryTypes                   // every entity of some types
	entryMembers                 // every entity of a collection
	entryCount                   // none: the number is known
	entryText                    // the Scorer's candidates
)

type entryPlan struct {
	way    entryWay
	match  matcher // of entry and filter
	ids    []entity.ID
	types  []string
	search Search // of entryText
	ranked bool   // the Scorer has a say in the scores
}

type hopPlan struct {
	*Hop
	rel      relation
	match    matcher
	text     string // of the target
	backward bool   // from the target's ids to the candidates
	ranked   bool   // the Scorer has had a say up to here
}

// Plan decides how to run the query on src. It reads statistics only, and where
// there are none looks a little way into src. The error is of [entity.KindInvalid], for options out of bounds.
func (q *Query) Plan(src Source, opts Options) (*Plan, error) {
	if err := opts.check(); err != nil {
		return nil, err
	}
	p := &Plan{query: q, src: src, stats: statistics{src, !src.Counted()}, opts: opts.withDefaults(q.Limit)}
	p.planEntry()
	ranked := p.entry.ranked
	for i := range q.Hops {
		h := hopPlan{Hop: &q.Hops[i]}
		var how []Resolved
		h.rel, how = resolve(src, h.Hop, i+1)
		h.match.require(h.Target)
		if h.Target != nil {
			h.text = h.Target.Text
		}
		ranked = ranked || h.rel.fuzzy != nil || h.text != ""
		h.ranked = ranked
		p.hops = append(p.hops, h)
		p.resolved = append(p.resolved, how...)
	}
	p.choose()
	return p, nil
}

func (p *Plan) planEntry() {
	q, e := p.query, &p.entry
	e.match.require(&q.Entry)
	e.match.require(q.Filter)
	e.ranked = !q.Entry.Exact() || !q.Filter.Exact()
	scope := p.scope()
	switch {
	case !q.Entry.Exact():
		e.way, e.match.collection = entryText, scope.Collection
		e.search = Search{Text: q.Entry.Text, Scope: scope.Kind, Collection: scope.Collection}
		if !q.Entry.Not {
			e.search.Types = once(q.Entry.Types)
		}
	case len(q.Entry.IDs) > 0:
		e.way, e.ids = entryIDs, once(q.Entry.IDs)
	case q.Filter != nil && len(q.Filter.IDs) > 0:
		e.way, e.ids, e.match.collection = entryIDs, once(q.Filter.IDs), scope.Collection
	default:
		e.way, e.types, e.match.collection = entryTypes, once(q.Entry.Types), scope.Collection
		e.way = p.typesWay()
	}
}

// typesWay takes a type's entities from the smaller of two sides.
func (p *Plan) typesWay() entryWay {
	e := &p.entry
	switch {
	case e.match.collection != "" && p.stats.fewer(e.match.collection, e.types):
		return entryMembers
	case p.query.Count && len(p.query.Hops) == 0 && p.query.Filter == nil && !e.match.dear():
		return entryCount
	}
	return entryTypes
}

// scope is the query's, or the one the request came with. Text is searched in
// it, and a type's entities are taken from it; ids need none.
func (p *Plan) scope() Scope {
	if p.query.Scope.Kind == ScopeDefault && p.opts.Collection != "" {
		return Scope{Kind: ScopeCollection, Collection: p.opts.Collection}
	}
	return p.query.Scope
}

// collection is the one that the entry is restricted to, "" for none.
func (p *Plan) collection() entity.ID { return p.entry.match.collection }

// memberOf is how the graph holds what belongs to a collection.
var memberOf = []entity.Predicate{entity.PredicateCollection}

// missing is the error of a plan that needs what the options do not have. It
// points at the part and says what does without.
func (p *Plan) missing() error {
	q := p.query
	if p.opts.Scorer == nil {
		for _, s := range q.selectors() {
			if !s.Exact() {
				return p.notHere(s.TextPos, `looking for text like %s needs a search index, which this server does not have; begin or end at @id or type:name, or look inside a property, like type:person[label ~ %s]`, quote(s.Text), quote(s.Text))
			}
		}
		for i := range p.hops {
			if rel := &p.hops[i].rel; rel.fuzzy != nil {
				name := word(rel.fuzzy[0], false)
				return p.notHere(rel.pos, `the relation %s is fuzzy (no predicate in use has that name, or ~ asks for it), which needs a search index, which this server does not have; name a predicate in use, or write =%s for exactly that predicate`, name, name)
			}
		}
	}
	if p.opts.Lookup != nil {
		return nil
	}
	for _, s := range q.selectors() {
		if len(s.Where) > 0 {
			return p.notHere(s.Where[0].Pos, "properties cannot be read here; leave the filter [%s …] out", s.Where[0].String())
		}
	}
	if p.entry.match.collection != "" {
		return p.notHere(q.Entry.Pos, "collections cannot be looked up here; leave the scope out, or follow their relationships: @%s <-[=collection]-", p.entry.match.collection)
	}
	return nil
}

func (p *Plan) notHere(offset int, format string, args ...any) error {
	return errorAt(entity.KindNotImplemented, "query.Run", p.query.text, offset, format, args...)
}

// selectors are the parts that name entities, in the order of the text.
func (q *Query) selectors() []*Selector {
	all := []*Selector{&q.Entry}
	if q.Filter != nil {
		all = append(all, q.Filter)
	}
	for i := range q.Hops {
		if t := q.Hops[i].Target; t != nil {
			all = append(all, t)
		}
	}
	return all
}

// once is list without what it repeats, in order.
func once[T comparable](list []T) []T {
	var out []T
	for _, x := range list {
		if !slices.Contains(out, x) {
			out = append(out, x)
		}
	}
	return out
}
