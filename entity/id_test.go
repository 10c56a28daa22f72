package entity_test

import (
	"bytes"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"stemma/entity"
)

// idPattern is the expression that clients of the specification use
// (arke-notes 1.3).
var idPattern = regexp.MustCompile(`^(?:II[0-9A-HJKMNP-TV-Z]{24}|[FC][0-9A-HJKMNP-TV-Z]{25}|[0-9A-HJKMNP-TV-Z]{26})$`)

func TestParseID(t *testing.T) {
	for id, network := range map[string]entity.Network{
		"01JH8Z0Y6V5RZ4Q8Q9V4T2W3XK": entity.Main,
		"00000000000000000000000000": entity.Main,
		"ZZZZZZZZZZZZZZZZZZZZZZZZZZ": entity.Main, // past the last ULID, but of the form
		"F1JH8Z0Y6V5RZ4Q8Q9V4T2W3XK": entity.Main,
		"C1JH8Z0Y6V5RZ4Q8Q9V4T2W3XK": entity.Main,
		"IIKHM05BX9NKE0S24TZCDKWFDF": entity.Test, // seen in the wild, arke-notes 1.3
		"II000000000000000000000000": entity.Test,
	} {
		got, err := entity.ParseID(id)
		if err != nil || string(got) != id || got.Network() != network || !idPattern.MatchString(id) {
			t.Errorf("ParseID(%s) = %s of %s, %v; want it, of %s", id, got, got.Network(), err, network)
		}
	}
}

func TestParseIDRefuses(t *testing.T) {
	for _, id := range []string{
		"", "*", "01JH8Z0Y6V5RZ4Q8Q9V4T2W3X", "01JH8Z0Y6V5RZ4Q8Q9V4T2W3XKK",
		"01jh8z0y6v5rz4q8q9v4t2w3xk", // lower case
		"01JH8Z0Y6V5RZ4Q8Q9V4T2W3XI", "01JH8Z0Y6V5RZ4Q8Q9V4T2W3XL", "01JH8Z0Y6V5RZ4Q8Q9V4T2W3XO", "01JH8Z0Y6V5RZ4Q8Q9V4T2W3XU",
		"I1JH8Z0Y6V5RZ4Q8Q9V4T2W3XK", "1IJH8Z0Y6V5RZ4Q8Q9V4T2W3XK", "IIIH8Z0Y6V5RZ4Q8Q9V4T2W3XK", "IIII8Z0Y6V5RZ4Q8Q9V4T2W3XK",
		"01JH8Z0Y6V5RZ4Q8Q9V4T2W3X ", "01JH8Z0Y6V5RZ4Q8Q9V4T2W3-K", "01JH8Z0Y6V5RZ4Q8Q9V4T2W3é",
		"01JH8Z0Y6V5RZ4Q8Q9V4T2W3X\x00", "01JH8Z0Y6V5RZ4Q8Q9V4T2W3X\xff", strings.Repeat("A", 100_000),
	} {
		got, err := entity.ParseID(id)
		if entity.KindOf(err) != entity.KindInvalid || err == nil || got != "" || idPattern.MatchString(id) {
			t.Errorf("ParseID(%.40q) = %q, %v; want KindInvalid", id, got, err)
		}
		if err != nil && len(err.Error()) > 400 {
			t.Errorf("the message repeats %d bytes of what a stranger sent", len(err.Error()))
		}
	}
}

func TestIDSource(t *testing.T) {
	at := time.UnixMilli(1795330800000)
	src := entity.NewIDSource(func() time.Time { return at }, rand.NewChaCha8([32]byte{1}))
	var ids []entity.ID
	for range 1000 {
		ids = append(ids, src.New(entity.Main))
	}
	if !slices.IsSorted(ids) || len(slices.Compact(slices.Clone(ids))) != len(ids) {
		t.Error("identifiers of one millisecond do not ascend")
	}
	for _, n := range []entity.Network{entity.Main, entity.Test} {
		id := src.New(n)
		if got, err := entity.ParseID(string(id)); err != nil || got.Network() != n {
			t.Errorf("minted %s for %s: %v", id, n, err)
		}
	}
	if main, test := string(ids[0]), string(src.New(entity.Test)); main[2:10] != test[2:10] || !strings.HasPrefix(test, "II") {
		t.Errorf("test id %s is not the ULID of the moment, like %s, with II in front", test, main)
	}
	again := entity.NewIDSource(func() time.Time { return at }, rand.NewChaCha8([32]byte{1}))
	if id := again.New(entity.Main); id != ids[0] {
		t.Errorf("the same clock and randomness gave %s and %s", ids[0], id)
	}
}

// Law: a source is safe for concurrent use and never repeats itself.
func TestIDSourceConcurrent(t *testing.T) {
	src := entity.NewIDSource(time.Now, bytes.NewReader(bytes.Repeat([]byte{7, 11, 13}, 1<<20)))
	minted := make([][]entity.ID, 8)
	var wg sync.WaitGroup
	for i := range minted {
		wg.Go(func() {
			for range 500 {
				minted[i] = append(minted[i], src.New(entity.Main))
			}
		})
	}
	wg.Wait()
	all := slices.Concat(minted...)
	slices.Sort(all)
	if n := len(slices.Compact(all)); n != 8*500 {
		t.Errorf("%d distinct identifiers out of %d", n, 8*500)
	}
}
