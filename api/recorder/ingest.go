package recorder

import (
	"context"
	"net/http"
	"time"

	"stemma/api/recorder/run"
	"stemma/api/wire"
	"stemma/entity"
)

const tagIngest = "Recorder: ingestion"

func (s *Service) ingestOps() []wire.Operation {
	op := func(method, path, id, summary, description, permission string, success wire.Success, errors ...int) wire.Operation {
		return wire.Operation{
			Method: method, Path: path, ID: id, Tag: tagIngest, Summary: summary, Description: description, Permission: permission,
			Auth: wire.AuthRequired, Success: []wire.Success{success}, Errors: append([]int{400, 401, 403, 409, 413, 429}, errors...),
		}
	}
	return []wire.Operation{
		wire.Op(op("POST", "/api/v1/sessions", "createSession", "Create a session", "Groups runs that belong together.", "session:create",
			wire.Success{Status: 201, Body: SessionResponse{}}, 404), one(s, (*createSessionIn).record, sessionResponse)),
		wire.Op(op("POST", "/api/v1/runs", "startRun", "Start a run", "`X-Agent-Name` says whose; an agent of a new name is made, and the id of an agent is taken too. `started_at` is for those that began earlier.", "run:create",
			wire.Success{Status: 201, Body: RunResponse{}}, 404), one(s, (*startRunIn).record, runResponse)),
		wire.Op(op("POST", "/api/v1/runs/{runId}/steps", "recordStep", "Record a step", "`step_hash` is the SHA-256 of the step's block in the run's chain. `model`, `provider` and `cost_cents` are counted where they are given.", "run:record",
			wire.Success{Status: 201, Body: StepResponse{}}, 404), one(s, (*recordStepIn).record, stepResponse)),
		wire.Op(op("POST", "/api/v1/runs/{runId}/tools", "recordTool", "Record a tool call", "Belongs to the step that `step_id` names, else to the latest; where there is no step, one is made.", "run:record",
			wire.Success{Status: 201, Body: ToolResponse{}}, 404), one(s, (*recordToolIn).record, toolResponse)),
		wire.Op(op("POST", "/api/v1/runs/{runId}/context", "captureContext", "Capture what the agent knew", "At the step that `step_id` names, else at the latest.", "run:record",
			wire.Success{Status: 201, Body: ContextResponse{}}, 404), one(s, (*captureContextIn).record, contextResponse)),
		wire.Op(op("PATCH", "/api/v1/runs/{runId}", "completeRun", "Complete a run", "The run takes nothing more (409). Anomalies are looked for, and `chain_hash`, the hash of the last block of its chain, is pinned in the run's manifest.", "run:record",
			wire.Success{Status: 200, Body: EndResponse{}}, 404), one(s, (*completeRunIn).record, endResponse)),
		wire.Op(op("POST", "/api/v1/batch", "recordBatch", "Record many things at once",
			"1 to 1,000 records in one transaction: all are recorded, or none. Each holds one of `session`, `run`, `step`, `tool`, `context`, `complete`, as the operations of these names take it. A `ref` names it for later records, which may write it where `run_id`, `session_id` or `step_id` is asked for.", "run:record",
			wire.Success{Status: 201, Body: BatchResponse{}}, 404), s.batch),
	}
}

// callerIn is what every recording request may say in its headers.
type callerIn struct {
	Agent string `header:"X-Agent-Name" max:"200" doc:"whose run it is; made when it is new"`
	Key   string `header:"Idempotency-Key" max:"255" doc:"the same request under the same key is answered once, for a day"`

	internal bool // of a call that was served already: it is not bounded again
}

type runIn struct {
	Run string `path:"runId"`
}

type sessionBody struct {
	Metadata map[string]any `json:"metadata"`
}

type runBody struct {
	Trigger   string         `json:"trigger_type" req:"true" enum:"api,schedule,webhook,manual,auto"`
	Input     *string        `json:"input"`
	Session   string         `json:"session_id"`
	Metadata  map[string]any `json:"metadata"`
	StartedAt time.Time      `json:"started_at" doc:"when it began, where that is not now"`
}

type stepBody struct {
	Type       string         `json:"step_type" req:"true" enum:"reasoning,tool_call,retrieval,action,error,completion"`
	Input      *string        `json:"input"`
	Output     *string        `json:"output"`
	Reasoning  *string        `json:"reasoning"`
	DurationMS *float64       `json:"duration_ms" min:"0"`
	Tokens     *float64       `json:"tokens_used" min:"0"`
	ErrorType  *string        `json:"error_type"`
	Error      *string        `json:"error_message"`
	Metadata   map[string]any `json:"metadata"`
	Model      string         `json:"model" max:"200"`
	Provider   string         `json:"provider" max:"200"`
	CostCents  *float64       `json:"cost_cents" min:"0"`
	At         time.Time      `json:"timestamp" doc:"when it happened, where that is not now"`
}

type toolBody struct {
	Step         string         `json:"step_id" doc:"else the latest"`
	Tool         string         `json:"tool_name" req:"true" min:"1" max:"200"`
	Status       string         `json:"status" req:"true" enum:"success,error,timeout"`
	Arguments    map[string]any `json:"arguments"`
	Result       any            `json:"result"`
	Error        *string        `json:"error_message"`
	DurationMS   *float64       `json:"duration_ms" min:"0"`
	TargetSystem *string        `json:"target_system"`
	At           time.Time      `json:"timestamp" doc:"when it happened, where that is not now"`
}

