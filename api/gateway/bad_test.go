package gateway_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"stemma/api/llm/llmtest"
	"stemma/entity"
)

// bad is a request that is refused before anybody is asked.
type bad struct {
	name, body string
	headers    []string
	status     int
	says       string
}

// everywhere are faults that every body can have.
func everywhere(good string) []bad {
	return []bad{
		{"nothing", "", nil, 400, "the body is missing"},
		{"no JSON", "hello", nil, 400, "not a JSON object"},
		{"cut off", good[:len(good)-1], nil, 400, "not a JSON object"},
		{"an array", "[1]", nil, 400, "not a JSON object"},
		{"null", "null", nil, 400, "null"},
		{"no UTF-8", "{\"a\":\"\xff\"}", nil, 400, "UTF-8"},
		{"XML", good, []string{"Content-Type", "application/xml"}, 415, "application/json"},
		{"33 MiB", `{"a":"` + strings.Repeat("x", 33<<20) + `"}`, nil, 413, "limit"},
		{"no key", good, []string{"Authorization", ""}, 401, "No API key"},
		{"an empty object", "{}", nil, 400, ""},
	}
}

func badRows() map[string]struct {
	good string
	bad  []bad
} {
	type row = struct {
		good string
		bad  []bad
	}
	with := func(members string) string {
		return `{"messages":[{"role":"user","content":"Hi"}],` + members + `}`
	}
	messages := func(list string) string { return `{"max_tokens":5,"messages":` + list + `}` }
	both := []bad{
		{"messages of text", messages(`"Hi"`), nil, 400, "messages must be an array"},
		{"no messages", messages(`[]`), nil, 400, "at least one message"},
		{"a message of text", messages(`["Hi"]`), nil, 400, "messages"},
		{"a message of null", messages(`[null]`), nil, 400, "messages"},
		{"a role that is none", messages(`[{"role":"wizard","content":"Hi"}]`), nil, 400, "must be"},
		{"content of a number", messages(`[{"role":"user","content":7}]`), nil, 400, "content"},
		{"no content", messages(`[{"role":"user"}]`), nil, 400, "content"},
		{"parts of text", messages(`[{"role":"user","content":["Hi"]}]`), nil, 400, ""},
		{"a model of a number", with(`"model":7`), nil, 400, "model must be text"},
		{"a stream of text", with(`"stream":"yes"`), nil, 400, "stream must be true or false"},
		{"a temperature of text", with(`"temperature":"hot"`), nil, 400, "temperature must be a number"},
		{"tools of text", with(`"tools":"all"`), nil, 400, "tools must be an array"},
		{"max_tokens of text", with(`"max_tokens":"many"`), nil, 400, "max_tokens must be an integer"},
		{"max_tokens below 0", with(`"max_tokens":-1`), nil, 400, "at least 1"},
		{"a conversation of a number", with(`"conversation_id":7`), nil, 400, "conversation_id must be text"},
		{"a conversation of nothing", with(`"conversation_id":" "`), nil, 400, "must not be empty"},
		{"a partition of 300 characters", with(`"partition_id":"` + strings.Repeat("x", 300) + `"`), nil, 400, "255 characters"},
	}
	chat := append([]bad{
		{"a result of no call", messages(`[{"role":"tool","content":"Hi"}]`), nil, 400, "tool_call_id is required"},
		{"calls of text", messages(`[{"role":"assistant","tool_calls":"x"}]`), nil, 400, "messages"},
		{"n of 0", with(`"n":0`), nil, 400, "n must be at least 1"},
		{"a tool of text", with(`"tools":["x"]`), nil, 400, "tools.0 must be an object"},
		{"stream_options of text", with(`"stream_options":"x"`), nil, 400, "stream_options must be an object"},
	}, both...)
	return map[string]row{
		"createChatCompletion": {with(`"model":"m-1"`), chat},
		"createMessage":        {messages(`[{"role":"user","content":"Hi"}]`), both},
		"createEmbedding": {`{"input":"x"}`, []bad{
			{"input of a number", `{"input":7}`, nil, 400, "input is required"}, {"input of nothing", `{"input":""}`, nil, 400, "must not be empty"},
			{"no inputs", `{"input":[]}`, nil, 400, "at least one"}, {"2049 inputs", `{"input":[` + strings.Repeat(`"x",`, 2048) + `"x"]}`, nil, 400, "2048"},
			{"dimensions of text", `{"input":"x","dimensions":"many"}`, nil, 400, "an integer"}, {"a model of a number", `{"input":"x","model":1}`, nil, 400, "model must be text"},
		}},
		"createResponse": {`{"input":"x"}`, []bad{
			{"no input", `{"model":"m-1"}`, nil, 400, "input is required"}, {"instructions of a number", `{"input":"x","instructions":7}`, nil, 400, "instructions must be text"},
			{"max_output_tokens of text", `{"input":"x","max_output_tokens":"many"}`, nil, 400, "an integer"},
		}},
		"listModels": {}, "getModel": {},
		"listTraces": {}, "getAnalyticsSummary": {}, "getAnalyticsTimeseries": {}, // see TestBadAnalytics
	}
}

