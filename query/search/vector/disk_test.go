package vector

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"stemma/entity"
)

// history is a store's batches and what it holds after each.
type history struct {
	puts    [][]Row
	removes [][]entity.ID
	after   []model // [0]: before any
}

func newHistory(r *rand.Rand, batches, dims int) *history {
	h, m := &history{after: []model{{}}}, model{}
	for range batches {
		var put []Row
		var remove []entity.ID
		for n := range 30 {
			switch r.IntN(6) {
			case 0, 1:
				put = append(put, randomRow(r, n, dims))
				m[id(n)] = put[len(put)-1]
			case 2:
				remove = append(remove, id(n))
				delete(m, id(n))
			}
		}
		h.puts, h.removes, h.after = append(h.puts, put), append(h.removes, remove), append(h.after, maps.Clone(m))
	}
	return h
}

// holds fails unless the index is what a prefix of the history makes, the one
// its cursor tells.
func (h *history) holds(t *testing.T, x *Index) {
	t.Helper()
	m := h.after[x.Cursor()]
	if n := x.Stats().Rows; n != len(m) {
		t.Fatalf("%d rows after batch %d, want %d", n, x.Cursor(), len(m))
	}
	for id, row := range m {
		v, err := x.Vector(context.Background(), id)
		if err != nil || cosine(v, row.Vector) < 0.99999 {
			t.Fatalf("after batch %d: %v, %v, want %v", x.Cursor(), v, err, row.Vector)
		}
	}
	q := make([]float32, x.o.Dimensions)
	q[0] = 1
	for _, typ := range []string{"type1", "type2"} {
		f := Filter{Types: []string{typ}, Collections: []entity.ID{"collection1", ""}}
		got, err := x.Nearest(context.Background(), q, 5, f)
		if err != nil {
			t.Fatal(err)
		}
		same(t, got, m.naive(q, 5, func(r Row) bool {
			return r.Type == typ && (r.Collection == "" || r.Collection == "collection1")
		}))
	}
}

// What was applied is there after a reopening, compacted or not, and goes on.
func TestReopen(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	h, dir := newHistory(r, 60, 7), t.TempDir()
	for at := 0; at < len(h.puts); {
		x, err := Open(Options{Dir: dir, Space: "a", Dimensions: 7, Still: true})
		if err != nil {
			t.Fatal(err)
		}
		if int(x.Cursor()) != at {
			t.Fatalf("reopened at %d, want %d", x.Cursor(), at)
		}
		h.holds(t, x)
		for range min(1+r.IntN(8), len(h.puts)-at) {
			apply(t, x, h.puts[at], h.removes[at], entity.Seq(at+1))
			at++
			if r.IntN(5) == 0 {
				if err := x.Compact(context.Background()); err != nil {
					t.Fatal(err)
				}
				if s := x.Stats(); s.DeadBytes > 200 {
					t.Errorf("compacted, and yet %+v", s)
				}
			}
		}
		h.holds(t, x)
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
		if files, _ := os.ReadDir(dir); len(files) != 1 {
			t.Fatalf("%d files", len(files))
		}
	}
}

