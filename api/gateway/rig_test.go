package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"stemma/api/auth"
	"stemma/api/gateway"
	"stemma/api/llm/llmtest"
	"stemma/api/llm/provider"
	"stemma/api/llm/runs"
	"stemma/api/llm/seal"
	"stemma/api/llm/tenant"
	"stemma/api/llm/tools"
	"stemma/api/llm/turn"
	"stemma/api/llm/usage"
	"stemma/api/wire"
	"stemma/api/wire/wiretest"
	"stemma/entity"
	"stemma/entity/access"
	"stemma/entity/listing"
	"stemma/entity/scope"
	"stemma/entity/store"
	"stemma/entity/storetest"
)

type object = map[string]any

// rig is the real handler over a real store in memory, with a scripted provider.
type rig struct {
	http.Handler
	t      testing.TB
	ops    []wire.Operation
	auth   *auth.Authenticator
	store  *store.Store
	box    *seal.Box
	engine *turn.Engine
	runs   *runs.Recorder
	up     *llmtest.Upstream
	root   string
	slept  []time.Duration // by the client between tries

	tenant, workspace, agent entity.ID
	key                      string
}

// rigOptions change what a rig is made of.
type rigOptions struct {
	client   provider.Options
	turn     turn.Options // what is set in it
	agent    object       // properties of the agent beside its provider
	kind     provider.Kind
	settings object           // of the tenant
	noneSet  bool             // no provider is configured
	now      func() time.Time // of the view; nil: time.Now
	dir      string           // of the store; "": in memory
}

const providerKey = "sk-upstream-secret"

