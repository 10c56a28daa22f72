package run

import (
	"fmt"
	"time"

	"stemma/entity"
)

// Start is a run to be begun.
type Start struct {
	Collection entity.ID // that it belongs to
	Agent      entity.Head
	Session    *entity.Head
	Trigger    string
	At         time.Time         // zero: now
	Body       entity.Properties // input, metadata, trace_id, parent_span_id
	Salt       Salt
}

// Begin makes a run and its first entry. now is the transaction's time. The run is
// there when it is flushed.
func Begin(tx entity.Tx, s Start, now time.Time) *Writer {
	at := now
	body := split(KindStart, s.Body, s.At)
	if !s.At.IsZero() {
		at = s.At
	}
	body.entry["steps"], body.entry["trigger_type"], body.entry["agent"], body.entry["agent_id"] = int64(0), s.Trigger, s.Agent.Label, string(s.Agent.ID)
	props := make(entity.Properties, 24) // with those of its end
	started := entity.FormatTime(at)
	props["label"], props["status"], props["trigger_type"], props["agent_name"], props["started_at"] = s.Agent.Label+" "+started, Running, s.Trigger, s.Agent.Label, started
	for _, key := range []string{"trace_id", "parent_span_id"} {
		if v, ok := s.Body[key]; ok {
			props[key] = v
		}
	}
	related := []entity.Relationship{
		{Predicate: entity.PredicateCollection, Peer: s.Collection, PeerType: entity.TypeCollection},
		{Predicate: PredicateAgent, Peer: s.Agent.ID, PeerType: entity.TypeAgent, PeerLabel: s.Agent.Label},
	}
	if s.Session != nil {
		body.entry["session_id"] = string(s.Session.ID)
		related = append(related, entity.Relationship{Predicate: PredicateSession, Peer: s.Session.ID, PeerType: TypeSession})
	}
	w := &Writer{tx: tx, id: tx.NewID(), collection: s.Collection, agent: s.Agent.ID, now: now, whole: true, salt: s.Salt}
	w.draft = &entity.Draft{ID: w.id, Type: Type, Properties: props, Relationships: related}
	w.append(body)
	return w
}

// Writer adds entries to a run in one transaction. They are written by
// [Writer.Flush], all at once; nobody reads them before.
type Writer struct {
	tx         entity.Tx
	id         entity.ID
	collection entity.ID
	agent      entity.ID
	now        time.Time
	draft      *entity.Draft // of a run that is not written yet; nil: it is
	last       int64         // the last entry
	waiting    []pending     // entries that are not sealed yet
	sealing                  // those that are
	steps      int64
	ended      bool
	whole      bool     // all is every entry there is
	all        []*Entry // from the run's beginning on, if it is this writer's
	salt       Salt
}

// Continue makes a writer of a run that has not ended: KindExists where it has.
// h is its head; that it may be written is the caller's to decide. now is the
// transaction's time.
func Continue(tx entity.Tx, h entity.Head, salt Salt, now time.Time) (*Writer, error) {
	m, err := tx.Manifest(h.CID())
	if err != nil {
		return nil, err
	}
	sum := SummaryOf(m)
	if sum == nil {
		return nil, entity.Internal("run.Continue", fmt.Errorf("%s is no run of a collection", h.ID))
	}
	if sum.Status != Running {
		return nil, Ended(h.ID, sum.Status)
	}
	w := &Writer{tx: tx, id: h.ID, collection: sum.Collection, agent: sum.Agent, now: now, salt: salt}
	if w.head, err = tx.ChainHead(h.ID, Chain); err != nil {
		return nil, err
	}
	if w.content, err = tx.ChainHead(h.ID, entity.ChainContent); err != nil {
		return nil, err
	}
	if w.last = w.head.N; w.last > 0 {
		last, err := bare(tx, w.head.CID)
		if err != nil {
			return nil, err
		}
		w.steps = last.StepsSoFar()
	}
	return w, nil
}

