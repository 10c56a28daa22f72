package recorder

import (
	"context"
	"errors"
	"slices"
	"time"

	"stemma/api/auth"
	"stemma/api/recorder/anomaly"
	"stemma/api/recorder/mask"
	"stemma/api/recorder/run"
	"stemma/entity"
	"stemma/entity/guard"
)

// kindSession is a record that is no entry of a run.
const kindSession run.Kind = "session"

// record is one thing to be recorded, whichever way it came.
type record struct {
	kind    run.Kind
	ref     string // the client's name for it
	agent   string
	run     string // as the client names them: or the ref of an earlier record
	session string
	step    string
	word    string // trigger of a run, status of an end
	at      time.Time
	body    entity.Properties
	ids     traceIDsOf // of a trace; they are not masked
	began   time.Time  // of an end: when the run did, where that is not when its start was
}

func (r record) of(run string) record {
	r.run = run
	return r
}

// answer is what came of a record.
type answer struct {
	id       entity.ID // the run, or session
	kind     run.Kind
	n        int64 // place in the chain; 0 of a session
	cid      entity.CID
	sequence int64
	status   string
	at       int64 // of a start: when
	duration *float64
}

// ingest records all, or nothing, and gives an answer to each.
func (s *Service) ingest(ctx context.Context, from callerIn, records []record) (answers []answer, err error) {
	if !from.internal {
		if err := s.allow(ctx); err != nil {
			return nil, err
		}
	}
	idem, err := idempotent(auth.From(ctx), from, records)
	if err != nil {
		return nil, err
	}
	s.awaitCalls(ctx, records)
	err = s.update(ctx, func(tx *guard.Tx) error {
		answers = nil
		known, err := idem.known(tx, s.now())
		if err != nil {
			return err
		}
		if known != nil {
			answers, err = known.answers(tx.Reader)
			return err
		}
		a := s.applier(tx)
		a.from, a.refs = from, map[string]int{}
		if err := a.all(records); err != nil {
			return err
		}
		answers = a.answers
		for i := range answers {
			if w := a.writers[answers[i].id]; w != nil {
				answers[i].cid = w.CID(answers[i].n)
			}
		}
		return idem.keep(tx, answers, s.now())
	})
	return answers, err
}

// awaitCalls returns when the calls through the proxy are recorded that are steps of
// runs which are to be ended: an agent that ends its run has had their answers, and
// what comes behind the end is refused.
func (s *Service) awaitCalls(ctx context.Context, records []record) {
	ctx, cancel := context.WithTimeout(ctx, longestWait)
	defer cancel()
	for i := range records {
		if records[i].kind == run.KindEnd {
			s.queue.Await(ctx, records[i].run)
		}
	}
}

// applier is one run of a request's transaction.
type applier struct {
	s          *Service
	tx         *guard.Tx
	from       callerIn
	collection entity.ID
	refs       map[string]int               // ref → place of its answer
	writers    map[entity.ID]*writing       // runs that are written to
	open       []*writing                   // those that may have something to be flushed, in the order of their coming
	masking    map[entity.ID]mask.Rules     // by collection
	histories  map[agentKey]anomaly.History // as of the last commit
	answers    []answer
}

func (s *Service) applier(tx *guard.Tx) *applier {
	return &applier{s: s, tx: tx, writers: map[entity.ID]*writing{}, masking: map[entity.ID]mask.Rules{}, histories: map[agentKey]anomaly.History{}}
}

func (a *applier) all(records []record) error {
	for i := range records {
		rec := &records[i]
		if rec.ref != "" {
			if _, twice := a.refs[rec.ref]; twice {
				return invalidField("names two records", "records", i, "ref")
			}
		}
		got, err := a.apply(rec)
		if err != nil {
			return placed(err, a.culprit(i), len(records))
		}
		a.answers = append(a.answers, got)
		if rec.ref != "" {
			a.refs[rec.ref] = i
		}
	}
	return a.flush(len(records))
}

// flush writes what was recorded of runs, of so many records.
func (a *applier) flush(of int) error {
	for _, w := range a.open {
		if err := w.Flush(); err != nil {
			return placed(err, a.culprit(w.since), of)
		}
	}
	a.open = slices.DeleteFunc(a.open, func(w *writing) bool { return w.Ended() })
	return nil
}

