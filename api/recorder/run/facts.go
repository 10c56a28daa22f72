package run

import (
	"slices"

	"stemma/entity"
)

// mostNames bounds the models, providers and tools that a manifest names.
const mostNames = 50

// Facts are what a run comes to: counts and names, and no content.
type Facts struct {
	Steps, Tools, Contexts int64
	Errors                 int64    // steps of type error, and tool calls that failed
	Tokens                 *float64 // as completion said, else the sum of the steps that say
	CostCents              *float64 // likewise
	Duration               *float64 // ms
	Models                 []string
	Providers              []string
	ToolNames              []string
	Traces                 []string // that it is part of, beside that of its start
	ErrorType              string
	Partial                bool
}

// FactsOf adds up a chain.
func FactsOf(all []*Entry) Facts {
	var f Facts
	var tokens, cost *float64
	for _, e := range all {
		if e.TraceID != all[0].TraceID {
			f.Traces = named(f.Traces, e.TraceID)
		}
		switch e.Kind {
		case KindStep:
			f.Steps++
			f.Models, f.Providers = named(f.Models, e.Model), named(f.Providers, e.Provider)
			add(&f.Tokens, e.Tokens)
			add(&f.CostCents, e.CostCents)
			if e.StepType == "error" {
				f.Errors++
			}
		case KindTool:
			f.Tools++
			f.ToolNames = named(f.ToolNames, e.Tool)
			if e.Status != "success" {
				f.Errors++
			}
		case KindContext:
			f.Contexts++
		case KindEnd:
			tokens, cost, f.ErrorType = e.TotalTokens, e.TotalCost, e.ErrorType
		}
		f.Partial = f.Partial || e.Partial != ""
	}
	if tokens != nil {
		f.Tokens = tokens
	}
	if cost != nil {
		f.CostCents = cost
	}
	return f
}

func add(sum **float64, v *float64) {
	if v == nil {
		return
	}
	total := *v
	if *sum != nil {
		total += **sum
	}
	*sum = &total
}

func named(all []string, name string) []string {
	if name == "" || len(all) == mostNames || slices.Contains(all, name) {
		return all
	}
	return append(all, name)
}

// set writes the facts into a manifest's properties.
func (f *Facts) set(p entity.Properties) {
	p["steps"], p["tools"], p["contexts"], p["errors"] = f.Steps, f.Tools, f.Contexts, f.Errors
	for _, n := range [...]struct {
		key string
		is  *float64
	}{{"total_tokens", f.Tokens}, {"total_cost_cents", f.CostCents}, {"duration_ms", f.Duration}} {
		if n.is != nil {
			p[n.key] = number(*n.is)
		}
	}
	for _, l := range [...]struct {
		key string
		of  []string
	}{{"models", f.Models}, {"providers", f.Providers}, {"tool_names", f.ToolNames}, {"trace_ids", f.Traces}} {
		if len(l.of) > 0 {
			p[l.key] = texts(l.of)
		}
	}
	if f.ErrorType != "" {
		p["error_type"] = f.ErrorType
	}
	if f.Partial {
		p["partial"] = true
	}
}

// number is a float in the form of [entity.Properties].
func number(f float64) any {
	v, err := entity.Normalize(f)
	if err != nil {
		return nil // no number that JSON has
	}
	return v
}

func texts(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}
