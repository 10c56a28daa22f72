package otlp

import (
	"fmt"
	"slices"
	"strings"
	"time"

	trace "go.opentelemetry.io/proto/slim/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"stemma/api/recorder/dialect"
)

// Kind is what a span tells of.
type Kind string

// The kinds.
const (
	Model Kind = "model"
	Tool  Kind = "tool"
	Agent Kind = "agent"
	Other Kind = "other"
)

// Span is a span, read.
type Span struct {
	Trace, ID  string // in hexadecimal
	Parent     string // "" of a root
	Problem    string // why it cannot be recorded; "" for nothing
	Name       string
	Kind       Kind
	Start, End time.Time // zero: not said
	AgentName  string    // gen_ai.agent.name, else gen_ai.agent.id
	Service    string    // service.name of its resource
	Talk       string    // gen_ai.conversation.id
	Resource   map[string]any
	Metadata   map[string]any // all that has no other place

	Failed bool
	// Call is what a model was asked and answered, or an agent.
	Call          dialect.Call
	Provider      string
	Input, Output []any // messages
	ToolName      string
	ToolCall      string // the identifier that the model gave the call
	Arguments     any
	Result        any
	Server        string
	Retrieval     bool // something was looked up
}

// Len is how many spans there are.
func (e *Export) Len() (n int) {
	for _, r := range e.request.GetResourceSpans() {
		for _, s := range r.GetScopeSpans() {
			n += len(s.GetSpans())
		}
	}
	return n
}

// mostResource bounds, in bytes, what is kept of what says whose spans they are.
const mostResource = 256 << 10

// Spans reads the spans, in the order that they came in.
func (e *Export) Spans() []*Span {
	out := make([]*Span, 0, e.Len())
	for _, r := range e.request.GetResourceSpans() {
		resource := object(r.GetResource().GetAttributes())
		if n := proto.Size(r.GetResource()); n > mostResource {
			resource = map[string]any{"service.name": text(resource, "service.name"), "bytes_left_out": int64(n)}
		}
		for _, s := range r.GetScopeSpans() {
			scope := map[string]any{}
			if name := s.GetScope().GetName(); name != "" {
				scope["name"] = name
			}
			if version := s.GetScope().GetVersion(); version != "" {
				scope["version"] = version
			}
			for _, in := range s.GetSpans() {
				span := read(in)
				span.Resource, span.Service = resource, text(resource, "service.name")
				if len(scope) > 0 {
					span.Metadata["scope"] = scope
				}
				if span.Service != "" {
					span.Metadata["service"] = span.Service
				}
				out = append(out, span)
			}
		}
	}
	return out
}

var operations = map[string]Kind{
	"chat": Model, "text_completion": Model, "generate_content": Model, "embeddings": Model,
	"execute_tool": Tool, "invoke_agent": Agent, "create_agent": Agent, "invoke_workflow": Agent,
}

func read(in *trace.Span) *Span {
	s := &Span{
		Trace: identifier(in.GetTraceId(), 16), ID: identifier(in.GetSpanId(), 8), Name: in.GetName(), Kind: Other,
		Start: instant(in.GetStartTimeUnixNano()), End: instant(in.GetEndTimeUnixNano()),
	}
	switch parent := in.GetParentSpanId(); {
	case s.Trace == "":
		s.Problem = fmt.Sprintf("its trace_id has %d bytes; it must have 16, not all of them 0", len(in.GetTraceId()))
	case s.ID == "":
		s.Problem = fmt.Sprintf("its span_id has %d bytes; it must have 8, not all of them 0", len(in.GetSpanId()))
	case len(parent) != 0 && len(parent) != 8:
		s.Problem = fmt.Sprintf("its parent_span_id has %d bytes; it must have 8, or none of a root span", len(parent))
	default:
		s.Parent = identifier(parent, 8)
	}
	attributes := object(in.GetAttributes())
	said := events(in)
	s.Metadata = map[string]any{"name": s.Name, "kind": strings.ToLower(strings.TrimPrefix(in.GetKind().String(), "SPAN_KIND_"))}
	if state := in.GetTraceState(); state != "" {
		s.Metadata["tracestate"] = state
	}
	s.status(in, attributes, said)
	s.meaning(attributes, said)
	if len(attributes) > 0 {
		s.Metadata["attributes"] = attributes
	}
	if kept := slices.DeleteFunc(said, func(e *event) bool { return e.read }); len(kept) > 0 {
		s.Metadata["events"] = eventList(kept)
	}
	if links := links(in); len(links) > 0 {
		s.Metadata["links"] = links
	}
	for key, n := range map[string]uint32{"dropped_attributes": in.GetDroppedAttributesCount(), "dropped_events": in.GetDroppedEventsCount(), "dropped_links": in.GetDroppedLinksCount()} {
		if n > 0 {
			s.Metadata[key] = int64(n)
		}
	}
	return s
}

