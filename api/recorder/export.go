package recorder

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"stemma/api/recorder/otlp"
	"stemma/api/recorder/run"
	"stemma/entity"
	"stemma/entity/guard"
)

// atATime is how many spans a transaction records at most; one that has grown too
// large is halved.
const atATime = 500

// traced is a trace, as far as an export has it.
type traced struct {
	id    string
	spans []*otlp.Span
	root  *otlp.Span // the span without a parent, of several the last to end; nil for none
	named naming
}

// arrived is a span of a trace.
type arrived struct {
	*otlp.Span
	of   *traced
	lean bool // without the messages, with which it is too large
}

// naming is whose run a trace is, and how well that is known. Of two spans that
// know it equally well the one that started first counts, whichever comes first.
type naming struct {
	_     struct{} `cbor:",toarray"`
	Rank  int
	Name  string
	Start int64 // ms since 1970
}

// How well a span knows whose run it belongs to.
const (
	rankNone = iota
	rankSpan
	rankAgent
	rankRoot
)

func (n naming) better(o naming) naming {
	if o.Rank > n.Rank || o.Rank == n.Rank && o.Rank > rankNone && o.Start < n.Start {
		return o
	}
	return n
}

// arrange groups spans by their traces, each in the order in which things
// happened.
func arrange(spans []*otlp.Span) (out []arrived) {
	traces := map[string]*traced{}
	var order []*traced
	for _, s := range spans {
		t := traces[s.Trace]
		if t == nil {
			t = &traced{id: s.Trace}
			traces[s.Trace], order = t, append(order, t)
		}
		t.spans = append(t.spans, s)
		if s.Parent == "" && (t.root == nil || !s.End.Before(t.root.End)) {
			t.root = s
		}
	}
	for _, t := range order {
		slices.SortStableFunc(t.spans, func(a, b *otlp.Span) int { return a.Start.Compare(b.Start) })
		for _, s := range t.spans {
			known := naming{Rank: rankSpan, Name: shortened(s.AgentName, 200), Start: s.Start.UnixMilli()}
			switch {
			case s.AgentName == "":
				known.Rank = rankNone
			case s == t.root:
				known.Rank = rankRoot
			case s.Kind == otlp.Agent:
				known.Rank = rankAgent
			}
			t.named = t.named.better(known)
			out = append(out, arrived{Span: s, of: t})
		}
	}
	return out
}

// mostRepeated bounds the text that a run repeats of its spans.
const mostRepeated = 256 << 10

// first is what the earliest span of a kind says, the root before all others.
func (t *traced) first(say func(*otlp.Span) *string, kinds ...otlp.Kind) *string {
	says := func(s *otlp.Span) bool { v := say(s); return v != nil && len(*v) <= mostRepeated }
	if t.root != nil && says(t.root) {
		return say(t.root)
	}
	for _, kind := range kinds {
		for _, s := range t.spans {
			if s.Kind == kind && says(s) {
				return say(s)
			}
		}
	}
	return nil
}

func (t *traced) input() *string {
	return t.first(func(s *otlp.Span) *string { return s.Call.Input }, otlp.Agent, otlp.Model)
}

func (t *traced) output() *string {
	return t.first(func(s *otlp.Span) *string { return s.Call.Output }, otlp.Agent)
}

// talk is the conversation that the trace is part of, "" for none.
func (t *traced) talk() string {
	if t.root != nil && t.root.Talk != "" {
		return t.root.Talk
	}
	for _, s := range t.spans {
		if s.Talk != "" {
			return s.Talk
		}
	}
	return ""
}

// began is when the earliest span did that says when; zero where none does.
func (t *traced) began() time.Time {
	for _, s := range t.spans {
		if !s.Start.IsZero() {
			return s.Start
		}
	}
	return time.Time{}
}

// refused counts the spans that are not recorded, by why.
type refused struct {
	n       int
	reasons []string
	counts  map[string]int
}

func (r *refused) add(reason string, n int) {
	if r.counts == nil {
		r.counts = map[string]int{}
	}
	if r.counts[reason] == 0 {
		r.reasons = append(r.reasons, reason)
	}
	r.counts[reason] += n
	r.n += n
}

// reasonsTold bounds an answer's message.
const reasonsTold = 5

func (r *refused) message() string {
	var parts []string
	for i, reason := range r.reasons {
		if i == reasonsTold {
			parts = append(parts, fmt.Sprintf("and %d other reasons", len(r.reasons)-i))
			break
		}
		parts = append(parts, fmt.Sprintf("%d not recorded: %s", r.counts[reason], reason))
	}
	return strings.Join(parts, "; ")
}

