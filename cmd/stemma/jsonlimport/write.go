package jsonlimport

import (
	"context"

	"stemma/entity"
)

// writer commits chunks, in their order.
type writer struct {
	store    entity.Store
	actor    entity.Actor
	secret   string // name of the position's secret; "" keeps none
	refused  *sideFile
	later    *sideFile
	progress func(position)

	deferred bool // the chunks are of the lines that were put aside

	at position // after the last chunk committed; belongs to whose turn it is
}

// turn is a chunk's place in the order of commits.
type turn struct {
	over chan struct{} // closed when the chunk is committed, or never will be
	err  error
}

func (t *turn) end(err error) {
	t.err = err
	close(t.over)
}

// wait returns when the turn is over, with its error.
func (t *turn) wait(ctx context.Context) error {
	select {
	case <-t.over:
		return t.err
	case <-ctx.Done():
	}
	select {
	case <-t.over:
		return t.err // says more than that the others were told to stop
	default:
		return canceled(ctx.Err())
	}
}

// attempt is a chunk on its way into the store.
type attempt struct {
	*writer
	ctx    context.Context
	chunk  *chunk
	before *turn
	waited bool

	// Of the last run of the closure.
	out  outcome
	next position
	ran  bool // to its end
}

// outcome is what a run does.
type outcome struct {
	counts  Counts
	refused []refusal
	later   []lineRef
}

// write commits a chunk after the turn before it.
func (w *writer) write(ctx context.Context, c *chunk, before *turn) error {
	a := &attempt{writer: w, ctx: ctx, chunk: c, before: before}
	_, err := w.store.Update(ctx, w.actor, a.run)
	if a.ran && entity.KindOf(err) == entity.KindTooLarge {
		return w.writeHalves(ctx, c, before, err)
	}
	if err != nil {
		return err
	}
	return w.finish(a.next, func(l lineRef) ([]byte, error) { return c.text(l), nil })
}

// writeHalves commits a chunk that is too large for one transaction as two.
func (w *writer) writeHalves(ctx context.Context, c *chunk, before *turn, cause error) error {
	halves := []*chunk{c}
	if len(c.lines) > 1 {
		two := c.halves()
		halves = two[:]
	}
	for _, h := range halves {
		if h == c {
			c.refuseAll(message(cause))
		} else {
			h.adopt(c)
		}
		if err := w.write(ctx, h, before); err != nil {
			return err
		}
	}
	return nil
}

// run is the closure of a chunk. It does what the lines say, waits, in its
// first run only, until the chunk before is on disk, and notes the position.
// The committer never waits in it: it runs the closure again, if at all, when
// the first run has ended, and so the wait.
func (a *attempt) run(tx entity.Tx) error {
	a.out, a.ran = outcome{}, false
	err := a.apply(tx)
	if !a.waited {
		a.waited = true
		if failed := a.before.wait(a.ctx); failed != nil {
			return failed
		}
	}
	if err != nil {
		return err
	}
	a.next = a.writer.at.after(a.chunk, a.out)
	a.ran = true
	return a.note(tx, a.next)
}

// note writes the position. Where there is none it writes all the same: the
// store makes sure that what a closure read still holds only if it wrote, and
// this one may have refused everything for want of what the chunk before makes.
func (w *writer) note(tx entity.Tx, p position) error {
	if w.secret == "" {
		tx.DeleteSecret("import/jsonl/")
		return nil
	}
	b, err := p.encode()
	if err == nil {
		tx.SetSecret(w.secret, b)
	}
	return err
}

// after is the position when a chunk has been committed.
func (p position) after(c *chunk, out outcome) position {
	p.Counts.add(out.counts)
	p.Refused, p.Later = out.refused, out.later
	if p.Deferred {
		p.Counts.Lines -= out.counts.Lines // counted when they were put aside
		p.Again = c.mark
	} else {
		p.Mark = c.mark
	}
	return p
}

// finish writes what the committed position says of the files beside the
// import, and takes it over.
func (w *writer) finish(p position, text func(lineRef) ([]byte, error)) error {
	for _, r := range p.Refused {
		b, err := text(r.lineRef)
		if err != nil {
			return err
		}
		line, err := r.line(b)
		if err == nil {
			err = w.refused.add(line)
		}
		if err != nil {
			return err
		}
	}
	for _, l := range p.Later {
		b, err := text(l)
		if err == nil {
			err = w.later.add(deferredLine(l, b))
		}
		if err != nil {
			return err
		}
	}
	if len(p.Refused) > 0 {
		if err := w.refused.sync(); err != nil {
			return err
		}
	}
	if len(p.Later) > 0 {
		if err := w.later.sync(); err != nil {
			return err
		}
	}
	p.Refused, p.Later = nil, nil
	p.RefusedSize, p.LaterSize = w.refused.size, w.later.size
	w.at = p
	w.progress(p)
	return nil
}

// reach commits a position by itself.
func (w *writer) reach(ctx context.Context, p position) error {
	if _, err := w.store.Update(ctx, w.actor, func(tx entity.Tx) error { return w.note(tx, p) }); err != nil {
		return err
	}
	w.at = p
	w.progress(p)
	return nil
}
