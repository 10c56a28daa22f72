package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"stemma/api/auth"
	"stemma/api/gateway"
	"stemma/api/llm/provider"
	"stemma/api/llm/runs"
	"stemma/api/llm/turn"
	"stemma/api/native"
	"stemma/api/recorder"
	"stemma/api/recorder/run"
	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/listing"
	"stemma/entity/scope"
	"stemma/entity/store"
	"stemma/files"
	fileindex "stemma/files/index"
	"stemma/graph"
)

// childEnv makes this test binary a child: the server that is measured.
const childEnv = "STEMMA_BENCH_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) == "" {
		code := m.Run()
		if builtIn != "" {
			_ = os.RemoveAll(builtIn)
		}
		os.Exit(code)
	}
	if err := serveChild(os.Args[1:]); err != nil {
		os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
}

// childCommand makes the command of a child.
func childCommand(ctx context.Context, c Child) *exec.Cmd {
	spec, _ := json.Marshal(c)
	cmd := exec.CommandContext(ctx, os.Args[0], string(spec))
	cmd.Env = append(os.Environ(), childEnv+"=1")
	cmd.Stderr = os.Stderr
	return cmd
}

// serveChild is the server with the view of entities over a real store, as
// cmd/stemma joins them.
func serveChild(args []string) (err error) {
	var c Child
	if err := json.Unmarshal([]byte(args[0]), &c); err != nil {
		return err
	}
	ctx := context.Background()
	if c.Plain {
		return c.ServePlain(ctx, os.Stdin, os.Stdout)
	}
	index, scopes := graph.New(), scope.New()
	var s *store.Store
	var blobs *files.Blobs
	defer func() {
		if s != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	return c.Serve(ctx, os.Stdin, os.Stdout, func() (entity.Store, error) {
		opened, err := store.Open(store.Options{Dir: mainStore(c.Data), Projections: withScopes(index, scopes), Registry: prometheus.NewRegistry()})
		if err != nil {
			return nil, err
		}
		s = opened
		if blobs, err = files.OpenDir(filepath.Join(c.Data, "blobs")); err != nil {
			return nil, err
		}
		_, err = auth.Bootstrap(ctx, s, Key)
		return s, err
	}, func(ctx context.Context, ready func(addr, key string) error) error {
		callers, err := auth.New(auth.Options{Stores: []entity.Store{s}})
		if err != nil {
			return err
		}
		defer callers.Close()
		options := recorder.Options{Networks: []recorder.Network{{Store: s, Scopes: scopes}}, Auth: callers}
		if c.Upstream != "" {
			provider, err := recorder.ParseProvider(UpstreamName + "=" + c.Upstream)
			if err != nil {
				return err
			}
			options.Providers = append(options.Providers, provider)
		}
		recording := recorder.New(options)
		defer recording.Close()
		models := runs.New(runs.Options{Stores: []entity.Store{s}})
		defer models.Close()
		client := provider.NewClient(provider.Options{Foreign: provider.ForeignTransport(true)})
		defer client.Close()
		engine := turn.New(turn.Options{Stores: []entity.Store{s}, Client: client, Runs: models, Status: gateway.Status})
		defer engine.Close()
		key := ""
		if c.Agent {
			if key, err = NewAgent(ctx, s, callers, c.Upstream); err != nil {
				return err
			}
		}
		ops := native.New(time.Now, native.Network{Store: s, Scopes: scopes, Graph: index, Blobs: blobs}).Operations()
		handler := wire.New(wire.Options{
			Ops:          slices.Concat(ops, recording.Operations(), gateway.New(engine, time.Now).Operations()),
			Authenticate: callers.Authenticate,
		})
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		server := &http.Server{Handler: WithYardsticks(handler)}
		context.AfterFunc(ctx, func() { server.Close() })
		if err := ready(listener.Addr().String(), key); err != nil {
			return err
		}
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
}

// tiny proves that every row works.
var tiny = Sizes{
	Name: "tiny", Window: 20 * time.Millisecond, Nodes: 200, Edges: 1500,
	FewVersions: 5, ManyVersions: 100, Restores: 3, Entities: 1500, Read: 20, Collections: 20, Members: 2400, Documents: 300, Calls: 5000, ResidentLimit: 2 << 30,
	Lines: 500, Content: 1 << 20, Blocks: 400, Streams: 20,
}

// built makes the binary whose commands are measured, once a run of the tests.
var built = sync.OnceValues(func() (binary string, err error) {
	if builtIn, err = os.MkdirTemp("", "stemma-bench-test-"); err != nil {
		return "", err
	}
	binary = filepath.Join(builtIn, "stemma")
	out, err := exec.Command("go", "build", "-o", binary, "stemma/cmd/stemma").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, out)
	}
	return binary, err
})

// builtIn is the directory it is in, "" before.
var builtIn string

func tool(t *testing.T) func(context.Context, ...string) *exec.Cmd {
	return func(ctx context.Context, args ...string) *exec.Cmd {
		binary, err := built()
		if err != nil {
			t.Error(err)
		}
		return exec.CommandContext(ctx, binary, args...)
	}
}

func tinyOptions(t *testing.T, only string) Options {
	return Options{Only: only, Repeat: 2, Sizes: tiny, Data: t.TempDir(), Out: io.Discard, Log: io.Discard, Command: childCommand, Tool: tool(t), Projections: func(index entity.Projection) []entity.Projection { return withScopes(index, scope.New()) }}
}

// Every row gives results with sane numbers, and leaves nothing behind.
func TestRows(t *testing.T) {
	lines := map[string]int{"durable": 1, "put": 5, "get": 2, "attest": 2, "contended": 2, "search": 3, "sight": 4, "graph": 2, "versions": 6, "events": 2, "access": 2, "jsonl": 2, "content": 3, "car": 2, "mirror": 1, "find": 9, "recorder": 2, "proxy": 10, "usage": 4, "gateway": 10, "resident": 3}
	o := tinyOptions(t, "")
	var table bytes.Buffer
	o.Out = &table
	report, err := Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, r := range report.Results {
		got[r.Row]++
		for name, v := range map[string]float64{"measured": r.Measured, "yardstick": r.Yardstick, "ratio": r.Ratio} {
			if !(v > 0) || v > 1e12 {
				t.Errorf("%s: %s is %v", r.What, name, v)
			}
		}
		if r.Least > r.Ratio || r.Ratio > r.Greatest || r.Unit == "" || r.Against == "" {
			t.Errorf("%s: not a whole result: %+v", r.What, r)
		}
		if !(r.Others >= 0 && r.Others <= 1) {
			t.Errorf("%s: others had %v of the cores", r.What, r.Others)
		}
		if !strings.Contains(table.String(), r.Row) {
			t.Errorf("the table lacks row %s", r.Row)
		}
	}
	for _, w := range rows() {
		if got[w.name] != lines[w.name] {
			t.Errorf("row %s gave %d results, not %d", w.name, got[w.name], lines[w.name])
		}
	}
	if !strings.Contains(table.String(), report.Machine.String()) {
		t.Error("the table does not name the machine")
	}
	if left, err := os.ReadDir(o.Data); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// A profile of each process is written for a row that has both.
func TestProfile(t *testing.T) {
	o := tinyOptions(t, "get")
	o.Profile = filepath.Join(t.TempDir(), "profiles")
	o.Repeat = 1
	if _, err := Run(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"get-client.cpu.pprof", "get-client.heap.pprof", "get-server1.cpu.pprof", "get-server1.heap.pprof"} {
		if info, err := os.Stat(filepath.Join(o.Profile, name)); err != nil || info.Size() == 0 {
			t.Errorf("no profile %s: %v", name, err)
		}
	}
}

// So is one of a command that moves data.
func TestProfileTool(t *testing.T) {
	o := tinyOptions(t, "car")
	o.Profile = filepath.Join(t.TempDir(), "profiles")
	tool := o.Tool
	var files []string
	o.Tool = func(ctx context.Context, args ...string) *exec.Cmd {
		files = append(files, args[1])
		return tool(ctx, args...)
	}
	if _, err := Run(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	want := []string{filepath.Join(o.Profile, "car-export.cpu.pprof"), filepath.Join(o.Profile, "car-import.cpu.pprof")}
	if !slices.Equal(files, want) {
		t.Errorf("profiles in %v, want %v", files, want)
	}
}

// A child that fails ends its rows with an error that says so; the others run.
func TestChildFails(t *testing.T) {
	o := tinyOptions(t, "search,get")
	o.Command = func(ctx context.Context, _ Child) *exec.Cmd { return exec.CommandContext(ctx, "false") }
	report, err := Run(context.Background(), o)
	if err == nil || !strings.Contains(err.Error(), "row get: bench child: it did not serve") {
		t.Errorf("got %v", err)
	}
	if len(report.Results) != 3 {
		t.Errorf("%d results of the row that works, not 3", len(report.Results))
	}
}

// A lost update is found, whoever lost it.
func TestTallyFindsLostUpdates(t *testing.T) {
	ctx := context.Background()
	s, err := store.Open(store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c, err := newLocalCounter(ctx, s)
	if err != nil {
		t.Fatal(err)
	}
	all := &tally{counter: c}
	if _, _, err := all.phase(4)(ctx, 5*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if err := all.verify(ctx); err != nil {
		t.Fatal(err)
	}
	all.won[2]++
	if err := all.verify(ctx); err == nil {
		t.Error("an update that its writer counts and the entity does not was not found")
	}
	all.won[2]--
	all.confirmed++
	if err := all.verify(ctx); err == nil {
		t.Error("a version too few was not found")
	}
}

// The updates given to Badger have the keys that the store writes.
func TestSampleUpdatesAreTheStores(t *testing.T) {
	ctx := context.Background()
	r := &runner{Options: tinyOptions(t, "")}
	r.row = &row{name: "test"}
	s, _, err := r.openStore(filepath.Join(r.Data, "s"))
	if err != nil {
		t.Fatal(err)
	}
	edits, err := newEditors(ctx, s, newProse())
	if err == nil {
		_, _, err = crowd(writers, edits.edit, nil)(ctx, 10*time.Millisecond)
	}
	if err != nil {
		t.Fatal(err)
	}
	u, err := sampleUpdates(ctx, s)
	if err = errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	if n := u.meanBytes(); n < 1200 || n > 2500 {
		t.Errorf("an update has %d bytes", n)
	}
	stored := diskKeys(t, filepath.Join(r.Data, "s"))
	for i, w := range u {
		for k, key := range w.keys {
			size, ok := stored[string(key)]
			if !ok || size != len(w.values[k]) {
				t.Fatalf("update %d: key %q of %d bytes is not the store's (%d)", i, key, len(w.values[k]), size)
			}
		}
	}
	err = r.withRaw(u[:3], func(raw *rawWriter) error {
		raw.batch = 5
		if err := raw.commit(); err != nil {
			return err
		}
		keys := map[string]bool{}
		raw.next = 0
		for range 5 {
			ks, _ := raw.update()
			for _, k := range ks {
				keys[string(k)] = true
			}
		}
		heads := map[string]bool{}
		for _, w := range u[:3] {
			heads[string(w.keys[1])] = true
		}
		if want := 5*3 + len(heads); len(keys) != want {
			t.Errorf("5 updates of a sample of 3 have %d keys, not %d", len(keys), want)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// Rows are chosen by name or pattern; what names none is told what there is.
func TestChoose(t *testing.T) {
	for only, want := range map[string]int{"": len(rows()), "put,get": 2, "p.t|g.t": 2, "get": 1} {
		if got, err := choose(only); err != nil || len(got) != want {
			t.Errorf("%q chooses %d rows, not %d (%v)", only, len(got), want, err)
		}
	}
	for _, only := range []string{"no", "(", "pu"} {
		if _, err := choose(only); entity.KindOf(err) != entity.KindInvalid {
			t.Errorf("%q gives %v", only, err)
		}
	}
	if _, err := Run(context.Background(), Options{Sizes: tiny}); entity.KindOf(err) != entity.KindInvalid {
		t.Errorf("no repeats give %v", err)
	}
}

// Goals bound ratios from both sides, and medians are of the repeats.
func TestCompare(t *testing.T) {
	r := compare("x", "/s", "y", []float64{10, 30, 20}, []float64{20, 20, 20}, Goal{AtLeast: 1, AtMost: 1})
	if r.Measured != 20 || r.Yardstick != 20 || r.Ratio != 1 || r.Least != 0.5 || r.Greatest != 1.5 || !r.Met {
		t.Errorf("%+v", r)
	}
	if r.also(false, "").Met || compare("x", "", "", []float64{3}, []float64{2}, Goal{AtMost: 1.4}).Met || compare("x", "", "", []float64{1}, []float64{2}, Goal{AtLeast: 0.6}).Met {
		t.Error("a goal that is not met counts as met")
	}
	if m := median([]float64{4, 1, 3, 2}); m != 2.5 {
		t.Errorf("median %v", m)
	}
	if p := percentile([]time.Duration{5, 1, 4, 2, 3}, 50); p != 3 {
		t.Errorf("percentile %v", p)
	}
	for v, want := range map[float64]string{1234567: "1,234,567/s", 999: "999/s", 12.34: "12.3/s", 0.5: "0.50/s"} {
		if got := r.number(v); got != want {
			t.Errorf("%v is written %s, not %s", v, got, want)
		}
	}
}

// Both searches over a CSR are right, seen from the pairs themselves.
func TestCSR(t *testing.T) {
	edges := [][2]uint32{{0, 1}, {1, 2}, {2, 3}, {0, 4}, {4, 3}, {3, 5}}
	out, in := newCSR(7, edges, 0), newCSR(7, edges, 1)
	fore, hind := newCSRSearch(&out), newCSRSearch(&in)
	for _, c := range []struct {
		to    uint32
		depth int
		want  int
	}{{0, 4, 0}, {1, 4, 1}, {3, 4, 2}, {5, 4, 3}, {5, 2, -1}, {6, 4, -1}} {
		if got := shortest(fore, hind, 0, c.to, c.depth); got != c.want {
			t.Errorf("0 to %d within %d: %d, not %d", c.to, c.depth, got, c.want)
		}
	}
	types := []uint8{1, 0, 1, 1, 0, 1, 1}
	if n := fore.reach(types, 0, 1, 2); n != 2 || !slices.Equal(fore.path, []uint32{2, 1, 3, 4}) {
		t.Errorf("found %d by %v", n, fore.path)
	}
}

// withScopes are the projections of a server.
func withScopes(index entity.Projection, scopes *scope.Index) []entity.Projection {
	return []entity.Projection{index, listing.Projection{}, scopes, fileindex.Projection{}, run.Projection{}}
}
