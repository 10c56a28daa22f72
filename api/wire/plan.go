package wire

import (
	"fmt"
	"io"
	"net/textproto"
	"reflect"
	"slices"
	"strings"
	"time"

	"stemma/entity"
)

// kind is how a Go type is read from JSON and from text.
type kind uint8

const (
	kindText    kind = iota // string, named strings
	kindID                  // entity.ID
	kindCID                 // entity.CID
	kindTip                 // Tip
	kindTime                // time.Time, RFC 3339
	kindBool                //
	kindInt                 // every integer type
	kindFloat               //
	kindAny                 // any: the parsed value, unchanged
	kindObject              // map[string]any: the parsed object, unchanged
	kindArray               // []any: the parsed array, unchanged
	kindMap                 // map[string]T
	kindList                // []T
	kindPointer             // *T, nil when absent
	kindStruct              //
)

// scalar tells whether a path, query or header can carry the kind.
func (k kind) scalar() bool { return k <= kindFloat }

// node is a Go type, compiled.
type node struct {
	kind   kind
	typ    reflect.Type
	elem   *node    // of a map, list or pointer
	fields []*field // of a struct, flattened
}

// field is one thing an input takes.
type field struct {
	name  string
	alias []string
	index []int // of the struct it belongs to, see reflect.Value.FieldByIndex
	node  *node
	rules rules
}

// names are the field's spellings, the first one first.
func (f *field) names() []string { return append([]string{f.name}, f.alias...) }

// plan is what an operation takes.
type plan struct {
	path, query, header []*field
	body                *node  // a struct node of the members of the body; nil when none are named
	whole               *field // body:"json"
	upload              *field // body:"raw"
	bodyRequired        bool
	limit               int64 // of the body; 0: the router's
}

func (p *plan) hasJSON() bool { return p.body != nil || p.whole != nil }

// Upload is a body that is handed on unread. Read fails with an *entity.Error:
// KindTooLarge past the operation's MaxBody, KindTimeout when nothing arrives
// for the router's BodyTimeout.
type Upload struct {
	io.Reader
	ContentType string
	Length      int64 // -1 when the client did not say
}

// compiler turns types into nodes, each once, so that a type may contain itself.
type compiler struct {
	where string
	seen  map[reflect.Type]*node
}

func (c *compiler) fail(format string, args ...any) {
	panic("wire: " + c.where + ": " + fmt.Sprintf(format, args...))
}

// compile makes the plan of an input and panics when it cannot be bound.
func compile(op Operation, t reflect.Type) *plan {
	c := &compiler{where: fmt.Sprintf("%s %s, input %s", op.Method, op.Path, t), seen: map[reflect.Type]*node{}}
	if t.Kind() != reflect.Struct {
		c.fail("an input is a struct")
	}
	p := &plan{limit: op.MaxBody}
	c.input(p, t, t, nil)
	if p.upload != nil && p.hasJSON() {
		c.fail(`body:"raw" and a JSON body exclude each other`)
	}
	if op.MaxBody < 0 && p.upload == nil {
		c.fail(`only a body:"raw" may be without limit`)
	}
	declared := op.pathParams()
	for _, f := range p.path {
		if !slices.Contains(declared, f.name) {
			c.fail("the path has no parameter %q", f.name)
		}
	}
	for _, name := range declared {
		if !slices.ContainsFunc(p.path, func(f *field) bool { return f.name == name }) {
			c.fail("nothing binds the path parameter %q", name)
		}
	}
	if p.body != nil {
		c.unique(p.body.fields)
		p.bodyRequired = slices.ContainsFunc(p.body.fields, func(f *field) bool { return f.rules.required })
	}
	if p.whole != nil {
		p.bodyRequired = p.bodyRequired || p.whole.rules.required
	}
	c.unique(p.query)
	return p
}

var sources = [...]string{"path", "query", "header", "json", "body"}

