package admin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"stemma/api/admin"
	"stemma/api/auth"
	"stemma/api/auth/audit"
	"stemma/api/gateway"
	"stemma/api/llm/provider"
	"stemma/api/llm/runs"
	"stemma/api/llm/seal"
	"stemma/api/llm/tenant"
	"stemma/api/llm/tools"
	"stemma/api/llm/turn"
	"stemma/api/llm/usage"
	"stemma/api/portal"
	"stemma/api/wire"
	"stemma/api/wire/wiretest"
	"stemma/entity"
	"stemma/entity/access"
	"stemma/entity/listing"
	"stemma/entity/scope"
	"stemma/entity/store"
	"stemma/entity/storetest"
)

const (
	rootID    = entity.ID("01KDVR0000000000000000R00T")
	rootKey   = "uk_0000000000000000000000000000000000000000000000000000000000000001"
	lookKey   = "uk_0000000000000000000000000000000000000000000000000000000000000002" // the first user's, for looking only
	onlyKey   = "uk_0000000000000000000000000000000000000000000000000000000000000003" // the first user's, for administering alone
	nobody    = "01KDVR00000000000000000N0B"
	password  = "correct horse"
	masterKey = 7
)

// rig is the real handler of this view, the portal's and the gateway's over one
// real store in memory, with a clock that only the test moves.
type rig struct {
	http.Handler
	t     testing.TB
	ops   []wire.Operation // of this view
	auth  *auth.Authenticator
	clock *storetest.Clock
	store *store.Store
	box   *seal.Box
	runs  *runs.Recorder
	log   *bytes.Buffer // everything that anybody logs
}

func newRig(t testing.TB, change ...func(*auth.Options)) *rig {
	t.Helper()
	w := &rig{t: t, clock: storetest.NewClock(), log: &bytes.Buffer{}}
	scopes := scope.New()
	var err error
	w.store, err = store.Open(store.Options{
		Network: entity.Main, Projections: []entity.Projection{listing.Projection{}, scopes, tenant.Projection{}, usage.New()}, Clock: w.clock.Now, Entropy: storetest.Entropy(7),
	})
	w.ok(err)
	w.update(func(tx entity.Tx) error {
		tx.SetSecret("bootstrap", []byte(rootID)) // the first user
		if _, err := tx.Create(entity.Draft{ID: rootID, Type: entity.TypeUser, Properties: entity.Properties{"label": "Root"}}); err != nil {
			return err
		}
		for key, scopes := range map[string][]access.Action{rootKey: nil, lookKey: {"*:view"}, onlyKey: {"store:administer"}} {
			if err := auth.SetKey(tx, key, access.Principal{ID: rootID, Kind: access.User, System: true, Scopes: scopes}); err != nil {
				return err
			}
		}
		return nil
	})
	logger := slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	kept := audit.New(audit.Options{Logger: logger, Interval: time.Hour})
	o := auth.Options{
		Stores: []entity.Store{w.store}, Issuer: "https://stemma.example", Closed: tenant.Closed, Audit: kept, Now: w.clock.Now, Entropy: storetest.Entropy(8), Interval: time.Hour,
	}
	for _, f := range change {
		f(&o)
	}
	w.auth, err = auth.New(o)
	w.ok(err)
	w.box, err = seal.New(bytes.Repeat([]byte{masterKey}, seal.KeySize))
	w.ok(err)
	w.runs = runs.New(runs.Options{Stores: []entity.Store{w.store}, Logger: logger})
	client := provider.NewClient(provider.Options{
		Foreign: http.DefaultTransport.(*http.Transport).Clone(), Sleep: func(context.Context, time.Duration) error { return nil }, // providers of tests are on loopback
	})
	engine := turn.New(turn.Options{
		Stores: []entity.Store{w.store}, Client: client, Runs: w.runs, Box: w.box, Tools: tools.New(tools.Options{}), Status: gateway.Status, Logger: logger, Now: w.clock.Now, Entropy: storetest.Entropy(9),
	})
	w.ops = admin.New(admin.Options{Networks: []admin.Network{{Store: w.store, Scopes: scopes}}, Auth: w.auth, Box: w.box, Health: w.health, Smoke: w.smoke, Now: w.clock.Now, Entropy: storetest.Entropy(12)}).Operations()
	all := append([]wire.Operation{}, w.ops...)
	all = append(all, portal.New(portal.Options{Networks: []portal.Network{{Store: w.store, Scopes: scopes}}, Auth: w.auth, Box: w.box, Engine: engine, Now: w.clock.Now}).Operations()...)
	all = append(all, gateway.New(engine, w.clock.Now).Operations()...)
	w.Handler = wire.New(wire.Options{Ops: all, Authenticate: w.auth.Authenticate, Denied: w.auth.Denied, TrustProxy: true, Logger: logger})
	t.Cleanup(func() {
		w.ok(engine.Close())
		w.ok(w.runs.Close())
		client.Close()
		w.ok(w.auth.Close())
		w.ok(kept.Close())
		_, err := w.store.Check(context.Background(), nil)
		w.ok(err)
		w.ok(w.store.Close())
	})
	return w
}

