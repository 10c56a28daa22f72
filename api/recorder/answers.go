package recorder

import (
	"stemma/api/recorder/run"
	"stemma/entity"
)

// SessionResponse is a new session.
type SessionResponse struct {
	SessionID string `json:"session_id"`
}

// RunResponse is a new run.
type RunResponse struct {
	RunID     string `json:"run_id"`
	Status    string `json:"status"`
	StartedAt string `json:"started_at"`
}

// StepResponse is a step that was recorded.
type StepResponse struct {
	StepID   string `json:"step_id"`
	Sequence int64  `json:"sequence" doc:"from 1"`
	StepHash string `json:"step_hash" doc:"SHA-256 of the step's block, in hexadecimal"`
}

// ToolResponse is a tool call that was recorded.
type ToolResponse struct {
	ToolCallID string `json:"tool_call_id"`
}

// ContextResponse is a context that was captured.
type ContextResponse struct {
	ContextPacketID string `json:"context_packet_id"`
}

// EndResponse is a run that has ended.
type EndResponse struct {
	RunID      string   `json:"run_id"`
	Status     string   `json:"status"`
	DurationMS *float64 `json:"duration_ms" doc:"null when it ended before it began"`
	ChainHash  string   `json:"chain_hash" doc:"SHA-256 of the last block of its chain, in hexadecimal"`
}

func sessionResponse(a answer) any { return SessionResponse{run.SessionName(a.id)} }

func runResponse(a answer) any {
	return RunResponse{run.Name(a.id), a.status, entity.FormatMillis(a.at)}
}

func stepResponse(a answer) any {
	return StepResponse{run.EntryName(a.id, a.kind, a.n), a.sequence, run.HashOf(a.cid)}
}

func toolResponse(a answer) any { return ToolResponse{run.EntryName(a.id, a.kind, a.n)} }

func contextResponse(a answer) any { return ContextResponse{run.EntryName(a.id, a.kind, a.n)} }

func endResponse(a answer) any {
	return EndResponse{run.Name(a.id), a.status, a.duration, run.HashOf(a.cid)}
}

func (a answer) batch() (b BatchAnswer) {
	switch a.kind {
	case kindSession:
		b.SessionID = run.SessionName(a.id)
	case run.KindStart:
		b.RunID, b.Status, b.StartedAt = run.Name(a.id), a.status, entity.FormatMillis(a.at)
	case run.KindStep:
		b.StepID, b.Sequence, b.StepHash = run.EntryName(a.id, a.kind, a.n), a.sequence, run.HashOf(a.cid)
	case run.KindTool:
		b.ToolID = run.EntryName(a.id, a.kind, a.n)
	case run.KindContext:
		b.ContextID = run.EntryName(a.id, a.kind, a.n)
	case run.KindEnd:
		b.RunID, b.Status, b.DurationMS, b.ChainHash = run.Name(a.id), a.status, a.duration, run.HashOf(a.cid)
	}
	return b
}
