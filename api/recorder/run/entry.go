package run

import (
	"bytes"
	"encoding/hex"
	"errors"
	"iter"
	"sync"

	"stemma/entity"
)

// Types of entities, and the chain of a run.
const (
	Type        = "run"
	TypeSession = "session"
	Chain       = "steps"
)

// Predicates of a run.
const (
	PredicateAgent   entity.Predicate = "agent"
	PredicateSession entity.Predicate = "session"
)

// Kind is what a block of the chain tells of.
type Kind string

// The kinds.
const (
	KindStart   Kind = "start"
	KindStep    Kind = "step"
	KindTool    Kind = "tool"
	KindContext Kind = "context"
	KindEnd     Kind = "end"
)

// Status of a run.
const (
	Running   = "running"
	Completed = "completed"
	Failed    = "failed"
	TimedOut  = "timeout"
)

// The words of the specification.
var (
	Triggers     = []string{"api", "schedule", "webhook", "manual", "auto"}
	StepTypes    = []string{"reasoning", "tool_call", "retrieval", "action", "error", "completion"}
	ToolStatuses = []string{"success", "error", "timeout"}
	EndStatuses  = []string{Completed, Failed, TimedOut}
)

// Entry is a block of the chain, read. Which members are there depends on its
// kind; nil is what was not given.
type Entry struct {
	N    int64      `cbor:"-"`
	TS   int64      `cbor:"-"` // when it arrived, ms since 1970
	CID  entity.CID `cbor:"-"`
	Kind Kind       `cbor:"kind"`
	At   *int64     `cbor:"at"` // when it happened, where the client said, ms since 1970

	Sequence int64 `cbor:"sequence"` // of a step, from 1
	Steps    int64 `cbor:"steps"`    // of any other: how many steps came before it
	Step     int64 `cbor:"step"`     // of a tool or context: the step it belongs to, 0 for none

	TraceID      string `cbor:"trace_id"` // W3C trace context, in hexadecimal
	SpanID       string `cbor:"span_id"`
	ParentSpanID string `cbor:"parent_span_id"`
	Started      *int64 `cbor:"started_at"` // of an end that tells when the run began, ms since 1970

	Trigger   string    `cbor:"trigger_type"`
	Agent     string    `cbor:"agent"`
	AgentID   entity.ID `cbor:"agent_id"`
	SessionID entity.ID `cbor:"session_id"`

	StepType   string         `cbor:"step_type"`
	Input      *string        `cbor:"input"`
	Output     *string        `cbor:"output"`
	Reasoning  *string        `cbor:"reasoning"`
	DurationMS *float64       `cbor:"duration_ms"`
	Tokens     *float64       `cbor:"tokens_used"`
	CostCents  *float64       `cbor:"cost_cents"`
	Model      string         `cbor:"model"`
	Provider   string         `cbor:"provider"`
	ErrorType  string         `cbor:"error_type"`
	Error      string         `cbor:"error_message"`
	Metadata   map[string]any `cbor:"metadata"`
	Usage      map[string]any `cbor:"usage"`
	ToolCalls  []any          `cbor:"tool_calls"`
	Request    any            `cbor:"request"`
	Response   any            `cbor:"response"`
	Partial    string         `cbor:"partial"` // why what is recorded is not all there was
	Failed     bool           `cbor:"failed"`  // there is an error message, or was
	Made       bool           `cbor:"made"`    // a step that a tool call was given, as there was none

	Tool         string  `cbor:"tool_name"`
	Status       string  `cbor:"status"`
	Arguments    any     `cbor:"arguments"`
	Result       any     `cbor:"result"`
	TargetSystem *string `cbor:"target_system"`

	SystemPrompt *string  `cbor:"system_prompt"`
	Instructions []any    `cbor:"active_instructions"`
	Documents    []any    `cbor:"retrieved_documents"`
	TotalTokens  *float64 `cbor:"total_tokens"`
	TotalCost    *float64 `cbor:"total_cost_cents"`

	Content *Content  `cbor:"content"` // where the content is; nil of an entry that has none, or from before it had a block of its own
	Gone    *Deletion `cbor:"-"`       // the content was deleted
	Salt    string    `cbor:"salt"`    // of the content
}

