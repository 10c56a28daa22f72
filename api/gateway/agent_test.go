package gateway_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"stemma/api/auth"
	"stemma/api/llm/agent"
	"stemma/api/llm/budget"
	"stemma/api/llm/llmtest"
	"stemma/api/llm/memory"
	"stemma/api/llm/provider"
	"stemma/api/llm/runs"
	"stemma/api/llm/turn"
	"stemma/entity"
)

// messages are those that the provider was sent last, role and text.
func (w *rig) sent() string {
	w.t.Helper()
	list, _ := w.up.Last().Object()["messages"].([]any)
	var out []string
	for _, m := range list {
		out = append(out, text(m, "role")+": "+text(m, "content"))
	}
	return strings.Join(out, " | ")
}

// An agent remembers: what was said before goes before what is asked, in one
// piece and streamed; a client that sends the history itself gets it once; names
// are the client's own within its partition and tenant.
func TestMemory(t *testing.T) {
	for _, sealed := range []bool{false, true} {
		t.Run(fmt.Sprint("sealed ", sealed), func(t *testing.T) {
			w := newRig(t, rigOptions{agent: object{"conversations_enabled": true}, settings: object{"seal_content": sealed}}, llmtest.Say("It is sunny"))
			first := w.call("POST", "/v1/chat/completions", say("Weather?"))
			got := decode(t, first.Body.Bytes())
			id := text(got, "conversation_id")
			if len(id) != 36 || first.Header().Get("X-Arachne-Conversation-ID") != id || at(got, "partition_id") != nil {
				t.Fatalf("%v %s", first.Header(), first.Body)
			}
			with := func(q, conversation, partition string) object {
				b := say(q)
				b["conversation_id"], b["partition_id"] = conversation, partition
				return b
			}
			second := w.call("POST", "/v1/chat/completions", streamed(object{"messages": say("And tomorrow?")["messages"], "conversation_id": id}))
			if !strings.Contains(second.Body.String(), `"choices":[],"conversation_id":"`+id+`"`) || second.Header().Get("X-Arachne-Conversation-ID") != id {
				t.Errorf("%v\n%s", second.Header(), second.Body)
			}
			if got, want := w.sent(), "user: Weather? | assistant: It is sunny | user: And tomorrow?"; got != want {
				t.Errorf("the provider is sent %s", got)
			}
			w.chat(200, object{"conversation_id": id, "messages": []object{{"role": "system", "content": "Rhyme."}, {"role": "user", "content": "Why?"}}})
			if got, want := w.sent(), "system: Rhyme. | user: Weather? | assistant: It is sunny | user: And tomorrow? | assistant: It is sunny | user: Why?"; got != want {
				t.Errorf("the provider is sent %s", got)
			}
			w.chat(200, object{"conversation_id": id, "messages": []object{{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}}})
			if got, want := w.sent(), "user: a | assistant: b | user: c"; got != want {
				t.Errorf("a client that sends the history: %s", got)
			}
			for _, elsewhere := range []object{with("Hm?", id, "p"), with("Hm?", "x"+id, "")} {
				if elsewhere["partition_id"] == "" {
					delete(elsewhere, "partition_id")
				}
				w.chat(200, elsewhere)
				if got := w.sent(); got != "user: Hm?" {
					t.Errorf("another conversation: %s", got)
				}
			}
			w.chat(200, with("Again?", id, "p"))
			if got, want := w.sent(), "user: Hm? | assistant: It is sunny | user: Again?"; got != want {
				t.Errorf("in the partition: %s", got)
			}
			if sealed {
				w.noSecret("Weather?", "It is sunny")
				r := w.recorded()[0]
				content, err := runs.Open(w.box.Of(w.tenant), r.ID, 2, r.steps[1])
				if err != nil || content["output"] != "It is sunny" || r.steps[1]["output"] != nil {
					t.Errorf("%v, %v", content, err)
				}
			}
			w.history(id, "user Weather? assistant It is sunny user And tomorrow? assistant It is sunny user Why? assistant It is sunny user c assistant It is sunny")
		})
	}
}

