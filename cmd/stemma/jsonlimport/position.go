package jsonlimport

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"strconv"
	"syscall"
	"unicode/utf8"

	"github.com/fxamacker/cbor/v2"

	"stemma/entity"
)

// position is how far an import is. It is committed with what it speaks of.
type position struct {
	Deferred bool // all lines are done, those put aside are under way
	Done     bool
	Mark     mark // in the file
	Again    mark // in the file of deferred lines
	Counts   Counts

	// Sizes of the files beside the import before the last transaction, and
	// what that one adds to them.
	RefusedSize, LaterSize int64
	Refused                []refusal
	Later                  []lineRef
}

// refusal is a line that is not imported, and why.
type refusal struct {
	lineRef
	Message string
}

func (p position) encode() ([]byte, error) {
	b, err := cbor.Marshal(p)
	if err != nil {
		return nil, entity.Internal(op, err)
	}
	return b, nil
}

func decodePosition(b []byte) (p position, err error) {
	if err := cbor.Unmarshal(b, &p); err != nil {
		return p, entity.Internal(op, err)
	}
	return p, nil
}

// sideFile is a file that grows beside the import, by whole lines.
type sideFile struct {
	path string
	file *os.File // nil until something is written
	out  *bufio.Writer
	size int64
}

// cut makes the file as long as a position says; there is none at 0.
func (s *sideFile) cut(size int64) error {
	s.size = size
	if size == 0 {
		return s.remove()
	}
	f, err := os.OpenFile(s.path, os.O_RDWR, 0)
	if err != nil {
		return fileError(s.path, err)
	}
	info, err := f.Stat()
	switch {
	case err == nil && info.Size() < size:
		err = io.ErrUnexpectedEOF
	case err == nil:
		err = f.Truncate(size)
	}
	if err == nil {
		_, err = f.Seek(size, io.SeekStart)
	}
	if err != nil {
		return fileError(s.path, errors.Join(err, f.Close()))
	}
	s.file, s.out = f, bufio.NewWriterSize(f, 1<<16)
	return nil
}

func (s *sideFile) open() error {
	if s.file != nil {
		return nil
	}
	f, err := os.OpenFile(s.path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fileError(s.path, err)
	}
	s.file, s.out = f, bufio.NewWriterSize(f, 1<<16)
	return nil
}

// add appends a line that ends in a newline.
func (s *sideFile) add(line []byte) error {
	if err := s.open(); err != nil {
		return err
	}
	n, err := s.out.Write(line)
	s.size += int64(n)
	return fileError(s.path, err)
}

// sync puts what was added on disk.
func (s *sideFile) sync() error {
	if s.file == nil {
		return nil
	}
	if err := s.out.Flush(); err != nil {
		return fileError(s.path, err)
	}
	return fileError(s.path, s.file.Sync())
}

func (s *sideFile) close() error {
	if s.file == nil {
		return nil
	}
	err := errors.Join(s.out.Flush(), s.file.Close())
	s.file = nil
	return fileError(s.path, err)
}

// remove deletes the file, if there is one.
func (s *sideFile) remove() error {
	err := s.close()
	if gone := os.Remove(s.path); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
		err = errors.Join(err, fileError(s.path, gone))
	}
	s.size = 0
	return err
}

func fileError(path string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC):
		return &entity.Error{Kind: entity.KindFull, Op: op, Message: "the disk is full: cannot write " + path, Err: err}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return entity.Invalid(op, "%s is shorter than the import left it: run it again from the start with --from-start", path)
	case errors.Is(err, fs.ErrNotExist):
		return &entity.Error{Kind: entity.KindInvalid, Op: op, Message: "there is no " + path, Err: err}
	}
	return &entity.Error{Kind: entity.KindInvalid, Op: op, Message: "cannot use " + path, Err: err}
}

// reportLine is a line of the report.
type reportLine struct {
	Line   int64  `json:"line"`
	Error  string `json:"error"`
	Text   string `json:"text,omitempty"`  // as it stands in the file
	Bytes  []byte `json:"bytes,omitempty"` // the same in base64, of a line that is not UTF-8
	Offset *int64 `json:"offset,omitempty"`
	Length int64  `json:"length,omitempty"` // of a line too long to repeat, which begins at Offset
}

func (r refusal) line(text []byte) ([]byte, error) {
	out := reportLine{Line: r.No, Error: r.Message}
	switch {
	case r.Length > MaxLine:
		out.Offset, out.Length = &r.Offset, r.Length
	case utf8.Valid(text):
		out.Text = string(text)
	default:
		out.Bytes = text
	}
	b, err := json.Marshal(out)
	if err != nil {
		return nil, entity.Internal(op, err)
	}
	return append(b, '\n'), nil
}

// deferredLine is a line as it is put aside.
func deferredLine(l lineRef, text []byte) []byte {
	b := append(strconv.AppendInt(nil, l.No, 10), '\t')
	return append(append(b, text...), '\n')
}
