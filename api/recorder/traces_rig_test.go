package recorder_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"stemma/entity"
)

const (
	traceOne = "0af7651916cd43dd8448eb211c80319c"
	traceTwo = "4bf92f3577b34da6a3ce929d0e0e4736"
)

// span is a span as an exporter writes it in JSON: from and to are seconds of the
// year 2026.
func span(trace string, id, parent int, name string, from, to float64, attributes object, more ...any) object {
	s := object{"traceId": trace, "spanId": spanID(id), "name": name, "kind": 1, "startTimeUnixNano": nanos(from), "endTimeUnixNano": nanos(to), "attributes": pairs(attributes)}
	if parent != 0 {
		s["parentSpanId"] = spanID(parent)
	}
	for i := 0; i+1 < len(more); i += 2 {
		s[more[i].(string)] = more[i+1]
	}
	return s
}

func spanID(n int) string { return fmt.Sprintf("b7ad6b716920%04x", n) }

func nanos(seconds float64) string { return fmt.Sprint(1_767_225_600_000_000_000 + int64(seconds*1e9)) }

func pairs(attributes object) (out []object) {
	for key, v := range attributes {
		out = append(out, object{"key": key, "value": anyValue(v)})
	}
	return out
}

func anyValue(v any) object {
	switch v := v.(type) {
	case string:
		return object{"stringValue": v}
	case int:
		return object{"intValue": fmt.Sprint(v)}
	case float64:
		return object{"doubleValue": v}
	case bool:
		return object{"boolValue": v}
	case []any:
		values := []object{}
		for _, x := range v {
			values = append(values, anyValue(x))
		}
		return object{"arrayValue": object{"values": values}}
	case object:
		return object{"kvlistValue": object{"values": pairs(v)}}
	}
	return object{}
}

// export is a request with spans of one service.
func export(spans ...object) object {
	return object{"resourceSpans": []object{{
		"resource":   object{"attributes": pairs(object{"service.name": "shop"})},
		"scopeSpans": []object{{"scope": object{"name": "tests", "version": "1"}, "spans": spans}},
	}}}
}

func jsonOf(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// protobufOf is an export in protobuf, written by OpenTelemetry's own code.
func protobufOf(t testing.TB, v any) string {
	t.Helper()
	var tree any
	if err := json.Unmarshal([]byte(jsonOf(t, v)), &tree); err != nil {
		t.Fatal(err)
	}
	var request collector.ExportTraceServiceRequest
	if err := protojson.Unmarshal([]byte(jsonOf(t, base64IDs(tree))), &request); err != nil {
		t.Fatal(err)
	}
	b, err := proto.Marshal(&request)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func base64IDs(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = base64IDs(v[i])
		}
	case map[string]any:
		for key, x := range v {
			if text, ok := x.(string); ok && (strings.HasSuffix(key, "spanId") || strings.HasSuffix(key, "SpanId") || key == "traceId") {
				b, _ := hex.DecodeString(text)
				v[key] = base64.StdEncoding.EncodeToString(b)
				continue
			}
			v[key] = base64IDs(x)
		}
	}
	return v
}

func gzipped(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(text))
	_ = z.Close()
	return b.String()
}

// export sends spans in JSON and gives how many were rejected, and why.
func (w *rig) export(t testing.TB, spans ...object) (rejected int, why string) {
	t.Helper()
	body := w.must(t, 200, "POST", "/v1/traces", jsonOf(t, export(spans...)), "X-Agent-Name", "")
	if body["partialSuccess"] == nil {
		if len(body) != 0 {
			t.Fatalf("the answer has %v", body)
		}
		return 0, ""
	}
	_, err := fmt.Sscan(at(body, "partialSuccess", "rejectedSpans").(string), &rejected)
	if err != nil {
		t.Fatal(err)
	}
	return rejected, at(body, "partialSuccess", "errorMessage").(string)
}

// runOf is the one run of a trace, in full.
func (w *rig) runOf(t testing.TB, trace string, headers ...string) object {
	t.Helper()
	list := w.must(t, 200, "GET", "/api/monitoring/runs?trace_id="+trace, "", headers...)["runs"].([]any)
	if len(list) != 1 {
		t.Fatalf("trace %s has %d runs: %v", trace, len(list), list)
	}
	return w.must(t, 200, "GET", "/api/monitoring/runs/"+at(list, 0, "run_id").(string), "", headers...)
}

// checkStatus looks at the shape of an error of OTLP.
func checkStatus(t *testing.T, name string, out *httptest.ResponseRecorder) {
	t.Helper()
	var s status.Status
	switch out.Header().Get("Content-Type") {
	case "application/json":
		if err := (protojson.UnmarshalOptions{}).Unmarshal(out.Body.Bytes(), &s); err != nil {
			t.Errorf("%s: %v in %s", name, err, out.Body)
		}
	case "application/x-protobuf":
		if err := proto.Unmarshal(out.Body.Bytes(), &s); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	default:
		t.Errorf("%s: it is %v", name, out.Header())
	}
	if s.Code == 0 || s.Message == "" || s.Message == "Validation failed" {
		t.Errorf("%s: it says nothing: %v", name, &s)
	}
}

// manifest is the properties of an entity's latest version.
func (w *rig) manifest(t testing.TB, id string) (p entity.Properties) {
	t.Helper()
	err := w.main().View(t.Context(), func(r entity.Reader) error {
		h, err := r.Head(entity.ID(id))
		if err != nil {
			return err
		}
		m, err := r.Manifest(h.CID())
		if err == nil {
			p = m.Properties
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}
