package entity

import (
	"encoding/binary"
)

// Sum is an amount in a place of a row of sums.
type Sum struct {
	Place  uint32
	Amount int64
}

// Sums are a row of sums: by ascending place, each place once, none of them 0.
// The zero value is an empty row.
type Sums []Sum

// Plus is the sum of two rows, place by place. Neither is changed.
func (s Sums) Plus(more Sums) Sums {
	out := make(Sums, 0, len(s)+len(more))
	for len(s) > 0 && len(more) > 0 {
		switch a, b := s[0], more[0]; {
		case a.Place < b.Place:
			out, s = append(out, a), s[1:]
		case a.Place > b.Place:
			out, more = append(out, b), more[1:]
		default:
			if a.Amount += b.Amount; a.Amount != 0 {
				out = append(out, a)
			}
			s, more = s[1:], more[1:]
		}
	}
	return append(append(out, s...), more...)
}

// Add is [Sums.Plus] into the row itself, which is the caller's, where it has all
// the places; what it gives is the row from then on.
func (s Sums) Add(more Sums) Sums {
	at := 0
	for _, m := range more {
		for at < len(s) && s[at].Place < m.Place {
			at++
		}
		if at == len(s) || s[at].Place != m.Place || s[at].Amount+m.Amount == 0 {
			return s.Plus(more)
		}
	}
	at = 0
	for _, m := range more {
		for s[at].Place < m.Place {
			at++
		}
		s[at].Amount += m.Amount
	}
	return s
}

// Of is the amount in a place.
func (s Sums) Of(place uint32) int64 {
	for _, sum := range s {
		if sum.Place >= place {
			if sum.Place == place {
				return sum.Amount
			}
			break
		}
	}
	return 0
}

// Encode is a row's value: for each place its distance from the one before, from
// 0 for the first, as a uvarint, and the amount as a varint.
func (s Sums) Encode() []byte {
	out := make([]byte, 0, 4*len(s))
	last := uint32(0)
	for _, sum := range s {
		out = binary.AppendUvarint(out, uint64(sum.Place-last))
		out = binary.AppendVarint(out, sum.Amount)
		last = sum.Place
	}
	return out
}

// EachSum calls fn for each place of a row's value. KindInternal for what is no
// value of [Sums.Encode].
func EachSum(row []byte, fn func(place uint32, amount int64)) error {
	place := uint64(0)
	for first := true; len(row) > 0; first = false {
		step, n := binary.Uvarint(row)
		if n <= 0 || step == 0 && !first || step > 1<<32-1-place {
			return Errorf(KindInternal, "entity.EachSum", "the value is no row of sums")
		}
		amount, m := binary.Varint(row[n:])
		if m <= 0 || amount == 0 {
			return Errorf(KindInternal, "entity.EachSum", "the value is no row of sums")
		}
		place += step
		row = row[n+m:]
		fn(uint32(place), amount)
	}
	return nil
}

// DecodeSums reads a row's value, as [EachSum] does.
func DecodeSums(row []byte) (s Sums, err error) {
	s = make(Sums, 0, len(row)/3+1)
	err = EachSum(row, func(place uint32, amount int64) { s = append(s, Sum{place, amount}) })
	return s, err
}
