package turn

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"slices"

	"stemma/api/llm/provider"
	"stemma/entity"
)

// The operations that are no chat: embeddings, and what is handed on as it is.

// start is the beginning that all operations have.
func (e *Engine) start(ctx context.Context, c Caller, body provider.Body, most int64) (*turn, error) {
	plan, err := e.Plan(ctx, c.Network, c.Agent)
	if err != nil {
		return nil, err
	}
	var check checker
	in := &request{body: body.Clone(), choices: 1, most: most}
	in.model = check.text(body, "model", 256)
	delete(in.body, "model")
	if err := check.err(); err != nil {
		return nil, err
	}
	return &turn{e: e, ctx: ctx, caller: c, plan: plan, in: in}, nil
}

// one calls the providers of the chain once, recorded and within the limits.
func (t *turn) one(label string, call func(*provider.Target, string) (*provider.Usage, error)) error {
	if len(t.plan.targets) == 0 {
		return entity.Errorf(entity.KindNotImplemented, "turn.one", "No provider is configured for this agent, and the built-in model answers chats alone")
	}
	if err := t.choose(); err != nil {
		return err
	}
	ticket, err := t.reserve()
	if err != nil {
		return err
	}
	t.rec.label = label
	t.begin()
	start := t.e.o.Now()
	err = t.ask(false, func(to *provider.Target, r *provider.Request) error {
		usage, err := call(to, r.Model)
		if err == nil {
			t.answer = &gathered{usage: usage}
		}
		return err
	})
	if err == nil {
		t.rec.first(t.e.o.Now())
		t.rec.model(t, start, nil)
	}
	t.settle(ticket, err)
	return err
}

// Embed asks for vectors, in OpenAI's format.
func (e *Engine) Embed(ctx context.Context, c Caller, body provider.Body) (*Out, error) {
	if err := checkInput(body); err != nil {
		return nil, err
	}
	t, err := e.start(ctx, c, body, 1)
	if err != nil {
		return nil, err
	}
	t.in.raw = []json.RawMessage{body["input"]}
	t.messages = t.in.raw
	err = t.one("Embeddings", func(to *provider.Target, model string) (*provider.Usage, error) {
		a, err := e.o.Client.Embed(ctx, to, t.in.body, model)
		if err != nil {
			return nil, err
		}
		t.out.Body, t.out.Header = a.Body, a.Header
		var said struct {
			Usage *provider.Usage `json:"usage"`
		}
		_ = json.Unmarshal(a.Body, &said) // no usage is counted
		if said.Usage != nil && said.Usage.Prompt == 0 {
			said.Usage = nil
		}
		return said.Usage, nil
	})
	if err != nil {
		return nil, err
	}
	return &t.out, nil
}

// checkInput makes sure that there is something to embed: text, or an array of
// texts or of tokens.
func checkInput(b provider.Body) error {
	var c checker
	var one string
	var list []json.RawMessage
	switch {
	case b.Into("input", &one):
		if one == "" {
			c.add("must not be empty", "input")
		}
	case !b.Into("input", &list) || len(list) == 0:
		c.add("is required: text, or an array of at least one text", "input")
	case len(list) > 2048:
		c.add("may have 2048 members at most", "input")
	}
	var n int
	c.want(b, "dimensions", "an integer", &n)
	var format string
	c.want(b, "encoding_format", "float or base64", &format)
	return c.err()
}

// Relay hands a request on to an operation that the provider has by this name,
// with the agent's prompt in "instructions", and gives what it answers to take as
// it comes.
func (e *Engine) Relay(ctx context.Context, c Caller, name string, body provider.Body, take func(*provider.Relayed) error) error {
	if !body.Has("input") {
		var check checker
		check.add("is required: text, or an array of items", "input")
		return check.err()
	}
	var most int64
	var check checker
	check.want(body, "max_output_tokens", "an integer", &most)
	instructions := check.text(body, "instructions", 0)
	if err := check.err(); err != nil {
		return err
	}
	t, err := e.start(ctx, c, body, most)
	if err != nil {
		return err
	}
	before, behind, drop := system(t.plan, nil, "")
	if !drop && instructions != "" {
		before = append(before, instructions)
	}
	if all := append(before, behind...); len(all) > 0 {
		t.in.body.Set("instructions", joined(all))
	}
	t.in.raw = []json.RawMessage{body["input"]}
	t.messages = t.in.raw
	return t.one("Response", func(to *provider.Target, model string) (*provider.Usage, error) {
		r, err := e.o.Client.Relay(ctx, to, name, t.in.body, model)
		if err != nil {
			return nil, err
		}
		defer r.Close()
		tail := &tail{}
		r.Reader = io.TeeReader(r.Reader, tail)
		t.began, t.relayed = true, true
		if err := take(r); err != nil {
			return nil, err
		}
		return tail.usage(), nil
	})
}

func joined(texts []string) string {
	var b bytes.Buffer
	for i, s := range texts {
		if i > 0 {
			b.WriteString("\n\n")
		}
		b.WriteString(s)
	}
	return b.String()
}

// tail keeps the end of what goes by, where usage stands.
type tail struct{ b []byte }

// mostTail is enough for what stands behind usage, of any response.
const mostTail = 256 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.b = append(t.b, p...)
	if over := len(t.b) - mostTail; over > mostTail {
		t.b = append(t.b[:0], t.b[over:]...)
	}
	return len(p), nil
}

// usage is the last that was told; nil for none.
func (t *tail) usage() *provider.Usage {
	at := bytes.LastIndex(t.b, []byte(`"usage":`))
	if at < 0 {
		return nil
	}
	var u struct {
		Input  int64 `json:"input_tokens"`
		Output int64 `json:"output_tokens"`
	}
	if json.NewDecoder(bytes.NewReader(t.b[at+len(`"usage":`):])).Decode(&u) != nil || u.Input+u.Output == 0 {
		return nil
	}
	return &provider.Usage{Prompt: u.Input, Completion: u.Output, Total: u.Input + u.Output}
}

// ModelNames are what an agent may be asked for, its own first.
func (p *Plan) ModelNames() []string {
	if len(p.targets) == 0 {
		return []string{BuiltIn}
	}
	var all []string
	add := func(names ...string) {
		for _, n := range names {
			if n != "" && !slices.Contains(all, n) {
				all = append(all, n)
			}
		}
	}
	add(p.targets[0].Config.Model)
	add(p.Models...)
	add(p.targets[0].Config.Models...)
	return all
}
