package search

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"stemma/entity"
	"stemma/query/search/embed"
	"stemma/query/search/vector"
)

// meaning is the search by vectors: one space that serves, and maybe one that is
// being made to take its place.
type meaning struct {
	x    *Index
	dir  string
	seen *progress // of the space of the configured embedder

	mu       sync.RWMutex // held for reading while a space is used
	serving  *space
	building *space // nil for none
}

// space is the vectors of one embedder.
type space struct {
	name      embed.Space
	embedder  Embedder // nil: of a former space whose embedder is not there
	store     vector.Store
	dir       string // "" where the place is not ours
	far       bool   // each look at a vector is a request
	failing   atomic.Bool
	whole     atomic.Bool  // has been at the end of the log
	resting   atomic.Int64 // until when no query asks the embedder, ms since 1970; see [space.ask]
	centroids centroids
}

// servingFile names the space that served last.
const servingFile = "serving"

func openMeaning(x *Index, o Options) (m *meaning, err error) {
	m = &meaning{x: x, dir: filepath.Join(x.dir, "vectors")}
	if err := os.MkdirAll(m.dir, 0o700); err != nil {
		return nil, entity.Internal("search.Open", err)
	}
	var last entity.Seq
	err = x.store.View(context.Background(), func(r entity.Reader) error { last = r.Seq(); return nil })
	if err != nil {
		return nil, err
	}
	now, err := m.open(o, o.Embedder, last)
	if err != nil {
		return nil, err
	}
	now.whole.Store(now.store.Cursor() >= last)
	m.serving, m.seen = now, newProgress(now.store.Cursor())
	m.seen.set(now.store.Cursor(), last-min(last, now.store.Cursor()) > longWay)
	was, err := os.ReadFile(filepath.Join(m.dir, servingFile))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, errors.Join(entity.Internal("search.Open", err), m.close())
	}
	if name := string(was); name != "" && name != now.name.String() {
		if err := m.keepServing(o, name, last); err != nil {
			return nil, errors.Join(err, m.close())
		}
	}
	if m.building == nil {
		err = m.noteServing()
	}
	if err != nil {
		return nil, errors.Join(err, m.close())
	}
	return m, nil
}

// keepServing lets the space that served last go on, if its embedder is there
// and its vectors are.
func (m *meaning) keepServing(o Options, name string, last entity.Seq) error {
	for _, e := range o.Former {
		if e.Space().String() != name {
			continue
		}
		if _, err := os.Stat(m.dirOf(name)); err != nil {
			return nil
		}
		former, err := m.open(o, e, last)
		if err != nil {
			return err
		}
		m.serving, m.building = former, m.serving
		m.x.log.Info("the space of vectors has changed; the old one serves while the new one is made", "old", name, "new", m.building.name.String())
	}
	return nil
}

func (m *meaning) dirOf(name string) string {
	sum := sha256.Sum256([]byte(name))
	return filepath.Join(m.dir, hex.EncodeToString(sum[:8]))
}

func (m *meaning) open(o Options, e Embedder, last entity.Seq) (*space, error) {
	name := e.Space()
	s := &space{name: name, embedder: e}
	var err error
	if s.far = o.Vectors != nil; s.far {
		s.store, err = o.Vectors(name, last)
	} else {
		s.dir = m.dirOf(name.String())
		s.store, err = vector.Open(vector.Options{Dir: s.dir, Space: name.String(), Dimensions: name.Dimensions})
	}
	return s, err
}

// noteServing writes down what serves, and removes what does not any more.
func (m *meaning) noteServing() error {
	const op = "search.noteServing"
	path := filepath.Join(m.dir, servingFile)
	if err := os.WriteFile(path+".new", []byte(m.serving.name.String()), 0o600); err != nil {
		return entity.Internal(op, err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return entity.Internal(op, err)
	}
	entries, err := os.ReadDir(m.dir)
	if err != nil {
		return entity.Internal(op, err)
	}
	for _, e := range entries {
		if dir := filepath.Join(m.dir, e.Name()); e.IsDir() && dir != m.serving.dir {
			if err := os.RemoveAll(dir); err != nil {
				return entity.Internal(op, err)
			}
		}
	}
	return nil
}

func (m *meaning) close() (err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range []*space{m.serving, m.building} {
		if s != nil {
			err = errors.Join(err, s.store.Close())
		}
	}
	m.serving, m.building = nil, nil
	return err
}

// run keeps the spaces up until ctx ends.
func (m *meaning) run(ctx context.Context) {
	m.mu.RLock()
	serving, building := m.serving, m.building
	m.mu.RUnlock()
	if building == nil {
		m.follow(ctx, serving, m.seen)
		return
	}
	var group sync.WaitGroup
	old, stop := context.WithCancel(ctx)
	group.Go(func() { m.follow(old, serving, nil) })
	m.until(ctx, building)
	stop()
	group.Wait()
	if ctx.Err() == nil {
		m.change(ctx)
		m.follow(ctx, building, m.seen)
	}
}

// until follows until the end of the log.
func (m *meaning) until(ctx context.Context, s *space) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	for ctx.Err() == nil && !s.whole.Load() {
		m.attempt(ctx, s, m.seen)
	}
}

