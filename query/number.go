package query

import (
	"cmp"
	"math"
)

// orderNumbers compares int64s and float64s by their exact values.
func orderNumbers(a, b any) (sign int, ok bool) {
	switch a := a.(type) {
	case int64:
		switch b := b.(type) {
		case int64:
			return cmp.Compare(a, b), true
		case float64:
			return orderMixed(a, b), true
		}
	case float64:
		switch b := b.(type) {
		case int64:
			return -orderMixed(b, a), true
		case float64:
			return cmp.Compare(a, b), true
		}
	}
	return 0, false
}

// orderMixed compares without rounding: float64(n) may be another number.
func orderMixed(n int64, f float64) int {
	switch {
	case f >= 1<<63:
		return -1
	case f < -(1 << 63):
		return 1
	}
	whole := math.Floor(f)
	if sign := cmp.Compare(n, int64(whole)); sign != 0 || whole == f {
		return sign
	}
	return -1 // n equals the floor of f, and f is past it
}
