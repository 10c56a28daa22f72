package recorder

import (
	"context"
	"slices"

	"stemma/api/recorder/anomaly"
	"stemma/api/recorder/narrate"
	"stemma/api/recorder/run"
	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/guard"
)

type oneRunIn struct {
	Run string `path:"runId"`
}

// told is a run with its chain, read on one state.
type told struct {
	head     entity.Head
	manifest *entity.Manifest
	summary  *run.Summary
	all      []*run.Entry
}

// read reads a run that the caller may view, with its chain.
func read(r *guard.Reader, name string) (*told, error) {
	t, err := readHead(r, name)
	if err != nil {
		return nil, err
	}
	t.all, err = run.Read(r.Reader, t.head.ID) // allowed
	return t, err
}

// readHead is read without the chain.
func readHead(r *guard.Reader, name string) (*told, error) {
	id, err := run.ParseName(r.Network(), name)
	if err != nil {
		return nil, err
	}
	t := &told{}
	if t.head, err = runHead(r, "run:view", id); err != nil {
		return nil, err
	}
	if t.manifest, err = r.Reader.Manifest(t.head.CID()); err != nil {
		return nil, err
	}
	_, recorded := t.manifest.Properties["agent_name"] // calls of language models are runs without, of another form
	if t.summary = run.SummaryOf(t.manifest); t.summary == nil || !recorded {
		return nil, absent(nil, "%s is not a run of the recorder; GET /v1/portal/traces/%s reads it, if an agent's call was written down by it", name, id)
	}
	return t, nil
}

// start is the first entry, never nil.
func (t *told) start() *run.Entry {
	if len(t.all) > 0 && t.all[0].Kind == run.KindStart {
		return t.all[0]
	}
	return &run.Entry{}
}

// end is the last entry of a run that has ended, else nil.
func (t *told) end() *run.Entry {
	if n := len(t.all); n > 0 && t.all[n-1].Kind == run.KindEnd {
		return t.all[n-1]
	}
	return nil
}

// item is the run as lists have it, a running one counted.
func (t *told) item() RunItem {
	item := itemOf(t.summary)
	if input := t.start().Input; input != nil {
		short := narrate.Short(*input, inputShown)
		item.Input = &short
	}
	if t.summary.Status == run.Running {
		f := run.FactsOf(t.all)
		item.Steps, item.Tools, item.Errors = &f.Steps, &f.Tools, f.Errors
		item.TotalTokens, item.TotalCost, item.Models, item.Partial = f.Tokens, f.CostCents, f.Models, f.Partial
	}
	return item
}

// history is what the agent's last runs came to, of those that have ended.
func (s *Service) history(n entity.Network, of *run.Summary) (h anomaly.History, err error) {
	const recent = 50
	// The committed state, and not a transaction's, which would then be one that
	// scans: what is unusual does not hang on a run that ends at the same moment.
	err = s.stores[n].View(context.Background(), func(r entity.Reader) error {
		list, _, err := run.List(r, of.Collection, of.Agent, run.Page{Limit: recent, Scan: 4 * recent}, func(x *run.Summary) (bool, error) {
			return x.ID != of.ID && x.Status == run.Completed, nil
		})
		for _, x := range list {
			take(&h.Durations, x.Duration)
			take(&h.Costs, x.CostCents)
			take(&h.Tokens, x.Tokens)
		}
		return err
	})
	for _, list := range [...][]float64{h.Durations, h.Costs, h.Tokens} {
		slices.Sort(list)
	}
	return h, err
}

func take(list *[]float64, v *float64) {
	if v != nil {
		*list = append(*list, *v)
	}
}

// anomalies are those that the manifest has of a run that has ended, else those
// there are so far.
func (s *Service) anomalies(t *told) ([]anomaly.Found, error) {
	if t.summary.Status != run.Running {
		return anomaly.Read(t.manifest), nil
	}
	h, err := s.history(t.head.ID.Network(), t.summary)
	return anomaly.Find(t.all, anomaly.Around{History: h, Now: s.now().UnixMilli()}), err
}

// DetailResponse is a run with all that was recorded of it.
type DetailResponse struct {
	RunItem
	Input     *string         `json:"input"`
	Output    *string         `json:"output"`
	Error     *string         `json:"error_message"`
	Metadata  map[string]any  `json:"metadata"`
	Ending    map[string]any  `json:"end_metadata,omitempty" doc:"what came with its end, as of a trace's root span"`
	Parent    string          `json:"parent_span_id,omitempty" doc:"W3C trace context: what called for it"`
	StepList  []StepDetail    `json:"steps"`
	Calls     []ToolDetail    `json:"tool_calls"`
	Contexts  []ContextDetail `json:"context_packets"`
	Anomalies []anomaly.Found `json:"anomalies"`
	ChainHash *string         `json:"chain_hash" doc:"null of a run that is running"`
	Integrity VerifyResponse  `json:"integrity"`
}

