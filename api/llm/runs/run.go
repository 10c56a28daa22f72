package runs

import (
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"stemma/api/llm/seal"
	"stemma/entity"
)

// Words of a run's manifest and chain.
const (
	Type  = "run"
	Chain = "steps"

	PredicateAgent entity.Predicate = "agent"

	Completed = "completed"
	Failed    = "failed"
	Cancelled = "cancelled" // the caller went away
	TimedOut  = "timeout"
)

// Kind is what an entry of the chain tells of.
type Kind string

// The kinds.
const (
	Start   Kind = "start"
	Context Kind = "context"
	Step    Kind = "step"
	Tool    Kind = "tool"
	End     Kind = "end"
)

// Entry is an entry of the chain. Properties and Sealed are of one object, of
// which Sealed is content.
type Entry struct {
	Kind       Kind
	At         time.Time
	Properties map[string]any
	Sealed     map[string]any
}

// Run is a call that is over.
type Run struct {
	Network    entity.Network
	ID         entity.ID
	Agent      entity.ID
	AgentLabel string
	Collection entity.ID // "": the run belongs to none
	Box        *seal.Box // of the tenant, when content is to be sealed
	Started    time.Time
	Properties entity.Properties // of the manifest; the chain is added
	Entries    []Entry

	size int
}

// mostText is how long a text of an entry may be: a block has to fit. What is
// longer is cut, and the entry says so under "partial".
const mostText = 1 << 20

// body is an entry's body.
func (e *Entry) body(box *seal.Box, record string) (entity.Properties, error) {
	body := entity.Properties{"kind": string(e.Kind), "at": e.At.UnixMilli()}
	cut := false
	for name, v := range e.Properties {
		body[name] = fit(v, &cut)
	}
	content := map[string]any{}
	for name, v := range e.Sealed {
		content[name] = fit(v, &cut)
	}
	if cut {
		body["partial"] = "what is longer than 1 MiB is cut"
	}
	if box == nil || len(content) == 0 {
		for name, v := range content {
			body[name] = v
		}
	} else {
		plain, err := json.Marshal(content)
		if err != nil {
			return nil, entity.Internal("runs.body", err)
		}
		if body["sealed"], err = box.Seal(record, plain); err != nil {
			return nil, err
		}
	}
	tree, err := entity.Normalize(map[string]any(body))
	if err != nil {
		return nil, err
	}
	return tree.(map[string]any), nil
}

// fit makes a value one that a block can hold: valid text of a bounded length.
func fit(v any, cut *bool) any {
	text, ok := v.(string)
	if !ok {
		return v
	}
	if len(text) > mostText {
		text, *cut = text[:mostText], true
	}
	return strings.ToValidUTF8(text, "�")
}

// seal makes the blocks of the chain, and the manifest that pins it.
func (r *Run) seal() (d entity.Draft, blocks [][]byte, err error) {
	var last entity.CID
	for i := range r.Entries {
		body, err := r.Entries[i].body(r.Box, RecordName(r.ID, int64(i+1)))
		if err != nil {
			return d, nil, err
		}
		block := entity.ChainBlock{ID: r.ID, Chain: Chain, N: int64(i + 1), TS: r.Entries[i].At.UnixMilli(), Body: body}
		if i > 0 {
			block.Prev = &entity.Link{CID: last}
		}
		raw, c, err := block.Seal()
		if err != nil {
			return d, nil, err
		}
		blocks, last = append(blocks, raw), c
	}
	d = entity.Draft{ID: r.ID, Type: Type, Relationships: []entity.Relationship{{Predicate: PredicateAgent, Peer: r.Agent, PeerType: entity.TypeAgent, PeerLabel: r.AgentLabel}}}
	if r.Collection != "" {
		d.Relationships = append(d.Relationships, entity.Relationship{Predicate: entity.PredicateCollection, Peer: r.Collection, PeerType: entity.TypeCollection})
	}
	p := r.Properties
	digest, _ := entity.DigestOf(last)
	p["chain"] = map[string]any{"name": Chain, "n": int64(len(blocks)), "head": entity.Link{CID: last}}
	p["chain_hash"] = hex.EncodeToString(digest[:])
	tree, err := entity.Normalize(map[string]any(p))
	if err != nil {
		return d, nil, err
	}
	d.Properties = tree.(map[string]any)
	return d, blocks, nil
}

// RecordName is what an entry's content is sealed under.
func RecordName(run entity.ID, n int64) string {
	return "run/" + string(run) + "/" + itoa(n)
}

func itoa(n int64) string {
	b, _ := json.Marshal(n)
	return string(b)
}

// Open opens the sealed content of an entry's body; nil when it has none.
func Open(box *seal.Box, run entity.ID, n int64, body entity.Properties) (map[string]any, error) {
	sealed, _ := body["sealed"].([]byte)
	if sealed == nil {
		return nil, nil
	}
	plain, err := box.Open(RecordName(run, n), sealed)
	if err != nil {
		return nil, err
	}
	v, err := entity.ParseJSON(plain, entity.MaxDepth)
	if err != nil {
		return nil, err
	}
	tree, _ := v.(map[string]any)
	return tree, nil
}
