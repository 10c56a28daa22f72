package dialect

import (
	"math"

	"stemma/api/llm/price"
)

// Cents is what a call cost: as the provider says, else by its price; nil where
// neither tells.
func (c *Call) Cents(p price.Price, known bool) *float64 {
	var usd float64
	switch t := c.Tokens; {
	case c.CostUSD != nil:
		usd = *c.CostUSD
	case !known || t.Input == nil && t.Output == nil:
		return nil
	default:
		read, write := value(t.CacheRead), value(t.CacheWrite)
		usd = (max(value(t.Input)-read-write, 0)*p.Input + read*p.CachedInput() + write*p.CacheInput() + value(t.Output)*p.Output) / 1e6
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
