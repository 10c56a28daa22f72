package wire

import (
	"bytes"
	"net/http"
	"strings"

	"stemma/entity"
)

// flushFrom is how much an event stream gathers before it flushes by itself.
const flushFrom = 32 << 10

// EventStream writes server-sent events (WHATWG HTML, section 9.2). It is used
// by one goroutine. What is sent is buffered: call Flush when there is nothing
// more to send for now. An error of KindCanceled means that the client is gone
// or does not take what it is sent; the handler should return it or nil.
type EventStream struct {
	w   http.ResponseWriter
	rc  *http.ResponseController
	buf bytes.Buffer
}

// NewEventStream answers 200 with the headers of an event stream. w is the
// writer of [Reply.Stream] or of a raw handler. Nothing is sent before the
// first Flush.
func NewEventStream(w http.ResponseWriter, _ *http.Request) *EventStream {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-cache, no-transform")
	h.Set("X-Accel-Buffering", "no") // nginx: do not hold back
	h.Del("Content-Length")
	if x, ok := w.(*exchange); ok {
		x.stream, x.first = true, x.router.now()
	}
	return &EventStream{w: w, rc: http.NewResponseController(w)}
}

// lineEnds are what ends a line of the stream, so that no field may hold it;
// a client ignores an id with a NUL.
const lineEnds = "\r\n\x00"

// Send adds an event. id and event may be ""; data of several lines arrives as
// such. It flushes only when much has gathered.
func (s *EventStream) Send(id, event string, data []byte) error {
	if strings.ContainsAny(id, lineEnds) || strings.ContainsAny(event, lineEnds) {
		return entity.Internal("wire.EventStream", entity.Invalid("wire.EventStream", "the id %q or name %q of an event has more than one line", id, event))
	}
	if id != "" {
		s.line("id: ", id)
	}
	if event != "" {
		s.line("event: ", event)
	}
	for rest, more := data, true; more; {
		var line []byte
		line, rest, more = cutLine(rest)
		s.buf.WriteString("data: ")
		s.buf.Write(line)
		s.buf.WriteByte('\n')
	}
	s.buf.WriteByte('\n')
	if s.buf.Len() >= flushFrom {
		return s.Flush()
	}
	return nil
}

func (s *EventStream) line(field, value string) {
	s.buf.WriteString(field)
	s.buf.WriteString(value)
	s.buf.WriteByte('\n')
}

// cutLine splits at the first end of a line: \n, \r or \r\n.
func cutLine(data []byte) (line, rest []byte, more bool) {
	i := bytes.IndexAny(data, "\r\n")
	if i < 0 {
		return data, nil, false
	}
	n := i + 1
	if data[i] == '\r' && n < len(data) && data[n] == '\n' {
		n++
	}
	return data[:i], data[n:], true
}

// Comment adds a line that clients ignore, and flushes: it keeps a silent
// connection open.
func (s *EventStream) Comment(text string) error {
	s.line(": ", strings.NewReplacer("\r", " ", "\n", " ").Replace(text))
	s.buf.WriteByte('\n')
	return s.Flush()
}

// Flush sends what has gathered, also the headers when that is nothing. A
// client that does not take it within the router's WriteTimeout is dropped.
func (s *EventStream) Flush() error {
	var err error
	if s.buf.Len() > 0 {
		_, err = s.w.Write(s.buf.Bytes())
		s.buf.Reset()
	}
	if err == nil {
		err = s.rc.Flush()
	}
	return gone(err)
}