// history makes sure of a conversation as the portal lists it.
func (w *rig) history(name, want string) {
	w.t.Helper()
	w.ok(w.store.View(context.Background(), func(r entity.Reader) error {
		id, err := memory.Find(r, memory.Place{Tenant: w.tenant, Workspace: w.workspace, Conversation: name})
		w.ok(err)
		messages, _, err := memory.History(r, id, w.box.Of(w.tenant))
		w.ok(err)
		var got []string
		for _, m := range messages {
			got = append(got, m.Role, m.Content)
		}
		if got := strings.Join(got, " "); got != want {
			w.t.Errorf("the conversation is %s", got)
		}
		n, active, err := memory.Count(r, id)
		if err != nil || n != int64(len(messages)) || active == 0 {
			w.t.Errorf("%d messages, active at %d: %v", n, active, err)
		}
		return nil
	}))
}

// A conversation of another tenant is not there, whatever it is called.
func TestMemoryIsTheTenants(t *testing.T) {
	w := newRig(t, rigOptions{agent: object{"conversations_enabled": true}}, llmtest.Say("Yes"))
	ask := object{"messages": say("A secret")["messages"], "conversation_id": "shared", "partition_id": "user_42"}
	w.chat(200, ask)
	_, workspace := w.newTenant("Neighbour", nil)
	other := w.newAgent(workspace, object{"conversations_enabled": true}, object{"provider": "openai", "base_url": w.up.URL + "/v1", "model": "m-1"})
	ask["messages"] = say("What was said?")["messages"]
	w.chat(200, ask, "Authorization", "Bearer "+w.newKey(workspace, other))
	if got := w.sent(); got != "user: What was said?" {
		t.Errorf("the neighbour's provider is sent %s", got)
	}
}

// Past the agent's limit a conversation is summed up, by the model that is set
// for it, and goes on with the summary; where that fails it goes on as it was.
func TestSummary(t *testing.T) {
	w := newRig(t, rigOptions{agent: object{"conversations_enabled": true, "conversation_token_limit": 10, "conversation_summary_model": "m-small"}},
		llmtest.Say(strings.Repeat("long ", 20)), llmtest.JSON(400, `{"error":"no"}`), llmtest.Say("Fine"), llmtest.Say("They spoke at length."), llmtest.Say("Yes"))
	ask := object{"messages": say("One")["messages"], "conversation_id": "c"}
	w.chat(200, ask)
	w.engine.Settle()
	if got := text(w.up.Last().Object(), "model"); got != "m-small" {
		t.Errorf("the summary is asked of %s", got)
	}
	w.chat(200, ask)
	if got := w.up.Seen()[2].Object()["messages"]; len(got.([]any)) != 3 {
		t.Errorf("after a summary that failed: %v", got)
	}
	w.engine.Settle()
	w.chat(200, ask)
	w.engine.Settle()
	if got, want := w.sent(), "system: Summary of the conversation so far:\nThey spoke at length. | user: One"; got != want {
		t.Errorf("the provider is sent %s", got)
	}
	w.ok(w.store.View(context.Background(), func(r entity.Reader) error {
		id, err := memory.Find(r, memory.Place{Tenant: w.tenant, Workspace: w.workspace, Conversation: "c"})
		w.ok(err)
		messages, snapshots, err := memory.History(r, id, nil)
		if err != nil || len(messages) != 6 || len(snapshots) != 1 || snapshots[0].Archived != 4 || snapshots[0].Summary != "They spoke at length." {
			t.Errorf("%v %v %v", messages, snapshots, err)
		}
		return nil
	}))
}

