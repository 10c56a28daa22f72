package entity_test

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"testing"

	"stemma/entity"
)

// Sums are what a map of places gives, whatever the order, and read back.
func TestSums(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		naive, sums := map[uint32]int64{}, entity.Sums(nil)
		for range rnd.IntN(6) {
			var more entity.Sums
			for place := range uint32(8) {
				if amount := rnd.Int64N(9) - 4; amount != 0 && rnd.IntN(2) == 0 {
					more = append(more, entity.Sum{Place: place << 29, Amount: amount})
					if naive[place<<29] += amount; naive[place<<29] == 0 {
						delete(naive, place<<29)
					}
				}
			}
			if rnd.IntN(2) == 0 {
				sums = sums.Plus(more)
			} else {
				sums = more.Plus(sums)
			}
		}
		back, err := entity.DecodeSums(sums.Encode())
		if err != nil {
			t.Fatal(err)
		}
		got := map[uint32]int64{}
		for _, s := range back {
			got[s.Place] = s.Amount
			if back.Of(s.Place) != s.Amount || s.Amount == 0 {
				t.Fatalf("%v in %d of %v", back.Of(s.Place), s.Place, back)
			}
		}
		if !maps.Equal(got, naive) || len(got) != len(back) || back.Of(7) != 0 {
			t.Fatalf("%v, want %v", back, naive)
		}
	}
}

func FuzzDecodeSums(f *testing.F) {
	f.Add([]byte{0, 2, 1, 4})
	f.Add([]byte{0, 0})
	f.Add([]byte{0, 2, 0, 2})
	f.Fuzz(func(t *testing.T, row []byte) {
		sums, err := entity.DecodeSums(row)
		if err != nil {
			return
		}
		again, err := entity.DecodeSums(sums.Encode())
		if err != nil || !bytes.Equal(again.Encode(), sums.Encode()) || len(again) != len(sums) {
			t.Errorf("%x is %v, and written %v, %v", row, sums, again, err)
		}
	})
}