// culprit is the record that could not be sealed, else the one given.
func (a *applier) culprit(i int) int {
	for _, w := range a.open {
		if n := w.Failed(); n > 0 {
			if at := slices.IndexFunc(a.answers, func(got answer) bool { return got.id == w.ID() && got.n == n }); at >= 0 {
				return at
			}
		}
	}
	return i
}

// placed says which record of several it was.
func placed(err error, i, of int) error {
	var e *entity.Error
	if of == 1 || !errors.As(err, &e) || e.Kind == entity.KindInternal {
		return err
	}
	told := *e
	if len(e.Issues) == 0 {
		told.Issues = []entity.Issue{{Path: []any{"records", i}, Message: e.Message}}
		told.Message = "Nothing was recorded"
		return &told
	}
	told.Issues = nil
	for _, issue := range e.Issues {
		told.Issues = append(told.Issues, entity.Issue{Path: append([]any{"records", i}, issue.Path...), Message: issue.Message})
	}
	return &told
}

func (a *applier) apply(rec *record) (answer, error) {
	switch rec.kind {
	case kindSession, run.KindStart:
		if a.collection == "" {
			var err error
			if a.collection, err = ensureRecordings(a.tx); err != nil {
				return answer{}, err
			}
		}
		m, err := a.mask(a.collection)
		if err != nil {
			return answer{}, err
		}
		body := rec.ids.on(m.Apply(rec.body))
		if rec.kind == kindSession {
			return a.session(rec, body)
		}
		return a.start(rec, body)
	}
	id, err := a.runID(rec)
	if err != nil {
		return answer{}, err
	}
	w, err := a.writer(id)
	if err != nil {
		return answer{}, err
	}
	m, err := a.mask(w.Collection())
	if err != nil {
		return answer{}, err
	}
	body := rec.ids.on(m.Apply(rec.body))
	got := answer{id: id, kind: rec.kind, status: rec.word}
	switch rec.kind {
	case run.KindStep:
		got.n = w.Step(body, rec.at)
	case run.KindTool, run.KindContext:
		var step string
		if step, err = a.stepName(rec.step); err != nil {
			return got, err
		}
		if rec.kind == run.KindTool {
			got.n, err = w.Tool(step, body, rec.at)
		} else {
			got.n, err = w.Context(step, body, rec.at)
		}
	case run.KindEnd:
		got.n, got.duration, err = a.end(id, w, rec, body)
	}
	got.sequence = w.Steps()
	return got, err
}

func (a *applier) session(rec *record, body entity.Properties) (answer, error) {
	agent, err := a.agent(rec)
	if err != nil {
		return answer{}, err
	}
	v, err := a.tx.Create(entity.Draft{Type: run.TypeSession, Properties: entity.Properties{"label": "Session of " + agent.Label, "agent_name": agent.Label}, Relationships: []entity.Relationship{
		{Predicate: entity.PredicateCollection, Peer: a.collection, PeerType: entity.TypeCollection},
		{Predicate: run.PredicateAgent, Peer: agent.ID, PeerType: entity.TypeAgent, PeerLabel: agent.Label},
	}})
	if err != nil {
		return answer{}, err
	}
	if len(body) > 0 {
		if err := run.DescribeSession(a.tx, v.Manifest.ID, body, a.s.options.Salt); err != nil {
			return answer{}, err
		}
	}
	return answer{id: v.Manifest.ID, kind: kindSession}, nil
}

func (a *applier) agent(rec *record) (entity.Head, error) {
	name := rec.agent
	if name == "" {
		name = a.from.Agent
	}
	return a.s.agent(a.tx, a.collection, name)
}

func (a *applier) start(rec *record, body entity.Properties) (answer, error) {
	agent, err := a.agent(rec)
	if err != nil {
		return answer{}, err
	}
	start := run.Start{Collection: a.collection, Agent: agent, Trigger: rec.word, At: rec.at, Body: body, Salt: a.s.options.Salt}
	if rec.session != "" {
		h, err := a.sessionHead(rec.session)
		if err != nil {
			return answer{}, err
		}
		start.Session = &h
	}
	now := a.tx.At()
	w := run.Begin(a.tx, start, now)
	a.writes(&writing{Writer: w})
	if !rec.at.IsZero() {
		now = rec.at
	}
	return answer{id: w.ID(), kind: run.KindStart, n: 1, status: run.Running, at: now.UnixMilli()}, nil
}

