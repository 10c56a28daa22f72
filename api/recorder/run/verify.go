package run

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"iter"

	"stemma/entity"
)

// Source is what a chain is verified from: an entity.Reader.
type Source interface {
	ChainHead(id entity.ID, chain string) (entity.ChainRef, error)
	Chain(id entity.ID, chain string, from int64) iter.Seq2[entity.ChainRef, error]
	Block(entity.CID) ([]byte, error)
}

// Reason is why a chain does not hold.
type Reason string

// The reasons.
const (
	PayloadMismatch Reason = "payload_mismatch" // the bytes are not those that the hash is of
	PrevMismatch    Reason = "prev_mismatch"    // it does not follow the block before it
	Missing         Reason = "missing"          // there is no such block
	Malformed       Reason = "malformed"        // the bytes are no block of this chain, or no entry
	Disordered      Reason = "disordered"       // the place or the step's number is not the next
	Truncated       Reason = "truncated"        // the chain ends before the head that was pinned
	Extended        Reason = "extended"         // or goes on after it
	PinMismatch     Reason = "pin_mismatch"     // the head is another than was pinned
	ContentMissing  Reason = "content_missing"  // there is no content, and nothing says that it was deleted
	ContentMismatch Reason = "content_mismatch" // the content's bytes are not those that the entry names
)

// Broken is where a chain breaks.
type Broken struct {
	Seq      int64  `json:"seq" doc:"the place in the chain, from 1"`
	Reason   Reason `json:"reason" enum:"payload_mismatch,prev_mismatch,missing,malformed,disordered,truncated,extended,pin_mismatch,content_missing,content_mismatch"`
	Expected string `json:"expected,omitempty" doc:"the hash that should be there"`
	Actual   string `json:"actual,omitempty" doc:"the hash that is"`
}

// Verdict is what came out of a verification.
type Verdict struct {
	Valid     bool
	Entries   int64 // that hold
	Steps     int64
	ChainHash string // of the last that holds; "" for none
	Broken    *Broken
	Gaps      []Gap // nil for none
}

// Gap is a part of a chain whose content was deleted; hashes, links and numbers are
// there.
type Gap struct {
	From    int64 // places in the chain, both included
	To      int64
	Entries int64 // of them whose content is gone; others had none
	Deletion
}

// gaps adds an entry whose content is gone.
func gaps(list []Gap, n int64, gone Deletion) []Gap {
	if last := len(list) - 1; last >= 0 && list[last].Deletion == gone {
		list[last].To = n
		list[last].Entries++
		return list
	}
	return append(list, Gap{From: n, To: n, Entries: 1, Deletion: gone})
}

// Verify recomputes a run's chain from its bytes, from the first block to the
// last, and holds it against the pin of its manifest; nil where the run has not
// ended.
func Verify(src Source, id entity.ID, pin *entity.ChainRef) (v Verdict, err error) {
	c := checker{src: src, id: id, contents: contents{r: src, id: id}}
	for ref, err := range src.Chain(id, Chain, 1) {
		if err != nil {
			return v, err
		}
		if c.broken, err = c.next(ref); err != nil {
			return v, err
		}
		if c.broken != nil {
			break
		}
	}
	if c.broken == nil {
		head, err := src.ChainHead(id, Chain)
		if err != nil {
			return v, err
		}
		c.broken = c.end(head, pin)
	}
	if c.broken == nil {
		head, err := src.ChainHead(id, entity.ChainContent)
		if err != nil {
			return v, err
		}
		if head.N > c.content.N {
			c.broken = &Broken{Seq: c.last.N, Reason: Extended, Actual: HashOf(head.CID)}
		}
	}
	v = Verdict{Valid: c.broken == nil, Entries: c.last.N, Steps: c.steps, Broken: c.broken, Gaps: c.gaps}
	if c.last.N > 0 {
		v.ChainHash = HashOf(c.last.CID)
	}
	return v, nil
}

type checker struct {
	src    Source
	id     entity.ID
	last   entity.ChainRef
	steps  int64
	broken *Broken

	contents contents
	content  entity.ChainRef    // the last that an entry named
	said     *entity.ChainBlock // what it says; nil: it is gone
	gaps     []Gap
}

