package usage_test

import (
	"context"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"stemma/api/llm/usage"
	"stemma/entity"
	"stemma/entity/store"
	"stemma/entity/storetest"
)

var (
	system  = entity.Actor{UserID: "system", Method: entity.MethodSystem}
	person  = entity.Actor{UserID: "01JH8Z0Y6V5RZ4Q8Q9V4T2W3XP", Method: entity.MethodManual}
	tenants = []entity.ID{"01JH8Z0Y6V5RZ4Q8Q9V4T2W3XA", "01JH8Z0Y6V5RZ4Q8Q9V4T2W3XB", "01JH8Z0Y6V5RZ4Q8Q9V4T2W3XC", ""}
	agents  = []entity.ID{"01JH8Z0Y6V5RZ4Q8Q9V4T2W3XK", "01JH8Z0Y6V5RZ4Q8Q9V4T2W3XM"}
	models  = []string{"gpt-4o", "claude", "llama/3:8b"}
	keys    = []string{"k1", "k1x", ""}
)

// fact is a call as the naive reading knows it.
type fact struct {
	id                    entity.ID
	tenant, agent         entity.ID
	key, model, status    string
	begun, at             time.Time
	latency, ttfb         float64
	overhead              float64
	prompt, completion    int64
	cost                  float64
	known, ttfbs          bool
	rag, failed, fallback bool
	chunks                int64
	retrieval             float64
}

type rig struct {
	t     *testing.T
	rnd   *rand.Rand
	clock *storetest.Clock
	store *store.Store
	dir   string
	facts []fact
	gone  map[entity.ID]bool
}

// again is the projection of another version, which is rebuilt at open.
type again struct{ *usage.Projection }

func (again) Version() int { return 1000 }

func (w *rig) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *rig) open(p entity.Projection) {
	var err error
	w.store, err = store.Open(store.Options{Dir: w.dir, Projections: []entity.Projection{p}, Clock: w.clock.Now, Entropy: storetest.Entropy(3)})
	w.ok(err)
}

func (w *rig) close() {
	_, err := w.store.Check(context.Background(), nil)
	w.ok(err)
	w.ok(w.store.Close())
}

func (w *rig) view(fn func(entity.Reader)) {
	w.t.Helper()
	w.ok(w.store.View(w.t.Context(), func(r entity.Reader) error { fn(r); return nil }))
}

func pick[T any](w *rig, of []T) T { return of[w.rnd.IntN(len(of))] }

// fact draws a call.
func (w *rig) fact() fact {
	f := fact{
		tenant: pick(w, tenants), agent: pick(w, agents), key: pick(w, keys), model: pick(w, models),
		status: pick(w, []string{"completed", "completed", "completed", "failed", "cancelled", "timeout"}),
		at:     w.clock.Now().UTC(), latency: math.Trunc(math.Exp(w.rnd.Float64()*14)) / 1000, overhead: float64(w.rnd.IntN(20000)) / 1000,
		prompt: w.rnd.Int64N(3000), completion: w.rnd.Int64N(1000), known: w.rnd.IntN(3) > 0, ttfbs: w.rnd.IntN(2) == 0, rag: w.rnd.IntN(3) == 0,
	}
	f.begun = f.at.Add(-time.Duration(w.rnd.IntN(1e6)) * time.Millisecond)
	f.cost = float64(w.rnd.IntN(1e6)) / 1e7
	f.ttfb, f.chunks, f.retrieval = math.Trunc(f.latency*500)/1000, w.rnd.Int64N(6), float64(w.rnd.IntN(50000))/1000
	f.failed = w.rnd.IntN(3) == 0
	f.fallback = f.failed && w.rnd.IntN(2) == 0
	return f
}

func (f *fact) draft(status string) entity.Draft {
	p := entity.Properties{
		"status": status, "model": f.model, "provider": "openai", "started_at": entity.FormatTime(f.begun), "status_code": int64(200),
	}
	if f.tenant != "" {
		p["tenant"] = string(f.tenant)
	}
	if f.key != "" {
		p["key"] = f.key
	}
	if status != "running" {
		f.end(p)
	}
	return entity.Draft{Type: "run", Properties: p, Relationships: []entity.Relationship{{Predicate: "agent", Peer: f.agent, PeerType: "agent"}}}
}

func (f *fact) end(p entity.Properties) {
	set := func(name string, v float64) { n, _ := entity.Normalize(v); p[name] = n }
	p["status"], p["completed_at"] = f.status, entity.FormatTime(f.at)
	p["prompt_tokens"], p["completion_tokens"] = f.prompt, f.completion
	set("latency_ms", f.latency)
	set("overhead_ms", f.overhead)
	if f.known {
		set("cost_usd", f.cost)
	}
	if f.ttfbs {
		set("ttfb_ms", f.ttfb)
	}
	if f.rag {
		rag := entity.Properties{"chunks": f.chunks, "stage_failed": "none", "fallback": f.fallback}
		if f.failed {
			rag["stage_failed"] = "embedding"
		}
		n, _ := entity.Normalize(f.retrieval)
		rag["retrieval_ms"] = n
		p["rag"] = map[string]any(rag)
	}
}

