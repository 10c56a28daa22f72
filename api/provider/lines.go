package provider

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// maxLine bounds a line of an event stream: providers send a token in one.
const maxLine = 1 << 20

// errLine is a line that is longer.
var errLine = errors.New("a line of the answer is longer than a megabyte")

// events yields the data of the server-sent events of a body (WHATWG HTML,
// section 9.2), which is joined where an event has several lines of it. Names and
// ids are of no interest. What the body ends within is given too: providers
// forget the last empty line. fn's error ends it.
func events(body io.Reader, fn func(data []byte) error) error {
	lines := bufio.NewReaderSize(body, 4<<10)
	var data, line []byte
	has := false
	give := func() error {
		if !has {
			return nil
		}
		err := fn(data)
		data, has = data[:0], false
		return err
	}
	for {
		piece, err := lines.ReadSlice('\n')
		if len(line)+len(piece)+len(data) > maxLine {
			return errLine
		}
		line = append(line, piece...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil && !errors.Is(err, io.EOF):
			return err
		}
		whole := bytes.TrimRight(line, "\r\n")
		if len(whole) == 0 {
			if err := give(); err != nil {
				return err
			}
		} else if value, ok := bytes.CutPrefix(whole, []byte("data:")); ok {
			if has {
				data = append(data, '\n')
			}
			data, has = append(data, bytes.TrimPrefix(value, []byte(" "))...), true
		}
		line = line[:0]
		if err != nil {
			return give()
		}
	}
}
