package extract

import (
	"context"
	"io"
	"os/exec"
	"time"

	"stemma/entity"
)

// Options are the settings of [New]; the zero value reads all but PDF.
type Options struct {
	// Command makes the child process that reads PDF: this binary with hidden
	// arguments that lead it to [ChildMain]. It is given a context that kills the
	// child. nil: PDF is [entity.KindUnsupported].
	Command  func(context.Context) *exec.Cmd
	MaxText  int           // bytes of text; what is over is cut off; 0: 1 MiB
	MaxInput int64         // bytes of a document; 0: 64 MiB
	Deadline time.Duration // of one document; 0: 10 s
	Children int           // child processes at a time; 0: 2
}

// Result is what was found in a document.
type Result struct {
	Text      string // UTF-8, paragraphs divided by line feeds; no control characters but "\n" and "\t"
	Title     string // as the document tells it; "" where it does not. At most 500 bytes
	Format    Format // what it was read as
	Truncated bool   // Text ends before the document does
}

// Extractor reads documents. It is safe for any number of goroutines.
type Extractor struct{ o Options }

// New makes an extractor.
func New(o Options) *Extractor { return &Extractor{o: o} }

// Text reads a document of size bytes (-1: unknown) from r. What it is, is told
// by contentType ("" and application/octet-stream tell nothing), then by the
// ending of filename, and in the end by its first bytes. The errors:
//
//   - [entity.KindUnsupported]: no format that is read here; nothing is wrong
//   - [entity.KindInvalid]: not what it says it is, or broken
//   - [entity.KindTooLarge]: over a bound on size, also of what it unpacks to
//   - [entity.KindTimeout], [entity.KindCanceled]: the deadline, or ctx
//   - what r fails with, wrapped
func (x *Extractor) Text(ctx context.Context, contentType, filename string, r io.Reader, size int64) (Result, error) {
	return Result{}, entity.Errorf(entity.KindUnsupported, "extract.Text", "not there yet")
}

// ChildMain is the child process: it reads one document from in, writes its
// text to out, and gives the exit code. The caller does nothing before it and
// exits after it.
func ChildMain(in io.Reader, out io.Writer) int { return 1 }
