package anomaly

import (
	"crypto/sha256"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"stemma/api/recorder/run"
	"stemma/entity"
)

// mostRepeats is how often one call may be made in a run.
const mostRepeats = 2

// repeatedCalls counts calls of one tool with equal arguments.
func repeatedCalls(l *look) (out []Found) {
	type call struct {
		tool string
		args entity.Digest
	}
	counts := map[call]int{}
	last := map[call]*run.Entry{}
	var order []call
	for _, e := range l.all {
		if e.Kind != run.KindTool {
			continue
		}
		b, _, err := entity.EncodeBlock(map[string]any{"a": e.Arguments})
		if err != nil {
			continue
		}
		c := call{e.Tool, sha256.Sum256(b)}
		if counts[c]++; counts[c] == mostRepeats+1 {
			order = append(order, c)
		}
		last[c] = e
	}
	for _, c := range order {
		out = append(out, l.found(last[c], float64(counts[c]), mostRepeats, fmt.Sprintf("%s was called %d times with the same arguments; more than %d is a loop", c.tool, counts[c], mostRepeats)))
	}
	return out
}

// unusual is the bound beyond which a number is out of the ordinary for its
// history: three times the median, and as many deviations from it (the median
// absolute one, times 1.4826 to stand for a standard deviation: Hampel's
// identifier). ok is false where there is too little history.
func unusual(history []float64) (bound float64, ok bool) {
	if len(history) < LeastHistory {
		return 0, false
	}
	mid := median(history)
	away := make([]float64, len(history))
	for i, v := range history {
		away[i] = max(v-mid, mid-v)
	}
	return max(3*mid, mid+3*1.4826*median(away)), true
}

func median(s []float64) float64 {
	if !slices.IsSorted(s) {
		s = slices.Sorted(slices.Values(s))
	}
	n := len(s)
	if n%2 == 1 {
		return s[n/2]
	}
	return (s[n/2-1] + s[n/2]) / 2
}

func (l *look) spike(what, unit string, value *float64, history []float64) []Found {
	if value == nil || len(history) == 0 || *value <= 3*median(history) {
		return nil // no bound is lower, and most runs are like the others
	}
	bound, ok := unusual(history)
	if !ok || *value <= bound {
		return nil
	}
	return []Found{l.found(nil, *value, bound, fmt.Sprintf("%s %.6g %s; of the agent's last %d runs the median is %.6g, and more than %.6g is unusual", what, *value, unit, len(history), median(history), bound))}
}

func slowRun(l *look) []Found {
	if l.end == nil {
		return nil
	}
	took := float64(l.end.Time() - run.Began(l.all))
	return l.spike("it took", "ms", &took, l.around.Durations)
}

func costSpike(l *look) []Found {
	return l.spike("it cost", "cents", l.facts.CostCents, l.around.Costs)
}

func tokenSpike(l *look) []Found {
	return l.spike("it used", "tokens", l.facts.Tokens, l.around.Tokens)
}

// A burst is so many errors in so many steps and tool calls.
const (
	burstErrors = 3
	burstWindow = 5
)

func failed(e *run.Entry) bool {
	return e.Kind == run.KindStep && e.StepType == "error" || e.Kind == run.KindTool && e.Status != "success"
}

func errorBurst(l *look) []Found {
	var window []*run.Entry
	for _, e := range l.all {
		if e.Kind != run.KindStep && e.Kind != run.KindTool {
			continue
		}
		window = append(window, e)
		if len(window) > burstWindow {
			window = window[1:]
		}
		n := 0
		for _, w := range window {
			if failed(w) {
				n++
			}
		}
		if n >= burstErrors {
			return []Found{l.found(e, float64(n), burstErrors-1, fmt.Sprintf("%d of %d steps and tool calls in a row failed; %d is a burst", n, len(window), burstErrors))}
		}
	}
	return nil
}

// leastWords is how many telling words a result needs before it can be called
// ignored.
const leastWords = 3

// ignoredResult looks for results of which no telling word comes up again.
func ignoredResult(l *look) (out []Found) {
	if l.end == nil || l.facts.Tools == 0 {
		return nil // it may still be used, or there is none
	}
	later := map[string]bool{} // the words after the entry at hand
	for i := len(l.all) - 1; i >= 0; i-- {
		e := l.all[i]
		if e.Kind == run.KindTool && e.Status == "success" {
			words := map[string]bool{}
			gather(words, e.Result)
			used := 0
			for w := range words {
				if later[w] {
					used++
				}
			}
			if len(words) >= leastWords && used == 0 && len(later) > 0 {
				out = append(out, l.found(e, 0, 0, fmt.Sprintf("none of the %d telling words that %s returned comes up in what followed", len(words), e.Tool)))
			}
		}
		for _, s := range []*string{e.Input, e.Output, e.Reasoning} {
			if s != nil {
				gather(later, *s)
			}
		}
		gather(later, e.Arguments)
	}
	slices.Reverse(out)
	return out
}

