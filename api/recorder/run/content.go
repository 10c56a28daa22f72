package run

import (
	"crypto/rand"
	"errors"
	"sync"
	"time"

	"github.com/fxamacker/cbor/v2"

	"stemma/entity"
)

// Salt makes the texts that hide content of which only the hash is left. nil is
// crypto/rand.
type Salt func() string

func (s Salt) text() string {
	if s == nil {
		return rand.Text()
	}
	return s()
}

// stays are the members of an entry that stay when its content goes: what happened
// when, in what order, how long it took and what it used. Whatever else there is,
// now or one day, is content.
var stays = map[string]bool{
	"kind": true, "at": true, "sequence": true, "steps": true, "step": true, "trigger_type": true, "agent": true, "agent_id": true, "session_id": true,
	"step_type": true, "duration_ms": true, "tokens_used": true, "cost_cents": true, "model": true, "provider": true, "error_type": true, "partial": true, "made": true,
	"tool_name": true, "status": true, "total_tokens": true, "total_cost_cents": true, "trace_id": true, "span_id": true, "parent_span_id": true, "started_at": true,
}

// body is what an entry says: what stays of it, and its content.
type body struct{ entry, content entity.Properties }

// split takes what is content out of what is told of an entry. at is when it
// happened, zero where that is not told.
func split(k Kind, told entity.Properties, at time.Time) (b body) {
	kept := 0
	for key := range told {
		if stays[key] {
			kept++
		}
	}
	b.entry = make(entity.Properties, kept+6) // with what the caller adds
	if len(told) > kept {
		b.content = make(entity.Properties, len(told)-kept+1)
	}
	for key, v := range told {
		if stays[key] {
			b.entry[key] = v
		} else {
			b.content[key] = v
		}
	}
	if text, _ := told["error_message"].(string); text != "" {
		b.entry["failed"] = true
	}
	b.entry["kind"] = string(k)
	if !at.IsZero() {
		b.entry["at"] = at.UnixMilli()
	}
	return b
}

// DescribeSession records what was told of a session: its content in a block of
// its own.
func DescribeSession(tx entity.Tx, id entity.ID, told entity.Properties, salt Salt) error {
	b := split("", told, time.Time{})
	delete(b.entry, "kind")
	if len(b.content) > 0 {
		b.content[entity.ContentSalt] = salt.text()
		ref, err := tx.Append(id, entity.ChainContent, entity.Any, b.content)
		if err != nil {
			return err
		}
		b.entry["content"] = map[string]any{"n": ref.N, "block": entity.Link{CID: ref.CID}}
	}
	_, err := tx.Append(id, TypeSession, entity.Any, b.entry)
	return err
}

// Content is where the content of an entry is: the place in the chain
// [entity.ChainContent], and the block there; and which part of the block it is,
// where others share it.
type Content struct {
	N     int64       `cbor:"n"`
	Block entity.Link `cbor:"block"`
	Part  string      `cbor:"part"`
}

// Deletion is that of an entry's content.
type Deletion struct {
	At   int64 // ms since 1970
	Days int64 // of the retention that it was deleted under; 0: not known
}

// contents reads the content of one run's entries.
type contents struct {
	r      entity.Chains
	id     entity.ID
	erased []entity.Erasure
	known  bool       // erased
	last   entity.CID // of the block that was opened last
	opened *opened
}

// deletion is that of the content at a place; nil where it was not deleted.
func (c *contents) deletion(n int64) (*Deletion, error) {
	if !c.known {
		var err error
		if c.erased, err = entity.Erased(c.r, c.id); err != nil {
			return nil, err
		}
		c.known = true
	}
	e := entity.ErasureHolding(c.erased, n)
	if e == nil {
		return nil, nil
	}
	d := deletionOf(e)
	return &d, nil
}

func deletionOf(e *entity.Erasure) Deletion {
	days, _ := e.Why[whyDays].(int64)
	return Deletion{At: e.At, Days: days}
}

// whyDays is what a block of [entity.ChainErased] says of the retention.
const whyDays = "retention_days"

// contentAt is where the content of an entry's body is; ok is false where it has
// none.
func contentAt(body entity.Properties) (at Content, ok bool) {
	c, _ := body["content"].(map[string]any)
	at.N, _ = c["n"].(int64)
	at.Part, _ = c["part"].(string)
	at.Block, ok = c["block"].(entity.Link)
	return at, ok
}

// fetch gives the bytes of an entry's content, and otherwise how it was deleted.
func (c *contents) fetch(at *Content) (raw []byte, gone *Deletion, err error) {
	raw, err = c.r.Block(at.Block.CID)
	if err == nil || entity.KindOf(err) != entity.KindNotFound {
		return raw, nil, err
	}
	if gone, err = c.deletion(at.N); err == nil && gone == nil {
		err = entity.Internal("run.content", errMissing)
	}
	return nil, gone, err
}

var errMissing = errors.New("content is missing that was not deleted; verify the run")

// fill puts into an entry what its content block has, or how it went.
func (c *contents) fill(e *Entry) error {
	if e.Content == nil {
		return nil
	}
	if c.last != e.Content.Block.CID {
		raw, gone, err := c.fetch(e.Content)
		if err != nil || gone != nil {
			e.Gone = gone
			return err
		}
		c.last, c.opened = e.Content.Block.CID, &opened{raw: raw}
	}
	return c.opened.into(e)
}

// opened is a block of content that is read. Several may read it at once.
type opened struct {
	raw   []byte
	once  sync.Once
	salt  string
	parts map[string]cbor.RawMessage
	err   error
}

// sharedBlock is a block of content of several entries.
type sharedBlock struct {
	ID    entity.ID    `cbor:"id"`
	Chain string       `cbor:"chain"`
	N     int64        `cbor:"n"`
	TS    int64        `cbor:"ts"`
	Prev  *entity.Link `cbor:"prev"`
	Body  struct {
		Salt  string                     `cbor:"salt"`
		Parts map[string]cbor.RawMessage `cbor:"parts"`
	} `cbor:"body"`
}

// into adds what the block says of an entry to it: it has no member that the entry
// has.
func (o *opened) into(e *Entry) error {
	if e.Content.Part == "" {
		if err := entity.DecodeBlock(o.raw, &block{Body: e}); err != nil {
			return entity.Internal("run.content", err)
		}
		return nil
	}
	o.once.Do(func() {
		var b sharedBlock
		o.err = entity.DecodeBlock(o.raw, &b)
		o.salt, o.parts = b.Body.Salt, b.Body.Parts
	})
	if o.err != nil {
		return entity.Internal("run.content", o.err)
	}
	raw, ok := o.parts[e.Content.Part]
	if !ok {
		return entity.Internal("run.content", errMissing)
	}
	if err := entity.DecodeBlock(raw, e); err != nil {
		return entity.Internal("run.content", err)
	}
	e.Salt = o.salt
	return nil
}

// holds tells whether a block of content has the part of it that an entry names.
func holds(b *entity.ChainBlock, at *Content) bool {
	if at.Part == "" {
		return true
	}
	parts, _ := b.Body["parts"].(map[string]any)
	_, ok := parts[at.Part].(map[string]any)
	return ok
}
