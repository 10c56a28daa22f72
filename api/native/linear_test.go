package native_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// How large the history is.
const (
	casClients  = 8
	casEntities = 3
	casRounds   = 30 // of each client
)

// casCall is one request: a read of a tip, or a swap of it.
type casCall struct {
	entity int
	expect string // "" of a read
}

// casAnswer is the tip that came back: the one there is, or the one made.
type casAnswer struct {
	won bool
	tip string
}

// casModel is a register with compare-and-swap for each entity. Its state is
// the tip, "" while nothing is known of it.
var casModel = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		parts := make([][]porcupine.Operation, casEntities)
		for _, op := range history {
			i := op.Input.(casCall).entity
			parts[i] = append(parts[i], op)
		}
		return parts
	},
	Init: func() any { return "" },
	Step: func(state, input, output any) (bool, any) {
		tip, in, out := state.(string), input.(casCall), output.(casAnswer)
		switch {
		case tip == "" && in.expect == "": // the first read says where it stood
			return true, out.tip
		case in.expect == "":
			return out.tip == tip, tip
		case in.expect != tip: // lost: the answer names the tip there is
			return !out.won && out.tip == tip, tip
		}
		return out.won, out.tip
	},
	DescribeOperation: func(input, output any) string {
		in, out := input.(casCall), output.(casAnswer)
		return fmt.Sprintf("entity %d expect %.12s: won %t, %.12s", in.entity, in.expect, out.won, out.tip)
	},
}

// There is one order of all requests, each at a moment between its sending and
// its answer, in which every answer is right: the tips of entities are
// linearizable. And no update is lost: an entity has one version for each edit
// that was answered 200.
func TestUpdatesAreLinearizable(t *testing.T) {
	w := newRig(t, rigOptions{})
	server := httptest.NewServer(w)
	defer server.Close()
	c := &casRace{url: server.URL, client: server.Client()}
	for i := range c.ids {
		c.ids[i], _ = w.create(t, object{"type": "register", "properties": object{"n": 0}})
		c.ask(t, casClients, casCall{entity: i}) // before all others: the model begins with it
	}
	var clients sync.WaitGroup
	for client := range casClients {
		clients.Go(func() { c.run(t, client) })
	}
	clients.Wait()
	if t.Failed() {
		return
	}
	switch porcupine.CheckOperationsTimeout(casModel, c.history, 30*time.Second) {
	case porcupine.Illegal:
		t.Errorf("no order of these %d requests explains their answers", len(c.history))
		for _, op := range c.history {
			t.Logf("client %d, %d to %d: %s", op.ClientId, op.Call, op.Return, casModel.DescribeOperation(op.Input, op.Output))
		}
	case porcupine.Unknown:
		t.Error("the checker found no verdict in time; make the history smaller")
	}
	for i, id := range c.ids {
		e := w.must(t, 200, "GET", "/entities/"+id, nil)
		if got, want := fmt.Sprint(e["ver"]), fmt.Sprint(c.won[i].Load()+1); got != want {
			t.Errorf("entity %d is at version %s after %s-1 answered edits", i, got, want)
		}
		if got := fmt.Sprint(at(e, "properties", "n")); got != fmt.Sprint(c.won[i].Load()) {
			t.Errorf("entity %d counted to %s in %d answered edits", i, got, c.won[i].Load())
		}
	}
}

// casRace is clients that edit the same entities.
type casRace struct {
	url     string
	client  *http.Client
	ids     [casEntities]string
	won     [casEntities]atomic.Int64
	now     atomic.Int64 // orders calls and answers
	mu      sync.Mutex
	history []porcupine.Operation
}

// run is one client: it reads a tip, edits what it read, and when it lost
// tries again with the tip that the conflict names.
func (c *casRace) run(t *testing.T, client int) {
	rnd := rand.New(rand.NewPCG(1, uint64(client)))
	for range casRounds {
		i := rnd.IntN(casEntities)
		read, ok := c.ask(t, client, casCall{entity: i})
		for tries := 0; ok && tries < 3; tries++ {
			var out casAnswer
			if out, ok = c.ask(t, client, casCall{entity: i, expect: read.tip}); !ok || out.won {
				break
			}
			read = out
		}
		if !ok {
			return
		}
	}
}

// ask sends one request and writes it into the history.
func (c *casRace) ask(t *testing.T, client int, in casCall) (casAnswer, bool) {
	op := porcupine.Operation{ClientId: client, Input: in, Call: c.now.Add(1)}
	out, err := c.send(in)
	op.Output, op.Return = out, c.now.Add(1)
	if err != nil {
		t.Error(err)
		return out, false
	}
	c.mu.Lock()
	c.history = append(c.history, op)
	c.mu.Unlock()
	return out, true
}

func (c *casRace) send(in casCall) (casAnswer, error) {
	if in.expect == "" {
		status, body, err := c.request("GET", "/entities/"+c.ids[in.entity]+"/tip", nil)
		if err == nil && status != 200 {
			err = fmt.Errorf("tip: status %d: %v", status, body)
		}
		return casAnswer{tip: text(body["cid"])}, err
	}
	// Each edit counts on from the version it replaces, so that a lost one shows.
	status, body, err := c.request("GET", "/versions/manifest/"+in.expect, nil)
	if err != nil || status != 200 {
		return casAnswer{}, fmt.Errorf("manifest: status %d, %v: %v", status, err, body)
	}
	n, err := at(body, "manifest", "properties", "n").(json.Number).Int64()
	if err != nil {
		return casAnswer{}, err
	}
	status, body, err = c.request("PUT", "/entities/"+c.ids[in.entity], object{"expect_tip": in.expect, "properties": object{"n": n + 1}})
	switch {
	case err != nil:
		return casAnswer{}, err
	case status == 200:
		c.won[in.entity].Add(1)
		return casAnswer{won: true, tip: text(body["cid"])}, nil
	case status == 409:
		return casAnswer{tip: text(at(body, "details", "actual"))}, nil
	}
	return casAnswer{}, fmt.Errorf("edit: status %d: %v", status, body)
}

func (c *casRace) request(method, path string, body object) (int, object, error) {
	var sent io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return 0, nil, err
		}
		sent = bytes.NewReader(b)
	}
	r, err := http.NewRequest(method, c.url+path, sent)
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Authorization", "ApiKey "+ownerKey)
	res, err := c.client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	dec := json.NewDecoder(res.Body)
	dec.UseNumber()
	out := object{}
	return res.StatusCode, out, dec.Decode(&out)
}

func text(v any) string { s, _ := v.(string); return s }
