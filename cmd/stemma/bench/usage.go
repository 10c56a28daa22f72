package bench

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"stemma/api/llm/runs"
	"stemma/api/llm/usage"
	"stemma/entity"
	"stemma/entity/store"
)

// Of the row usage: a year of calls, of tenants with agents that ask many models.
// A million calls are drawn where there are ten: each is counted callWeight times.
const (
	callTenants = 20
	callAgents  = 200
	callModels  = 50
	callWeight  = 10
	callYear    = 365 * 24
	summaryGoal = 50.0 // ms, of the issue
	edgeDays    = 2    // at the ends of the year, where rows of less than a day are kept: a year's window reads no others
	rowsAtOnce  = 5000
)

// caller draws calls as manifests of runs.
type caller struct {
	rnd             *rand.Rand
	ids             *entity.IDSource
	tenants, agents []entity.ID
	now             time.Time // the end of the year
}

func newCaller() *caller {
	c := &caller{rnd: rand.New(rand.NewPCG(1, 2)), now: time.Date(2026, 11, 3, 10, 42, 0, 0, time.UTC)}
	c.ids = entity.NewIDSource(func() time.Time { return c.now }, rand.NewChaCha8([32]byte{1}))
	for range callTenants {
		c.tenants = append(c.tenants, c.ids.New(entity.Main))
	}
	for range callAgents {
		c.agents = append(c.agents, c.ids.New(entity.Main))
	}
	return c
}

// properties of a call that ended at a time; latencies are log-normal around 1.5 s.
func (c *caller) properties(at time.Time, agent int) entity.Properties {
	ms := 1500 * math.Exp(c.rnd.NormFloat64())
	status := runs.Completed
	if c.rnd.IntN(100) == 0 {
		status = runs.Failed
	}
	return entity.Properties{
		"label": "Chat", "status": status, "status_code": int64(200), "provider": "openai", "model": fmt.Sprint("model-", c.rnd.IntN(callModels)), "tenant": string(c.tenants[agent%callTenants]), "key": string(c.agents[agent]) + "/k",
		"started_at": entity.FormatTime(at), "completed_at": entity.FormatTime(at), "latency_ms": ms, "overhead_ms": c.rnd.Float64() * 5, "ttfb_ms": ms / 3,
		"prompt_tokens": c.rnd.Int64N(4000), "completion_tokens": c.rnd.Int64N(800), "cost_usd": c.rnd.Float64() / 100,
	}
}

// counted is a projection's rows of sums in memory, each amount so many times.
type counted struct {
	rows map[string]entity.Sums
	keep func(key []byte) bool
}

func (counted) Set([]byte, []byte) {}
func (counted) Delete([]byte)      {}

func (c counted) Add(key []byte, more entity.Sums) {
	if !c.keep(key) {
		return
	}
	times := slices.Clone(more)
	for i := range times {
		times[i].Amount *= callWeight
	}
	c.rows[string(key)] = c.rows[string(key)].Plus(times)
}

// filling is the projection of usage in a store that is filled with rows which it
// has counted before.
type filling struct {
	*usage.Projection
	rows map[string]entity.Sums
	keys []string
}

// Apply adds the rows from the place that the step tells.
func (f filling) Apply(t entity.Transition, w entity.RowWriter) error {
	from, _ := t.After.Properties["from"].(int64)
	for _, key := range f.keys[from:min(int(from)+rowsAtOnce, len(f.keys))] {
		w.Add([]byte(key), f.rows[key])
	}
	return nil
}

