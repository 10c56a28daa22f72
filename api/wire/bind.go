package wire

import (
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"stemma/entity"
)

// bind fills in dst, an input of the plan's type, from the request. The error
// names everything that is wrong.
func (p *plan) bind(x *exchange, r *http.Request, dst reflect.Value) error {
	var b binder
	for _, f := range p.path {
		b.fromPath(f, x, r, dst)
	}
	if len(p.query) > 0 {
		b.fromQuery(p.query, r.URL.RawQuery, dst)
	}
	for _, f := range p.header {
		b.param(f, f.name, strings.Join(r.Header[f.name], ", "), dst)
	}
	if p.upload != nil {
		up, err := x.upload(r, p.limit)
		if err != nil {
			return err
		}
		dst.FieldByIndex(p.upload.index).Set(reflect.ValueOf(up))
	}
	if p.hasJSON() {
		body, err := x.readJSON(r, p.limit)
		if err != nil {
			return err
		}
		p.fromBody(&b, body, dst)
	}
	return b.err()
}

func (b *binder) fromPath(f *field, x *exchange, r *http.Request, dst reflect.Value) {
	s := x.meta.routing.URLParam(f.name)
	// chi matches on the escaped path where there is one.
	if r.URL.RawPath != "" {
		if plain, err := url.PathUnescape(s); err == nil {
			s = plain
		}
	}
	b.param(f, f.name, s, dst)
}

// fromQuery binds the parameters of a query. An empty one counts as absent, as
// many clients write ?cursor= for none.
func (b *binder) fromQuery(fields []*field, raw string, dst reflect.Value) {
	var q url.Values
	if raw != "" {
		var err error
		if q, err = url.ParseQuery(raw); err != nil {
			b.add("the query is not well formed: " + err.Error())
		}
	}
	for _, f := range fields {
		name, s := f.name, f.queryText(q[f.name])
		for _, other := range f.alias {
			t := f.queryText(q[other])
			switch {
			case t == "":
			case s == "":
				name, s = other, t
			case s != t:
				b.addAt(other, "differs from "+name+", which is the same thing under another name; give one of them")
			}
		}
		b.param(f, name, s, dst)
	}
}

// queryText makes one text of a parameter: of a slice's, all joined; else the
// first.
func (f *field) queryText(values []string) string {
	if len(values) == 0 {
		return ""
	}
	if f.node.kind == kindList {
		values = slices.DeleteFunc(slices.Clone(values), func(s string) bool { return s == "" })
		return strings.Join(values, ",")
	}
	return values[0]
}

// param binds the text of a path, query or header, "" when there is none.
func (b *binder) param(f *field, name, s string, dst reflect.Value) {
	b.path = append(b.path, name)
	switch {
	case s == "" && f.rules.required && f.name != "*":
		b.add("is required")
	case s == "":
		b.fallback(f, dst)
	case !utf8.ValidString(s):
		b.add("must be valid UTF-8")
	default:
		b.text(f.node, &f.rules, s, dst.FieldByIndex(f.index))
	}
	b.path = b.path[:len(b.path)-1]
}

// none is what a body that was not sent stands for.
var none = map[string]any{}

// fromBody binds the parsed body; nil when none was sent.
func (p *plan) fromBody(b *binder, body any, dst reflect.Value) {
	if p.whole != nil {
		switch f := p.whole; {
		case body != nil:
			b.tree(f.node, &f.rules, body, dst.FieldByIndex(f.index))
		case f.rules.required:
			b.add("a JSON body is required")
		}
	}
	if p.body == nil {
		return
	}
	obj, ok := body.(map[string]any)
	switch {
	case body == nil:
		obj = none
	case !ok:
		b.wrong("a JSON object", body)
		return
	}
	b.members(p.body, obj, dst)
}

// network reads X-Arke-Network; main when it is not given.
func networkOf(h http.Header) (entity.Network, error) {
	values := h["X-Arke-Network"]
	if len(values) == 0 || values[0] == "" {
		return entity.Main, nil
	}
	switch n := entity.Network(strings.ToLower(values[0])); n {
	case entity.Main, entity.Test:
		return n, nil
	}
	return "", &entity.Error{
		Kind: entity.KindInvalid, Op: "wire.Network", Message: "Validation failed",
		Issues: []entity.Issue{{Path: []any{"X-Arke-Network"}, Message: "must be main or test"}},
	}
}
