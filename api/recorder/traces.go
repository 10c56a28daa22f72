package recorder

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/klauspost/compress/gzip"

	"stemma/api/auth"
	"stemma/api/recorder/otlp"
	"stemma/api/wire"
	"stemma/entity"
)

// Bounds on an export of traces.
const (
	mostExport = 20 << 20 // bytes, as they come and unpacked: what the OpenTelemetry Collector takes by default
	mostSpans  = 10_000
)

func (s *Service) traceOps() []wire.Operation {
	return []wire.Operation{wire.Op(wire.Operation{
		Method: "POST", Path: "/v1/traces", ID: "exportTraces", Tag: tagIngest, Summary: "Export traces (OpenTelemetry)", Permission: "run:record",
		Description: "OTLP/HTTP, in protobuf or JSON, plain or in gzip: an ExportTraceServiceRequest. A trace becomes a run: spans of the GenAI conventions steps, tool calls and contexts, others, and agents in agents, steps with their attributes. " +
			"The agent is `gen_ai.agent.name`, else `gen_ai.agent.id`, else `X-Agent-Name`, else `service.name`; traces of one `gen_ai.conversation.id` are a session. The span without a parent completes the run: what is exported later is rejected (`partial_success`), as it is once the server has ended a run of which nothing more came, and a span that was recorded before is taken again and adds nothing. " +
			"Errors are a google.rpc.Status in the form of the request.",
		Auth: wire.AuthRequired, BearerKeys: true, MaxBody: mostExport, BodyTypes: []string{string(otlp.Protobuf), string(otlp.JSON)},
		Success: []wire.Success{{Status: 200, Body: otlp.Answer{}}}, Errors: []int{400, 401, 403, 413, 415, 429}, ErrorBody: traceError,
	}, s.exportTraces)}
}

type exportIn struct {
	Agent    string      `header:"X-Agent-Name" max:"200" doc:"whose runs they are, where no span names an agent"`
	Encoding string      `header:"Content-Encoding" max:"100" doc:"gzip, or none"`
	Body     wire.Upload `body:"raw"`
}

func (s *Service) exportTraces(ctx context.Context, in *exportIn) (*wire.Reply, error) {
	const op = "recorder.exportTraces"
	if err := s.allow(ctx); err != nil {
		return nil, err
	}
	format, ok := formatOf(in.Body.ContentType)
	if !ok {
		return nil, entity.Errorf(entity.KindUnsupported, op, "Content-Type must be %s or %s", otlp.Protobuf, otlp.JSON)
	}
	passage := s.exports.enter(auth.From(ctx).ID)
	defer s.exports.leave(passage)
	data, err := unpacked(in)
	if err != nil {
		return nil, err
	}
	export, err := otlp.Decode(format, data)
	if err != nil {
		return nil, err
	}
	if n := export.Len(); n > mostSpans {
		return nil, entity.Errorf(entity.KindTooLarge, op, "the export has %d spans; at most %d are taken at once: set the exporter's batch size", n, mostSpans)
	}
	refused, err := s.recordSpans(ctx, in.Agent, export.Spans(), func() { s.exports.wait(ctx, passage) })
	if err != nil {
		return nil, err
	}
	return wire.OK(traceBody{otlp.Accepted(refused.n, refused.message())}), nil
}

// formatOf is the format of a media type; ok is false where it is none of OTLP's.
func formatOf(contentType string) (f otlp.Format, ok bool) {
	kind, params, err := mime.ParseMediaType(contentType)
	charset := params["charset"]
	if err != nil || charset != "" && !strings.EqualFold(charset, "utf-8") {
		return "", false
	}
	f = otlp.Format(kind)
	return f, f == otlp.Protobuf || f == otlp.JSON
}

// unpacked reads the body, which gzip may have made small.
func unpacked(in *exportIn) ([]byte, error) {
	const op = "recorder.unpacked"
	from := in.Body.Reader
	switch strings.ToLower(strings.TrimSpace(in.Encoding)) {
	case "", "identity":
	case "gzip":
		z, err := gzip.NewReader(from)
		if err != nil {
			return nil, unread(err)
		}
		defer z.Close()
		from = z
	default:
		return nil, entity.Errorf(entity.KindUnsupported, op, "Content-Encoding must be gzip, or left out")
	}
	data, err := io.ReadAll(io.LimitReader(from, mostExport+1))
	if err != nil {
		return nil, unread(err)
	}
	if len(data) > mostExport {
		return nil, entity.Errorf(entity.KindTooLarge, op, "the body is larger than the limit of %d MiB when unpacked", mostExport>>20)
	}
	return data, nil
}

// unread is why a body could not be read: wire's own reason, or gzip's.
func unread(err error) error {
	var told *entity.Error
	if errors.As(err, &told) {
		return told
	}
	return entity.Invalid("recorder.unpacked", "the body is not gzip to its end, as Content-Encoding says: %s", err)
}

// traceBody is an answer in the form of the export.
type traceBody struct{ otlp.Answer }

// Form implements [wire.Formed].
func (b traceBody) Form(r *http.Request) wire.Raw { return inForm(r, b.Answer, b.Protobuf) }

// traceStatus is an error in the form of the export.
type traceStatus struct{ otlp.Status }

// Form implements [wire.Formed].
func (b traceStatus) Form(r *http.Request) wire.Raw { return inForm(r, b.Status, b.Protobuf) }

// inForm writes as the request is written; what is neither is answered in JSON.
func inForm(r *http.Request, v any, protobuf func() []byte) wire.Raw {
	if f, _ := formatOf(r.Header.Get("Content-Type")); f == otlp.Protobuf {
		return wire.Raw{ContentType: string(otlp.Protobuf), Data: protobuf()}
	}
	data, err := wire.Append(nil, v)
	if err != nil {
		data = []byte("{}")
	}
	return wire.Raw{ContentType: string(otlp.JSON), Data: data}
}

// rpcCodes are the codes of google.rpc.Code that stand for kinds of errors; 2 is
// one that is not known.
var rpcCodes = map[entity.Kind]int32{
	entity.KindInvalid: 3, entity.KindUnsupported: 3, entity.KindTimeout: 4, entity.KindNotFound: 5, entity.KindForbidden: 7, entity.KindTooLarge: 8,
	entity.KindRateLimited: 8, entity.KindFull: 8, entity.KindConflict: 10, entity.KindExists: 10, entity.KindInternal: 13, entity.KindUnavailable: 14, entity.KindUnauthenticated: 16,
}

// traceError is the [wire.ErrorBody] of exports.
func traceError(err *entity.Error, status int, code string, requestID string) any {
	told, ok := rpcCodes[err.Kind]
	if !ok {
		told = 2
	}
	said, _ := Error(err, status, code, requestID).(*ErrorResponse)
	return traceStatus{otlp.Status{Code: told, Message: said.Error}}
}
