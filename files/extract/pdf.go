package extract

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"

	"stemma/entity"
)

// What parent and child say to each other: a line of JSON and the document to
// the child, one JSON value back.
type (
	childTask struct {
		MaxText int `json:"max_text"`
	}
	childAnswer struct {
		Text      string `json:"text"`
		Title     string `json:"title,omitempty"`
		Truncated bool   `json:"truncated,omitempty"`
		Wrong     string `json:"wrong,omitempty"` // what is wrong with the document
		Encrypted bool   `json:"encrypted,omitempty"`
	}
)

// childMemory is what the child's heap is kept to; doc.go has all of its limits.
const childMemory = "GOMEMLIMIT=512MiB"

// readPDF gives the document to a child process, and believes what comes back no
// more than it believes a document.
func readPDF(x *Extractor, ctx context.Context, doc []byte, _ string, out *sink) error {
	if x.o.Command == nil {
		return entity.Errorf(entity.KindUnsupported, op, "no text is read out of PDF here")
	}
	if !bytes.Contains(doc[:min(len(doc), 1024)], []byte("%PDF-")) {
		return entity.Invalid(op, "the document is not a PDF: it does not begin with %%PDF-")
	}
	answer, err := x.child(ctx, doc)
	switch {
	case err != nil:
		return err
	case answer.Encrypted:
		return entity.Errorf(entity.KindUnsupported, op, "the PDF is encrypted")
	case answer.Wrong != "":
		return entity.Invalid(op, "the PDF is broken: %.200s", answer.Wrong)
	}
	out.setTitle(answer.Title)
	if err := out.write(answer.Text); err != nil {
		return err
	}
	if answer.Truncated {
		out.full = true
	}
	return nil
}

// child runs the process.
func (x *Extractor) child(ctx context.Context, doc []byte) (childAnswer, error) {
	var answer childAnswer
	task, err := json.Marshal(childTask{MaxText: x.o.MaxText})
	if err != nil {
		return answer, entity.Internal(op, err)
	}
	cmd := x.o.Command(ctx)
	if cmd.Env == nil {
		cmd.Env = []string{} // nothing of ours is for who reads strangers' documents
	}
	cmd.Env = append(cmd.Env, childMemory, "GOTRACEBACK=none")
	cmd.WaitDelay = time.Second
	stdout, stderr := &bounded{most: 8*x.o.MaxText + 64<<10}, &bounded{most: 300}
	cmd.Stdin = io.MultiReader(bytes.NewReader(append(task, '\n')), bytes.NewReader(doc))
	cmd.Stdout, cmd.Stderr = stdout, stderr
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return answer, ctx.Err()
	case errors.As(err, &exit):
		return answer, &entity.Error{Kind: entity.KindInvalid, Op: op, Message: "the PDF is broken: reading it ended the process that did", Err: fmt.Errorf("%w: %s", err, stderr.b.Bytes())}
	case err != nil && cmd.ProcessState == nil:
		return answer, entity.Internal(op, err)
	case stdout.over:
		return answer, entity.Errorf(entity.KindTooLarge, op, "the PDF gives more text than was asked for")
	}
	// That the document was not read to its end is no error: it may be known
	// before that it is wrong.
	if err := json.Unmarshal(stdout.b.Bytes(), &answer); err != nil {
		return answer, entity.Internal(op, fmt.Errorf("the child process does not speak our language: %w", err))
	}
	return answer, nil
}

// bounded keeps the first bytes that are written to it, and does not mind more.
type bounded struct {
	most int
	over bool
	b    bytes.Buffer
}

func (w *bounded) Write(p []byte) (int, error) {
	if left := w.most - w.b.Len(); len(p) > left {
		w.over = true
		w.b.Write(p[:left])
	} else {
		w.b.Write(p)
	}
	return len(p), nil
}
