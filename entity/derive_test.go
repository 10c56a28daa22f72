package entity

import (
	"crypto/sha256"
	"testing"
)

// A derived identifier never changes, and is one of its network.
func TestDeriveID(t *testing.T) {
	sum := sha256.Sum256([]byte("ann"))
	for _, x := range []struct {
		network Network
		ms      int64
		want    ID
	}{
		{Main, 0, "0000000000968NW3BX9D02WC0Q"},
		{Main, 1_600_000_000_000, "01EJ3PX000968NW3BX9D02WC0Q"},
		{Main, 1<<48 - 1, "7ZZZZZZZZZ968NW3BX9D02WC0Q"},
		{Test, 0, "II00000000968NW3BX9D02WC0Q"},
	} {
		got := DeriveID(x.network, x.ms, sum)
		if _, err := ParseID(string(got)); err != nil || got != x.want || got.Network() != x.network {
			t.Errorf("%s %d: %s, want %s (%v)", x.network, x.ms, got, x.want, err)
		}
	}
}