// Ended is the refusal of a run that takes nothing more.
func Ended(id entity.ID, status string) error {
	return entity.Errorf(entity.KindExists, "run.Ended", "run %s has ended (%s) and takes nothing more; start another with POST /api/v1/runs", Name(id), status)
}

// ID is the run's.
func (w *Writer) ID() entity.ID { return w.id }

// Steps is how many steps there are.
func (w *Writer) Steps() int64 { return w.steps }

// Ended tells whether this writer ended the run.
func (w *Writer) Ended() bool { return w.ended }

// Collection is where the run lies.
func (w *Writer) Collection() entity.ID { return w.collection }

// Agent is whose run it is, as far as is known.
func (w *Writer) Agent() entity.ID { return w.agent }

// Flush writes what there is: the run, where it is new, and the entries.
func (w *Writer) Flush() error {
	if err := w.seal(); err != nil {
		return err
	}
	if w.draft != nil {
		if _, err := w.tx.Create(*w.draft); err != nil {
			return err
		}
		w.draft = nil
	}
	for _, blocks := range []*[]*entity.SealedBlock{&w.contents, &w.entries} {
		if len(*blocks) == 0 {
			continue
		}
		if _, err := w.tx.AppendSealed(*blocks...); err != nil {
			return err
		}
		*blocks = nil
	}
	return nil
}

// append takes an entry in, and gives its place.
func (w *Writer) append(b body) int64 {
	w.last++
	p := pending{n: w.last, body: b}
	if w.whole {
		p.read = written(w.last, w.now.UnixMilli(), b)
		w.all = append(w.all, p.read)
	}
	w.waiting = append(w.waiting, p)
	return w.last
}

// everything is every entry there is.
func (w *Writer) everything() ([]*Entry, error) {
	if w.whole {
		return w.all, nil
	}
	if err := w.Flush(); err != nil {
		return nil, err
	}
	return All(w.tx, w.id)
}

// Step adds a step, and gives its place. at is when it happened, zero for now.
func (w *Writer) Step(body entity.Properties, at time.Time) int64 {
	w.steps++
	b := split(KindStep, body, at)
	b.entry["sequence"] = w.steps
	return w.append(b)
}

// Tool adds a call of a tool to the step named, "" for the latest. Where there
// is no step, one is made.
func (w *Writer) Tool(step string, body entity.Properties, at time.Time) (int64, error) {
	if step == "" && w.steps == 0 {
		w.Step(entity.Properties{"step_type": "tool_call", "made": true}, at)
	}
	return w.attached(KindTool, step, body, at)
}

// Context adds what the agent knew at the step named, "" for the latest.
func (w *Writer) Context(step string, body entity.Properties, at time.Time) (int64, error) {
	return w.attached(KindContext, step, body, at)
}

func (w *Writer) attached(k Kind, step string, body entity.Properties, at time.Time) (int64, error) {
	of := w.steps
	if step != "" {
		n, err := w.stepOf(step)
		if err != nil {
			return 0, err
		}
		of = n
	}
	b := split(k, body, at)
	b.entry["steps"], b.entry["step"] = w.steps, of
	return w.append(b), nil
}

// stepOf is the sequence of a step by its name.
func (w *Writer) stepOf(name string) (int64, error) {
	absent := entity.Invalid("run.Step", "run %s has no step %q; step_id is what the step's recording was answered with", Name(w.id), clip(name))
	n, ok := ParseEntry(w.id, KindStep, name)
	if !ok || n > w.last {
		return 0, absent
	}
	e, err := w.back(n)
	switch {
	case err != nil && entity.KindOf(err) != entity.KindNotFound:
		return 0, err
	case err != nil || e.Kind != KindStep:
		return 0, absent
	}
	return e.Sequence, nil
}

// nearby is how far back an entry is found along the links, which keeps the
// transaction from being one that scans.
const nearby = 100

