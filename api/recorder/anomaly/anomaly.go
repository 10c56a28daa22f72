package anomaly

import (
	"stemma/api/recorder/run"
	"stemma/entity"
)

// Severity of a finding.
type Severity string

// The severities.
const (
	Low    Severity = "low"
	Medium Severity = "medium"
	High   Severity = "high"
)

// Found is something out of the ordinary.
type Found struct {
	Code      string   `json:"code"`
	Severity  Severity `json:"severity" enum:"low,medium,high"`
	Reason    string   `json:"reason"`
	Step      int64    `json:"step,omitempty" doc:"the sequence of the step it was found at"`
	Entry     int64    `json:"entry,omitempty" doc:"the place in the chain"`
	Value     float64  `json:"value" doc:"what was met"`
	Threshold float64  `json:"threshold" doc:"what it passed"`
}

// Rule is a row of the table.
type Rule struct {
	Code     string
	Severity Severity
	Title    string
	find     func(*look) []Found
}

// rules is the table. To add a rule add a row, and a case to its test.
var rules = []Rule{
	{"repeated_tool_call", Medium, "The same tool was called with the same arguments again and again", repeatedCalls},
	{"slow_run", Medium, "The run took much longer than the agent's others", slowRun},
	{"cost_spike", Medium, "The run cost much more than the agent's others", costSpike},
	{"token_spike", Low, "The run used many more tokens than the agent's others", tokenSpike},
	{"error_burst", High, "Errors came in a burst", errorBurst},
	{"tool_result_ignored", Low, "Nothing that came after made use of what a tool returned", ignoredResult},
	{"missing_completion", Medium, "The run was reported as completed without a completion or an output", missingCompletion},
	{LeftOpen, Medium, "Nothing came for long, and nobody ended the run", leftOpen},
	{"prompt_injection", High, "What came from outside reads like instructions to the agent", injection},
	{"chain_gap", High, "Entries are missing from the chain", gaps},
}

// Rules is the table of rules.
func Rules() []Rule { return append([]Rule(nil), rules...) }

// History is what an agent's earlier runs came to; each list may be of another
// length, as not every run says everything. Lists that are sorted are looked at
// faster.
type History struct {
	Durations []float64 // ms
	Costs     []float64 // cents
	Tokens    []float64
}

// Around is what a run is judged by beside its entries.
type Around struct {
	History
	Now int64 // ms since 1970; 0: a run that has not ended is not asked how long it has been silent
}

// LeastHistory is how many earlier runs it takes to call one unusual.
const LeastHistory = 5

// look is one run as the rules see it.
type look struct {
	all    []*run.Entry
	facts  run.Facts
	end    *run.Entry // nil while it runs
	around Around
	rule   *Rule
}

// Find goes through the table. all is the chain from its start; entries whose
// content is gone may be left out.
func Find(all []*run.Entry, a Around) (out []Found) {
	l := &look{all: all, facts: run.FactsOf(all), around: a}
	if n := len(all); n > 0 && all[n-1].Kind == run.KindEnd {
		l.end = all[n-1]
	}
	for i := range rules {
		l.rule = &rules[i]
		out = append(out, l.rule.find(l)...)
	}
	return out
}

// found makes a finding of the rule at hand. e is where; nil for the whole run.
func (l *look) found(e *run.Entry, value, threshold float64, reason string) Found {
	f := Found{Code: l.rule.Code, Severity: l.rule.Severity, Reason: reason, Value: value, Threshold: threshold}
	if e != nil {
		f.Entry, f.Step = e.N, max(e.Sequence, e.Step)
	}
	return f
}

// Properties are findings in the form that a manifest holds.
func Properties(found []Found) []any {
	out := make([]any, len(found))
	for i, f := range found {
		m := entity.Properties{"code": f.Code, "severity": string(f.Severity), "reason": f.Reason, "value": number(f.Value), "threshold": number(f.Threshold)}
		if f.Entry != 0 {
			m["entry"] = f.Entry
		}
		if f.Step != 0 {
			m["step"] = f.Step
		}
		out[i] = m
	}
	return out
}

func number(f float64) any {
	v, err := entity.Normalize(f)
	if err != nil {
		return nil
	}
	return v
}

// Read gives the findings that a run's manifest holds.
func Read(m *entity.Manifest) []Found {
	list, _ := m.Properties["anomalies"].([]any)
	out := make([]Found, 0, len(list))
	for _, v := range list {
		p, _ := v.(map[string]any)
		f := Found{Value: floatOf(p["value"]), Threshold: floatOf(p["threshold"])}
		f.Code, _ = p["code"].(string)
		f.Reason, _ = p["reason"].(string)
		severity, _ := p["severity"].(string)
		f.Severity = Severity(severity)
		f.Step, _ = p["step"].(int64)
		f.Entry, _ = p["entry"].(int64)
		out = append(out, f)
	}
	return out
}

func floatOf(v any) float64 {
	switch v := v.(type) {
	case int64:
		return float64(v)
	case float64:
		return v
	}
	return 0
}
