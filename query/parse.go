package query

import (
	"fmt"
	"strconv"
	"strings"
	"sync"

	"stemma/entity"
)

// theParser is built once: it is a constant that Go cannot write as one.
var theParser = sync.OnceValue(newParser)

// Parse reads a query. The error is of [entity.KindInvalid], says where the
// text is wrong and what would be right, and has a [SyntaxError] inside.
func Parse(text string) (*Query, error) {
	if err := checkText(text); err != nil {
		return nil, err
	}
	p := theParser()
	tree, err := p.ParseString("", text)
	if err != nil {
		return nil, explainSyntax(p, text, err)
	}
	r := reader{text: text}
	q := r.query(tree)
	if r.err != nil {
		return nil, r.err
	}
	return q, nil
}

// reader turns the parser's tree into a Query and checks what the grammar
// cannot say. It keeps the first error.
type reader struct {
	text string
	err  error
}

func (r *reader) fail(offset int, format string, args ...any) {
	if r.err == nil {
		r.err = invalidAt(r.text, offset, format, args...)
	}
}

func (r *reader) query(t *querySyntax) *Query {
	q := &Query{text: r.text, Scope: r.scope(t.Scope), Entry: *r.selector(&t.Entry), Filter: r.selector(t.Filter)}
	if len(q.Entry.IDs) == 0 && (len(q.Entry.Types) == 0 || q.Entry.Not) && q.Entry.Text == "" {
		r.fail(q.Entry.Pos, `a query begins with "text", @id or type:name; !type and [property filters] can only narrow one of these`)
	}
	if q.Scope.Kind > ScopeDiscover && q.Entry.Exact() && (q.Scope.Kind != ScopeCollection || len(q.Entry.IDs) > 0) {
		r.fail(q.Scope.Pos, `a scope says where text is searched, and this entry has no text: leave the scope out (or write @:collection(id) type:name for the entities of a type in a collection)`)
	}
	for i := range t.Hops {
		q.Hops = append(q.Hops, r.hop(&t.Hops[i]))
	}
	for _, s := range t.Stages {
		r.stage(q, s)
	}
	return q
}

func (r *reader) scope(t *scopeSyntax) Scope {
	if t == nil {
		return Scope{}
	}
	if t.Collection != nil {
		return Scope{Pos: t.Pos.Offset, Kind: ScopeCollection, Collection: entity.ID(t.Collection.Name)}
	}
	kinds := map[string]ScopeKind{"collections": ScopeCollections, "discover": ScopeDiscover, "public": ScopePublic}
	return Scope{Pos: t.Pos.Offset, Kind: kinds[t.Kind]}
}

func (r *reader) selector(t *selectorSyntax) *Selector {
	if t == nil {
		return nil
	}
	s := &Selector{Pos: t.Pos.Offset, TextPos: t.Pos.Offset}
	switch {
	case t.IDs != nil:
		for _, id := range t.IDs.IDs {
			s.IDs = append(s.IDs, entity.ID(id.Name))
		}
	case t.Types != nil:
		s.Not = t.Types.Not
		for _, n := range t.Types.Names {
			s.Types = append(s.Types, r.name(n.Name, n.Pos.Offset, "type"))
		}
		r.props(s, t.Types.Props)
		r.like(s, t.Types.Like)
	case t.Where != nil:
		r.props(s, &t.Where.Props)
		r.like(s, t.Where.Like)
	default:
		s.Text = r.content(*t.Text, t.Pos.Offset)
	}
	return s
}

func (r *reader) like(s *Selector, t *likeSyntax) {
	if t != nil {
		s.TextPos = t.Pos.Offset
		s.Text = r.content(t.Text, t.Pos.Offset)
	}
}

// content is a text to search for.
func (r *reader) content(raw string, offset int) string {
	s := unquote(raw)
	if strings.TrimSpace(s) == "" {
		r.fail(offset, "the text to look for is empty")
	}
	return s
}

// name is a word, or a text in quotes that stands for one.
func (r *reader) name(raw string, offset int, what string) string {
	s := unquote(raw)
	if s == "" {
		r.fail(offset, "the name of a %s is empty", what)
	}
	return s
}

