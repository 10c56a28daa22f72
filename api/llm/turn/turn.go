package turn

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"stemma/api/llm/memory"
	"stemma/api/llm/provider"
	"stemma/api/llm/tools"
	"stemma/entity"
)

// Caller is who takes a turn.
type Caller struct {
	Network entity.Network
	Agent   entity.ID
	Key     string // what is bounded beside the tenant: a name of the caller's credential
	Trigger string // what set the turn off; "": api
	Plan    *Plan  // of the agent, where it has been looked up for this turn; nil: it is
}

func (c *Caller) trigger() string { return cmp.Or(c.Trigger, "api") }

// Sink takes the pieces of a streamed answer. Its methods are called one after
// the other. An error means that nobody listens any more.
type Sink interface {
	// Begin comes once, before the first piece.
	Begin(Opening) error
	Piece(*provider.Piece) error
}

// Opening is what is known of an answer before its first piece.
type Opening struct {
	Header       http.Header // of the provider
	Conversation string      // "": memory is off
	Partition    string
	Model        string
}

// Out is what an answer comes to.
type Out struct {
	Opening
	Body    []byte    // the pivot, of an answer in one piece
	ID      string    // of the answer
	Sources []Source  // of the passages that were found; nil: none were looked for
	Run     entity.ID // that it is recorded as
}

// Source is a passage as clients are told of it, under all the names that they
// know.
type Source struct {
	ChunkID         string  `json:"chunk_id"`
	Content         string  `json:"content"`
	Similarity      float64 `json:"similarity"`
	KnowledgeBase   string  `json:"knowledge_base"`
	Rank            int     `json:"rank"`
	SourcePath      string  `json:"sourcePath"`
	SimilarityScore float64 `json:"similarityScore"`
	ContentPreview  string  `json:"contentPreview"`
	CID             string  `json:"cid" doc:"of the passage's block, by which it can be read for ever"`
}

// previewRunes is how long a preview is.
const previewRunes = 150

func sources(passages []Passage) []Source {
	out := make([]Source, len(passages))
	for i, p := range passages {
		preview := []rune(p.Content)
		if len(preview) > previewRunes {
			preview = preview[:previewRunes]
		}
		out[i] = Source{p.ChunkID, p.Content, p.Similarity, p.KnowledgeBase, p.Rank, p.SourcePath, p.Similarity, string(preview), p.CID.String()}
	}
	return out
}

// turn is one turn under way.
type turn struct {
	e      *Engine
	ctx    context.Context
	caller Caller
	plan   *Plan
	in     *request
	sink   Sink // nil: in one piece
	model  string
	target *provider.Target // that answers

	place      memory.Place
	remembered *memory.State // nil: memory is off
	passages   []Passage
	unfound    error      // why none were found; nil: they were looked for, or there is no knowledge base
	set        *tools.Set // nil: none
	messages   []json.RawMessage
	tools      []json.RawMessage

	rec      record
	answer   *gathered
	out      Out
	began    bool // the first piece is out
	relayed  bool // an answer was handed on as it came: no other can follow it
	upstream time.Duration
}

// Take takes a turn: body is the client's request in the pivot. With a sink the
// answer is streamed to it. Errors are of KindInvalid, KindNotFound for a model
// that the agent may not use, KindRateLimited, KindCanceled, or as at
// [provider.Failure]; what the sink was given before is all there is then.
func (e *Engine) Take(ctx context.Context, c Caller, body provider.Body, sink Sink) (*Out, error) {
	plan := c.Plan
	if plan == nil {
		var err error
		if plan, err = e.Plan(ctx, c.Network, c.Agent); err != nil {
			return nil, err
		}
	}
	in, err := read(body)
	if err != nil {
		return nil, err
	}
	t := &turn{e: e, ctx: ctx, caller: c, plan: plan, in: in, sink: sink}
	if err := t.choose(); err != nil {
		return nil, err
	}
	ticket, err := t.reserve()
	if err != nil {
		return nil, err
	}
	t.begin()
	err = t.take()
	t.settle(ticket, err)
	if err != nil {
		return nil, err
	}
	return &t.out, nil
}

