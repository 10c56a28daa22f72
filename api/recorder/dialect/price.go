package dialect

import (
	"math"
	"regexp"
	"strings"
)

// Price is what a model's tokens cost, in US dollars for a million.
type Price struct {
	Model      string
	Input      float64
	Output     float64
	CacheRead  float64
	CacheWrite float64 // 0: as Input
}

// prices are list prices as the providers publish them for use by the call,
// without discounts; they change, and settings come before them.
var prices = []Price{
	{Model: "gpt-4o", Input: 2.5, Output: 10, CacheRead: 1.25},
	{Model: "gpt-4o-mini", Input: 0.15, Output: 0.6, CacheRead: 0.075},
	{Model: "gpt-4.1", Input: 2, Output: 8, CacheRead: 0.5},
	{Model: "gpt-4.1-mini", Input: 0.4, Output: 1.6, CacheRead: 0.1},
	{Model: "gpt-4.1-nano", Input: 0.1, Output: 0.4, CacheRead: 0.025},
	{Model: "gpt-5", Input: 1.25, Output: 10, CacheRead: 0.125},
	{Model: "gpt-5-mini", Input: 0.25, Output: 2, CacheRead: 0.025},
	{Model: "gpt-5-nano", Input: 0.05, Output: 0.4, CacheRead: 0.005},
	{Model: "o3", Input: 2, Output: 8, CacheRead: 0.5},
	{Model: "o4-mini", Input: 1.1, Output: 4.4, CacheRead: 0.275},
	{Model: "text-embedding-3-small", Input: 0.02},
	{Model: "text-embedding-3-large", Input: 0.13},
	{Model: "claude-3-haiku", Input: 0.25, Output: 1.25, CacheRead: 0.03, CacheWrite: 0.3},
	{Model: "claude-3-5-haiku", Input: 0.8, Output: 4, CacheRead: 0.08, CacheWrite: 1},
	{Model: "claude-3-5-sonnet", Input: 3, Output: 15, CacheRead: 0.3, CacheWrite: 3.75},
	{Model: "claude-3-7-sonnet", Input: 3, Output: 15, CacheRead: 0.3, CacheWrite: 3.75},
	{Model: "claude-sonnet-4", Input: 3, Output: 15, CacheRead: 0.3, CacheWrite: 3.75},
	{Model: "claude-sonnet-4-5", Input: 3, Output: 15, CacheRead: 0.3, CacheWrite: 3.75},
	{Model: "claude-haiku-4-5", Input: 1, Output: 5, CacheRead: 0.1, CacheWrite: 1.25},
	{Model: "claude-opus-4", Input: 15, Output: 75, CacheRead: 1.5, CacheWrite: 18.75},
	{Model: "claude-opus-4-1", Input: 15, Output: 75, CacheRead: 1.5, CacheWrite: 18.75},
	{Model: "claude-opus-4-5", Input: 5, Output: 25, CacheRead: 0.5, CacheWrite: 6.25},
	{Model: "gemini-2.0-flash", Input: 0.1, Output: 0.4, CacheRead: 0.025},
	{Model: "gemini-2.5-pro", Input: 1.25, Output: 10, CacheRead: 0.125},
	{Model: "gemini-2.5-flash", Input: 0.3, Output: 2.5, CacheRead: 0.03},
	{Model: "gemini-2.5-flash-lite", Input: 0.1, Output: 0.4, CacheRead: 0.01},
}

// dated is what may follow a model's name without making it another model: the
// day of a release, or a variant as OpenRouter names them.
var dated = regexp.MustCompile(`^(-\d{4}-\d{2}-\d{2}|[-@]\d{8}|-\d{3}|-latest)?(:[a-z]+)?$`)

// PriceOf is the price of a model, of own first; ok is false where it is not
// known. What stands before a slash, as OpenRouter writes it, does not count.
func PriceOf(own []Price, model string) (p Price, ok bool) {
	model = model[strings.LastIndexByte(model, '/')+1:]
	for _, table := range [][]Price{own, prices} {
		for _, row := range table {
			if rest, is := strings.CutPrefix(model, row.Model); is && dated.MatchString(rest) {
				return row, true
			}
		}
	}
	return p, false
}

// Cents is what a call cost: as the provider says, else by its price; nil where
// neither tells.
func (c *Call) Cents(p Price, known bool) *float64 {
	var usd float64
	switch t := c.Tokens; {
	case c.CostUSD != nil:
		usd = *c.CostUSD
	case !known || t.Input == nil && t.Output == nil:
		return nil
	default:
		read, write := value(t.CacheRead), value(t.CacheWrite)
		dearer := p.CacheWrite
		if dearer == 0 {
			dearer = p.Input
		}
		usd = (max(value(t.Input)-read-write, 0)*p.Input + read*p.CacheRead + write*dearer + value(t.Output)*p.Output) / 1e6
	}
	cents := math.Round(usd*1e8) / 1e6 // a millionth of a cent is fine enough
	return &cents
}

func value(f *float64) float64 {
	if f == nil {
		return 0
	}
	return *f
}