func (r *reader) props(s *Selector, t *propsSyntax) {
	if t == nil {
		return
	}
	for _, c := range t.Conditions {
		out := Condition{Pos: c.Pos.Offset, Op: Op(c.Op), Value: r.literal(&c.Value)}
		for _, key := range c.Path {
			out.Path = append(out.Path, unquote(key.Name))
		}
		_, isText := out.Value.(string)
		_, isBool := out.Value.(bool)
		switch ordered := !isBool && out.Value != nil; {
		case out.Op == OpContains && !isText:
			r.fail(c.Value.Pos.Offset, `~ looks for text inside text: write the value in quotes, like ~ "ann"`)
		case out.Op != OpEqual && out.Op != OpNotEqual && !ordered:
			r.fail(c.Value.Pos.Offset, "%s has no order: compare it with = or !=", c.Value.Word)
		}
		s.Where = append(s.Where, out)
	}
}

func (r *reader) literal(t *literalSyntax) any {
	switch {
	case t.Text != nil:
		return unquote(*t.Text)
	case t.Number != nil:
		v, err := entity.ParseJSON([]byte(*t.Number), 1)
		if err != nil {
			r.fail(t.Pos.Offset, "%s is not a number; write one as in JSON, like -12 or 3.5e2", *t.Number)
		}
		return v
	case t.Word == "null":
		return nil
	}
	return t.Word == "true"
}

func (r *reader) hop(t *hopSyntax) Hop {
	h := Hop{Pos: t.Pos.Offset, Any: t.Any, Min: 1, Max: 1, Target: r.selector(t.Target)}
	switch t.Open + t.Close.Mark {
	case "-[->":
		h.Direction = entity.Outgoing
	case "<-[-":
		h.Direction = entity.Incoming
	case "<-[->":
		h.Direction = entity.Both
	default:
		r.fail(t.Close.Pos.Offset, "this hop has no arrow: write -[…]-> for outgoing, <-[…]- for incoming, <-[…]-> for both")
	}
	modes := map[string]TermMode{"": TermAuto, "=": TermExact, "~": TermFuzzy, "!": TermExcept}
	for _, term := range t.Terms {
		h.Terms = append(h.Terms, Term{Pos: term.Pos.Offset, Mode: modes[term.Prefix], Name: r.name(term.Name, term.Pos.Offset, "relation")})
	}
	if t.Range != nil {
		h.Min, h.Max = r.bounds(t.Range)
	}
	return h
}

// bounds gives a range its meaning: {n} is n..n, {n,m} is n..m, {,m} is 1..m,
// {n,} is n..4, or n..8 for n > 4.
func (r *reader) bounds(t *rangeSyntax) (low, high int) {
	at := t.Pos.Offset
	switch {
	case t.UpTo != nil:
		low, high = 1, r.number(*t.UpTo, at)
	case t.To != nil:
		low, high = r.number(*t.From, at), r.number(*t.To, at)
	case t.Open:
		low, high = r.number(*t.From, at), 4
		if low > high {
			high = MaxDepth
		}
	default:
		low = r.number(*t.From, at)
		high = low
	}
	switch {
	case low < 1:
		r.fail(at, "a path has at least 1 edge: write {1,…}")
	case high > MaxDepth || low > MaxDepth:
		r.fail(at, "a path of one hop has at most %d edges: write several hops to go further", MaxDepth)
	case low > high:
		r.fail(at, "the range is empty: write {%d,%d}", high, low)
	}
	return low, high
}

func (r *reader) stage(q *Query, t stageSyntax) {
	at := t.Pos.Offset
	switch {
	case q.Count:
		r.fail(at, "| count is the last word of a query: nothing follows a number")
	case t.Count:
		q.Count = true
	case q.Limit > 0:
		r.fail(at, "the query has a limit already")
	default:
		q.Limit = r.number(*t.Limit, at)
		if q.Limit < 1 || q.Limit > MaxLimit {
			r.fail(at, "a limit is from 1 to %d", MaxLimit)
		}
	}
}

// number reads digits; what is too large for an int is too large for any
// bound of the language.
func (r *reader) number(digits string, offset int) int {
	n, err := strconv.Atoi(digits)
	if err != nil {
		r.fail(offset, "the number %s is too large", fmt.Sprintf("%.20s", digits))
	}
	return n
}

// unquote gives the text of a raw String token, and a word as it is. A
// backslash stands for the character after it.
func unquote(raw string) string {
	if raw == "" || raw[0] != '"' && raw[0] != '\'' {
		return raw
	}
	raw = raw[1 : len(raw)-1]
	if !strings.Contains(raw, `\`) {
		return raw
	}
	var b strings.Builder
	for i := 0; i < len(raw); i++ {
		if raw[i] == '\\' {
			i++
		}
		b.WriteByte(raw[i])
	}
	return b.String()
}
