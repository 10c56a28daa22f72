package recorder_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/slim/otlp/common/v1"
	trace "go.opentelemetry.io/proto/slim/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

var (
	inProtobuf = []string{"Content-Type", "application/x-protobuf"}
	inGzip     = []string{"Content-Encoding", "gzip"}
)

// exportFaults are what only an export can have wrong.
var exportFaults = []fault{
	{name: "no content type", headers: []string{"Content-Type", ""}, status: 415, says: "application/x-protobuf or application/json"},
	{name: "gRPC", headers: []string{"Content-Type", "application/grpc"}, status: 415},
	{name: "another charset", headers: []string{"Content-Type", "application/json; charset=latin1"}, status: 415},
	{name: "another encoding", headers: []string{"Content-Encoding", "zstd"}, status: 415, says: "must be gzip"},
	{name: "gzip that is none", headers: inGzip, status: 400, says: "not gzip"},
	{name: "gzip cut short", body: gzipped(strings.Repeat("{}", 100))[:20], headers: inGzip, status: 400, says: "not gzip"},
	{name: "a bomb", body: gzipped(`{"resourceSpans":"` + strings.Repeat("a", 30<<20) + `"}`), headers: inGzip, status: 413, says: "20 MiB when unpacked"},
	{name: "too much", body: `{"x":"` + strings.Repeat("a", 20<<20) + `"}`, status: 413, says: "20 MiB"},
	{name: "protobuf that is none", body: "\xff\xff\xff", headers: inProtobuf, status: 400, says: "no ExportTraceServiceRequest in protobuf"},
	{name: "protobuf cut short", body: "\x0a\x20\x12", headers: inProtobuf, status: 400, says: "cannot parse"},
	{name: "protobuf with text of bytes", body: "\x0a\x09\x12\x07\x12\x05\x2a\x03\xff\xfe\xfd", headers: inProtobuf, status: 400, says: "UTF-8"},
	{name: "protobuf, deep", body: deepProtobuf(300), headers: inProtobuf, status: 400, says: "recursion"},
	{name: "JSON as protobuf", headers: inProtobuf, status: 400},
	{name: "protobuf as JSON", body: "\x0a\x02\x12\x00", status: 400},
	{name: "spans are an object", body: `{"resourceSpans":{}}`, status: 400, says: "no ExportTraceServiceRequest in the JSON of OTLP"},
	{name: "an id of words", body: oneSpan(`"traceId":"my trace","spanId":"b7ad6b7169203331"`), status: 400, says: "resourceSpans.0.scopeSpans.0.spans.0.traceId must be in hexadecimal"},
	{name: "an id of an odd length", body: oneSpan(`"traceId":"` + traceOne + `","spanId":"b7ad6b716920333"`), status: 400, says: "spanId must be in hexadecimal"},
	{name: "an id that is a number", body: oneSpan(`"traceId":7`), status: 400, says: "traceId"},
	{name: "a time of words", body: oneSpan(`"startTimeUnixNano":"now"`), status: 400, says: "startTimeUnixNano"},
	{name: "a whole number of words", body: oneSpan(`"attributes":[{"key":"a","value":{"intValue":"abc"}}]`), status: 400, says: "intValue"},
	{name: "a text that is a number", body: oneSpan(`"attributes":[{"key":"a","value":{"stringValue":7}}]`), status: 400, says: "stringValue"},
	{name: "attributes are an object", body: oneSpan(`"attributes":{"a":1}`), status: 400},
	{name: "a value of two types", body: oneSpan(`"attributes":[{"key":"a","value":{"stringValue":"7","intValue":7}}]`), status: 400},
	{name: "too many spans", body: `{"resourceSpans":[{"scopeSpans":[{"spans":[` + strings.Repeat("{},", 10_000) + `{}]}]}]}`, status: 413, says: "10001 spans; at most 10000"},
	{name: "a long agent", headers: []string{"X-Agent-Name", strings.Repeat("a", 201)}, status: 400, says: "X-Agent-Name"},
	{name: "an unknown key behind Bearer", headers: []string{"X-Api-Key", "", "Authorization", "Bearer ark_live_" + strings.Repeat("9", 64)}, status: 401},
	{name: "no key, in protobuf", body: "\x0a\x00", headers: append([]string{"X-Api-Key", ""}, inProtobuf...), status: 401},
}

