package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

const (
	recorders      = 16     // connections that record
	recordedBatch  = 100    // steps in a request
	recordedGoal   = 8_000  // steps a second, of the issue
	replayedSteps  = 10_000 // of the run that is replayed
	replayedGoal   = 100.0  // ms, of the issue
	replayedOften  = 30
	mostInOneBatch = 1000
)

// recorder is recording steps over HTTP, in batches, and replaying a long run.
func (r *runner) recorder(ctx context.Context) (results []Result, err error) {
	dir, done, err := r.scratch()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, done()) }()
	err = r.served(ctx, Child{Data: dir}, recorders, func(_ *process, conns []*conn) error {
		bodies := make([][]byte, len(conns))
		for w, c := range conns {
			name, err := startRun(c, fmt.Sprintf("bench-%d", w))
			if err != nil {
				return err
			}
			bodies[w] = stepBatch(name, recordedBatch)
		}
		rates, err := r.contest(ctx, r.Sizes.long(), crowd(len(conns), func(_ context.Context, w int) error {
			_, err := conns[w].must(201, "POST", "/api/v1/batch", bodies[w])
			return err
		}, nil))
		if err != nil {
			return err
		}
		for i := range rates[0] {
			rates[0][i] *= recordedBatch
		}
		results = append(results, bound(fmt.Sprintf("recording steps over HTTP, %d a request, %d connections", recordedBatch, recorders), "steps/s", rates[0], recordedGoal, Goal{AtLeast: 1, Text: "≥ 8,000/s"}))
		replay, err := replayLong(conns[0])
		results = append(results, replay)
		return err
	})
	return results, err
}

func startRun(c *conn, agent string) (name string, err error) {
	a, err := c.must(201, "POST", "/api/v1/batch", []byte(`{"records":[{"agent_name":"`+agent+`","run":{"trigger_type":"api","input":"a question"}}]}`))
	if err != nil {
		return "", err
	}
	var made struct {
		Records []struct {
			RunID string `json:"run_id"`
		}
	}
	if err := json.Unmarshal(a.body, &made); err != nil || len(made.Records) != 1 {
		return "", fmt.Errorf("bench: no run in %s: %w", a.body, err)
	}
	return made.Records[0].RunID, nil
}

// stepBatch is a request that records so many steps of a run.
func stepBatch(name string, n int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"records":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"run_id":%q,"step":{"step_type":"reasoning","input":"what comes after %d","output":"that would be %d","reasoning":"one more","duration_ms":12.5,"tokens_used":40,"metadata":{"model":"gpt-4o"}}}`, name, i, i+1)
	}
	b.WriteString(`]}`)
	return b.Bytes()
}

// replayLong measures the replay of a run of many steps that has ended.
func replayLong(c *conn) (Result, error) {
	name, err := startRun(c, "long")
	if err != nil {
		return Result{}, err
	}
	batch := stepBatch(name, mostInOneBatch)
	for range replayedSteps / mostInOneBatch {
		if _, err := c.must(201, "POST", "/api/v1/batch", batch); err != nil {
			return Result{}, err
		}
	}
	if _, err := c.must(200, "PATCH", "/api/v1/runs/"+name, []byte(`{"status":"completed","output":"done"}`)); err != nil {
		return Result{}, err
	}
	var took []time.Duration
	for range replayedOften {
		began := time.Now()
		a, err := c.must(200, "GET", "/api/monitoring/runs/"+name+"/replay", nil)
		if err != nil {
			return Result{}, err
		}
		took = append(took, time.Since(began))
		if n := bytes.Count(a.body, []byte(`"kind":"step"`)); n != replayedSteps {
			return Result{}, fmt.Errorf("bench: the replay has %d steps, want %d", n, replayedSteps)
		}
	}
	p50, p99 := percentile(took, 50), percentile(took, 99)
	return bound(fmt.Sprintf("replay of a run with %d steps", replayedSteps), "ms", []float64{millis(p50)}, replayedGoal, Goal{AtMost: 1, Text: "< 100 ms"}).
		also(true, fmt.Sprintf("99th percentile %.0f ms", millis(p99))), nil
}
