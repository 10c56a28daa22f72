package otlp

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strings"

	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"stemma/entity"
)

// Format is how an export, and so its answer, is written.
type Format string

// The formats of OTLP/HTTP, by their media types.
const (
	Protobuf Format = "application/x-protobuf"
	JSON     Format = "application/json"
)

// Bounds on the nesting of what is read. A value of an attribute takes two or
// three messages a level, and in JSON as many objects and one array.
const (
	mostMessages = 100
	mostJSON     = 128
)

// Export is a request to keep spans.
type Export struct {
	request collector.ExportTraceServiceRequest
}

// Decode reads an export. KindInvalid says what is wrong with it.
func Decode(f Format, data []byte) (*Export, error) {
	const op = "otlp.Decode"
	e := &Export{}
	if f == JSON {
		return e, e.json(data)
	}
	if err := (proto.UnmarshalOptions{RecursionLimit: mostMessages, DiscardUnknown: true}).Unmarshal(data, &e.request); err != nil {
		return nil, entity.Invalid(op, "the body is no ExportTraceServiceRequest in protobuf: %s", reason(err))
	}
	return e, nil
}

// json reads the JSON of OTLP, which is that of protobuf but for the identifiers
// of traces and spans: those are in hexadecimal.
func (e *Export) json(data []byte) error {
	const op = "otlp.Decode"
	tree, err := entity.ParseJSON(data, mostJSON)
	if err != nil {
		return err
	}
	if _, ok := tree.(map[string]any); !ok {
		return entity.Invalid(op, `the body must be an object, {"resourceSpans":[…]}`)
	}
	if err := identify(tree, nil); err != nil {
		return err
	}
	plain, err := json.Marshal(tree)
	if err != nil {
		return entity.Invalid(op, "the body cannot be read: %s", err)
	}
	if err := (protojson.UnmarshalOptions{RecursionLimit: mostMessages, DiscardUnknown: true}).Unmarshal(plain, &e.request); err != nil {
		return entity.Invalid(op, "the body is no ExportTraceServiceRequest in the JSON of OTLP: %s", reason(err))
	}
	return nil
}

// identifiers are the members that hold identifiers, and ways are those that lead
// to them.
var (
	identifiers = []string{"traceId", "spanId", "parentSpanId"}
	ways        = []string{"resourceSpans", "scopeSpans", "spans", "links"}
)

// identify rewrites the identifiers of a tree as protobuf's JSON has them.
func identify(v any, path []any) error {
	switch v := v.(type) {
	case []any:
		for i, x := range v {
			if err := identify(x, append(path, i)); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, key := range identifiers {
			text, ok := v[key].(string)
			if !ok {
				continue // protojson tells, where it is something else
			}
			b, err := hex.DecodeString(text)
			if err != nil {
				return &entity.Error{Kind: entity.KindInvalid, Op: "otlp.Decode", Message: "Validation failed", Issues: []entity.Issue{{
					Path: append(path, key), Message: "must be in hexadecimal: 32 digits of a trace, 16 of a span",
				}}}
			}
			v[key] = base64.StdEncoding.EncodeToString(b)
		}
		for _, key := range ways {
			if err := identify(v[key], append(path, key)); err != nil {
				return err
			}
		}
	}
	return nil
}

// reason is what a decoder of protobuf says, without the places of the text that
// identify wrote and the spaces that differ from build to build.
func reason(err error) string {
	text := strings.ReplaceAll(err.Error(), "\u00a0", " ")
	text = strings.TrimPrefix(text, "proto: ")
	if rest, ok := strings.CutPrefix(text, "(line "); ok {
		_, text, _ = strings.Cut(rest, "): ")
	}
	return strings.ToValidUTF8(text, "�")
}