// StepDetail is a step.
type StepDetail struct {
	StepID     string         `json:"step_id"`
	Sequence   int64          `json:"sequence"`
	StepType   string         `json:"step_type"`
	Input      *string        `json:"input"`
	Output     *string        `json:"output"`
	Reasoning  *string        `json:"reasoning"`
	DurationMS *float64       `json:"duration_ms"`
	TokensUsed *float64       `json:"tokens_used"`
	CostCents  *float64       `json:"cost_cents"`
	Model      string         `json:"model,omitempty"`
	Provider   string         `json:"provider,omitempty"`
	ErrorType  string         `json:"error_type,omitempty"`
	Error      string         `json:"error_message,omitempty"`
	Metadata   map[string]any `json:"metadata"`
	Usage      map[string]any `json:"usage,omitempty"`
	ToolCalls  []any          `json:"tool_calls,omitempty" doc:"what the model asked for"`
	Request    any            `json:"request,omitempty" doc:"of a call through the proxy"`
	Response   any            `json:"response,omitempty" doc:"of a call through the proxy"`
	Partial    string         `json:"partial,omitempty" doc:"why what is recorded is not all there was"`
	TraceIDs
	RecordedAt string  `json:"recorded_at"`
	StepHash   string  `json:"step_hash"`
	DeletedAt  *string `json:"content_deleted_at,omitempty"`
}

// TraceIDs are where an entry stands in a trace, in hexadecimal.
type TraceIDs struct {
	TraceID      string `json:"trace_id,omitempty" doc:"W3C trace context"`
	SpanID       string `json:"span_id,omitempty" doc:"of the span that it was exported as"`
	ParentSpanID string `json:"parent_span_id,omitempty"`
}

func traceIDs(e *run.Entry) TraceIDs { return TraceIDs{e.TraceID, e.SpanID, e.ParentSpanID} }

// ToolDetail is a tool call.
type ToolDetail struct {
	ToolCallID   string         `json:"tool_call_id"`
	StepID       *string        `json:"step_id"`
	ToolName     string         `json:"tool_name"`
	Status       string         `json:"status"`
	Arguments    any            `json:"arguments"`
	Result       any            `json:"result"`
	Error        string         `json:"error_message,omitempty"`
	DurationMS   *float64       `json:"duration_ms"`
	TargetSystem *string        `json:"target_system"`
	Metadata     map[string]any `json:"metadata,omitempty"`
	TraceIDs
	RecordedAt string  `json:"recorded_at"`
	Hash       string  `json:"hash"`
	DeletedAt  *string `json:"content_deleted_at,omitempty"`
}

// ContextDetail is a context that was captured.
type ContextDetail struct {
	ContextPacketID string   `json:"context_packet_id"`
	StepID          *string  `json:"step_id"`
	SystemPrompt    *string  `json:"system_prompt"`
	Instructions    []any    `json:"active_instructions"`
	Documents       []any    `json:"retrieved_documents"`
	TotalTokens     *float64 `json:"total_tokens"`
	RecordedAt      string   `json:"recorded_at"`
	Hash            string   `json:"hash"`
	DeletedAt       *string  `json:"content_deleted_at,omitempty"`
}

// names are the names of a run's steps by their sequence.
func (t *told) names() map[int64]string {
	out := make(map[int64]string, len(t.all))
	for _, e := range t.all {
		if e.Kind == run.KindStep {
			out[e.Sequence] = run.EntryName(t.head.ID, run.KindStep, e.N)
		}
	}
	return out
}

func nameOrNull(names map[int64]string, step int64) *string {
	if name, ok := names[step]; ok {
		return &name
	}
	return nil
}

// deletedAt is when an entry's content was deleted; nil where it was not.
func deletedAt(e *run.Entry) *string {
	if e.Gone == nil {
		return nil
	}
	at := entity.FormatMillis(e.Gone.At)
	return &at
}

func stepDetail(id entity.ID, e *run.Entry) StepDetail {
	return StepDetail{
		StepID: run.EntryName(id, e.Kind, e.N), Sequence: e.Sequence, StepType: e.StepType, Input: e.Input, Output: e.Output, Reasoning: e.Reasoning,
		DurationMS: e.DurationMS, TokensUsed: e.Tokens, CostCents: e.CostCents, Model: e.Model, Provider: e.Provider, ErrorType: e.ErrorType, Error: e.Error,
		Metadata: e.Metadata, Usage: e.Usage, ToolCalls: e.ToolCalls, Request: e.Request, Response: e.Response, Partial: e.Partial, TraceIDs: traceIDs(e),
		RecordedAt: entity.FormatMillis(e.Time()), StepHash: e.Hash(), DeletedAt: deletedAt(e),
	}
}