var passages = []turn.Passage{
	{ChunkID: "01F:0", CID: entity.SumBlock([]byte("a")), Content: strings.Repeat("Marmots sleep. ", 20), Similarity: 0.9, KnowledgeBase: "alps", Rank: 1, SourcePath: "marmots.txt"},
	{ChunkID: "01F:1", CID: entity.SumBlock([]byte("b")), Content: "Ibex climb.", Similarity: 0.5, KnowledgeBase: "alps", Rank: 2, SourcePath: "ibex.txt"},
}

// Without a provider the built-in model quotes the knowledge base, and says what
// it is; to every client.
func TestBuiltIn(t *testing.T) {
	w := newRig(t, rigOptions{noneSet: true, agent: object{"knowledge_base": "alps"}, turn: turn.Options{Retrieve: func(context.Context, turn.Query) ([]turn.Passage, error) { return passages[1:], nil }}})
	ask := say("Who climbs?")
	ask["model"] = "gpt-whatever"
	got := w.chat(200, ask)
	said := text(got, "choices", 0, "message", "content")
	if text(got, "model") != turn.BuiltIn || !strings.Contains(said, "[1] Ibex climb. (source: ibex.txt)") || !strings.Contains(said, "is not a language model") || at(got, "rag_sources", 0, "content") != "Ibex climb." {
		t.Errorf("%v", got)
	}
	out := w.call("POST", "/v1/chat/completions", streamed(ask)).Body.String()
	if !strings.Contains(out, "Ibex climb.") || !strings.HasSuffix(out, "data: [DONE]\n\n") || !strings.Contains(out, "rag_sources") {
		t.Errorf("%s", out)
	}
	out = w.call("POST", "/v1/messages", streamed(object{"max_tokens": 9, "messages": []object{{"role": "user", "content": "Hi"}}})).Body.String()
	if !strings.Contains(out, "Ibex climb.") || !strings.Contains(out, "message_stop") {
		t.Errorf("%s", out)
	}
	if out := w.call("POST", "/v1/embeddings", object{"input": "x"}); out.Code != 501 {
		t.Errorf("embeddings: %d %s", out.Code, out.Body)
	}
	if got := text(decode(t, w.call("GET", "/v1/models", nil).Body.Bytes()), "data", 0, "id"); got != turn.BuiltIn {
		t.Errorf("the models are %s", got)
	}
	r := w.lastRun()
	if p := w.recorded()[0].Properties; p["cost_usd"] != int64(0) || p["model"] != turn.BuiltIn || len(w.up.Seen()) != 0 {
		t.Errorf("%v %v", p, r)
	}
	w.set(w.agent, object{"knowledge_base": ""})
	if got := text(w.chat(200, ask), "choices", 0, "message", "content"); !strings.Contains(got, "No knowledge base is attached") {
		t.Error(got)
	}
}

// Policies: how the agent's prompt and tools go together with the client's.
func TestPolicies(t *testing.T) {
	w := newRig(t, rigOptions{agent: object{"system_prompt": "AGENT"}}, llmtest.Say("Yes"))
	tool := func(name, of string) object {
		return object{"type": "function", "function": object{"name": name, "description": of}}
	}
	w.set(w.agent, object{"skills": []object{tool("a", "agent"), tool("b", "agent")}})
	ask := object{"messages": []object{{"role": "system", "content": "CLIENT"}, {"role": "user", "content": "Hi"}}, "tools": []object{tool("b", "client"), tool("c", "client")}}
	for policies, want := range map[[2]string]string{
		{"", ""}:                    "system: AGENT\n\nCLIENT | user: Hi / a agent b agent c client",
		{"prepend", "merge"}:        "system: AGENT\n\nCLIENT | user: Hi / a agent b agent c client",
		{"append", "overwrite"}:     "system: CLIENT\n\nAGENT | user: Hi / a agent b agent",
		{"overwrite", "ignore"}:     "system: AGENT | user: Hi / b client c client",
		{"ignore", "no such thing"}: "system: CLIENT | user: Hi / a agent b agent c client",
	} {
		w.set(w.agent, object{"merge_policies": object{"system_prompt": policies[0], "skills": policies[1]}})
		w.chat(200, ask)
		var tools []string
		list, _ := w.up.Last().Object()["tools"].([]any)
		for _, t := range list {
			tools = append(tools, text(t, "function", "name"), text(t, "function", "description"))
		}
		if got := w.sent() + " / " + strings.Join(tools, " "); got != want {
			t.Errorf("%v: %s, want %s", policies, got, want)
		}
	}
}

