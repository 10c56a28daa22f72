package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"stemma/entity"
	"stemma/entity/store"
	"stemma/versions"
)

// archive is entities with few versions and one with many. What is read is the
// same few oldest versions of each, so that the work and what the caches hold
// are the same and only the length of the history differs: of the long one they
// are those that are furthest from its tip.
type archive struct {
	few   []entity.ID
	many  entity.ID
	least int // versions of the few
	next  int // of the few, to be restored
}

// pick is an entity with a short history, or the one with the long one, and one
// of its oldest versions but the first.
func (a *archive) pick(many bool) (id entity.ID, ver int64) {
	ver = 2 + rand.Int64N(int64(a.least)-1)
	if many {
		return a.many, ver
	}
	return a.few[0], ver
}

// fresh is pick for a restore, which makes a history longer: the next of the
// few, so that each stays short.
func (a *archive) fresh(many bool) (id entity.ID, ver int64) {
	id, ver = a.pick(many)
	if !many {
		a.next++
		id = a.few[a.next%len(a.few)]
	}
	return id, ver
}

// versions is history, diff and restore of an entity with few versions and of
// one with many: in the engine, and over HTTP.
func (r *runner) versions(ctx context.Context) (results []Result, err error) {
	dir, done, err := r.scratch()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, done()) }()
	s, _, err := r.openStore(mainStore(dir))
	if err != nil {
		return nil, err
	}
	var remote *remoteArchive
	a, err := newArchive(ctx, s, r.Sizes)
	if err == nil {
		results, err = r.compareLengths(ctx, "engine", &localArchive{a, s})
	}
	if err == nil {
		remote, err = newRemoteArchive(ctx, a, s)
	}
	if err = errors.Join(err, s.Close()); err != nil {
		return results, err
	}
	err = r.served(ctx, Child{Data: dir}, 1, func(p *process, conns []*conn) error {
		remote.conn = conns[0]
		more, err := r.compareLengths(ctx, "HTTP", remote)
		results = append(results, more...)
		return err
	})
	return results, err
}

func newArchive(ctx context.Context, s *store.Store, z Sizes) (*archive, error) {
	a := &archive{few: make([]entity.ID, z.Restores), least: z.FewVersions}
	p := newProse()
	var err error
	for i := range a.few {
		if a.few[i], err = newHistory(ctx, s, p, z.FewVersions); err != nil {
			return nil, err
		}
	}
	a.many, err = newHistory(ctx, s, p, z.ManyVersions)
	return a, err
}