// fillCounters makes a store with the rows that the projection writes for calls.
func fillCounters(ctx context.Context, dir string, c *caller, calls int) (*store.Store, error) {
	p := usage.New()
	first, last := c.now.Add(-callYear*time.Hour), c.now
	edges := map[int64]bool{}
	for d := range int64(edgeDays) {
		edges[first.Unix()/86400+d], edges[last.Unix()/86400-d] = true, true
	}
	day := int64(0)
	rows := counted{map[string]entity.Sums{}, func(key []byte) bool { return key[1] == 2 || edges[day] }} // key[1] is the level; 2 are days
	for i := range calls / callWeight {
		at := first.Add(time.Duration(float64(last.Sub(first)) * float64(i) / float64(calls/callWeight)))
		day = at.Unix() / 86400
		agent := c.rnd.IntN(callAgents)
		m := &entity.Manifest{Type: runs.Type, EditedBy: entity.Actor{UserID: "system", Method: entity.MethodSystem}, Properties: c.properties(at, agent),
			Relationships: []entity.Relationship{{Predicate: runs.PredicateAgent, Peer: c.agents[agent]}}}
		if err := p.Apply(entity.Transition{After: m}, rows); err != nil {
			return nil, err
		}
	}
	f := filling{p, rows.rows, slices.Sorted(maps.Keys(rows.rows))}
	s, err := store.Open(store.Options{Dir: dir, Projections: []entity.Projection{f}})
	if err != nil {
		return nil, err
	}
	for from := 0; from < len(f.keys); from += rowsAtOnce {
		if _, err := s.Update(ctx, actor, func(tx entity.Tx) error {
			_, err := tx.Create(entity.Draft{Type: "rows", Properties: entity.Properties{"from": int64(from)}})
			return err
		}); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

// usage is reading the counters of a year of calls, and what counting costs those
// who are recorded.
func (r *runner) usage(ctx context.Context) (results []Result, err error) {
	dir, done, err := r.scratch()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, done()) }()
	c := newCaller()
	s, err := fillCounters(ctx, dir, c, r.Sizes.Calls)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	all, year := []usage.Scope{usage.All()}, usage.Last(callYear, c.now)
	for _, look := range []struct {
		what string
		read func(entity.Reader) (int64, error) // the calls that it has seen
		want int
	}{
		{"summary of a year of %d calls", func(rd entity.Reader) (int64, error) {
			sum, err := usage.Summarize(rd, all, year)
			if err != nil {
				return 0, err
			}
			return sum.Requests, nil
		}, r.Sizes.Calls},
		{"the same of all tenants, one by one", func(rd entity.Reader) (int64, error) {
			sum, err := usage.Summarize(rd, usage.Tenants(c.tenants), year)
			if err != nil {
				return 0, err
			}
			return sum.Requests, nil
		}, r.Sizes.Calls},
		{"the models of the year", func(rd entity.Reader) (n int64, err error) {
			list, err := usage.Models(rd, all, year)
			for _, m := range list {
				n += m.Requests
			}
			return n, err
		}, r.Sizes.Calls},
	} {
		var took []time.Duration
		for range 10 * max(r.Repeat, 1) {
			began := time.Now()
			err := s.View(ctx, func(rd entity.Reader) error {
				n, err := look.read(rd)
				if err == nil && n != int64(look.want) {
					err = fmt.Errorf("bench: the counters know %d calls, want %d", n, look.want)
				}
				return err
			})
			if err != nil {
				return nil, err
			}
			took = append(took, time.Since(began))
		}
		what, goal := look.what, Goal{}
		if len(results) == 0 {
			what, goal = fmt.Sprintf(what, r.Sizes.Calls), Goal{AtMost: 1, Text: "< 50 ms"}
		}
		results = append(results, bound(what, "ms", []float64{millis(percentile(took, 50))}, summaryGoal, goal).also(true, fmt.Sprintf("99th percentile %.1f ms", millis(percentile(took, 99)))))
	}
	cost, err := r.counting(ctx)
	return append(results, cost), err
}

// counting records calls as agents' turns are, with and without the counters, and
// holds what is counted against how many there were.
func (r *runner) counting(ctx context.Context) (Result, error) {
	calls := max(r.Sizes.Calls/1000, 50)
	var with, without []float64
	for range max(r.Repeat, 1) {
		for _, count := range []bool{true, false} {
			perSecond, err := r.recordCalls(ctx, calls, count)
			if err != nil {
				return Result{}, err
			}
			if count {
				with = append(with, perSecond)
			} else {
				without = append(without, perSecond)
			}
		}
	}
	return compare(fmt.Sprintf("recording %d calls that are counted", calls), "calls/s", "not counted", with, without, Goal{}), nil
}

func (r *runner) recordCalls(ctx context.Context, calls int, count bool) (perSecond float64, err error) {
	dir, done, err := r.scratch()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, done()) }()
	o := store.Options{Dir: dir}
	if count {
		o.Projections = []entity.Projection{usage.New()}
	}
	s, err := store.Open(o)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	c := newCaller()
	recorder := runs.New(runs.Options{Stores: []entity.Store{s}})
	began := time.Now()
	for range calls {
		agent := c.rnd.IntN(callAgents)
		recorder.Record(&runs.Run{Network: entity.Main, ID: c.ids.New(entity.Main), Agent: c.agents[agent], Started: c.now, Properties: c.properties(c.now, agent), Entries: []runs.Entry{
			{Kind: runs.Start, At: c.now}, {Kind: runs.Step, At: c.now, Properties: map[string]any{"model": "m"}, Sealed: map[string]any{"request": "a question of some length", "output": "an answer"}}, {Kind: runs.End, At: c.now},
		}})
	}
	if err := recorder.Close(); err != nil {
		return 0, err
	}
	perSecond = float64(calls) / time.Since(began).Seconds()
	if !count {
		return perSecond, nil
	}
	return perSecond, s.View(ctx, func(rd entity.Reader) error {
		sum, err := usage.Summarize(rd, []usage.Scope{usage.All()}, usage.Last(1, c.now.Add(time.Minute)))
		if err == nil && sum.Requests != int64(calls) {
			err = fmt.Errorf("bench: %d calls are counted, want %d", sum.Requests, calls)
		}
		return err
	})
}
