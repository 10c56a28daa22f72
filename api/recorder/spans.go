package recorder

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	"stemma/api/recorder/otlp"
	"stemma/api/recorder/run"
	"stemma/entity"
	"stemma/entity/access"
)

const (
	traceSecret = "recorder/trace/"
	talkSecret  = "recorder/conversation/"
	// mostOfTrace bounds what is kept to know a trace's spans again: 8 bytes each,
	// written with every export of it.
	mostOfTrace = 50_000
)

// keptTrace is what is kept of a trace: the run that it is, and its spans, which
// are known again when they are sent again.
type keptTrace struct {
	_     struct{} `cbor:",toarray"`
	Run   entity.ID
	Named naming
	Said  string            // the block of the last step in which a model said something
	Spans []byte            // identifiers, in the order they came
	calls map[string]string // the step that asked for a tool call, by the call's identifier
	said  int64             // the place of the step that Said is to be
}

func (k *keptTrace) len() int { return len(k.Spans) / 8 }

// fresh are the spans that were not recorded before, each once.
func (k *keptTrace) fresh(spans []arrived) (out []arrived) {
	known := make(map[string]bool, k.len())
	for id := range slices.Chunk(k.Spans, 8) {
		known[string(id)] = true
	}
	for _, s := range spans {
		id, _ := hex.DecodeString(s.ID) // which otlp wrote
		if !known[string(id)] {
			known[string(id)] = true
			out = append(out, s)
		}
	}
	return out
}

// traceIDsOf are an entry's places in a trace. They are not masked: a number of
// digits only is not a card's.
type traceIDsOf struct{ trace, span, parent string }

func (t traceIDsOf) on(body entity.Properties) entity.Properties {
	if t == (traceIDsOf{}) {
		return body
	}
	f := fields(maps.Clone(body))
	if f == nil {
		f = fields{}
	}
	return entity.Properties(f.name("trace_id", t.trace).name("span_id", t.span).name("parent_span_id", t.parent))
}

// begin starts the run of a trace.
func (x *exporter) begin(t *traced, kept *keptTrace) error {
	first := t.spans[0]
	metadata := fields{}.object("resource", first.Resource)
	name, err := x.nameOf(kept.Named.Name)
	if err != nil {
		return err
	}
	for _, other := range []string{x.from.Agent, shortened(first.Service, 200)} {
		if name == "" {
			if name, err = x.nameOf(other); err != nil {
				return err
			}
		}
	}
	if name == "" && x.tx.Principal().Kind != access.Agent {
		name = "unknown_service" // what OpenTelemetry calls it
	}
	session, err := x.sessionOf(t.talk(), name)
	if err != nil {
		return err
	}
	got, err := x.apply(&record{
		kind: run.KindStart, agent: name, session: session, word: "api", at: t.began(), ids: traceIDsOf{trace: t.id},
		body: entity.Properties(fields{}.text("input", t.input()).object("metadata", metadata)),
	})
	kept.Run = got.id
	return err
}

// sessionOf is the session of a conversation, which is made when it is new; "" for
// none.
func (x *exporter) sessionOf(talk, agent string) (string, error) {
	if talk == "" {
		return "", nil
	}
	sum := sha256.Sum256([]byte(talk))
	key := talkSecret + string(x.collection) + "/" + hex.EncodeToString(sum[:])
	b, err := x.tx.Secret(key)
	if err != nil {
		return "", err
	}
	if b != nil {
		h, err := x.tx.Reader.Reader.Head(entity.ID(b))
		if err != nil || !h.Deleted {
			return string(h.ID), err
		}
	}
	got, err := x.apply(&record{kind: kindSession, agent: agent, body: entity.Properties{"metadata": map[string]any{"gen_ai.conversation.id": talk}}})
	x.tx.SetSecret(key, []byte(got.id))
	return string(got.id), err
}

// nameOf is a name under which an agent is found or made; "" for the identifier
// of what is no agent here, which is somebody else's.
func (x *exporter) nameOf(name string) (string, error) {
	id, err := entity.ParseID(name)
	if err != nil {
		return name, nil
	}
	h, err := x.tx.Head(id)
	switch {
	case err != nil && entity.KindOf(err) == entity.KindNotFound, err == nil && (h.Type != entity.TypeAgent || h.Deleted):
		return "", nil
	}
	return name, err
}

// span records what a span tells, and ends the run with the root.
func (x *exporter) span(t *traced, kept *keptTrace, s arrived) error {
	id, _ := hex.DecodeString(s.ID) // which otlp wrote
	kept.Spans = append(kept.Spans, id...)
	ids := traceIDsOf{s.Trace, s.ID, s.Parent}
	root := s.Span == t.root
	put := func(kind run.Kind, step string, body fields) (answer, error) {
		return x.apply(&record{kind: kind, run: string(kept.Run), step: step, at: s.Start, ids: ids, body: entity.Properties(body)})
	}
	switch {
	case s.Kind == otlp.Tool:
		if _, err := put(run.KindTool, kept.calls[s.ToolCall], toolOf(s)); err != nil {
			return err
		}
	case s.Kind == otlp.Model || !root:
		got, err := put(run.KindStep, "", x.s.stepOf(s))
		if err != nil {
			return err
		}
		kept.asked(s, run.EntryName(got.id, run.KindStep, got.n))
		if s.Kind == otlp.Model && s.Call.Output != nil {
			kept.said = got.n
		}
	}
	if s.Call.System != nil && !s.lean {
		if _, err := put(run.KindContext, "", fields{}.text("system_prompt", s.Call.System).number("total_tokens", s.Call.Tokens.Input)); err != nil {
			return err
		}
	}
	if !root {
		return nil
	}
	return x.finish(t, kept, s, ids)
}

