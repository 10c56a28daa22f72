package portal_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"stemma/api/llm/llmtest"
)

// event is one of a streamed answer.
type event struct {
	name string
	data object
}

func eventsOf(t *testing.T, body string) (all []event) {
	t.Helper()
	for part := range strings.SplitSeq(strings.TrimSpace(body), "\n\n") {
		name, data, ok := strings.Cut(strings.TrimPrefix(part, "event: "), "\ndata: ")
		if !ok {
			t.Fatalf("no event: %q of %s", part, body)
		}
		all = append(all, event{name, decode(t, []byte(data))})
	}
	return all
}

func names(all []event) string {
	out := make([]string, len(all))
	for i, e := range all {
		out[i] = e.name
	}
	return strings.Join(out, " ")
}

// station is an MCP server with a tool that tells the weather.
func station(t *testing.T) string {
	t.Helper()
	server := mcp.NewServer(&mcp.Implementation{Name: "station", Version: "1"}, nil)
	type city struct {
		City string `json:"city"`
	}
	mcp.AddTool(server, &mcp.Tool{Name: "weather"}, func(_ context.Context, _ *mcp.CallToolRequest, in city) (*mcp.CallToolResult, any, error) {
		if in.City == "" {
			return nil, nil, fmt.Errorf("which city?")
		}
		return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: "sunny in " + in.City}}}, nil, nil
	})
	s := httptest.NewServer(mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, &mcp.StreamableHTTPOptions{Stateless: true}))
	t.Cleanup(s.Close)
	return s.URL
}

// A streamed chat tells of the tools before and after they are called, gives the
// text as it comes, and ends with what is answered without a stream: the tokens
// of all rounds, and the run, which has it all.
func TestPortalChatStreams(t *testing.T) {
	w := &world{rig: newRig(t)}
	ann := w.signUp("ann")
	up := llmtest.New(t, llmtest.Call("weather", `{"city":"Bern"}`, "weather", `{"city":""}`), llmtest.Say("Sunny in Bern."))
	w.put(200, ann.token, "/knowledge-bases", named("alps"), notes("bern.md", "Bern lies on the Aare."))
	id := w.agent(ann, object{
		"knowledgeBaseRef": "alps", "conversationsEnabled": true, "mcpEndpoints": []object{{"name": "station", "url": station(t)}},
		"providerConfig": object{"provider": "openai", "baseUrl": up.URL + "/v1", "model": "m-1", "apiKey": "sk-1"},
	})
	ask := object{"messages": []object{{"role": "user", "content": "How is the weather in Bern?"}}, "conversation_id": "c", "stream": true}
	out := w.call(ann.token, "POST", "/agents/"+id+"/chat", ask)
	all := eventsOf(t, out.Body.String())
	if got := names(all); out.Code != 200 || !strings.HasPrefix(out.Header().Get("Content-Type"), "text/event-stream") || got != "start tool_call tool_call tool_result tool_result text text text answer" {
		t.Fatalf("%d %s", out.Code, got)
	}
	if call := all[1].data; text(call, "name") != "weather" || text(call, "arguments") != `{"city":"Bern"}` || text(call, "id") != text(all[3].data, "id") {
		t.Errorf("%v", all[1])
	}
	if text(all[3].data, "result") != "sunny in Bern" || at(all[3].data, "failed") != false || at(all[4].data, "failed") != true || text(all[4].data, "result") != "which city?" {
		t.Errorf("%v %v", all[3], all[4])
	}
	said, answer := "", all[8].data
	for _, e := range all[5:8] {
		said += text(e.data, "text")
	}
	if said != "Sunny in Bern." || text(answer, "message", "content") != said || text(answer, "conversation_id") != "c" || at(answer, "prompt_tokens") != 40.0 || at(answer, "usage", "total_tokens") != 50.0 || at(answer, "cost_usd") != nil || text(answer, "rag_sources", 0, "sourcePath") != "bern.md" {
		t.Errorf("%v", answer)
	}
	run := text(answer, "run_id")
	if run == "" || run != text(all[0].data, "run_id") || text(all[0].data, "model") != "m-1" {
		t.Errorf("%v", all[0])
	}
	if trace := w.call(ann.token, "GET", "/traces/"+run, nil).Body.String(); !strings.Contains(trace, "sunny in Bern") {
		t.Error(trace)
	}
}

