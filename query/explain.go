package query

import (
	"fmt"
	"strings"

	"stemma/entity"
)

// Step is one step of a plan, for people.
type Step struct {
	Op       string // one of the steps' names below
	Detail   string
	Rows     int // how many entities it is thought to leave
	Position int // in the text, in bytes
	// NeedsScorer tells that likeness decides here; other steps are exact.
	NeedsScorer bool
}

// The names of steps.
const (
	StepFrontier = "frontier" // walk back from the last target to see what can lead to it
	StepIDs      = "ids"      // take the entities named
	StepTypes    = "types"    // take the entities of types
	StepMembers  = "members"  // take the entities of a collection
	StepSearch   = "search"   // take the entities most like a text
	StepFilter   = "filter"   // keep what satisfies conditions, in the order in which they are looked at
	StepRank     = "rank"     // score by likeness to a text
	StepForward  = "forward"  // hop from the candidates
	StepBackward = "backward" // hop from the named targets back to the candidates
	StepTop      = "top"      // sort and cut
	StepCount    = "count"    // give the number
)

// Explain plans the query on src and tells how it would be run. It needs no
// Scorer.
func (q *Query) Explain(src Source, opts Options) ([]Step, error) {
	p, err := q.Plan(src, opts)
	if err != nil {
		return nil, err
	}
	return p.Steps(), nil
}

// Steps tells how the plan is run, in order. Its numbers are the source's, also
// where it has to count them.
func (p *Plan) Steps() []Step {
	e := explainer{stats: statistics{src: p.src}}
	if p.entry.way == entryCount {
		n := e.stats.typeCount(p.entry.types)
		e.add(StepCount, "from the graph's statistics: "+p.query.Entry.String(), float64(n), p.query.Entry.Pos)
		return e.steps
	}
	if last := len(p.hops) - 1; p.frontier {
		h := p.hops[last]
		e.add(StepFrontier, fmt.Sprintf("walk back from %s over %d hops; what cannot lead there is left out below, and type:… is taken from the smaller side", h.Target, len(p.hops)), float64(len(h.Target.IDs)), h.Target.Pos)
	}
	rows := p.explainEntry(&e)
	for i := range p.hops {
		rows = p.explainHop(&e, i, rows)
	}
	if p.query.Count {
		e.add(StepCount, "of the entities found", 1, len(p.query.text))
		return e.steps
	}
	e.add(StepTop, fmt.Sprintf("%d by score, path length, id", p.opts.K), min(rows, float64(p.opts.K)), len(p.query.text))
	return e.steps
}

type explainer struct {
	stats statistics
	steps []Step
}

func (e *explainer) add(op, detail string, rows float64, pos int) *Step {
	e.steps = append(e.steps, Step{Op: op, Detail: detail, Rows: atLeastOne(rows), Position: pos})
	return &e.steps[len(e.steps)-1]
}

func (p *Plan) explainEntry(e *explainer) (rows float64) {
	q, at := p.query, p.query.Entry.Pos
	rest := p.unsettled()
	switch p.entry.way {
	case entryIDs:
		rows = float64(len(p.entry.ids))
		e.add(StepIDs, idList(p.entry.ids), rows, at)
	case entryText:
		rows = float64(min(p.exploring(), e.stats.nodes()))
		e.add(StepSearch, p.entry.search.describe(), rows, q.Entry.TextPos).NeedsScorer = true
	case entryMembers:
		rows = float64(e.stats.members(p.entry.match.collection))
		e.add(StepMembers, "of the collection "+string(p.entry.match.collection), rows, at)
	default:
		rows = float64(e.stats.typeCount(p.entry.types))
		e.add(StepTypes, strings.Join(p.entry.types, ", "), rows, at)
	}
	if d := rest.describe(); d != "" {
		rows = min(rows, float64(max(1, p.entryRows(e.stats))))
		e.add(StepFilter, d, rows, at)
	}
	if f := q.Filter; !f.Exact() {
		e.add(StepRank, "0.3 of the score so far and 0.7 of the likeness to "+quote(f.Text), rows, f.TextPos).NeedsScorer = true
	}
	return p.handedOn(rows, p.entry.ranked, len(p.hops) == 0)
}

func (p *Plan) explainHop(e *explainer, i int, rows float64) float64 {
	h := &p.hops[i]
	first := rows * e.stats.fan(h)
	if i == 0 && p.entry.way == entryIDs {
		first = e.stats.degrees(&h.rel, p.entry.ids, h.Direction)
	}
	_, reached := h.spread(e.stats, first)
	op, detail := StepForward, h.describe()
	if h.backward {
		op = StepBackward
	}
	if h.rel.none {
		reached = 0
	}
	s := e.add(op, detail, reached, h.Pos)
	s.NeedsScorer = h.rel.fuzzy != nil
	rows = reached
	if d := h.match.describe(); d != "" {
		rows *= p.selectivity(e.stats, &h.match)
		if h.fixed() {
			rows = min(reached, float64(len(h.Target.IDs)))
		}
		e.add(StepFilter, d, rows, h.Target.Pos)
	}
	if h.text != "" {
		e.add(StepRank, "by the likeness to "+quote(h.text)+", of which there must be some", rows, h.Target.TextPos).NeedsScorer = true
	}
	return p.handedOn(rows, h.ranked, i == len(p.hops)-1)
}

// handedOn is what a stage leaves to the next.
func (p *Plan) handedOn(rows float64, ranked, last bool) float64 {
	if ranked && !last {
		return min(rows, float64(p.opts.KExplore))
	}
	return rows
}

func (s *Search) describe() string {
	d := "like " + quote(s.Text)
	if len(s.Types) > 0 {
		d += " of " + strings.Join(s.Types, ", ")
	}
	return d + map[ScopeKind]string{
		ScopeDefault: ", in related collections first", ScopeDiscover: ", in related collections first",
		ScopeCollections: ", among the collections", ScopeCollection: ", in the collection " + string(s.Collection),
		ScopePublic: ", in the public domain",
	}[s.Scope]
}

// describe lists the checks in the order in which they are made.
func (m *matcher) describe() string {
	var checks []string
	if m.ids != nil {
		checks = append(checks, "one of "+idList(sorted(m.ids)))
	}
	for _, t := range m.types {
		checks = append(checks, t.describe())
	}
	if m.collection != "" {
		checks = append(checks, "in the collection "+string(m.collection))
	}
	for _, c := range m.where {
		checks = append(checks, c.String())
	}
	return strings.Join(checks, ", then ")
}

func (h *hopPlan) describe() string {
	bare := *h.Hop
	bare.Target = nil
	d := bare.String()
	switch {
	case h.rel.none:
		return d + ", which no relationship has"
	case h.rel.fuzzy != nil:
		return d + ", any relationship by its likeness to " + strings.Join(h.rel.fuzzy, ", ")
	}
	return d
}

func idList(ids []entity.ID) string {
	const most = 5
	var b strings.Builder
	for i, id := range ids {
		if i == most {
			fmt.Fprintf(&b, " and %d more", len(ids)-most)
			break
		}
		b.WriteString(comma(i, ", ") + "@" + string(id))
	}
	return b.String()
}
