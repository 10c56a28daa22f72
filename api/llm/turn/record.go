package turn

import (
	"cmp"
	"errors"
	"time"

	"stemma/api/llm/budget"
	"stemma/api/llm/provider"
	"stemma/api/llm/runs"
	"stemma/api/llm/tools"
	"stemma/entity"
)

// record is the run of a turn, as it grows.
type record struct {
	run        runs.Run
	label      string // what the turn is; "": a chat
	keeps      bool   // content too
	firstAt    time.Time
	steps      int64
	tools      int64
	errors     int64
	rag        map[string]any // nil: nothing was looked for
	missing    []string
	prompt     int64
	completion int64
	counted    bool // some of it is our count
	cost       float64
	unknown    bool // what some of it costs is not known
	provider   string
	modelName  string
}

// begin starts the run's record.
func (t *turn) begin() {
	now := t.e.o.Now()
	p := t.plan
	t.rec.keeps = p.Tenant != ""
	t.rec.run = runs.Run{
		Network: t.caller.Network, ID: t.e.ids.New(t.caller.Network), Agent: t.caller.Agent, AgentLabel: p.Agent.Label(), Collection: p.Workspace, Started: now,
	}
	if p.SealContent {
		if t.rec.run.Box = p.box; p.box == nil {
			t.rec.keeps = false
		}
	}
	t.out.Run = t.rec.run.ID
	t.rec.add(runs.Start, now, map[string]any{"trigger_type": t.caller.trigger(), "agent": p.Agent.Label(), "agent_id": string(t.caller.Agent), "agent_version": entity.Link{CID: p.CID}},
		map[string]any{"input": t.in.question()})
}