// What tenants above say is inherited; a change counts at once; a key is not
// sent to an address that it was not given for.
func TestPlansFollowChanges(t *testing.T) {
	w := newRig(t, rigOptions{}, llmtest.Say("Yes"))
	w.chat(200, say("Hi"))
	w.set(w.tenant, object{"settings": object{"system_prompt": "HOUSE"}})
	w.chat(200, say("Hi"))
	if got := w.sent(); got != "system: HOUSE | user: Hi" {
		t.Errorf("the tenant's prompt: %s", got)
	}
	other := llmtest.New(t, llmtest.Say("Stolen"))
	w.set(w.agent, object{"provider_config": object{"provider": "openai", "base_url": other.URL + "/v1", "model": "m-1"}})
	w.chat(200, say("Hi"))
	if got := other.Last().Header.Get("Authorization"); got != "" {
		t.Errorf("the key went to another address: %s", got)
	}
}

// A provider that does not answer is followed by the next of the chain, before
// the first piece; the run has both.
func TestFallback(t *testing.T) {
	second := llmtest.New(t, llmtest.AnthropicSay("From the second"))
	w := newRig(t, rigOptions{client: provider.Options{Failures: 1000}}, llmtest.JSON(500, `{"error":{"message":"down"}}`))
	var id entity.ID
	w.update(func(tx entity.Tx) error {
		c := &provider.Config{Kind: provider.Anthropic, BaseURL: second.URL, Model: "claude-x"}
		tree := c.Tree()
		tree["label"], tree["tenant_available"] = "Second", true
		v, err := tx.Create(entity.Draft{Type: agent.TypeProvider, Properties: tree})
		if err != nil {
			return err
		}
		id = v.Manifest.ID
		return provider.SetCredential(tx, w.box, id, c, "sk-second")
	})
	w.set(w.agent, object{"provider_config": object{"provider": "openai", "base_url": w.up.URL + "/v1", "model": "m-1", "fallbacks": []any{object{"model": "m-2"}, object{"gateway_provider_id": string(id)}}}})
	for _, stream := range []bool{false, true} {
		ask := say("Hi")
		if stream {
			ask = streamed(ask)
		}
		out := w.call("POST", "/v1/chat/completions", ask).Body.String()
		if !strings.Contains(out, "From the second") {
			t.Fatalf("%s", out)
		}
		if got := second.Last(); got.Header.Get("X-Api-Key") != "sk-second" || text(got.Object(), "model") != "claude-x" {
			t.Errorf("%v %s", got.Header, got.Body)
		}
		r := w.lastRun()
		if r.kinds() != "start step step step end" || r.Properties["provider"] != "anthropic" || r.Properties["status"] != "completed" || r.steps[1]["model"] != "m-1" || r.steps[2]["model"] != "m-2" {
			t.Errorf("%s %v", r.kinds(), r.Properties)
		}
	}
	w.up.Script(llmtest.JSON(400, `{"error":{"message":"your fault"}}`))
	before := len(second.Seen())
	if w.chat(400, say("Hi")); len(second.Seen()) != before {
		t.Error("a request that is wrong was tried elsewhere")
	}
}