func toolDetail(id entity.ID, names map[int64]string, e *run.Entry) ToolDetail {
	return ToolDetail{
		ToolCallID: run.EntryName(id, e.Kind, e.N), StepID: nameOrNull(names, e.Step), ToolName: e.Tool, Status: e.Status, Arguments: e.Arguments, Result: e.Result,
		Error: e.Error, DurationMS: e.DurationMS, TargetSystem: e.TargetSystem,
		Metadata: e.Metadata, TraceIDs: traceIDs(e), RecordedAt: entity.FormatMillis(e.Time()), Hash: e.Hash(), DeletedAt: deletedAt(e),
	}
}

func contextDetail(id entity.ID, names map[int64]string, e *run.Entry) ContextDetail {
	return ContextDetail{
		ContextPacketID: run.EntryName(id, e.Kind, e.N), StepID: nameOrNull(names, e.Step), SystemPrompt: e.SystemPrompt, Instructions: e.Instructions,
		Documents: e.Documents, TotalTokens: e.TotalTokens, RecordedAt: entity.FormatMillis(e.Time()), Hash: e.Hash(), DeletedAt: deletedAt(e),
	}
}

func (s *Service) detail(ctx context.Context, in *oneRunIn) (*wire.Reply, error) {
	var out DetailResponse
	err := s.view(ctx, func(r *guard.Reader) error {
		t, err := read(r, in.Run)
		if err != nil {
			return err
		}
		v, err := verdict(r, t)
		if err != nil {
			return err
		}
		start := t.start()
		out = DetailResponse{RunItem: t.item(), Input: start.Input, Metadata: start.Metadata, Parent: start.ParentSpanID, StepList: []StepDetail{}, Calls: []ToolDetail{}, Contexts: []ContextDetail{}, Integrity: v}
		if end := t.end(); end != nil {
			hash := end.Hash()
			out.Output, out.ChainHash, out.Ending = end.Output, &hash, end.Metadata
			if end.Error != "" {
				out.Error = &end.Error
			}
		}
		names := t.names()
		for _, e := range t.all {
			switch e.Kind {
			case run.KindStep:
				out.StepList = append(out.StepList, stepDetail(t.head.ID, e))
			case run.KindTool:
				out.Calls = append(out.Calls, toolDetail(t.head.ID, names, e))
			case run.KindContext:
				out.Contexts = append(out.Contexts, contextDetail(t.head.ID, names, e))
			}
		}
		out.Anomalies, err = s.anomalies(t)
		return err
	})
	if err != nil {
		return nil, err
	}
	return wire.OK(out), nil
}

type contextAtIn struct {
	oneRunIn
	Step string `query:"step" alias:"step_id" req:"true" max:"100" doc:"the step_id"`
}

// ContextAtResponse is what the agent knew at a step.
type ContextAtResponse struct {
	RunID    string `json:"run_id"`
	At       string `json:"requested_step_id"`
	Sequence int64  `json:"sequence" doc:"of the step that was asked about"`
	Exact    bool   `json:"exact" doc:"it was captured at this step, and not before"`
	StepsAgo int64  `json:"steps_ago"`
	ContextDetail
}

func (s *Service) contextAt(ctx context.Context, in *contextAtIn) (*wire.Reply, error) {
	var out ContextAtResponse
	err := s.view(ctx, func(r *guard.Reader) error {
		t, err := read(r, in.Run)
		if err != nil {
			return err
		}
		n, ok := run.ParseEntry(t.head.ID, run.KindStep, in.Step)
		if !ok || n > int64(len(t.all)) || t.all[n-1].Kind != run.KindStep {
			return entity.NotFound("recorder.context", "the run has no step %q", narrate.Short(in.Step, 64))
		}
		step := t.all[n-1]
		var best *run.Entry
		for _, e := range t.all {
			if e.Kind == run.KindContext && e.Step <= step.Sequence && (best == nil || e.Step >= best.Step) {
				best = e
			}
		}
		if best == nil {
			return entity.NotFound("recorder.context", "no context was captured at step %d or before", step.Sequence)
		}
		out = ContextAtResponse{
			RunID: run.Name(t.head.ID), At: in.Step, Sequence: step.Sequence, Exact: best.Step == step.Sequence, StepsAgo: step.Sequence - best.Step,
			ContextDetail: contextDetail(t.head.ID, t.names(), best),
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return wire.OK(out), nil
}