func (r *record) add(kind runs.Kind, at time.Time, facts, content map[string]any) {
	if !r.keeps {
		content = nil
	}
	switch kind {
	case runs.Step:
		r.steps++
		facts["sequence"] = r.steps
	case runs.Tool, runs.Context:
		facts["step"], facts["steps"] = r.steps, r.steps
	default:
		facts["steps"] = r.steps
	}
	r.run.Entries = append(r.run.Entries, runs.Entry{Kind: kind, At: at, Properties: facts, Sealed: content})
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// first notes when the first piece of the answer came.
func (r *record) first(at time.Time) {
	if r.firstAt.IsZero() {
		r.firstAt = at
	}
}

// retrieval notes what was found: the passages by their CIDs.
func (r *record) retrieval(passages []Passage, err error, took time.Duration) {
	r.rag = map[string]any{"chunks": int64(len(passages)), "retrieval_ms": ms(took), "stage_failed": "none", "fallback": false}
	facts := map[string]any{"duration_ms": ms(took)}
	if err != nil {
		r.rag["stage_failed"], r.rag["fallback"] = "retrieval", true
		var embedding *EmbeddingError
		if errors.As(err, &embedding) {
			r.rag["stage_failed"] = "embedding"
		}
		facts["error_message"] = text(err)
	}
	documents := make([]any, len(passages))
	for i, p := range passages {
		d := map[string]any{"chunk_id": p.ChunkID, "similarity": p.Similarity, "knowledge_base": p.KnowledgeBase, "source_path": p.SourcePath, "rank": int64(p.Rank)}
		if p.CID.Defined() {
			d["cid"] = entity.Link{CID: p.CID}
		}
		documents[i] = d
	}
	facts["retrieved_documents"] = documents
	r.add(runs.Context, r.run.Started, facts, nil)
}

// text is what an error says to people.
func text(err error) string {
	var e *entity.Error
	if errors.As(err, &e) && e.Message != "" {
		return e.Message
	}
	return err.Error()
}

// failed notes a call that was not answered.
func (r *record) failed(at time.Time, to *provider.Target, model string, took time.Duration, err error) {
	r.errors++
	r.provider, r.modelName = string(to.Config.Kind), model
	facts := map[string]any{"step_type": "error", "model": model, "provider": string(to.Config.Kind), "duration_ms": ms(took), "error_message": text(err), "error_type": entity.KindOf(err).String()}
	var f *provider.Failure
	if errors.As(err, &f) && f.Status != 0 {
		facts["status_code"] = int64(f.Status)
	}
	r.add(runs.Step, at, facts, nil)
}

// model notes a call that was answered, or broke off with err.
func (r *record) model(t *turn, start time.Time, err error) {
	g := t.answer
	model := t.out.Model
	if g.model != "" {
		model = g.model
	}
	r.provider, r.modelName = string(t.target.Config.Kind), model
	usage, source := g.usage, "provider"
	messages := encoded(t.messages)
	if usage == nil {
		source, r.counted = "counted", true
		said := g.text.String()
		if g.calls != nil {
			said += encoded(g.calls)
		}
		usage = &provider.Usage{Prompt: t.e.count.tokens(messages), Completion: t.e.count.tokens(said)}
	}
	facts := map[string]any{
		"step_type": "completion", "model": model, "provider": string(t.target.Config.Kind), "duration_ms": ms(t.e.o.Now().Sub(start)),
		"tokens_used": usage.Prompt + usage.Completion, "usage": map[string]any{"prompt_tokens": usage.Prompt, "completion_tokens": usage.Completion, "source": source},
	}
	r.prompt += usage.Prompt
	r.completion += usage.Completion
	var cached int64
	if usage.Details != nil {
		cached = usage.Details.Cached
	}
	if cost, ok := t.e.cost(t.target.Config.Kind, t.out.Model, model, usage.Prompt, cached, usage.Completion); ok {
		r.cost += cost
		facts["cost_cents"] = cost * 100
	} else {
		r.unknown = true
	}
	if g.finish != "" {
		facts["finish_reason"] = g.finish
	}
	if err != nil {
		r.errors++
		facts["step_type"], facts["error_message"], facts["error_type"] = "error", text(err), entity.KindOf(err).String()
		facts["partial"] = "the answer broke off"
	}
	content := map[string]any{"request": messages, "output": g.text.String()}
	if len(g.calls) > 0 {
		content["response"] = string(g.message())
	}
	r.add(runs.Step, start, facts, content)
}

func encoded(v any) string {
	b := provider.Body{}
	b.Set("v", v)
	return string(b["v"])
}

// tool notes a call of a tool.
func (r *record) tool(at time.Time, c provider.ToolCall, result tools.Result, took time.Duration) {
	r.tools++
	status := "success"
	if result.Failed {
		status = "error"
		r.errors++
	}
	r.add(runs.Tool, at, map[string]any{"tool_name": c.Function.Name, "status": status, "duration_ms": ms(took), "call_id": c.ID},
		map[string]any{"arguments": c.Function.Arguments, "result": result.Text})
}

// cost is what tokens cost in dollars; ok is false when that is not known.
func (e *Engine) cost(kind provider.Kind, asked, answered string, prompt, cached, completion int64) (usd float64, ok bool) {
	switch {
	case kind == builtInKind:
		return 0, true
	case e.o.Price == nil:
		return 0, false
	}
	p, ok := e.o.Price(kind, answered)
	if !ok && asked != answered {
		p, ok = e.o.Price(kind, asked)
	}
	if !ok {
		return 0, false
	}
	read := p.Input
	if p.Cached != nil {
		read = *p.Cached
	}
	return (float64(prompt-cached)*p.Input + float64(cached)*read + float64(completion)*p.Output) / 1e6, true
}

// reserve takes what the turn may use from the limits of the key and the tenant.
func (t *turn) reserve() (*budget.Ticket, error) {
	accounts := []budget.Account{keyAccount(t.caller.Key, t.plan.Settings.Limits), tenantAccount(t.plan.Tenant, t.plan.TenantLimits)}
	prompt := int64(0)
	for _, raw := range t.in.raw {
		prompt += int64(len(raw)+3) / 4
	}
	completion := t.in.most
	if completion == 0 {
		completion = guessedAnswer
	}
	usd := 0.0
	if len(t.plan.targets) > 0 {
		usd, _ = t.e.cost(t.plan.targets[0].Config.Kind, t.model, t.model, prompt, 0, completion*int64(t.in.choices))
	}
	return t.e.o.Limits.Reserve(accounts, prompt+completion*int64(t.in.choices), usd)
}

// guessedAnswer are the tokens that are reserved for an answer whose request does
// not bound it.
const guessedAnswer = 1024

// settle ends the turn: the limits, and the run.
func (t *turn) settle(ticket *budget.Ticket, err error) {
	ticket.Settle(t.rec.prompt+t.rec.completion, t.rec.cost)
	if t.out.Prompt, t.out.Completion = t.rec.prompt, t.rec.completion; !t.rec.unknown {
		t.out.CostUSD = &t.rec.cost
	}
	now := t.e.o.Now()
	r := &t.rec
	took := now.Sub(r.run.Started)
	status, code := runs.Completed, 200
	end := map[string]any{"total_tokens": r.prompt + r.completion}
	p := make(entity.Properties, 32) // which has room for all
	p["label"], p["model"], p["provider"], p["trigger"] = cmp.Or(r.label, "Chat")+" with "+t.plan.Agent.Label(), r.modelName, r.provider, t.caller.trigger()
	p["started_at"], p["completed_at"] = entity.FormatTime(r.run.Started), entity.FormatTime(now)
	p["latency_ms"], p["duration_ms"], p["overhead_ms"], p["stream"] = ms(took), ms(took), ms(max(0, took-t.upstream)), t.sink != nil
	p["tools"], p["errors"] = r.tools, r.errors
	if r.steps > 0 {
		p["prompt_tokens"], p["completion_tokens"], p["total_tokens"] = r.prompt, r.completion, r.prompt+r.completion
	}
	if r.counted {
		p["tokens_counted"] = true
	}
	if t.plan.Tenant != "" {
		p["tenant"] = string(t.plan.Tenant)
	}
	if t.caller.Key != "" {
		p["key"] = t.caller.Key
	}
	if err != nil {
		code = t.e.o.Status(err)
		switch entity.KindOf(err) {
		case entity.KindCanceled:
			status = runs.Cancelled
			p["partial"], end["partial"] = true, "the caller went away"
		case entity.KindTimeout:
			status = runs.TimedOut
		default:
			status = runs.Failed
		}
		p["error"], p["error_type"] = clipped(text(err)), entity.KindOf(err).String()
		end["error_message"], end["error_type"] = clipped(text(err)), entity.KindOf(err).String()
		if t.began {
			p["partial"] = true
		}
	}
	p["status"], p["status_code"], end["status"] = status, int64(code), status
	if !r.firstAt.IsZero() {
		p["ttfb_ms"] = ms(r.firstAt.Sub(r.run.Started))
	}
	if !r.unknown && r.steps > 0 {
		p["cost_usd"], p["total_cost_cents"], end["total_cost_cents"] = r.cost, r.cost*100, r.cost*100
	}
	if r.rag != nil {
		p["rag"] = r.rag
	}
	if len(r.missing) > 0 {
		list := make([]any, len(r.missing))
		for i, m := range r.missing {
			list[i] = clipped(m)
		}
		p["missing"] = list
	}
	if t.out.Conversation != "" {
		p["conversation_id"] = t.out.Conversation
	}
	p["steps"] = r.steps
	r.add(runs.End, now, end, nil)
	r.run.Properties = p
	t.e.o.Runs.Record(&r.run)
}

// clipped bounds what an error says in a manifest.
func clipped(s string) string {
	if len(s) > 1000 {
		s = s[:1000] + "…"
	}
	return s
}
