package query

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"stemma/entity"
)

// String prints the query in its canonical form: one way to write each
// meaning. Parse(q.String()) gives a query that means and prints the same.
func (q *Query) String() string {
	parts := []string{}
	if q.Scope.Kind != ScopeDefault {
		parts = append(parts, q.Scope.String())
	}
	parts = append(parts, q.Entry.String())
	if q.Filter != nil {
		parts = append(parts, q.Filter.String())
	}
	for i := range q.Hops {
		parts = append(parts, q.Hops[i].String())
	}
	if q.Limit > 0 {
		parts = append(parts, "| limit "+strconv.Itoa(q.Limit))
	}
	if q.Count {
		parts = append(parts, "| count")
	}
	return strings.Join(parts, " ")
}

// String prints the scope, the default one as nothing.
func (s Scope) String() string {
	return [...]string{"", "@:discover", "@:collections", "@:collection(" + string(s.Collection) + ")", "@:public"}[s.Kind]
}

// String prints the selector.
func (s *Selector) String() string {
	var b strings.Builder
	for i, id := range s.IDs {
		b.WriteString(comma(i, ",") + "@" + string(id))
	}
	if len(s.Types) > 0 {
		if s.Not {
			b.WriteByte('!')
		}
		b.WriteString("type:")
	}
	for i, t := range s.Types {
		b.WriteString(comma(i, ",") + word(t, true))
	}
	if len(s.Where) > 0 {
		b.WriteByte('[')
		for i, c := range s.Where {
			b.WriteString(comma(i, ", ") + c.String())
		}
		b.WriteByte(']')
	}
	if s.Text == "" {
		return b.String()
	}
	if b.Len() > 0 {
		b.WriteString(" ~ ")
	}
	return b.String() + quote(s.Text)
}

// String prints the condition.
func (c Condition) String() string {
	keys := make([]string, len(c.Path))
	for i, k := range c.Path {
		keys[i] = word(k, false)
	}
	return strings.Join(keys, ".") + " " + string(c.Op) + " " + literal(c.Value)
}

// String prints the hop with its target.
func (h *Hop) String() string {
	open, end := "-[", "->"
	if h.Direction != entity.Outgoing {
		open = "<-["
	}
	if h.Direction == entity.Incoming {
		end = "-"
	}
	s := open + h.relation() + "]" + h.lengths() + end
	if h.Target != nil {
		s += " " + h.Target.String()
	}
	return s
}

func (h *Hop) relation() string {
	if h.Any {
		return "*"
	}
	terms := make([]string, len(h.Terms))
	for i, t := range h.Terms {
		terms[i] = t.String()
	}
	return strings.Join(terms, ",")
}

func (h *Hop) lengths() string {
	switch {
	case h.Min == 1 && h.Max == 1:
		return ""
	case h.Min == h.Max:
		return fmt.Sprintf("{%d}", h.Min)
	}
	return fmt.Sprintf("{%d,%d}", h.Min, h.Max)
}

// String prints the term with its prefix.
func (t Term) String() string {
	return [...]string{TermAuto: "", TermExact: "=", TermFuzzy: "~", TermExcept: "!"}[t.Mode] + word(t.Name, false)
}

func comma(i int, sep string) string {
	if i == 0 {
		return ""
	}
	return sep
}

// word prints a name bare where it is a word of the grammar; digits tells
// whether one may begin with a digit.
func word(s string, digits bool) string {
	bare := s != "" && (digits || !isDigit(s[0])) && !slices.ContainsFunc([]byte(s), func(c byte) bool { return !isWord(c) })
	if bare {
		return s
	}
	return quote(s)
}

func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

func literal(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case string:
		return quote(v)
	}
	panic(fmt.Sprintf("query: a literal of type %T", v))
}
