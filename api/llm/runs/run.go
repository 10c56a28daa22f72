package runs

import (
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"

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

// A text of an entry has mostText bytes at most, and fewer where the block would
// have more than mostBlock, which is what a store in memory takes. What is longer
// is cut, and the entry says so under "partial".
const (
	mostText  = 512 << 10
	mostBlock = 1<<20 - 1<<12
)

// body is an entry's body, with texts of at most so many bytes.
func (e *Entry) body(box *seal.Box, record string, most int) (_ entity.Properties, err error) {
	body := e.Properties // which it becomes: a second time it is as it was
	if body == nil {
		body = make(entity.Properties, len(e.Sealed)+3)
	}
	cut := false
	content := body
	if box != nil && len(e.Sealed) > 0 {
		content = make(entity.Properties, len(e.Sealed))
	}
	for name, v := range body {
		if body[name], err = fit(v, most, &cut); err != nil {
			return nil, err
		}
	}
	body["kind"], body["at"] = string(e.Kind), e.At.UnixMilli()
	for name, v := range e.Sealed {
		if content[name], err = fit(v, most, &cut); err != nil {
			return nil, err
		}
	}
	if cut {
		body["partial"] = "its texts are longer than a block holds, and cut"
	}
	if box == nil || len(e.Sealed) == 0 {
		return body, nil
	}
	plain, err := json.Marshal(content)
	if err != nil {
		return nil, entity.Internal("runs.body", err)
	}
	body["sealed"], err = box.Seal(record, plain)
	return body, err
}

// fit makes a value one that a block can hold: valid text of a bounded length.
func fit(v any, most int, cut *bool) (any, error) {
	text, ok := v.(string)
	switch {
	case !ok:
		return entity.Normalize(v)
	case len(text) > most:
		text, *cut = text[:most], true
	case utf8.ValidString(text):
		return v, nil
	}
	return strings.ToValidUTF8(text, "�"), nil
}

// fitted seals a block with the entry for its body.
func (e *Entry) fitted(block *entity.ChainBlock, box *seal.Box) (s *entity.SealedBlock, err error) {
	for most := mostText; ; most /= 2 {
		if block.Body, err = e.body(box, RecordName(block.ID, block.N), most); err != nil {
			return nil, err
		}
		if s, err = block.Sealed(); most > 0 && (entity.KindOf(err) == entity.KindTooLarge || err == nil && len(s.Bytes()) > mostBlock) {
			continue
		}
		return s, err
	}
}

// seal makes the blocks of the chain, and the manifest that pins it.
func (r *Run) seal() (d entity.Draft, blocks []*entity.SealedBlock, err error) {
	var last entity.CID
	for i := range r.Entries {
		block := entity.ChainBlock{ID: r.ID, Chain: Chain, N: int64(i + 1), TS: r.Entries[i].At.UnixMilli()}
		if i > 0 {
			block.Prev = &entity.Link{CID: last}
		}
		s, err := r.Entries[i].fitted(&block, r.Box)
		if err != nil {
			return d, nil, err
		}
		blocks, last = append(blocks, s), s.CID()
	}
	d = entity.Draft{ID: r.ID, Type: Type, Relationships: []entity.Relationship{{Predicate: PredicateAgent, Peer: r.Agent, PeerType: entity.TypeAgent, PeerLabel: r.AgentLabel}}}
	if r.Collection != "" {
		d.Relationships = append(d.Relationships, entity.Relationship{Predicate: entity.PredicateCollection, Peer: r.Collection, PeerType: entity.TypeCollection})
	}
	p := r.Properties
	digest, _ := entity.DigestOf(last)
	p["chain"] = map[string]any{"name": Chain, "n": int64(len(blocks)), "head": entity.Link{CID: last}}
	p["chain_hash"] = hex.EncodeToString(digest[:])
	for name, v := range p {
		if p[name], err = entity.Normalize(v); err != nil {
			return d, nil, err
		}
	}
	d.Properties = p
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
