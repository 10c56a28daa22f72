package search

import (
	"context"
	"slices"
	"sync"
	"time"

	"stemma/entity"
	"stemma/query/search/fulltext"
)

// Bounds of what is taken in at once.
const (
	maxChanges = 1000    // changes of the log
	maxBytes   = 8 << 20 // of text, after which a batch is full
)

// step is what a piece of the log asks of an index: the tips of what changed in
// it, which may be of a little later, and where to go on.
type step struct {
	live    []*entity.Manifest
	dead    []entity.ID
	touched map[entity.ID]bool // the collections that what changed belongs to, and belonged to
	cursor  entity.Seq
	last    entity.Seq // of the log
	log     string     // its name
}

// stepAfter reads the next piece of the log; the cursor is after when there is
// none.
func stepAfter(ctx context.Context, s entity.Store, after entity.Seq, most int) (out step, err error) {
	err = s.View(ctx, func(r entity.Reader) error {
		out = step{cursor: after, last: r.Seq(), touched: make(map[entity.ID]bool)}
		if out.log, err = logName(r); err != nil {
			return err
		}
		var ids []entity.ID
		met := make(map[entity.ID]bool)
	log:
		for rec, err := range r.Log(after) {
			if err != nil {
				return err
			}
			for i, c := range rec.Changes {
				at := rec.Seq + entity.Seq(i)
				if at <= after {
					continue
				}
				if len(ids) == most {
					break log
				}
				out.cursor = at
				if c.Kind == entity.Appended {
					continue
				}
				out.touched[c.Collection] = true
				if met[c.ID] {
					continue
				}
				met[c.ID] = true
				ids = append(ids, c.ID)
				if c.Kind == entity.Updated {
					was, err := r.Manifest(entity.CIDOf(c.Old))
					if err != nil {
						return err
					}
					out.touched[was.Collection()] = true
				}
			}
		}
		for _, id := range ids {
			h, err := r.Head(id)
			if err != nil {
				return err
			}
			if h.Deleted {
				out.dead = append(out.dead, id)
				continue
			}
			m, err := r.Manifest(h.CID())
			if err != nil {
				return err
			}
			out.live = append(out.live, m)
		}
		return nil
	})
	return out, err
}

// logName names a log by what never changes in it: its network and its first
// change; "" as long as there is none.
func logName(r entity.Reader) (string, error) {
	for rec, err := range r.Log(0) {
		if err != nil {
			return "", err
		}
		return string(r.Network()) + " " + rec.Changes[0].CID().String(), nil
	}
	return "", nil
}

// progress is a number that rises, and that can be waited for.
type progress struct {
	mu    sync.Mutex
	seq   entity.Seq
	quiet bool // nobody is to wait for it now
	moved chan struct{}

	wanted entity.Seq // the largest that was waited for
	asked  chan struct{}
}

func newProgress(at entity.Seq) *progress {
	return &progress{seq: at, moved: make(chan struct{}), asked: make(chan struct{})}
}

func (p *progress) set(seq entity.Seq, quiet bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seq, p.quiet = seq, quiet
	close(p.moved)
	p.moved = make(chan struct{})
}

func (p *progress) get() (seq entity.Seq, quiet bool, moved <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seq, p.quiet, p.moved
}

// wait returns when seq is reached, or nobody is to wait.
func (p *progress) wait(ctx context.Context, closed <-chan struct{}, seq entity.Seq) error {
	const op = "search.Wait"
	p.want(seq)
	for {
		at, quiet, moved := p.get()
		if at >= seq || quiet {
			return nil
		}
		select {
		case <-moved:
		case <-closed:
			return entity.Errorf(entity.KindUnavailable, op, "the search index is closed")
		case <-ctx.Done():
			return ended(op, ctx)
		}
	}
}

// want says that somebody waits.
func (p *progress) want(seq entity.Seq) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if seq > p.wanted {
		p.wanted = seq
		close(p.asked)
		p.asked = make(chan struct{})
	}
}

// gathering is for how long an index that is at the end of the log lets changes
// come together, at least. Of an entity that is changed time and again only what
// it is then is taken in, and what is written at once is synced at once.
//
// Measured with 64 connections that update 500 entities, on 2 cores that client,
// server and both indexes share: 2,700 to 3,100 updates a second without it,
// 8,700 to 9,400 with it.
const gathering = 200 * time.Millisecond