// Every operation has a row; every bad request is answered with its status, and
// what would be right, in its format; no provider is asked, and the log stays as
// it was. The good request is answered.
func TestBadInput(t *testing.T) {
	w := newRig(t, rigOptions{}, llmtest.Say("Yes"))
	rows := badRows()
	for _, op := range w.ops {
		row, ok := rows[op.ID]
		if !ok {
			t.Errorf("%s has no row", op.ID)
			continue
		}
		delete(rows, op.ID)
		if row.good == "" {
			continue
		}
		before := w.store.Seq()
		for _, b := range append(everywhere(row.good), row.bad...) {
			out := w.call(op.Method, op.Path, b.body, b.headers...)
			var got object
			if err := json.Unmarshal(out.Body.Bytes(), &got); err != nil || out.Code != b.status || !strings.Contains(text(got, "error", "message"), b.says) || text(got, "error", "type") == "" {
				t.Errorf("%s, %s: %d %s", op.ID, b.name, out.Code, out.Body)
			}
		}
		w.runs.Flush()
		if now := w.store.Seq(); now != before || len(w.up.Seen()) != 0 {
			t.Errorf("%s: the log went from %d to %d, the provider was asked %d times", op.ID, before, now, len(w.up.Seen()))
		}
	}
	for id := range rows {
		t.Errorf("the row %s has no operation", id)
	}
	for _, op := range w.ops {
		if good := badRows()[op.ID].good; good != "" && op.ID != "createEmbedding" && op.ID != "createResponse" {
			if out := w.call(op.Method, op.Path, good); out.Code != 200 {
				t.Errorf("%s: the good request: %d %s", op.ID, out.Code, out.Body)
			}
		}
	}
}

// Who may ask: the agents' own keys; a key never reaches another agent's runs,
// memory or limits. Keys of users, and nobody, are turned away everywhere.
func TestMatrix(t *testing.T) {
	w := newRig(t, rigOptions{}, llmtest.JSON(200, `{"object":"list","data":[],"output":[],"choices":[{"index":0,"message":{"role":"assistant","content":"x"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`))
	_, workspace := w.newTenant("Neighbour", nil)
	other := w.newAgent(workspace, nil, object{"provider": "openai", "base_url": w.up.URL + "/v1", "model": "m-1"})
	callers := map[string]struct {
		key    string
		status int
	}{
		"the agent": {w.key, 200}, "another tenant's agent": {w.newKey(workspace, other), 200}, "the operator": {w.root, 401}, "nobody": {"", 401},
	}
	rows := badRows()
	for _, op := range w.ops {
		for name, c := range callers {
			header := "Bearer " + c.key
			if c.key == "" {
				header = ""
			}
			var body any
			if op.Method == "POST" {
				body = rows[op.ID].good
			}
			out := w.call(op.Method, strings.Replace(op.Path, "{model}", "m-1", 1), body, "Authorization", header)
			if out.Code != c.status {
				t.Errorf("%s by %s: %d %s", op.ID, name, out.Code, out.Body)
			}
		}
	}
	of := map[entity.ID]entity.ID{}
	for _, r := range w.recorded() {
		of[r.Collection()] = entity.ID(text(r.steps[0], "agent_id"))
	}
	if len(of) != 2 || of[w.workspace] != w.agent || of[workspace] != other {
		t.Errorf("runs are in %s", fmt.Sprint(of))
	}
}
