package native_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"stemma/api/auth"
	"stemma/api/auth/authtest"
	"stemma/api/auth/external"
	"stemma/api/native"
	"stemma/api/outbound"
	"stemma/api/wire"
	"stemma/api/wire/wiretest"
	"stemma/entity"
	"stemma/entity/access"
	"stemma/entity/listing"
	"stemma/entity/scope"
	"stemma/entity/store"
	"stemma/entity/storetest"
	"stemma/files"
	fileindex "stemma/files/index"
	"stemma/graph"
	"stemma/query/search"
	"stemma/query/search/embed"
	"stemma/versions/attest"
)

// The callers of every test: an owner of everything, and a user who may read.
const (
	ownerID  = entity.ID("01KDVR00000000000000000WNR")
	readerID = entity.ID("01KDVR0000000000000000READ")
	ownerKey = "uk_0000000000000000000000000000000000000000000000000000000000000001"
	readKey  = "uk_0000000000000000000000000000000000000000000000000000000000000002"
	lookKey  = "uk_0000000000000000000000000000000000000000000000000000000000000003" // the reader's, for looking only
)

// rig is the real handler over real stores in memory, one for each network,
// with a clock that only the test moves and identifiers from a seed.
type rig struct {
	http.Handler
	ops    []wire.Operation
	auth   *auth.Authenticator
	clock  *storetest.Clock
	stores map[entity.Network]*store.Store
	scopes map[entity.Network]*scope.Index
	blobs  map[entity.Network]*files.Blobs
	index  map[entity.Network]*search.Index
	attest *attest.Log
	slow   bool   // attest is not waited for
	dir    string // of blobs
	net    *internet
	calls  *outbound.Client
	keys   int // numbers the keys of callers that a test makes
	chats  int // numbers the chats of fixtures
}

// rigOptions change what a rig is made of.
type rigOptions struct {
	maxFile int64                           // of files' content; 0: the default
	watch   func(entity.Store) entity.Store // wraps the main store that the view sees
	issuer  func(func() time.Time) string   // starts an OIDC issuer that is believed; nil: none is
	embed   search.Embedder                 // nil: the built-in one
	agents  entity.ID                       // the collection of official agents
	attests time.Duration                   // between two checkpoints; 0: as fast as can be
	mute    bool                            // agents' words are not kept, as on a read-only server
	model   http.RoundTripper               // to the language model; nil: one that does as it is told, see chatty
	limits  native.ChatOptions              // of chats
}

// newRig opens a rig that ends, and is checked, with the test.
func newRig(t testing.TB, o rigOptions) *rig {
	t.Helper()
	w, err := openRig(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.end(t) })
	return w
}

func openRig(o rigOptions) (*rig, error) {
	w := &rig{clock: storetest.NewClock(), stores: map[entity.Network]*store.Store{}, scopes: map[entity.Network]*scope.Index{}, index: map[entity.Network]*search.Index{}}
	if o.embed == nil {
		o.embed = embed.NewLexical(embed.LexicalOptions{Dimensions: 128})
	}
	var networks []native.Network
	for i, name := range []entity.Network{entity.Main, entity.Test} {
		index, scopes := graph.New(), scope.New()
		s, err := store.Open(store.Options{
			Network: name, Projections: []entity.Projection{index, listing.Projection{}, scopes, fileindex.Projection{}},
			Clock: w.clock.Now, Entropy: storetest.Entropy(uint64(i)),
		})
		if err != nil {
			return nil, err
		}
		w.stores[name], w.scopes[name] = s, scopes
		if err := seedUsers(s); err != nil {
			return nil, err
		}
		seen := entity.Store(s)
		if o.watch != nil && name == entity.Main {
			seen = o.watch(s)
		}
		blobs, err := w.openBlobs(name)
		if err != nil {
			return nil, err
		}
		if w.index[name], err = search.Open(search.Options{Store: s, Embedder: o.embed}); err != nil {
			return nil, err
		}
		if name == entity.Main {
			if err := w.openAttest(s, o.attests); err != nil {
				return nil, err
			}
		}
		networks = append(networks, native.Network{Store: seen, Scopes: scopes, Graph: index, Blobs: blobs, Search: w.index[name], MaxFile: o.maxFile, OfficialAgents: o.agents})
		networks[0].Attest = w.attest
	}
	believed := external.Options{Secret: []byte(authtest.Secret), Audience: "authenticated", ClientID: authtest.Audience}
	if o.issuer != nil {
		believed.Issuers = []string{o.issuer(w.clock.Now)}
	}
	var err error
	w.auth, err = auth.New(auth.Options{
		Stores: []entity.Store{w.stores[entity.Main], w.stores[entity.Test]}, Issuer: "https://stemma.example", Now: w.clock.Now, Entropy: storetest.Entropy(3), Interval: time.Hour,
		External: believed,
	})
	if err != nil {
		return nil, err
	}
	if o.limits.Model, err = chattyModel(o.model); err != nil {
		return nil, err
	}
	o.limits.Entropy = storetest.Entropy(5)
	w.net = &internet{}
	w.calls = w.net.client()
	w.ops = native.New(w.clock.Now, networks...).WithAuth(w.auth).WithAgents(native.AgentOptions{Client: w.calls, BaseURL: "https://stemma.example", ReadOnly: o.mute, Entropy: storetest.Entropy(4)}).WithChat(o.limits).Operations()
	w.Handler = wire.New(wire.Options{Ops: w.ops, Authenticate: w.auth.Authenticate, TrustProxy: true})
	return w, nil
}

