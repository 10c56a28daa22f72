package auth

import (
	"fmt"
	"testing"
	"time"

	"stemma/entity"
)

// No more are on the way than there is room for: the oldest ends, and who is too
// late makes room for others.
func TestWaysAreBounded(t *testing.T) {
	var w ways
	start := time.Unix(1_800_000_000, 0)
	put := func(name string, now time.Time) {
		w.put(name, &way{browser: digestOf("b"), until: now.Add(SignInLifetime), network: entity.Main}, now)
	}
	for i := range mostWays + 2 {
		put(fmt.Sprint(i), start)
	}
	if len(w.by) != mostWays || len(w.order) != mostWays {
		t.Fatalf("%d of %d", len(w.by), len(w.order))
	}
	for name, there := range map[string]bool{"0": false, "1": false, "2": true, fmt.Sprint(mostWays + 1): true} {
		if got := w.take(name, "b", begun, "", start); (got != nil) != there {
			t.Errorf("%s: %v", name, got)
		}
	}
	later := start.Add(SignInLifetime)
	if w.take("3", "b", begun, "", later) != nil {
		t.Error("who is too late comes in")
	}
	put("new", later)
	if len(w.by) != 1 || len(w.order) != 1 {
		t.Errorf("%d of %d are kept of those that are too late", len(w.by), len(w.order))
	}
}

// A secret is good for its step, in its browser; others use nothing up.
func TestWaysAreTakenOnce(t *testing.T) {
	var w ways
	now := time.Unix(1_800_000_000, 0)
	w.put("s", &way{browser: digestOf("b"), until: now.Add(time.Minute), network: entity.Main, stage: returned}, now)
	for name, got := range map[string]*way{
		"another step": w.take("s", "b", begun, "", now), "another browser": w.take("s", "c", returned, entity.Main, now), "no browser": w.take("s", "", returned, entity.Main, now),
		"another network": w.take("s", "b", returned, entity.Test, now), "another secret": w.take("t", "b", returned, entity.Main, now),
	} {
		if got != nil {
			t.Errorf("%s takes it", name)
		}
	}
	if w.take("s", "b", returned, entity.Main, now) == nil || w.take("s", "b", returned, entity.Main, now) != nil {
		t.Error("it is not taken once")
	}
}
