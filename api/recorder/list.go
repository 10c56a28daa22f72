package recorder

import (
	"context"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"stemma/api/recorder/anomaly"
	"stemma/api/recorder/narrate"
	"stemma/api/recorder/run"
	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/guard"
)

const (
	scanRuns    = 20_000 // runs that one answer looks at
	scanEntries = 50_000 // entries that one answer searches for text
	inputShown  = 200    // characters of the input in a list
)

type listRunsIn struct {
	Agent      string    `query:"agent" alias:"agent_name,agent_id" max:"200" doc:"its name or id"`
	Status     []string  `query:"status" enum:"running,completed,failed,timeout" doc:"separated by commas"`
	Trigger    []string  `query:"trigger" alias:"trigger_type" enum:"api,schedule,webhook,manual,auto" doc:"separated by commas"`
	From       time.Time `query:"from" alias:"since,start_date" doc:"begun at or after"`
	To         time.Time `query:"to" alias:"until,end_date" doc:"begun before"`
	Model      string    `query:"model" max:"200" doc:"used in it"`
	MinCost    *float64  `query:"min_cost_cents" min:"0"`
	MaxCost    *float64  `query:"max_cost_cents" min:"0"`
	Anomaly    string    `query:"anomaly" max:"100" doc:"a code, or any, or none; of a run that is running left_open is known alone: nothing came for half an hour, and later the server ends it"`
	Session    string    `query:"session" alias:"session_id" max:"100"`
	Trace      string    `query:"trace_id" pattern:"^[0-9a-f]{32}$" doc:"W3C trace context: runs of one trace, exported or called through the proxy, and those that have ended with a step of it"`
	Text       string    `query:"q" alias:"text" max:"500"`
	Collection entity.ID `query:"collection" doc:"of somebody else's recordings that you may view; left out: yours"`
	Limit      int       `query:"limit" default:"50" min:"1" max:"200"`
	Cursor     string    `query:"cursor" max:"200"`
}

// RunsResponse is a page of runs.
type RunsResponse struct {
	Runs       []RunItem `json:"runs"`
	HasMore    bool      `json:"has_more"`
	NextCursor *string   `json:"next_cursor" doc:"null at the end"`
}

// RunItem is a run in a list.
type RunItem struct {
	RunID       string    `json:"run_id"`
	EntityID    entity.ID `json:"entity_id" doc:"of the run, for the rest of the API"`
	AgentID     entity.ID `json:"agent_id"`
	AgentName   string    `json:"agent_name"`
	SessionID   *string   `json:"session_id"`
	Status      string    `json:"status" enum:"running,completed,failed,timeout"`
	Trigger     string    `json:"trigger_type"`
	Input       *string   `json:"input" doc:"its beginning"`
	StartedAt   string    `json:"started_at"`
	CompletedAt *string   `json:"completed_at"`
	DurationMS  *float64  `json:"duration_ms"`
	TotalTokens *float64  `json:"total_tokens" doc:"null where it is not known"`
	TotalCost   *float64  `json:"total_cost_cents" doc:"null where it is not known"`
	Steps       *int64    `json:"step_count" doc:"null of a run that is running"`
	Tools       *int64    `json:"tool_call_count" doc:"null of a run that is running"`
	Errors      int64     `json:"error_count"`
	Models      []string  `json:"models"`
	Anomalies   []string  `json:"anomalies" doc:"codes"`
	ErrorType   *string   `json:"error_type"`
	Partial     bool      `json:"partial" doc:"the recording is not whole"`
	TraceID     string    `json:"trace_id,omitempty" doc:"W3C trace context"`
	DeletedAt   *string   `json:"content_deleted_at,omitempty" doc:"what was said was deleted then"`
	Hold        *run.Hold `json:"hold,omitempty" doc:"retention passes it by"`
}

func itemOf(s *run.Summary) RunItem {
	item := RunItem{
		RunID: run.Name(s.ID), EntityID: s.ID, AgentID: s.Agent, AgentName: s.AgentName, Status: s.Status, Trigger: s.Trigger,
		StartedAt: entity.FormatMillis(s.Started), DurationMS: s.Duration, TotalTokens: s.Tokens, TotalCost: s.CostCents,
		Steps: s.Steps, Tools: s.Tools, Errors: s.Errors, Models: s.Models, Anomalies: s.Anomalies, Partial: s.Partial, TraceID: s.Trace, Hold: s.Held,
	}
	if s.Session != "" {
		name := run.SessionName(s.Session)
		item.SessionID = &name
	}
	if s.Completed != 0 {
		at := entity.FormatMillis(s.Completed)
		item.CompletedAt = &at
	}
	if s.Deleted != 0 {
		at := entity.FormatMillis(s.Deleted)
		item.DeletedAt = &at
	}
	if s.ErrorType != "" {
		item.ErrorType = &s.ErrorType
	}
	return item
}

