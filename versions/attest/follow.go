package attest

import (
	"context"
	"time"

	"stemma/entity"
)

// batch is how many leaves are taken in at once.
const batch = 1 << 14

// follow keeps the log up until ctx ends or it is halted. What is left then is
// signed too, unless that is very much.
func (l *Log) follow(ctx context.Context) {
	for last := false; !last; {
		last = ctx.Err() != nil
		more, err := l.step(context.WithoutCancel(ctx))
		if _, _, halted := l.now(); halted != nil {
			return
		}
		switch {
		case err != nil:
			l.log.Error("attesting the log; trying again", "err", err)
			l.edge = nil
			pause(ctx, time.Second)
		case !more:
			pause(ctx, l.interval)
			_ = l.store.Wait(ctx, entity.Seq(l.size)) // ctx ends, or the store does and the next step says so
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// syncEvery is how many leaves may be written and not synced. After a crash they
// are taken from the store again, and compared with what was signed.
const syncEvery = 1 << 16

// step takes in the next leaves and signs. There may be more at once.
func (l *Log) step(ctx context.Context) (more bool, err error) {
	const op = "attest.step"
	if l.edge == nil {
		if l.edge, err = l.files.edge(l.size); err != nil {
			return false, entity.Internal(op, err)
		}
	}
	digests, last, err := l.read(ctx)
	if err != nil {
		return false, err
	}
	size := l.size + int64(len(digests)/digestBytes)
	signs := size > l.head.Size && entity.Seq(size) >= l.from
	switch {
	case last < entity.Seq(l.size):
		return false, l.halt("the log ends at change %d, and %d changes were attested", last, l.size)
	case size > MaxLeaves:
		return false, l.halt("the log has more changes than a tree can hold: %d", MaxLeaves)
	case size == l.size && !signs:
		return false, nil
	}
	for i := 0; i < len(digests); i += digestBytes {
		l.edge.grow(LeafHash(entity.CIDOf(entity.Digest(digests[i:]))))
	}
	root, head := l.edge.root(), l.head
	if size == head.Size && root != head.Root {
		return false, l.halt("the first %d changes of the log have the root %s, and %s was signed", size, root, head.Root)
	}
	if err := l.files.write(l.size, digests, l.edge); err != nil {
		return false, entity.Internal(op, err)
	}
	l.edge.added = [levels][]byte{}
	if signs {
		if head, err = l.key.sign(size, root); err != nil {
			return false, err
		}
	}
	if err := l.keep(size, head, size-l.synced >= syncEvery); err != nil {
		return false, err
	}
	l.show(digests, size, head)
	return entity.Seq(size) < last, nil
}

// keep puts on disk what was signed, and what was written where that is asked for.
func (l *Log) keep(size int64, head Checkpoint, sync bool) error {
	const op = "attest.keep"
	if !sync && head == l.head {
		return nil
	}
	if sync {
		if err := l.files.sync(); err != nil {
			return entity.Internal(op, err)
		}
		l.synced = size
	}
	if err := l.files.setState(state{Size: l.synced, Checkpoint: head.Text}); err != nil {
		return entity.Internal(op, err)
	}
	return nil
}

// read gives the digests of the next changes, and the number of the last there is.
// It ends where a signed tree does, so that the two can be compared.
func (l *Log) read(ctx context.Context) (digests []byte, last entity.Seq, err error) {
	most := batch
	if left := l.head.Size - l.size; left > 0 {
		most = int(min(left, batch))
	}
	err = l.store.View(ctx, func(r entity.Reader) error {
		digests, last = nil, r.Seq()
		next := entity.Seq(l.size) + 1
		for rec, err := range r.Log(entity.Seq(l.size)) {
			if err != nil {
				return err
			}
			for i, c := range rec.Changes {
				if rec.Seq+entity.Seq(i) != next {
					continue // seen before
				}
				digests = append(digests, c.New[:]...)
				next++
				if len(digests) == most*digestBytes {
					return nil
				}
			}
		}
		return nil
	})
	return digests, last, err
}

// show lets everybody see what is on disk.
func (l *Log) show(digests []byte, size int64, head Checkpoint) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.enter(l.size, digests)
	l.size, l.head = size, head
	close(l.moved)
	l.moved = make(chan struct{})
}
