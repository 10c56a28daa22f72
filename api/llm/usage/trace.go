package usage

import (
	"bytes"
	"encoding/binary"
	"strings"
	"time"

	"stemma/api/llm/runs"
	"stemma/api/llm/seal"
	"stemma/entity"
)

func accountScope(account string) (Scope, bool) {
	if key, ok := strings.CutPrefix(account, "key/"); ok {
		return keyScope(key), true
	}
	id, ok := strings.CutPrefix(account, "tenant/")
	return Tenant(entity.ID(id)), ok
}

// Trace is a call in a list.
type Trace struct {
	ID               entity.ID `json:"id"`
	Tenant           entity.ID `json:"tenant_id,omitempty"`
	Agent            entity.ID `json:"agent_id,omitempty"`
	AgentName        string    `json:"agent_name,omitempty"`
	Status           string    `json:"status"`
	StatusCode       int64     `json:"status_code"`
	Model            string    `json:"model"`
	Provider         string    `json:"provider"`
	Latency          *float64  `json:"latency_ms"`
	TTFB             *float64  `json:"ttfb_ms"`
	Overhead         *float64  `json:"gateway_overhead_ms"`
	PromptTokens     *int64    `json:"prompt_tokens"`
	CompletionTokens *int64    `json:"completion_tokens"`
	CostUSD          *float64  `json:"cost_usd" doc:"null when the model had no price"`
	Error            string    `json:"error,omitempty"`
	Created          string    `json:"created_at"`
}

// TraceOf describes a run.
func TraceOf(m *entity.Manifest) *Trace {
	p := m.Properties
	t := &Trace{
		ID: m.ID, Tenant: tenantOf(m), Status: text(p, "status"), Model: text(p, "model"), Provider: text(p, "provider"), Error: text(p, "error"),
		Latency: optional(p, "latency_ms"), TTFB: optional(p, "ttfb_ms"), Overhead: optional(p, "overhead_ms"), CostUSD: optional(p, "cost_usd"),
		PromptTokens: optionalInt(p, "prompt_tokens"), CompletionTokens: optionalInt(p, "completion_tokens"), Created: text(p, "started_at"),
	}
	if n := optionalInt(p, "status_code"); n != nil {
		t.StatusCode = *n
	}
	if t.Created == "" {
		t.Created = m.CreatedAt
	}
	for _, r := range m.Relationships {
		if r.Predicate == runs.PredicateAgent {
			t.Agent, t.AgentName = r.Peer, r.PeerLabel
		}
	}
	return t
}

func optional(p entity.Properties, name string) *float64 {
	if f, ok := number(p[name]); ok {
		return &f
	}
	return nil
}

func optionalInt(p entity.Properties, name string) *int64 {
	if n, ok := p[name].(int64); ok {
		return &n
	}
	return nil
}

// Cursor is a place in a list of traces. nil is its beginning.
type Cursor []byte

const cursorLength = 8 + idLength

// ParseCursor reads a cursor from outside; ok is false for what is none.
func ParseCursor(b []byte) (Cursor, bool) { return b, len(b) == 0 || len(b) == cursorLength }

func cursorOf(m *entity.Manifest) []byte {
	at := m.TS
	if t, err := time.Parse(entity.TimeLayout, text(m.Properties, "started_at")); err == nil {
		at = t.UnixMilli()
	}
	c := binary.BigEndian.AppendUint64(nil, ^uint64(at))
	for _, b := range []byte(m.ID) {
		c = append(c, ^b)
	}
	return c
}

// Page bounds a look at a list.
type Page struct {
	After Cursor
	Limit int
	Sees  func(entity.Head) bool // which runs are shown; nil: all
}

// mostLooked bounds how many runs a page looks at that it may not show.
const mostLooked = 5000