// block is a chain block whose body is an entry, or the content of one.
type block struct {
	ID    entity.ID    `cbor:"id"`
	Chain string       `cbor:"chain"`
	N     int64        `cbor:"n"`
	TS    int64        `cbor:"ts"`
	Prev  *entity.Link `cbor:"prev"`
	Body  *Entry       `cbor:"body"`
}

// Time is when it happened, ms since 1970.
func (e *Entry) Time() int64 {
	if e.At != nil {
		return *e.At
	}
	return e.TS
}

// Hash is the digest of the block in hexadecimal.
func (e *Entry) Hash() string { return HashOf(e.CID) }

// Began is when the run of a chain began, ms since 1970: as its end says, which
// may know of earlier than the start that was recorded, else as its start does.
func Began(all []*Entry) int64 {
	if last := all[len(all)-1]; last.Started != nil {
		return *last.Started
	}
	return all[0].Time()
}

// HashOf is the digest of a block in hexadecimal.
func HashOf(c entity.CID) string {
	d, _ := entity.DigestOf(c)
	return hex.EncodeToString(d[:])
}

// StepsSoFar is how many steps there are up to the entry, itself included.
func (e *Entry) StepsSoFar() int64 { return max(e.Sequence, e.Steps) }

func decode(raw []byte, c entity.CID) (*Entry, entity.CID, error) {
	e := new(Entry)
	b := block{Body: e}
	if err := entity.DecodeBlock(raw, &b); err != nil {
		return nil, entity.CID{}, entity.Internal("run.decode", err)
	}
	e.N, e.TS, e.CID = b.N, b.TS, c
	prev := entity.CID{}
	if b.Prev != nil {
		prev = b.Prev.CID
	}
	return e, prev, nil
}

// Last is the newest entry of a run's chain. KindNotFound where there is none.
func Last(r entity.Reader, id entity.ID) (*Entry, error) {
	head, err := r.ChainHead(id, Chain)
	if err != nil {
		return nil, err
	}
	if head.N == 0 {
		return nil, entity.NotFound("run.Last", "run %s has nothing recorded", Name(id))
	}
	return (&contents{r: r, id: id}).entry(head.CID)
}

