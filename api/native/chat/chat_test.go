package chat_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"stemma/api/native/chat"
	"stemma/entity"
)

// What is kept is read back as it was, through the form that blocks have.
func TestEntriesAreReadBack(t *testing.T) {
	yes := true
	want := chat.Entry{
		ID: "a", Role: chat.Assistant, Finish: "stop", Usage: &chat.Usage{Input: 3, Output: 4}, Partial: true, Bytes: 99,
		Answers: []chat.Answer{{Approval: "q", Approved: true, Reason: "r"}},
		Parts: []chat.Part{{Type: chat.StepStart}, {Type: chat.Text, Text: "<é>\u2028"}, {Type: chat.ToolCall, Tool: "t", CallID: "c", State: chat.Output,
			Input: `{"/":{"bytes":1},"n":1e400}`, Output: `[1.50]`, Approval: "q", Approved: &yes}},
	}
	body, err := want.Body()
	if err != nil {
		t.Fatal(err)
	}
	sealed := &entity.ChainBlock{ID: "01KDVR0000000000000000000A", Chain: "messages", N: 1, TS: 7, Body: body}
	data, _, err := sealed.Seal()
	if err != nil {
		t.Fatal(err)
	}
	opened, _, err := entity.OpenChainBlock(data)
	if err != nil {
		t.Fatal(err)
	}
	got, err := chat.OpenEntry(opened)
	if err != nil || got.At != 7 {
		t.Fatal(got, err)
	}
	a, _ := json.Marshal(want)
	if b, _ := json.Marshal(got); string(a) != string(b) {
		t.Errorf("%s\nwant\n%s", b, a)
	}
}

// Whatever a client sends back, an answer is only ever taken to the question that
// was asked: for the same call, of the same tool, with an equal input.
func FuzzAccept(f *testing.F) {
	f.Add("a", "t", "c", "q", `{"x":1}`, true)
	f.Add("a", "t", "c", "q", `{"x": 1.0}`, true)
	f.Add("a", "t", "c", "q", `{"x":1,"y":2}`, false)
	f.Add("b", "u", "d", "", `{}`, true)
	f.Fuzz(func(t *testing.T, id, tool, call, question, input string, yes bool) {
		c := chat.Fold([]chat.Entry{
			{ID: "u", Role: chat.User, Parts: []chat.Part{{Type: chat.Text, Text: "do it"}}},
			{ID: "a", Role: chat.Assistant, Parts: []chat.Part{{Type: chat.ToolCall, Tool: "t", CallID: "c", State: chat.Requested, Input: `{"x":1}`, Approval: "q"}}},
		})
		sent, err := entity.ParseJSON([]byte(input), entity.MaxDepth)
		if err != nil {
			return
		}
		entries, err := c.Accept([]chat.Incoming{{ID: id, Role: chat.Assistant, Calls: []chat.IncomingCall{{Tool: tool, CallID: call, Input: sent, Answer: chat.Answer{Approval: question, Approved: yes}}}}})
		obj, _ := sent.(map[string]any)
		same := id == "a" && tool == "t" && call == "c" && question == "q" && len(obj) == 1 && entity.EqualValues(obj["x"], int64(1))
		if (err == nil) != same {
			t.Fatalf("%v, same: %v", err, same)
		}
		state := c.Messages[len(c.Messages)-1].Parts[0].State
		if same && (len(entries) != 1 || entries[0].Answers[0].Approved != yes || state != chat.Responded) || !same && state != chat.Requested {
			t.Errorf("%+v %s", entries, state)
		}
	})
}

func TestPromptIsWhole(t *testing.T) {
	if p := chat.Prompt(time.Date(2026, 11, 25, 1, 0, 0, 0, time.UTC)); !strings.HasSuffix(p, "Today is Wednesday, 25 November 2026.") || len(p) > 2000 {
		t.Error(p)
	}
}

// A turn waits a moment for the one before it, and is refused when that goes on; of
// another session it does not wait.
func TestBegin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := chat.New(chat.Options{})
		end, err := e.Begin(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		other, err := e.Begin(t.Context(), "b")
		if err != nil || time.Since(began) != 0 {
			t.Fatalf("another session waits %s, %v", time.Since(began), err)
		}
		other()
		if _, err := e.Begin(t.Context(), "a"); entity.KindOf(err) != entity.KindExists || time.Since(began) != 2*time.Second {
			t.Errorf("beside one that goes on: %v after %s", err, time.Since(began))
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := e.Begin(gone, "a"); entity.KindOf(err) != entity.KindCanceled {
			t.Errorf("a caller that is gone: %v", err)
		}
		time.AfterFunc(time.Second, end)
		began = time.Now()
		end, err = e.Begin(t.Context(), "a")
		if err != nil || time.Since(began) != time.Second {
			t.Fatalf("behind one that ends: %v after %s", err, time.Since(began))
		}
		end()
	})
}
