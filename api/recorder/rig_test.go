package recorder_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"stemma/api/auth"
	"stemma/api/recorder"
	"stemma/api/recorder/run"
	"stemma/api/wire"
	"stemma/api/wire/wiretest"
	"stemma/entity"
	"stemma/entity/access"
	"stemma/entity/listing"
	"stemma/entity/scope"
	"stemma/entity/store"
	"stemma/entity/storetest"
	"stemma/versions/attest"
)

// The callers of every test.
const (
	annID = entity.ID("01KDVR000000000000000000AN") // records
	bobID = entity.ID("01KDVR000000000000000000B0") // a stranger, who records too

	annKey  = "ark_live_0000000000000000000000000000000000000000000000000000000000000001"
	bobKey  = "ark_live_0000000000000000000000000000000000000000000000000000000000000002"
	annUser = "uk_0000000000000000000000000000000000000000000000000000000000000003"
	annLook = "uk_0000000000000000000000000000000000000000000000000000000000000004" // may look only
	bobUser = "uk_0000000000000000000000000000000000000000000000000000000000000005"
)

// rig is the real handler over real stores in memory, one for each network,
// with a clock that only the test moves and identifiers from a seed.
type rig struct {
	http.Handler
	ops      []wire.Operation
	service  *recorder.Service
	clock    *storetest.Clock
	networks []recorder.Network
	stores   map[entity.Network]*store.Store
	attest   *attest.Log // of main
	auth     *auth.Authenticator
}

func newRig(t testing.TB, change ...func(*recorder.Options)) *rig { return newRigIn(t, "", change...) }

// newRigIn is newRig with the main network's store in a directory.
func newRigIn(t testing.TB, dir string, change ...func(*recorder.Options)) *rig {
	t.Helper()
	w := &rig{clock: storetest.NewClock(), stores: map[entity.Network]*store.Store{}}
	var all []entity.Store
	for i, name := range []entity.Network{entity.Main, entity.Test} {
		scopes := scope.New()
		if name != entity.Main {
			dir = ""
		}
		s, err := store.Open(store.Options{
			Dir: dir, Network: name, Projections: []entity.Projection{listing.Projection{}, scopes, run.Projection{}}, Clock: w.clock.Now, Entropy: storetest.Entropy(uint64(i)),
		})
		if err != nil {
			t.Fatal(err)
		}
		w.stores[name] = s
		all = append(all, s)
		w.networks = append(w.networks, recorder.Network{Store: s, Scopes: scopes, Wipe: s.Wipe})
		seed(t, s)
	}
	a, err := auth.New(auth.Options{Stores: all, Issuer: "https://stemma.example", Now: w.clock.Now, Entropy: storetest.Entropy(3), Interval: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	if w.attest, err = attest.Open(context.Background(), attest.Options{Store: w.stores[entity.Main], Fallback: "stemma.example/tlog", Interval: time.Nanosecond, Entropy: storetest.Entropy(4)}); err != nil {
		t.Fatal(err)
	}
	o := recorder.Options{Networks: w.networks, Auth: a, Now: w.clock.Now, Attest: w.attest, Salt: func() string { return "salt" }}
	for _, f := range change {
		f(&o)
	}
	w.auth = a
	w.service = recorder.New(o)
	w.ops = w.service.Operations()
	w.Handler = wire.New(wire.Options{Ops: w.ops, Authenticate: a.Authenticate})
	t.Cleanup(func() {
		if err := errors.Join(a.Close(), w.attest.Close()); err != nil {
			t.Error(err)
		}
		for name, s := range w.stores {
			if _, err := s.Check(context.Background(), nil); err != nil {
				t.Errorf("store %s: %v", name, err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	return w
}

func seed(t testing.TB, s *store.Store) {
	t.Helper()
	_, err := s.Update(context.Background(), entity.Actor{UserID: annID, Method: entity.MethodSystem}, func(tx entity.Tx) error {
		for _, u := range []struct {
			id   entity.ID
			name string
			keys map[string][]access.Action
		}{
			{annID, "Ann", map[string][]access.Action{annKey: nil, annUser: nil, annLook: {"*:view"}}},
			{bobID, "Bob", map[string][]access.Action{bobKey: nil, bobUser: nil}},
		} {
			if s.Network() == entity.Test {
				u.id = "II" + u.id[2:]
			}
			if _, err := tx.Create(entity.Draft{ID: u.id, Type: entity.TypeUser, Properties: entity.Properties{"label": u.name}}); err != nil {
				return err
			}
			for key, scopes := range u.keys {
				if err := auth.SetKey(tx, key, access.Principal{ID: u.id, Kind: access.User, Scopes: scopes}); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// main is the store of the main network.
func (w *rig) main() *store.Store { return w.stores[entity.Main] }

// call sends one request as Ann's agent. headers are key, value, key, value; an
// empty value takes a header away.
func (w *rig) call(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	if strings.Contains(target, "/evidence") {
		w.settle()
	}
	r := httptest.NewRequest(method, "http://stemma"+target, strings.NewReader(body))
	r.Header.Set("X-Api-Key", annKey)
	r.Header.Set("X-Agent-Name", "sales-bot")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Del(headers[i])
		if headers[i+1] != "" {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	out := httptest.NewRecorder()
	w.ServeHTTP(out, r)
	return out
}

type object = map[string]any

// must sends a request that has to be answered with status, and gives the body.
func (w *rig) must(t testing.TB, status int, method, target, body string, headers ...string) object {
	t.Helper()
	out := w.call(method, target, body, headers...)
	if out.Code != status {
		t.Fatalf("%s %s %.300s: status %d, want %d: %.600s", method, target, body, out.Code, status, out.Body)
	}
	return decode(t, out.Body.Bytes())
}

func decode(t testing.TB, text []byte) object {
	t.Helper()
	if len(text) == 0 {
		return nil
	}
	return wiretest.Decode(t, text)
}

// at is for reading answers.
func at(v any, path ...any) any { return wiretest.At(v, path...) }

// start begins a run and gives its name.
func (w *rig) start(t testing.TB) string {
	t.Helper()
	return w.must(t, 201, "POST", "/api/v1/runs", `{"trigger_type":"api","input":"Summarize the Q4 sales report"}`)["run_id"].(string)
}
