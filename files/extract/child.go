package extract

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/ledongthuc/pdf"
)

// The limits that the child sets itself; the deadline of the parent holds
// besides.
const (
	childStack   = 32 << 20 // bytes; over it the process ends
	childSpace   = 3 << 30  // of address space
	childSeconds = 10       // of processor time
	mostPages    = 10_000
)

// ChildMain is the child process: it reads one document from in, writes its
// text to out, and gives the exit code. The caller does nothing before it and
// exits after it: it changes the limits of the process, and where it prints.
func ChildMain(in io.Reader, out io.Writer) int {
	confine()
	r := bufio.NewReader(in)
	line, err := r.ReadBytes('\n')
	if err != nil {
		return 2
	}
	var task childTask
	if err := json.Unmarshal(line, &task); err != nil {
		return 2
	}
	doc, err := io.ReadAll(r)
	if err != nil {
		return 2
	}
	if json.NewEncoder(out).Encode(pages(doc, task.MaxText)) != nil {
		return 2
	}
	return 0
}

// confine sets the limits. A limit that the system does not take is left to the
// deadline of the parent.
func confine() {
	debug.SetMaxStack(childStack)
	// The library prints what it does not understand.
	if null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0); err == nil {
		os.Stdout = null
	}
	_ = syscall.Setrlimit(syscall.RLIMIT_CPU, &syscall.Rlimit{Cur: childSeconds, Max: childSeconds})
	_ = syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{})
	if used := addressSpace(); used > 0 && used < childSpace/2 { // the race detector has terabytes
		_ = syscall.Setrlimit(syscall.RLIMIT_AS, &syscall.Rlimit{Cur: childSpace, Max: childSpace})
	}
}

// addressSpace is what the process has mapped, in bytes; 0: not known.
func addressSpace() int64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var pages int64
	if _, err := fmt.Sscan(string(text), &pages); err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}

// pages reads a PDF as far as it is readable. Pages that are not are left out,
// unless all are.
func pages(doc []byte, maxText int) (a childAnswer) {
	defer func() {
		if p := recover(); p != nil {
			a = childAnswer{Wrong: fmt.Sprint(p)}
		}
	}()
	doc = tidy(doc)
	r, err := pdf.NewReader(bytes.NewReader(doc), int64(len(doc)))
	if errors.Is(err, pdf.ErrInvalidPassword) {
		return childAnswer{Encrypted: true}
	}
	if err != nil {
		return childAnswer{Wrong: err.Error()}
	}
	out := &sink{most: maxText}
	out.setTitle(title(r))
	count := r.NumPage()
	read, wrong := 0, ""
	for i := 1; i <= min(count, mostPages); i++ {
		// Fonts are those of the page: their names mean others on the next.
		text, err := pageText(r, i)
		if err != nil {
			wrong = err.Error()
			continue
		}
		read++
		out.newline()
		if out.write(strings.TrimLeft(text, "\n")) != nil {
			break
		}
	}
	if count <= 0 {
		wrong = "it has no pages"
	}
	if read == 0 {
		return childAnswer{Wrong: wrong}
	}
	return childAnswer{Text: out.text(), Title: out.title(), Truncated: out.full || count > mostPages}
}

func pageText(r *pdf.Reader, i int) (text string, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("page %d: %v", i, p)
		}
	}()
	return r.Page(i).GetPlainText(nil)
}

func title(r *pdf.Reader) (text string) {
	defer func() {
		if recover() != nil {
			text = "" // a title is no reason not to read the rest
		}
	}()
	return strings.TrimSpace(r.Trailer().Key("Info").Key("Title").Text())
}

// tidy removes what the library does not forgive and readers do: bytes before
// the header and after the end, a version it has not heard of, a header line
// with more in it. Offsets count from the header.
func tidy(doc []byte) []byte {
	if i := bytes.Index(doc[:min(len(doc), 1024)], []byte("%PDF-")); i >= 0 {
		doc = doc[i:]
	}
	if i := bytes.LastIndex(doc, []byte("%%EOF")); i >= 0 {
		doc = doc[:i+len("%%EOF")]
	}
	if len(doc) > 9 && (doc[8] == '\n' || doc[8] == '\r' || doc[8] == ' ') {
		copy(doc, "%PDF-1.7\n")
	}
	return doc
}
