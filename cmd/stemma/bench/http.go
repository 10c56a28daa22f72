package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"stemma/entity"
)

// fetch is the phase of connections that ask for the paths that path gives.
func fetch(conns []*conn, path func() string) phase {
	return crowd(len(conns), func(_ context.Context, w int) error {
		_, err := conns[w].must(200, "GET", path(), nil)
		return err
	}, nil)
}

func always(path string) func() string { return func() string { return path } }

// put is updates over HTTP, of a server without search and of one whose search
// follows them.
func (r *runner) put(ctx context.Context) ([]Result, error) {
	results, err := r.putTo(ctx, false)
	if err != nil {
		return results, err
	}
	searched, err := r.putTo(ctx, true)
	for _, line := range searched {
		if !line.Goal.None() {
			line.What += ", with search"
			results = append(results, line)
		}
	}
	return results, err
}

func (r *runner) putTo(ctx context.Context, search bool) (results []Result, err error) {
	dir, done, err := r.scratch()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, done()) }()
	err = r.served(ctx, Child{Data: dir, Search: search}, writers, func(p *process, conns []*conn) error {
		edits, err := newRemoteEditors(conns, newProse())
		if err != nil {
			return err
		}
		rates, err := r.contest(ctx, r.Sizes.long(), crowd(writers, edits.edit, edits.note), fetch(conns, always(ConstantPath)), fetch(conns, always(PlainPath)))
		if err != nil {
			return err
		}
		if err := edits.verify(); err != nil {
			return err
		}
		results = edits.judge(rates)
		return nil
	})
	return results, err
}

// judge makes the lines of the row of the rates of updates, the constant and chi.
func (e *remoteEditors) judge(rates [][]float64) []Result {
	const (
		floor  = 5_000.0  // updates a second, never below,
		floor2 = 37_000.0 // where the constant answer does as many
	)
	updates := compare("PUT /entities/{id} with expect_tip, 1 KB, 64 connections", "/s", "constant 1 KB answer, same router", rates[0], rates[1], Goal{AtLeast: 0.2, Text: "≥ 0.2"})
	updates = updates.also(updates.Yardstick < floor2 || updates.Measured >= floor, "")
	took := slices.Concat(e.took...)
	p50, p99 := percentile(took, 50), percentile(took, 99)
	latency := bound("the same: 99th percentile of a PUT", "ms", []float64{millis(p99)}, 50, Goal{AtMost: 1, Text: "< 50 ms"}).
		also(true, fmt.Sprintf("median %.1f ms", millis(p50)))
	plain := compare("the constant answer through chi alone", "/s", "constant 1 KB answer, same router", rates[2], rates[1], Goal{})
	return []Result{updates, latency, plain}
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// remoteEditors are editors over HTTP, each with a connection and an entity of
// its own.
type remoteEditors struct {
	conns []*conn
	prose prose
	ids   []entity.ID
	tips  [][]byte
	done  []int64
	body  [][]byte
	took  [][]time.Duration
}

func newRemoteEditors(conns []*conn, p prose) (*remoteEditors, error) {
	n := len(conns)
	e := &remoteEditors{conns: conns, prose: p, done: make([]int64, n), body: make([][]byte, n), took: make([][]time.Duration, n)}
	for _, c := range conns {
		id, tip, err := create(c, p.properties())
		if err != nil {
			return nil, err
		}
		e.ids, e.tips = append(e.ids, id), append(e.tips, tip)
	}
	return e, nil
}

// create makes an entity over HTTP.
func create(c *conn, p entity.Properties) (id entity.ID, tip []byte, err error) {
	body, err := json.Marshal(map[string]any{"type": "note", "properties": p})
	if err != nil {
		return "", nil, err
	}
	a, err := c.must(201, "POST", "/entities", body)
	if err != nil {
		return "", nil, err
	}
	var made struct{ ID entity.ID }
	err = json.Unmarshal(a.body, &made)
	return made.ID, a.etag, err
}

// appendEdit is the body of an update.
func appendEdit(b, tip []byte, label, text string) []byte {
	b = append(append(b, `{"expect_tip":"`...), tip...)
	b = append(append(b, `","properties":{"label":"`...), label...)
	b = append(append(b, `","text":"`...), text...)
	return append(b, `"}}`...)
}

func (e *remoteEditors) edit(_ context.Context, w int) error {
	e.body[w] = appendEdit(e.body[w][:0], e.tips[w], "an entity", e.prose.text(textSize))
	a, err := e.conns[w].must(200, "PUT", "/entities/"+string(e.ids[w]), e.body[w])
	if err == nil {
		e.tips[w] = a.etag
		e.done[w]++
	}
	return err
}

func (e *remoteEditors) note(w int, took time.Duration) { e.took[w] = append(e.took[w], took) }

// verify makes sure that every update that was answered is a version.
func (e *remoteEditors) verify() error {
	for w, id := range e.ids {
		a, err := e.conns[w].must(200, "GET", "/entities/"+string(id), nil)
		if err != nil {
			return err
		}
		var now struct{ Ver int64 }
		if err := json.Unmarshal(a.body, &now); err != nil {
			return err
		}
		if now.Ver != e.done[w]+1 || string(a.etag) != string(e.tips[w]) {
			return fmt.Errorf("entity %s is at version %d after %d updates", id, now.Ver, e.done[w])
		}
	}
	return nil
}

// get is reads over HTTP of entities with 1 KB of properties.
func (r *runner) get(ctx context.Context) (results []Result, err error) {
	dir, done, err := r.scratch()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, done()) }()
	err = r.served(ctx, Child{Data: dir}, writers, func(p *process, conns []*conn) error {
		paths, err := r.paths(ctx, conns)
		if err != nil {
			return err
		}
		one := func() string { return paths[rand.IntN(len(paths))] }
		rates, err := r.contest(ctx, r.Sizes.long(), fetch(conns, one), fetch(conns, func() string { return one() + "/tip" }), fetch(conns, always(ConstantPath)))
		if err != nil {
			return err
		}
		note := "64 connections with a key, " + strconv.Itoa(len(paths)) + " entities of 1 KB"
		const against = "constant 1 KB answer, same router"
		results = []Result{
			compare("GET /entities/{id}", "/s", against, rates[0], rates[2], Goal{AtLeast: 0.5, Text: "≥ 0.5"}).also(true, note),
			compare("GET /entities/{id}/tip", "/s", against, rates[1], rates[2], Goal{AtLeast: 0.8, Text: "≥ 0.8"}),
		}
		return nil
	})
	return results, err
}

// paths creates the entities that are read.
func (r *runner) paths(ctx context.Context, conns []*conn) ([]string, error) {
	p := newProse()
	paths := make([]string, r.Sizes.Read)
	err := together(ctx, len(conns), func(_ context.Context, w int) error {
		for i := w; i < len(paths); i += len(conns) {
			id, _, err := create(conns[w], p.properties())
			if err != nil {
				return err
			}
			paths[i] = "/entities/" + string(id)
		}
		return nil
	})
	return paths, err
}