// choose finds out which model is asked: the client's, else the agent's.
func (t *turn) choose() error {
	if len(t.plan.targets) == 0 {
		t.model = BuiltIn
		return nil
	}
	if t.model = t.in.model; t.model == "" {
		t.model = t.plan.targets[0].Config.Model
	}
	if t.model == "" && t.plan.targets[0].Config.Kind != provider.Azure {
		return entity.Invalid("turn.choose", "no model is named, and the agent has none; send model, or set one on the agent")
	}
	allowed := t.plan.Models
	if t.in.model != "" && len(allowed) > 0 && t.in.model != t.plan.targets[0].Config.Model && !slices.Contains(allowed, t.in.model) {
		e := entity.NotFound("turn.choose", "The model %q is not one of this agent's; there are %s", clip(t.in.model), strings.Join(allowed, ", "))
		e.Err = code("model_not_found")
		return e
	}
	return nil
}

// code is what an error is for programs, where its kind does not say it.
type code string

func (c code) Error() string { return string(c) }

// ErrorCode is for who renders the error.
func (c code) ErrorCode() string { return string(c) }

func clip(s string) string {
	if len(s) > 64 {
		s = s[:64] + "…"
	}
	return strings.ToValidUTF8(s, "�")
}

// take is the turn from memory to memory.
func (t *turn) take() error {
	if err := t.remember(); err != nil {
		return err
	}
	t.retrieve()
	t.messages = t.in.merged(t.plan, t.passages, t.remembered)
	if len(t.plan.targets) == 0 {
		return t.extract()
	}
	if err := t.tooled(); err != nil {
		return err
	}
	if t.set != nil {
		defer func() {
			if err := t.set.Close(); err != nil {
				t.e.o.Logger.Debug("sessions of tools are not closed", "err", err)
			}
		}()
	}
	if err := t.rounds(); err != nil {
		return err
	}
	return t.keep()
}

// remember reads the conversation, where the agent has memory.
func (t *turn) remember() error {
	p := t.plan
	if !p.ConversationsEnabled || p.Tenant == "" || p.Workspace == "" {
		return nil
	}
	if p.SealContent && p.box == nil {
		return entity.Errorf(entity.KindUnavailable, "turn.remember", "the tenant wants its conversations sealed, and this server has no master key; start it with STEMMA_MASTER_KEY")
	}
	name := t.in.conversation
	if name == "" {
		var err error
		if name, err = t.e.uuid(); err != nil {
			return err
		}
	}
	t.place = memory.Place{Tenant: p.Tenant, Workspace: p.Workspace, Agent: t.caller.Agent, Partition: t.in.partition, Conversation: name, Box: p.box}
	t.out.Conversation, t.out.Partition = name, t.in.partition
	return t.store().View(t.ctx, func(r entity.Reader) error {
		s, err := memory.Load(r, t.place)
		t.remembered = &s
		return err
	})
}

func (t *turn) store() entity.Store { return t.e.stores[t.caller.Network] }

// retrieve finds passages. A failure is the run's to tell.
func (t *turn) retrieve() {
	name := t.plan.KnowledgeBase
	question := t.in.question()
	if name == "" || t.e.o.Retrieve == nil || question == "" {
		return
	}
	start := t.e.o.Now()
	passages, err := t.e.o.Retrieve(t.ctx, Query{Network: t.caller.Network, Tenant: t.plan.Tenant, Agent: t.caller.Agent, KnowledgeBase: name, Text: question})
	t.rec.retrieval(passages, err, t.e.o.Now().Sub(start))
	if err != nil {
		level := slog.LevelWarn
		if entity.KindOf(err) == entity.KindNotFound {
			level = slog.LevelDebug // nobody has made it yet, or somebody has deleted it
		}
		t.e.o.Logger.Log(t.ctx, level, "retrieval failed; the turn goes on without", "agent", t.caller.Agent, "knowledge_base", name, "err", err)
		t.unfound = err
		return
	}
	t.passages = passages
	t.out.Sources = sources(passages)
}

// tooled gathers the tools: skills, the client's, and those of servers.
func (t *turn) tooled() error {
	skills, names := t.in.skills(t.plan)
	t.tools = skills
	if len(t.plan.endpoints) == 0 || t.e.o.Tools == nil || t.in.choices > 1 {
		return nil
	}
	t.set = t.e.o.Tools.Open(t.ctx, t.plan.endpoints, names)
	for _, err := range t.set.Failed {
		t.rec.missing = append(t.rec.missing, err.Error())
		t.e.o.Logger.Warn("tools are missing; the turn goes on without", "agent", t.caller.Agent, "err", err)
	}
	var found []json.RawMessage
	for _, tool := range t.set.Tools {
		if tool.Function != nil {
			b := provider.Body{}
			b.Set("tool", tool.Function)
			found = append(found, b["tool"])
		}
	}
	t.tools = append(found, t.tools...)
	return nil
}

