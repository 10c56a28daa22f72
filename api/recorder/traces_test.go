package recorder_test

import (
	"fmt"
	"io"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"stemma/api/llm/price"
	"stemma/api/recorder"
	"stemma/entity"
)

// story is a trace of an agent that asks a model twice and a tool once, in the
// order in which its spans end.
func story(trace string) []object {
	said := func(role, kind, content string) []any {
		return []any{object{"role": role, "parts": []any{object{"type": kind, "content": content}}}}
	}
	return []object{
		span(trace, 2, 1, "chat gpt-4o", 1, 2.5, object{
			"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o", "gen_ai.response.model": "gpt-4o-2024-08-06",
			"gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 100, "gen_ai.usage.cache_read.input_tokens": 200, "gen_ai.response.finish_reasons": []any{"tool_calls"},
			"gen_ai.system_instructions": `[{"type":"text","content":"You sell boats."}]`,
			"gen_ai.input.messages":      `[{"role":"user","parts":[{"type":"text","content":"Is there a blue one?"}]}]`,
			"gen_ai.output.messages":     `[{"role":"assistant","parts":[{"type":"reasoning","content":"The stock knows."},{"type":"tool_call","id":"call_1","name":"stock","arguments":{"colour":"blue"}}],"finish_reason":"tool_call"}]`,
			"gen_ai.conversation.id":     "conv_7",
		}),
		span(trace, 3, 1, "execute_tool stock", 3, 3.25, object{
			"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "stock", "gen_ai.tool.call.id": "call_1", "server.address": "db.example",
			"gen_ai.tool.call.arguments": `{"colour":"blue"}`, "gen_ai.tool.call.result": object{"boats": []any{"Albatross"}},
		}),
		span(trace, 4, 1, "SELECT boats", 3.1, 3.2, object{"db.system.name": "postgresql"}, "kind", 3, "links", []object{{"traceId": traceTwo, "spanId": spanID(9)}}),
		span(trace, 5, 1, "chat gpt-4o", 4, 5, object{
			"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o", "gen_ai.response.model": "gpt-4o-2024-08-06",
			"gen_ai.usage.input_tokens": 1200, "gen_ai.usage.output_tokens": 20, "gen_ai.response.finish_reasons": []any{"stop"},
			"gen_ai.input.messages": said("user", "text", "Is there a blue one?"), "gen_ai.output.messages": said("assistant", "text", "Yes: the Albatross."),
		}),
		span(trace, 1, 0, "invoke_agent clerk", 0.5, 5.5, object{"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "clerk", "gen_ai.usage.input_tokens": 2200, "gen_ai.usage.output_tokens": 120},
			"events", []object{{"name": "checkout", "timeUnixNano": nanos(5), "attributes": pairs(object{"cart": 1})}}),
	}
}

// told is what a run comes to, in a line.
func toldRun(d object) string {
	out := fmt.Sprint(d["agent_name"], " ", d["status"], " ", d["started_at"], " ", d["duration_ms"], "ms ", d["total_tokens"], " ", d["total_cost_cents"], " ", textOr(d["input"]), " ", textOr(d["output"]), " ", at(d, "integrity", "valid"), " ", at(d, "integrity", "complete"), " ")
	for i, s := range d["steps"].([]any) {
		out += fmt.Sprint(i+1, ":", at(s, "step_type"), " ")
	}
	for _, c := range d["tool_calls"].([]any) {
		out += fmt.Sprint(at(c, "tool_name"), "=", at(c, "status"), " ")
	}
	for _, a := range d["anomalies"].([]any) {
		out += fmt.Sprint("!", at(a, "code"), " ")
	}
	return strings.TrimSpace(out)
}

func textOr(v any) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf("%q", v)
}

const storyTold = `clerk completed 2026-01-01T00:00:00.500Z 5000ms 2320 0.645 "Is there a blue one?" "Yes: the Albatross." true true 1:reasoning 2:action 3:completion stock=success`