func (w *rig) update(by entity.Actor, fn func(entity.Tx) error) {
	w.t.Helper()
	_, err := w.store.Update(w.t.Context(), by, fn)
	w.ok(err)
}

func (w *rig) create(by entity.Actor, d entity.Draft) (id entity.ID) {
	w.update(by, func(tx entity.Tx) error {
		c := d
		c.Properties = maps.Clone(d.Properties)
		v, err := tx.Create(c)
		if err == nil {
			id = v.Manifest.ID
		}
		return err
	})
	return id
}

func (w *rig) edit(by entity.Actor, id entity.ID, edit func(*entity.Manifest)) {
	w.update(by, func(tx entity.Tx) error {
		_, err := tx.Put(id, entity.Any, func(m *entity.Manifest) error { edit(m); return nil })
		return err
	})
}

// play makes a history: calls that begin, end, or are written when they are over,
// and people who make up runs, edit, delete and restore.
func (w *rig) play(n int) {
	var running []fact
	for range n {
		w.clock.Advance(time.Duration(w.rnd.ExpFloat64() * float64(40*time.Minute)))
		switch w.rnd.IntN(10) {
		default:
			f := w.fact()
			f.id = w.create(system, f.draft(f.status))
			w.facts = append(w.facts, f)
		case 0: // begins
			f := w.fact()
			f.id = w.create(system, f.draft("running"))
			running = append(running, f)
		case 1: // ends
			if len(running) == 0 {
				continue
			}
			f := running[0]
			running, f.at = running[1:], w.clock.Now().UTC()
			w.edit(system, f.id, func(m *entity.Manifest) { f.end(m.Properties) })
			w.facts = append(w.facts, f)
		case 2: // made up by somebody
			f := w.fact()
			id := w.create(person, f.draft(f.status))
			w.edit(person, id, func(m *entity.Manifest) { m.Properties["status"] = "running" })
			w.edit(person, id, func(m *entity.Manifest) { m.Properties["status"] = "completed" })
		case 3: // edited
			if len(w.facts) > 0 {
				if f := pick(w, w.facts); !w.gone[f.id] {
					w.edit(person, f.id, func(m *entity.Manifest) { m.Properties["cost_usd"] = int64(7) })
				}
			}
		case 4: // deleted, or restored
			if len(w.facts) > 0 {
				w.toggle(pick(w, w.facts).id)
			}
		}
	}
	for _, f := range running {
		w.gone[f.id] = true // listed, and not counted
	}
}

func (w *rig) toggle(id entity.ID) {
	w.update(person, func(tx entity.Tx) error {
		_, err := tx.Put(id, entity.Any, func(m *entity.Manifest) error {
			if !w.gone[id] {
				m.Bury(entity.Tombstone{DeletedAt: entity.FormatTime(w.clock.Now()), DeletedBy: person.UserID, OriginalVer: m.Ver})
				return nil
			}
			before, err := tx.VersionAt(id, m.Ver-1)
			if err != nil {
				return err
			}
			old, err := tx.Manifest(before)
			if err != nil {
				return err
			}
			c := old.Clone()
			m.Type, m.Properties, m.Relationships = c.Type, c.Properties, c.Relationships
			return nil
		})
		return err
	})
	w.gone[id] = !w.gone[id]
}

func newRig(t *testing.T, seed uint64) *rig {
	w := &rig{t: t, rnd: rand.New(rand.NewPCG(seed, 9)), clock: storetest.NewClock(), dir: t.TempDir(), gone: map[entity.ID]bool{}}
	w.open(usage.New())
	t.Cleanup(func() { w.close() })
	return w
}

func inWindow(f fact, win usage.Window) bool {
	from := win.From.Truncate(5 * time.Minute)
	return !f.at.Before(from) && f.at.Before(win.To.Add(5*time.Minute-1).Truncate(5*time.Minute))
}

func near(got *float64, want float64, n int, within float64) bool {
	if n == 0 {
		return got == nil
	}
	return got != nil && math.Abs(*got-want) <= within*math.Abs(want)+1e-6
}