// request is what the provider is sent in a round.
func (t *turn) request(model string, last bool) *provider.Request {
	b := t.in.body.Clone()
	b.Set("messages", t.messages)
	switch {
	case len(t.tools) > 0:
		b.Set("tools", t.tools)
		if last {
			b.Set("tool_choice", "none")
		}
	default:
		delete(b, "tools")
		if t.in.tools != nil { // an empty list, or all of them dropped
			delete(b, "tool_choice")
		}
	}
	return &provider.Request{Body: b, Model: model, Stream: t.sink != nil}
}

// modelOf is the model that a target of the chain is asked for: the client's of
// the first, each further one's own.
func (t *turn) modelOf(i int) string {
	if own := t.plan.targets[i].Config.Model; i > 0 && own != "" {
		return own
	}
	return t.model
}

// ask calls the providers of the chain in order until one answers.
func (t *turn) ask(last bool, call func(*provider.Target, *provider.Request) error) (err error) {
	for i := range t.plan.targets {
		t.target = &t.plan.targets[i]
		model := t.modelOf(i)
		start := t.e.o.Now()
		err = call(t.target, t.request(model, last))
		took := t.e.o.Now().Sub(start)
		t.upstream += took
		if err == nil {
			t.out.Model = model
			return nil
		}
		t.rec.failed(t.e.o.Now(), t.target, model, took, err)
		if kind := entity.KindOf(err); kind != entity.KindUpstream && kind != entity.KindRateLimited || t.ctx.Err() != nil || t.relayed {
			return err
		}
	}
	return err
}

// rounds asks until there is an answer that asks for no tool of ours.
func (t *turn) rounds() error {
	for round := 1; ; round++ {
		start := t.e.o.Now()
		last := round > t.e.o.Rounds
		run := t.wholeRound
		if t.sink != nil {
			run = t.streamRound
		}
		finish, err := run(last)
		if t.answer != nil {
			t.rec.model(t, start, err)
		}
		if err != nil {
			return err
		}
		if !t.ours() || last {
			return finish()
		}
		t.messages = append(slices.Clip(t.messages), t.answer.message())
		t.messages = append(t.messages, t.call(t.answer.calls)...)
		if t.ctx.Err() != nil {
			return canceled(t.ctx)
		}
	}
}

func canceled(ctx context.Context) error {
	return &entity.Error{Kind: entity.KindCanceled, Op: "turn", Message: "the caller went away", Err: ctx.Err()}
}

// ours tells whether the answer asks for tools, and for ours alone: what it asks
// for of the client's, the client has to see.
func (t *turn) ours() bool {
	if t.set == nil || len(t.answer.calls) == 0 {
		return false
	}
	for _, c := range t.answer.calls {
		if !t.set.Has(c.Function.Name) {
			return false
		}
	}
	return true
}

// call calls tools, all at once, and gives their results as messages.
func (t *turn) call(calls []provider.ToolCall) []json.RawMessage {
	results := make([]tools.Result, len(calls))
	took := make([]time.Duration, len(calls))
	start := t.e.o.Now()
	each(len(calls), func(i int) {
		results[i] = t.set.Call(t.ctx, calls[i].Function.Name, calls[i].Function.Arguments)
		took[i] = t.e.o.Now().Sub(start)
	})
	out := make([]json.RawMessage, len(calls))
	for i, c := range calls {
		t.rec.tool(start, c, results[i], took[i])
		b := provider.Body{}
		b.Set("role", "tool")
		b.Set("tool_call_id", c.ID)
		b.Set("content", results[i].Text)
		out[i] = b.Bytes()
	}
	t.upstream += t.e.o.Now().Sub(start)
	return out
}

// wholeRound asks for an answer in one piece. finish hands it on.
func (t *turn) wholeRound(last bool) (finish func() error, err error) {
	var a *provider.Answer
	t.answer = nil
	err = t.ask(last, func(to *provider.Target, r *provider.Request) (err error) {
		a, err = t.e.o.Client.Chat(t.ctx, to, r)
		return err
	})
	if err != nil {
		return nil, err
	}
	choices := 0
	if t.answer, choices = whole(a.Body); choices == 0 {
		return nil, entity.Errorf(entity.KindUpstream, "turn", "the provider's answer has no choices")
	}
	return func() error {
		t.rec.first(t.e.o.Now())
		t.out.Header, t.out.ID, t.out.Body = a.Header, t.answer.id, a.Body
		return nil
	}, nil
}

