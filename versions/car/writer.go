package car

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"

	"stemma/entity"
)

// Writer writes a file. What it is given is buffered; [Writer.Flush] ends it.
type Writer struct {
	w   *bufio.Writer
	n   int64
	len [binary.MaxVarintLen64]byte
}

// NewWriter begins a file with the roots. Their order is kept.
func NewWriter(w io.Writer, roots ...entity.CID) (*Writer, error) {
	b, err := encodeHeader(roots)
	if err != nil {
		return nil, err
	}
	out := &Writer{w: bufio.NewWriterSize(w, 128<<10)}
	n, err := out.w.Write(b)
	out.n = int64(n)
	return out, err
}

// Size is how many bytes the file has so far.
func (w *Writer) Size() int64 { return w.n }

// Write adds a block. The error is the writer's below.
func (w *Writer) Write(c entity.CID, block []byte) error {
	if err := w.begin(c, int64(len(block))); err != nil {
		return err
	}
	n, err := w.w.Write(block)
	w.n += int64(n)
	return err
}

// WriteFrom adds a block of size bytes that are read from r. An error of r, or
// one that r ends early or late, is KindInternal and leaves the file broken.
func (w *Writer) WriteFrom(c entity.CID, size int64, r io.Reader) error {
	const op = "car.WriteFrom"
	if err := w.begin(c, size); err != nil {
		return err
	}
	n, err := io.Copy(w.w, io.LimitReader(r, size))
	w.n += n
	switch {
	case err != nil:
		return err
	case n < size:
		return entity.Internal(op, fmt.Errorf("content %s has %d bytes instead of %d", c, n, size))
	}
	return nil
}

func (w *Writer) begin(c entity.CID, size int64) error {
	name := c.KeyString()
	b := binary.AppendUvarint(w.len[:0], uint64(len(name))+uint64(size))
	if _, err := w.w.Write(b); err != nil {
		return err
	}
	_, err := w.w.WriteString(name)
	w.n += int64(len(b) + len(name))
	return err
}

// Flush hands on what is buffered.
func (w *Writer) Flush() error { return w.w.Flush() }
