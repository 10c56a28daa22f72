package wire

import (
	"bytes"
	"encoding"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"stemma/entity"
)

// encodeError carries a failure to encode out of the recursion.
type encodeError struct{ error }

// Append writes any answer as JSON; see the package comment for the form. The
// error is internal: a type that has no JSON form, or a marshaler that failed.
func Append(dst []byte, v any) (out []byte, err error) {
	if a, ok := v.(Appender); ok {
		return a.AppendJSON(dst), nil
	}
	defer func() {
		switch p := recover().(type) {
		case nil:
		case encodeError:
			err = entity.Internal("wire.Append", p.error)
		default:
			panic(p)
		}
	}()
	return AppendValue(dst, v), nil
}

func appendOther(dst []byte, v any) []byte {
	r := reflect.ValueOf(v)
	return encoderOf(r.Type())(dst, r)
}

type encoder func(dst []byte, v reflect.Value) []byte

var encoders sync.Map // reflect.Type → encoder

// encoderOf compiles a type once. While a type that contains itself is being
// compiled, its place is held by an encoder that waits for the real one.
func encoderOf(t reflect.Type) encoder {
	if e, ok := encoders.Load(t); ok {
		return e.(encoder)
	}
	var done sync.WaitGroup
	var e encoder
	done.Add(1)
	later := encoder(func(dst []byte, v reflect.Value) []byte {
		done.Wait()
		return e(dst, v)
	})
	if other, raced := encoders.LoadOrStore(t, later); raced {
		return other.(encoder)
	}
	e = func([]byte, reflect.Value) []byte { panic(encodeError{fmt.Errorf("a %s has no JSON form", t)}) }
	compiled := false
	defer func() {
		if !compiled { // a panic is on its way: the next one who asks shall meet it too
			encoders.Delete(t)
		}
		done.Done()
	}()
	e = compileEncoder(t)
	compiled = true
	encoders.Store(t, e)
	return e
}

// checkEncodable panics when answers of the type could never be written.
func checkEncodable(t reflect.Type) { encoderOf(t) }

var (
	appenderType  = reflect.TypeFor[Appender]()
	marshalerType = reflect.TypeFor[json.Marshaler]()
	textType      = reflect.TypeFor[encoding.TextMarshaler]()
	cidType       = reflect.TypeFor[entity.CID]()
	numberType    = reflect.TypeFor[json.Number]()
	linkType      = reflect.TypeFor[entity.Link]()
)

func compileEncoder(t reflect.Type) encoder {
	switch {
	case t == cidType:
		return func(dst []byte, v reflect.Value) []byte { return appendCID(dst, v.Interface().(entity.CID)) }
	case t == linkType:
		return func(dst []byte, v reflect.Value) []byte { return AppendLink(dst, v.Interface().(entity.Link).CID) }
	case t.Kind() == reflect.Pointer || t.Kind() == reflect.Interface:
		return compileIndirect(t)
	case t.Implements(appenderType):
		return func(dst []byte, v reflect.Value) []byte { return v.Interface().(Appender).AppendJSON(dst) }
	case reflect.PointerTo(t).Implements(appenderType):
		return func(dst []byte, v reflect.Value) []byte { return addressed(v).(Appender).AppendJSON(dst) }
	case t == numberType || reflect.PointerTo(t).Implements(marshalerType) || reflect.PointerTo(t).Implements(textType):
		return func(dst []byte, v reflect.Value) []byte { return appendMarshaled(dst, addressed(v)) }
	}
	switch t.Kind() {
	case reflect.Bool:
		return func(dst []byte, v reflect.Value) []byte { return strconv.AppendBool(dst, v.Bool()) }
	case reflect.String:
		return func(dst []byte, v reflect.Value) []byte { return AppendString(dst, v.String()) }
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return func(dst []byte, v reflect.Value) []byte { return strconv.AppendInt(dst, v.Int(), 10) }
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return func(dst []byte, v reflect.Value) []byte { return strconv.AppendUint(dst, v.Uint(), 10) }
	case reflect.Float32, reflect.Float64:
		bits := t.Bits()
		return func(dst []byte, v reflect.Value) []byte { return appendFloat(dst, v.Float(), bits) }
	case reflect.Slice, reflect.Array:
		return compileSlice(t)
	case reflect.Map:
		return compileMap(t)
	case reflect.Struct:
		return compileStruct(t)
	}
	panic(encodeError{fmt.Errorf("a %s has no JSON form", t)})
}

func appendCID(dst []byte, c entity.CID) []byte {
	if !c.Defined() {
		return append(dst, "null"...)
	}
	return AppendString(dst, c.String())
}

// addressed is a pointer to v, for methods that want one.
func addressed(v reflect.Value) any {
	if v.CanAddr() {
		return v.Addr().Interface()
	}
	p := reflect.New(v.Type())
	p.Elem().Set(v)
	return p.Interface()
}

