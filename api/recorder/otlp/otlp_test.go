package otlp_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"stemma/api/recorder/otlp"
	"stemma/entity"
)

// spanOf reads one span with the attributes and events given, in the JSON of OTLP.
func spanOf(t *testing.T, attributes, events string) *otlp.Span {
	t.Helper()
	e, err := otlp.Decode(otlp.JSON, []byte(`{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331","attributes":[`+attributes+`],"events":[`+events+`]}]}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	return e.Spans()[0]
}

func kv(key, value string) string {
	b, _ := json.Marshal(value)
	return fmt.Sprintf(`{"key":%q,"value":{"stringValue":%s}}`, key, b)
}

func eventOf(name string, attributes ...string) string {
	return fmt.Sprintf(`{"name":%q,"attributes":[%s]}`, name, strings.Join(attributes, ","))
}

func deref(s *string) string {
	if s == nil {
		return "-"
	}
	return *s
}

// What was said is read from each form that it has had.
func TestConventions(t *testing.T) {
	chat := kv("gen_ai.operation.name", "chat")
	const want = "chat: sys | hello? | hi. | call(map[a:1]) 1 | stop"
	for name, c := range map[string]struct{ attributes, events, want string }{
		"attributes as text": {strings.Join([]string{chat,
			kv("gen_ai.system_instructions", `[{"type":"text","content":"sys"}]`),
			kv("gen_ai.input.messages", `[{"role":"user","parts":[{"type":"text","content":"hello?"}]},{"role":"tool","parts":[{"type":"tool_call_response","response":"r"}]}]`),
			kv("gen_ai.output.messages", `[{"role":"assistant","parts":[{"type":"text","content":"hi."},{"type":"tool_call","id":"1","name":"call","arguments":{"a":1}}],"finish_reason":"stop"}]`)}, ","), "", want},
		"attributes of an event": {chat, eventOf("gen_ai.client.inference.operation.details",
			kv("gen_ai.system_instructions", `[{"type":"text","content":"sys"}]`),
			kv("gen_ai.input.messages", `[{"role":"user","parts":[{"type":"text","content":"hello?"}]}]`),
			kv("gen_ai.output.messages", `[{"role":"assistant","parts":[{"type":"text","content":"hi."},{"type":"tool_call","id":"1","name":"call","arguments":"{\"a\":1}"}],"finish_reason":"stop"}]`)), want},
		"an event for each message": {chat, strings.Join([]string{
			eventOf("gen_ai.system.message", kv("content", "sys")), eventOf("gen_ai.user.message", kv("content", "hello?")), eventOf("gen_ai.tool.message", kv("content", "r"), kv("id", "0")),
			eventOf("gen_ai.choice", kv("finish_reason", "stop"), kv("message", `{"content":"hi.","tool_calls":[{"id":"1","type":"function","function":{"name":"call","arguments":"{\"a\":1}"}}]}`))}, ","), want},
		"events with all in one": {chat, strings.Join([]string{
			eventOf("gen_ai.system.message", kv("gen_ai.event.content", `{"role":"system","content":"sys"}`)), eventOf("gen_ai.user.message", kv("gen_ai.event.content", `{"content":"hello?"}`)),
			eventOf("gen_ai.choice", kv("gen_ai.event.content", `{"finish_reason":"stop","message":{"content":"hi.","tool_calls":[{"id":"1","function":{"name":"call","arguments":{"a":1}}}]}}`))}, ","), want},
		"prompt and completion": {chat, strings.Join([]string{
			eventOf("gen_ai.content.prompt", kv("gen_ai.prompt", `[{"role":"system","content":"sys"},{"role":"user","content":[{"type":"text","text":"hello?"}]}]`)),
			eventOf("gen_ai.content.completion", kv("gen_ai.completion", `[{"role":"assistant","content":"hi.","tool_calls":[{"id":"1","function":{"name":"call","arguments":{"a":1}}}],"finish_reason":"stop"}]`))}, ","), want},
		"prompt and completion as text": {chat, eventOf("gen_ai.content.prompt", kv("gen_ai.prompt", "hello?")) + "," + eventOf("gen_ai.content.completion", kv("gen_ai.completion", "hi.")), "chat: - | hello? | hi. |  | "},
		"text that is JSON by chance":   {chat, eventOf("gen_ai.user.message", kv("content", "[1]")) + "," + eventOf("gen_ai.choice", kv("content", "42")), "chat: - | [1] | 42 |  | "},
		"numbered": {strings.Join([]string{chat, kv("gen_ai.prompt.0.role", "system"), kv("gen_ai.prompt.0.content", "sys"), kv("gen_ai.prompt.1.role", "user"), kv("gen_ai.prompt.1.content", "hello?"),
			kv("gen_ai.completion.0.content", "hi."), kv("gen_ai.completion.0.finish_reason", "stop"), kv("gen_ai.completion.0.tool_calls.0.id", "1"), kv("gen_ai.completion.0.tool_calls.0.name", "call"), kv("gen_ai.completion.0.tool_calls.0.arguments", `{"a":1}`)}, ","), "", want},
		"nothing was kept": {chat, "", "chat: - | - | - |  | "},
	} {
		s := spanOf(t, c.attributes, c.events)
		calls := ""
		for _, v := range s.Call.ToolCalls {
			call := v.(map[string]any)
			calls += fmt.Sprintf("%v(%v) %v", call["name"], call["arguments"], call["id"])
		}
		got := fmt.Sprintf("%s: %s | %s | %s | %s | %s", s.Call.Operation, deref(s.Call.System), deref(s.Call.Input), deref(s.Call.Output), calls, s.Call.Finish)
		if got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		attributes, _ := s.Metadata["attributes"].(map[string]any)
		if len(attributes) != 1 || name != "attributes of an event" && s.Metadata["events"] != nil {
			t.Errorf("%s: what was read is kept twice: %v", name, s.Metadata)
		}
	}
}

// A span is of the kind that its operation says, by whatever name.
func TestKinds(t *testing.T) {
	for attributes, want := range map[string]otlp.Kind{
		kv("gen_ai.operation.name", "text_completion"): otlp.Model, kv("gen_ai.operation.name", "generate_content"): otlp.Model, kv("gen_ai.operation.name", "embeddings"): otlp.Model,
		kv("gen_ai.request.model", "m"): otlp.Model, kv("gen_ai.operation.name", "execute_tool"): otlp.Tool, kv("gen_ai.operation.name", "invoke_agent"): otlp.Agent, kv("gen_ai.operation.name", "create_agent"): otlp.Agent,
		kv("gen_ai.operation.name", "something"): otlp.Other, kv("http.route", "/"): otlp.Other, `{"key":"gen_ai.operation.name","value":{"intValue":1}}`: otlp.Other, "": otlp.Other,
	} {
		if s := spanOf(t, attributes, ""); s.Kind != want || s.Problem != "" {
			t.Errorf("%s is %s, want %s; %s", attributes, s.Kind, want, s.Problem)
		}
	}
}

// Whatever is sent, what can be read can be recorded, and read in protobuf it is
// the same when it is written and read again.
func FuzzDecode(f *testing.F) {
	f.Add(true, []byte(`{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"x"}}]},"scopeSpans":[{"spans":[{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331","kind":3,"startTimeUnixNano":"1","attributes":[{"key":"/","value":{"doubleValue":"NaN"}},{"key":"gen_ai.prompt.0.content","value":{"bytesValue":"AA=="}}],"events":[{"name":"gen_ai.choice","attributes":[{"key":"message","value":{"kvlistValue":{"values":[{"key":"a","value":{}}]}}}]}],"links":[{"traceId":"00"}]}]}]}]}`))
	f.Add(false, []byte("\x0a\x0b\x12\x09\x12\x07\x2a\x05hello"))
	f.Fuzz(func(t *testing.T, isJSON bool, data []byte) {
		format := otlp.Protobuf
		if isJSON {
			format = otlp.JSON
		}
		e, err := otlp.Decode(format, data)
		if err != nil {
			if entity.KindOf(err) != entity.KindInvalid {
				t.Errorf("%v", err)
			}
			return
		}
		spans := e.Spans()
		if len(spans) != e.Len() {
			t.Errorf("%d spans of %d", len(spans), e.Len())
		}
		for _, s := range spans {
			for _, v := range []any{s.Metadata, s.Resource, s.Input, s.Output, s.Arguments, s.Result, s.Call.ToolCalls} {
				if _, _, err := entity.EncodeBlock(map[string]any{"metadata": map[string]any{"v": v}}); err != nil {
					t.Errorf("%v cannot be recorded: %v", v, err)
				}
			}
		}
		if isJSON {
			return
		}
		var request collector.ExportTraceServiceRequest
		if err := proto.Unmarshal(data, &request); err != nil {
			t.Fatal(err)
		}
		again, err := proto.Marshal(&request)
		if err != nil {
			t.Fatal(err)
		}
		if e, err := otlp.Decode(format, again); err != nil || fmt.Sprint(len(e.Spans())) != fmt.Sprint(len(spans)) {
			t.Errorf("written and read again: %v", err)
		}
	})
}
