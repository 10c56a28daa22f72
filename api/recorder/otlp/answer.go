package otlp

import (
	"strconv"

	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"
)

// Answer is the ExportTraceServiceResponse of an export that was taken.
type Answer struct {
	Partial *Partial `json:"partialSuccess,omitempty" doc:"left out when every span is recorded"`
}

// Partial tells of the spans that were not taken.
type Partial struct {
	Rejected string `json:"rejectedSpans" doc:"how many spans are not recorded; as a 64-bit number it is text"`
	Message  string `json:"errorMessage" doc:"why, and what would be right"`
}

// Accepted is the answer to an export of which so many spans were rejected.
func Accepted(rejected int, message string) Answer {
	if rejected == 0 {
		return Answer{}
	}
	return Answer{&Partial{strconv.Itoa(rejected), message}}
}

// Protobuf is the answer in protobuf.
func (a Answer) Protobuf() []byte {
	var r collector.ExportTraceServiceResponse
	if a.Partial != nil {
		n, _ := strconv.ParseInt(a.Partial.Rejected, 10, 64) // which Accepted wrote
		r.PartialSuccess = &collector.ExportTracePartialSuccess{RejectedSpans: n, ErrorMessage: a.Partial.Message}
	}
	return marshal(&r)
}

// Status is the google.rpc.Status of an export that was refused whole.
type Status struct {
	Code    int32  `json:"code" doc:"of google.rpc.Code"`
	Message string `json:"message" doc:"what went wrong and what would be right"`
}

// Protobuf is the status in protobuf.
func (s Status) Protobuf() []byte { return marshal(&status.Status{Code: s.Code, Message: s.Message}) }

func marshal(m proto.Message) []byte {
	b, err := proto.Marshal(m)
	if err != nil {
		panic(err) // text that is no UTF-8, which neither has
	}
	return b
}
