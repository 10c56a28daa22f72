package main

import (
	"context"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"testing"
	"time"

	"stemma/entity"
)

// The law: what was acknowledged survives kill -9, whenever it comes, and what
// is on disk afterwards is a state that the server could have been in. One data
// directory goes through all rounds; STEMMA_CRASH_ROUNDS says how many, and
// STEMMA_CRASH_SEED repeats the choices of a run (not its scheduling).
func TestCrash(t *testing.T) {
	rounds := envNumber(t, "STEMMA_CRASH_ROUNDS", 5)
	seed := uint64(envNumber(t, "STEMMA_CRASH_SEED", int(time.Now().UnixNano())))
	t.Logf("STEMMA_CRASH_SEED=%d STEMMA_CRASH_ROUNDS=%d", seed, rounds)
	c := &crash{data: t.TempDir(), rnd: rand.New(rand.NewPCG(seed, 0))}
	for i, network := range []entity.Network{entity.Main, entity.Test} {
		c.loads = append(c.loads, &load{network: network, seed: seed + uint64(i), grown: make(chan struct{})})
	}
	c.cursors = make([]uint64, len(c.loads))
	for round := range rounds {
		if c.rnd.IntN(4) == 0 {
			c.dieOpening(t)
		}
		c.dieServing(t, round)
		for _, l := range c.loads {
			l.audit(t, c.data)
		}
		if t.Failed() {
			t.Fatalf("round %d", round)
		}
	}
	p := c.start(t)
	c.follow(t, p.url(t))
	p.stop(t)
	total := 0
	for _, l := range c.loads {
		total += len(l.acked)
	}
	if total < rounds {
		t.Errorf("%d writes were acknowledged in %d rounds: that proves nothing", total, rounds)
	}
	t.Logf("%d acknowledged writes survived", total)
}

func envNumber(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s=%s is not a whole number", name, text)
	}
	return n
}

// crash is a data directory with a history of crashes.
type crash struct {
	data    string
	rnd     *rand.Rand
	loads   []*load
	cursors []uint64 // of a follower of each network's feed
}

func (c *crash) start(t *testing.T) *process {
	t.Helper()
	return serve(t, c.data, "--bootstrap-key", testKey, "--log-level", "error")
}

// dieOpening kills a server that may not serve yet.
func (c *crash) dieOpening(t *testing.T) {
	p := c.start(t)
	select {
	case <-time.After(time.Duration(c.rnd.IntN(200)) * time.Millisecond): // the random moment
	case <-p.ended:
		t.Fatalf("the server ended by itself: %v\n%s", p.err, p.stderr)
	}
	p.kill()
}

// dieServing follows the feeds, puts load on a server and kills it some time
// after a random number of writes.
func (c *crash) dieServing(t *testing.T, round int) {
	p := c.start(t)
	url := p.url(t)
	c.follow(t, url)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan struct{})
	for _, l := range c.loads {
		l.fresh = len(l.acked)
		go func() {
			l.run(ctx, url, round)
			ended <- struct{}{}
		}()
	}
	c.awaitWrites(ctx, p, c.rnd.IntN(500))
	select {
	case <-time.After(time.Duration(c.rnd.IntN(3000)) * time.Microsecond): // anywhere between two answers
	case <-p.ended:
	}
	p.kill()
	for range c.loads {
		<-ended
	}
	if !p.killed() {
		t.Errorf("the server ended by itself: %v\n%s", p.err, p.stderr)
	}
	for _, l := range c.loads {
		for _, text := range l.wrong {
			t.Errorf("%s: %s", l.network, text)
		}
	}
}

// awaitWrites returns when n writes were acknowledged, or the server is gone.
func (c *crash) awaitWrites(ctx context.Context, p *process, n int) {
	for {
		total := 0
		var grown [2]<-chan struct{}
		for i, l := range c.loads {
			var count int
			count, grown[i] = l.progress()
			total += count
		}
		if total >= n {
			return
		}
		select {
		case <-grown[0]:
		case <-grown[1]:
		case <-p.ended:
			return
		case <-ctx.Done():
			return
		}
	}
}

// follow reads what the round before has added to the feeds.
func (c *crash) follow(t *testing.T, url string) {
	t.Helper()
	for i, l := range c.loads {
		c.cursors[i] = l.follow(t, url, c.cursors[i])
	}
	http.DefaultClient.CloseIdleConnections()
}
