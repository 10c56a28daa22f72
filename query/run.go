package query

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"stemma/entity"
)

// run is one execution of a plan, by one goroutine.
type run struct {
	*Plan
	ctx      context.Context
	spent    int    // of opts.MaxEdges
	allowed  int    // up to here, at most opts.MaxEdges
	sinceCtx int    // spent since ctx was last looked at
	stopped  string // why a bound was met, "" when none was
	explored int
	weights  map[*relation]map[entity.Predicate]float64
	// sets[i] holds every entity from which hops i and up can lead to the last
	// target; nil when nobody walked back.
	sets []map[entity.ID]bool
}

// errStop ends a stage early: what it has so far stands, and run.stopped says
// why there is no more.
var errStop = errors.New("query: a bound was met")

// Run answers the query on src: [Query.Plan] and [Plan.Run].
func (q *Query) Run(ctx context.Context, src Source, opts Options) (*Result, error) {
	p, err := q.Plan(src, opts)
	if err != nil {
		return nil, err
	}
	return p.Run(ctx)
}

// Run executes the plan. A deadline of ctx or the bound on edges cuts the
// answer short (Truncated); a ctx that is canceled is [entity.KindCanceled].
// [entity.KindNotImplemented] says which part needs a Scorer or Lookup that
// the options do not have. Other errors are those of Scorer and Lookup.
func (p *Plan) Run(ctx context.Context) (*Result, error) {
	if err := p.missing(); err != nil {
		return nil, err
	}
	begin := p.opts.Now()
	r := p.newRun(ctx)
	res, err := r.execute()
	if err != nil {
		return nil, err
	}
	m := &res.Meta
	m.Query, m.Hops, m.K, m.KExplore = p.query.String(), len(p.hops), p.opts.K, p.opts.KExplore
	m.Explored, m.Resolved, m.Collection = r.explored, p.resolved, p.collection()
	m.ExecutionTime = float64(p.opts.Now().Sub(begin)) / float64(time.Millisecond)
	if r.stopped != "" {
		m.Truncated, m.Reason = true, r.stopped
	}
	return res, nil
}

func (p *Plan) newRun(ctx context.Context) *run {
	return &run{Plan: p, ctx: ctx, allowed: p.opts.MaxEdges, weights: map[*relation]map[entity.Predicate]float64{}}
}

// execute goes through the stages.
func (r *run) execute() (*Result, error) {
	if err := r.checkContext(); err != nil && err != errStop {
		return nil, err
	}
	if r.entry.way == entryCount {
		return r.counted(statistics{src: r.src}.typeCount(r.entry.types)), nil
	}
	if r.frontier {
		if err := r.walkBack(); err != nil {
			return nil, err
		}
	}
	found, before, at, err := r.stages()
	if err == nil && len(found) == 0 && r.sets != nil && r.stopped == "" {
		// There is no path. Without the sets the stages tell where it breaks off.
		r.sets, r.explored = nil, 0
		found, before, at, err = r.stages()
	}
	if err != nil {
		return nil, err
	}
	res := r.listed(found)
	if len(found) == 0 {
		r.nothing(&res.Meta, before, at)
	}
	return res, nil
}

// stages runs entry and hops and gives the last candidates. When there are
// none, at is the stage that found none, 0 for the entry, and before the
// candidates that it had.
func (r *run) stages() (found, before []*candidate, at int, err error) {
	found, err = r.begin()
	for at = 0; ; at++ {
		if err != nil && err != errStop {
			return nil, nil, at, err
		}
		rank(found)
		if len(found) == 0 || at == len(r.hops) {
			return found, before, at, nil
		}
		if r.rankedAt(at) && len(found) > r.opts.KExplore {
			found = found[:r.opts.KExplore]
		}
		before = found
		found, err = r.hop(at, before)
	}
}

// rankedAt tells whether a Scorer has had a say in a stage's scores.
func (r *run) rankedAt(stage int) bool {
	if stage == 0 {
		return r.entry.ranked
	}
	return r.hops[stage-1].ranked
}

// listed is the answer of the candidates, best first.
func (r *run) listed(found []*candidate) *Result {
	if r.query.Count {
		return r.counted(len(found))
	}
	found = found[:min(len(found), r.opts.K)]
	res := &Result{Items: make([]Item, 0, len(found))}
	for _, c := range found {
		res.Items = append(res.Items, Item{ID: c.id, Type: c.typ, Path: c.path(r.src), Score: c.score})
	}
	return res
}

func (r *run) counted(n int) *Result {
	if r.query.Limit > 0 {
		n = min(n, r.query.Limit)
	}
	return &Result{Items: []Item{}, Count: &n}
}

// nothing says why there are no results.
func (r *run) nothing(m *Metadata, before []*candidate, at int) {
	m.StoppedAtHop = at
	if len(before) > 0 {
		m.PartialPath = before[0].path(r.src)
	}
	switch {
	case r.stopped != "": // not known to be nothing
	case at == 0:
		m.Error, m.Reason = NoEntryPoint, "no entity matches "+r.entryText()
	default:
		h := r.hops[at-1]
		m.Error, m.Reason = NoPathFound, fmt.Sprintf("hop %d, %s, leads nowhere from the %d candidates before it", at, h.Hop, len(before))
	}
}

func (r *run) entryText() string {
	q := r.query
	s := q.Entry.String()
	if q.Filter != nil {
		s += " " + q.Filter.String()
	}
	if c := r.collection(); c != "" && r.query.Scope.Kind == ScopeDefault {
		s += " in the collection " + string(c)
	}
	return s
}

// spend counts work against the bound, and looks at ctx now and then.
func (r *run) spend(n int) error {
	r.spent += n
	if r.spent > r.allowed {
		r.stopped = fmt.Sprintf("the bound of %d edges looked at was met", r.opts.MaxEdges)
		return errStop
	}
	return r.tick(n)
}

// tick looks at ctx once in a while.
func (r *run) tick(n int) error {
	const often = 256
	if r.sinceCtx += n; r.sinceCtx < often {
		return nil
	}
	r.sinceCtx = 0
	return r.checkContext()
}

func (r *run) checkContext() error {
	err := r.ctx.Err()
	if err == nil {
		return nil
	}
	return r.interrupted(err)
}

// interrupted translates the end of ctx and the errors of a Scorer.
func (r *run) interrupted(err error) error {
	switch {
	case errors.Is(err, context.DeadlineExceeded), entity.KindOf(err) == entity.KindTimeout:
		r.stopped = "the deadline passed"
		return errStop
	case errors.Is(err, context.Canceled):
		return &entity.Error{Kind: entity.KindCanceled, Op: "query.Run", Message: "the request was canceled", Err: err}
	}
	var ours *entity.Error
	if errors.As(err, &ours) {
		return err
	}
	return entity.Internal("query.Run", err)
}

// likeness asks the Scorer how alike entities are to a text, 0 to 1.
func (r *run) likeness(text string, ids []entity.ID) ([]float64, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	scores, err := r.opts.Scorer.Similarity(r.ctx, text, ids)
	if err == nil && len(scores) != len(ids) {
		err = fmt.Errorf("the scorer gave %d similarities for %d entities", len(scores), len(ids))
	}
	if err != nil {
		return nil, r.interrupted(err)
	}
	out := slices.Clone(scores)
	for i := range out {
		out[i] = unit(out[i])
	}
	return out, nil
}
