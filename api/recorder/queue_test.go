package recorder_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"stemma/entity"
)

// holdCommits has the store commit nothing until release is called.
func (p *proxyRig) holdCommits(t *testing.T) (release func()) {
	t.Helper()
	held, let, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	runs := 0
	go func() {
		_, err := p.main().Update(t.Context(), entity.Actor{UserID: annID, Method: entity.MethodManual}, func(tx entity.Tx) error {
			for _, err := range tx.Rows("runs").Scan(nil, nil) { // so that the committer runs it
				if err != nil {
					return err
				}
			}
			if runs++; runs == 2 {
				close(held)
				<-let
			}
			return nil
		})
		done <- err
	}()
	<-held
	return func() {
		close(let)
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// transactions counts those after a change.
func (p *proxyRig) transactions(t *testing.T, after entity.Seq) (n int) {
	t.Helper()
	err := p.main().View(t.Context(), func(r entity.Reader) error {
		for _, err := range r.Log(after) {
			if err != nil {
				return err
			}
			n++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Calls that come while others are written are recorded together; one that cannot
// be takes none of them with it, and each caller's are that caller's.
func TestProxyRecordsTogether(t *testing.T) {
	p := newProxyRig(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"model":"m"}`) })
	const path = "/a/openai/v1/chat/completions"
	call := func(key string, headers ...string) {
		if resp, body := p.send(t, "POST", "/proxy/"+key+path, `{"model":"m"}`, headers...); resp.StatusCode != 200 {
			t.Fatalf("%d %s", resp.StatusCode, body)
		}
	}
	call(annKey) // makes the agent
	call(bobKey)
	p.service.Flush()
	for name, c := range map[string]struct {
		bad          []string // headers of one more
		transactions int      // at most: what the writer has at first, and the rest, of both callers
	}{"all can be": {nil, 4}, "one cannot": {[]string{"X-Arkna-Run-Id", "run_none"}, 11}} {
		before := p.main().Seq()
		release := p.holdCommits(t)
		for range 5 {
			call(annKey)
		}
		if c.bad != nil {
			call(annKey, c.bad...)
		}
		call(bobKey)
		for range 5 {
			call(annKey)
		}
		release()
		p.service.Flush()
		if n := p.transactions(t, before); n > c.transactions || n == 0 {
			t.Errorf("%s: %d transactions, want at most %d", name, n, c.transactions)
		}
		ended := map[entity.ID]int{}
		err := p.main().View(t.Context(), func(r entity.Reader) error {
			for rec, err := range r.Log(before) {
				if err != nil {
					return err
				}
				for _, change := range rec.Changes {
					if change.Type == "run" && change.Kind == entity.Created {
						ended[rec.Actor.UserID]++
					}
				}
			}
			return nil
		})
		if err != nil || ended[annID] != 10 || ended[bobID] != 1 || len(ended) != 2 {
			t.Errorf("%s: runs ended are %v, want 10 of Ann's and one of Bob's: %v", name, ended, err)
		}
	}
}

// The steps of a run that calls name are those calls in the order of their coming,
// also when more have come than one transaction takes.
func TestProxyKeepsTheOrderOfARun(t *testing.T) {
	p := newProxyRig(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"model":"m"}`) })
	name := p.start(t)
	const calls = 400
	release := p.holdCommits(t)
	for i := range calls {
		if resp, body := p.send(t, "POST", "/proxy/"+annKey+"/a/openai/v1/chat/completions", fmt.Sprintf(`{"model":"m","messages":[{"role":"user","content":"%d"}]}`, i), "X-Arkna-Run-Id", name); resp.StatusCode != 200 {
			t.Fatalf("%d %s", resp.StatusCode, body)
		}
	}
	release()
	p.service.Flush()
	steps := p.must(t, 200, "GET", "/api/monitoring/runs/"+name, "")["steps"].([]any)
	if len(steps) != calls {
		t.Fatalf("%d steps of %d calls", len(steps), calls)
	}
	for i, s := range steps {
		if at(s, "input") != fmt.Sprint(i) {
			t.Fatalf("step %d is call %v", i+1, at(s, "input"))
		}
	}
}

// A run that is ended while the last of its calls is under way has that call.
func TestEndWaitsForCalls(t *testing.T) {
	asked, answered, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	p := newProxyRig(t, func(w http.ResponseWriter, _ *http.Request) {
		close(asked)
		<-answered
		fmt.Fprint(w, `{"model":"m"}`)
	})
	name := p.start(t)
	var both sync.WaitGroup
	both.Go(func() {
		p.send(t, "POST", "/proxy/"+annKey+"/a/openai/v1/chat/completions", `{"model":"m","messages":[]}`, "X-Arkna-Run-Id", name)
	})
	<-asked
	both.Go(func() {
		defer close(ended)
		p.must(t, 200, "PATCH", "/api/v1/runs/"+name, `{"status":"completed"}`)
	})
	select {
	case <-ended:
		t.Error("it did not wait")
	case <-time.After(100 * time.Millisecond): // by when it would have been ended
	}
	close(answered)
	both.Wait()
	p.service.Flush()
	if steps := p.must(t, 200, "GET", "/api/monitoring/runs/"+name, "")["steps"].([]any); len(steps) != 1 {
		t.Errorf("the run has %d steps of one call", len(steps))
	}
}
