package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"

	"stemma/entity"
)

// ack is one version that a server said it had written.
type ack struct {
	ID  entity.ID `json:"id"`
	CID string    `json:"cid"`
	Ver int64     `json:"ver"` // 0 where the answer does not say
}

// answer is what any write of the load answers.
type answer struct {
	ack
	Source, Target, Folder, Child *ack
	Results                       []ack
}

func (a *answer) acks() (all []ack) {
	for _, one := range append([]*ack{&a.ack, a.Source, a.Target, a.Folder, a.Child}, pointers(a.Results)...) {
		if one != nil && one.ID != "" {
			all = append(all, *one)
		}
	}
	return all
}

func pointers(list []ack) (out []*ack) {
	for i := range list {
		out = append(out, &list[i])
	}
	return out
}

// owned is an entity that one worker alone writes to, so that none of its
// writes may lose a race. An unanswered write leaves it unknown: the audit of
// the store says where it stands.
type owned struct {
	id      entity.ID
	tip     string
	deleted bool
	related bool // to the other one of a pair
}

// load is what many clients do to one network, over the rounds of a test.
type load struct {
	network entity.Network
	seed    uint64

	mu    sync.Mutex
	acked []ack         // of all rounds
	fresh int           // acked before this one are of earlier rounds
	grown chan struct{} // closed as acked grows
	wrong []string      // answers that there should not be

	signed int64 // changes under the last checkpoint

	hot    []entity.ID
	cold   [coldWorkers][]*owned
	pairs  [pairWorkers][2]*owned
	folder *owned
	child  int
}

const (
	coldWorkers = 6
	pairWorkers = 3
	hotWorkers  = 4
)

func (l *load) fail(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wrong = append(l.wrong, fmt.Sprintf(format, args...))
}

func (l *load) record(acks []ack) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acked = append(l.acked, acks...)
	close(l.grown)
	l.grown = make(chan struct{})
}

// progress is how much has been acknowledged, and a channel closed by more.
func (l *load) progress() (int, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acked) - l.fresh, l.grown
}

// client is one connection's worth of load.
type client struct {
	*load
	http *http.Client
	url  string
	rnd  *rand.Rand
}

// gone is the answer of a server that is not there any more.
const gone = 0

// send gives the answer's status, or gone. What was acknowledged is recorded
// before it returns.
func (c *client) send(ctx context.Context, method, path string, body any, out *answer) int {
	payload, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.url+path, bytes.NewReader(payload))
	if err != nil {
		panic(err)
	}
	req.Header.Set("Authorization", "ApiKey "+testKey)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Arke-Network", string(c.network))
	res, err := c.http.Do(req)
	if err != nil {
		return gone
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return gone // half an answer acknowledges nothing
	}
	*out = answer{}
	if res.StatusCode >= 300 {
		if res.StatusCode >= 500 && res.StatusCode != http.StatusServiceUnavailable {
			c.fail("%s %s answered %d %s", method, path, res.StatusCode, text)
		}
		return res.StatusCode
	}
	if err := json.Unmarshal(text, out); err != nil {
		c.fail("%s %s answered %d with %q: %v", method, path, res.StatusCode, text, err)
		return gone
	}
	if method != http.MethodGet {
		c.record(out.acks())
	}
	return res.StatusCode
}

// must is send for a write that nothing can be in the way of. It tells whether
// to go on.
func (c *client) must(ctx context.Context, method, path string, body any, out *answer) bool {
	status := c.send(ctx, method, path, body, out)
	if status >= 300 {
		c.fail("%s %s of the only writer answered %d", method, path, status)
	}
	return status != gone && status < 300
}

type fields = map[string]any

// run keeps all workers busy until the server is gone.
func (l *load) run(ctx context.Context, url string, round int) {
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	defer transport.CloseIdleConnections()
	var wg sync.WaitGroup
	n := uint64(0)
	begin := func(work func(*client, context.Context)) {
		n++
		c := &client{load: l, http: &http.Client{Transport: transport}, url: url, rnd: rand.New(rand.NewPCG(l.seed, uint64(round)<<16|n))}
		wg.Go(func() { work(c, ctx) })
	}
	for i := range coldWorkers {
		begin(func(c *client, ctx context.Context) { c.editCold(ctx, &l.cold[i]) })
	}
	for i := range pairWorkers {
		begin(func(c *client, ctx context.Context) { c.relatePair(ctx, i) })
	}
	seeded := make(chan struct{})
	begin(func(c *client, ctx context.Context) {
		defer close(seeded)
		c.seedHot(ctx)
	})
	for range hotWorkers {
		begin(func(c *client, ctx context.Context) { c.editHot(ctx, seeded) })
	}
	begin((*client).fillFolder)
	begin((*client).createBatches)
	wg.Wait()
}
