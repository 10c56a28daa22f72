package wire

import (
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"stemma/entity"
)

// maxIssues bounds an answer: ten thousand wrong items get a hundred remarks.
const maxIssues = 100

// binder fills in an input and gathers what is wrong with it.
type binder struct {
	issues []entity.Issue
	path   []any // where the value in hand was found
}

func (b *binder) add(message string) {
	if len(b.issues) < maxIssues {
		b.issues = append(b.issues, entity.Issue{Path: slices.Clone(b.path), Message: message})
	}
}

func (b *binder) addAt(name, message string) {
	b.path = append(b.path, name)
	b.add(message)
	b.path = b.path[:len(b.path)-1]
}

func (b *binder) err() error {
	if len(b.issues) == 0 {
		return nil
	}
	return &entity.Error{Kind: entity.KindInvalid, Op: "wire.Bind", Message: "Validation failed", Issues: b.issues}
}

// members binds an object to a struct.
func (b *binder) members(n *node, obj map[string]any, dst reflect.Value) {
	for _, f := range n.fields {
		name, v := b.member(f, obj)
		switch {
		case v != nil:
			b.path = append(b.path, name)
			b.tree(f.node, &f.rules, v, dst.FieldByIndex(f.index))
			b.path = b.path[:len(b.path)-1]
		case f.rules.required:
			b.addAt(f.name, "is required")
		default:
			b.fallback(f, dst)
		}
	}
}

// fallback gives an absent field its default.
func (b *binder) fallback(f *field, dst reflect.Value) {
	if f.rules.hasDefault {
		b.text(f.node, &f.rules, f.rules.fallback, dst.FieldByIndex(f.index))
	}
}

// member finds the value of a field under any of its names, nil when it is
// absent or null.
func (b *binder) member(f *field, obj map[string]any) (name string, v any) {
	name, v = f.name, obj[f.name]
	for _, other := range f.alias {
		w := obj[other]
		switch {
		case w == nil:
		case v == nil:
			name, v = other, w
		case !entity.EqualValues(v, w):
			b.addAt(other, "differs from "+name+", which is the same thing under another name; give one of them")
		}
	}
	return name, v
}

// tree binds a value of a parsed body. v is not nil, but for elements.
func (b *binder) tree(n *node, r *rules, v any, dst reflect.Value) {
	switch n.kind {
	case kindAny:
		if v != nil {
			dst.Set(reflect.ValueOf(v))
		}
	case kindObject:
		if obj, ok := v.(map[string]any); ok {
			b.checkSize(r, len(obj), "member")
			dst.Set(reflect.ValueOf(obj))
			return
		}
		b.wrong("an object", v)
	case kindArray:
		if list, ok := v.([]any); ok {
			b.checkSize(r, len(list), "item")
			dst.Set(reflect.ValueOf(list))
			return
		}
		b.wrong("an array", v)
	case kindStruct:
		if obj, ok := v.(map[string]any); ok {
			b.members(n, obj, dst)
			return
		}
		b.wrong("an object", v)
	case kindMap:
		b.object(n, r, v, dst)
	case kindList:
		b.list(n, r, v, dst)
	case kindPointer:
		p := reflect.New(n.elem.typ)
		b.tree(n.elem, r, v, p.Elem())
		dst.Set(p)
	case kindBool:
		if t, ok := v.(bool); ok {
			dst.SetBool(t)
			return
		}
		b.wrong("true or false", v)
	case kindInt, kindFloat:
		b.number(n, r, v, dst)
	default:
		if s, ok := v.(string); ok {
			b.text(n, r, s, dst)
			return
		}
		b.wrong(textForms[n.kind], v)
	}
}

// textForms say what kind of text is expected.
var textForms = map[kind]string{
	kindText: "text",
	kindID:   "an id: text of 26 characters",
	kindCID:  "a CID: text like bafyrei…",
	kindTip:  "the CID of the tip you expect",
	kindTime: "a time like 2006-01-02T15:04:05Z",
}

func (b *binder) object(n *node, r *rules, v any, dst reflect.Value) {
	obj, ok := v.(map[string]any)
	if !ok {
		b.wrong("an object", v)
		return
	}
	b.checkSize(r, len(obj), "member")
	out := reflect.MakeMapWithSize(n.typ, len(obj))
	keyType := n.typ.Key()
	items := r.ofItems()
	for key, x := range obj {
		elem := reflect.New(n.elem.typ).Elem()
		b.path = append(b.path, key)
		b.tree(n.elem, &items, x, elem)
		b.path = b.path[:len(b.path)-1]
		out.SetMapIndex(reflect.ValueOf(key).Convert(keyType), elem)
	}
	dst.Set(out)
}

