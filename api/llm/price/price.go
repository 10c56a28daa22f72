package price

import (
	"regexp"
	"strings"
)

// Price is what a model's tokens cost, in US dollars for a million.
type Price struct {
	Provider   string   `json:"provider,omitempty"` // its kind; "": any
	Model      string   `json:"model"`              // its name, or how names begin with * behind it
	Input      float64  `json:"input"`
	Output     float64  `json:"output"`
	Cached     *float64 `json:"cachedInput,omitempty"` // of the input, what a cache had; nil: as Input
	CacheWrite *float64 `json:"cacheWrite,omitempty"`  // of the input, what a cache takes in; nil: as Input
}

// CachedInput is what tokens cost that a cache had.
func (p *Price) CachedInput() float64 { return orInput(p.Cached, p.Input) }

// CacheInput is what tokens cost that a cache takes in.
func (p *Price) CacheInput() float64 { return orInput(p.CacheWrite, p.Input) }

func orInput(f *float64, input float64) float64 {
	if f == nil {
		return input
	}
	return *f
}

// Table is a list of prices.
type Table []Price

// dated is what may follow a model's name without making it another model: the
// day of a release, or a variant as OpenRouter names them.
var dated = regexp.MustCompile(`^(-\d{4}-\d{2}-\d{2}|[-@]\d{8}|-\d{3}|-latest)?(:[a-z]+)?$`)

// How well a row names a model. What is matched by its beginning counts by the
// length of that.
const (
	byDate = 1 << 20
	byName = 1 << 21
	byKind = 1 << 22
)

// kinds are other names for the kinds of providers.
var kinds = map[string]string{"google": "gemini"}

// match is how well the row fits; 0: it does not.
func (p *Price) match(provider, model string) (n int) {
	if p.Provider != "" {
		if p.Provider != provider && p.Provider != kinds[provider] {
			return 0
		}
		n = byKind
	}
	if begins, ok := strings.CutSuffix(p.Model, "*"); ok {
		if !strings.HasPrefix(model, begins) {
			return 0
		}
		return n + 1 + len(begins)
	}
	rest, ok := strings.CutPrefix(model, p.Model)
	switch {
	case !ok || p.Model == "" || !dated.MatchString(rest):
		return 0
	case rest == "":
		return n + byName
	}
	return n + byDate + len(p.Model)
}

// Of is the price of a provider's model in the first of the tables that knows it;
// ok is false where none does. What stands before a slash, as OpenRouter writes
// it, counts for rows that have it too.
func Of(provider, model string, tables ...Table) (p Price, ok bool) {
	if model == "" {
		return p, false
	}
	short := model[strings.LastIndexByte(model, '/')+1:]
	for _, t := range tables {
		best := 0
		for i := range t {
			n := t[i].match(provider, model)
			if n == 0 && short != "" && short != model {
				n = t[i].match(provider, short)
			}
			if n > best {
				best, p = n, t[i]
			}
		}
		if best > 0 {
			return p, true
		}
	}
	return p, false
}