// Another space, other dimensions, or what is no file of ours is wiped.
func TestAnotherSpaceIsWiped(t *testing.T) {
	dir := t.TempDir()
	fill := func(space string, dims int) {
		x, err := Open(Options{Dir: dir, Space: space, Dimensions: dims})
		if err != nil {
			t.Fatal(err)
		}
		if s := x.Stats(); s.Rows != 0 || s.Cursor != 0 {
			t.Errorf("%s/%d is not empty: %+v", space, dims, s)
		}
		apply(t, x, []Row{{ID: id(1), Vector: randomVector(rand.New(rand.NewPCG(1, 1)), dims)}}, nil, 7)
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
	}
	fill("a", 3)
	fill("b", 3)
	fill("b", 4)
	paths, _ := filepath.Glob(filepath.Join(dir, "*"))
	if len(paths) != 1 {
		t.Fatalf("left: %v", paths)
	}
	if err := os.WriteFile(paths[0], []byte(strings.Repeat("garbage", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	fill("b", 4)
}

// Cut anywhere, or with any byte another, a file opens as what it was up to the
// record before, and can be written on.
func TestTorn(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6))
	h, dir := newHistory(r, 12, 3), t.TempDir()
	o := Options{Dir: dir, Space: "a", Dimensions: 3, Still: true}
	x, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	for at := range h.puts {
		apply(t, x, h.puts[at], h.removes[at], entity.Seq(at+1))
	}
	path := x.log.path
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	try := func(what string, b []byte) {
		t.Helper()
		paths, _ := filepath.Glob(filepath.Join(dir, "*"))
		for _, p := range paths {
			os.Remove(p)
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		x, err := Open(o)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		h.holds(t, x)
		at := x.Cursor()
		if int(at) < len(h.puts) {
			apply(t, x, h.puts[at], h.removes[at], at+1)
		}
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
		if x, err = Open(o); err != nil {
			t.Fatal(err)
		}
		if want := min(int(at)+1, len(h.puts)); int(x.Cursor()) != want {
			t.Fatalf("%s: written on, it is at %d, want %d", what, x.Cursor(), want)
		}
		h.holds(t, x)
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for cut := 0; cut <= len(whole); cut += 1 + r.IntN(len(whole)/150) {
		try(fmt.Sprint("cut at ", cut), whole[:cut])
		try(fmt.Sprint("zeros from ", cut), append(whole[:cut:cut], make([]byte, 100)...))
	}
	for range 150 {
		at := r.IntN(len(whole))
		b := append([]byte(nil), whole...)
		b[at] ^= byte(1 + r.IntN(255))
		try(fmt.Sprint("changed at ", at), b)
	}
}

const childDir = "STEMMA_VECTOR_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		writeForEver(dir)
	}
	os.Exit(m.Run())
}

// writeForEver is the child that is killed: it applies the history of seed 7,
// compacting now and then, and says what has returned.
func writeForEver(dir string) {
	x, err := Open(Options{Dir: dir, Space: "a", Dimensions: 7, MinDead: 1, Still: true})
	if err != nil {
		panic(err)
	}
	h := newHistory(rand.New(rand.NewPCG(7, 7)), 400, 7)
	for at := x.Cursor(); ; at = x.Cursor() {
		if int(at) == len(h.puts) {
			os.Exit(0)
		}
		if err := x.Apply(context.Background(), h.puts[at], h.removes[at], at+1); err != nil {
			panic(err)
		}
		fmt.Println(at + 1)
		if at%3 == 0 {
			go func() { _ = x.Compact(context.Background()) }()
		}
	}
}

// A process killed at any moment loses nothing that Apply has returned for.
func TestKilled(t *testing.T) {
	r, dir := rand.New(rand.NewPCG(8, 8)), t.TempDir()
	h := newHistory(rand.New(rand.NewPCG(7, 7)), 400, 7)
	told := 0
	for told < len(h.puts) {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childDir+"="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines, left := bufio.NewScanner(out), 10+r.IntN(90)
		for lines.Scan() {
			if told, err = strconv.Atoi(lines.Text()); err != nil {
				t.Fatal(err)
			}
			if left--; left == 0 {
				_ = cmd.Process.Signal(syscall.SIGKILL)
			}
		}
		_ = cmd.Wait() // killed, mostly
		x, err := Open(Options{Dir: dir, Space: "a", Dimensions: 7, Still: true})
		if err != nil {
			t.Fatal(err)
		}
		if int(x.Cursor()) < told {
			t.Fatalf("%d had returned; reopened at %d", told, x.Cursor())
		}
		told = int(x.Cursor())
		h.holds(t, x)
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// Searches, writers, compaction and measuring at once: a search sees what was
// applied before it began, and the file holds all of it.
func TestConcurrent(t *testing.T) {
	dir := t.TempDir()
	o := Options{Dir: dir, Space: "a", Dimensions: 8, ExactBelow: 50, MinDead: 1}
	x, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(9, uint64(w)))
			for i := range 60 {
				row := randomRow(r, 1000*w+i, 8)
				apply(t, x, []Row{row}, []entity.ID{id(1000*w + i - 30)}, 1)
				got, err := x.Nearest(context.Background(), row.Vector, 1, Filter{})
				if err != nil || len(got) != 1 || got[0].ID != row.ID {
					t.Errorf("just put %s, found %v, %v", row.ID, got, err)
				}
				if _, err := x.Mean(context.Background(), Filter{Types: []string{row.Type}}); err != nil {
					t.Error(err)
				}
				x.Stats()
				if i%20 == 0 {
					_ = x.Compact(context.Background()) // loses to another, now and then
					if err := x.Measure(context.Background()); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	rows := x.Stats().Rows
	if err := errors.Join(x.Close(), x.Close()); err != nil {
		t.Fatal(err)
	}
	if err := x.Apply(context.Background(), nil, nil, 1); err == nil {
		t.Error("applied to a closed index")
	}
	x = open(t, o)
	if n := x.Stats().Rows; n != rows || n != 120 {
		t.Errorf("%d rows, were %d, want 120", n, rows)
	}
}

// failing is a file whose writes or syncs fail for once.
type failing struct {
	file
	write, sync error
}

func (f *failing) WriteAt(b []byte, at int64) (int, error) {
	if f.write == nil {
		return f.file.WriteAt(b, at)
	}
	n, _ := f.file.WriteAt(b[:len(b)/2], at)
	return n, f.write
}

func (f *failing) Sync() error { return cmp.Or(f.sync, f.file.Sync()) }

// A full disk is told, changes nothing, and can be written on when there is
// room; after a failed fsync there is no writing until the index is opened anew.
func TestDiskFails(t *testing.T) {
	dir := t.TempDir()
	o := Options{Dir: dir, Space: "a", Dimensions: 2, Still: true}
	x, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	row := func(n int) []Row { return []Row{{ID: id(n), Vector: []float32{1, 2}}} }
	apply(t, x, row(1), nil, 1)
	f := &failing{file: x.log.file}
	x.log.file = f
	f.write = syscall.ENOSPC
	if err := x.Apply(context.Background(), row(2), nil, 2); entity.KindOf(err) != entity.KindFull {
		t.Error(err)
	}
	f.write = nil
	if s := x.Stats(); s.Rows != 1 || s.Cursor != 1 {
		t.Errorf("%+v", s)
	}
	apply(t, x, row(3), nil, 2)
	f.sync = io.ErrShortWrite
	for range 2 {
		if err := x.Apply(context.Background(), row(4), nil, 3); entity.KindOf(err) != entity.KindInternal {
			t.Error(err)
		}
		f.sync = nil
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	x = open(t, o)
	if s := x.Stats(); s.Rows < 2 || s.Cursor < 2 {
		t.Errorf("%+v", s)
	}
}
