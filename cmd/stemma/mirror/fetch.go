package mirror

import (
	"context"
	"io"

	"golang.org/x/sync/errgroup"

	"stemma/entity"
	"stemma/events/syncclient"
)

// pieceBytes is how many bytes of blocks make a piece full. A transaction holds
// several times that with its rows, and Badger refuses one beyond some 9 MB;
// a piece that turns out too large is divided.
const pieceBytes = 1 << 20

// contentsAtOnce is how many contents are fetched side by side.
const contentsAtOnce = 8

// piece is what one transaction adopts: events of one actor, each with its
// block. One that has an error is the last.
type piece struct {
	items  []item
	bytes  int
	stored int // contents
	latest entity.Seq
	err    error
}

type item struct {
	event syncclient.Event
	block []byte // nil: content that the source has no more
}

// fetcher is the side of the source.
type fetcher struct {
	source   *syncclient.Client
	contents Contents
	out      chan<- piece
	latest   entity.Seq
	next     piece
}

// run sends pieces until the feed ends. What comes before an error is sent
// before run returns it.
func (f *fetcher) run(ctx context.Context, from syncclient.Cursor, o syncclient.FollowOptions) error {
	for batch, err := range f.source.Follow(ctx, from, o) {
		if err != nil {
			return err
		}
		if batch.Withheld > 0 {
			return entity.Errorf(entity.KindForbidden, "mirror.Run", "%d changes up to %d are not for this caller to view, and a mirror is of all: give the key of somebody who may view everything, like the first user's", batch.Withheld, batch.Cursor.Seq)
		}
		f.latest = batch.Latest
		err = f.batch(ctx, batch.Events)
		if before := f.flush(ctx); before != nil {
			err = before // about an earlier event
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// batch gathers events with their blocks, and sends what is full.
func (f *fetcher) batch(ctx context.Context, events []syncclient.Event) error {
	want := make([]entity.CID, len(events))
	for i := range events {
		want[i] = events[i].CID
	}
	i := 0
	mayBeGone := func(i int) bool { return events[i].Chain == entity.ChainContent }
	for block, err := range f.source.BlocksBut(ctx, want, mayBeGone) {
		event := events[i]
		if err != nil {
			return ofEvent(event, err)
		}
		if n := len(f.next.items); n > 0 && (f.next.bytes >= pieceBytes || f.next.items[n-1].event.Actor != event.Actor) {
			if err := f.flush(ctx); err != nil {
				return err
			}
		}
		f.next.items = append(f.next.items, item{event, block.Data})
		f.next.bytes += len(block.Data)
		i++
	}
	return nil
}

// flush sends the piece that was gathered, its contents first. An empty one
// tells how far the source is.
func (f *fetcher) flush(ctx context.Context) error {
	p := f.next
	f.next = piece{}
	p.latest = f.latest
	if f.contents != nil {
		whole, err := f.store(ctx, &p)
		if err != nil {
			p.items = p.items[:whole]
			f.send(ctx, p)
			return err
		}
	}
	return f.send(ctx, p)
}

func (f *fetcher) send(ctx context.Context, p piece) error {
	select {
	case f.out <- p:
		return nil
	case <-ctx.Done():
		return &entity.Error{Kind: entity.KindCanceled, Op: "mirror.fetch", Err: ctx.Err()}
	}
}

// store fetches the contents that the piece refers to. When one cannot be had
// it tells how many items come before the first that needs it; theirs are all
// there.
func (f *fetcher) store(ctx context.Context, p *piece) (whole int, err error) {
	failed := make([]error, len(p.items))
	stored := make([]int, len(p.items))
	var group errgroup.Group
	group.SetLimit(contentsAtOnce)
	for i, it := range p.items {
		contents := f.contentsOf(it)
		if len(contents) == 0 {
			continue
		}
		group.Go(func() error {
			stored[i], failed[i] = f.copyAll(ctx, contents)
			return failed[i]
		})
	}
	_ = group.Wait() // the first to fail need not be the first in order
	for i := range p.items {
		p.stored += stored[i]
	}
	for i, err := range failed {
		if err != nil {
			return i, ofEvent(p.items[i].event, err)
		}
	}
	return len(p.items), nil
}

// contentsOf names what a version refers to. A block that is no manifest, or
// not a strict one, is found out when it is adopted.
func (f *fetcher) contentsOf(it item) []entity.CID {
	if it.event.Chain != "" {
		return nil
	}
	m, err := entity.DecodeManifest(it.block)
	if err != nil {
		return nil
	}
	return f.contents.Of(m)
}

func (f *fetcher) copyAll(ctx context.Context, contents []entity.CID) (stored int, err error) {
	for _, c := range contents {
		has, err := f.contents.Has(ctx, c)
		if err == nil && !has {
			if err = f.source.Content(ctx, c, func(in io.Reader) error { return f.contents.Put(ctx, c, in) }); err == nil {
				stored++
			}
		}
		if err != nil {
			return stored, err
		}
	}
	return stored, nil
}