// asked remembers which step asked for which tool calls, as far as the same
// request has both.
func (k *keptTrace) asked(s arrived, step string) {
	if k.calls == nil {
		k.calls = map[string]string{}
	}
	for _, v := range s.Call.ToolCalls {
		call, _ := v.(map[string]any)
		if id, _ := call["id"].(string); id != "" {
			k.calls[id] = step
		}
	}
}

func (s *Service) stepOf(a arrived) fields {
	metadata := fields(maps.Clone(a.Metadata))
	f := fields{"step_type": stepType(a.Span)}.text("input", a.Call.Input).text("output", a.Call.Output).text("reasoning", a.Call.Reasoning).
		number("duration_ms", a.Took()).name("error_type", a.Call.ErrorType).name("error_message", a.Call.Error)
	if a.Kind == otlp.Model { // what an agent used is the sum of these
		f.number("tokens_used", a.Call.Tokens.Total).number("cost_cents", s.cost(a.Provider, &a.Call, metadata)).name("model", shortened(a.Call.Model, 200)).name("provider", shortened(a.Provider, 200))
		if usage := usageOf(a.Call.Tokens); len(usage) > 0 {
			f["usage"] = map[string]any(usage)
		}
		metadata.name("operation", a.Call.Operation).name("finish_reason", a.Call.Finish)
	}
	if len(a.Call.ToolCalls) > 0 {
		f["tool_calls"] = a.Call.ToolCalls
	}
	if len(a.Input) > 0 {
		f["request"] = map[string]any{"messages": a.Input}
	}
	if len(a.Output) > 0 {
		f["response"] = map[string]any{"messages": a.Output}
	}
	f["metadata"] = map[string]any(metadata)
	if a.lean {
		for _, key := range []string{"input", "output", "reasoning", "tool_calls", "request", "response"} {
			delete(f, key)
		}
		f["partial"] = "what was said is left out: with it the step is larger than a block"
	}
	return f
}

func stepType(s *otlp.Span) string {
	switch {
	case s.Failed:
		return "error"
	case s.Kind == otlp.Model && s.Final():
		return "completion"
	case s.Kind == otlp.Model:
		return "reasoning"
	case s.Retrieval:
		return "retrieval"
	}
	return "action"
}

func toolOf(a arrived) fields {
	f := fields{"tool_name": shortened(a.ToolName, 200), "status": "success", "metadata": a.Metadata}.number("duration_ms", a.Took()).name("error_message", a.Call.Error).name("target_system", a.Server)
	if a.ToolName == "" {
		f["tool_name"] = "tool"
	}
	if a.Failed {
		f["status"] = "error"
		if timedOut(a.Span) {
			f["status"] = "timeout"
		}
	}
	if a.Arguments != nil && !a.lean {
		f["arguments"] = a.Arguments
	}
	if a.Result != nil && !a.lean {
		f["result"] = a.Result
	}
	if a.lean {
		f["partial"] = "arguments and result are left out: with them the call is larger than a block"
	}
	return f
}

func timedOut(s *otlp.Span) bool {
	return s.Failed && strings.Contains(strings.ToLower(s.Call.ErrorType), "timeout")
}

// output is what the root says, else the first agent, else what a model said last.
func (x *exporter) output(t *traced, kept *keptTrace) (*string, error) {
	if v := t.output(); v != nil || kept.Said == "" {
		return v, nil
	}
	block, err := entity.ParseCID(kept.Said)
	if err != nil {
		return nil, entity.Internal("recorder.output", err)
	}
	e, err := run.Open(x.tx.Reader.Reader, kept.Run, block)
	if err != nil || e.Output == nil || len(*e.Output) > mostRepeated {
		return nil, err
	}
	return e.Output, nil
}

// settle writes what was recorded of a trace.
func (x *exporter) settle(kept *keptTrace) error {
	if err := x.flush(1); err != nil {
		return err
	}
	if kept.said > 0 {
		kept.Said, kept.said = x.writers[kept.Run].CID(kept.said).String(), 0
	}
	return nil
}

// finish ends the run as its root span did.
func (x *exporter) finish(t *traced, kept *keptTrace, root arrived, ids traceIDsOf) error {
	if err := x.settle(kept); err != nil { // what is asked of the run is read
		return err
	}
	m, err := tipOf(x.tx.Reader.Reader, kept.Run)
	if err != nil {
		return err
	}
	sum := run.SummaryOf(m)
	end := record{kind: run.KindEnd, run: string(kept.Run), word: run.Completed, at: root.End, ids: ids}
	switch {
	case timedOut(root.Span):
		end.word = run.TimedOut
	case root.Failed:
		end.word = run.Failed
	}
	if !root.Start.IsZero() && root.Start.UnixMilli() < sum.Started {
		end.began = root.Start
	}
	if name, err := x.nameOf(kept.Named.Name); err != nil {
		return err
	} else if name != sum.AgentName {
		end.agent = name
	}
	body := fields{}.name("error_type", root.Call.ErrorType).name("error_message", root.Call.Error)
	output, err := x.output(t, kept)
	if err != nil {
		return err
	}
	body.text("output", output)
	if root.Kind == otlp.Agent || root.Kind == otlp.Other { // a model's and a tool's are recorded already
		metadata := fields(maps.Clone(root.Metadata))
		if len(root.Input) > 0 && !root.lean {
			metadata["input_messages"] = root.Input
		}
		if len(root.Output) > 0 && !root.lean {
			metadata["output_messages"] = root.Output
		}
		body.object("metadata", metadata).number("total_tokens", root.Call.Tokens.Total)
		if root.lean {
			body["partial"] = "what was said is left out: with it the end is larger than a block"
		}
	}
	end.body = entity.Properties(body)
	_, err = x.apply(&end)
	return err
}