// What goes wrong before the first event has its status; behind it, it is told in
// the stream, and what was said is kept as partial.
func TestPortalStreamFails(t *testing.T) {
	w := &world{rig: newRig(t)}
	ann := w.signUp("ann")
	up := llmtest.New(t, llmtest.JSON(401, `{"error":{"message":"no such key","code":"invalid_api_key"}}`), llmtest.Cut(llmtest.Chunk(`{"content":"Half an "}`, "")))
	id := w.agent(ann, object{"providerConfig": object{"provider": "openai", "baseUrl": up.URL + "/v1", "model": "m-1", "apiKey": "sk-1"}, "availableModels": []string{"m-1"}})
	ask := object{"messages": []object{{"role": "user", "content": "Hi"}}, "stream": true}
	out := w.call(ann.token, "POST", "/agents/"+id+"/chat", ask)
	if out.Code != http.StatusBadGateway || !strings.Contains(out.Body.String(), "no such key") || json.Valid(out.Body.Bytes()) == false {
		t.Errorf("%d %s", out.Code, out.Body)
	}
	all := eventsOf(t, w.call(ann.token, "POST", "/agents/"+id+"/chat", ask).Body.String())
	if names(all) != "start text error" || text(all[1].data, "text") != "Half an " || text(all[2].data, "error", "message") == "" {
		t.Fatalf("%v", all)
	}
	run := w.must(200, ann.token, "GET", "/traces/"+text(all[0].data, "run_id"), nil)
	if text(run, "status") != "failed" || at(run, "run", "partial") != true {
		t.Errorf("%v", run)
	}
	ask["model"] = "m-2"
	if out := w.call(ann.token, "POST", "/agents/"+id+"/chat", ask); out.Code != http.StatusNotFound || !strings.Contains(out.Body.String(), "not one of this agent's; there are m-1") {
		t.Errorf("%d %s", out.Code, out.Body)
	}
}

// What limits have, and what is used of them: of the tenant by all, of an agent by
// each of its keys.
func TestLimitsAreTold(t *testing.T) {
	w := newRig(t)
	ann := w.signUp("ann")
	bot := w.agent(ann, object{"limits": object{"requestsPerMinute": 4}})
	w.must(200, ann.token, "PATCH", "/settings", object{"limits": object{"tokensPerMinute": 60000}})
	key := w.must(201, ann.token, "POST", "/api-keys", object{"name": "site", "agentId": bot})
	gone := w.must(201, ann.token, "POST", "/api-keys", object{"name": "gone", "agentId": bot})
	w.must(204, ann.token, "DELETE", "/api-keys/"+text(gone, "id"), nil)
	w.must(200, ann.token, "POST", "/agents/"+bot+"/chat", object{"messages": []object{{"role": "user", "content": "Hi"}}})
	got := w.must(200, ann.token, "GET", "/limits", nil)
	if tokens, _ := at(got, "tenant", "used", "tokens").(float64); tokens <= 0 || tokens > 1000 || at(got, "tenant", "limits", "tokensPerMinute") != 60000.0 || at(got, "tenant", "used", "requests") != 0.0 {
		t.Errorf("%v", got["tenant"])
	}
	if at(got, "keys", 1) != nil || text(got, "keys", 0, "id") != text(key, "id") || at(got, "keys", 0, "limits", "requestsPerMinute") != 4.0 || at(got, "keys", 0, "used", "requests") != 0.0 {
		t.Errorf("%v", got["keys"])
	}
}

// A resolved agent says which level each thing comes from, and what would answer.
func TestOrigins(t *testing.T) {
	w := newRig(t)
	ann := w.signUp("ann")
	tool := func(name string) object { return object{"type": "function", "function": object{"name": name}} }
	bot := w.agent(ann, object{"skills": []object{tool("news")}, "systemPrompt": "Be brief."})
	show := func() string {
		r := w.must(200, ann.token, "GET", "/agents/"+bot+"/resolved", nil)["resolved"]
		return fmt.Sprint(at(r, "origins", "systemPrompt"), at(r, "origins", "providerConfig"), at(r, "origins", "availableModels"), at(r, "origins", "skills"), at(r, "origins", "mcpEndpoints"), " ", at(r, "answersBy"))
	}
	if got := show(); got != "0 <nil> <nil> [0] [] stemma/extract" {
		t.Error(got)
	}
	w.must(200, ann.token, "PATCH", "/settings", object{"provider": "ollama", "baseUrl": "http://models.example/v1", "model": "m-7", "systemPrompt": "Be kind.", "availableModels": []string{"m-7"}, "skills": []object{tool("news"), tool("weather")}, "mcpEndpoints": []object{{"name": "a", "url": "https://a.example"}}})
	if got := show(); got != "0 1 1 [0 1] [1] m-7" {
		t.Error(got)
	}
	w.must(200, ann.token, "PUT", "/agents/"+bot, object{"systemPrompt": ""})
	if got := show(); got != "1 1 1 [0 1] [1] m-7" {
		t.Error(got)
	}
	// Of an agent of the tenant below, what comes from above has come two levels.
	below := text(w.must(201, ann.token, "POST", "/subtenants", object{"name": "Below"}), "subtenant", "id")
	ann = personOf(w.must(200, ann.token, "POST", "/auth/switch-tenant", object{"tenantId": below}))
	bot = w.agent(ann, object{})
	w.must(200, ann.token, "PATCH", "/settings", object{"skills": []object{tool("tides")}})
	if got := show(); got != "2 2 2 [1 2 2] [2] m-7" {
		t.Error(got)
	}
}