func oneSpan(members string) string {
	return `{"resourceSpans":[{"scopeSpans":[{"spans":[{` + members + `}]}]}]}`
}

// deepProtobuf is an attribute of lists in lists.
func deepProtobuf(levels int) string {
	wrap := func(field byte, b []byte) []byte { return append(lengthOf([]byte{field<<3 | 2}, len(b)), b...) }
	b := []byte{}
	for range levels {
		b = wrap(5, wrap(1, b)) // AnyValue.array_value, ArrayValue.values
	}
	return string(wrap(1, wrap(2, wrap(2, wrap(9, wrap(2, b)))))) // resource_spans, scope_spans, spans, attributes, value
}

func lengthOf(b []byte, n int) []byte {
	for ; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n))
}

// A span that names no trace, or nothing, is rejected alone and said why; what
// is odd about others is kept, and harms nothing.
func TestSpansThatAreOdd(t *testing.T) {
	w := newRig(t)
	w.must(t, 201, "POST", "/api/api-keys", `{}`, "X-Api-Key", annUser)
	before := w.main().Seq()
	for name, c := range map[string]struct {
		change object
		says   string
	}{
		"a short trace":  {object{"traceId": "0af7"}, "its trace_id has 2 bytes; it must have 16"},
		"no trace":       {object{"traceId": ""}, "its trace_id has 0 bytes"},
		"a trace of 0":   {object{"traceId": strings.Repeat("0", 32)}, "not all of them 0"},
		"a short span":   {object{"spanId": "b7"}, "its span_id has 1 bytes; it must have 8"},
		"a span of 0":    {object{"spanId": strings.Repeat("0", 16)}, "its span_id has 8 bytes"},
		"a short parent": {object{"parentSpanId": "b7ad"}, "its parent_span_id has 2 bytes"},
	} {
		s := span(traceOne, 1, 0, "odd", 0, 1, nil)
		for key, v := range c.change {
			s[key] = v
		}
		if n, why := w.export(t, s); n != 1 || !strings.Contains(why, c.says) {
			t.Errorf("%s: %d rejected: %s", name, n, why)
		}
		out := w.call("POST", "/v1/traces", protobufOf(t, export(s)), inProtobuf...)
		var answer collector.ExportTraceServiceResponse
		if err := proto.Unmarshal(out.Body.Bytes(), &answer); err != nil || out.Code != 200 || answer.GetPartialSuccess().GetRejectedSpans() != 1 || !strings.Contains(answer.GetPartialSuccess().GetErrorMessage(), c.says) {
			t.Errorf("%s, in protobuf: %d %v %v", name, out.Code, err, &answer)
		}
	}
	for _, body := range []string{`{}`, `{"resourceSpans":[]}`, `{"resourceSpans":[{"scopeSpans":[{"spans":[]}]}]}`, `{"more":{"than":["we know"]}}`} {
		if out := w.call("POST", "/v1/traces", body); out.Code != 200 || out.Body.String() != "{}" {
			t.Errorf("%s: %d %s", body, out.Code, out.Body)
		}
	}
	if out := w.call("POST", "/v1/traces", "", inProtobuf...); out.Code != 200 || out.Body.Len() != 0 {
		t.Errorf("nothing in protobuf: %d %q", out.Code, out.Body)
	}
	if w.main().Seq() != before {
		t.Error("what was rejected, or nothing, wrote")
	}
	for levels, taken := 60, false; !taken; levels-- { // as deep as is read can be recorded
		value := &common.AnyValue{}
		for range levels {
			value = &common.AnyValue{Value: &common.AnyValue_ArrayValue{ArrayValue: &common.ArrayValue{Values: []*common.AnyValue{value}}}}
		}
		deep := &trace.Span{TraceId: bytes.Repeat([]byte{byte(levels)}, 16), SpanId: []byte("12345678"), Events: []*trace.Span_Event{{Name: "deep", Attributes: []*common.KeyValue{{Key: "a", Value: value}}}}}
		body, err := proto.Marshal(&collector.ExportTraceServiceRequest{ResourceSpans: []*trace.ResourceSpans{{ScopeSpans: []*trace.ScopeSpans{{Spans: []*trace.Span{deep}}}}}})
		if err != nil {
			t.Fatal(err)
		}
		out := w.call("POST", "/v1/traces", string(body), inProtobuf...)
		if taken = out.Code == 200; taken && (out.Body.Len() != 0 || levels < 40) || !taken && !strings.Contains(out.Body.String(), "recursion") {
			t.Fatalf("%d levels: %d %q", levels, out.Code, out.Body)
		}
	}
	w.export(t, span(traceTwo, 1, 0, "backwards", 9, 3, nil))
	if d := w.runOf(t, traceTwo); d["duration_ms"] != nil || d["status"] != "completed" {
		t.Errorf("a span that ends before it starts took %v", d["duration_ms"])
	}
	n, why := w.export(t,
		span(traceOne, 1, 0, "root", 0.5, 3, object{"gen_ai.agent.name": 7, "/": "x", "": "y", "nan": "NaN"}, "status", object{"code": 9}),
		span(traceOne, 5, 1, "backwards, and a link", 1, 0, object{"/": "x"}),
		span(traceOne, 2, 1, "chat", 1, 2, object{"gen_ai.operation.name": "chat", "gen_ai.request.model": 5, "gen_ai.usage.input_tokens": "many", "gen_ai.usage.output_tokens": -3, "gen_ai.input.messages": "not JSON", "gen_ai.output.messages": 5}),
		span(traceOne, 3, 1, "", 0, 0, object{"gen_ai.operation.name": "execute_tool", "gen_ai.tool.call.arguments": "{broken", "gen_ai.tool.name": true}, "startTimeUnixNano", "0", "endTimeUnixNano", "0"),
		span(traceOne, 4, 1, "far", 0, 0, nil, "startTimeUnixNano", "18446744073709551615", "endTimeUnixNano", "18446744073709551615"),
	)
	if n != 0 {
		t.Fatalf("%d rejected: %s", n, why)
	}
	for i, name := range []string{" ", "a\nb\u0000c", strings.Repeat("🙂", 300), "01KDVR00000000000000000N0B", string(annID)} {
		trace := fmt.Sprintf("%032x", i+1)
		if n, why := w.export(t, span(trace, 1, 0, "named", 1, 2, object{"gen_ai.agent.name": name})); n != 0 {
			t.Errorf("an agent named %.20q: %s", name, why)
		}
		if got := w.runOf(t, trace)["agent_name"].(string); i < 2 && got != name || i == 2 && !strings.HasPrefix(name, strings.TrimSuffix(got, "…")) || i > 2 && got != "shop" {
			t.Errorf("an agent named %.20q is %q", name, got)
		}
	}
	d := w.runOf(t, traceOne)
	if d["agent_name"] != "shop" || d["status"] != "completed" || d["total_tokens"] != nil || at(d, "integrity", "valid") != true {
		t.Errorf("%v", d)
	}
	chat := at(d, "steps", 2) // the first was made for the tool call, which says no time
	if at(chat, "metadata", "attributes", "gen_ai.usage.input_tokens") != "many" || at(chat, "metadata", "attributes", "gen_ai.input.messages") != "not JSON" || at(chat, "tokens_used") != nil || at(chat, "model") != nil {
		t.Errorf("%v", chat)
	}
	if step := at(d, "steps", 1); at(step, "duration_ms") != nil || at(step, "metadata", "attributes", "//") != "x" {
		t.Errorf("%v", step)
	}
	if at(d, "tool_calls", 0, "arguments") != "{broken" || at(d, "tool_calls", 0, "tool_name") != "tool" {
		t.Errorf("%v", d["tool_calls"])
	}
}
