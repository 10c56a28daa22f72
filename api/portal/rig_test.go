package portal_test

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

	"stemma/api/auth"
	"stemma/api/auth/authtest"
	"stemma/api/auth/external"
	"stemma/api/llm/memory"
	"stemma/api/llm/provider"
	"stemma/api/llm/retrieval"
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
	"stemma/entity/listing"
	"stemma/entity/scope"
	"stemma/entity/store"
	"stemma/entity/storetest"
	"stemma/files"
	"stemma/files/extract"
	"stemma/query/search/embed"
)

// rig is the real handler over a real store in memory, with a clock that only
// the test moves.
type rig struct {
	http.Handler
	t     testing.TB
	ops   []wire.Operation
	auth  *auth.Authenticator
	clock *storetest.Clock
	store *store.Store
	box   *seal.Box
	base  *retrieval.Base
	blobs *files.Blobs
	root  string // the key of the first user

	provider *authtest.Provider // by whom people sign in
}

const password = "correct horse"

// maxFile is the bound on a file of a knowledge base.
const maxFile = 1 << 20

// retrieve finds passages for agents, as the server does.
func (w *rig) retrieve(ctx context.Context, q turn.Query) (out []turn.Passage, err error) {
	question, err := w.base.Ask(ctx, q.Text)
	if err != nil {
		return nil, err
	}
	err = w.store.View(ctx, func(r entity.Reader) error {
		kb, err := retrieval.Named(r, q.Tenant, q.KnowledgeBase)
		if err != nil {
			return err
		}
		found, err := w.base.Nearest(ctx, r, kb, question, 0)
		for _, p := range found {
			out = append(out, turn.Passage(p))
		}
		return err
	})
	return out, err
}

func newRig(t testing.TB) *rig {
	t.Helper()
	w := &rig{t: t, clock: storetest.NewClock()}
	scopes := scope.New()
	var err error
	w.store, err = store.Open(store.Options{
		Network: entity.Main, Projections: []entity.Projection{listing.Projection{}, scopes, tenant.Projection{}, memory.Projection{}, usage.New()},
		Clock: w.clock.Now, Entropy: storetest.Entropy(7),
	})
	w.ok(err)
	w.root = "uk_" + strings.Repeat("0", 64)
	_, err = auth.Bootstrap(context.Background(), w.store, w.root)
	w.ok(err)
	w.provider = authtest.NewProvider(t, w.clock.Now)
	w.auth, err = auth.New(auth.Options{
		Stores: []entity.Store{w.store}, Issuer: "https://stemma.example", External: external.Options{Issuers: []string{w.provider.URL}, ClientID: authtest.Audience}, Closed: tenant.Closed,
		SignIn: auth.SignInOptions{Issuer: w.provider.URL, ClientID: authtest.Audience, Secret: authtest.ClientSecret, Name: "House", Redirect: portal.SignInRedirect},
		Now:    w.clock.Now, Entropy: storetest.Entropy(8), Interval: time.Hour,
	})
	w.ok(err)
	w.box, err = seal.New(bytes.Repeat([]byte{7}, seal.KeySize))
	w.ok(err)
	w.blobs, err = files.OpenDir(t.TempDir())
	w.ok(err)
	w.base = retrieval.New(retrieval.Options{Blobs: w.blobs, Texts: extract.New(extract.Options{MaxInflated: 1 << 20}), Embedder: embed.NewLexical(embed.LexicalOptions{}), MaxFile: maxFile})
	recorder := runs.New(runs.Options{Stores: []entity.Store{w.store}, Logger: slog.New(slog.NewTextHandler(t.Output(), nil))})
	client := provider.NewClient(provider.Options{Foreign: http.DefaultTransport.(*http.Transport).Clone(), Sleep: func(context.Context, time.Duration) error { return nil }})
	engine := turn.New(turn.Options{Stores: []entity.Store{w.store}, Client: client, Runs: recorder, Box: w.box, Retrieve: w.retrieve, Tools: tools.New(tools.Options{}), Now: w.clock.Now, Entropy: storetest.Entropy(10)})
	w.ops = portal.New(portal.Options{
		Networks: []portal.Network{{Store: w.store, Scopes: scopes, Knowledge: w.base}}, Auth: w.auth, Box: w.box, Engine: engine, URL: "https://portal.example", Now: w.clock.Now, Entropy: storetest.Entropy(9),
	}).Operations()
	handler := wire.New(wire.Options{Ops: w.ops, Authenticate: w.auth.Authenticate, TrustProxy: true})
	w.Handler = http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		handler.ServeHTTP(out, r)
		engine.Settle()
		recorder.Flush() // what a chat leaves behind is there before the next request
	})
	t.Cleanup(func() {
		w.ok(engine.Close())
		w.ok(recorder.Close())
		client.Close()
		w.ok(w.auth.Close())
		_, err := w.store.Check(context.Background(), nil)
		w.ok(err)
		w.ok(w.store.Close())
	})
	return w
}

func (w *rig) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// object is a JSON object of a test.
type object = map[string]any

// call sends a request; token "" sends none.
func (w *rig) call(token, method, path string, body any) *httptest.ResponseRecorder {
	w.t.Helper()
	var data []byte
	switch body := body.(type) {
	case nil:
	case string:
		data = []byte(body)
	default:
		var err error
		data, err = json.Marshal(body)
		w.ok(err)
	}
	r := httptest.NewRequest(method, "http://stemma/v1/portal"+path, bytes.NewReader(data))
	if data != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	out := httptest.NewRecorder()
	w.ServeHTTP(out, r)
	return out
}

// must is call for a request that has to be answered with the status.
func (w *rig) must(status int, token, method, path string, body any) object {
	w.t.Helper()
	out := w.call(token, method, path, body)
	if out.Code != status {
		w.t.Fatalf("%s %s: %d, want %d: %s", method, path, out.Code, status, out.Body)
	}
	if out.Body.Len() == 0 {
		return nil
	}
	var v object
	w.ok(json.Unmarshal(out.Body.Bytes(), &v))
	return v
}

// at is for reading answers.
func at(v any, path ...any) any { return wiretest.At(v, path...) }

func text(v any, path ...any) string { return wiretest.Text(v, path...) }

// person is somebody with a token.
type person struct{ id, token, tenant string }

func personOf(session object) person {
	return person{text(session, "user", "id"), text(session, "token"), text(session, "tenant", "id")}
}

// signUp makes an account with a tenant of its own.
func (w *rig) signUp(name string) person {
	w.t.Helper()
	return personOf(w.must(201, "", "POST", "/auth/signup", object{"tenantName": name + "'s house", "email": name + "@example.com", "password": password}))
}

// join makes an account that is a member of an owner's tenant.
func (w *rig) join(owner person, name string) person {
	w.t.Helper()
	invite := w.must(201, owner.token, "POST", "/invites", object{})
	return personOf(w.must(201, "", "POST", "/auth/signup", object{"email": name + "@example.com", "password": password, "inviteToken": text(invite, "token")}))
}

func (w *rig) agent(p person, fields object) string {
	w.t.Helper()
	if fields["name"] == nil {
		fields["name"] = "bot"
	}
	return text(w.must(201, p.token, "POST", "/agents", fields), "agent", "id")
}

func decode(t testing.TB, data []byte) (v object) {
	t.Helper()
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatalf("%v: %s", err, data)
	}
	return v
}