func (s *Service) listRuns(ctx context.Context, in *listRunsIn) (*wire.Reply, error) {
	cursor, err := base64.RawURLEncoding.DecodeString(in.Cursor)
	after, ok := run.ParseCursor(cursor)
	if err != nil || !ok {
		return nil, invalidField("must be the next_cursor of an earlier answer", "cursor")
	}
	if !in.From.IsZero() && !in.To.IsZero() && !in.From.Before(in.To) {
		return nil, invalidField("must be later than from", "to")
	}
	if in.Anomaly != "" && in.Anomaly != "any" && in.Anomaly != "none" && !slices.ContainsFunc(anomaly.Rules(), func(r anomaly.Rule) bool { return r.Code == in.Anomaly }) {
		return nil, invalidField("must be any, none or a code: "+anomalyCodes(), "anomaly")
	}
	out := RunsResponse{Runs: []RunItem{}}
	err = s.view(ctx, func(r *guard.Reader) error {
		collection, err := listed(r, in.Collection)
		if err != nil || collection == "" {
			return err
		}
		keep, agent, err := in.filter(r, collection, s.now())
		if err != nil || keep == nil {
			return err
		}
		found, next, err := run.List(r, collection, agent, run.Page{After: after, Limit: in.Limit, Scan: scanRuns}, keep)
		if err != nil {
			return err
		}
		for _, sum := range found {
			item := itemOf(sum)
			if start, err := run.At(r, sum.ID, 1); err == nil && start.Input != nil {
				short := narrate.Short(*start.Input, inputShown)
				item.Input = &short
			}
			out.Runs = append(out.Runs, item)
		}
		if next != nil {
			text := base64.RawURLEncoding.EncodeToString(next)
			out.NextCursor, out.HasMore = &text, true
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return wire.OK(out), nil
}

func anomalyCodes() string {
	var codes []string
	for _, r := range anomaly.Rules() {
		codes = append(codes, r.Code)
	}
	return strings.Join(codes, ", ")
}

// listed is the collection whose runs are listed, "" where the caller has none.
func listed(r *guard.Reader, asked entity.ID) (entity.ID, error) {
	if asked == "" {
		return recordings(r)
	}
	h, err := r.Head(asked)
	if err == nil && h.Type != entity.TypeCollection || err != nil && entity.KindOf(err) == entity.KindNotFound {
		return "", absent(err, "there is no collection %s", asked)
	}
	return asked, err
}

// filter is what the query asks of a run, and the agent whose runs alone count;
// nil where none can.
func (in *listRunsIn) filter(r *guard.Reader, collection entity.ID, now time.Time) (keep func(*run.Summary) (bool, error), agent entity.ID, err error) {
	if in.Agent != "" {
		if agent, err = entity.ParseID(in.Agent); err != nil {
			if agent, err = run.AgentNamed(r, collection, in.Agent); err != nil || agent == "" {
				return nil, "", err
			}
		}
	}
	var session entity.ID
	if in.Session != "" {
		if session, err = run.ParseSession(r.Network(), in.Session); err != nil {
			return nil, "", err
		}
	}
	words, left := strings.ToLower(in.Text), scanEntries
	return func(s *run.Summary) (bool, error) {
		if !r.Sees(entity.Head{ID: s.ID, Type: run.Type, Collection: s.Collection}) {
			return false, nil
		}
		if s.Status == run.Running {
			if err := in.running(r, s, now, &left); err != nil {
				return false, err
			}
		}
		switch {
		case len(in.Status) > 0 && !slices.Contains(in.Status, s.Status),
			len(in.Trigger) > 0 && !slices.Contains(in.Trigger, s.Trigger),
			!in.From.IsZero() && s.Started < in.From.UnixMilli(),
			!in.To.IsZero() && s.Started >= in.To.UnixMilli(),
			in.Model != "" && !slices.Contains(s.Models, in.Model),
			in.MinCost != nil && (s.CostCents == nil || *s.CostCents < *in.MinCost),
			in.MaxCost != nil && (s.CostCents == nil || *s.CostCents > *in.MaxCost),
			in.Anomaly == "any" && len(s.Anomalies) == 0,
			in.Anomaly == "none" && len(s.Anomalies) > 0,
			in.Anomaly != "" && in.Anomaly != "any" && in.Anomaly != "none" && !slices.Contains(s.Anomalies, in.Anomaly),
			session != "" && s.Session != session,
			in.Trace != "" && s.Trace != in.Trace && !slices.Contains(s.Traces, in.Trace):
			return false, nil
		}
		if words == "" {
			return true, nil
		}
		return mentions(r, s, words, &left)
	}, agent, nil
}

// mentions looks for a text, in lower case, in all that was recorded of a run.
// left is how many entries may still be looked at; where there are none the
// page ends before the run.
func mentions(r *guard.Reader, s *run.Summary, words string, left *int) (bool, error) {
	if *left <= 0 {
		return false, run.ErrEnough
	}
	if strings.Contains(strings.ToLower(s.AgentName+"\n"+s.ErrorType+"\n"+strings.Join(s.Models, "\n")), words) {
		return true, nil
	}
	for e, err := range run.Entries(r, s.ID, 1) {
		if err != nil {
			return false, err
		}
		*left--
		if entryMentions(e, words) {
			return true, nil
		}
	}
	return false, nil
}

func entryMentions(e *run.Entry, words string) bool {
	for _, v := range []any{e.Tool, e.Model, e.Error, e.ErrorType, textOf(e.Input), textOf(e.Output), textOf(e.Reasoning), textOf(e.SystemPrompt), textOf(e.TargetSystem),
		e.Arguments, e.Result, e.Metadata, e.Instructions, e.Documents, e.ToolCalls, e.Request, e.Response} {
		if holds(v, words) {
			return true
		}
	}
	return false
}

func textOf(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func holds(v any, words string) bool {
	switch v := v.(type) {
	case string:
		return strings.Contains(strings.ToLower(v), words)
	case []any:
		return slices.ContainsFunc(v, func(x any) bool { return holds(x, words) })
	case map[string]any:
		for k, x := range v {
			if holds(k, words) || holds(x, words) {
				return true
			}
		}
	}
	return false
}
