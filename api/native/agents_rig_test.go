package native_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"stemma/api/outbound"
	"stemma/entity"
)

// agentHost is a host at a public address, as far as the rig's resolver knows;
// whoever dials it comes to the agent of the test.
const agentHost = "agent.example"

// internet is the world outside of a rig: one host.
type internet struct {
	mu sync.Mutex
	at string // where the host listens; "" for nowhere
}

func (i *internet) client() *outbound.Client {
	return outbound.New(outbound.Options{Lookup: i.lookup, Dial: i.dial, Failures: 1000})
}

func (i *internet) lookup(_ context.Context, host string) ([]netip.Addr, error) {
	if host != agentHost {
		return nil, &net.DNSError{Name: host, IsNotFound: true}
	}
	return []netip.Addr{netip.MustParseAddr("93.184.215.14")}, nil
}

func (i *internet) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	i.mu.Lock()
	at := i.at
	i.mu.Unlock()
	if at == "" {
		return nil, errors.New("connection refused")
	}
	return new(net.Dialer).DialContext(ctx, network, at)
}

// foreign is an agent that somebody else has written. Its fields say how it
// answers.
type foreign struct {
	mu       sync.Mutex
	verify   string // the body at /.well-known/arke-verification
	accept   string // and at /process; $job is the job's id
	code     int    // of that; 0: 200
	status   string // and at /status
	later    string // what status is after it was asked for; "": the same
	statuses int    // times that was asked
	query    string // of the last time
	sent     *http.Request
	body     []byte // of what was sent to /process
	hold     chan struct{}
	process  func(http.ResponseWriter) // answers /process in place of accept; nil: accept does
}

// set changes how the agent answers.
func (f *foreign) set(change func(*foreign)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

func (f *foreign) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	f.mu.Lock()
	process := f.process
	f.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if process != nil && r.URL.Path == "/process" {
		process(w)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case r.URL.Path == "/.well-known/arke-verification":
		io.WriteString(w, f.verify)
	case r.URL.Path == "/process":
		f.sent, f.body = r, body
		var sent struct {
			Job string `json:"job_id"`
		}
		if err := json.Unmarshal(body, &sent); err != nil {
			return
		}
		w.WriteHeader(max(f.code, 200))
		io.WriteString(w, strings.ReplaceAll(f.accept, "$job", sent.Job))
	case strings.HasPrefix(r.URL.Path, "/status/"):
		f.statuses++
		f.query = r.URL.RawQuery
		if f.hold != nil {
			<-f.hold
		}
		if f.status == "" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		io.WriteString(w, strings.ReplaceAll(f.status, "$job", r.URL.Path[len("/status/"):]))
		f.status = cmp.Or(f.later, f.status)
	}
}

// hire starts an agent at agentHost; gone takes it away.
func (w *rig) hire(t testing.TB) (f *foreign, gone func()) {
	t.Helper()
	f = &foreign{accept: `{"accepted":true,"job_id":"$job"}`}
	server := httptest.NewServer(f)
	w.net.mu.Lock()
	w.net.at = server.Listener.Addr().String()
	w.net.mu.Unlock()
	gone = sync.OnceFunc(func() {
		w.net.mu.Lock()
		w.net.at = ""
		w.net.mu.Unlock()
		server.CloseClientConnections()
		server.Close()
	})
	t.Cleanup(gone)
	return f, gone
}

// approve makes an agent verified and active without its endpoint being asked.
func (w *rig) approve(t testing.TB, id string) (tip string) {
	t.Helper()
	_, err := w.main().Update(t.Context(), entity.Actor{UserID: ownerID, Method: entity.MethodSystem}, func(tx entity.Tx) error {
		v, err := tx.Put(entity.ID(id), entity.Any, func(m *entity.Manifest) error {
			m.Properties["endpoint_verified_at"], m.Properties["status"] = "2026-01-01T00:00:00.000Z", "active"
			return nil
		})
		if err == nil {
			tip = v.CID.String()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tip
}

// agentFixture makes an agent to do wrong with, in coll.
//
//	bot      an active agent whose endpoint does not answer
//	idle     one in development
//	job      a record of a job of bot, of which it has said something
//	other    a record of a job of idle
func agentFixture(t testing.TB, w *rig, vars map[string]string, post func(name, path, body string)) {
	t.Helper()
	post("bot", "/agents", `{"label":"bot","collection":"$coll","endpoint":"https://`+agentHost+`","actions_required":["entity:view","note:update"]}`)
	post("idle", "/agents", `{"label":"idle","collection":"$coll","endpoint":"https://`+agentHost+`/idle","actions_required":["entity:view"]}`)
	vars["bottip"] = w.approve(t, vars["bot"])
	_, err := w.main().Update(t.Context(), entity.Actor{UserID: ownerID, Method: entity.MethodSystem}, func(tx entity.Tx) error {
		for name, agent := range map[string]string{"job": "bot", "other": "idle"} {
			v, err := tx.Create(entity.Draft{Type: entity.TypeAgentJob,
				Properties:    entity.Properties{"agent": vars[agent], "target": vars["coll"], "status": "pending", "expires_at": "2099-01-01T00:00:00.000Z"},
				Relationships: []entity.Relationship{{Predicate: entity.PredicateCollection, Peer: entity.ID(vars["coll"])}}})
			if err != nil {
				return err
			}
			vars[name] = string(v.Manifest.ID)
			said := entity.Properties{"job_id": "job_" + vars[name], "status": "running", "progress": entity.Properties{"total": int64(1)}, "started_at": "2026-01-01T00:00:00.000Z"}
			if _, err := tx.Append(v.Manifest.ID, "progress", entity.Any, said); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