// Limits of the key and the tenant: 429 with Retry-After, the provider is not
// asked; of many calls at once no more come through than the limit has.
func TestLimits(t *testing.T) {
	price := func(_ provider.Kind, model string) (turn.Price, bool) {
		return turn.Price{Input: 1000, Output: 2000}, model == "m-1"
	}
	for name, c := range map[string]struct {
		agent, tenant object
		through       int
		code          string
	}{
		"requests of the key":    {object{"limits": object{"requests_per_minute": 3}}, nil, 3, "3 requests a minute of this key"},
		"requests of the tenant": {nil, object{"limits": object{"requests_per_minute": 4}}, 4, "4 requests a minute of this tenant"},
		"tokens of the key":      {object{"limits": object{"tokens_per_minute": 2100}}, nil, 2, "2100 tokens a minute of this key"},
		"dollars of the tenant":  {nil, object{"limits": object{"usd_per_day": 4.3}}, 2, "4.3 dollars a day of this tenant"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newRig(t, rigOptions{agent: c.agent, settings: c.tenant, turn: turn.Options{Price: price, Limits: budget.New(budget.Options{})}})
			hold := make(chan struct{})
			w.up.Script(func(rw http.ResponseWriter, r *http.Request, seen *llmtest.Request) {
				<-hold
				llmtest.Say("Yes")(rw, r, seen)
			})
			var mu sync.Mutex
			codes := map[int]int{}
			refusal, after := "", ""
			var all sync.WaitGroup
			for range 20 {
				all.Go(func() {
					out := w.call("POST", "/v1/chat/completions", say("Hi"))
					mu.Lock()
					defer mu.Unlock()
					if codes[out.Code]++; out.Code == 429 {
						refusal, after = out.Body.String(), out.Header().Get("Retry-After")
					}
				})
			}
			w.waitFor(func() bool { // while none is settled
				mu.Lock()
				defer mu.Unlock()
				return codes[429] == 20-c.through
			})
			close(hold)
			all.Wait()
			if codes[200] != c.through || codes[429] != 20-c.through || !strings.Contains(refusal, c.code) || !strings.Contains(refusal, `"rate_limit_error"`) || after == "" || len(w.up.Seen()) != c.through {
				t.Errorf("%v, %s, Retry-After %s", codes, refusal, after)
			}
		})
	}
}

// What a call costs is on its run: by the price table, and null where that does
// not have the model.
func TestCost(t *testing.T) {
	price := func(kind provider.Kind, model string) (turn.Price, bool) {
		return turn.Price{Input: 2, Output: 10}, kind == provider.OpenAI && model == "m-1"
	}
	w := newRig(t, rigOptions{turn: turn.Options{Price: price}}, llmtest.Say("Yes"))
	w.chat(200, say("Hi"))
	if p := w.lastRun().Properties; p["cost_usd"] != 0.00009 {
		t.Errorf("20 tokens in and 5 out cost %v", p["cost_usd"])
	}
}

// Tokens that a cache had cost what the price says of them, also when that is
// nothing, and what the others do where it says nothing.
func TestCostOfCachedTokens(t *testing.T) {
	free, half := 0.0, 1.0
	answer := llmtest.JSON(200, `{"id":"c","object":"chat.completion","model":"m-1","choices":[{"index":0,"message":{"role":"assistant","content":"Yes"},"finish_reason":"stop"}],
		"usage":{"prompt_tokens":20,"completion_tokens":5,"total_tokens":25,"prompt_tokens_details":{"cached_tokens":15}}}`)
	for name, c := range map[string]struct {
		cached *float64
		want   float64
	}{"nothing is said": {nil, 0.00009}, "it is free": {&free, 0.00006}, "it is half": {&half, 0.000075}} {
		price := func(provider.Kind, string) (turn.Price, bool) {
			return turn.Price{Input: 2, Output: 10, Cached: c.cached}, true
		}
		w := newRig(t, rigOptions{turn: turn.Options{Price: price}}, answer)
		w.chat(200, say("Hi"))
		if p := w.lastRun().Properties; p["cost_usd"] != c.want {
			t.Errorf("%s: 20 tokens in, of which 15 cached, and 5 out cost %v, want %v", name, p["cost_usd"], c.want)
		}
	}
}

