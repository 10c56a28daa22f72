package chat

import "encoding/json"

// UIPart is a part as the AI SDK's clients have it.
type UIPart struct {
	Type     string          `json:"type"`
	Text     string          `json:"text,omitempty"`
	State    string          `json:"state,omitempty"`
	CallID   string          `json:"toolCallId,omitempty"`
	Input    json.RawMessage `json:"input,omitempty"`
	Output   json.RawMessage `json:"output,omitempty"`
	Error    string          `json:"errorText,omitempty"`
	Approval *UIApproval     `json:"approval,omitempty"`
}

// UIApproval is the question whether a call may be made.
type UIApproval struct {
	ID       string `json:"id"`
	Approved *bool  `json:"approved,omitempty"`
	Reason   string `json:"reason,omitempty"`
}

// UIParts are the parts of a message as the AI SDK's clients have them. A call
// whose outcome was lost is shown as failed.
func (m *Message) UIParts() []UIPart {
	out := []UIPart{}
	for _, p := range m.Parts {
		u := UIPart{Type: string(p.Type)}
		switch p.Type {
		case Text:
			u.Text = p.Text
			if m.Role == Assistant {
				u.State = "done"
			}
		case ToolCall:
			u.Type, u.CallID, u.State, u.Input = "tool-"+p.Tool, p.CallID, string(p.State), shown(p.Input)
			u.Output, u.Error = shown(p.Output), p.Error
			if p.State == Responded {
				u.State, u.Error = string(Failed), toldUnknown
			}
			if p.Approval != "" {
				u.Approval = &UIApproval{ID: p.Approval, Approved: p.Approved, Reason: p.Reason}
			}
		}
		out = append(out, u)
	}
	return out
}

// shown is JSON as it is, and what is none as text.
func shown(text string) json.RawMessage {
	switch {
	case text == "":
		return nil
	case json.Valid([]byte(text)):
		return json.RawMessage(text)
	}
	quoted, err := json.Marshal(text)
	if err != nil {
		return nil
	}
	return quoted
}