// recordSpans records spans, those that end runs after all others and after last
// returns, and tells of those that it does not.
func (s *Service) recordSpans(ctx context.Context, agent string, spans []*otlp.Span, last func()) (refused, error) {
	var out refused
	spans = slices.DeleteFunc(spans, func(s *otlp.Span) bool {
		if s.Problem != "" {
			out.add("a span "+quoted(s.Name)+": "+s.Problem, 1)
		}
		return s.Problem != ""
	})
	var before, roots []arrived
	for _, a := range arrange(spans) {
		if a.Span == a.of.root {
			roots = append(roots, a)
		} else {
			before = append(before, a)
		}
	}
	if err := s.recordArrived(ctx, agent, before, &out); err != nil || len(roots) == 0 {
		return out, err
	}
	last()
	err := s.recordArrived(ctx, agent, roots, &out)
	return out, err
}

func (s *Service) recordArrived(ctx context.Context, agent string, list []arrived, out *refused) error {
	for part := range slices.Chunk(list, atATime) {
		if err := s.recordPart(ctx, agent, part, out); err != nil {
			return err
		}
	}
	return nil
}

func quoted(s string) string { return fmt.Sprintf("%q", shortened(s, 64)) }

func shortened(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}

// recordPart records spans in one transaction, or in as many as it takes.
func (s *Service) recordPart(ctx context.Context, agent string, part []arrived, out *refused) error {
	var not refused
	err := s.update(ctx, func(tx *guard.Tx) error {
		not = refused{}
		x := exporter{applier: s.applier(tx), not: &not}
		x.from, x.refs = callerIn{Agent: agent}, map[string]int{}
		return x.traces(part)
	})
	switch {
	case err == nil:
		for _, reason := range not.reasons {
			out.add(reason, not.counts[reason])
		}
		return nil
	case entity.KindOf(err) != entity.KindTooLarge:
		return err
	case len(part) > 1:
		half := len(part) / 2
		if err := s.recordPart(ctx, agent, part[:half], out); err != nil {
			return err
		}
		return s.recordPart(ctx, agent, part[half:], out)
	case !part[0].lean:
		part[0].lean = true
		return s.recordPart(ctx, agent, part, out)
	}
	out.add(fmt.Sprintf("a span %s is larger than a block, which takes %d MiB", quoted(part[0].Name), entity.MaxManifest>>20), 1)
	return nil
}

// exporter is one run of a transaction that records spans.
type exporter struct {
	*applier
	not *refused
}

func (x *exporter) traces(part []arrived) (err error) {
	if x.collection, err = ensureRecordings(x.tx); err != nil {
		return err
	}
	for len(part) > 0 {
		n := 1
		for n < len(part) && part[n].of == part[0].of {
			n++
		}
		if err := x.trace(part[:n]); err != nil {
			return err
		}
		part = part[n:]
	}
	return nil
}

// trace records spans of one trace.
func (x *exporter) trace(spans []arrived) error {
	t := spans[0].of
	key := traceSecret + string(x.collection) + "/" + t.id
	var kept keptTrace
	if err := getCBOR(x.tx, key, &kept); err != nil {
		return err
	}
	if spans = kept.fresh(spans); len(spans) == 0 {
		return nil
	}
	switch why, err := x.closed(t, &kept); {
	case err != nil:
		return err
	case why != "":
		x.not.add(why, len(spans))
		return nil
	}
	if kept.len()+len(spans) > mostOfTrace && spans[0].Span != t.root {
		x.not.add(fmt.Sprintf("of trace %s %d spans are recorded, and of one trace at most %d are, beside its root", t.id, kept.len(), mostOfTrace), len(spans))
		return nil
	}
	return x.take(t, key, &kept, spans)
}

// take records spans of a trace whose run takes them, or is new.
func (x *exporter) take(t *traced, key string, kept *keptTrace, spans []arrived) error {
	kept.Named = kept.Named.better(t.named)
	if kept.Run == "" {
		if err := x.begin(t, kept); err != nil {
			return err
		}
	}
	for _, s := range spans {
		if err := x.span(t, kept, s); err != nil {
			return err
		}
	}
	if err := x.settle(kept); err != nil {
		return err
	}
	return putCBOR(x.tx, key, kept)
}

// closed says why a trace's run takes no spans; "" where it does.
func (x *exporter) closed(t *traced, kept *keptTrace) (string, error) {
	if kept.Run == "" {
		return "", nil
	}
	h, err := x.tx.Reader.Reader.Head(kept.Run)
	if err != nil {
		return "", err
	}
	if h.Deleted {
		return fmt.Sprintf("the run %s of trace %s is deleted; restore it with POST /entities/%s/restore", run.Name(h.ID), t.id, h.ID), nil
	}
	m, err := x.tx.Reader.Reader.Manifest(h.CID())
	if err != nil {
		return "", err
	}
	if status, _ := m.Properties["status"].(string); status != run.Running {
		return fmt.Sprintf("the run %s of trace %s has ended (%s) and takes nothing more; a span is to be exported before or with the root span of its trace", run.Name(h.ID), t.id, status), nil
	}
	return "", nil
}