// compare holds a summary against the calls.
func (w *rig) compare(s *usage.Summary, all []fact) {
	w.t.Helper()
	var latencies []float64
	var sum, overhead, ttfb, retrieval, usd float64
	var errors, tokens, unpriced, chunks int64
	var ttfbs, priced, rags, failed, fallbacks int
	for _, f := range all {
		latencies = append(latencies, f.latency)
		sum, overhead, tokens = sum+f.latency, overhead+f.overhead, tokens+f.prompt+f.completion
		if f.status == "failed" || f.status == "timeout" {
			errors++
		}
		if f.ttfbs {
			ttfbs, ttfb = ttfbs+1, ttfb+f.ttfb
		}
		if f.known {
			priced, usd = priced+1, usd+f.cost
		} else if f.prompt+f.completion > 0 {
			unpriced++
		}
		if f.rag {
			rags, retrieval, chunks = rags+1, retrieval+f.retrieval, chunks+f.chunks
			if f.failed {
				failed++
			}
			if f.fallback {
				fallbacks++
			}
		}
	}
	n := len(all)
	slices.Sort(latencies)
	rank := func(q float64) float64 { return latencies[max(0, int(math.Ceil(q*float64(n)))-1)] }
	if n == 0 {
		rank = func(float64) float64 { return 0 }
	}
	share := func(part, of int) float64 { return float64(part) / float64(max(1, of)) }
	for what, ok := range map[string]bool{
		"requests": s.Requests == int64(n), "tokens": s.Tokens == tokens, "errors": s.Errors == errors && s.ErrorRate == share(int(errors), n), "unpriced": s.Unpriced == unpriced,
		"usd":     near(s.CostUSD, usd, priced+n-int(unpriced), 1e-9) || s.CostUSD != nil && priced == 0 && *s.CostUSD == 0 && unpriced == 0,
		"latency": near(s.AvgLatency, sum/float64(n), n, 1e-9), "overhead": near(s.AvgOverhead, overhead/float64(n), n, 1e-9), "ttfb": near(s.AvgTTFB, ttfb/float64(ttfbs), ttfbs, 1e-6),
		"p50": near(s.P50, rank(0.5), n, 1.0/64), "p95": near(s.P95, rank(0.95), n, 1.0/64), "p99": near(s.P99, rank(0.99), n, 1.0/64),
		"rag": s.Rag.Requests == int64(rags) && s.Rag.FailureRate == share(failed, rags) && s.Rag.FallbackRate == share(fallbacks, rags) &&
			near(s.Rag.AvgRetrieval, retrieval/float64(rags), rags, 1e-9) && near(s.Rag.AvgChunks, float64(chunks)/float64(rags), rags, 1e-9),
	} {
		if !ok {
			w.t.Errorf("%s of %d calls (%g usd, %d unpriced): %+v", what, n, usd, unpriced, s)
		}
	}
}

// Law: for each scope and window the counters say what adding up the calls does,
// within the stated error of percentiles; and rebuilt from the log they are the
// same.
func TestCounts(t *testing.T) {
	for seed := range uint64(2) {
		w := newRig(t, seed)
		began := w.clock.Now()
		w.play(300)
		w.everyScope(began)
		rows := w.rows()
		w.close()
		w.open(again{usage.New()})
		if now := w.rows(); !maps.Equal(now, rows) {
			t.Errorf("seed %d: rebuilt rows differ", seed)
		}
	}
}

func (w *rig) rows() map[string]string {
	rows := map[string]string{}
	w.view(func(r entity.Reader) {
		for row, err := range r.Rows("usage").Scan(nil, nil) {
			w.ok(err)
			rows[string(row.Key)] = string(row.Value)
		}
	})
	return rows
}

func (w *rig) everyScope(began time.Time) {
	all := func(fact) bool { return true }
	scopes := map[string]func(fact) bool{"all": all}
	of := map[string][]usage.Scope{"all": {usage.All()}, "two tenants": usage.Tenants(tenants[:2])}
	scopes["two tenants"] = func(f fact) bool { return f.tenant == tenants[0] || f.tenant == tenants[1] }
	for _, id := range tenants[:3] {
		scopes["tenant "+string(id)], of["tenant "+string(id)] = func(f fact) bool { return f.tenant == id }, usage.Tenants([]entity.ID{id})
	}
	for _, id := range agents {
		scopes["agent "+string(id)], of["agent "+string(id)] = func(f fact) bool { return f.agent == id }, []usage.Scope{usage.Agent(id)}
	}
	total := w.clock.Now().Sub(began)
	w.view(func(r entity.Reader) {
		for name, in := range scopes {
			for range 20 {
				from := began.Add(time.Duration(w.rnd.Float64() * float64(total)))
				win := usage.Window{From: from, To: from.Add(time.Duration(w.rnd.Float64() * float64(w.clock.Now().Sub(from)))).Add(time.Second)}
				var mine []fact
				for _, f := range w.facts {
					if in(f) && inWindow(f, win) {
						mine = append(mine, f)
					}
				}
				s, err := usage.Summarize(r, of[name], win)
				w.ok(err)
				w.compare(s, mine)
				w.series(r, of[name], win, in)
				if name[:2] != "ag" {
					w.models(r, of[name], win, mine)
				}
			}
		}
		w.spent(r)
		w.traces(r)
	})
}