// streamRound asks for an answer in pieces and hands them on as they come. Where
// there are tools of ours, what may be a call of one is held back: finish hands
// it on when it was none.
func (t *turn) streamRound(last bool) (finish func() error, err error) {
	var s *provider.Stream
	t.answer = nil
	err = t.ask(last, func(to *provider.Target, r *provider.Request) (err error) {
		s, err = t.e.o.Client.Stream(t.ctx, to, r)
		return err
	})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	g := &gathered{}
	t.answer = g
	var held []provider.Piece
	wait := t.e.o.Now()
	for {
		p, err := s.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.upstream += t.e.o.Now().Sub(wait)
			return nil, err
		}
		t.rec.first(t.e.o.Now())
		g.add(&p.Chunk)
		switch {
		case p.Data != nil && len(p.Chunk.Choices) == 0 && p.Chunk.Usage != nil && !t.in.wantsUsage:
			continue // asked for by us alone
		case t.set != nil && !last && p.Data != nil && holds(&p.Chunk):
			p.Data, p.Raw = slices.Clone(p.Data), slices.Clone(p.Raw)
			held = append(held, p)
			continue
		}
		if err := t.piece(s.Header, &p); err != nil {
			return nil, err
		}
	}
	t.upstream += t.e.o.Now().Sub(wait)
	t.out.ID = g.id
	return func() error {
		for i := range held {
			if err := t.piece(s.Header, &held[i]); err != nil {
				return err
			}
		}
		if !t.began { // an answer without a piece
			return t.open(s.Header)
		}
		return nil
	}, nil
}

// holds tells whether a chunk may be part of a call, or ends an answer.
func holds(c *provider.Chunk) bool {
	if len(c.Choices) == 0 {
		return true // usage: of the last round alone
	}
	for i := range c.Choices {
		if len(c.Choices[i].Delta.ToolCalls) > 0 || c.Choices[i].Finish != "" {
			return true
		}
	}
	return false
}

func (t *turn) open(h http.Header) error {
	t.began = true
	t.out.Header = h
	return t.sunk(t.sink.Begin(t.out.Opening))
}

func (t *turn) piece(h http.Header, p *provider.Piece) error {
	if !t.began {
		if err := t.open(h); err != nil {
			return err
		}
	}
	return t.sunk(t.sink.Piece(p))
}

// sunk is the error of a sink: nobody listens any more.
func (t *turn) sunk(err error) error {
	var e *entity.Error
	if err == nil || errors.As(err, &e) && e.Kind == entity.KindCanceled {
		return err
	}
	return &entity.Error{Kind: entity.KindCanceled, Op: "turn", Message: "the caller does not take the answer", Err: err}
}

// keep writes the turn into the conversation, before its answer ends.
func (t *turn) keep() error {
	if t.remembered == nil {
		return t.complete()
	}
	messages := []memory.Message{}
	if said := t.in.news(); said != "" {
		messages = append(messages, memory.Message{Role: "user", Content: said, Run: t.rec.run.ID})
	}
	if said := t.answer.text.String(); said != "" {
		messages = append(messages, memory.Message{Role: "assistant", Content: said, Run: t.rec.run.ID})
	}
	if len(messages) == 0 {
		return t.complete()
	}
	var now memory.State
	_, err := t.store().Update(t.ctx, entity.Actor{UserID: t.caller.Agent, Method: entity.MethodAI}, func(tx entity.Tx) (err error) {
		now, err = memory.Append(tx, t.place, t.plan.SealContent, messages)
		return err
	})
	if err != nil {
		return err
	}
	t.summarise(now)
	return t.complete()
}

// complete adds to an answer in one piece what is ours.
func (t *turn) complete() error {
	if t.sink != nil || t.out.Conversation == "" && t.out.Sources == nil {
		return nil
	}
	b, err := provider.ParseBody(t.out.Body)
	if err != nil {
		return err
	}
	for name, v := range t.out.Extra() {
		b.Set(name, v)
	}
	t.out.Body = b.Bytes()
	return nil
}

// Extra are the members of an answer that are ours; nil for none.
func (o *Out) Extra() map[string]any {
	extra := map[string]any{}
	if o.Conversation != "" {
		extra["conversation_id"] = o.Conversation
		if o.Partition != "" {
			extra["partition_id"] = o.Partition
		}
	}
	if o.Sources != nil {
		extra["rag_sources"] = o.Sources
	}
	if len(extra) == 0 {
		return nil
	}
	return extra
}