// end checks both stores from the first block to the last and closes them.
func (w *rig) end(t testing.TB) {
	w.endAttest(t)
	w.calls.Close()
	w.endBlobs(t)
	if err := w.auth.Close(); err != nil {
		t.Error(err)
	}
	for _, x := range w.index {
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	}
	for name, s := range w.stores {
		if _, err := s.Check(context.Background(), nil); err != nil {
			t.Errorf("store %s: %v", name, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// seedUsers makes the callers, with the same identifiers and keys every time:
// what auth.Bootstrap makes has other ones at each start.
func seedUsers(s entity.Store) error {
	_, err := s.Update(context.Background(), entity.Actor{UserID: ownerID, Method: entity.MethodSystem}, func(tx entity.Tx) error {
		for _, u := range []struct {
			id    entity.ID
			label string
			key   string
			owner bool
		}{{ownerID, "Olga", ownerKey, true}, {readerID, "Rita", readKey, false}} {
			if s.Network() == entity.Test {
				u.id = "II" + u.id[2:]
			}
			if u.owner {
				tx.SetSecret("bootstrap", []byte(u.id)) // the first user
			}
			if _, err := tx.Create(entity.Draft{ID: u.id, Type: entity.TypeUser, Properties: entity.Properties{"label": u.label}}); err != nil {
				return err
			}
			if err := auth.SetKey(tx, u.key, access.Principal{ID: u.id, Kind: access.User, System: u.owner}); err != nil {
				return err
			}
			if !u.owner {
				if err := auth.SetKey(tx, lookKey, access.Principal{ID: u.id, Kind: access.User, Scopes: []access.Action{"*:view"}}); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return err
}

// main is the store of the main network.
func (w *rig) main() *store.Store { return w.stores[entity.Main] }

// seqs are the numbers of the last changes of both logs.
func (w *rig) seqs() [2]entity.Seq {
	return [2]entity.Seq{w.stores[entity.Main].Seq(), w.stores[entity.Test].Seq()}
}

// call sends one request as the owner. headers are key, value, key, value; an
// empty value takes a header away.
func (w *rig) call(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	if asksIndex.MatchString(target) {
		w.settle()
	}
	if asksLog.MatchString(target) {
		w.settleAttest()
	}
	return w.send(method, target, body, headers...)
}

// send is call without waiting for the search indexes.
func (w *rig) send(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://stemma"+target, strings.NewReader(body))
	r.Header.Set("Authorization", "ApiKey "+ownerKey)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	setHeaders(r, headers)
	out := httptest.NewRecorder()
	w.ServeHTTP(out, r)
	return out
}

// asksIndex tells which requests are answered out of the search indexes.
var asksIndex = regexp.MustCompile(`^/(search/|users/me/search|query$)`)

// settle lets the search indexes see all that was written.
func (w *rig) settle() {
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	for name, x := range w.index {
		for whole := false; !whole && ctx.Err() == nil; runtime.Gosched() {
			if err := x.Wait(ctx, w.stores[name].Seq()); err != nil {
				panic(err)
			}
			found, err := x.Search(ctx, search.Query{Text: "x", Limit: 1})
			if err != nil {
				panic(err)
			}
			whole = found.Missing == nil
		}
	}
}

func setHeaders(r *http.Request, headers []string) {
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Del(headers[i])
		if headers[i+1] != "" {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
}

// must sends a request that has to be answered with status, and gives the body.
func (w *rig) must(t testing.TB, status int, method, target string, body any) map[string]any {
	t.Helper()
	text := ""
	if body != nil {
		text = encode(t, body)
	}
	out := w.call(method, target, text)
	if out.Code != status {
		t.Fatalf("%s %s %s: status %d, want %d: %s", method, target, text, out.Code, status, out.Body)
	}
	return decode(t, out.Body.Bytes())
}

// create makes an entity and gives its id and tip.
func (w *rig) create(t testing.TB, body object) (id, tip string) {
	t.Helper()
	e := w.must(t, http.StatusCreated, "POST", "/entities", body)
	return e["id"].(string), e["cid"].(string)
}

// object is a JSON object of a test.
type object = map[string]any

func encode(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func decode(t testing.TB, text []byte) object {
	t.Helper()
	return wiretest.Decode(t, text)
}

// at is for reading answers.
func at(v any, path ...any) any { return wiretest.At(v, path...) }

// tick is how far the clock moves between two requests of a script.
const tick = time.Second
