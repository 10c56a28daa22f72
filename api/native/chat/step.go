package chat

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"

	"stemma/api/provider"
	"stemma/entity"
)

// step is one answer of the model as it comes.
type step struct {
	*turn
	open  string // the part that is open: text or reasoning; "": none
	text  strings.Builder
	texts []Part
	ids   []string // of the calls, by their place
}

func newStep(t *turn) *step { return &step{turn: t} }

// part is the id of the open part.
func (s *step) part() string { return s.open + "-" + strconv.Itoa(s.parts) }

// event sends a piece of the answer on.
func (s *step) event(e provider.Event) error {
	switch e.Kind {
	case provider.TextDelta, provider.ReasoningDelta:
		kind := "text"
		if e.Kind == provider.ReasoningDelta {
			kind = "reasoning"
		}
		if s.open != kind {
			s.close()
			s.open = kind
			s.parts++
			if err := s.w.send(frame{Type: kind + "-start", ID: s.part()}); err != nil {
				return err
			}
		}
		if kind == "text" {
			s.text.WriteString(e.Text)
		}
		return s.w.send(frame{Type: kind + "-delta", ID: s.part(), Delta: e.Text})
	case provider.CallBegins:
		s.close()
		for len(s.ids) <= e.Index {
			s.ids = append(s.ids, "")
		}
		s.ids[e.Index] = s.callID(e.ID)
		return s.w.send(frame{Type: "tool-input-start", CallID: s.ids[e.Index], Tool: e.Name})
	case provider.CallDelta:
		if e.Index < len(s.ids) && s.ids[e.Index] != "" {
			return s.w.send(frame{Type: "tool-input-delta", CallID: s.ids[e.Index], InputDelta: e.Text})
		}
	}
	return nil
}

// callID is the provider's id of a call, or another where that is none of its
// own in this conversation: clients find a call by it.
func (s *step) callID(id string) string {
	taken := id == "" || len(id) > 100 || s.c.hasCall(id)
	for _, other := range s.ids {
		taken = taken || id == other
	}
	if taken {
		return s.o.NewID()
	}
	return id
}

// close ends the open part.
func (s *step) close() {
	if s.open == "" {
		return
	}
	_ = s.w.send(frame{Type: s.open + "-end", ID: s.part()})
	if s.open == "text" {
		s.texts = append(s.texts, Part{Type: Text, Text: s.text.String()})
		s.text.Reset()
	}
	s.open = ""
}

// made is a call that the model makes: of a tool that reads with what came of it,
// of one that writes with the question whether it may.
func (s *step) made(i int, call *provider.Call) Part {
	p := Part{Type: ToolCall, Tool: call.Name, Input: call.Arguments}
	if i < len(s.ids) && s.ids[i] != "" {
		p.CallID = s.ids[i]
	} else {
		p.CallID = s.o.NewID() // its name never came
	}
	if strings.TrimSpace(p.Input) == "" {
		p.Input = "{}"
	}
	tool := s.tools[p.Tool]
	_, err := inputOf(p.Input)
	switch {
	case tool == nil:
		err = entity.Invalid("chat.Call", "there is no tool %q", p.Tool)
	case i >= s.o.Calls:
		err = entity.Invalid("chat.Call", "more than %d calls at once; make this one by itself", s.o.Calls)
	}
	if err != nil {
		p.State, p.Error = Failed, s.o.Describe(err)
		_ = s.w.send(frame{Type: "tool-input-error", CallID: p.CallID, Tool: p.Tool, Input: shown(p.Input), Error: p.Error})
		return p
	}
	_ = s.w.send(frame{Type: "tool-input-available", CallID: p.CallID, Tool: p.Tool, Input: json.RawMessage(p.Input)})
	if tool.Reads {
		s.call(&p)
		return p
	}
	p.State, p.Approval = Requested, s.o.NewID()
	s.approve = true
	_ = s.w.send(frame{Type: "tool-approval-request", ApprovalID: p.Approval, CallID: p.CallID})
	return p
}

// inputOf reads the input of a call.
func inputOf(text string) (map[string]any, error) {
	v, err := entity.ParseJSON([]byte(text), inputDepth)
	if err != nil {
		return nil, err
	}
	obj, ok := v.(map[string]any)
	if !ok {
		return nil, entity.Invalid("chat.Call", "the input of a tool is a JSON object")
	}
	return obj, nil
}

// call makes a call and puts what came of it into p. One that writes is not ended
// half way by a disconnect.
func (t *turn) call(p *Part) {
	ctx := t.ctx
	tool := t.tools[p.Tool]
	input, err := inputOf(p.Input)
	if err == nil && tool == nil {
		err = entity.Invalid("chat.Call", "there is no tool %q any more", p.Tool)
	}
	var output json.RawMessage
	if err == nil {
		if !tool.Reads {
			ctx = context.WithoutCancel(ctx)
		}
		output, err = tool.Run(ctx, input)
	}
	if err != nil {
		p.State, p.Error = Failed, t.o.Describe(err)
		_ = t.w.send(frame{Type: "tool-output-error", CallID: p.CallID, Error: p.Error})
		return
	}
	p.State, p.Output = Output, string(bounded(output, t.o.Result))
	_ = t.w.send(frame{Type: "tool-output-available", CallID: p.CallID, Output: json.RawMessage(p.Output)})
}

// bounded is a result, or the beginning of one that is longer than most bytes.
func bounded(result json.RawMessage, most int) json.RawMessage {
	if len(result) == 0 {
		return json.RawMessage("null")
	}
	if len(result) <= most {
		return result
	}
	n := most
	for n > 0 && !utf8.RuneStart(result[n]) {
		n--
	}
	cut, err := json.Marshal(map[string]any{"truncated": true, "bytes": len(result), "beginning": string(result[:n]), "advice": "ask for less: a limit, a filter, or one entity"})
	if err != nil {
		return json.RawMessage("null")
	}
	return cut
}