// Traces are the calls of a scope, newest first, without those that are deleted.
// next is where to go on, nil at the end; a page may have fewer than asked for
// when most were not to be seen.
func Traces(r entity.Reader, s Scope, p Page) (out []*Trace, next Cursor, err error) {
	out = []*Trace{}
	prefix := listPrefix(s)
	from := append(bytes.Clone(prefix), p.After...)
	looked := 0
	for row, err := range r.Rows(name).Scan(prefix, from) {
		if err != nil {
			return nil, nil, err
		}
		tail := row.Key[len(prefix):]
		if bytes.Equal(tail, p.After) {
			continue // the last of the page before
		}
		if len(out) == p.Limit || looked == mostLooked {
			return out, next, nil
		}
		looked++
		next = append(next[:0], tail...)
		id := bytes.Clone(tail[8:])
		for i := range id {
			id[i] = ^id[i]
		}
		h, err := r.Head(entity.ID(id))
		if err != nil {
			return nil, nil, err
		}
		if h.Deleted || p.Sees != nil && !p.Sees(h) {
			continue
		}
		m, err := r.Manifest(h.CID())
		if err != nil {
			return nil, nil, err
		}
		out = append(out, TraceOf(m))
	}
	return out, nil, nil
}

// Detail is a call with all that was written down of it.
type Detail struct {
	Trace
	Run   entity.Properties `json:"run" doc:"the properties of its entity"`
	CID   string            `json:"cid" doc:"the version that pins the steps"`
	Steps []Step            `json:"steps"`
}

// Step is an entry of a run's chain.
type Step struct {
	N       int64             `json:"n"`
	CID     string            `json:"cid"`
	At      string            `json:"at"`
	Kind    string            `json:"kind"`
	Body    entity.Properties `json:"body"`
	Sealed  bool              `json:"sealed" doc:"its content is kept sealed"`
	Problem string            `json:"problem,omitempty" doc:"why what is sealed is not shown"`
}

// DetailOf is a run that the server has written; KindNotFound for anything else.
// box opens what is sealed: it is the tenant's, nil to leave it sealed.
func DetailOf(r entity.Reader, id entity.ID, box *seal.Box) (*Detail, error) {
	missing := entity.NotFound("usage.DetailOf", "there is no trace %s", id)
	h, err := r.Head(id)
	switch {
	case entity.KindOf(err) == entity.KindNotFound:
		return nil, missing
	case err != nil:
		return nil, err
	case h.Deleted || h.Type != runs.Type:
		return nil, missing
	}
	m, err := r.Manifest(h.CID())
	if err != nil {
		return nil, err
	}
	first, err := r.VersionAt(id, 1)
	if err != nil {
		return nil, err
	}
	if made, err := r.Manifest(first); err != nil || !ours(made) {
		if err == nil {
			err = missing
		}
		return nil, err
	}
	d := &Detail{Trace: *TraceOf(m), Run: m.Properties, CID: h.CID().String(), Steps: []Step{}}
	for ref, err := range r.Chain(id, runs.Chain, 1) {
		if err != nil {
			return nil, err
		}
		step, err := stepOf(r, id, ref, box)
		if err != nil {
			return nil, err
		}
		d.Steps = append(d.Steps, step)
	}
	return d, nil
}

func stepOf(r entity.Reader, id entity.ID, ref entity.ChainRef, box *seal.Box) (s Step, err error) {
	raw, err := r.Block(ref.CID)
	if err != nil {
		return s, err
	}
	var b entity.ChainBlock
	if err := entity.DecodeBlock(raw, &b); err != nil {
		return s, err
	}
	s = Step{N: ref.N, CID: ref.CID.String(), At: entity.FormatMillis(b.TS), Kind: text(b.Body, "kind"), Body: b.Body}
	if _, s.Sealed = b.Body["sealed"].([]byte); s.Sealed {
		content := map[string]any(nil)
		if box != nil {
			content, err = runs.Open(box, id, ref.N, b.Body)
		}
		switch {
		case box == nil:
			s.Problem = "its content is sealed, and opened for who may see it"
		case err != nil:
			s.Problem = "its content was sealed under another master key than the server has"
		}
		delete(b.Body, "sealed")
		for k, v := range content {
			b.Body[k] = v
		}
	}
	return s, nil
}
