package entity

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"unicode/utf8"
)

// Properties are the open part of a manifest. A value inside is one of
//
//	nil, bool, string, int64, float64, []byte, [Link], []any, map[string]any
//
// and a float64 is never whole within int64 (see the package's laws). A map
// with the single key "/" is refused when sealed: its JSON would be a link's.
// [ParseJSON] and [Normalize] give values of this form.
type Properties = map[string]any

// MaxDepth bounds the nesting of a value: maps and arrays, the outermost
// counted as 1.
const MaxDepth = 64

// Normalize brings a Go value into the form of [Properties]: every integer
// kind to int64, whole floats to int64, a [json.Number] to the number it is,
// named maps and slices to map[string]any and []any. The error is of [KindInvalid] for NaN, infinities, integers past
// int64, invalid UTF-8, nesting past [MaxDepth] and types with no JSON meaning.
func Normalize(v any) (any, error) { return normalize(v, 1) }

func normalize(in any, depth int) (any, error) {
	const op = "entity.Normalize"
	switch v := in.(type) {
	case nil, bool, int64, []byte, Link:
		return in, nil
	case string:
		if !utf8.ValidString(v) {
			return nil, Invalid(op, "text is not valid UTF-8: %q", clip(v))
		}
		return in, nil
	case float64:
		if v != math.Trunc(v) && !math.IsNaN(v) {
			return in, nil // and no other allocated
		}
		return number(v)
	case json.Number:
		n, err := ParseJSON([]byte(v), 1)
		switch n.(type) {
		case int64, float64:
			return n, err
		}
		return nil, Invalid(op, "%q is not a number that a manifest can hold", clip(string(v)))
	case map[string]any:
		if depth > MaxDepth {
			return nil, errDepth(op)
		}
		out := make(map[string]any, len(v))
		for k, x := range v {
			n, err := normalize(x, depth+1)
			if err != nil {
				return nil, err
			}
			if !utf8.ValidString(k) {
				return nil, Invalid(op, "key is not valid UTF-8: %q", clip(k))
			}
			out[k] = n
		}
		return out, nil
	case []any:
		if depth > MaxDepth {
			return nil, errDepth(op)
		}
		out := make([]any, len(v))
		for i, x := range v {
			n, err := normalize(x, depth+1)
			if err != nil {
				return nil, err
			}
			out[i] = n
		}
		return out, nil
	}
	return normalizeReflect(in, depth)
}

func normalizeReflect(v any, depth int) (any, error) {
	const op = "entity.Normalize"
	r := reflect.ValueOf(v)
	switch r.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return r.Int(), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if r.Uint() > math.MaxInt64 {
			return nil, Invalid(op, "integer %d is past 9223372036854775807", r.Uint())
		}
		return int64(r.Uint()), nil
	case reflect.Float32, reflect.Float64:
		return number(r.Float())
	case reflect.String:
		return normalize(r.String(), depth)
	case reflect.Bool:
		return r.Bool(), nil
	case reflect.Slice, reflect.Array:
		out := make([]any, r.Len())
		for i := range out {
			out[i] = r.Index(i).Interface()
		}
		return normalize(out, depth)
	case reflect.Map:
		if r.Type().Key().Kind() != reflect.String {
			break
		}
		out := make(map[string]any, r.Len())
		for it := r.MapRange(); it.Next(); {
			out[it.Key().String()] = it.Value().Interface()
		}
		return normalize(out, depth)
	}
	return nil, Invalid(op, "a value of type %T cannot be a property; use text, numbers, booleans, null, arrays and objects", v)
}

// number applies the rule for numbers to a float.
func number(f float64) (any, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, Invalid("entity.Normalize", "%v is not a number that a manifest can hold; use a finite one", f)
	}
	if f == math.Trunc(f) && f >= -(1<<63) && f < 1<<63 {
		return int64(f), nil
	}
	return f, nil
}

func errDepth(op string) error {
	return Invalid(op, "nested deeper than %d levels", MaxDepth)
}