// Bare yields a run's chain from its last entry back, without content.
func Bare(r entity.Reader, id entity.ID) iter.Seq2[*Entry, error] {
	return func(yield func(*Entry, error) bool) {
		head, err := r.ChainHead(id, Chain)
		for at := head.CID; err == nil && at.Defined(); {
			var raw []byte
			var e *Entry
			if raw, err = r.Block(at); err == nil {
				e, at, err = decode(raw, at)
			}
			if err == nil && !yield(e, nil) {
				return
			}
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

// bare is an entry without its content.
func bare(r entity.Chains, c entity.CID) (*Entry, error) {
	raw, err := r.Block(c)
	if err != nil {
		return nil, err
	}
	e, _, err := decode(raw, c)
	return e, err
}

// Open is the entry of a run that is in a block. KindNotFound.
func Open(r entity.Reader, id entity.ID, c entity.CID) (*Entry, error) {
	return (&contents{r: r, id: id}).entry(c)
}

func (c *contents) entry(at entity.CID) (*Entry, error) {
	e, err := bare(c.r, at)
	if err == nil {
		err = c.fill(e)
	}
	return e, err
}

// At is the entry at a place of the chain. KindNotFound where there is none.
func At(r entity.Reader, id entity.ID, n int64) (*Entry, error) {
	for ref, err := range r.Chain(id, Chain, n) {
		if err != nil {
			return nil, err
		}
		if ref.N != n {
			break
		}
		return (&contents{r: r, id: id}).entry(ref.CID)
	}
	return nil, entity.NotFound("run.At", "run %s has no entry %d", Name(id), n)
}

// Entries yields a run's chain from a place on.
func Entries(r entity.Reader, id entity.ID, from int64) iter.Seq2[*Entry, error] {
	return func(yield func(*Entry, error) bool) {
		c := contents{r: r, id: id}
		for ref, err := range r.Chain(id, Chain, from) {
			var e *Entry
			if err == nil {
				e, err = c.entry(ref.CID)
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// All is a run's whole chain, read along the links from its head: in a
// transaction that need not then be run by the committer as one that scans.
func All(r entity.Reader, id entity.ID) ([]*Entry, error) {
	head, err := r.ChainHead(id, Chain)
	if err != nil || head.N == 0 {
		return nil, err
	}
	out := make([]*Entry, head.N)
	c := contents{r: r, id: id}
	at := head.CID
	for n := head.N; n > 0; n-- {
		raw, err := r.Block(at)
		if err != nil {
			return nil, err
		}
		e, prev, err := decode(raw, at)
		if err == nil {
			err = c.fill(e)
		}
		if err != nil {
			return nil, err
		}
		out[n-1], at = e, prev
	}
	return out, nil
}

// Read is [All] for a view of a committed state: blocks are read in order and
// decoded on all cores, as replays of long runs wait for it.
func Read(r entity.Reader, id entity.ID) ([]*Entry, error) {
	raw, err := readRaw(r, id)
	if err != nil {
		return nil, err
	}
	c := contents{r: r, id: id}
	out := make([]*Entry, len(raw))
	if err := shared(len(raw), func(i int) (err error) {
		if out[i], _, err = decode(raw[i].block, raw[i].cid); err == nil && raw[i].content != nil {
			err = raw[i].content.into(out[i])
		}
		return err
	}); err != nil {
		return nil, err
	}
	for i, e := range out {
		if raw[i].content != nil {
			continue
		}
		if err := c.fill(e); err != nil { // as a rule it is gone
			return nil, err
		}
	}
	return out, nil
}

// rawEntry is an entry's block, with that of its content where that is the one
// which the chain of contents has next, or had last.
type rawEntry struct {
	cid     entity.CID
	block   []byte
	content *opened
}

// readRaw reads both chains side by side: in the order in which they were written,
// which the store reads at a fraction of what looking each block up takes.
func readRaw(r entity.Reader, id entity.ID) (all []rawEntry, err error) {
	var refs []entity.ChainRef
	for ref, err := range r.Chain(id, entity.ChainContent, 1) {
		if err != nil {
			return nil, err
		}
		refs = append(refs, ref)
	}
	var last entity.CID
	var content *opened // of last; nil: it is gone
	for ref, err := range r.Chain(id, Chain, 1) {
		if err != nil {
			return nil, err
		}
		block, err := r.Block(ref.CID)
		if err != nil {
			return nil, err
		}
		entry := rawEntry{cid: ref.CID, block: block}
		switch {
		case len(refs) > 0 && names(block, refs[0].CID):
			last, refs, content = refs[0].CID, refs[1:], nil
			raw, err := r.Block(last)
			if err != nil && entity.KindOf(err) != entity.KindNotFound {
				return nil, err
			}
			if err == nil {
				content = &opened{raw: raw}
			}
			entry.content = content
		case last.Defined() && names(block, last):
			entry.content = content
		}
		all = append(all, entry)
	}
	return all, nil
}

// names tells whether a block has a link to another.
func names(block []byte, c entity.CID) bool {
	d, _ := entity.DigestOf(c)
	return bytes.Contains(block, d[:])
}

// shared runs fn for each of n things on all cores.
func shared(n int, fn func(i int) error) error {
	const share = 512
	failed := make([]error, n/share+1)
	var group sync.WaitGroup
	for from := 0; from < n; from += share {
		group.Go(func() {
			for i := from; i < min(from+share, n) && failed[from/share] == nil; i++ {
				failed[from/share] = fn(i)
			}
		})
	}
	group.Wait()
	return errors.Join(failed...)
}