func newRig(t testing.TB, o rigOptions, script ...llmtest.Answer) *rig {
	t.Helper()
	w := &rig{t: t, up: llmtest.New(t, script...)}
	scopes := scope.New()
	var err error
	w.store, err = store.Open(store.Options{Dir: o.dir, Network: entity.Main, Projections: []entity.Projection{listing.Projection{}, scopes, tenant.Projection{}, usage.New()}, Entropy: storetest.Entropy(7)})
	w.ok(err)
	w.root = "uk_" + strings.Repeat("0", 64)
	_, err = auth.Bootstrap(context.Background(), w.store, w.root)
	w.ok(err)
	w.auth, err = auth.New(auth.Options{Stores: []entity.Store{w.store}, Issuer: "https://stemma.example", Interval: time.Hour})
	w.ok(err)
	w.box, err = seal.New(bytes.Repeat([]byte{7}, seal.KeySize))
	w.ok(err)
	w.runs = runs.New(runs.Options{Stores: []entity.Store{w.store}, Logger: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if o.client.Sleep == nil {
		o.client.Sleep = func(_ context.Context, d time.Duration) error { w.slept = append(w.slept, d); return nil }
	}
	if o.client.Foreign == nil {
		o.client.Foreign = http.DefaultTransport.(*http.Transport).Clone() // the scripted provider is on loopback
	}
	if o.now == nil {
		o.now = time.Now
	}
	client := provider.NewClient(o.client)
	o.turn.Stores, o.turn.Runs, o.turn.Box, o.turn.Client = []entity.Store{w.store}, w.runs, w.box, client
	o.turn.Status = gateway.Status
	if o.turn.Tools == nil {
		o.turn.Tools = tools.New(tools.Options{})
	}
	w.engine = turn.New(o.turn)
	w.ops = gateway.New(w.engine, o.now).Operations()
	w.Handler = wire.New(wire.Options{Ops: w.ops, Authenticate: w.auth.Authenticate, Denied: w.auth.Denied})
	t.Cleanup(func() {
		w.ok(w.engine.Close())
		w.ok(w.runs.Close())
		client.Close()
		w.ok(w.auth.Close())
		_, err := w.store.Check(context.Background(), nil)
		w.ok(err)
		w.ok(w.store.Close())
	})
	w.house(o)
	return w
}

// house makes a tenant with an agent and a key.
func (w *rig) house(o rigOptions) {
	w.t.Helper()
	w.tenant, w.workspace = w.newTenant("House", o.settings)
	config := object{"provider": string(cmpKind(o.kind)), "base_url": w.up.URL, "model": "m-1"}
	if cmpKind(o.kind) == provider.OpenAI {
		config["base_url"] = w.up.URL + "/v1"
	}
	if o.noneSet {
		config = nil
	}
	w.agent = w.newAgent(w.workspace, o.agent, config)
	w.key = w.newKey(w.workspace, w.agent)
}

func cmpKind(k provider.Kind) provider.Kind {
	if k == "" {
		return provider.OpenAI
	}
	return k
}

func (w *rig) update(fn func(entity.Tx) error) {
	w.t.Helper()
	_, err := w.store.Update(context.Background(), entity.Actor{UserID: "system", Method: entity.MethodSystem}, fn)
	w.ok(err)
}

func (w *rig) newTenant(name string, settings object) (id, workspace entity.ID) {
	w.t.Helper()
	w.update(func(tx entity.Tx) error {
		owner, err := auth.FirstUser(tx)
		if err != nil {
			return err
		}
		v, err := tenant.Create(tx, tenant.Spec{Name: name, Owner: owner, At: time.Now()})
		if err != nil {
			return err
		}
		id = v.Manifest.ID
		workspace, err = tenant.Workspace(tx, v.Manifest)
		if err != nil || settings == nil {
			return err
		}
		_, err = tx.Put(id, entity.Any, func(m *entity.Manifest) error {
			m.Properties["settings"] = normal(settings)
			return nil
		})
		return err
	})
	return id, workspace
}

func normal(tree object) any {
	v, err := entity.Normalize(tree)
	if err != nil {
		panic(err)
	}
	return v
}

// newAgent makes an agent with a provider of its own; nil config for none.
func (w *rig) newAgent(workspace entity.ID, properties, config object) (id entity.ID) {
	w.t.Helper()
	w.update(func(tx entity.Tx) error {
		all := object{"label": "Bot"}
		for k, v := range properties {
			all[k] = v
		}
		if config != nil {
			all["provider_config"] = config
		}
		v, err := tx.Create(entity.Draft{Type: entity.TypeAgent, Properties: normal(all).(map[string]any), Relationships: []entity.Relationship{
			{Predicate: entity.PredicateCollection, Peer: workspace, PeerType: entity.TypeCollection},
		}})
		if err != nil {
			return err
		}
		id = v.Manifest.ID
		c, err := provider.ConfigOf(config)
		if err != nil || c == nil {
			return err
		}
		return provider.SetCredential(tx, w.box, id, c, providerKey)
	})
	return id
}

// set changes properties of an entity.
func (w *rig) set(id entity.ID, properties object) {
	w.t.Helper()
	w.update(func(tx entity.Tx) error {
		_, err := tx.Put(id, entity.Any, func(m *entity.Manifest) error {
			for k, v := range normal(properties).(map[string]any) {
				m.Properties[k] = v
			}
			return nil
		})
		return err
	})
}

func (w *rig) newKey(workspace, agent entity.ID) (key string) {
	w.t.Helper()
	w.update(func(tx entity.Tx) error {
		owner, err := auth.FirstUser(tx)
		if err != nil {
			return err
		}
		k, err := tenant.MintKey(tx, w.auth, access.Principal{ID: owner, Kind: access.User, System: true}, workspace, agent, "client")
		if err == nil {
			key = k.Secret
		}
		return err
	})
	return key
}

func (w *rig) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// call sends a request with the key; headers are key, value, and take away what
// is empty.
func (w *rig) call(method, path string, body any, headers ...string) *httptest.ResponseRecorder {
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
	r := httptest.NewRequest(method, "http://stemma"+path, bytes.NewReader(data))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+w.key)
	for i := 0; i+1 < len(headers); i += 2 {
		if r.Header.Del(headers[i]); headers[i+1] != "" {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	out := httptest.NewRecorder()
	w.ServeHTTP(out, r)
	return out
}

// chat asks and wants a status; the answer is decoded.
func (w *rig) chat(status int, body object, headers ...string) object {
	w.t.Helper()
	out := w.call("POST", "/v1/chat/completions", body, headers...)
	if out.Code != status {
		w.t.Fatalf("status %d, want %d: %s", out.Code, status, out.Body)
	}
	return decode(w.t, out.Body.Bytes())
}

func decode(t testing.TB, data []byte) (v object) {
	t.Helper()
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatalf("%v: %s", err, data)
	}
	return v
}

// say is a chat of one question.
func say(text string) object {
	return object{"messages": []object{{"role": "user", "content": text}}}
}

func streamed(body object) object {
	body = maps.Clone(body)
	body["stream"] = true
	return body
}

// at is for reading answers.
func at(v any, path ...any) any { return wiretest.At(v, path...) }

func text(v any, path ...any) string { return wiretest.Text(v, path...) }

// run is a recorded turn.
type run struct {
	*entity.Manifest
	steps []entity.Properties
}

// recorded are the runs, oldest first.
func (w *rig) recorded() (all []run) {
	w.t.Helper()
	w.runs.Flush()
	w.ok(w.store.View(context.Background(), func(r entity.Reader) error {
		for rec, err := range r.Log(0) {
			w.ok(err)
			for _, c := range rec.Changes {
				if c.Type != runs.Type || c.Kind != entity.Created {
					continue
				}
				m, err := r.Manifest(c.CID())
				w.ok(err)
				one := run{Manifest: m}
				for ref, err := range r.Chain(c.ID, runs.Chain, 1) {
					w.ok(err)
					raw, err := r.Block(ref.CID)
					w.ok(err)
					var b entity.ChainBlock
					w.ok(entity.DecodeBlock(raw, &b))
					one.steps = append(one.steps, b.Body)
				}
				all = append(all, one)
			}
		}
		return nil
	}))
	return all
}

// lastRun is the run recorded last.
func (w *rig) lastRun() run {
	w.t.Helper()
	all := w.recorded()
	if len(all) == 0 {
		w.t.Fatal("no run is recorded")
	}
	return all[len(all)-1]
}

// kinds are the kinds of a run's entries.
func (r run) kinds() string {
	var all []string
	for _, s := range r.steps {
		all = append(all, text(s, "kind"))
	}
	return strings.Join(all, " ")
}

// writing is the handler with a bound on how long a client may take a piece.
func (w *rig) writing(d time.Duration) http.Handler {
	return wire.New(wire.Options{Ops: w.ops, Authenticate: w.auth.Authenticate, WriteTimeout: d})
}
