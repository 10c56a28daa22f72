package wire

import (
	"cmp"
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"stemma/entity"
)

// object is a JSON object that keeps the order of its members.
type object []member

type member struct {
	key   string
	value any
}

// AppendJSON writes the members in their order.
func (o object) AppendJSON(dst []byte) []byte {
	dst = append(dst, '{')
	for i, m := range o {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(AppendString(dst, m.key), ':')
		dst = AppendValue(dst, m.value)
	}
	return append(dst, '}')
}

// with gives o and one member more, but for an empty text. o stays as it is.
func (o object) with(key string, value any) object {
	if s, ok := value.(string); ok && s == "" {
		return o
	}
	return append(o[:len(o):len(o)], member{key, value})
}

// schemaKey names a schema before it has a name. What a request may hold and
// what an answer holds are different schemas of one Go type.
type schemaKey struct {
	t       reflect.Type
	request bool
	op      string // of an input: its operation, as inputs may be unnamed types
}

// schemas gathers the components of a document.
type schemas struct {
	at    string      // where they are: "" is "#/components/schemas/"
	keys  []schemaKey // in the order they were met
	defs  map[schemaKey]object
	names map[schemaKey]string
}

func newSchemas() *schemas {
	return &schemas{defs: map[schemaKey]object{}, names: map[schemaKey]string{}}
}

// ref is a reference that finds its name when the document is written.
type ref struct {
	in  *schemas
	key schemaKey
}

// AppendJSON writes the text of the reference.
func (r ref) AppendJSON(dst []byte) []byte {
	return AppendString(dst, cmp.Or(r.in.at, "#/components/schemas/")+r.in.names[r.key])
}

// define makes a component once and gives the reference to it.
func (s *schemas) define(key schemaKey, build func() object) object {
	if _, ok := s.defs[key]; !ok {
		s.defs[key] = nil // a type that contains itself refers to itself
		s.keys = append(s.keys, key)
		s.defs[key] = build()
	}
	return object{{"$ref", ref{s, key}}}
}

// components names what was gathered and gives it in the order it was met.
func (s *schemas) components() object {
	taken := map[string]bool{}
	var out object
	for _, key := range s.keys {
		name := key.name(taken)
		taken[name] = true
		s.names[key] = name
		out = append(out, member{name, s.defs[key]})
	}
	return out
}

// name is a type's name, or the next best when another has it: with "Input" of
// a request, with its package, with a number.
func (k schemaKey) name(taken map[string]bool) string {
	base := upper(identifier(k.t.Name()))
	if k.op != "" {
		if base == "" {
			base = upper(identifier(k.op))
		}
		for _, end := range []string{"Request", "Input", "In"} {
			base = strings.TrimSuffix(base, end)
		}
		base += "Request"
	}
	tries := []string{base}
	if k.request && k.op == "" {
		tries = append(tries, base+"Input")
	}
	pkg := k.t.PkgPath()
	tries = append(tries, upper(identifier(pkg[strings.LastIndexByte(pkg, '/')+1:]))+base)
	for _, name := range tries {
		if !taken[name] {
			return name
		}
	}
	for i := 2; ; i++ {
		if name := base + strconv.Itoa(i); !taken[name] {
			return name
		}
	}
}

func upper(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[n:]
}

// identifier keeps the letters and digits of a name; Page[int] is Pageint.
func identifier(s string) string {
	return strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
			return r
		}
		return -1
	}, s)
}

const (
	idPattern  = `(II[0-9A-HJKMNP-TV-Z]{24}|[0-9A-HJKMNP-TV-Z]{26})`
	cidPattern = `^baf[ky]rei[a-z2-7]{52}$`
)

func typed(name string) object { return object{{"type", name}} }

func idSchema(wildcard bool) object {
	if wildcard {
		return typed("string").with("pattern", `^(\*|`+idPattern+`)$`)
	}
	return typed("string").with("pattern", "^"+idPattern+"$")
}

func linkSchema() object {
	return typed("object").with("properties", object{{"/", typed("string").with("pattern", cidPattern)}}).with("required", []any{"/"})
}

func intSchema(t reflect.Type) object {
	o := typed("integer")
	switch {
	case t.Kind() >= reflect.Uint:
		return o.with("minimum", 0)
	case t.Bits() >= 32:
		return o.with("format", "int"+strconv.Itoa(t.Bits()))
	}
	return o
}

// answer is the schema of an answer's Go type, by its json tags.
func (s *schemas) answer(t reflect.Type) object {
	switch t {
	case reflect.TypeFor[entity.ID]():
		return idSchema(false)
	case cidType:
		return typed("string").with("pattern", cidPattern)
	case linkType:
		return linkSchema()
	case reflect.TypeFor[time.Time]():
		return typed("string").with("format", "date-time")
	case reflect.TypeFor[json.RawMessage]():
		return object{}
	case numberType:
		return typed("number")
	case reflect.TypeFor[Raw]():
		return typed("string").with("format", "binary")
	}
	switch t.Kind() {
	case reflect.Bool:
		return typed("boolean")
	case reflect.Float32, reflect.Float64:
		return typed("number")
	case reflect.String:
		return typed("string")
	case reflect.Pointer:
		return s.answer(t.Elem())
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return typed("string").with("contentEncoding", "base64")
		}
		return typed("array").with("items", s.answer(t.Elem()))
	case reflect.Map:
		return typed("object").with("additionalProperties", s.answer(t.Elem()))
	case reflect.Struct:
		if marshals(t) {
			return object{}
		}
		if t.Name() == "" {
			return s.answerStruct(t)
		}
		return s.define(schemaKey{t: t}, func() object { return s.answerStruct(t) })
	case reflect.Interface:
		return object{}
	}
	return intSchema(t)
}

