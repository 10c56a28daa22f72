package provider

import (
	"bufio"
	"bytes"
	"io"
)

// Event is a server-sent event.
type Event struct {
	Raw  []byte // as it came, with the empty line that ends it
	Name string
	Data []byte // nil: a comment alone
}

// eventReader splits a stream into events. The bytes of an event are valid until
// the next is read.
type eventReader struct {
	r    *bufio.Reader
	most int // bytes of an event
	raw  []byte
	data []byte
}

func newEventReader(r io.Reader, most int) *eventReader {
	return &eventReader{r: bufio.NewReaderSize(r, 16<<10), most: most}
}

// next is the next event; io.EOF at the end. What stands there without an empty
// line behind it is an event too: some providers end so.
func (e *eventReader) next() (ev Event, err error) {
	e.raw, e.data = e.raw[:0], e.data[:0]
	has := false
	for {
		line, err := e.line()
		if err != nil {
			if err == io.EOF && has {
				break
			}
			return ev, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			if len(bytes.TrimSpace(e.raw)) == 0 {
				e.raw = e.raw[:0] // an empty line between events
				continue
			}
			break
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(name) {
		case "data":
			if has {
				e.data = append(e.data, '\n')
			}
			e.data, has = append(e.data, value...), true
		case "event":
			ev.Name = string(value)
		}
	}
	ev.Raw = e.raw
	if has {
		ev.Data = e.data
	}
	return ev, nil
}

// line reads a line into raw and gives it.
func (e *eventReader) line() ([]byte, error) {
	at := len(e.raw)
	for {
		piece, err := e.r.ReadSlice('\n')
		e.raw = append(e.raw, piece...)
		switch {
		case len(e.raw) > e.most:
			return nil, upstream(false, "the provider sends an event of more than %d bytes", e.most)
		case err == bufio.ErrBufferFull:
			continue
		case err == io.EOF && len(e.raw) > at:
			return e.raw[at:], nil
		case err != nil:
			return nil, err
		}
		return e.raw[at:], nil
	}
}

// waiting tells whether more has arrived already.
func (e *eventReader) waiting() bool { return e.r.Buffered() > 0 }
