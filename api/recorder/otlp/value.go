package otlp

import (
	"encoding/hex"
	"math"
	"strconv"
	"strings"
	"time"

	common "go.opentelemetry.io/proto/slim/otlp/common/v1"

	"stemma/entity"
)

// object is attributes as a record holds them; of two of a name the last counts.
// An attribute named / is named //, as an object with / alone is a link.
func object(list []*common.KeyValue) map[string]any {
	out := make(map[string]any, len(list))
	for _, kv := range list {
		key := kv.GetKey()
		if key == "/" {
			key = "//"
		}
		out[key] = value(kv.GetValue())
	}
	return out
}

func value(v *common.AnyValue) any {
	switch v := v.GetValue().(type) {
	case *common.AnyValue_StringValue:
		return v.StringValue
	case *common.AnyValue_BoolValue:
		return v.BoolValue
	case *common.AnyValue_IntValue:
		return v.IntValue
	case *common.AnyValue_DoubleValue:
		return number(v.DoubleValue)
	case *common.AnyValue_BytesValue:
		return append([]byte{}, v.BytesValue...)
	case *common.AnyValue_ArrayValue:
		out := make([]any, len(v.ArrayValue.GetValues()))
		for i, x := range v.ArrayValue.GetValues() {
			out[i] = value(x)
		}
		return out
	case *common.AnyValue_KvlistValue:
		return object(v.KvlistValue.GetValues())
	}
	return nil
}

// number is a number as a record holds it; what JSON has no number for is text.
func number(f float64) any {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
	n, err := entity.Normalize(f)
	if err != nil {
		return nil // there is none left
	}
	return n
}

// instant is a time of OTLP, nanoseconds since 1970; 0 is not said.
func instant(nanos uint64) time.Time {
	if nanos == 0 {
		return time.Time{}
	}
	return time.Unix(int64(nanos/1e9), int64(nanos%1e9)).UTC()
}

// identifier is an identifier in hexadecimal; "" for one of another length, or of
// zeros alone, which names nothing.
func identifier(b []byte, length int) string {
	text := hex.EncodeToString(b)
	if len(b) != length || strings.Trim(text, "0") == "" {
		return ""
	}
	return text
}

// parsed is a value of which the conventions say that it may be written as JSON.
func parsed(v any) any {
	s, ok := v.(string)
	if !ok {
		return v
	}
	if tree, err := entity.ParseJSON([]byte(s), entity.MaxDepth/2); err == nil {
		return tree
	}
	return s
}

func text(m map[string]any, keys ...string) string {
	for _, key := range keys {
		if s, _ := m[key].(string); s != "" {
			return s
		}
	}
	return ""
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

// amount is a number that is not negative; nil for anything else.
func amount(m map[string]any, keys ...string) *float64 {
	for _, key := range keys {
		var f float64
		switch v := m[key].(type) {
		case int64:
			f = float64(v)
		case float64:
			f = v
		default:
			continue
		}
		if f >= 0 {
			return &f
		}
	}
	return nil
}