// marshals tells whether only the type itself knows its JSON form. A type that
// appends itself does so by its tags, or it would not be described at all.
func marshals(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return !p.Implements(appenderType) && (p.Implements(marshalerType) || p.Implements(textType))
}

func (s *schemas) answerStruct(t reflect.Type) object {
	var props object
	required := []any{}
	for _, f := range answerFields(t) {
		schema := s.answer(f.typ)
		if f.typ.Kind() == reflect.Pointer && !f.empty && !f.zero {
			schema = object{{"anyOf", []any{schema, typed("null")}}}
		}
		if e := f.source.Tag.Get("enum"); e != "" {
			schema = schema.with("enum", texts(strings.Split(e, ",")))
		}
		props = append(props, member{f.name, schema.with("description", f.doc)})
		for _, other := range f.alias {
			props = append(props, member{other, schema.with("description", "The same as "+f.name+".")})
		}
		if !f.empty && !f.zero {
			required = append(required, f.name)
		}
	}
	o := typed("object").with("properties", props)
	if len(required) > 0 {
		o = o.with("required", required)
	}
	return o
}

func texts(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}

// request is the schema of something an input takes.
func (s *schemas) request(n *node, r *rules) object {
	var o object
	switch n.kind {
	case kindText:
		o = sized(spelled(r, typed("string")), r, "minLength", "maxLength")
	case kindID:
		o = idSchema(r.wildcard)
	case kindCID:
		o = typed("string").with("pattern", cidPattern)
	case kindTip:
		o = typed("string").with("minLength", 1).with("maxLength", maxTip)
	case kindTime:
		o = typed("string").with("format", "date-time")
	case kindBool:
		o = typed("boolean")
	case kindInt:
		o = ranged(intSchema(n.typ), r)
	case kindFloat:
		o = ranged(typed("number"), r)
	case kindAny:
		o = object{}
	case kindObject:
		o = sized(typed("object").with("additionalProperties", true), r, "minProperties", "maxProperties")
	case kindArray:
		o = sized(typed("array").with("items", object{}), r, "minItems", "maxItems")
	case kindMap:
		items := r.ofItems()
		o = sized(typed("object").with("additionalProperties", s.request(n.elem, &items)), r, "minProperties", "maxProperties")
	case kindList:
		items := r.ofItems()
		o = sized(typed("array").with("items", s.request(n.elem, &items)), r, "minItems", "maxItems")
	case kindPointer:
		return s.request(n.elem, r)
	case kindStruct:
		if n.typ.Name() == "" {
			return s.members(n)
		}
		return s.define(schemaKey{t: n.typ, request: true}, func() object { return s.members(n) })
	}
	if r.hasDefault {
		o = o.with("default", defaultValue(n.kind, r.fallback))
	}
	return o
}

func spelled(r *rules, o object) object {
	if r.pattern != nil {
		o = o.with("pattern", r.pattern.String())
	}
	if r.enum != nil {
		o = o.with("enum", texts(r.enum))
	}
	return o
}

func sized(o object, r *rules, least, most string) object {
	if r.min != nil {
		o = o.with(least, int(*r.min))
	}
	if r.max != nil {
		o = o.with(most, int(*r.max))
	}
	return o
}

func ranged(o object, r *rules) object {
	if r.min != nil {
		o = replace(o, "minimum", *r.min)
	}
	if r.max != nil {
		o = o.with("maximum", *r.max)
	}
	if r.over != nil {
		o = o.with("exclusiveMinimum", *r.over)
	}
	return o
}

// replace sets a member that may be there already.
func replace(o object, key string, value any) object {
	for i := range o {
		if o[i].key == key {
			o[i].value = value
			return o
		}
	}
	return append(o, member{key, value})
}

func defaultValue(k kind, text string) any {
	switch k {
	case kindBool:
		return text == "true"
	case kindInt, kindFloat:
		return json.Number(text)
	}
	return text
}

// members is the schema of an object that a request holds. Where a required
// member has several spellings, one of them must be there.
func (s *schemas) members(n *node) object {
	var props object
	required, either := []any{}, []any{}
	for _, f := range n.fields {
		schema := s.request(f.node, &f.rules)
		props = append(props, member{f.name, schema.with("description", f.rules.doc)})
		for _, other := range f.alias {
			props = append(props, member{other, schema.with("description", "Another spelling of "+f.name+".").with("deprecated", true)})
		}
		switch {
		case !f.rules.required:
		case len(f.alias) == 0:
			required = append(required, f.name)
		default:
			var spellings []any
			for _, name := range f.names() {
				spellings = append(spellings, object{{"required", []any{name}}})
			}
			either = append(either, object{{"anyOf", spellings}})
		}
	}
	o := typed("object").with("properties", props)
	if len(required) > 0 {
		o = o.with("required", required)
	}
	if len(either) > 0 {
		o = o.with("allOf", either)
	}
	return o
}
