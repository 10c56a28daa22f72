package gateway_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"stemma/api/llm/llmtest"
	"stemma/api/llm/tools"
	"stemma/api/llm/turn"
	"stemma/entity"
)

// toolServer is an MCP server with two tools that wants a token.
type toolServer struct {
	*httptest.Server
	calls atomic.Int64
}

func newToolServer(t *testing.T, token string) *toolServer {
	t.Helper()
	s := &toolServer{}
	server := mcp.NewServer(&mcp.Implementation{Name: "weather", Version: "1"}, nil)
	type city struct {
		City string `json:"city"`
	}
	mcp.AddTool(server, &mcp.Tool{Name: "weather", Description: "Weather of a city"}, func(_ context.Context, _ *mcp.CallToolRequest, in city) (*mcp.CallToolResult, any, error) {
		s.calls.Add(1)
		return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: "sunny in " + in.City}}}, nil, nil
	})
	mcp.AddTool(server, &mcp.Tool{Name: "fails"}, func(context.Context, *mcp.CallToolRequest, city) (*mcp.CallToolResult, any, error) {
		return nil, nil, fmt.Errorf("the sensor is wet")
	})
	handler := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, &mcp.StreamableHTTPOptions{Stateless: true})
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if token != "" && r.Header.Get("Authorization") != "Bearer "+token {
			http.Error(w, "no token", http.StatusUnauthorized)
			return
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Server.Close)
	return s
}

func (w *rig) withTools(s *toolServer, token string) {
	w.t.Helper()
	w.set(w.agent, object{"mcp_endpoints": []object{{"name": "station", "url": s.URL}}})
	w.update(func(tx entity.Tx) error { return tools.SetCredential(tx, w.box, w.agent, s.URL, token) })
}

// Tools of servers are found, offered to the model, and called for any number of
// rounds, in one piece and while streaming; the client sees the answer alone, and
// the run every call.
func TestTools(t *testing.T) {
	for _, stream := range []bool{false, true} {
		t.Run(fmt.Sprint("stream ", stream), func(t *testing.T) {
			s := newToolServer(t, "station-token")
			w := newRig(t, rigOptions{}, llmtest.Call("weather", `{"city":"Bern"}`, "weather", `{"city":"Chur"}`), llmtest.Call("fails", `{"city":"Sion"}`), llmtest.Call("weather", `not json`), llmtest.Say("Sunny in both."))
			w.withTools(s, "station-token")
			ask := object{"messages": say("Weather?")["messages"], "stream": stream, "tools": []object{{"type": "function", "function": object{"name": "mine"}}}}
			out := w.call("POST", "/v1/chat/completions", ask)
			got := out.Body.String()
			if out.Code != 200 || !strings.Contains(got, "Sunny") || strings.Contains(got, "tool_calls") || stream != strings.HasSuffix(got, "data: [DONE]\n\n") {
				t.Errorf("%d %s", out.Code, got)
			}
			if stream && strings.Count(got, `"finish_reason":"stop"`) != 1 {
				t.Errorf("it does not end once:\n%s", got)
			}
			if w.sent() != "user: Weather? | assistant:  | tool: sunny in Bern | tool: sunny in Chur | assistant:  | tool: the sensor is wet | assistant:  | tool: the arguments are not a JSON object: invalid character 'o' in literal null (expecting 'u')" {
				t.Errorf("the provider is sent %s", w.sent())
			}
			offered, _ := w.up.Last().Object()["tools"].([]any)
			if len(offered) != 3 || text(offered[1], "function", "name") != "weather" || text(offered[1], "function", "description") != "Weather of a city" || text(offered[2], "function", "name") != "mine" {
				t.Errorf("the model is offered %v", offered)
			}
			r := w.lastRun()
			if r.kinds() != "start step tool tool step tool step tool step end" || r.steps[2]["tool_name"] != "weather" || r.steps[2]["result"] != "sunny in Bern" || r.steps[5]["status"] != "error" || r.Properties["tools"] != int64(4) || r.Properties["prompt_tokens"] != int64(80) {
				t.Errorf("%s %v", r.kinds(), r.Properties)
			}
			if s.calls.Load() != 2 {
				t.Errorf("the tool was called %d times", s.calls.Load())
			}
			w.noSecret("station-token")
		})
	}
}

// What the model asks for of the client's tools, the client gets, also where
// there are tools of ours; streamed it is whole.
func TestToolsOfTheClient(t *testing.T) {
	w := newRig(t, rigOptions{}, llmtest.Call("mine", `{"x":1}`))
	w.withTools(newToolServer(t, ""), "")
	ask := say("Do it")
	ask["tools"] = []object{{"type": "function", "function": object{"name": "mine"}}}
	if got := w.chat(200, ask); text(got, "choices", 0, "message", "tool_calls", 0, "function", "name") != "mine" {
		t.Error(got)
	}
	out := w.call("POST", "/v1/chat/completions", streamed(ask)).Body.String()
	if !strings.Contains(out, `"name":"mine"`) || !strings.Contains(out, `"finish_reason":"tool_calls"`) || strings.Count(out, `"arguments":`) != 3 {
		t.Errorf("%s", out)
	}
}

// A model that calls tools for ever is told to answer after a number of rounds.
func TestToolLoop(t *testing.T) {
	s := newToolServer(t, "")
	w := newRig(t, rigOptions{turn: turn.Options{Rounds: 3}}, llmtest.Call("weather", `{"city":"Bern"}`))
	w.withTools(s, "")
	for _, stream := range []bool{false, true} {
		before, calls := len(w.up.Seen()), s.calls.Load()
		ask := say("Weather?")
		ask["stream"] = stream
		out := w.call("POST", "/v1/chat/completions", ask)
		if out.Code != 200 || !strings.Contains(out.Body.String(), "tool_calls") {
			t.Errorf("%d %s", out.Code, out.Body)
		}
		if n := len(w.up.Seen()) - before; n != 4 || s.calls.Load()-calls != 3 || w.up.Last().Object()["tool_choice"] != "none" {
			t.Errorf("%d rounds, %d calls, tool_choice %v", n, s.calls.Load()-calls, w.up.Last().Object()["tool_choice"])
		}
	}
}

// A server of tools that is away, or does not take the token, is missing, and the
// chat goes on without.
func TestToolsMissing(t *testing.T) {
	s := newToolServer(t, "station-token")
	w := newRig(t, rigOptions{}, llmtest.Say("Yes"))
	w.withTools(s, "wrong")
	w.chat(200, say("Hi"))
	missing, _ := w.lastRun().Properties["missing"].([]any)
	if len(missing) != 1 || !strings.Contains(fmt.Sprint(missing), "tools of station") || w.up.Last().Object()["tools"] != nil {
		t.Errorf("%v", missing)
	}
	// A token is for the URL that it was set for.
	other := newToolServer(t, "station-token")
	w.set(w.agent, object{"mcp_endpoints": []object{{"name": "station", "url": other.URL}}})
	w.update(func(tx entity.Tx) error {
		return tools.SetCredential(tx, w.box, w.agent, s.URL, "station-token")
	})
	w.chat(200, say("Hi"))
	if missing, _ := w.lastRun().Properties["missing"].([]any); len(missing) != 1 {
		t.Errorf("the token was sent to another URL: %v", missing)
	}
}