func (c *checker) next(ref entity.ChainRef) (*Broken, error) {
	want := c.last.N + 1
	at := func(r Reason, expected, actual string) (*Broken, error) {
		return &Broken{Seq: want, Reason: r, Expected: expected, Actual: actual}, nil
	}
	if ref.N != want {
		return at(Missing, "", "")
	}
	raw, err := c.src.Block(ref.CID)
	switch {
	case err != nil && entity.KindOf(err) == entity.KindNotFound:
		return at(Missing, HashOf(ref.CID), "")
	case err != nil:
		return nil, err
	}
	d, _ := entity.DigestOf(ref.CID)
	if sum := sha256.Sum256(raw); !bytes.Equal(sum[:], d[:]) {
		return at(PayloadMismatch, HashOf(ref.CID), HashOf(entity.CIDOf(sum)))
	}
	b, _, err := entity.OpenChainBlock(raw)
	if err != nil || b.ID != c.id || b.Chain != Chain {
		return at(Malformed, HashOf(ref.CID), "")
	}
	if b.PrevCID() != c.last.CID {
		return at(PrevMismatch, hashOrNone(c.last.CID), hashOrNone(b.PrevCID()))
	}
	e, _, err := decode(raw, ref.CID)
	if err != nil {
		var told *entity.Error
		if errors.As(err, &told) {
			return at(Malformed, HashOf(ref.CID), "")
		}
		return nil, err
	}
	if !c.inOrder(b.N, e) {
		return at(Disordered, HashOf(ref.CID), "")
	}
	if broken, err := c.body(e); broken != nil || err != nil {
		return broken, err
	}
	c.last = ref
	return nil, nil
}

// body holds the content of an entry against what the entry names.
func (c *checker) body(e *Entry) (*Broken, error) {
	if e.Content == nil {
		return nil, nil
	}
	want := e.Content.Block.CID
	at := func(r Reason, actual string) (*Broken, error) {
		return &Broken{Seq: e.N, Reason: r, Expected: hashOrNone(want), Actual: actual}, nil
	}
	shared := e.Content.Part != "" && c.content == entity.ChainRef{N: e.Content.N, CID: want}
	switch {
	case shared && c.said != nil && !holds(c.said, e.Content):
		return at(Malformed, "")
	case shared && c.said != nil:
		return nil, nil
	case !shared && e.Content.N != c.content.N+1:
		return at(Disordered, "")
	}
	c.said = nil
	raw, gone, err := c.contents.fetch(e.Content)
	switch {
	case errors.Is(err, errMissing):
		return at(ContentMissing, "")
	case err != nil:
		return nil, err
	case gone != nil:
		c.gaps = gaps(c.gaps, e.N, *gone)
	default:
		d, _ := entity.DigestOf(want)
		if sum := sha256.Sum256(raw); !bytes.Equal(sum[:], d[:]) {
			return at(ContentMismatch, HashOf(entity.CIDOf(sum)))
		}
		b, _, err := entity.OpenChainBlock(raw)
		if err != nil || b.ID != c.id || b.Chain != entity.ChainContent || b.N != e.Content.N || b.PrevCID() != c.content.CID || !holds(b, e.Content) {
			return at(Malformed, "")
		}
		c.said = b
	}
	c.content = entity.ChainRef{N: e.Content.N, CID: want}
	return nil, nil
}

// inOrder holds an entry's numbers against those before it.
func (c *checker) inOrder(n int64, e *Entry) bool {
	if n != c.last.N+1 || (n == 1) != (e.Kind == KindStart) {
		return false
	}
	if e.Kind == KindStep {
		c.steps++
		return e.Sequence == c.steps
	}
	return e.Sequence == 0 && e.Steps == c.steps && e.Step <= c.steps
}

func (c *checker) end(head entity.ChainRef, pin *entity.ChainRef) *Broken {
	switch {
	case c.last != head && head.N > c.last.N:
		return &Broken{Seq: c.last.N + 1, Reason: Missing, Expected: HashOf(head.CID)}
	case c.last != head:
		return &Broken{Seq: c.last.N, Reason: PinMismatch, Expected: hashOrNone(head.CID), Actual: hashOrNone(c.last.CID)}
	case pin == nil:
		return nil
	case pin.N > c.last.N:
		return &Broken{Seq: c.last.N + 1, Reason: Truncated, Expected: HashOf(pin.CID), Actual: hashOrNone(c.last.CID)}
	case pin.N < c.last.N:
		return &Broken{Seq: pin.N + 1, Reason: Extended, Expected: HashOf(pin.CID), Actual: HashOf(c.last.CID)}
	case pin.CID != c.last.CID:
		return &Broken{Seq: pin.N, Reason: PinMismatch, Expected: HashOf(pin.CID), Actual: HashOf(c.last.CID)}
	}
	return nil
}

func hashOrNone(c entity.CID) string {
	if !c.Defined() {
		return ""
	}
	return HashOf(c)
}