func (a *applier) sessionHead(name string) (entity.Head, error) {
	id := entity.ID("")
	if i, ok := a.refs[name]; ok && a.answers[i].kind == kindSession {
		id = a.answers[i].id
	} else {
		var err error
		if id, err = run.ParseSession(a.tx.Network(), name); err != nil {
			return entity.Head{}, err
		}
	}
	h, err := a.tx.Allowed("session:view", id)
	if err == nil && (h.Type != run.TypeSession || h.Deleted) || err != nil && entity.KindOf(err) == entity.KindNotFound {
		return h, absent(err, "there is no session %s", name)
	}
	return h, err
}

// absent is a KindNotFound in the words of this view; that it is a refusal is
// kept for who keeps account of them.
func absent(err error, format string, args ...any) error {
	e := entity.NotFound("recorder", format, args...)
	if errors.Is(err, entity.ErrHidden) {
		e.Err = entity.ErrHidden
	}
	return e
}

func (a *applier) runID(rec *record) (entity.ID, error) {
	if i, ok := a.refs[rec.run]; ok && a.answers[i].kind == run.KindStart {
		return a.answers[i].id, nil
	}
	return run.ParseName(a.tx.Network(), rec.run)
}

// stepName turns the ref of an earlier record into the step's name.
func (a *applier) stepName(name string) (string, error) {
	if i, ok := a.refs[name]; ok && a.answers[i].kind == run.KindStep {
		return run.EntryName(a.answers[i].id, run.KindStep, a.answers[i].n), nil
	}
	return name, nil
}

// writing is a run that is written to.
type writing struct {
	*run.Writer
	may   bool // the caller may record in it
	since int  // the record that was the first of it
}

func (a *applier) writes(w *writing) {
	w.since = len(a.answers)
	a.writers[w.ID()] = w
	a.open = append(a.open, w)
}

// writer is the writer of a run that the caller may record in.
func (a *applier) writer(id entity.ID) (*writing, error) {
	w := a.writers[id]
	if w != nil && w.may && !w.Ended() {
		return w, nil
	}
	if w != nil && !w.Ended() {
		err := a.tx.May(actionOf("run:record"), entity.Head{ID: id, Type: run.Type, Collection: w.Collection()})
		w.may = err == nil
		return w, err
	}
	h, err := runHead(a.tx.Reader, "run:record", id)
	if err != nil {
		return nil, err
	}
	made, err := run.Continue(a.tx, h, a.s.options.Salt, a.tx.At())
	if err != nil {
		return nil, err
	}
	w = &writing{Writer: made, may: true}
	a.writes(w)
	return w, nil
}

// runHead is the head of a live run that the caller may take the action on.
func runHead(r *guard.Reader, action string, id entity.ID) (entity.Head, error) {
	h, err := r.Head(id)
	if err == nil && (h.Type != run.Type || h.Deleted) || err != nil && entity.KindOf(err) == entity.KindNotFound {
		return h, absent(err, "there is no run %s", run.Name(id))
	}
	if err == nil {
		err = r.May(actionOf(action), h)
	}
	return h, err
}

func (a *applier) end(id entity.ID, w *writing, rec *record, body entity.Properties) (int64, *float64, error) {
	f := run.Finish{Status: rec.word, At: rec.at, Began: rec.began, Body: body}
	of := run.Summary{ID: id, Collection: w.Collection(), Agent: w.Agent()}
	if rec.agent != "" {
		agent, err := a.s.agent(a.tx, of.Collection, rec.agent)
		if err != nil {
			return 0, nil, err
		}
		f.Agent, of.Agent = &agent, agent.ID
	}
	agent := agentKey{of.Collection, string(of.Agent)}
	history, known := a.histories[agent]
	if !known {
		var err error
		if history, err = a.s.history(a.tx.Network(), &of); err != nil {
			return 0, nil, err
		}
		a.histories[agent] = history
	}
	return w.End(f, func(all []*run.Entry) []any {
		return anomaly.Properties(anomaly.Find(all, anomaly.Around{History: history}))
	})
}

func tipOf(r entity.Reader, id entity.ID) (*entity.Manifest, error) {
	v, err := entity.Tip(r, id)
	if err != nil {
		return nil, err
	}
	return v.Manifest, nil
}
