package auth

import (
	"sync"
	"time"

	"stemma/api/auth/external"
	"stemma/entity"
)

// stage is how far somebody has come who signs in.
type stage int

const (
	begun    stage = iota // at the issuer
	returned              // and back from it
)

// way is somebody on the way to an issuer and back.
type way struct {
	stage    stage
	browser  digest // of the secret that its browser has
	until    time.Time
	network  entity.Network
	carried  Carried
	proof    external.Proof
	identity external.Identity // once returned
	giveBack func()            // the try that it took
}

// mostWays bounds who may be on the way at a time; the next one ends the oldest.
// Each takes some hundred bytes, and what it carries.
const mostWays = 8192

// ways are those on the way, by the digest of a secret that is good for one step.
// They are in memory alone: who is on the way when the server ends begins again.
type ways struct {
	mu    sync.Mutex
	by    map[digest]*way
	order []digest // oldest first; may name some that are gone
}

func (w *ways) put(secret string, one *way, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.by == nil {
		w.by = map[digest]*way{}
	}
	for len(w.order) > 0 {
		oldest := w.by[w.order[0]]
		if oldest != nil && now.Before(oldest.until) && len(w.order) < mostWays {
			break
		}
		delete(w.by, w.order[0])
		w.order = w.order[1:]
	}
	d := digestOf(secret)
	w.by[d] = one
	w.order = append(w.order, d)
}

// take ends a step: the secret is good once, in its browser and its time, and in
// the end on its network. nil for any other; whoever has not the browser's secret
// uses nothing up.
func (w *ways) take(secret, browser string, at stage, on entity.Network, now time.Time) *way {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := digestOf(secret)
	one := w.by[d]
	if one == nil || one.stage != at || !same(one.browser, digestOf(browser)) || at == returned && one.network != on {
		return nil
	}
	delete(w.by, d)
	if !now.Before(one.until) {
		return nil
	}
	return one
}
