package syncclient_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"stemma/api/native"
	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/listing"
	"stemma/entity/scope"
	"stemma/entity/store"
	"stemma/events/syncclient"
	"stemma/graph"
)

// newServer is the real handler over real stores in memory.
func newServer(t testing.TB) (*store.Store, http.Handler) {
	t.Helper()
	stores, handler, err := openServer()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, s := range stores {
			if _, err := s.Check(context.Background(), nil); err != nil {
				t.Error(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	return stores[0], handler
}

func openServer() (stores []*store.Store, h http.Handler, err error) {
	var networks []native.Network
	for _, name := range []entity.Network{entity.Main, entity.Test} {
		index, scopes := graph.New(), scope.New()
		s, err := store.Open(store.Options{Network: name, Projections: []entity.Projection{index, listing.Projection{}, scopes}})
		if err != nil {
			return nil, nil, err
		}
		stores = append(stores, s)
		networks = append(networks, native.Network{Store: s, Scopes: scopes, Graph: index})
	}
	return stores, wire.New(wire.Options{Ops: native.New(time.Now, networks...).Operations()}), nil
}

// serve gives a client of the handler, over HTTP.
func serve(t testing.TB, h http.Handler, o syncclient.Options) *syncclient.Client {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return newClient(t, server.URL, o)
}

func newClient(t testing.TB, url string, o syncclient.Options) *syncclient.Client {
	t.Helper()
	if o.Retry.First == 0 {
		o.Retry.First, o.Retry.Most = time.Millisecond, 5*time.Millisecond
	}
	c, err := syncclient.New(url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

var author = entity.Actor{UserID: "01JQ00000000000000000AVTHR", Method: entity.MethodManual}

func update(t testing.TB, s entity.Store, fn func(entity.Tx) error) {
	t.Helper()
	if _, err := s.Update(t.Context(), author, fn); err != nil {
		t.Fatal(err)
	}
}

// write makes so many entities, each with an edit and a block of a chain: three
// events each.
func write(t testing.TB, s entity.Store, n int) (cids []entity.CID) {
	t.Helper()
	for range n {
		update(t, s, func(tx entity.Tx) error {
			v, err := tx.Create(entity.Draft{Type: "person", Properties: entity.Properties{"label": "Ann"}})
			if err != nil {
				return err
			}
			id, first := v.Manifest.ID, v.CID
			v, err = tx.Put(id, entity.Any, func(m *entity.Manifest) error { m.Properties["born"] = int64(1850); return nil })
			if err != nil {
				return err
			}
			ref, err := tx.Append(id, "steps", entity.Any, entity.Properties{"text": "looked her up"})
			cids = append(cids, first, v.CID, ref.CID)
			return err
		})
	}
	return cids
}
