package native

import (
	"errors"
	"fmt"
	"strings"

	"stemma/api/wire"
	"stemma/entity"
)

// invalidField is the error for one field of a request, in the shape of those
// that binding finds.
func invalidField(message string, path ...any) error {
	return &entity.Error{Kind: entity.KindInvalid, Op: "native", Message: "Validation failed", Issues: []entity.Issue{{Path: path, Message: message}}}
}

// describe is an error as a line of a batch's answer.
func describe(err error) (message, code string) {
	e := &entity.Error{}
	if !errors.As(err, &e) {
		e = entity.Internal("native", err)
	}
	message = wire.ErrorText(e)
	for _, issue := range e.Issues {
		message += "; " + issueText(issue)
	}
	_, code = wire.Status(e.Kind)
	return message, code
}

func issueText(i entity.Issue) string {
	text := ""
	for _, step := range i.Path {
		text += fmt.Sprint(step, ".")
	}
	return strings.TrimSuffix(text, ".") + " " + i.Message
}