// gather lets changes after a number come together, unless somebody waits for
// one: for as long as the last ones have taken, so that whoever writes has at
// least half of the time for themselves.
func (p *progress) gather(ctx context.Context, after entity.Seq, spent time.Duration) {
	t := time.NewTimer(min(max(gathering, spent), time.Second))
	defer t.Stop()
	for {
		p.mu.Lock()
		wanted, asked := p.wanted > after, p.asked
		p.mu.Unlock()
		if wanted {
			return
		}
		select {
		case <-asked:
		case <-t.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// ended is the error of a context that is done.
func ended(op string, ctx context.Context) error {
	kind := entity.KindCanceled
	if ctx.Err() == context.DeadlineExceeded {
		kind = entity.KindTimeout
	}
	return &entity.Error{Kind: kind, Op: op, Err: ctx.Err()}
}

// textBatch is what is put into the full text index at once.
type textBatch struct {
	put    fulltext.Prepared
	remove []entity.ID
	mark   fulltext.Mark
}

// followText keeps the full text index up until ctx ends: while one batch is
// written the next is read and analyzed.
func (x *Index) followText(ctx context.Context) {
	batches := make(chan textBatch)
	var group sync.WaitGroup
	group.Go(func() {
		defer close(batches)
		x.readText(ctx, batches)
	})
	for b := range batches {
		x.writeText(ctx, b)
	}
	group.Wait()
}

// writeText puts a batch in, and tries until it is.
func (x *Index) writeText(ctx context.Context, b textBatch) {
	for ctx.Err() == nil {
		err := x.text.Apply(b.put, b.remove, b.mark)
		if err == nil {
			x.seen.set(b.mark.At, false)
			return
		}
		x.log.Error("writing the full text index; trying again", "err", err)
		pause(ctx, time.Second)
	}
}

// readText makes batches of the log until ctx ends.
func (x *Index) readText(ctx context.Context, out chan<- textBatch) {
	files := newRetry(x)
	at := x.text.Mark()
	for ctx.Err() == nil {
		next, err := x.textStep(ctx, at, files, out)
		if err != nil && ctx.Err() == nil {
			x.log.Error("following the log for full text; trying again", "err", err)
			pause(ctx, time.Second)
			continue
		}
		at = next
	}
}

// textStep reads the next piece of the log, or waits for one.
func (x *Index) textStep(ctx context.Context, at fulltext.Mark, files *retry, out chan<- textBatch) (fulltext.Mark, error) {
	begin := time.Now()
	// So no search has to read more of the log than a little.
	if err := x.store.View(ctx, x.table.follow); err != nil {
		return at, err
	}
	s, err := stepAfter(ctx, x.store, at.At, maxChanges)
	if err != nil {
		return at, err
	}
	if s.cursor == at.At {
		waiting, stop := files.until(ctx)
		defer stop()
		if err := x.store.Wait(waiting, at.At); ctx.Err() == nil && waiting.Err() == nil {
			return at, err
		}
		if s.live, err = files.due(ctx); err != nil || len(s.live) == 0 {
			return at, err
		}
	}
	next := fulltext.Mark{Log: s.log, At: s.cursor}
	for {
		var put []fulltext.Document
		for size := 0; len(s.live) > 0 && size < maxBytes; s.live = s.live[1:] {
			content, err := x.content(ctx, s.live[0])
			if ctx.Err() != nil {
				return at, nil
			}
			files.note(s.live[0].ID, err)
			d := documentOf(s.live[0], content)
			for _, p := range d.Parts {
				size += len(p)
			}
			put = append(put, d)
		}
		b := textBatch{put: fulltext.Prepare(put), mark: at} // the mark waits for the rest
		if len(s.live) == 0 {
			b.remove, b.mark = s.dead, next
		}
		select {
		case out <- b:
		case <-ctx.Done():
			return at, nil
		}
		if len(s.live) == 0 {
			if s.cursor == s.last {
				x.seen.gather(ctx, s.cursor, time.Since(begin))
			}
			return next, nil
		}
	}
}

// content is the text of a file's content, "" for what has none.
func (x *Index) content(ctx context.Context, m *entity.Manifest) (string, error) {
	if x.contents == nil || m.Type != entity.TypeFile {
		return "", nil
	}
	text, err := x.contents.Text(ctx, m.Properties, maxIndexed)
	if err != nil {
		if ctx.Err() == nil {
			x.log.Warn("the text of a file cannot be read; it is found by its properties until it can", "file", m.ID, "err", err)
		}
		return "", err
	}
	return fulltext.Cut(text, maxIndexed), nil
}

// pause waits, unless ctx ends first.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// retry has the files whose content could not be read, to be tried again. It is
// of one goroutine.
type retry struct {
	x    *Index
	ids  []entity.ID
	next time.Time
	wait time.Duration
}

// The times between two tries at files.
const (
	retryFirst = 5 * time.Second
	retryMost  = 10 * time.Minute
)

func newRetry(x *Index) *retry { return &retry{x: x, wait: retryFirst} }

// note takes down how the content of a file was read.
func (r *retry) note(id entity.ID, err error) {
	i := slices.Index(r.ids, id)
	switch {
	case err == nil && i >= 0:
		r.ids = slices.Delete(r.ids, i, i+1)
		r.wait = retryFirst
	case err != nil && i < 0:
		if r.ids = append(r.ids, id); len(r.ids) == 1 {
			r.next = r.x.clock().Add(r.wait)
		}
	}
}

// until is ctx as long as no file is due.
func (r *retry) until(ctx context.Context) (context.Context, context.CancelFunc) {
	if len(r.ids) == 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, max(0, r.next.Sub(r.x.clock())))
}

// due are the files to be tried now.
func (r *retry) due(ctx context.Context) (live []*entity.Manifest, err error) {
	r.wait = min(2*r.wait, retryMost)
	r.next = r.x.clock().Add(r.wait)
	err = r.x.store.View(ctx, func(rd entity.Reader) error {
		live = live[:0]
		var kept []entity.ID
		for _, id := range r.ids {
			h, err := rd.Head(id)
			if err != nil {
				return err
			}
			if h.Deleted {
				continue
			}
			m, err := rd.Manifest(h.CID())
			if err != nil {
				return err
			}
			kept, live = append(kept, id), append(live, m)
		}
		r.ids = kept
		return nil
	})
	return live, err
}
