package chat

import (
	"bytes"
	"encoding/json"
)

// Sink takes the frames of a stream, each the data of a server-sent event, and
// sends them at once. Its error means that nobody listens any more.
type Sink interface{ Send(data []byte) error }

// frame is a frame of the UI message stream.
type frame struct {
	Type       string          `json:"type"`
	ID         string          `json:"id,omitempty"`
	MessageID  string          `json:"messageId,omitempty"`
	Delta      string          `json:"delta,omitempty"`
	ApprovalID string          `json:"approvalId,omitempty"`
	CallID     string          `json:"toolCallId,omitempty"`
	Tool       string          `json:"toolName,omitempty"`
	InputDelta string          `json:"inputTextDelta,omitempty"`
	Input      json.RawMessage `json:"input,omitempty"`
	Output     json.RawMessage `json:"output,omitempty"`
	Error      string          `json:"errorText,omitempty"`
	Finish     string          `json:"finishReason,omitempty"`
	Reason     string          `json:"reason,omitempty"`
	Data       any             `json:"data,omitempty"`
	Transient  bool            `json:"transient,omitempty"`
	Metadata   *Metadata       `json:"messageMetadata,omitempty"`
}

// Metadata is what a message says of itself beside its parts.
type Metadata struct {
	Usage   *Usage `json:"usage,omitempty"`
	Finish  string `json:"finish,omitempty"`
	Partial bool   `json:"partial,omitempty"`
}

// writer writes frames until nobody listens any more.
type writer struct {
	sink Sink
	err  error
}

func (w *writer) send(f frame) error {
	if w.err != nil {
		return w.err
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if w.err = enc.Encode(f); w.err == nil {
		w.err = w.sink.Send(bytes.TrimRight(buf.Bytes(), "\n"))
	}
	return w.err
}

func (w *writer) done() {
	if w.err == nil {
		w.err = w.sink.Send([]byte("[DONE]"))
	}
}