// Took is how long it took, in milliseconds; nil where that is not known, as of a
// span that ends before it starts.
func (s *Span) Took() *float64 {
	if s.Start.IsZero() || s.End.IsZero() || s.End.Before(s.Start) {
		return nil
	}
	ms := float64(s.End.Sub(s.Start).Microseconds()) / 1000
	return &ms
}

func (s *Span) status(in *trace.Span, attributes map[string]any, said []*event) {
	s.Failed = in.GetStatus().GetCode() == trace.Status_STATUS_CODE_ERROR
	if !s.Failed {
		if message := in.GetStatus().GetMessage(); message != "" {
			s.Metadata["status"] = message
		}
		return
	}
	s.Call.ErrorType, s.Call.Error = text(attributes, "error.type"), in.GetStatus().GetMessage()
	for _, e := range said {
		if e.name != "exception" {
			continue
		}
		if s.Call.ErrorType == "" {
			s.Call.ErrorType = text(e.attributes, "exception.type")
		}
		if s.Call.Error == "" {
			s.Call.Error = text(e.attributes, "exception.message")
		}
	}
	if s.Call.ErrorType == "" {
		s.Call.ErrorType = "error"
	}
}

// meaning reads what the conventions say, and takes out of the attributes and
// events what has found another place.
func (s *Span) meaning(attributes map[string]any, said []*event) {
	operation := text(attributes, "gen_ai.operation.name")
	model := text(attributes, "gen_ai.response.model", "gen_ai.request.model")
	if kind, ok := operations[operation]; ok {
		s.Kind = kind
	} else if operation == "" && model != "" {
		s.Kind = Model
	}
	s.Retrieval = operation == "retrieval"
	s.AgentName = text(attributes, "gen_ai.agent.name", "gen_ai.agent.id")
	s.Talk = text(attributes, "gen_ai.conversation.id")
	s.Call.Operation, s.Call.Model = operation, model
	s.Provider = text(attributes, "gen_ai.provider.name", "gen_ai.system")
	s.Server = text(attributes, "server.address")
	s.usage(attributes)
	if reasons := list(attributes["gen_ai.response.finish_reasons"]); len(reasons) > 0 {
		s.Call.Finish, _ = reasons[0].(string)
	}
	if s.Kind == Tool {
		s.tool(attributes)
		return
	}
	s.messages(attributes, said)
}

func (s *Span) usage(attributes map[string]any) {
	t := &s.Call.Tokens
	t.Input = amount(attributes, "gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens")
	t.Output = amount(attributes, "gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens")
	t.CacheRead = amount(attributes, "gen_ai.usage.cache_read.input_tokens")
	t.CacheWrite = amount(attributes, "gen_ai.usage.cache_creation.input_tokens")
	t.Reasoning = amount(attributes, "gen_ai.usage.reasoning.output_tokens")
	for _, n := range []*float64{t.Input, t.Output} {
		if n == nil {
			continue
		}
		total := *n
		if t.Total != nil {
			total += *t.Total
		}
		t.Total = &total
	}
}

func (s *Span) tool(attributes map[string]any) {
	s.ToolName = text(attributes, "gen_ai.tool.name")
	if s.ToolName == "" {
		s.ToolName = strings.TrimPrefix(s.Name, "execute_tool ")
	}
	s.ToolCall = text(attributes, "gen_ai.tool.call.id")
	if v, ok := attributes["gen_ai.tool.call.arguments"]; ok {
		s.Arguments = parsed(v)
		delete(attributes, "gen_ai.tool.call.arguments")
	}
	if v, ok := attributes["gen_ai.tool.call.result"]; ok {
		s.Result = parsed(v)
		delete(attributes, "gen_ai.tool.call.result")
	}
}

// event is an event of a span.
type event struct {
	name       string
	at         time.Time
	attributes map[string]any
	read       bool // its content has found another place
}

func events(in *trace.Span) (out []*event) {
	for _, e := range in.GetEvents() {
		out = append(out, &event{name: e.GetName(), at: instant(e.GetTimeUnixNano()), attributes: object(e.GetAttributes())})
	}
	return out
}

func eventList(all []*event) (out []any) {
	for _, e := range all {
		m := map[string]any{"name": e.name}
		if !e.at.IsZero() {
			m["at"] = e.at.UnixMilli()
		}
		if len(e.attributes) > 0 {
			m["attributes"] = e.attributes
		}
		out = append(out, m)
	}
	return out
}

func links(in *trace.Span) (out []any) {
	for _, l := range in.GetLinks() {
		m := map[string]any{"trace_id": identifier(l.GetTraceId(), 16), "span_id": identifier(l.GetSpanId(), 8)}
		if attributes := object(l.GetAttributes()); len(attributes) > 0 {
			m["attributes"] = attributes
		}
		out = append(out, m)
	}
	return out
}
