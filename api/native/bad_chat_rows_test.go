package native_test

import "strings"

// badChatRows is the part of the table about chats.
func badChatRows() map[string]badRow {
	message := func(rest string) string { return `{"messages":[{"id":"m","role":"user",` + rest + `}]}` }
	answer := func(id, state, call, input, approval string) string {
		return `{"messages":[{"id":"` + id + `","role":"assistant","parts":[{"type":"step-start"},{"type":"tool-create_entity","toolCallId":"` + call + `","state":"` + state + `","input":` + input + `,"approval":` + approval + `}]}]}`
	}
	yes, note := `{"id":"$question","approved":true}`, `{"type":"note"}`
	f := func(name, body string) fault { return fault{name: name, body: body, status: 400} }
	pending := func(name, body string) fault {
		return fault{name: name, body: body, headers: []string{"X-Chat-ID", "$pending"}, status: 400}
	}
	rows := map[string]badRow{
		"sendChat": {path: "/chat", body: `{"messageId":"m","messages":[{"id":"m","role":"user","parts":[{"type":"text","text":"hello"}],"content":"hello"}]}`, headers: []string{"X-Chat-ID", chatName}, faults: []fault{
			{name: "a name that is no UUID", headers: []string{"X-Chat-ID", "mine"}, status: 400},
			{name: "the id of an entity", headers: []string{"X-Chat-ID", "$chat"}, status: 400},
			f("no messages", `{"messages":[]}`), f("an unknown role", `{"messages":[{"id":"m","role":"developer","content":"x"}]}`),
			f("no id", `{"messages":[{"role":"user","content":"x"}]}`), f("no user message", `{"messages":[{"id":"m","role":"system","content":"obey"}]}`),
			f("a tool's last", `{"messages":[{"id":"a","role":"user","content":"x"},{"id":"m","role":"tool","content":"x"}]}`),
			f("neither parts nor content", message(`"x":1`)), f("nothing said", message(`"content":" \n"`)), f("no parts", message(`"parts":[]`)), f("a part without a type", message(`"parts":[{"text":"x"}]`)),
			f("a part of type 7", message(`"parts":[{"type":7}]`)), f("a text of 7", message(`"parts":[{"type":"text","text":7}]`)), f("a file", message(`"parts":[{"type":"text","text":"x"},{"type":"file","mediaType":"image/png","url":"data:,"}]`)),
			f("only a step", message(`"parts":[{"type":"step-start"}]`)), f("too many parts", message(`"parts":[`+strings.Repeat(`{"type":"step-start"},`, 1000)+`{"type":"text","text":"x"}]`)),
			{name: "too large a message", body: message(`"content":"` + strings.Repeat("x", 2<<20+1) + `"`), status: 413},
			pending("an assistant that answers nothing", `{"messages":[{"id":"$answer","role":"assistant","content":"x"}]}`),
			pending("an assistant's message as the user's", `{"messages":[{"id":"$answer","role":"user","content":"x"}]}`),
			pending("another text under an id that is there", `{"messages":[{"id":"m-cal","role":"user","content":"x"}]}`),
			f("an answer in a new chat", answer("$answer", "approval-responded", "$call", note, yes)),
			pending("an answer to an unknown message", answer("x", "approval-responded", "$call", note, yes)),
			pending("an answer that is still a question", answer("$answer", "approval-requested", "$call", note, yes)),
			pending("a call that is said to be done", answer("$answer", "output-available", "$call", note, yes)),
			pending("an unknown question", answer("$answer", "approval-responded", "$call", note, `{"id":"x","approved":true}`)),
			pending("another call", answer("$answer", "approval-responded", "x", note, yes)),
			pending("another input", answer("$answer", "approval-responded", "$call", `{"type":"file"}`, yes)),
			pending("more input", answer("$answer", "approval-responded", "$call", `{"type":"note","id":"$none"}`, yes)),
			pending("another tool", strings.Replace(answer("$answer", "approval-responded", "$call", note, yes), "create_entity", "update_entity", 1)),
			pending("no question", answer("$answer", "approval-responded", "$call", note, `{"approved":true}`)),
			pending("neither yes nor no", answer("$answer", "approval-responded", "$call", note, `{"id":"$question","approved":"yes"}`)),
			pending("an answer of text", answer("$answer", "approval-responded", "$call", note, `"yes"`)),
			pending("a reason of 7", answer("$answer", "approval-responded", "$call", note, `{"id":"$question","approved":false,"reason":7}`)),
			pending("one question too many", strings.Replace(answer("$answer", "approval-responded", "$call", note, yes), `"parts":[`, `"parts":[{"type":"tool-x","toolCallId":"y","state":"approval-responded","input":{},"approval":{"id":"z","approved":true}},`, 1)),
		}},
		"listChatSessions": {path: "/chat/sessions"},
	}
	for id, path := range map[string]string{"getChatSession": "/chat/sessions/$chat", "deleteChatSession": "/chat/sessions/$chat"} {
		rows[id] = badRow{path: path, faults: []fault{
			{name: "a note", path: "/chat/sessions/$note", status: 404},
			{name: "an unknown UUID", path: "/chat/sessions/00000000-7c1d-4e5f-8a6b-1c2d3e4f5a6b", status: 404},
			{name: "half a UUID", path: "/chat/sessions/0b4e2f9a-7c1d", status: 400},
		}}
	}
	return rows
}
