package recorder

import (
	"context"

	"stemma/api/recorder/run"
	"stemma/api/wire"
)

type batchIn struct {
	callerIn
	Records []batchRecord `json:"records" req:"true" min:"1" max:"1000"`
}

// batchRecord is one thing to record: exactly one of its six bodies.
type batchRecord struct {
	Ref      string       `json:"ref" max:"200" doc:"names it for later records of the request"`
	Agent    string       `json:"agent_name" max:"200" doc:"of a session or run, in place of X-Agent-Name"`
	RunID    string       `json:"run_id" doc:"of a step, tool, context or complete: the run's, or the ref of an earlier record"`
	Session  *sessionBody `json:"session"`
	Run      *runBody     `json:"run"`
	Step     *stepBody    `json:"step"`
	Tool     *toolBody    `json:"tool"`
	Context  *contextBody `json:"context"`
	Complete *endBody     `json:"complete"`
}

// BatchResponse is what each record of a batch is answered with, in order.
type BatchResponse struct {
	Records []BatchAnswer `json:"records"`
}

// BatchAnswer has the members that the record's own operation answers.
type BatchAnswer struct {
	Ref        string   `json:"ref,omitempty"`
	SessionID  string   `json:"session_id,omitempty"`
	RunID      string   `json:"run_id,omitempty"`
	Status     string   `json:"status,omitempty"`
	StartedAt  string   `json:"started_at,omitempty"`
	StepID     string   `json:"step_id,omitempty"`
	Sequence   int64    `json:"sequence,omitempty"`
	StepHash   string   `json:"step_hash,omitempty"`
	ToolID     string   `json:"tool_call_id,omitempty"`
	ContextID  string   `json:"context_packet_id,omitempty"`
	DurationMS *float64 `json:"duration_ms,omitempty"`
	ChainHash  string   `json:"chain_hash,omitempty"`
}

func (s *Service) batch(ctx context.Context, in *batchIn) (*wire.Reply, error) {
	records := make([]record, len(in.Records))
	for i := range in.Records {
		rec, err := in.Records[i].record(i)
		if err != nil {
			return nil, err
		}
		records[i] = rec
	}
	answers, err := s.ingest(ctx, in.callerIn, records)
	if err != nil {
		return nil, err
	}
	out := BatchResponse{Records: make([]BatchAnswer, len(answers))}
	for i, a := range answers {
		out.Records[i] = a.batch()
		out.Records[i].Ref = records[i].ref
	}
	return wire.Created(out), nil
}

func (b *batchRecord) record(i int) (rec record, err error) {
	bodies := 0
	take := func(r record) { rec, bodies = r, bodies+1 }
	if b.Session != nil {
		take(b.Session.record())
	}
	if b.Run != nil {
		take(b.Run.record())
	}
	if b.Step != nil {
		take(b.Step.record())
	}
	if b.Tool != nil {
		take(b.Tool.record())
	}
	if b.Context != nil {
		take(b.Context.record())
	}
	if b.Complete != nil {
		take(b.Complete.record())
	}
	if bodies != 1 {
		return rec, invalidField("must have exactly one of session, run, step, tool, context and complete", "records", i)
	}
	rec.ref, rec.agent, rec.run = b.Ref, b.Agent, b.RunID
	if needs := rec.kind != kindSession && rec.kind != run.KindStart; needs && b.RunID == "" {
		return rec, invalidField("is required: the run's, or the ref of an earlier record", "records", i, "run_id")
	}
	return rec, nil
}