func appendMarshaled(dst []byte, v any) []byte {
	buf := bytes.NewBuffer(dst)
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(encodeError{err})
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte{'\n'})
}

func compileIndirect(t reflect.Type) encoder {
	if t.Kind() == reflect.Interface {
		return func(dst []byte, v reflect.Value) []byte {
			if v.IsNil() {
				return append(dst, "null"...)
			}
			return AppendValue(dst, v.Interface())
		}
	}
	elem := encoderOf(t.Elem())
	return func(dst []byte, v reflect.Value) []byte {
		if v.IsNil() {
			return append(dst, "null"...)
		}
		return elem(dst, v.Elem())
	}
}

func compileSlice(t reflect.Type) encoder {
	if t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8 {
		return func(dst []byte, v reflect.Value) []byte {
			dst = append(dst, '"')
			dst = base64.StdEncoding.AppendEncode(dst, v.Bytes())
			return append(dst, '"')
		}
	}
	elem := encoderOf(t.Elem())
	return func(dst []byte, v reflect.Value) []byte {
		dst = append(dst, '[')
		for i := range v.Len() {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = elem(dst, v.Index(i))
		}
		return append(dst, ']')
	}
}

func compileMap(t reflect.Type) encoder {
	if t.Key().Kind() != reflect.String {
		panic(encodeError{fmt.Errorf("the keys of a %s are not text", t)})
	}
	if t == reflect.TypeFor[map[string]any]() {
		return func(dst []byte, v reflect.Value) []byte { return appendObject(dst, v.Interface().(map[string]any)) }
	}
	elem := encoderOf(t.Elem())
	return func(dst []byte, v reflect.Value) []byte {
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		dst = append(dst, '{')
		for i, k := range keys {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(AppendString(dst, k.String()), ':')
			dst = elem(dst, v.MapIndex(k))
		}
		return append(dst, '}')
	}
}

// answerField is a member of an answer's object.
type answerField struct {
	name   string
	alias  []string
	index  []int
	typ    reflect.Type
	empty  bool // left out when empty (omitempty)
	zero   bool // left out when zero (omitzero)
	doc    string
	source reflect.StructField
}

// answerFields are the members of a struct by its json tags, embedded structs
// flattened; of two with one name the outer wins.
func answerFields(t reflect.Type) []answerField {
	var fields []answerField
	seen := map[string]bool{}
	level := []answerField{{typ: t}}
	for len(level) > 0 {
		var deeper []answerField
		for _, at := range level {
			for i := range at.typ.NumField() {
				sf := at.typ.Field(i)
				name, opts, _ := strings.Cut(sf.Tag.Get("json"), ",")
				f := answerField{name: name, index: append(slices.Clone(at.index), i), typ: sf.Type, doc: sf.Tag.Get("doc"), source: sf}
				if name == "" && sf.Anonymous && sf.Type.Kind() == reflect.Struct {
					deeper = append(deeper, f)
					continue
				}
				if !sf.IsExported() || sf.Tag.Get("json") == "-" {
					continue
				}
				if f.name == "" {
					f.name = sf.Name
				}
				if seen[f.name] {
					continue
				}
				seen[f.name] = true
				if a := sf.Tag.Get("alias"); a != "" {
					f.alias = strings.Split(a, ",")
				}
				f.empty = strings.Contains(opts, "omitempty")
				f.zero = strings.Contains(opts, "omitzero")
				if opts == "string" || strings.Contains(opts, ",string") {
					panic(encodeError{fmt.Errorf("field %s of %s: the option string is not known", sf.Name, t)})
				}
				fields = append(fields, f)
			}
		}
		level = deeper
	}
	slices.SortStableFunc(fields, func(a, b answerField) int { return slices.Compare(a.index, b.index) })
	return fields
}

func compileStruct(t reflect.Type) encoder {
	type member struct {
		answerField
		keys [][]byte // ,"name": for each name
		enc  encoder
	}
	var members []member
	for _, f := range answerFields(t) {
		m := member{answerField: f, enc: encoderOf(f.typ)}
		for _, name := range append([]string{f.name}, f.alias...) {
			m.keys = append(m.keys, append(AppendString([]byte{','}, name), ':'))
		}
		members = append(members, m)
	}
	return func(dst []byte, v reflect.Value) []byte {
		start := len(dst)
		for i := range members {
			m := &members[i]
			x := v.FieldByIndex(m.index)
			if m.empty && isEmpty(x) || m.zero && x.IsZero() {
				continue
			}
			for _, key := range m.keys {
				dst = append(dst, key...)
				dst = m.enc(dst, x)
			}
		}
		if len(dst) == start {
			return append(dst, '{', '}')
		}
		dst[start] = '{' // over the first comma
		return append(dst, '}')
	}
}

// isEmpty is encoding/json's notion of omitempty.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Bool, reflect.Interface, reflect.Pointer,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64,
		reflect.Float32, reflect.Float64:
		return v.IsZero()
	}
	return false
}