func (w *Writer) back(n int64) (*Entry, error) {
	if w.whole {
		return w.all[n-1], nil
	}
	if err := w.Flush(); err != nil {
		return nil, err
	}
	if w.head.N-n > nearby {
		return At(w.tx, w.id, n)
	}
	at := w.head.CID
	for {
		raw, err := w.tx.Block(at)
		if err != nil {
			return nil, err
		}
		e, prev, err := decode(raw, at)
		if err != nil || e.N == n {
			return e, err
		}
		at = prev
	}
}

// Finish is how a run ends.
type Finish struct {
	Status string
	At     time.Time         // zero: now
	Body   entity.Properties // output, total_tokens, total_cost_cents, error_type, error_message
	Began  time.Time         // when it did, where that is not when its start was; zero: then
	Agent  *entity.Head      // whose run it turned out to be; nil: whose it was
}

// Judge finds what is out of the ordinary in a run; see package anomaly.
type Judge func(all []*Entry) []any

// End adds the last entry and writes how the run ended, with the chain pinned: into
// the run's only version where this writer has begun it, else into its second. It
// gives the last entry's place, and how long the run took in ms.
func (w *Writer) End(f Finish, judge Judge) (int64, *float64, error) {
	at := w.now
	if !f.At.IsZero() {
		at = f.At
	}
	b := split(KindEnd, f.Body, f.At)
	b.entry["status"], b.entry["steps"] = f.Status, w.steps
	if !f.Began.IsZero() {
		b.entry["started_at"] = f.Began.UnixMilli()
	}
	if f.Agent != nil {
		b.entry["agent"], b.entry["agent_id"] = f.Agent.Label, string(f.Agent.ID)
	}
	w.append(b)
	if err := w.seal(); err != nil {
		return w.last, nil, err
	}
	all, err := w.everything()
	if err != nil {
		return w.last, nil, err
	}
	facts := FactsOf(all)
	if started := Began(all); at.UnixMilli() >= started {
		facts.Duration = float(float64(at.UnixMilli() - started))
	}
	var anomalies []any
	if judge != nil {
		anomalies = judge(all)
	}
	edit := func(m *entity.Manifest) error {
		facts.set(m.Properties)
		m.Properties["status"], m.Properties["completed_at"] = f.Status, entity.FormatTime(at)
		if judge != nil {
			m.Properties["anomalies"] = anomalies
		}
		m.Properties["chain"] = map[string]any{"name": Chain, "n": w.head.N, "head": entity.Link{CID: w.head.CID}, "hash": HashOf(w.head.CID)}
		f.correct(m)
		return nil
	}
	w.ended = true
	if w.draft != nil {
		m := entity.Manifest{Properties: w.draft.Properties, Relationships: w.draft.Relationships}
		err = edit(&m)
	} else {
		_, err = w.tx.Put(w.id, entity.Any, edit)
	}
	if err == nil {
		err = w.Flush()
	}
	return w.last, facts.Duration, err
}

// correct says in the manifest what only the end knew.
func (f *Finish) correct(m *entity.Manifest) {
	if !f.Began.IsZero() {
		m.Properties["started_at"] = entity.FormatTime(f.Began)
	}
	if f.Agent != nil {
		m.Properties["agent_name"] = f.Agent.Label
		for i, r := range m.Relationships {
			if r.Predicate == PredicateAgent {
				m.Relationships[i] = entity.Relationship{Predicate: PredicateAgent, Peer: f.Agent.ID, PeerType: entity.TypeAgent, PeerLabel: f.Agent.Label}
			}
		}
	}
	if f.Agent != nil || !f.Began.IsZero() {
		m.Properties["label"] = text(m.Properties, "agent_name") + " " + text(m.Properties, "started_at")
	}
}

// Pin is the chain's head as a run's manifest pins it; ok is false of a run
// that has not ended.
func Pin(m *entity.Manifest) (ref entity.ChainRef, ok bool) {
	pin, _ := m.Properties["chain"].(map[string]any)
	link, isLink := pin["head"].(entity.Link)
	n, isInt := pin["n"].(int64)
	return entity.ChainRef{N: n, CID: link.CID}, isLink && isInt
}

func float(f float64) *float64 { return &f }
