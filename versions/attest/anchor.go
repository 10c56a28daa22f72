package attest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"time"

	"stemma/entity"
)

// Anchor says where a checkpoint was published outside, for everybody and for good.
type Anchor struct {
	Size       int64     `json:"size"`                 // of the checkpoint
	Tx         string    `json:"tx"`                   // names it there
	URL        string    `json:"url"`                  // where it can be read
	At         time.Time `json:"at"`                   // when
	Checkpoint string    `json:"checkpoint,omitempty"` // its text
}

// pageSize is how many anchors are in one secret: they cannot be made again, so
// they are in the store and its backups, in an order that only grows.
const pageSize = 64

// page names the n-th secret with anchors of the key's log.
func (k *key) page(n int) string { return fmt.Sprintf("attest/anchors/%08x/%d", k.KeyHash(), n) }

func (k *key) readPage(r entity.Reader, n int) (page []Anchor, err error) {
	raw, err := r.Secret(k.page(n))
	if err != nil || raw == nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, &page); err != nil {
		return nil, entity.Internal("attest.readPage", err)
	}
	return page, nil
}

func (l *Log) readAnchors(ctx context.Context) error {
	if l.key == nil {
		return nil
	}
	return l.store.View(ctx, func(r entity.Reader) error {
		l.anchors = nil
		for n := 0; ; n++ {
			page, err := l.key.readPage(r, n)
			if err != nil || len(page) == 0 {
				return err
			}
			l.anchors = append(l.anchors, page...)
		}
	})
}

// AddAnchor keeps an anchor of a checkpoint that this log signed. The same again
// changes nothing. KindInvalid: it names no place, is beyond the last checkpoint, or
// behind an anchor that there is.
func (l *Log) AddAnchor(ctx context.Context, a Anchor) error {
	const op = "attest.AddAnchor"
	if a.Tx == "" {
		return entity.Invalid(op, "an anchor needs the name it has outside")
	}
	if err := l.within(op, a.Size); err != nil || a.Size == 0 {
		return entity.Invalid(op, "the anchor is of %d leaves; no checkpoint of this log is", a.Size)
	}
	added := false
	_, err := l.store.Update(ctx, entity.Actor{}, func(tx entity.Tx) error {
		added = false
		pages := 0
		var last, page []Anchor
		for ; ; pages++ {
			var err error
			if page, err = l.key.readPage(tx, pages); err != nil {
				return err
			}
			if slices.ContainsFunc(page, a.same) {
				return nil
			}
			if len(page) > 0 {
				last = page
			}
			if len(page) < pageSize {
				break
			}
		}
		if len(last) > 0 && last[len(last)-1].Size > a.Size {
			return entity.Invalid(op, "the anchor is of %d leaves, and there is one of %d", a.Size, last[len(last)-1].Size)
		}
		raw, err := json.Marshal(append(page, a))
		if err != nil {
			return entity.Internal(op, err)
		}
		tx.SetSecret(l.key.page(pages), raw)
		added = true
		return nil
	})
	if err != nil || !added {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	at := sort.Search(len(l.anchors), func(i int) bool { return l.anchors[i].Size > a.Size })
	l.anchors = slices.Insert(l.anchors, at, a) // who was faster may be entered later
	return nil
}

func (a Anchor) same(b Anchor) bool { return a.Tx == b.Tx && a.Size == b.Size }

// LatestAnchor is the anchor of the largest tree.
func (l *Log) LatestAnchor() (Anchor, bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if len(l.anchors) == 0 {
		return Anchor{}, false
	}
	return l.anchors[len(l.anchors)-1], true
}

// AnchorOf is the first anchor whose tree has the leaf.
func (l *Log) AnchorOf(leaf int64) (Anchor, bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	i := sort.Search(len(l.anchors), func(i int) bool { return l.anchors[i].Size > leaf })
	if i == len(l.anchors) {
		return Anchor{}, false
	}
	return l.anchors[i], true
}

// AnchorByTx is the anchor that has the name outside.
func (l *Log) AnchorByTx(tx string) (Anchor, bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	i := slices.IndexFunc(l.anchors, func(a Anchor) bool { return a.Tx == tx })
	if i < 0 {
		return Anchor{}, false
	}
	return l.anchors[i], true
}