// smoke is a runner that has one run.
func (w *rig) smoke(_ context.Context, method, path string) (int, []byte, error) {
	switch {
	case path == "/smoke-tests/r1" || method == "POST":
		return 200, []byte(`{"id":"r1","status":"passed"}`), nil
	case strings.HasPrefix(path, "/smoke-tests?limit="):
		return 200, []byte(`{"runs":[{"id":"r1","status":"passed"}]}`), nil
	}
	return 404, nil, nil
}

// health is of the store alone: package main joins the rest.
func (w *rig) health(context.Context) (admin.Health, error) {
	return admin.Health{Version: "1", Go: "go1", StartedAt: entity.FormatMillis(0), Networks: []admin.NetworkHealth{{Network: w.store.Network(), Seq: w.store.Seq(), Followers: []admin.Follower{}, Storage: []admin.Storage{}}}}, nil
}

func (w *rig) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *rig) update(fn func(entity.Tx) error) {
	w.t.Helper()
	_, err := w.store.Update(context.Background(), entity.Actor{UserID: rootID, Method: entity.MethodSystem}, fn)
	w.ok(err)
}

// object is a JSON object of a test.
type object = map[string]any

// call sends a request; credential "" sends none, and headers are key, value and
// take away what is empty.
func (w *rig) call(credential, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://stemma"+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if credential != "" {
		r.Header.Set("Authorization", "Bearer "+credential)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if r.Header.Del(headers[i]); headers[i+1] != "" {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	out := httptest.NewRecorder()
	w.ServeHTTP(out, r)
	return out
}

// must sends a request that has to be answered with the status, and gives the
// answer: under "list" where it is an array.
func (w *rig) must(status int, credential, method, path string, body any) object {
	w.t.Helper()
	data := ""
	if body != nil {
		raw, err := json.Marshal(body)
		w.ok(err)
		data = string(raw)
	}
	out := w.call(credential, method, path, data)
	if out.Code != status {
		w.t.Fatalf("%s %s %s: %d, want %d: %s", method, path, data, out.Code, status, out.Body)
	}
	return w.decode(out.Body.Bytes())
}

func (w *rig) decode(body []byte) object {
	w.t.Helper()
	if len(body) == 0 {
		return nil
	}
	var v any
	w.ok(json.Unmarshal(body, &v))
	if tree, ok := v.(object); ok {
		return tree
	}
	return object{"list": v}
}

// admin is must for an operation of this view, by the operator's key.
func (w *rig) admin(status int, method, path string, body any) object {
	w.t.Helper()
	return w.must(status, rootKey, method, "/v1/admin"+path, body)
}

// at is for reading answers.
func at(v any, path ...any) any { return wiretest.At(v, path...) }

func text(v any, path ...any) string { return wiretest.Text(v, path...) }

// user makes a user with a key.
func (w *rig) user(name, key string) (id entity.ID) {
	w.t.Helper()
	w.update(func(tx entity.Tx) error {
		v, err := tx.Create(entity.Draft{Type: entity.TypeUser, Properties: entity.Properties{"label": name}})
		if err != nil {
			return err
		}
		id = v.Manifest.ID
		return auth.SetKey(tx, key, access.Principal{ID: id, Kind: access.User})
	})
	return id
}

// portal is a token of a user for a tenant.
func (w *rig) portal(user entity.ID, tenant string) string {
	w.t.Helper()
	token, err := w.auth.TenantToken(context.Background(), user, entity.ID(tenant))
	w.ok(err)
	return token
}

// house is a tenant with an agent and a key of it.
type house struct {
	id, agent, key, keyID string
	owner                 string // a portal token
}

// newHouse makes one; config is the agent's provider.
func (w *rig) newHouse(name string, config object) (h house) {
	w.t.Helper()
	h.id = text(w.admin(201, "POST", "/tenants", object{"name": name}), "id")
	h.owner = w.portal(rootID, h.id)
	body := object{"name": "bot"}
	if config != nil {
		body["providerConfig"] = config
	}
	h.agent = text(w.must(201, h.owner, "POST", "/v1/portal/agents", body), "agent", "id")
	made := w.admin(201, "POST", "/tenants/"+h.id+"/api-keys", object{"name": "client"})
	h.key, h.keyID = text(made, "key"), text(made, "id")
	return h
}

// ask has an agent answer, by its key.
func (w *rig) ask(key string) *httptest.ResponseRecorder {
	return w.call(key, "POST", "/v1/chat/completions", `{"messages":[{"role":"user","content":"Hi"}]}`)
}

// wantNowhere fails if a version or a block has one of the texts.
func (w *rig) wantNowhere(texts ...string) {
	w.t.Helper()
	w.ok(w.store.View(context.Background(), func(r entity.Reader) error {
		for rec, err := range r.Log(0) {
			if err != nil {
				return err
			}
			for _, c := range rec.Changes {
				raw, err := r.Block(c.CID())
				if err != nil {
					return err
				}
				for _, text := range texts {
					if strings.Contains(string(raw), text) {
						w.t.Errorf("the %s %s has %q", c.Type, c.ID, text)
					}
				}
			}
		}
		return nil
	}))
}