// A trace is the run that a program would have recorded by hand: in whatever
// pieces it is exported, in both formats, and read by every way there is.
func TestTraceBecomesARun(t *testing.T) {
	w := newRig(t)
	spans := story(traceOne)
	w.export(t, spans...)
	d := w.runOf(t, traceOne)
	if got := toldRun(d); got != storyTold {
		t.Errorf("all at once:\n%s, want\n%s", got, storyTold)
	}
	first, tool := at(d, "steps", 0), at(d, "tool_calls", 0)
	for path, want := range map[string]any{
		"trace_id": traceOne, "span_id": spanID(2), "parent_span_id": spanID(1), "model": "gpt-4o-2024-08-06", "provider": "openai", "duration_ms": "1500", "tokens_used": "1100", "cost_cents": "0.325",
		"input": "Is there a blue one?", "output": nil, "reasoning": "The stock knows.", "recorded_at": "2026-01-01T00:00:01.000Z",
	} {
		if got := at(first, path); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s of the first step is %v, want %v", path, got, want)
		}
	}
	if at(first, "tool_calls", 0, "arguments", "colour") != "blue" || at(first, "request", "messages", 0, "parts", 0, "content") != "Is there a blue one?" || at(first, "metadata", "attributes", "gen_ai.conversation.id") != "conv_7" || at(first, "metadata", "attributes", "gen_ai.input.messages") != nil {
		t.Errorf("%v", first)
	}
	if at(tool, "step_id") != at(first, "step_id") || at(tool, "arguments", "colour") != "blue" || at(tool, "result", "boats", 0) != "Albatross" || at(tool, "target_system") != "db.example" || at(tool, "span_id") != spanID(3) {
		t.Errorf("%v", tool)
	}
	if at(d, "context_packets", 0, "system_prompt") != "You sell boats." || at(d, "end_metadata", "events", 0, "attributes", "cart") == nil || at(d, "metadata", "resource", "service.name") != "shop" || at(d, "steps", 1, "metadata", "links", 0, "trace_id") != traceTwo {
		t.Errorf("%v %v %v", d["context_packets"], d["end_metadata"], d["metadata"])
	}
	for _, tail := range []string{"/replay", "/timeline", "/verify", "/context?step=" + at(first, "step_id").(string)} {
		w.must(t, 200, "GET", "/api/monitoring/runs/"+d["run_id"].(string)+tail, "")
	}
	if n := len(w.must(t, 200, "GET", "/api/monitoring/runs/"+d["run_id"].(string)+"/evidence", "")["entries"].([]any)); n != 10 { // start, 3 steps, tool, context, end; their content, which came in two transactions; and the manifest
		t.Errorf("the evidence has %d entries", n)
	}

	w = newRig(t) // one by one, in protobuf and gzip, with a key for recording: the name of the agent comes last
	made := w.must(t, 201, "POST", "/api/api-keys", `{}`, "X-Api-Key", annUser)
	bearer := []string{"X-Api-Key", "", "Authorization", "Bearer " + made["key"].(string)}
	for _, s := range spans {
		if out := w.call("POST", "/v1/traces", gzipped(protobufOf(t, export(s))), append(bearer, "Content-Type", "application/x-protobuf", "Content-Encoding", "gzip", "X-Agent-Name", "")...); out.Code != 200 || out.Body.Len() != 0 {
			t.Fatalf("%d %q", out.Code, out.Body)
		}
	}
	if got := toldRun(w.runOf(t, traceOne)); got != storyTold {
		t.Errorf("one by one:\n%s", got)
	}
	w.must(t, 204, "DELETE", "/api/api-keys/"+made["id"].(string), "", "X-Api-Key", annUser)
	if out := w.call("POST", "/v1/traces", jsonOf(t, export(spans...)), bearer...); out.Code != 401 {
		t.Errorf("with a key that is revoked: %d %s", out.Code, out.Body)
	}
	if list := w.must(t, 200, "GET", "/api/monitoring/runs?agent=clerk", "")["runs"].([]any); len(list) != 1 {
		t.Errorf("clerk has %d runs", len(list))
	}
	if list := w.must(t, 200, "GET", "/api/monitoring/runs?agent=shop", "")["runs"].([]any); len(list) != 0 {
		t.Errorf("shop has %d runs", len(list))
	}
}

// Spans of many traces in one export, mixed, are the runs that each alone is;
// two traces of one id in the accounts of two are two runs.
func TestTracesInterleaved(t *testing.T) {
	w := newRig(t)
	var mixed []object
	one, two := story(traceOne), story(traceTwo)
	for i := range one {
		mixed = append(mixed, two[i], one[len(one)-1-i])
	}
	w.export(t, mixed...)
	w.must(t, 200, "POST", "/v1/traces", jsonOf(t, export(one[0])), "X-Api-Key", bobKey)
	for _, trace := range []string{traceOne, traceTwo} {
		if got := toldRun(w.runOf(t, trace)); got != storyTold {
			t.Errorf("%s:\n%s, want\n%s", trace, got, storyTold)
		}
	}
	if d := w.runOf(t, traceOne, "X-Api-Key", bobKey); d["status"] != "running" || d["agent_name"] != "sales-bot" {
		t.Errorf("Bob's is %v %v", d["status"], d["agent_name"])
	}
}