// newHistory creates an entity with n versions, up to 500 to an update.
func newHistory(ctx context.Context, s *store.Store, p prose, n int) (id entity.ID, err error) {
	for done := 0; done < n; {
		var batch int
		_, err := s.Update(ctx, actor, func(tx entity.Tx) error {
			batch = 0
			if done == 0 {
				v, err := tx.Create(entity.Draft{Type: "note", Properties: p.properties()})
				if err != nil {
					return err
				}
				id = v.Manifest.ID
				batch++
			}
			for ; batch < min(500, n-done); batch++ {
				if _, err := tx.Put(id, entity.Any, func(m *entity.Manifest) error {
					m.Properties["text"] = p.text(textSize)
					return nil
				}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return id, err
		}
		done += batch
	}
	return id, nil
}

// reading is what is done with histories. many says with which.
type reading interface {
	history(ctx context.Context, many bool) error
	diff(ctx context.Context, many bool) error
	restore(ctx context.Context, many bool) error
}

// compareLengths does each with the long history and, in turn, with the short.
func (r *runner) compareLengths(ctx context.Context, where string, read reading) (results []Result, err error) {
	for _, op := range []struct {
		what string
		do   func(ctx context.Context, many bool) error
		most int // operations of a repeat; 0: as many as the window holds
	}{
		{"history page of 10", read.history, 0},
		{"diff of two versions", read.diff, 0},
		{"restore", read.restore, r.Sizes.Restores},
	} {
		what := fmt.Sprintf("%s at %d versions, %s", op.what, r.Sizes.ManyVersions, where)
		long := func() error { return op.do(ctx, true) }
		short := func() error { return op.do(ctx, false) }
		var took [][]float64
		if op.most == 0 {
			rates, err := r.contest(ctx, r.Sizes.brief(), steady(long), steady(short))
			if err != nil {
				return results, err
			}
			took = [][]float64{micros(rates[0]), micros(rates[1])}
		} else if took, err = r.alternate(op.most, long, short); err != nil {
			return results, err
		}
		results = append(results, compare(what, "µs", fmt.Sprintf("the same at %d versions", r.Sizes.FewVersions), took[0], took[1], Goal{AtMost: 1.5, Text: "≤ 1.5x"}))
	}
	return results, ctx.Err()
}

// alternate does two things n times in each repeat, one after the other, and
// gives the microseconds that each took at the median of a repeat: both wait
// for the disk, whose pauses say nothing about either.
func (r *runner) alternate(n int, ops ...func() error) (took [][]float64, err error) {
	took = make([][]float64, len(ops))
	for range r.Repeat {
		single := make([][]time.Duration, len(ops))
		for range n {
			for i, op := range ops {
				began := time.Now()
				if err := op(); err != nil {
					return nil, err
				}
				single[i] = append(single[i], time.Since(began))
			}
		}
		for i := range ops {
			took[i] = append(took[i], float64(percentile(single[i], 50).Nanoseconds())/1e3)
		}
	}
	return took, nil
}

// localArchive reads through the store and the package versions.
type localArchive struct {
	*archive
	store *store.Store
}

func (l *localArchive) history(ctx context.Context, many bool) error {
	return l.store.View(ctx, func(r entity.Reader) error {
		id, ver := l.pick(many)
		from, err := r.VersionAt(id, ver)
		if err != nil {
			return err
		}
		page, err := versions.History(r, id, from, versions.DefaultLimit)
		if err == nil && page.Versions[0].Ver != ver {
			err = fmt.Errorf("the page begins with version %d, not %d", page.Versions[0].Ver, ver)
		}
		return err
	})
}

func (l *localArchive) diff(ctx context.Context, many bool) error {
	return l.store.View(ctx, func(r entity.Reader) error {
		id, ver := l.pick(many)
		to, err := r.VersionAt(id, ver)
		if err != nil {
			return err
		}
		pair, err := versions.Diff(r, id, entity.CID{}, to)
		if err != nil {
			return err
		}
		if changes := versions.Semantic(pair.From.Manifest, pair.To.Manifest); len(changes.Properties.Changed) != 1 {
			return fmt.Errorf("the diff has %d properties, not 1", len(changes.Properties.Changed))
		}
		return nil
	})
}

func (l *localArchive) restore(ctx context.Context, many bool) error {
	id, ver := l.fresh(many)
	_, err := l.store.Update(ctx, actor, func(tx entity.Tx) error {
		target, err := versions.At(tx, id, ver)
		if err != nil {
			return err
		}
		_, err = tx.Put(id, entity.Any, versions.Revert(target.Manifest))
		return err
	})
	return err
}

// remoteArchive reads over HTTP.
type remoteArchive struct {
	*archive
	conn *conn
	cids map[entity.ID][]string // of the versions read, from version 2 on
}

// newRemoteArchive looks up the names of the versions to be read.
func newRemoteArchive(ctx context.Context, a *archive, s *store.Store) (*remoteArchive, error) {
	m := &remoteArchive{archive: a, cids: make(map[entity.ID][]string)}
	return m, s.View(ctx, func(r entity.Reader) error {
		for _, id := range []entity.ID{a.few[0], a.many} {
			for ver := int64(2); ver <= int64(a.least); ver++ {
				c, err := r.VersionAt(id, ver)
				if err != nil {
					return err
				}
				m.cids[id] = append(m.cids[id], c.String())
			}
		}
		return nil
	})
}

// version is a version to be read, and its name.
func (m *remoteArchive) version(many bool) (id entity.ID, ver int64, c string) {
	id, ver = m.pick(many)
	return id, ver, m.cids[id][ver-2]
}

func (m *remoteArchive) history(_ context.Context, many bool) error {
	id, ver, c := m.version(many)
	a, err := m.conn.must(200, "GET", "/versions/"+string(id)+"?limit=10&from="+c, nil)
	if n := bytes.Count(a.body, []byte(`"cid":`)); err == nil && n != int(ver) {
		err = fmt.Errorf("the page from version %d holds %d versions", ver, n)
	}
	return err
}

func (m *remoteArchive) diff(_ context.Context, many bool) error {
	id, _, c := m.version(many)
	_, err := m.conn.must(200, "GET", "/entities/"+string(id)+"/diff?to="+c, nil)
	return err
}

func (m *remoteArchive) restore(_ context.Context, many bool) error {
	id, ver := m.fresh(many)
	a, err := m.conn.must(200, "GET", "/entities/"+string(id)+"/tip", nil)
	if err != nil {
		return err
	}
	body := fmt.Appendf(nil, `{"expect_tip":"%s","ver":%d}`, a.etag, ver)
	if a, err = m.conn.must(200, "POST", "/entities/"+string(id)+"/restore", body); err != nil {
		return err
	}
	var made struct {
		RestoredFromVer int64 `json:"restored_from_ver"`
	}
	if err := json.Unmarshal(a.body, &made); err != nil || made.RestoredFromVer != ver {
		return fmt.Errorf("restored from version %d, not %d (%w)", made.RestoredFromVer, ver, err)
	}
	return nil
}
