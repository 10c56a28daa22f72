package otlp

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// messages reads what was said to a model, or an agent, and what it answered.
func (s *Span) messages(attributes map[string]any, said []*event) {
	places := []map[string]any{attributes}
	for _, e := range said {
		if e.name == "gen_ai.client.inference.operation.details" {
			places = append(places, e.attributes)
		}
	}
	var system []any
	for _, at := range places {
		take(at, "gen_ai.input.messages", &s.Input)
		take(at, "gen_ai.output.messages", &s.Output)
		take(at, "gen_ai.system_instructions", &system)
	}
	if s.Input == nil && s.Output == nil {
		s.earlierEvents(said)
	}
	if s.Input == nil && s.Output == nil {
		s.Input, s.Output = indexed(attributes, "gen_ai.prompt."), indexed(attributes, "gen_ai.completion.")
	}
	s.understand(system)
}

// take moves the messages of an attribute to where they belong; what are none
// stays where it is.
func take(from map[string]any, key string, to *[]any) {
	v := parsed(from[key])
	if m, one := v.(map[string]any); one {
		v = []any{m}
	}
	if l, ok := v.([]any); ok && len(l) > 0 && *to == nil {
		*to = l
		delete(from, key)
	}
}

// roles are the events of the conventions up to version 1.36 by whose words they
// hold.
var roles = map[string]string{
	"gen_ai.system.message": "system", "gen_ai.user.message": "user", "gen_ai.assistant.message": "assistant", "gen_ai.tool.message": "tool",
}

// earlierEvents reads the events that held messages before attributes did.
func (s *Span) earlierEvents(said []*event) {
	for _, e := range said {
		body := maps.Clone(e.attributes)
		if whole, ok := parsed(body["gen_ai.event.content"]).(map[string]any); ok {
			delete(body, "gen_ai.event.content")
			maps.Copy(body, whole)
		}
		for _, key := range []string{"message", "tool_calls"} {
			if v, ok := body[key]; ok {
				body[key] = parsed(v)
			}
		}
		if v, ok := body["content"]; ok {
			body["content"] = pieces(v)
		}
		switch role, ok := roles[e.name]; {
		case ok:
			if text(body, "role") == "" {
				body["role"] = role
			}
			s.Input, e.read = append(s.Input, body), true
		case e.name == "gen_ai.choice":
			if m, ok := body["message"].(map[string]any); ok {
				delete(body, "message")
				for k, v := range m {
					body[k] = v
				}
			}
			if text(body, "role") == "" {
				body["role"] = "assistant"
			}
			s.Output, e.read = append(s.Output, body), true
		case e.name == "gen_ai.content.prompt":
			s.Input, e.read = append(s.Input, spoken(body["gen_ai.prompt"], "user")...), true
		case e.name == "gen_ai.content.completion":
			s.Output, e.read = append(s.Output, spoken(body["gen_ai.completion"], "assistant")...), true
		}
	}
}

// pieces are the objects of a list that may be written as JSON; what is another
// text, which people may have written, is left as it is.
func pieces(v any) any {
	if l := list(parsed(v)); len(l) > 0 {
		if _, ok := l[0].(map[string]any); ok {
			return l
		}
	}
	return v
}

// spoken are the messages of a value: a list of them, or one's text.
func spoken(v any, role string) []any {
	if v == nil {
		return nil
	}
	if l, ok := pieces(v).([]any); ok {
		return l
	}
	return []any{map[string]any{"role": role, "content": v}}
}

// mostIndexed bounds the places of messages that are numbered.
const mostIndexed = 1000

