package bench

import "slices"

// Result is one line of the table.
type Result struct {
	Row       string  `json:"row"`       // the name of the row in the table of rows
	What      string  `json:"what"`      // what was measured
	Measured  float64 `json:"measured"`  // median of the repeats
	Unit      string  `json:"unit"`      // of Measured and Yardstick
	Yardstick float64 `json:"yardstick"` // median of the repeats, or the bound itself
	Against   string  `json:"against"`   // what the yardstick is
	Ratio     float64 `json:"ratio"`     // of Measured to Yardstick: the median of the repeats
	Least     float64 `json:"least"`     // the least ratio of a repeat
	Greatest  float64 `json:"greatest"`  // the greatest
	Goal      Goal    `json:"goal"`
	Met       bool    `json:"met"`
	Others    float64 `json:"others"` // share of the cores that other processes had meanwhile
	Note      string  `json:"note,omitempty"`
}

// Goal bounds a ratio. The zero value asks for nothing: the line is there for
// reference.
type Goal struct {
	AtLeast float64 `json:"at_least,omitempty"`
	AtMost  float64 `json:"at_most,omitempty"`
	Text    string  `json:"text,omitempty"` // as the table shows it
}

// None tells whether nothing is asked.
func (g Goal) None() bool { return g.AtLeast == 0 && g.AtMost == 0 }

func (g Goal) met(ratio float64) bool {
	return ratio >= g.AtLeast && (g.AtMost == 0 || ratio <= g.AtMost)
}

// compare judges the medians of what was measured and its yardstick, repeat by
// repeat.
func compare(what, unit, against string, measured, yardstick []float64, goal Goal) Result {
	ratios := quotients(measured, yardstick)
	r := Result{
		What: what, Unit: unit, Against: against, Measured: median(measured), Yardstick: median(yardstick),
		Ratio: median(ratios), Least: slices.Min(ratios), Greatest: slices.Max(ratios), Goal: goal,
	}
	r.Met = goal.met(r.Ratio)
	return r
}

// bound judges the median of what was measured against a number of the issue.
func bound(what, unit string, measured []float64, limit float64, goal Goal) Result {
	limits := make([]float64, len(measured))
	for i := range limits {
		limits[i] = limit
	}
	return compare(what, unit, "the bound", measured, limits, goal)
}

// also adds to what a line needs to be met.
func (r Result) also(met bool, note string) Result {
	r.Met = r.Met && met
	r.Note = note
	return r
}
