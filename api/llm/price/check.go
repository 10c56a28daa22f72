package price

import (
	"math"
	"slices"
	"strings"

	"stemma/entity"
)

// Bounds of a table.
const (
	MaxRows  = 1000
	MaxModel = 200 // bytes of a model's name
	MaxUSD   = 1e6 // for a million tokens
)

// Providers are the kinds that a row may name.
func Providers() []string {
	return []string{"openai", "azure", "ollama", "anthropic", "gemini", "openrouter"}
}

// Check makes sure that the table can be kept. KindInvalid with an issue for each
// fault, at prices/<row>/<field>.
func (t Table) Check() error {
	var issues []entity.Issue
	bad := func(message string, path ...any) {
		issues = append(issues, entity.Issue{Path: append([]any{"prices"}, path...), Message: message})
	}
	if len(t) > MaxRows {
		bad("at most 1000 prices are kept; a name that ends with * stands for many")
		t = nil
	}
	seen := map[[2]string]bool{}
	for i, p := range t {
		if p.Provider != "" && !slices.Contains(Providers(), p.Provider) {
			bad("provider must be one of "+strings.Join(Providers(), ", ")+", or be left out for any", i, "provider")
		}
		begins, _ := strings.CutSuffix(p.Model, "*")
		switch {
		case p.Model == "" || len(p.Model) > MaxModel || strings.TrimSpace(p.Model) != p.Model:
			bad("model must be a model's name of 1 to 200 bytes, without spaces around it", i, "model")
		case strings.Contains(begins, "*"):
			bad("model may have a * at its end alone: gpt-4o* stands for every name that begins with gpt-4o", i, "model")
		case seen[[2]string{p.Provider, p.Model}]:
			bad("this model has a price in an earlier row", i, "model")
		}
		seen[[2]string{p.Provider, p.Model}] = true
		for _, f := range []struct {
			name string
			usd  *float64
		}{{"input", &p.Input}, {"output", &p.Output}, {"cachedInput", p.Cached}, {"cacheWrite", p.CacheWrite}} {
			if f.usd != nil && (math.IsNaN(*f.usd) || *f.usd < 0 || *f.usd > MaxUSD) {
				bad(f.name+" must be US dollars for a million tokens, from 0 to 1000000", i, f.name)
			}
		}
	}
	if len(issues) == 0 {
		return nil
	}
	err := entity.Invalid("price.Check", "%s", issues[0].Message)
	err.Issues = issues
	return err
}
