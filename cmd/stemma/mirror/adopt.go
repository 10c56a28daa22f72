package mirror

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"stemma/entity"
	"stemma/events/syncclient"
)

// take adopts a piece and says so.
func (m *run) take(ctx context.Context, p piece) error {
	if p.err != nil {
		return p.err
	}
	m.report.Latest = p.latest
	m.report.Contents += p.stored
	err := m.adopt(ctx, p.items)
	m.progress()
	return err
}

// adopt writes the items in as few transactions as they fit in. When one of
// them cannot be true, those before it are written.
func (m *run) adopt(ctx context.Context, items []item) error {
	if len(items) == 0 {
		return nil
	}
	refused, err := m.commit(ctx, items)
	switch {
	case err == nil:
		return nil
	case refused > 0:
		if before := m.adopt(ctx, items[:refused]); before != nil {
			return before
		}
		return err
	case entity.KindOf(err) == entity.KindTooLarge && len(items) > 1:
		half := len(items) / 2
		if err := m.adopt(ctx, items[:half]); err != nil {
			return err
		}
		return m.adopt(ctx, items[half:])
	}
	return err
}

// commit writes the items, all of one actor, in one transaction, or nothing.
// refused is the position of the one that cannot be true, when there is one.
func (m *run) commit(ctx context.Context, items []item) (refused int, err error) {
	const op = "mirror.Run"
	bytes := 0
	last, err := m.store.Update(ctx, items[0].event.Actor, func(tx entity.Tx) error {
		refused, bytes = 0, 0
		if tx.Seq() != items[0].event.ID-1 {
			return errWritten(op, tx.Seq(), items[0].event.ID-1)
		}
		for i, it := range items {
			if err := adoptOne(tx, it); err != nil {
				refused = i
				return err
			}
			bytes += len(it.block)
		}
		return nil
	})
	if err != nil {
		return refused, err
	}
	end := items[len(items)-1].event.ID
	if last != end {
		return 0, errWritten(op, last, end)
	}
	m.report.To = end
	m.report.Bytes += int64(bytes)
	return 0, m.wipe(ctx, items)
}

// wiper is a store on disk.
type wiper interface {
	Wipe(context.Context) (left int, err error)
}

// wipe overwrites what the items erased.
func (m *run) wipe(ctx context.Context, items []item) error {
	erases := func(it item) bool { return it.event.Chain == entity.ChainErased }
	store, ok := m.store.(wiper)
	if !ok || !slices.ContainsFunc(items, erases) {
		return nil
	}
	_, err := store.Wipe(ctx)
	return err
}

func errWritten(op string, have, want entity.Seq) error {
	return entity.Errorf(entity.KindConflict, op, "the mirror stands at change %d instead of %d: something else has written to it; begin again in an empty directory", have, want)
}

// adoptOne adopts the block of an event, and compares it with what the event
// says.
func adoptOne(tx entity.Tx, it item) error {
	before, err := tx.Head(it.event.Entity)
	if err != nil && entity.KindOf(err) != entity.KindNotFound {
		return err
	}
	if it.event.Kind == entity.Appended {
		err = adoptLink(tx, it, before)
	} else {
		err = adoptVersion(tx, it, before)
	}
	if err == nil {
		return nil
	}
	switch entity.KindOf(err) {
	case entity.KindInvalid, entity.KindConflict, entity.KindExists, entity.KindNotFound, entity.KindTooLarge:
		return untrue(it.event, err)
	}
	return err // of the store: a full disk, a shutdown
}

func adoptVersion(tx entity.Tx, it item, before entity.Head) error {
	e := it.event
	v, err := tx.Adopt(it.block)
	if err != nil {
		return err
	}
	m := v.Manifest
	after, err := tx.Head(m.ID)
	if err != nil {
		return err
	}
	c := comparison{}
	c.text("entity", e.Entity, m.ID)
	c.text("chain", e.Chain, "")
	c.number("version", e.Ver, m.Ver)
	c.number("version", e.Ver, before.Ver+1)
	c.text("kind", e.Kind.String(), kindOf(before, after).String())
	c.text("type", e.Type, m.Type)
	c.text("collection", e.Collection, after.Collection)
	return c.err
}

func adoptLink(tx entity.Tx, it item, of entity.Head) error {
	e := it.event
	before, err := tx.ChainHead(e.Entity, e.Chain)
	if err != nil {
		return err
	}
	var ref entity.ChainRef
	if it.block == nil {
		ref, err = tx.AdoptGap(e.Entity, e.Ver, e.CID)
	} else {
		ref, err = tx.AdoptBlock(it.block)
	}
	if err != nil {
		return err
	}
	after, err := tx.ChainHead(e.Entity, e.Chain)
	if err != nil {
		return err
	}
	c := comparison{}
	if after != ref {
		c.err = entity.Invalid("mirror.compare", "its block is of another entity or chain")
	}
	c.number("position", e.Ver, ref.N)
	c.number("position", e.Ver, before.N+1)
	c.text("type", e.Type, of.Type)
	c.text("collection", e.Collection, of.Collection)
	return c.err
}

// kindOf is what a step from one head to the next is called.
func kindOf(before, after entity.Head) entity.ChangeKind {
	switch {
	case before.Ver == 0:
		return entity.Created
	case after.Deleted && !before.Deleted:
		return entity.Deleted
	case before.Deleted && !after.Deleted:
		return entity.Restored
	}
	return entity.Updated
}

// comparison keeps the first difference between an event and its block.
type comparison struct{ err error }

func (c *comparison) text(what string, event, block any) {
	if c.err == nil && fmt.Sprint(event) != fmt.Sprint(block) {
		c.err = entity.Invalid("mirror.compare", "it says %s %q, and it is %q", what, event, block)
	}
}

func (c *comparison) number(what string, event, block int64) {
	if c.err == nil && event != block {
		c.err = entity.Invalid("mirror.compare", "it says %s %d, and it is %d", what, event, block)
	}
}

// untrue is an event that cannot be.
func untrue(e syncclient.Event, why error) error {
	return &entity.Error{Kind: entity.KindInvalid, Op: "mirror.Run", Message: describe(e) + " cannot be true: " + message(why), Err: ErrUntrue}
}

// ofEvent says which event an error is about.
func ofEvent(e syncclient.Event, err error) error {
	kind := entity.KindOf(err)
	if kind == entity.KindCanceled || kind == entity.KindTimeout {
		return err
	}
	return &entity.Error{Kind: kind, Op: "mirror.Run", Message: describe(e), Err: err}
}

func describe(e syncclient.Event) string {
	what := fmt.Sprintf("%s of %s, version %d", e.Kind, e.Entity, e.Ver)
	if e.Chain != "" {
		what = fmt.Sprintf("block %d of %s/%s", e.Ver, e.Entity, e.Chain)
	}
	return fmt.Sprintf("event %d (%s, %s)", e.ID, what, e.CID)
}

// message is what an error says, with all the issues it lists.
func message(err error) string {
	var e *entity.Error
	if !errors.As(err, &e) {
		return err.Error()
	}
	text := e.Message
	for _, i := range e.Issues {
		text += fmt.Sprintf("; %v %s", i.Path, i.Message)
	}
	return text
}
