package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"stemma/api/llm/llmtest"
)

// scriptedModel is a server whose agents ask a model that does what the question
// says: see [modelAnswer].
func scriptedModel(t *testing.T) uiServer {
	up := llmtest.New(t)
	next, stopped := make(chan struct{}), make(chan struct{}, 16)
	up.Script(func(w http.ResponseWriter, r *http.Request, seen *llmtest.Request) {
		switch {
		case seen.Path == "/next": // the answer that comes in steps goes on
			select {
			case next <- struct{}{}:
			case <-r.Context().Done():
			}
		case seen.Path == "/stopped": // the caller of one that never ends has gone
			select {
			case <-stopped:
			case <-r.Context().Done():
			}
		case strings.HasPrefix(seen.Path, "/down/"):
			llmtest.JSON(http.StatusServiceUnavailable, `{"error":{"message":"The engine is being repaired","code":"overloaded"}}`)(w, r, seen)
		default:
			modelAnswer(seen, next, stopped)(w, r, seen)
		}
	})
	return uiServer{
		flags: []string{"--llm-url", up.URL + "/v1", "--llm-model", "m-1", "--llm-allow-private", "--price", "m-1=1,2"},
		env:   []string{"STEMMA_MODEL=" + up.URL, "STEMMA_STATION=" + station(t)},
	}
}

// modelAnswer is what the model answers to a question.
func modelAnswer(seen *llmtest.Request, next <-chan struct{}, stopped chan<- struct{}) llmtest.Answer {
	messages, _ := seen.Object()["messages"].([]any)
	last, _ := messages[len(messages)-1].(map[string]any)
	said, _ := last["content"].(string)
	switch {
	case last["role"] == "tool":
		return llmtest.Say("It is " + said + ".")
	case strings.Contains(said, "weather"):
		return llmtest.Call("weather", `{"city":"Bern"}`)
	case strings.Contains(said, "in steps"):
		return inSteps(next)
	case strings.Contains(said, "for ever"):
		return func(w http.ResponseWriter, r *http.Request, seen *llmtest.Request) {
			llmtest.Events(llmtest.Chunk(`{"content":"It goes on and "}`, ""))(w, r, seen)
			<-r.Context().Done()
			stopped <- struct{}{}
		}
	case strings.Contains(said, "another model"):
		return llmtest.JSON(http.StatusNotFound, `{"error":{"message":"The model m-1 does not exist","code":"model_not_found"}}`)
	case strings.Contains(said, "markdown"):
		return llmtest.Say(markdownAnswer)
	}
	return llmtest.Say(fmt.Sprintf("You have said %d things, the last of them %q.", asked(messages), said))
}

// inSteps says a word, and each further one when it is told to.
func inSteps(next <-chan struct{}) llmtest.Answer {
	return func(w http.ResponseWriter, r *http.Request, seen *llmtest.Request) {
		for i, word := range []string{"One", ", two", ", three."} {
			if i > 0 {
				select {
				case <-next:
				case <-r.Context().Done():
					return
				}
			}
			llmtest.Events(llmtest.Chunk(`{"content":"`+word+`"}`, ""))(w, r, seen)
		}
		llmtest.Events(llmtest.Chunk("{}", "stop"), "data: [DONE]\n\n")(w, r, seen)
	}
}

// asked is how many messages are of people.
func asked(messages []any) (n int) {
	for _, m := range messages {
		if of, _ := m.(map[string]any); of["role"] == "user" {
			n++
		}
	}
	return n
}

const markdownAnswer = "# Marmots\n\nThey **sleep** all winter, says `notes.md`:\n\n- in burrows\n- in *families*\n\n1. one\n2. two\n\n```js\nif (cold) sleep();\n```\n\n> Nobody sees them.\n\n" +
	"| Month | Awake |\n|---|---|\n| May | yes |\n\nRead [more](https://example.org/a), not [this](javascript:alert(1)).\n\n<img src=x onerror=alert(1)> is text."

// station is a server of tools.
func station(t *testing.T) string {
	server := mcp.NewServer(&mcp.Implementation{Name: "station", Version: "1"}, nil)
	type city struct {
		City string `json:"city"`
	}
	mcp.AddTool(server, &mcp.Tool{Name: "weather", Description: "Weather of a city"}, func(_ context.Context, _ *mcp.CallToolRequest, in city) (*mcp.CallToolResult, any, error) {
		return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: "sunny in " + in.City}}}, nil, nil
	})
	s := httptest.NewServer(mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, &mcp.StreamableHTTPOptions{Stateless: true}))
	t.Cleanup(s.Close)
	return s.URL
}