func (w *rig) series(r entity.Reader, scopes []usage.Scope, win usage.Window, in func(fact) bool) {
	w.t.Helper()
	width := pick(w, []time.Duration{5 * time.Minute, 35 * time.Minute, time.Hour, 3 * time.Hour, 24 * time.Hour, 48 * time.Hour, 25 * time.Hour})
	points, err := usage.Series(r, scopes, win, width)
	if entity.KindOf(err) == entity.KindInvalid && win.To.Sub(win.From)/width >= usage.MostPoints-1 {
		return
	}
	w.ok(err)
	next := win.From.UnixMilli() / width.Milliseconds() * width.Milliseconds()
	for _, p := range points {
		if p.Bucket != entity.FormatMillis(next) {
			w.t.Fatalf("a point at %s, want %s", p.Bucket, entity.FormatMillis(next))
		}
		n, tokens := int64(0), int64(0)
		for _, f := range w.facts {
			if ms := f.at.UnixMilli(); in(f) && ms >= next && ms < next+width.Milliseconds() {
				n, tokens = n+1, tokens+f.prompt+f.completion
			}
		}
		if p.Requests != n || p.Tokens != tokens {
			w.t.Errorf("%s has %d calls with %d tokens, want %d with %d", p.Bucket, p.Requests, p.Tokens, n, tokens)
		}
		next += width.Milliseconds()
	}
	if next < win.To.UnixMilli() {
		w.t.Errorf("a series ends at %s, before the window", entity.FormatMillis(next))
	}
}

func (w *rig) models(r entity.Reader, scopes []usage.Scope, win usage.Window, mine []fact) {
	w.t.Helper()
	want := map[string]int64{}
	for _, f := range mine {
		want[f.model]++
	}
	list, err := usage.Models(r, scopes, win)
	w.ok(err)
	got := map[string]int64{}
	for i, m := range list {
		got[m.Model] = m.Requests
		if i > 0 && m.Requests > list[i-1].Requests {
			w.t.Errorf("%s is after %s", m.Model, list[i-1].Model)
		}
	}
	if !maps.Equal(got, want) {
		w.t.Errorf("models %v, want %v", got, want)
	}
}

func (w *rig) spent(r entity.Reader) {
	w.t.Helper()
	days := map[string]float64{}
	for _, f := range w.facts {
		if !f.known {
			continue
		}
		day := f.at.Format(time.DateOnly)
		days[fmt.Sprint("key/", f.key, " ", day)] += f.cost
		days[fmt.Sprint("tenant/", f.tenant, " ", day)] += f.cost
	}
	for _, f := range w.facts {
		day := f.at.Truncate(24 * time.Hour)
		for _, name := range []string{"key/" + f.key, "tenant/" + string(f.tenant)} {
			if name == "key/" || name == "tenant/" {
				continue
			}
			usd, err := usage.Spent(r, name, day)
			w.ok(err)
			if want := days[name+" "+day.Format(time.DateOnly)]; math.Abs(usd-want) > 1e-6 {
				w.t.Errorf("%s has spent %g, want %g", name, usd, want)
			}
		}
	}
	if _, err := usage.Spent(r, "what", time.Time{}); entity.KindOf(err) != entity.KindInvalid {
		w.t.Error(err)
	}
}

func (w *rig) traces(r entity.Reader) {
	w.t.Helper()
	for _, tenant := range tenants[:3] {
		var want []fact
		for _, f := range w.facts {
			if f.tenant == tenant && !w.gone[f.id] {
				want = append(want, f)
			}
		}
		slices.SortFunc(want, func(a, b fact) int {
			if c := b.begun.Compare(a.begun); c != 0 {
				return c
			}
			if a.id > b.id {
				return -1
			}
			return 1
		})
		var got []entity.ID
		var next usage.Cursor
		for {
			page, more, err := usage.Traces(r, usage.Tenant(tenant), usage.Page{After: next, Limit: 7, Sees: func(h entity.Head) bool { return !w.gone[h.ID] }})
			w.ok(err)
			for _, trace := range page {
				got = append(got, trace.ID)
			}
			if next = more; more == nil {
				break
			}
		}
		if len(got) != len(want) {
			w.t.Fatalf("%d traces, want %d", len(got), len(want))
		}
		for i := range want {
			if got[i] != want[i].id {
				w.t.Errorf("trace %d is %s, want %s", i, got[i], want[i].id)
			}
		}
	}
}
