package retrieval

import (
	"context"
	"log/slog"
	"time"

	"stemma/api/llm/agent"
	"stemma/api/llm/tenant"
	"stemma/entity"
	"stemma/files"
	"stemma/files/index"
)

// stale tells whether a file's chunks are not those of its content, its knowledge
// base's settings and the server's embedder. A file without content has none.
func (b *Base) stale(m *entity.Manifest, split Split) (index.Content, bool) {
	c, ok := index.Of(m.Properties)
	if !ok || b == nil || b.o.Embedder == nil {
		return c, false
	}
	set := SetOf(m)
	return c, set.Content != c.CID.String() || set.Split != split.String() || set.Space != b.o.Embedder.Space().String()
}

// Refresh brings the chunks of a knowledge base's files up to date: of those whose
// content, cut or embedder is another than that of their chunks. It gives how many
// there were. What cannot be read has no chunks and stays so; the error is of what
// may be tried again, and the files before it are done.
func (b *Base) Refresh(ctx context.Context, s entity.Store, kb entity.ID) (done int, err error) {
	var all []*entity.Version
	var split Split
	err = s.View(ctx, func(r entity.Reader) error {
		in, err := Live(r, kb)
		if err != nil {
			return err
		}
		if b, err = b.Of(r, agent.Peer(in.Manifest, entity.PredicateTenant)); err != nil {
			return err
		}
		split = SettingsOf(in.Manifest).Split
		all, err = Files(r, kb)
		return err
	})
	if err != nil {
		return 0, err
	}
	for _, v := range all {
		c, stale := b.stale(v.Manifest, split)
		if !stale {
			continue
		}
		if err := b.refreshFile(ctx, s, v, c, split); err != nil {
			return done, err
		}
		done++
	}
	return done, nil
}

func (b *Base) refreshFile(ctx context.Context, s entity.Store, v *entity.Version, c index.Content, split Split) error {
	if changed, err := b.settled(ctx, s, v); err != nil || changed {
		return err // there is a newer one, which is looked at next
	}
	d := &Document{file: v.Manifest.ID, tip: v.CID, Name: v.Manifest.Label(), Content: c, split: split, space: b.o.Embedder.Space()}
	if name, _ := v.Manifest.Properties[index.Filename].(string); name != "" {
		d.Name = name
	}
	info, err := b.o.Blobs.Stat(ctx, c.CID)
	if err != nil {
		return err
	}
	content := files.NewReader(ctx, b.o.Blobs, info)
	err = b.prepare(ctx, d, split, content)
	content.Close()
	switch entity.KindOf(err) {
	case entity.KindInvalid, entity.KindUnsupported, entity.KindTooLarge:
		d.chunks, d.vectors, d.refused, err = nil, nil, message(err), nil // nothing to be found in it, however often it is read
	}
	if err != nil {
		return err
	}
	b.writing.Lock()
	defer b.writing.Unlock()
	return d.index(ctx, s)
}

// settled waits until nobody writes chunks, and tells whether a file has changed
// meanwhile.
func (b *Base) settled(ctx context.Context, s entity.Store, v *entity.Version) (changed bool, err error) {
	b.writing.Lock()
	defer b.writing.Unlock()
	err = s.View(ctx, func(r entity.Reader) error {
		h, err := r.Head(v.Manifest.ID)
		changed = err == nil && h.CID() != v.CID
		return err
	})
	return changed, err
}

// retryAfter is how long what could not be done waits.
const retryAfter = 30 * time.Second

// Follow keeps all knowledge bases of a store up to date until ctx ends: those
// that are stale at the start, and those whose files or settings change, by
// whichever view.
func (b *Base) Follow(ctx context.Context, s entity.Store, logger *slog.Logger) {
	var at entity.Seq
	due := map[entity.ID]bool{}
	err := b.all(ctx, s, &at, due)
	for ; ctx.Err() == nil; err = b.look(ctx, s, &at, due) {
		if err != nil {
			logger.Warn("knowledge bases cannot be followed; it will be tried again", "err", err)
		}
		for kb := range due {
			_, err := b.Refresh(ctx, s, kb)
			if err == nil || entity.KindOf(err) == entity.KindNotFound {
				delete(due, kb)
			} else if ctx.Err() == nil {
				logger.Warn("a knowledge base is not up to date; it will be tried again", "knowledge_base", kb, "err", err)
			}
		}
		if again, ok := b.rest(ctx, s, at, len(due) > 0 || err != nil); !ok {
			return
		} else if again {
			if err := b.all(ctx, s, new(entity.Seq), due); err != nil {
				logger.Warn("knowledge bases cannot be listed; those that change are followed", "err", err)
			}
		}
	}
}

// all has every knowledge base be due, as of a state.
func (b *Base) all(ctx context.Context, s entity.Store, at *entity.Seq, due map[entity.ID]bool) error {
	return s.View(ctx, func(r entity.Reader) error {
		*at = r.Seq()
		for t, err := range tenant.All(r) {
			if err != nil {
				return err
			}
			for kb, err := range tenant.KnowledgeBases(r, t.ID) {
				if err != nil {
					return err
				}
				due[kb.ID] = true
			}
		}
		return nil
	})
}

// rest waits until something is written behind a place, [Base.Again] is called, or
// what failed may be tried again. ok is false at the end.
func (b *Base) rest(ctx context.Context, s entity.Store, at entity.Seq, failed bool) (again, ok bool) {
	wait, stop := context.WithCancel(ctx)
	defer stop()
	if failed {
		late := time.AfterFunc(retryAfter, stop)
		defer late.Stop()
	}
	told := make(chan bool, 1)
	go func() {
		select {
		case <-b.renew:
			told <- true
		case <-wait.Done():
			told <- false
		}
		stop()
	}()
	err := s.Wait(wait, at)
	closed := err != nil && wait.Err() == nil
	stop()
	again = <-told
	return again, ctx.Err() == nil && !closed
}

// below adds the knowledge bases of a tenant and of those below it, whose embedder
// may be its.
func below(r entity.Reader, id entity.ID, due map[entity.ID]bool) error {
	all, err := tenant.WithBelow(r, id)
	if err != nil {
		return err
	}
	for _, t := range all {
		for kb, err := range tenant.KnowledgeBases(r, t) {
			if err != nil {
				return err
			}
			due[kb.ID] = true
		}
	}
	return nil
}

// look finds the knowledge bases that have changed since.
func (b *Base) look(ctx context.Context, s entity.Store, at *entity.Seq, due map[entity.ID]bool) error {
	return s.View(ctx, func(r entity.Reader) error {
		for rec, err := range r.Log(*at) {
			if err != nil {
				return err
			}
			for _, c := range rec.Changes {
				if c.Chain == "" && c.Type == entity.TypeTenant {
					if err := below(r, c.ID, due); err != nil {
						return err
					}
				}
				if c.Chain != "" || c.Type != entity.TypeFile && c.Type != entity.TypeCollection || c.Collection == "" || due[c.Collection] {
					continue
				}
				if _, err := Live(r, c.Collection); err == nil {
					due[c.Collection] = true
				} else if entity.KindOf(err) != entity.KindNotFound {
					return err
				}
			}
			*at = rec.Last()
		}
		return nil
	})
}
