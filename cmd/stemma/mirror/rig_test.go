package mirror_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"stemma/api/native"
	"stemma/api/wire"
	"stemma/cmd/stemma/mirror"
	"stemma/entity"
	"stemma/entity/listing"
	"stemma/entity/scope"
	"stemma/entity/store"
	"stemma/events/syncclient"
	"stemma/graph"
)

// source is the real server, over HTTP, that can die and can be lied about.
type source struct {
	stores  map[entity.Network]*store.Store
	handler http.Handler
	mu      sync.Mutex
	front   func(real http.Handler) http.Handler // nil: the truth
	server  *httptest.Server                     // nil: it is down
}

func newSource(t testing.TB) *source {
	t.Helper()
	s := &source{stores: map[entity.Network]*store.Store{}}
	var networks []native.Network
	for _, name := range []entity.Network{entity.Main, entity.Test} {
		index, scopes := graph.New(), scope.New()
		st := openStore(t, store.Options{Network: name, Projections: []entity.Projection{scopes}}, index)
		s.stores[name] = st
		networks = append(networks, native.Network{Store: st, Scopes: scopes, Graph: index})
	}
	s.handler = wire.New(wire.Options{Ops: native.New(time.Now, networks...).Operations()})
	s.start()
	t.Cleanup(s.kill)
	return s
}

// openStore opens a store with the projections of the server. When the test
// ends it is checked.
func openStore(t testing.TB, o store.Options, index *graph.Index) *store.Store {
	t.Helper()
	o.Projections = append(o.Projections, index, listing.Projection{})
	st, err := store.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, isBench := t.(*testing.B); !isBench {
			if _, err := st.Check(context.Background(), nil); err != nil {
				t.Errorf("store %s: %v", o.Network, err)
			}
		}
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return st
}

func newMirror(t testing.TB, name entity.Network) *store.Store {
	return openStore(t, store.Options{Network: name}, graph.New())
}

func (s *source) main() *store.Store { return s.stores[entity.Main] }

// start serves, at whatever address.
func (s *source) start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server == nil {
		s.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.serving().ServeHTTP(w, r) }))
	}
}

func (s *source) serving() http.Handler {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.front != nil {
		return s.front(s.handler)
	}
	return s.handler
}

// lie puts something in front of the truth; nil takes it away.
func (s *source) lie(front func(http.Handler) http.Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.front = front
}

// kill cuts every connection and serves no more.
func (s *source) kill() {
	s.mu.Lock()
	server := s.server
	s.server = nil
	s.mu.Unlock()
	if server != nil {
		server.Listener.Close()
		server.CloseClientConnections()
		server.Close()
	}
}

var errDown = errors.New("connection refused")

func (s *source) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server == nil {
		return nil, errDown
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", s.server.Listener.Addr().String())
}

// client follows the source wherever it serves.
func (s *source) client(t testing.TB, o syncclient.Options) *syncclient.Client {
	t.Helper()
	o.HTTP = &http.Client{Transport: &http.Transport{DialContext: s.dial, DisableCompression: true, MaxIdleConnsPerHost: 8}}
	if o.Retry.First == 0 {
		o.Retry.First, o.Retry.Most = time.Millisecond, 5*time.Millisecond
	}
	c, err := syncclient.New("http://source.test", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// once mirrors until up to date.
func (s *source) once(t testing.TB, into entity.Store) (mirror.Report, error) {
	t.Helper()
	return mirror.Run(t.Context(), into, mirror.Options{Source: s.client(t, syncclient.Options{Network: into.Network()}), Once: true})
}

func (s *source) mustOnce(t testing.TB, into entity.Store) mirror.Report {
	t.Helper()
	r, err := s.once(t, into)
	if err != nil {
		t.Fatalf("mirror: %v", err)
	}
	return r
}

// writer makes changes of every kind, by several people.
type writer struct {
	store entity.Store
	rand  *rand.Rand
	ids   []entity.ID
	dead  map[entity.ID]bool
}

func newWriter(s entity.Store, seed uint64) *writer {
	return &writer{store: s, rand: rand.New(rand.NewPCG(seed, 1)), dead: map[entity.ID]bool{}}
}

var people = []entity.Actor{
	{UserID: "01JQ00000000000000000000AA", Method: entity.MethodManual},
	{UserID: "01JQ00000000000000000000BB", Method: entity.MethodAI, OnBehalfOf: "01JQ00000000000000000000AA"},
	{UserID: "01JQ00000000000000000000CC", Method: entity.MethodImport},
}

// write makes so many transactions of a few changes each.
func (w *writer) write(t testing.TB, n int) {
	t.Helper()
	for range n {
		if err := w.step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func (w *writer) step(ctx context.Context) error {
	steps := 1 + w.rand.IntN(4)
	choices := make([]int, 3*steps)
	for i := range choices {
		choices[i] = w.rand.IntN(1 << 20)
	}
	ids, dead := w.ids, w.dead
	_, err := w.store.Update(ctx, people[w.rand.IntN(len(people))], func(tx entity.Tx) error {
		w.ids, w.dead = append([]entity.ID(nil), ids...), map[entity.ID]bool{}
		for id, is := range dead {
			w.dead[id] = is
		}
		for i := 0; i < len(choices); i += 3 {
			if err := w.change(tx, choices[i]%10, choices[i+1], choices[i+2]); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

func (w *writer) change(tx entity.Tx, what, which, value int) error {
	if len(w.ids) == 0 || what < 3 {
		return w.create(tx, which, value)
	}
	id := w.ids[which%len(w.ids)]
	var err error
	switch {
	case what < 5:
		chain := []string{"steps", "messages"}[value%2]
		_, err = tx.Append(id, chain, entity.Any, entity.Properties{"text": fmt.Sprint("block ", value)})
	case w.dead[id]:
		w.dead[id] = false
		_, err = tx.Put(id, entity.Any, func(m *entity.Manifest) error {
			m.Properties = entity.Properties{"label": "restored", "value": int64(value)}
			return nil
		})
	case what < 6:
		w.dead[id] = true
		_, err = tx.Put(id, entity.Any, func(m *entity.Manifest) error {
			m.Bury(entity.Tombstone{DeletedAt: m.CreatedAt, DeletedBy: people[0].UserID, OriginalVer: m.Ver})
			return nil
		})
	default:
		peer := w.ids[value%len(w.ids)]
		_, err = tx.Put(id, entity.Any, func(m *entity.Manifest) error {
			m.Properties["value"] = int64(value)
			if m.Related("knows", peer) < 0 {
				m.Relationships = append(m.Relationships, entity.Relationship{Predicate: "knows", Peer: peer})
			}
			return nil
		})
	}
	return err
}

func (w *writer) create(tx entity.Tx, which, value int) error {
	d := entity.Draft{Type: "person", Properties: entity.Properties{"label": fmt.Sprint("person ", value), "value": float64(value) + 0.5}}
	switch {
	case len(w.ids) == 0:
		d.Type = entity.TypeCollection
	default:
		d.Relationships = []entity.Relationship{{Predicate: entity.PredicateCollection, Peer: w.ids[0]}}
	}
	v, err := tx.Create(d)
	if err == nil {
		w.ids = append(w.ids, v.Manifest.ID)
	}
	return err
}

func projections() []entity.Projection {
	return []entity.Projection{graph.New(), listing.Projection{}}
}