// indexed reads messages whose members are attributes of their own, such as
// gen_ai.prompt.0.content and gen_ai.completion.0.tool_calls.0.name.
func indexed(attributes map[string]any, prefix string) []any {
	found := map[int]map[string]any{}
	for _, key := range slices.Sorted(maps.Keys(attributes)) {
		rest, ok := strings.CutPrefix(key, prefix)
		if !ok {
			continue
		}
		at, member, ok := strings.Cut(rest, ".")
		n, err := strconv.Atoi(at)
		if !ok || err != nil || n < 0 || n >= mostIndexed {
			continue
		}
		if found[n] == nil {
			found[n] = map[string]any{}
		}
		found[n][member] = attributes[key]
		delete(attributes, key)
	}
	var out []any
	for _, n := range slices.Sorted(maps.Keys(found)) {
		m := found[n]
		if calls := indexed(m, "tool_calls."); len(calls) > 0 {
			m["tool_calls"] = calls
		}
		out = append(out, m)
	}
	return out
}

// understand finds in the messages what a record has places for.
func (s *Span) understand(system []any) {
	var instructions []string
	for _, part := range system {
		instructions = append(instructions, partText(part))
	}
	for _, v := range s.Input {
		m, _ := v.(map[string]any)
		switch text(m, "role") {
		case "system", "developer":
			instructions = append(instructions, messageText(m))
		case "user":
			set(&s.Call.Input, messageText(m))
		}
	}
	if n := len(s.Input); n > 0 && s.Call.Input == nil {
		m, _ := s.Input[n-1].(map[string]any)
		set(&s.Call.Input, messageText(m))
	}
	set(&s.Call.System, joined(instructions))
	var answers, thoughts []string
	for _, v := range s.Output {
		m, _ := v.(map[string]any)
		answers = append(answers, messageText(m))
		thoughts = append(thoughts, partsText(m, "reasoning"))
		s.Call.ToolCalls = append(s.Call.ToolCalls, toolCalls(m)...)
		if s.Call.Finish == "" {
			s.Call.Finish = text(m, "finish_reason")
		}
	}
	set(&s.Call.Output, joined(answers))
	set(&s.Call.Reasoning, joined(thoughts))
}

// Final tells that a model gave its answer, and wants nothing more.
func (s *Span) Final() bool {
	switch strings.ToLower(s.Call.Finish) {
	case "stop", "end_turn", "length", "max_tokens", "content_filter":
		return len(s.Call.ToolCalls) == 0
	}
	return false
}

func set(at **string, s string) {
	if s != "" {
		*at = &s
	}
}

func joined(texts []string) string {
	return strings.Join(slices.DeleteFunc(texts, func(s string) bool { return s == "" }), "\n")
}

// messageText is the text of a message, in parts or in one piece.
func messageText(m map[string]any) string {
	if m["parts"] != nil {
		return partsText(m, "text")
	}
	return partText(m)
}

func partsText(m map[string]any, kind string) string {
	var texts []string
	for _, v := range list(m["parts"]) {
		part, _ := v.(map[string]any)
		if text(part, "type") == kind {
			texts = append(texts, partText(part))
		}
	}
	return joined(texts)
}

// partText is the text of one piece: of itself, of its content, or of the pieces
// of that.
func partText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []any:
		var texts []string
		for _, x := range v {
			texts = append(texts, partText(x))
		}
		return joined(texts)
	case map[string]any:
		if s := text(v, "text"); s != "" {
			return s
		}
		return partText(v["content"])
	}
	return ""
}

// toolCalls are what a message asks for, as {id, name, arguments}.
func toolCalls(m map[string]any) (out []any) {
	for _, v := range list(m["parts"]) {
		if part, _ := v.(map[string]any); text(part, "type") == "tool_call" {
			out = append(out, toolCall(part, part))
		}
	}
	for _, v := range list(m["tool_calls"]) {
		call, _ := v.(map[string]any)
		function, ok := call["function"].(map[string]any)
		if !ok {
			function = call
		}
		out = append(out, toolCall(call, function))
	}
	return out
}

func toolCall(call, function map[string]any) map[string]any {
	out := map[string]any{"name": text(function, "name"), "arguments": parsed(function["arguments"])}
	if id := text(call, "id"); id != "" {
		out["id"] = id
	}
	return out
}