func (b *binder) list(n *node, r *rules, v any, dst reflect.Value) {
	list, ok := v.([]any)
	if !ok {
		b.wrong("an array", v)
		return
	}
	b.checkSize(r, len(list), "item")
	if r.max != nil && len(list) > int(*r.max) {
		return // one remark is enough: do not go through a list that is refused anyway
	}
	// A few megabytes of [0,0,0,…] must not become gigabytes of structs.
	out := reflect.MakeSlice(n.typ, min(len(list), 1024), min(len(list), 1024))
	items := r.ofItems()
	for i, x := range list {
		if i == out.Len() {
			longer := reflect.MakeSlice(n.typ, min(len(list), 2*i), min(len(list), 2*i))
			reflect.Copy(longer, out)
			out = longer
		}
		b.path = append(b.path, i)
		b.tree(n.elem, &items, x, out.Index(i))
		b.path = b.path[:len(b.path)-1]
		if len(b.issues) == maxIssues {
			return
		}
	}
	dst.Set(out)
}

// ofItems are the rules for the items of an array.
func (r *rules) ofItems() rules {
	return rules{pattern: r.pattern, enum: r.enum, wildcard: r.wildcard}
}

func (b *binder) number(n *node, r *rules, v any, dst reflect.Value) {
	switch v := v.(type) {
	case int64:
		if n.kind == kindFloat {
			b.float(r, float64(v), dst)
			return
		}
		if !setInt(dst, v) {
			b.add(intRange(n.typ))
			return
		}
		b.checkNumber(r, float64(v))
	case float64:
		if n.kind == kindInt {
			b.add("must be a whole number, and " + intRange(n.typ)[len("must be "):])
			return
		}
		b.float(r, v, dst)
	default:
		if n.kind == kindInt {
			b.wrong("a whole number", v)
			return
		}
		b.wrong("a number", v)
	}
}

func (b *binder) float(r *rules, f float64, dst reflect.Value) {
	if dst.OverflowFloat(f) {
		b.add("must be within the range of a 32-bit float")
		return
	}
	dst.SetFloat(f)
	b.checkNumber(r, f)
}

// setInt stores v where it fits.
func setInt(dst reflect.Value, v int64) bool {
	if dst.CanUint() {
		if v < 0 || dst.OverflowUint(uint64(v)) {
			return false
		}
		dst.SetUint(uint64(v))
		return true
	}
	if dst.OverflowInt(v) {
		return false
	}
	dst.SetInt(v)
	return true
}

func intRange(t reflect.Type) string {
	bits := t.Bits()
	if t.Kind() >= reflect.Uint {
		if bits == 64 {
			return "must be between 0 and " + strconv.Itoa(math.MaxInt64)
		}
		return "must be between 0 and " + strconv.FormatUint(1<<bits-1, 10)
	}
	return "must be between " + strconv.FormatInt(-1<<(bits-1), 10) + " and " + strconv.FormatInt(1<<(bits-1)-1, 10)
}

// text binds text: of a path, query or header, or a string in a body.
func (b *binder) text(n *node, r *rules, s string, dst reflect.Value) {
	switch n.kind {
	case kindText:
		b.checkText(r, s)
		dst.SetString(s)
	case kindTip:
		if s == "" {
			b.add("must be " + textForms[kindTip] + "; it is empty")
		}
		b.checkText(&tipRules, s)
		dst.SetString(s)
	case kindID:
		b.checkID(r, s)
		dst.SetString(s)
	case kindCID:
		c, err := entity.ParseCID(s)
		if err != nil {
			b.add(message(err))
			return
		}
		dst.Set(reflect.ValueOf(c))
	case kindTime:
		t, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			b.add("must be " + textForms[kindTime])
			return
		}
		dst.Set(reflect.ValueOf(t))
	case kindBool:
		t, err := strconv.ParseBool(s)
		if err != nil {
			b.add("must be true or false")
			return
		}
		dst.SetBool(t)
	case kindInt:
		i, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			b.add("must be a whole number, and " + intRange(n.typ)[len("must be "):])
			return
		}
		b.number(n, r, i, dst)
	case kindFloat:
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			b.add("must be a number")
			return
		}
		b.float(r, f, dst)
	case kindPointer:
		p := reflect.New(n.elem.typ)
		b.text(n.elem, r, s, p.Elem())
		dst.Set(p)
	case kindList:
		b.split(n, r, s, dst)
	}
}

var tipRules = func() rules {
	most := float64(maxTip)
	return rules{max: &most}
}()

// split binds a,b,c to a slice.
func (b *binder) split(n *node, r *rules, s string, dst reflect.Value) {
	parts := strings.Split(s, ",")
	b.checkSize(r, len(parts), "item")
	out := reflect.MakeSlice(n.typ, len(parts), len(parts))
	items := r.ofItems()
	for i, part := range parts {
		b.path = append(b.path, i)
		b.text(n.elem, &items, strings.TrimSpace(part), out.Index(i))
		b.path = b.path[:len(b.path)-1]
	}
	dst.Set(out)
}

// wrong says that v is of another kind than the one wanted.
func (b *binder) wrong(want string, v any) {
	b.add("must be " + want + ", not " + form(v))
}

// form names what a parsed value is.
func form(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "true or false"
	case string:
		return "text"
	case int64, float64:
		return "a number"
	case []any:
		return "an array"
	case map[string]any:
		return "an object"
	case entity.Link:
		return "a link"
	case []byte:
		return "bytes"
	}
	return "something else"
}
