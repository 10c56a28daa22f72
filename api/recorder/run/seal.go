package run

import (
	"strconv"

	"stemma/entity"
)

// pending is an entry that is not sealed.
type pending struct {
	n    int64
	body body
	read *Entry // as it reads back; nil: nobody asks
}

// sealing is what of both chains is sealed.
type sealing struct {
	head, content     entity.ChainRef       // of the chains, with what is sealed
	entries, contents []*entity.SealedBlock // that are not written
	cids              []entity.CID          // of all that were sealed, to the head
	failed            int64                 // the entry that could not be
}

// Failed is the entry that could not be sealed, 0 for none.
func (s *sealing) Failed() int64 { return s.failed }

// CID is the block of an entry that the writer has flushed.
func (s *sealing) CID(n int64) (c entity.CID) {
	if at := n - s.head.N + int64(len(s.cids)) - 1; at >= 0 && at < int64(len(s.cids)) {
		c = s.cids[at]
	}
	return c
}

// Bounds of what shares a block of content: more would have to be read for each.
const (
	mostShared      = 64       // entries
	mostSharedBytes = 64 << 10 // of their texts, about
)

// seal seals what waits: contents first, which entries name. Those that come
// together share a block.
func (w *Writer) seal() error {
	for at := 0; at < len(w.waiting); {
		n, bytes, with := 0, 0, 0
		for _, p := range w.waiting[at:] {
			more := weigh(p.body.content)
			if n > 0 && (n == mostShared || bytes+more > mostSharedBytes) {
				break
			}
			if n, bytes = n+1, bytes+more; len(p.body.content) > 0 {
				with++
			}
		}
		if err := w.together(w.waiting[at:at+n], with); err != nil {
			return err
		}
		at += n
	}
	w.waiting = nil
	return nil
}

// weigh is about how many bytes the texts of a value have.
func weigh(v any) (n int) {
	switch v := v.(type) {
	case string:
		return len(v)
	case []any:
		for _, x := range v {
			n += 1 + weigh(x)
		}
	case map[string]any:
		for k, x := range v {
			n += len(k) + weigh(x)
		}
	default:
		return 8
	}
	return n
}

// together seals entries of which so many have content.
func (w *Writer) together(group []pending, with int) error {
	w.failed = group[0].n
	parts, salt := make(map[string]any, with), ""
	if with > 0 {
		salt = w.salt.text()
	}
	for _, p := range group {
		switch {
		case len(p.body.content) == 0:
		case with == 1:
			p.body.content[entity.ContentSalt] = salt
			if err := w.block(&w.contents, entity.ChainContent, &w.content, p.body.content); err != nil {
				w.failed = p.n
				return err
			}
		default:
			parts[part(p.n)] = p.body.content
		}
	}
	if with > 1 {
		if err := w.block(&w.contents, entity.ChainContent, &w.content, entity.Properties{entity.ContentSalt: salt, "parts": parts}); err != nil {
			return err
		}
	}
	for _, p := range group {
		if len(p.body.content) > 0 {
			at := map[string]any{"n": w.content.N, "block": entity.Link{CID: w.content.CID}}
			if with > 1 {
				at["part"] = part(p.n)
			}
			p.body.entry["content"] = at
		}
		if err := w.block(&w.entries, Chain, &w.head, p.body.entry); err != nil {
			w.failed = p.n
			return err
		}
		w.cids = append(w.cids, w.head.CID)
		if p.read != nil {
			p.read.sealed(w.head.CID, p.body.entry, salt)
		}
	}
	w.failed = 0
	return nil
}

// part names the content of an entry in a block that several share.
func part(n int64) string { return strconv.FormatInt(n, 10) }

// block seals the next block of a chain, whose head is at.
func (w *Writer) block(into *[]*entity.SealedBlock, chain string, at *entity.ChainRef, body entity.Properties) error {
	block := entity.ChainBlock{ID: w.id, Chain: chain, N: at.N + 1, TS: w.now.UnixMilli(), Body: body}
	if at.N > 0 {
		block.Prev = &entity.Link{CID: at.CID}
	}
	s, err := block.Sealed()
	if err != nil {
		return err
	}
	*into = append(*into, s)
	*at = entity.ChainRef{N: block.N, CID: s.CID()}
	return nil
}