// input sorts the fields of an input by where they come from.
func (c *compiler) input(p *plan, root, t reflect.Type, index []int) {
	for i := range t.NumField() {
		sf := t.Field(i)
		at := append(slices.Clone(index), i)
		source, tag := c.source(sf)
		switch {
		case source == "" && sf.Anonymous && sf.Type.Kind() == reflect.Struct:
			c.input(p, root, sf.Type, at)
			continue
		case tag == "-" || !sf.IsExported():
			continue
		case source == "":
			c.fail("field %s needs one of the tags path, query, header, json, body", sf.Name)
		}
		if source == "body" && tag == "raw" {
			if sf.Type != reflect.TypeFor[Upload]() {
				c.fail(`body:"raw" is for a field of type wire.Upload`)
			}
			p.upload = &field{name: tag, index: at}
			continue
		}
		f := c.field(sf, tag, at)
		switch source {
		case "path":
			f.rules.required = true
			p.path = append(p.path, f)
		case "query":
			p.query = append(p.query, f)
		case "header":
			f.name = textproto.CanonicalMIMEHeaderKey(f.name)
			p.header = append(p.header, f)
		case "json":
			if p.body == nil {
				p.body = &node{kind: kindStruct, typ: root}
			}
			p.body.fields = append(p.body.fields, f)
		case "body":
			if tag != "json" {
				c.fail(`field %s: body is "json" or "raw"`, sf.Name)
			}
			p.whole = f
		}
		if source != "json" && source != "body" && !textual(f.node, source == "query") {
			c.fail("field %s: a %s cannot carry a %s", sf.Name, source, sf.Type)
		}
	}
}

// textual tells whether text can be read into n.
func textual(n *node, lists bool) bool {
	switch n.kind {
	case kindPointer:
		return n.elem.kind.scalar()
	case kindList:
		return lists && n.elem.kind.scalar()
	}
	return n.kind.scalar()
}

// source finds the one tag that says where a field comes from.
func (c *compiler) source(sf reflect.StructField) (source, tag string) {
	for _, s := range sources {
		v, ok := sf.Tag.Lookup(s)
		if !ok {
			continue
		}
		if source != "" {
			c.fail("field %s has both %s and %s", sf.Name, source, s)
		}
		source, tag = s, v
	}
	if source == "json" {
		tag, _, _ = strings.Cut(tag, ",")
	}
	if source != "" && tag == "" {
		c.fail("field %s: the tag %s is empty", sf.Name, source)
	}
	return source, tag
}

func (c *compiler) field(sf reflect.StructField, name string, index []int) *field {
	f := &field{name: name, index: index, node: c.node(sf.Type, sf.Name)}
	if s := sf.Tag.Get("alias"); s != "" {
		f.alias = strings.Split(s, ",")
	}
	f.rules = c.rules(sf)
	return f
}

func (c *compiler) unique(fields []*field) {
	seen := map[string]bool{}
	for _, f := range fields {
		for _, name := range f.names() {
			if seen[name] {
				c.fail("%q is bound twice", name)
			}
			seen[name] = true
		}
	}
}

// exact are the types that are read in a way of their own.
var exact = map[reflect.Type]kind{
	reflect.TypeFor[entity.ID]():      kindID,
	reflect.TypeFor[entity.CID]():     kindCID,
	reflect.TypeFor[Tip]():            kindTip,
	reflect.TypeFor[time.Time]():      kindTime,
	reflect.TypeFor[any]():            kindAny,
	reflect.TypeFor[map[string]any](): kindObject,
	reflect.TypeFor[[]any]():          kindArray,
}

// kindOf tells how a type is read; ok is false when it cannot be.
func kindOf(t reflect.Type) (k kind, ok bool) {
	if k, ok := exact[t]; ok {
		return k, true
	}
	switch t.Kind() {
	case reflect.String:
		return kindText, true
	case reflect.Bool:
		return kindBool, true
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return kindInt, true
	case reflect.Float32, reflect.Float64:
		return kindFloat, true
	case reflect.Pointer:
		return kindPointer, true
	case reflect.Slice:
		return kindList, true
	case reflect.Map:
		return kindMap, t.Key().Kind() == reflect.String
	case reflect.Struct:
		return kindStruct, true
	}
	return 0, false
}

func (c *compiler) node(t reflect.Type, where string) *node {
	if n := c.seen[t]; n != nil {
		return n
	}
	k, ok := kindOf(t)
	if !ok {
		c.fail("field %s: a %s cannot be read from a request", where, t)
	}
	n := &node{kind: k, typ: t}
	c.seen[t] = n
	switch k {
	case kindPointer, kindList, kindMap:
		n.elem = c.node(t.Elem(), where)
	case kindStruct:
		c.members(n, t, nil)
		c.unique(n.fields)
	}
	return n
}

// members are the fields of a struct inside a body.
func (c *compiler) members(n *node, t reflect.Type, index []int) {
	for i := range t.NumField() {
		sf := t.Field(i)
		at := append(slices.Clone(index), i)
		tag, _, _ := strings.Cut(sf.Tag.Get("json"), ",")
		switch {
		case tag == "" && sf.Anonymous && sf.Type.Kind() == reflect.Struct:
			c.members(n, sf.Type, at)
		case tag == "-" || !sf.IsExported():
		case tag == "":
			c.fail("field %s of %s needs a json tag", sf.Name, t)
		default:
			n.fields = append(n.fields, c.field(sf, tag, at))
		}
	}
}
