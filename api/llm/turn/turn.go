package turn

import (
	"cmp"
	"context"
	"encoding/json"
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

// Listener is a sink that is told of the tools that are called here, too: also
// before Begin, as a model may call some before it says a word. An error means
// what a sink's does.
type Listener interface {
	Sink
	// Call comes before a tool is called, Result with what it answered: once for
	// each call. Calls of a round are made all at once.
	Call(provider.ToolCall) error
	Result(c provider.ToolCall, r tools.Result, took time.Duration) error
}

// Opening is what is known of an answer before its first piece.
type Opening struct {
	Header       http.Header // of the provider
	Conversation string      // "": memory is off
	Partition    string
	Model        string
	Run          entity.ID // that it is recorded as
}

// Out is what an answer comes to.
type Out struct {
	Opening
	Body    []byte          // the pivot, of an answer in one piece
	Message json.RawMessage // of a streamed one: all that was said, a message of the pivot
	ID      string          // of the answer
	Sources []Source        // of the passages that were found; nil: none were looked for

	Prompt, Completion int64    // tokens, of all rounds
	CostUSD            *float64 // of all rounds; nil: it is not known
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
	if t.sink != nil {
		t.out.Message = t.answer.message()
		return nil
	}
	if t.out.Conversation == "" && t.out.Sources == nil {
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
