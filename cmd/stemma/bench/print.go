package bench

import (
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// print writes the table.
func (r Report) print(w io.Writer) {
	fmt.Fprintf(w, "%s\nmedians of %d repeats, sizes: %s, took %.0f s\n", r.Machine, r.Repeat, r.Sizes.Name, r.Took.Seconds())
	t := table.NewWriter()
	t.SetOutputMirror(w)
	t.SetStyle(table.StyleLight)
	t.Style().Options.SeparateRows = true
	t.AppendHeader(table.Row{"row", "what", "measured", "yardstick", "ratio", "reach", "result", "others"})
	t.SetColumnConfigs([]table.ColumnConfig{
		{Number: 2, WidthMax: 56, WidthMaxEnforcer: text.WrapSoft},
		{Number: 4, WidthMax: 34, WidthMaxEnforcer: text.WrapSoft},
	})
	met, asked := 0, 0
	for _, x := range r.Results {
		if !x.Goal.None() {
			asked++
			if x.Met {
				met++
			}
		}
		t.AppendRow(table.Row{x.Row, x.describe(), x.number(x.Measured), x.yardstick(), x.ratio(), x.Goal.Text, x.verdict(), fmt.Sprintf("%.0f%%", 100*x.Others)})
	}
	t.Render()
	fmt.Fprintf(w, "%d of %d met. others: the share of the cores that went to other processes; measure again where it is large\n", met, asked)
}

func (x Result) describe() string {
	if x.Note == "" {
		return x.What
	}
	return x.What + "\n(" + x.Note + ")"
}

// number writes three digits that mean something, or whole thousands.
func (x Result) number(v float64) string {
	text := strconv.FormatFloat(v, 'f', 0, 64)
	switch a := math.Abs(v); {
	case a < 10:
		text = strconv.FormatFloat(v, 'f', 2, 64)
	case a < 100:
		text = strconv.FormatFloat(v, 'f', 1, 64)
	}
	for i := len(text) - 3; i > 0 && math.Abs(v) >= 1000; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	if x.Unit == "/s" {
		return text + "/s"
	}
	return text + " " + x.Unit
}

func (x Result) yardstick() string { return x.number(x.Yardstick) + "\n" + x.Against }

// ratio is the median, and how far the repeats are apart.
func (x Result) ratio() string {
	if x.Least == x.Greatest {
		return fmt.Sprintf("%.2f", x.Ratio)
	}
	return fmt.Sprintf("%.2f\n%.2f–%.2f", x.Ratio, x.Least, x.Greatest)
}

func (x Result) verdict() string {
	switch {
	case x.Goal.None():
		return "for reference"
	case x.Met:
		return "met"
	}
	return "NOT met"
}

// line is the result on one line, for the progress.
func (x Result) line() string {
	return fmt.Sprintf("%s: %s against %s (%s), ratio %.2f, %s %s", x.What, x.number(x.Measured), x.number(x.Yardstick), x.Against, x.Ratio, x.Goal.Text, x.verdict())
}