// Who is let in: an agent's key in either header, and nobody else.
func TestKeys(t *testing.T) {
	w := newRig(t, rigOptions{}, llmtest.Say("Yes"))
	for name, c := range map[string]struct {
		headers []string
		status  int
		code    string
	}{
		"bearer":             {nil, 200, ""},
		"x-api-key":          {[]string{"Authorization", "", "X-Api-Key", w.key}, 200, ""},
		"nothing":            {[]string{"Authorization", ""}, 401, "missing_api_key"},
		"a key of nobody":    {[]string{"Authorization", "Bearer loom_sk_" + strings.Repeat("x", 32)}, 401, "invalid_api_key"},
		"no key at all":      {[]string{"Authorization", "Bearer hello"}, 401, "invalid_api_key"},
		"another scheme":     {[]string{"Authorization", "Basic aGk6aGk="}, 401, "invalid_api_key"},
		"a user's key":       {[]string{"Authorization", "Bearer " + w.root}, 401, "invalid_api_key"},
		"a key that is near": {[]string{"Authorization", "Bearer " + w.key[:len(w.key)-1]}, 401, "invalid_api_key"},
	} {
		for _, op := range w.ops {
			if op.Method != "POST" && c.status == 200 {
				continue
			}
			body := any(say("Hi"))
			if op.ID != "createChatCompletion" && c.status == 200 {
				continue
			}
			out := w.call(op.Method, strings.Replace(op.Path, "{model}", "m-1", 1), body, c.headers...)
			got := decode(t, out.Body.Bytes())
			if out.Code != c.status {
				t.Errorf("%s, %s: %d %s", op.ID, name, out.Code, out.Body)
			}
			if c.code != "" && op.ID != "createMessage" && (text(got, "error", "code") != c.code || text(got, "error", "type") != "invalid_request_error") {
				t.Errorf("%s, %s: %s", op.ID, name, out.Body)
			}
			if c.code != "" && op.ID == "createMessage" && text(got, "error", "type") != "authentication_error" {
				t.Errorf("%s, %s: %s", op.ID, name, out.Body)
			}
		}
	}
	w.set(w.tenant, object{"status": "inactive"})
	w.chat(401, say("Hi"))
	w.set(w.tenant, object{"status": "active"})
	w.chat(200, say("Hi"))
	w.update(func(tx entity.Tx) error {
		_, err := w.auth.RevokeKey(tx, w.agent, auth.Shown(w.key))
		return err
	})
	if got := w.chat(401, say("Hi")); text(got, "error", "code") != "invalid_api_key" {
		t.Errorf("a revoked key: %v", got)
	}
}

// Models that the agent may not be asked for are 404 with the code that clients
// know.
func TestModels(t *testing.T) {
	w := newRig(t, rigOptions{agent: object{"available_models": []string{"m-2", "m-1"}}}, llmtest.Say("Yes"))
	ask := say("Hi")
	ask["model"] = "m-2"
	w.chat(200, ask)
	if got := text(w.up.Last().Object(), "model"); got != "m-2" {
		t.Errorf("the provider is asked for %s", got)
	}
	ask["model"] = "m-9"
	if got := w.chat(404, ask); text(got, "error", "code") != "model_not_found" {
		t.Error(got)
	}
	got := decode(t, w.call("GET", "/v1/models", nil).Body.Bytes())
	if text(got, "data", 0, "id") != "m-1" || text(got, "data", 1, "id") != "m-2" || at(got, "data", 2) != nil || text(got, "first_id") != "m-1" {
		t.Error(got)
	}
	if out := w.call("GET", "/v1/models/m-9", nil); out.Code != 404 {
		t.Errorf("%d", out.Code)
	}
}
