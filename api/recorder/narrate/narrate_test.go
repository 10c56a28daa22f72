package narrate_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"stemma/api/recorder/narrate"
	"stemma/api/recorder/run"
)

func text(s string) *string     { return &s }
func number(f float64) *float64 { return &f }

func TestSentence(t *testing.T) {
	for want, e := range map[string]run.Entry{
		"bot was set off by its schedule with “go on”.":                       {Kind: run.KindStart, Agent: "bot", Trigger: "schedule", Input: text("go\n  on")},
		"The agent thought: “why” (1.5 s, 42 tokens).":                        {Kind: run.KindStep, StepType: "reasoning", Reasoning: text("why"), DurationMS: number(1500), Tokens: number(42)},
		"gpt-4o was asked: from “a” to “b”, and wanted 2 tool calls.":         {Kind: run.KindStep, StepType: "reasoning", Model: "gpt-4o", Input: text("a"), Output: text("b"), ToolCalls: []any{1, 2}},
		"Something went wrong: RateLimit, “slow down”.":                       {Kind: run.KindStep, StepType: "error", ErrorType: "RateLimit", Error: "slow down"},
		"The agent looked something up: “found”.":                             {Kind: run.KindStep, StepType: "retrieval", Output: text("found")},
		"search (web) was called with {\"q\":\"x\"} and gave “y” (20 ms).":    {Kind: run.KindTool, Tool: "search", TargetSystem: text("web"), Status: "success", Arguments: map[string]any{"q": "x"}, Result: "y", DurationMS: number(20)},
		"pay was called and failed: “no money”.":                              {Kind: run.KindTool, Tool: "pay", Status: "error", Error: "no money"},
		"pay was called and did not answer in time.":                          {Kind: run.KindTool, Tool: "pay", Status: "timeout"},
		"The agent knew its system prompt, 2 instructions (99 tokens).":       {Kind: run.KindContext, SystemPrompt: text("p"), Instructions: []any{"a", "b"}, TotalTokens: number(99)},
		"The run failed: Timeout with “half”; the recording is not whole: x.": {Kind: run.KindEnd, Status: run.Failed, ErrorType: "Timeout", Output: text("half"), Partial: "x"},
		"Nobody ended the run; the server did, as nothing more came.":         {Kind: run.KindEnd, Status: run.TimedOut, ErrorType: run.LeftOpen, Partial: "x"},
		"The run ran out of time.":                                            {Kind: run.KindEnd, Status: run.TimedOut},
	} {
		if got := narrate.Sentence(&e); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// A text is told in short, in one line, and never cut within a character.
func TestShort(t *testing.T) {
	for _, s := range []string{"", "a", strings.Repeat("ü", 300), strings.Repeat("a b\n", 1000), "\xff\xfe" + strings.Repeat("€", 200)} {
		got := narrate.Short(s, 120)
		if utf8.RuneCountInString(got) > 120 || !utf8.ValidString(got) || strings.ContainsAny(got, "\n\r") {
			t.Errorf("%q", got)
		}
	}
}
