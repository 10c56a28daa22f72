package narrate

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"stemma/api/recorder/run"
)

// most is how many characters of a text a sentence quotes.
const most = 120

// Sentence tells an entry; of one whose content was deleted, what is left, and that
// it was.
func Sentence(e *run.Entry) string {
	s := sentence(e)
	if e.Gone != nil {
		s = strings.TrimSuffix(s, ".") + "; what was said was deleted."
	}
	return s
}

func sentence(e *run.Entry) string {
	switch e.Kind {
	case run.KindStart:
		return started(e)
	case run.KindStep:
		return stepped(e)
	case run.KindTool:
		return called(e)
	case run.KindContext:
		return knew(e)
	case run.KindEnd:
		return ended(e)
	}
	return "Something was recorded that has no words yet."
}

var triggers = map[string]string{
	"api": "by a call of its API", "schedule": "by its schedule", "webhook": "by a webhook", "manual": "by hand", "auto": "by itself",
}

func started(e *run.Entry) string {
	s := fmt.Sprintf("%s was set off %s", e.Agent, triggers[e.Trigger])
	if e.Input != nil {
		s += " with " + quote(*e.Input)
	}
	return s + "."
}

func stepped(e *run.Entry) string {
	var s string
	switch e.StepType {
	case "reasoning":
		s = "The agent thought"
		if e.Model != "" {
			s = e.Model + " was asked"
		}
	case "tool_call":
		s = "The agent turned to a tool"
	case "retrieval":
		s = "The agent looked something up"
	case "action":
		s = "The agent acted"
	case "error":
		s = "Something went wrong"
	case "completion":
		s = "The agent gave its answer"
	}
	switch {
	case e.StepType == "error":
		s += reason(e)
	case e.Input != nil && e.Output != nil:
		s += fmt.Sprintf(": from %s to %s", quote(*e.Input), quote(*e.Output))
	case e.Output != nil:
		s += ": " + quote(*e.Output)
	case e.Reasoning != nil:
		s += ": " + quote(*e.Reasoning)
	case e.Input != nil:
		s += " about " + quote(*e.Input)
	}
	if n := len(e.ToolCalls); n > 0 {
		s += fmt.Sprintf(", and wanted %s", count(n, "tool call"))
	}
	if e.StepType != "error" && (e.Error != "" || e.Failed) {
		s += ", and failed" + reason(e)
	}
	return s + amounts(e) + partly(e) + "."
}

func called(e *run.Entry) string {
	s := e.Tool
	if e.TargetSystem != nil {
		s += " (" + *e.TargetSystem + ")"
	}
	s += " was called"
	if args := inline(e.Arguments); args != "" {
		s += " with " + args
	}
	switch e.Status {
	case "success":
		if result := inline(e.Result); result != "" {
			s += " and gave " + result
		} else {
			s += " and succeeded"
		}
	case "timeout":
		s += " and did not answer in time"
	default:
		s += " and failed" + reason(e)
	}
	return s + amounts(e) + "."
}

func knew(e *run.Entry) string {
	var parts []string
	if e.SystemPrompt != nil {
		parts = append(parts, "its system prompt")
	}
	if n := len(e.Instructions); n > 0 {
		parts = append(parts, count(n, "instruction"))
	}
	if n := len(e.Documents); n > 0 {
		parts = append(parts, count(n, "document"))
	}
	s := "The agent knew " + strings.Join(parts, ", ")
	if len(parts) == 0 {
		s = "What the agent knew was captured"
	}
	if e.TotalTokens != nil {
		s += fmt.Sprintf(" (%.0f tokens)", *e.TotalTokens)
	}
	return s + "."
}

func ended(e *run.Entry) string {
	if e.ErrorType == run.LeftOpen && e.Error == "" {
		return "Nobody ended the run; the server did, as nothing more came."
	}
	s := map[string]string{run.Completed: "The run completed", run.Failed: "The run failed", run.TimedOut: "The run ran out of time"}[e.Status]
	if e.Status != run.Completed {
		s += reason(e)
	}
	if e.Output != nil {
		s += " with " + quote(*e.Output)
	}
	return s + partly(e) + "."
}

func reason(e *run.Entry) string {
	switch {
	case e.ErrorType != "" && e.Error != "":
		return ": " + e.ErrorType + ", " + quote(e.Error)
	case e.Error != "":
		return ": " + quote(e.Error)
	case e.ErrorType != "":
		return ": " + e.ErrorType
	}
	return ""
}

func amounts(e *run.Entry) string {
	var parts []string
	if e.DurationMS != nil {
		parts = append(parts, Duration(*e.DurationMS))
	}
	if e.Tokens != nil {
		parts = append(parts, fmt.Sprintf("%.0f tokens", *e.Tokens))
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

func partly(e *run.Entry) string {
	if e.Partial == "" {
		return ""
	}
	return "; the recording is not whole: " + e.Partial
}

// Duration is a time in milliseconds for people.
func Duration(ms float64) string {
	switch {
	case ms < 1000:
		return fmt.Sprintf("%.0f ms", ms)
	case ms < 60_000:
		return fmt.Sprintf("%.1f s", ms/1000)
	}
	return fmt.Sprintf("%.1f min", ms/60_000)
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// quote is a text in one line and in short.
func quote(s string) string { return "“" + Short(s, most) + "”" }

// Short is the beginning of a text, in one line, of at most n characters.
func Short(s string, n int) string {
	if len(s) > 8*n {
		s = s[:8*n] // enough, and cheap
	}
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "")), " ")
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

// inline is a value in short; "" for nothing.
func inline(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return quote(v)
	}
	b, err := json.Marshal(v)
	if err != nil || string(b) == "{}" || string(b) == "[]" {
		return ""
	}
	return Short(string(b), most)
}

// Label names an entry in a word or three.
func Label(e *run.Entry) string {
	switch e.Kind {
	case run.KindStart:
		return "started by " + e.Trigger
	case run.KindStep:
		if e.Model != "" {
			return e.StepType + " (" + e.Model + ")"
		}
		return e.StepType
	case run.KindTool:
		return e.Tool
	case run.KindContext:
		return "context"
	}
	return e.Status
}

// Status tells how an entry went: ok, error or timeout.
func Status(e *run.Entry) string {
	switch {
	case e.Kind == run.KindTool && e.Status == "timeout", e.Kind == run.KindEnd && e.Status == run.TimedOut:
		return "timeout"
	case e.Kind == run.KindTool && e.Status != "success", e.Kind == run.KindEnd && e.Status == run.Failed, e.StepType == "error", e.Error != "", e.Failed:
		return "error"
	}
	return "ok"
}

// Summary tells a whole run in a few sentences.
func Summary(all []*run.Entry) string {
	if len(all) == 0 {
		return "Nothing is recorded."
	}
	f := run.FactsOf(all)
	last := all[len(all)-1]
	s := Sentence(all[0]) + fmt.Sprintf(" It took %s and %s", count(int(f.Steps), "step"), count(int(f.Tools), "tool call"))
	if f.Errors > 0 {
		s += fmt.Sprintf(", with %s", count(int(f.Errors), "error"))
	}
	s += fmt.Sprintf(", in %s.", Duration(float64(last.Time()-run.Began(all))))
	if last.Kind == run.KindEnd {
		s += " " + Sentence(last)
	} else {
		s += " It is still running."
	}
	if f.Tokens != nil {
		s += fmt.Sprintf(" It used %.0f tokens", *f.Tokens)
		if f.CostCents != nil {
			s += fmt.Sprintf(" and cost %.4g cents", *f.CostCents)
		}
		s += "."
	}
	return s
}