// change lets the space that was being made serve.
func (m *meaning) change(ctx context.Context) {
	m.mu.Lock()
	old := m.serving
	m.serving, m.building = m.building, nil
	err := errors.Join(old.store.Close(), m.noteServing())
	m.mu.Unlock()
	if err != nil {
		m.x.log.Error("leaving the old space of vectors behind", "err", err)
	}
	m.x.log.Info("the new space of vectors serves", "space", m.serving.name.String())
}

func (m *meaning) follow(ctx context.Context, s *space, at *progress) {
	for ctx.Err() == nil {
		m.attempt(ctx, s, at)
	}
}

// The times between two tries at an embedder that fails.
const (
	embedFirst = 500 * time.Millisecond
	embedMost  = time.Minute
)

// attempt takes a piece of the log in, and tries until it is.
func (m *meaning) attempt(ctx context.Context, s *space, at *progress) {
	for wait := embedFirst; ctx.Err() == nil; wait = min(2*wait, embedMost) {
		err := m.step(ctx, s, at)
		if err == nil || ctx.Err() != nil {
			s.failing.Store(s.failing.Load() && err != nil)
			return
		}
		if !s.failing.Swap(true) {
			m.x.log.Error("entities cannot be embedded; they are found by text until they can", "space", s.name.String(), "err", err)
		}
		if at != nil {
			at.set(s.store.Cursor(), true)
		}
		pause(ctx, wait)
	}
}

// longWay is how many changes vectors may be behind for [Index.Wait] to wait for
// them: a few seconds of a model's time.
const longWay = 2000

// maxEmbed bounds the entities that are embedded at once: what is lost when one
// of them fails.
const maxEmbed = 256

// step takes the next piece of the log in, or waits for one.
func (m *meaning) step(ctx context.Context, s *space, at *progress) error {
	begin := time.Now()
	cursor := s.store.Cursor()
	piece, err := stepAfter(ctx, m.x.store, cursor, maxEmbed)
	if err != nil {
		return err
	}
	if piece.cursor == cursor {
		if s.whole.Store(true); at != nil {
			at.set(cursor, false)
			if m.isBuilding(s) {
				return nil
			}
		}
		return m.x.store.Wait(ctx, cursor)
	}
	var rows []vector.Row
	var texts []string
	remove := piece.dead
	for _, e := range piece.live {
		content, err := m.x.content(ctx, e)
		if err != nil && ctx.Err() != nil {
			return nil
		}
		text := embedded(e, content)
		if strings.TrimSpace(text) == "" {
			remove = append(remove, e.ID)
			continue
		}
		rows = append(rows, vector.Row{ID: e.ID, Type: e.Type, Collection: e.Collection()})
		texts = append(texts, text)
	}
	vectors, err := m.embed(ctx, s, texts)
	if err != nil {
		return err
	}
	put := rows[:0]
	for i, r := range rows {
		if r.Vector = vectors[i]; isZero(r.Vector) {
			remove = append(remove, r.ID)
		} else {
			put = append(put, r)
		}
	}
	if err := s.store.Apply(ctx, put, remove, piece.cursor); err != nil {
		return err
	}
	s.centroids.forget(piece.touched)
	if piece.cursor == piece.last {
		s.whole.Store(true)
	}
	if at != nil {
		at.set(piece.cursor, piece.last-piece.cursor > longWay)
		if piece.cursor == piece.last && !m.isBuilding(s) {
			at.gather(ctx, piece.cursor, time.Since(begin))
		}
	}
	return nil
}

func (m *meaning) isBuilding(s *space) bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.building == s
}

// embed gives a vector for each text; nil for one that the embedder refuses.
func (m *meaning) embed(ctx context.Context, s *space, texts []string) ([][]float32, error) {
	if len(texts) == 0 {
		return nil, nil
	}
	out, err := s.embedder.Embed(ctx, embed.Document, texts)
	if err == nil && len(out) != len(texts) {
		err = entity.Errorf(entity.KindInternal, "search.embed", "the embedder gave %d vectors for %d texts", len(out), len(texts))
	}
	if err == nil || entity.KindOf(err) != entity.KindInvalid {
		return out, err
	}
	if len(texts) == 1 {
		m.x.log.Warn("the embedder refuses the text of an entity; it is found by its words alone", "err", err)
		return [][]float32{nil}, nil
	}
	half := len(texts) / 2
	first, err := m.embed(ctx, s, texts[:half])
	if err != nil {
		return nil, err
	}
	second, err := m.embed(ctx, s, texts[half:])
	return append(slices.Clip(first), second...), err
}

func isZero(v []float32) bool {
	for _, f := range v {
		if f != 0 {
			return false
		}
	}
	return true
}

func (m *meaning) status(s *Status) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.serving == nil {
		return
	}
	s.Serving, s.Embedded = m.serving.name.String(), m.serving.store.Stats().Rows
	at := m.serving
	if m.building != nil {
		s.Building, at = m.building.name.String(), m.building
	}
	stats := at.store.Stats()
	s.Waiting = max(0, s.Documents-stats.Rows)
	s.Recall, s.Exact = stats.Recall, stats.Exact
}

// use runs fn on the space that serves. ok is false when it cannot answer: there
// is none, or its embedder has not come to all that there was at the start.
func (m *meaning) use(fn func(*space) error) (ok bool, err error) {
	if m == nil {
		return false, nil
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.serving == nil {
		return false, nil
	}
	if err := fn(m.serving); err != nil {
		return false, err
	}
	return m.serving.whole.Load() && !m.serving.silent(m.x.clock()), nil
}
