package auth_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"stemma/api/auth"
	"stemma/api/auth/audit"
	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/access"
	"stemma/entity/store"
	"stemma/entity/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	issuer  = "https://stemma.example"
	annID   = entity.ID("01KDVR00000000000000000ANN")
	agentID = entity.ID("01KDVR0000000000000000AGNT")
	noteID  = entity.ID("01KDVR0000000000000000NTE0")
	annKey  = "uk_1111111111111111111111111111111111111111111111111111111111111111"
	botKey  = "ak_2222222222222222222222222222222222222222222222222222222222222222"
	rootKey = "uk_0000000000000000000000000000000000000000000000000000000000000000"
)

func open(t testing.TB, network entity.Network) *store.Store {
	t.Helper()
	s, err := store.Open(store.Options{Network: network})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := s.Check(context.Background(), nil); err != nil {
			t.Error(err)
		}
		s.Close()
	})
	return s
}

// rig is an Authenticator over both networks, before operations that tell who
// calls. Main has a first user, Ann, an agent of hers, and a note.
type rig struct {
	http.Handler
	*auth.Authenticator
	t     testing.TB
	clock *storetest.Clock
	main  *store.Store
	test  *store.Store
	audit *audit.Recorder
	log   *strings.Builder // of the audit, once it is flushed
	first entity.ID
}

func newRig(t testing.TB, change func(*auth.Options)) *rig {
	t.Helper()
	w := &rig{t: t, clock: storetest.NewClock(), main: open(t, entity.Main), test: open(t, entity.Test), log: &strings.Builder{}}
	w.audit = audit.New(audit.Options{Interval: time.Hour, Logger: slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	o := auth.Options{Stores: []entity.Store{w.main, w.test}, Issuer: issuer, Audit: w.audit, Now: w.clock.Now, Entropy: storetest.Entropy(7), Interval: time.Hour}
	if change != nil {
		change(&o)
	}
	w.Authenticator = must(auth.New(o))(t)
	t.Cleanup(func() {
		if err := errors.Join(w.Close(), w.audit.Close()); err != nil {
			t.Error(err)
		}
	})
	for _, s := range []*store.Store{w.main, w.test} {
		must(auth.Bootstrap(t.Context(), s, rootKey))(t)
	}
	w.view(func(r entity.Reader) error { w.first = must(auth.FirstUser(r))(t); return nil })
	w.update(func(tx entity.Tx) error {
		_, err := tx.Create(entity.Draft{ID: annID, Type: "user", Properties: entity.Properties{"label": "Ann"}})
		_, err2 := tx.Create(entity.Draft{ID: agentID, Type: "agent", Properties: entity.Properties{"label": "Bot"}, Relationships: []entity.Relationship{{Predicate: "owner", Peer: annID}}})
		_, err3 := tx.Create(entity.Draft{ID: noteID, Type: "note"})
		return errors.Join(err, err2, err3,
			auth.SetKey(tx, annKey, access.Principal{ID: annID, Kind: access.User}), auth.SetKey(tx, botKey, access.Principal{ID: agentID, Kind: access.Agent}))
	})
	w.Handler = wire.New(wire.Options{Authenticate: w.Authenticate, Denied: w.Denied, Ops: []wire.Operation{
		w.whoami("/none", wire.AuthNone, false), w.whoami("/optional", wire.AuthOptional, false), w.whoami("/required", wire.AuthRequired, false),
		w.whoami("/jwt-only", wire.AuthJWTOnly, false), w.whoami("/bearer", wire.AuthRequired, true), w.do(),
	}})
	return w
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// whoami answers the principal.
func (w *rig) whoami(path string, level wire.Auth, bearerKeys bool) wire.Operation {
	return wire.Op(wire.Operation{Method: "GET", Path: path, ID: strings.ReplaceAll(path[1:], "-", ""), Auth: level, BearerKeys: bearerKeys}, func(ctx context.Context, _ *struct{}) (*wire.Reply, error) {
		return wire.OK(auth.From(ctx)), nil
	})
}

// deed is what a test has done inside of a request.
type deed struct {
	fn  func(context.Context) error
	err error
}

type deedKey struct{}

// do runs the deed of the request's context.
func (w *rig) do() wire.Operation {
	return wire.Op(wire.Operation{Method: "POST", Path: "/do", ID: "do", Auth: wire.AuthOptional}, func(ctx context.Context, _ *struct{}) (*wire.Reply, error) {
		d := ctx.Value(deedKey{}).(*deed)
		d.err = d.fn(ctx)
		return nil, d.err
	})
}

// in runs fn inside of a request with the headers: key, value, key, value.
func (w *rig) in(fn func(context.Context) error, headers ...string) (*httptest.ResponseRecorder, error) {
	d := &deed{fn: fn}
	r := request("POST", "/do", headers...)
	out := httptest.NewRecorder()
	w.ServeHTTP(out, r.WithContext(context.WithValue(r.Context(), deedKey{}, d)))
	return out, d.err
}

func request(method, path string, headers ...string) *http.Request {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

// get asks who calls.
func (w *rig) get(path string, headers ...string) (int, access.Principal) {
	w.t.Helper()
	out := httptest.NewRecorder()
	w.ServeHTTP(out, request("GET", path, headers...))
	var p access.Principal
	if out.Code == http.StatusOK {
		if err := json.Unmarshal(out.Body.Bytes(), &p); err != nil {
			w.t.Fatal(err, out.Body)
		}
	}
	return out.Code, p
}

// wants checks the status of a request.
func (w *rig) wants(what string, status int, path string, headers ...string) access.Principal {
	w.t.Helper()
	got, p := w.get(path, headers...)
	if got != status {
		w.t.Errorf("%s: %s is answered %d, not %d", what, path, got, status)
	}
	return p
}

func (w *rig) view(fn func(entity.Reader) error) {
	w.t.Helper()
	if err := w.main.View(w.t.Context(), fn); err != nil {
		w.t.Fatal(err)
	}
}

func (w *rig) update(fn func(entity.Tx) error) {
	w.t.Helper()
	if _, err := w.main.Update(w.t.Context(), entity.Actor{UserID: "system", Method: entity.MethodSystem}, fn); err != nil {
		w.t.Fatal(err)
	}
}

// bury deletes an entity.
func (w *rig) bury(id entity.ID) {
	w.t.Helper()
	w.update(func(tx entity.Tx) error {
		_, err := tx.Put(id, entity.Any, func(m *entity.Manifest) error {
			m.Bury(entity.Tombstone{DeletedAt: entity.FormatTime(w.clock.Now()), DeletedBy: "system", OriginalVer: m.Ver})
			return nil
		})
		return err
	})
}

// told are the lines of the audit since the last call, after a flush.
func (w *rig) told() string {
	w.t.Helper()
	if err := w.Flush(w.t.Context()); err != nil {
		w.t.Error(err)
	}
	text := w.log.String()
	w.log.Reset()
	return text
}

// session signs Ann's sister up and gives her session and id.
func (w *rig) session(email string) (s *auth.Session, id entity.ID) {
	w.t.Helper()
	_, err := w.in(func(ctx context.Context) (err error) {
		s, err = w.SignUp(ctx, email, "correct horse", "")
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return s, s.User.Manifest.ID
}

func kind(err error) entity.Kind {
	if err == nil {
		return 255
	}
	return entity.KindOf(err)
}