type contextBody struct {
	Step         string    `json:"step_id" doc:"else the latest"`
	SystemPrompt *string   `json:"system_prompt"`
	Instructions []string  `json:"active_instructions"`
	Documents    []any     `json:"retrieved_documents"`
	TotalTokens  *float64  `json:"total_tokens" min:"0"`
	At           time.Time `json:"timestamp" doc:"when it happened, where that is not now"`
}

type endBody struct {
	Status      string    `json:"status" req:"true" enum:"completed,failed,timeout"`
	Output      *string   `json:"output"`
	TotalTokens *float64  `json:"total_tokens" min:"0"`
	TotalCost   *float64  `json:"total_cost_cents" min:"0"`
	ErrorType   *string   `json:"error_type"`
	Error       *string   `json:"error_message"`
	At          time.Time `json:"completed_at" doc:"when it ended, where that is not now"`
}

// fields collects what was given of a body, in the form of a block's.
type fields entity.Properties

func (f fields) text(key string, v *string) fields {
	if v != nil {
		f[key] = *v
	}
	return f
}

func (f fields) number(key string, v *float64) fields {
	if v != nil {
		if n, err := entity.Normalize(*v); err == nil {
			f[key] = n
		}
	}
	return f
}

func (f fields) name(key, v string) fields {
	if v != "" {
		f[key] = v
	}
	return f
}

func (f fields) object(key string, v map[string]any) fields {
	if v != nil {
		f[key] = v
	}
	return f
}

func (b *sessionBody) record() record {
	return record{kind: kindSession, body: entity.Properties(fields{}.object("metadata", b.Metadata))}
}

func (b *runBody) record() record {
	return record{kind: run.KindStart, word: b.Trigger, session: b.Session, at: b.StartedAt, body: entity.Properties(fields{}.text("input", b.Input).object("metadata", b.Metadata))}
}

func (b *stepBody) record() record {
	f := fields{"step_type": b.Type}.text("input", b.Input).text("output", b.Output).text("reasoning", b.Reasoning).number("duration_ms", b.DurationMS).
		number("tokens_used", b.Tokens).text("error_type", b.ErrorType).text("error_message", b.Error).object("metadata", b.Metadata).
		name("model", b.Model).name("provider", b.Provider).number("cost_cents", b.CostCents)
	if model, _ := b.Metadata["model"].(string); b.Model == "" {
		f.name("model", model)
	}
	return record{kind: run.KindStep, at: b.At, body: entity.Properties(f)}
}

func (b *toolBody) record() record {
	f := fields{"tool_name": b.Tool, "status": b.Status}.object("arguments", b.Arguments).text("error_message", b.Error).number("duration_ms", b.DurationMS).text("target_system", b.TargetSystem)
	if b.Result != nil {
		f["result"] = b.Result
	}
	return record{kind: run.KindTool, step: b.Step, at: b.At, body: entity.Properties(f)}
}

func (b *contextBody) record() record {
	f := fields{}.text("system_prompt", b.SystemPrompt).number("total_tokens", b.TotalTokens)
	if b.Instructions != nil {
		list := make([]any, len(b.Instructions))
		for i, text := range b.Instructions {
			list[i] = text
		}
		f["active_instructions"] = list
	}
	if b.Documents != nil {
		f["retrieved_documents"] = b.Documents
	}
	return record{kind: run.KindContext, step: b.Step, at: b.At, body: entity.Properties(f)}
}

func (b *endBody) record() record {
	f := fields{}.text("output", b.Output).number("total_tokens", b.TotalTokens).number("total_cost_cents", b.TotalCost).text("error_type", b.ErrorType).text("error_message", b.Error)
	return record{kind: run.KindEnd, word: b.Status, at: b.At, body: entity.Properties(f)}
}

type createSessionIn struct {
	callerIn
	sessionBody
}

type startRunIn struct {
	callerIn
	runBody
}

type recordStepIn struct {
	callerIn
	runIn
	stepBody
}

type recordToolIn struct {
	callerIn
	runIn
	toolBody
}

type captureContextIn struct {
	callerIn
	runIn
	contextBody
}

type completeRunIn struct {
	callerIn
	runIn
	endBody
}

func (in *createSessionIn) record() (callerIn, record) { return in.callerIn, in.sessionBody.record() }
func (in *startRunIn) record() (callerIn, record)      { return in.callerIn, in.runBody.record() }
func (in *recordStepIn) record() (callerIn, record) {
	return in.callerIn, in.stepBody.record().of(in.Run)
}
func (in *recordToolIn) record() (callerIn, record) {
	return in.callerIn, in.toolBody.record().of(in.Run)
}
func (in *captureContextIn) record() (callerIn, record) {
	return in.callerIn, in.contextBody.record().of(in.Run)
}
func (in *completeRunIn) record() (callerIn, record) {
	return in.callerIn, in.endBody.record().of(in.Run)
}

// one makes the handler of an operation that records one thing.
func one[In any](s *Service, read func(*In) (callerIn, record), answer func(answer) any) func(context.Context, *In) (*wire.Reply, error) {
	return func(ctx context.Context, in *In) (*wire.Reply, error) {
		from, rec := read(in)
		answers, err := s.ingest(ctx, from, []record{rec})
		if err != nil {
			return nil, err
		}
		status := http.StatusCreated
		if rec.kind == run.KindEnd {
			status = http.StatusOK
		}
		return &wire.Reply{Status: status, Body: answer(answers[0])}, nil
	}
}