// gather adds the telling words of a value: those of five characters or more.
func gather(into map[string]bool, v any) {
	switch v := v.(type) {
	case string:
		for _, w := range strings.FieldsFunc(strings.ToLower(v), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
			if len(w) >= 5 {
				into[w] = true
			}
		}
	case int64, float64:
		gather(into, fmt.Sprint(v))
	case []any:
		for _, x := range v {
			gather(into, x)
		}
	case map[string]any:
		for _, x := range v {
			gather(into, x)
		}
	}
}

func missingCompletion(l *look) []Found {
	if l.end == nil || l.end.Status != run.Completed || l.end.Output != nil && *l.end.Output != "" {
		return nil
	}
	for _, e := range l.all {
		if e.Kind == run.KindStep && e.StepType == "completion" {
			return nil
		}
	}
	return []Found{l.found(l.end, 0, 1, "it has neither a completion step nor an output; one of them is expected")}
}

// longestSilence is how long a run may be without an entry, in milliseconds.
const longestSilence = 30 * 60 * 1000

// Silent tells whether a run that has not ended was left open: its last entry came
// too long before now, both in ms since 1970.
func Silent(last, now int64) bool { return now-last > longestSilence }

// LeftOpen is the code of a run that was.
const LeftOpen = run.LeftOpen

func leftOpen(l *look) []Found {
	if l.end != nil && l.end.ErrorType == run.LeftOpen && len(l.all) > 1 {
		last := l.all[len(l.all)-2]
		silent := l.end.TS - last.TS
		return []Found{l.found(last, float64(silent), float64(min(silent, longestSilence)), fmt.Sprintf("nothing was recorded for %d minutes, and nobody completed it; the server did", silent/60_000))}
	}
	if l.end != nil || l.around.Now == 0 || len(l.all) == 0 {
		return nil
	}
	last := l.all[len(l.all)-1]
	silent := l.around.Now - last.TS
	if !Silent(last.TS, l.around.Now) {
		return nil
	}
	return []Found{l.found(last, float64(silent), longestSilence, fmt.Sprintf("nothing was recorded for %d minutes, and it was not completed; more than %d is unusual", silent/60_000, longestSilence/60_000))}
}

// markers are phrases that speak to a model rather than to a reader.
var markers = []*regexp.Regexp{
	regexp.MustCompile(`(?i)\b(ignore|disregard|forget|override)\b[^.\n]{0,40}\b(previous|prior|above|earlier|preceding|all)\b[^.\n]{0,40}\b(instructions?|prompts?|rules|directions|context)\b`),
	regexp.MustCompile(`(?i)\byou are now\b[^.\n]{0,60}\b(unrestricted|jailbroken|developer mode|dan|an? (ai|assistant|agent))\b`),
	regexp.MustCompile(`(?i)\b(reveal|print|repeat|show|leak|output)\b[^.\n]{0,40}\b(system prompt|hidden instructions|initial instructions)\b`),
	regexp.MustCompile(`(?i)\b(do not|don't|never) (tell|inform|mention (this )?to|alert) the (user|human|operator)\b`),
	regexp.MustCompile(`(?i)<\s*/?\s*(system|im_start|im_end)\b|<\|im_(start|end)\|>|\[/?INST\]|\[SYSTEM\]`),
	regexp.MustCompile(`(?i)\bnew (system )?instructions?\s*:`),
}

// injection looks at what came from outside: results of tools, documents and
// what retrievals gave.
func injection(l *look) (out []Found) {
	for _, e := range l.all {
		n := 0
		switch {
		case e.Kind == run.KindTool:
			n = marked(e.Result)
		case e.Kind == run.KindContext:
			n = marked(e.Documents)
		case e.Kind == run.KindStep && e.StepType == "retrieval" && e.Output != nil:
			n = marked(*e.Output)
		}
		if n > 0 {
			out = append(out, l.found(e, float64(n), 0, fmt.Sprintf("%d phrases in what came from outside address the model; none is expected", n)))
		}
	}
	return out
}

func marked(v any) (n int) {
	switch v := v.(type) {
	case string:
		for _, m := range markers {
			if m.MatchString(v) {
				n++
			}
		}
	case []any:
		for _, x := range v {
			n += marked(x)
		}
	case map[string]any:
		for _, x := range v {
			n += marked(x)
		}
	}
	return n
}

// gaps looks for places and steps that are not there.
func gaps(l *look) (out []Found) {
	place, steps := int64(0), int64(0)
	for _, e := range l.all {
		if missing := e.N - place - 1; missing > 0 {
			out = append(out, l.found(e, float64(missing), 0, fmt.Sprintf("%d entries before entry %d are missing", missing, e.N)))
		} else if e.Kind == run.KindStep && e.Sequence != steps+1 {
			out = append(out, l.found(e, float64(e.Sequence-steps-1), 0, fmt.Sprintf("step %d follows step %d", e.Sequence, steps)))
		}
		place, steps = e.N, e.StepsSoFar()
	}
	return out
}