// A span that is sent again is taken and adds nothing, also when the run has
// ended; a new one is then rejected, and told why.
func TestTraceRedelivered(t *testing.T) {
	w := newRig(t)
	spans := story(traceOne)
	w.export(t, spans[:3]...)
	w.export(t, append(spans[1:4:4], spans[2])...)
	w.export(t, spans[4])
	want := w.runOf(t, traceOne)
	seq := w.main().Seq()
	for range 2 {
		if n, why := w.export(t, spans...); n != 0 {
			t.Errorf("sent again, %d are rejected: %s", n, why)
		}
	}
	late := span(traceOne, 8, 1, "late", 4, 6, nil)
	n, why := w.export(t, append(spans, late, span(traceOne, 9, 0, "a second root", 4, 6, nil))...)
	if n != 2 || !strings.Contains(why, "2 not recorded: the run "+want["run_id"].(string)+" of trace "+traceOne+" has ended (completed) and takes nothing more") {
		t.Errorf("%d rejected: %s", n, why)
	}
	if w.main().Seq() != seq {
		t.Error("what was sent again was recorded again")
	}
	if got, want := toldRun(w.runOf(t, traceOne)), toldRun(want); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	// Of a run that is deleted nothing is taken either, and other traces go on.
	w.must(t, 200, "POST", "/v1/traces", jsonOf(t, export(span(traceTwo, 1, 2, "a", 0, 1, nil))))
	id := entity.ID(w.runOf(t, traceTwo)["entity_id"].(string))
	_, err := w.main().Update(t.Context(), entity.Actor{UserID: annID, Method: entity.MethodSystem}, func(tx entity.Tx) error {
		_, err := tx.Put(id, entity.Any, func(m *entity.Manifest) error {
			m.Bury(entity.Tombstone{DeletedAt: entity.FormatTime(w.clock.Now()), DeletedBy: annID, OriginalVer: m.Ver})
			return nil
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if n, why := w.export(t, span(traceTwo, 3, 2, "b", 0, 1, nil), span(strings.Repeat("a", 32), 3, 0, "c", 0, 1, nil)); n != 1 || !strings.Contains(why, "is deleted; restore it") {
		t.Errorf("%d rejected: %s", n, why)
	}
	w.runOf(t, strings.Repeat("a", 32))
}

// Traces of one conversation are one session's, whoever's they are first, and of
// another account another's.
func TestTracesOfAConversation(t *testing.T) {
	w := newRig(t)
	chat := func(trace string, talk any) object {
		return span(trace, 1, 0, "chat", 0, 1, object{"gen_ai.operation.name": "chat", "gen_ai.conversation.id": talk})
	}
	for i, talk := range []any{"a", "a", "b", "", 7} {
		w.export(t, chat(fmt.Sprintf("%032x", i+1), talk))
	}
	w.must(t, 200, "POST", "/v1/traces", jsonOf(t, export(chat(traceOne, "a"))), "X-Api-Key", bobKey)
	var sessions []any
	for i := range 5 {
		sessions = append(sessions, w.runOf(t, fmt.Sprintf("%032x", i+1))["session_id"])
	}
	if sessions[0] == nil || sessions[0] != sessions[1] || sessions[2] == nil || sessions[2] == sessions[0] || sessions[3] != nil || sessions[4] != nil {
		t.Errorf("the sessions are %v", sessions)
	}
	if list := w.must(t, 200, "GET", "/api/monitoring/runs?session="+sessions[0].(string), "")["runs"].([]any); len(list) != 2 {
		t.Errorf("the session has %d runs", len(list))
	}
	if bob := w.runOf(t, traceOne, "X-Api-Key", bobKey)["session_id"]; bob == nil || bob == sessions[0] {
		t.Errorf("Bob's session is %v", bob)
	}
}

// Who exports too often is told when to try again, in the form of the export.
func TestTraceLimit(t *testing.T) {
	w := newRig(t, func(o *recorder.Options) { o.Rate = 1 })
	body := protobufOf(t, export(story(traceOne)...))
	for i := range 3 {
		out := w.call("POST", "/v1/traces", body, inProtobuf...)
		if i < 2 && out.Code != 200 || i == 2 && (out.Code != 429 || out.Header().Get("Retry-After") != "1") {
			t.Errorf("%d: %d %v %q", i, out.Code, out.Header(), out.Body)
		}
		if i == 2 {
			checkStatus(t, "too often", out)
		}
	}
}

// Of exports of one trace at one time, with the same spans and with others, each
// span is recorded once, in one run.
func TestTraceRaces(t *testing.T) {
	w := newRig(t)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			var spans []object
			for j := range 20 {
				spans = append(spans, span(traceOne, 100+(i/2)*20+j, 1, "s", float64(j), float64(j+1), nil))
			}
			if out := w.call("POST", "/v1/traces", jsonOf(t, export(spans...))); out.Code != 200 || out.Body.String() != "{}" {
				t.Errorf("%d %s", out.Code, out.Body)
			}
		})
	}
	group.Wait()
	w.export(t, span(traceOne, 1, 0, "root", 0, 30, nil))
	d := w.runOf(t, traceOne)
	seen := map[any]int{}
	for _, s := range d["steps"].([]any) {
		seen[at(s, "span_id")]++
	}
	if len(seen) != 80 || len(d["steps"].([]any)) != 80 || at(d, "integrity", "valid") != true {
		t.Errorf("%d steps of %d spans, valid %v", len(d["steps"].([]any)), len(seen), at(d, "integrity", "valid"))
	}
}

// An export that ends a run waits for those of the same caller that are on their
// way: a program that flushes sends several at once, and the one with the root
// may be read first.
func TestTraceWaitsForItsOthers(t *testing.T) {
	w := newRig(t)
	w.must(t, 201, "POST", "/api/api-keys", `{}`, "X-Api-Key", annUser)
	body, hold := io.Pipe()
	slow := httptest.NewRequest("POST", "http://stemma/v1/traces", body)
	slow.Header.Set("X-Api-Key", annKey)
	slow.Header.Set("Content-Type", "application/json")
	var group sync.WaitGroup
	group.Go(func() {
		out := httptest.NewRecorder()
		w.ServeHTTP(out, slow)
		if out.Code != 200 || out.Body.String() != "{}" {
			t.Errorf("what was on its way is answered %d %s", out.Code, out.Body)
		}
	})
	text := jsonOf(t, export(span(traceOne, 3, 1, "slow", 1, 2, nil)))
	if _, err := hold.Write([]byte(text[:1])); err != nil { // it is being read
		t.Fatal(err)
	}
	seq := w.main().Seq()
	group.Go(func() {
		if n, why := w.export(t, span(traceOne, 2, 1, "fast", 1, 2, nil), span(traceOne, 1, 0, "root", 0, 3, nil)); n != 0 {
			t.Errorf("%d rejected: %s", n, why)
		}
	})
	if err := w.main().Wait(t.Context(), seq); err != nil {
		t.Fatal(err)
	}
	if d := w.runOf(t, traceOne); d["status"] != "running" {
		t.Errorf("it is %v while spans are on their way", d["status"])
	}
	if _, err := hold.Write([]byte(text[1:])); err != nil {
		t.Fatal(err)
	}
	if err := hold.Close(); err != nil {
		t.Fatal(err)
	}
	group.Wait()
	if d := w.runOf(t, traceOne); len(d["steps"].([]any)) != 2 || d["status"] != "completed" {
		t.Errorf("%v, %d steps", d["status"], len(d["steps"].([]any)))
	}
	w.export(t, span(traceTwo, 1, 0, "root", 0, 3, nil)) // nobody is left to wait for
}

// Of a trace with too many spans no more are taken, but its root.
func TestTraceIsFull(t *testing.T) {
	w := newRig(t)
	w.export(t, span(traceOne, 2, 1, "s", 0, 1, nil))
	item := w.runOf(t, traceOne)
	_, err := w.main().Update(t.Context(), entity.Actor{UserID: annID, Method: entity.MethodSystem}, func(tx entity.Tx) error {
		m, err := tx.Head(entity.ID(item["entity_id"].(string)))
		if err != nil {
			return err
		}
		key := "recorder/trace/" + string(m.Collection) + "/" + traceOne
		b, err := tx.Secret(key)
		if err != nil {
			return err
		}
		var kept []any
		if err := cbor.Unmarshal(b, &kept); err != nil {
			return err
		}
		kept[len(kept)-1] = make([]byte, 8*50_000)
		if b, err = cbor.Marshal(kept); err == nil {
			tx.SetSecret(key, b)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	n, why := w.export(t, span(traceOne, 3, 1, "s", 0, 1, nil), span(traceOne, 1, 0, "root", 0, 1, nil))
	if d := w.runOf(t, traceOne); n != 1 || !strings.Contains(why, "50000 spans are recorded, and of one trace at most 50000 are") || d["status"] != "completed" {
		t.Errorf("%d rejected: %s; it is %v", n, why, d["status"])
	}
}

// Roots of every kind end the run as they ended themselves.
func TestTraceRoots(t *testing.T) {
	w := newRig(t, func(o *recorder.Options) {
		o.Price = func(provider, model string) (price.Price, bool) {
			return price.Of(provider, model, price.Table{{Model: "mine", Input: 1000}})
		}
	})
	number := 0
	for name, c := range map[string]struct {
		spans []object
		want  string
	}{
		"a model alone": {[]object{span(traceOne, 1, 0, "chat mine", 0, 2, object{"gen_ai.operation.name": "chat", "gen_ai.request.model": "mine", "gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 5})},
			"shop completed 2026-01-01T00:00:00.000Z 2000ms 15 1 - - true true 1:reasoning !missing_completion"},
		"embeddings of an older convention": {[]object{span(traceOne, 1, 0, "embeddings", 0, 2, object{"gen_ai.system": "mine", "gen_ai.request.model": "mine", "gen_ai.usage.prompt_tokens": 10})},
			"shop completed 2026-01-01T00:00:00.000Z 2000ms 10 1 - - true true 1:reasoning !missing_completion"},
		"a tool that fails": {[]object{span(traceOne, 1, 0, "execute_tool x", 0, 2, object{"gen_ai.operation.name": "execute_tool", "error.type": "TimeoutError"}, "status", object{"code": 2, "message": "no answer"})},
			"shop timeout 2026-01-01T00:00:00.000Z 2000ms <nil> <nil> - - true true 1:tool_call x=timeout"},
		"an exception": {[]object{span(traceOne, 1, 0, "GET /", 0, 2, nil, "status", object{"code": 2}, "events", []object{{"name": "exception", "attributes": pairs(object{"exception.type": "KeyError", "exception.message": "'x'"})}})},
			"shop failed 2026-01-01T00:00:00.000Z 2000ms <nil> <nil> - - true true"},
		"a step that fails": {[]object{span(traceOne, 1, 0, "root", 0, 2, nil), span(traceOne, 2, 1, "a", 1, 2, nil, "status", object{"code": 2, "message": "broken"})},
			"shop completed 2026-01-01T00:00:00.000Z 2000ms <nil> <nil> - - true true 1:error !missing_completion"},
		"two roots": {[]object{span(traceOne, 1, 0, "last", 1, 5, nil), span(traceOne, 2, 0, "first", 0, 4, nil)},
			"shop completed 2026-01-01T00:00:00.000Z 5000ms <nil> <nil> - - true true 1:action !missing_completion"},
		"an agent in an agent": {[]object{
			span(traceOne, 3, 2, "invoke_agent inner", 2, 3, object{"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "inner"}),
			span(traceOne, 2, 1, "invoke_agent outer", 1, 4, object{"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.id": "outer"}),
			span(traceOne, 1, 0, "GET /", 0, 5, nil)},
			"outer completed 2026-01-01T00:00:00.000Z 5000ms <nil> <nil> - - true true 1:action 2:action !missing_completion"},
		"a lookup": {[]object{span(traceOne, 2, 1, "retrieval", 0, 1, object{"gen_ai.operation.name": "retrieval"}), span(traceOne, 1, 0, "root", 0, 2, nil)},
			"shop completed 2026-01-01T00:00:00.000Z 2000ms <nil> <nil> - - true true 1:retrieval !missing_completion"},
	} {
		number++
		trace := fmt.Sprintf("%032x", number)
		for _, s := range c.spans {
			s["traceId"] = trace
		}
		w.export(t, c.spans...)
		if got := toldRun(w.runOf(t, trace)); got != c.want {
			t.Errorf("%s: %s, want\n%s", name, got, c.want)
		}
	}
	failed := w.must(t, 200, "GET", "/api/monitoring/runs?status=failed", "")["runs"].([]any)
	if d := w.must(t, 200, "GET", "/api/monitoring/runs/"+at(failed, 0, "run_id").(string), ""); d["error_type"] != "KeyError" || d["error_message"] != "'x'" {
		t.Errorf("%v %v", d["error_type"], d["error_message"])
	}
}

// What is masked is in no block, whether it came as text or as JSON in a text.
func TestTraceIsMasked(t *testing.T) {
	w := newRig(t)
	w.must(t, 200, "PUT", "/api/monitoring/masking", `{"rules":[{"name":"mail","pattern":"email"},{"name":"pw","path":"$..password"},{"name":"card","pattern":"credit_card"}]}`, "X-Api-Key", annUser)
	const mail, word = "ann@secret.example", "hunter2hunter2"
	messages := `[{"role":"user","parts":[{"type":"text","content":"` + mail + `"}]}]`
	digits := span(traceOne, 1, 0, mail, 0, 9, object{"mail": mail, "password": word}, "status", object{"code": 2, "message": mail}, "events", []object{{"name": mail, "attributes": pairs(object{"password": word})}})
	digits["spanId"] = "4111111111111111"
	w.export(t,
		span(traceOne, 2, 1, "chat", 1, 2, object{"gen_ai.operation.name": "chat", "gen_ai.input.messages": messages, "gen_ai.output.messages": messages, "gen_ai.system_instructions": `[{"content":"` + mail + `"}]`}),
		span(traceOne, 3, 1, "tool", 1, 2, object{"gen_ai.operation.name": "execute_tool", "gen_ai.tool.call.arguments": `{"password":"` + word + `"}`, "gen_ai.tool.call.result": object{"password": word}}), digits)
	err := w.main().View(t.Context(), func(r entity.Reader) error {
		for rec, err := range r.Log(0) {
			if err != nil {
				return err
			}
			for _, c := range rec.Changes {
				b, err := r.Block(c.CID())
				if err != nil {
					return err
				}
				if strings.Contains(string(b), mail) || strings.Contains(string(b), word) {
					t.Errorf("a block of %s %s has it: %q", c.Type, c.Chain, b)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	d := w.runOf(t, traceOne)
	if at(d, "steps", 0, "input") != "[masked]" || at(d, "tool_calls", 0, "arguments", "password") != "[masked]" || d["error_message"] != "[masked]" {
		t.Errorf("%v", d)
	}
	if n, _ := w.export(t, digits); n != 0 {
		t.Error("a span whose identifier looks like a card's is not known again")
	}
}

// A trace that is larger than a transaction is recorded in several; of a span
// that is larger than a block what was said is left out, and one that is larger
// still is rejected, alone.
func TestTraceIsLarge(t *testing.T) {
	w := newRig(t)
	var spans []object
	for i := range 1200 {
		spans = append(spans, span(traceOne, 10+i, 1, "s", float64(i), float64(i+1), object{"text": strings.Repeat("x", 9_000)}))
	}
	long := `[{"role":"user","content":"` + strings.Repeat("y", 5<<20) + `"}]`
	whole := export(spans...)
	whole["resourceSpans"].([]object)[0]["resource"] = object{"attributes": pairs(object{"service.name": "shop", "host": strings.Repeat("h", 5<<20)})}
	w.must(t, 200, "POST", "/v1/traces", jsonOf(t, whole))
	spans = append(spans[:0], span(traceOne, 2, 1, "chat", 0, 1, object{"gen_ai.operation.name": "chat", "gen_ai.input.messages": long}), span(traceOne, 1, 0, "root", 0, 2000, nil))
	if n, why := w.export(t, spans...); n != 0 {
		t.Fatalf("%d rejected: %s", n, why)
	}
	d := w.runOf(t, traceOne)
	if n := len(d["steps"].([]any)); n != 1201 || d["status"] != "completed" || d["partial"] != true || at(d, "steps", 1200, "partial") == nil || at(d, "integrity", "valid") != true {
		t.Errorf("%d steps, %v, partial %v", n, d["status"], d["partial"])
	}
	n, why := w.export(t, span(traceTwo, 2, 1, "huge", 0, 1, object{"text": strings.Repeat("z", 5<<20)}), span(traceTwo, 1, 0, "root", 0, 2, nil))
	if n != 1 || !strings.Contains(why, `a span "huge" is larger than a block, which takes 4 MiB`) {
		t.Errorf("%d rejected: %s", n, why)
	}
	if d := w.runOf(t, traceTwo); d["status"] != "completed" {
		t.Errorf("%v", d["status"])
	}
}
