package jsonlimport

import (
	"context"

	"golang.org/x/sync/errgroup"
)

// Sizes of the pipe. Two closures at a time keep two cores busy, while the
// store's committer writes a third.
const (
	parsers  = 2
	inFlight = 3
	ahead    = 2 // chunks read and parsed before they are asked for
)

// pipe reads, parses and commits, each ahead of the next.
func (j *job) pipe(ctx context.Context, r *reader) error {
	group, ctx := errgroup.WithContext(ctx)
	raw, ordered := make(chan *chunk, ahead), make(chan *chunk, ahead)
	group.Go(func() error {
		defer close(raw)
		defer close(ordered)
		return j.read(ctx, r, raw, ordered)
	})
	for range parsers {
		group.Go(func() error {
			for c := range raw {
				c.parse(j.parser, j.deferred)
			}
			return nil
		})
	}
	group.Go(func() error { return j.commit(ctx, ordered) })
	return group.Wait()
}

func (j *job) read(ctx context.Context, r *reader, raw, ordered chan<- *chunk) error {
	for {
		c, err := r.next()
		if err != nil {
			return fileError(j.options.Path, err)
		}
		if c == nil {
			return nil
		}
		for _, out := range []chan<- *chunk{raw, ordered} {
			select {
			case out <- c:
			case <-ctx.Done():
				return canceled(ctx.Err())
			}
		}
	}
}

// commit starts the chunks' transactions in order, some at a time, and returns
// when all have ended, with the first error.
func (j *job) commit(ctx context.Context, chunks <-chan *chunk) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	slots := make(chan struct{}, inFlight)
	last := &turn{over: make(chan struct{})}
	last.end(nil)
	var under []*started
	for c := range chunks {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return firstError(ctx, under)
		}
		select {
		case <-c.parsed:
		case <-ctx.Done():
			return firstError(ctx, under)
		}
		under = running(under)
		if apart(ctx, c, under) != nil {
			return firstError(ctx, under)
		}
		mine, before := &turn{over: make(chan struct{})}, last
		go func() {
			err := j.write(ctx, c, before)
			mine.end(err)
			if err != nil {
				cancel()
			}
			<-slots
		}()
		last = mine
		under = append(under, &started{chunk: c, turn: mine})
	}
	return firstError(ctx, under)
}

// started is a chunk whose transaction is under way.
type started struct {
	chunk *chunk
	turn  *turn
}

// running leaves out what has ended well.
func running(all []*started) []*started {
	for len(all) > 0 {
		select {
		case <-all[0].turn.over:
			if all[0].turn.err != nil {
				return all
			}
			all = all[1:]
		default:
			return all
		}
	}
	return all
}

// apart waits for the chunks under way that touch a source of this one: it
// would be run a second time, after them.
func apart(ctx context.Context, c *chunk, under []*started) error {
	for i := len(under) - 1; i >= 0; i-- {
		for _, g := range c.groups {
			if _, ok := under[i].chunk.touched[g.source]; ok {
				return under[i].turn.wait(ctx)
			}
		}
	}
	return nil
}

// firstError waits for what is under way and gives the error that began it,
// or that of ctx when it ended from outside.
func firstError(ctx context.Context, under []*started) (err error) {
	for _, s := range under {
		if <-s.turn.over; err == nil {
			err = s.turn.err
		}
	}
	if err == nil && ctx.Err() != nil {
		err = canceled(ctx.Err())
	}
	return err
}
