package agent

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"stemma/entity"
)

// Options are the settings of an [Agent]. Server, ID, Key and Dir are needed.
type Options struct {
	Server string    // URL of the server it works for
	ID     entity.ID // of its entity there
	Key    string    // its API key, ak_…
	Token  string    // that shows whose the endpoint is; "" for none
	Dir    string    // where its jobs are
	Jobs   int       // at a time; 0: 2

	Client  *http.Client     // nil: one with a timeout of 30 s
	Now     func() time.Time // nil: [time.Now]
	Entropy io.Reader        // nil: [rand.Reader]
	Logger  *slog.Logger     // nil: silent
}

// Agent takes jobs. It is an http.Handler.
type Agent struct {
	o    Options
	keys keyCache
	mux  *http.ServeMux

	ctx  context.Context // of all jobs
	stop context.CancelFunc
	work sync.WaitGroup

	mu      sync.Mutex
	jobs    map[string]*Job
	running int
}

// Open reads the jobs there are. Those that were cut are errors from now on.
func Open(o Options) (*Agent, error) {
	o.Server = strings.TrimRight(o.Server, "/")
	if o.Jobs == 0 {
		o.Jobs = 2
	}
	if o.Client == nil {
		o.Client = &http.Client{Timeout: 30 * time.Second}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Entropy == nil {
		o.Entropy = rand.Reader
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	a := &Agent{o: o, jobs: map[string]*Job{}, mux: http.NewServeMux()}
	a.ctx, a.stop = context.WithCancel(context.Background())
	if err := os.MkdirAll(a.dir(), 0o700); err != nil {
		return nil, entity.Internal("agent.Open", err)
	}
	if err := a.load(); err != nil {
		return nil, err
	}
	a.mux.HandleFunc("GET /.well-known/arke-verification", a.verification)
	a.mux.HandleFunc("POST /process", a.process)
	a.mux.HandleFunc("GET /status/{job}", a.status)
	return a, nil
}

func (a *Agent) dir() string { return filepath.Join(a.o.Dir, "jobs") }

// Close ends all jobs, which are errors then, and waits for them.
func (a *Agent) Close() {
	a.mu.Lock()
	a.stop() // from now on none is taken
	a.mu.Unlock()
	a.work.Wait()
}

// ServeHTTP answers the three operations.
func (a *Agent) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.mux.ServeHTTP(w, r) }