// checkValue verifies that v has the form of [Properties] without copying it.
func checkValue(v any, depth int) error {
	const op = "entity.Seal"
	switch v := v.(type) {
	case nil, bool, int64, []byte:
		return nil
	case Link:
		if _, ok := DigestOf(v.CID); !ok {
			return Invalid(op, "link %q is not a CIDv1 over SHA-256", v)
		}
		return nil
	case string:
		if !utf8.ValidString(v) {
			return Invalid(op, "text is not valid UTF-8: %q", clip(v))
		}
		return nil
	case float64:
		if v != math.Trunc(v) && !math.IsNaN(v) {
			return nil
		}
		n, err := number(v)
		if err != nil {
			return err
		}
		if _, whole := n.(int64); whole {
			return Invalid(op, "the whole number %v must be an int64; call entity.Normalize first", v)
		}
		return nil
	case map[string]any:
		if depth > MaxDepth {
			return errDepth(op)
		}
		if _, reserved := v["/"]; reserved && len(v) == 1 {
			return Invalid(op, `an object with the single key "/" would read as a link or bytes; give it another key`)
		}
		for k, x := range v {
			if !utf8.ValidString(k) {
				return Invalid(op, "key is not valid UTF-8: %q", clip(k))
			}
			if err := checkValue(x, depth+1); err != nil {
				return err
			}
		}
		return nil
	case []any:
		if depth > MaxDepth {
			return errDepth(op)
		}
		for _, x := range v {
			if err := checkValue(x, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	return &Error{Kind: KindInternal, Op: op, Err: fmt.Errorf("value of type %T in properties", v)}
}

// CloneValue copies maps and arrays all the way down; scalars are shared.
func CloneValue(v any) any {
	switch v := v.(type) {
	case map[string]any:
		return CloneProperties(v)
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = CloneValue(x)
		}
		return out
	}
	return v
}

// CloneProperties is [CloneValue] for the outermost map. nil gives an empty map.
func CloneProperties(p Properties) Properties {
	out := make(Properties, len(p))
	for k, v := range p {
		out[k] = CloneValue(v)
	}
	return out
}

// EqualValues tells whether two values of the form of [Properties] are the
// same. nil and an empty map differ.
func EqualValues(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		return ok && maps.EqualFunc(a, b, EqualValues)
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, EqualValues)
	case []byte:
		b, ok := b.([]byte)
		return ok && bytes.Equal(a, b)
	}
	switch b.(type) {
	case map[string]any, []any, []byte:
		return false
	}
	return a == b
}

// Merge lays src over dst: where both hold an object the two are merged,
// everywhere else src replaces (arrays whole, null stored). dst is changed;
// src is copied, never shared.
func Merge(dst, src Properties) {
	for k, v := range src {
		if from, ok := v.(map[string]any); ok {
			if into, ok := dst[k].(map[string]any); ok {
				Merge(into, from)
				continue
			}
		}
		dst[k] = CloneValue(v)
	}
}

// Remove deletes keys from p. spec is an array of the keys to delete, or an
// object whose values are again such a spec for the object under that key.
// Keys are literal: a dot is part of the name. What is not there is passed
// over; an object that loses its last key stays, empty. The error is of
// [KindInvalid] and names the path of what is not such a spec.
func Remove(p Properties, spec any) error {
	return removeAt(p, spec, []any{"properties_remove"})
}

func removeAt(p Properties, spec any, path []any) error {
	switch spec := spec.(type) {
	case nil:
		return nil
	case []any:
		for i, k := range spec {
			key, ok := k.(string)
			if !ok {
				return removeIssue(append(path, i), "must be the name of a key")
			}
			delete(p, key)
		}
		return nil
	case map[string]any:
		for key, sub := range spec {
			inner, ok := p[key].(map[string]any)
			if !ok {
				inner = Properties{} // still checked, with nothing to delete
			}
			if err := removeAt(inner, sub, append(path[:len(path):len(path)], key)); err != nil {
				return err
			}
		}
		return nil
	}
	return removeIssue(path, `must be an array of keys, like ["a"], or an object that leads to one, like {"config":{"options":["debug"]}}`)
}

func removeIssue(path []any, message string) error {
	return &Error{Kind: KindInvalid, Op: "entity.Remove", Message: "Validation failed", Issues: []Issue{{Path: slices.Clone(path), Message: message}}}
}
