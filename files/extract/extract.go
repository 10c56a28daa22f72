package extract

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"

	"stemma/entity"
)

// Options are the settings of [New]; the zero value reads all but PDF.
type Options struct {
	// Command makes the child process that reads PDF: this binary with hidden
	// arguments that lead it to [ChildMain], usually by [exec.CommandContext]. Its
	// environment is what Command sets, and nothing else. nil: PDF is
	// [entity.KindUnsupported].
	Command     func(context.Context) *exec.Cmd
	MaxText     int           // bytes of text; what is over is cut off; 0: 1 MiB
	MaxInput    int64         // bytes of a document that has to be read whole; 0: 64 MiB
	MaxInflated int64         // bytes that a compressed document may unpack to; 0: 64 MiB
	Deadline    time.Duration // of one document; 0: 10 s
	Children    int           // child processes at a time; 0: 2
}

// Result is what was found in a document.
type Result struct {
	Text      string // UTF-8, paragraphs divided by line feeds; no control characters but "\n" and "\t"
	Title     string // as the document tells it; "" where it does not. At most 500 bytes
	Format    Format // what it was read as
	Truncated bool   // Text ends before the document does
}

// Extractor reads documents. It is safe for any number of goroutines.
type Extractor struct {
	o        Options
	children chan struct{} // a slot for each
}

// New makes an extractor.
func New(o Options) *Extractor {
	if o.MaxText <= 0 {
		o.MaxText = 1 << 20
	}
	if o.MaxInput <= 0 {
		o.MaxInput = 64 << 20
	}
	if o.MaxInflated <= 0 {
		o.MaxInflated = 64 << 20
	}
	if o.Deadline <= 0 {
		o.Deadline = 10 * time.Second
	}
	if o.Children <= 0 {
		o.Children = 2
	}
	return &Extractor{o: o, children: make(chan struct{}, o.Children)}
}

const (
	op      = "extract.Text"
	headLen = 512 // what a format is told by
)

// reader reads one format. doc is the whole document, but for formats that may
// end anywhere.
type reader struct {
	read  func(x *Extractor, ctx context.Context, doc []byte, contentType string, out *sink) error
	parts bool // may end anywhere: more than is needed is not read
	child bool // needs a child process
}

// readers is the table of what is read here.
func readers() map[Format]reader {
	return map[Format]reader{
		Plain:    {read: readPlain, parts: true},
		Markdown: {read: readMarkdown, parts: true},
		CSV:      {read: readCSV, parts: true},
		HTML:     {read: readHTML},
		JSON:     {read: readJSON},
		Docx:     {read: readDocx},
		PDF:      {read: readPDF, child: true},
	}
}

// Text reads a document of size bytes (-1: unknown) from r. What it is, is told
// by contentType ("" and application/octet-stream tell nothing), then by the
// ending of filename, and in the end by its first bytes. The errors:
//
//   - [entity.KindUnsupported]: no format that is read here, or one that cannot
//     be (an encrypted PDF); nothing is wrong
//   - [entity.KindInvalid]: not what it says it is, or broken
//   - [entity.KindTooLarge]: over a bound on size, also of what it unpacks to, or
//     on time, which runs from when it has been read from r
//   - [entity.KindTimeout], [entity.KindCanceled]: ctx is done
//   - [entity.KindInternal]: r failed, or there is no child process
func (x *Extractor) Text(ctx context.Context, contentType, filename string, r io.Reader, size int64) (Result, error) {
	head := make([]byte, headLen)
	n, err := io.ReadFull(r, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return Result{}, failed(err)
	}
	head = head[:n]
	format := Detect(contentType, filename, head)
	read, ok := readers()[format]
	if !ok {
		return Result{}, entity.Errorf(entity.KindUnsupported, op, "no text is read out of %q (%.100q)", contentType, filename)
	}
	doc, cutOff, err := x.slurp(head, r, size, read.parts)
	if err != nil {
		return Result{}, err
	}
	if read.child {
		select {
		case x.children <- struct{}{}:
			defer func() { <-x.children }()
		case <-ctx.Done():
			return Result{}, &entity.Error{Kind: stopped(ctx.Err()), Op: op, Err: ctx.Err()}
		}
	}
	whole, cancel := context.WithTimeout(ctx, x.o.Deadline)
	defer cancel()
	out := &sink{most: x.o.MaxText}
	err = guarded(func() error { return read.read(x, whole, doc, contentType, out) })
	switch {
	case ctx.Err() != nil:
		return Result{}, &entity.Error{Kind: stopped(ctx.Err()), Op: op, Err: ctx.Err()}
	case whole.Err() != nil:
		return Result{}, entity.Errorf(entity.KindTooLarge, op, "the document takes longer than %v to read", x.o.Deadline)
	case err != nil && !errors.Is(err, errFull):
		return Result{}, err
	}
	return Result{Text: out.text(), Title: out.title(), Format: format, Truncated: out.full || cutOff}, nil
}

func stopped(err error) entity.Kind {
	if errors.Is(err, context.DeadlineExceeded) {
		return entity.KindTimeout
	}
	return entity.KindCanceled
}

// failed is an error of what a document is read from.
func failed(err error) error {
	var e *entity.Error
	if errors.As(err, &e) {
		return err
	}
	return entity.Internal(op, err)
}

// slurp reads the rest of a document. Of one that may end anywhere it reads four
// times the text that is wanted.
func (x *Extractor) slurp(head []byte, r io.Reader, size int64, parts bool) (doc []byte, cutOff bool, err error) {
	most := x.o.MaxInput
	if parts {
		most = min(most, 4*int64(x.o.MaxText)+headLen)
	} else if size > most {
		return nil, false, x.tooLarge()
	}
	rest, err := io.ReadAll(io.LimitReader(r, most-int64(len(head))+1))
	if err != nil {
		return nil, false, failed(err)
	}
	doc = append(head, rest...)
	if int64(len(doc)) <= most {
		return doc, false, nil
	}
	if !parts {
		return nil, false, x.tooLarge()
	}
	return doc[:most], true, nil
}

func (x *Extractor) tooLarge() error {
	return entity.Errorf(entity.KindTooLarge, op, "the document has more than %d bytes", x.o.MaxInput)
}

// guarded runs f, and makes an error of a panic: no document may end the
// server.
func guarded(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &entity.Error{Kind: entity.KindInvalid, Op: op, Message: "the document cannot be read", Err: fmt.Errorf("panic: %v", p)}
		}
	}()
	return f()
}
