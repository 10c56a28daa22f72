package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"stemma/entity"
)

// Key is the key of the child's first user.
const Key = "uk_0000000000000000000000000000000000000000000000000000000000bench"

// Child is a server to be started.
type Child struct {
	Data     string // directory of its stores
	Load     int    // entities to create before it serves
	Search   bool   // whether its stores are searched, as those of 'stemma serve' are unless told otherwise
	Upstream string // URL of the model provider [UpstreamName]; "" for none
	Agent    bool   // whether there is an agent that asks it, see [NewAgent]
	Plain    bool   // it is no server of ours, but the plain proxies of the upstream: [Child.ServePlain]
	Profile  string // file for its CPU profile, beside which that of its heap comes; "" takes none
}

// Hello is what a child writes to its standard output, as one line of JSON,
// when it serves.
type Hello struct {
	Addr string        `json:"addr"`
	Key  string        `json:"key"`     // of the agent
	Open time.Duration `json:"open_ns"` // to open the stores
	Load time.Duration `json:"load_ns"` // to create the entities
}

// Ready tells the parent that the child serves.
func (h Hello) Ready(w io.Writer) error { return json.NewEncoder(w).Encode(h) }

// Serve runs the part of a child: open, and serve until the parent
// closes the standard input or ctx ends. open starts the server and gives its
// main store; serve serves it and tells ready the address,
// and the key of the agent, if there is one.
func (c Child) Serve(ctx context.Context, in io.Reader, out io.Writer, open func() (entity.Store, error), serve func(ctx context.Context, ready func(addr, key string) error) error) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, in) // ends with the parent, whatever became of it
		cancel()
	}()
	var hello Hello
	began := time.Now()
	store, err := open()
	if err != nil {
		return err
	}
	hello.Open = time.Since(began)
	if c.Load > 0 {
		began = time.Now()
		if err := createLarge(ctx, store, c.Load); err != nil {
			return err
		}
		hello.Load = time.Since(began)
	}
	if c.Profile != "" {
		stop, err := Profile(c.Profile)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, stop()) }()
	}
	return serve(ctx, func(addr, key string) error {
		hello.Addr, hello.Key = addr, key
		return hello.Ready(out)
	})
}

// process is a child that serves.
type process struct {
	Hello
	cmd   *exec.Cmd
	stdin io.Closer
}

// start starts a child and waits until it serves.
func (r *runner) start(ctx context.Context, c Child) (*process, error) {
	r.servers++
	if r.Profile != "" {
		c.Profile = r.profilePath(fmt.Sprintf("server%d", r.servers))
	}
	cmd := r.Command(ctx, c)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("bench child: %w", err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("bench child: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("bench child: %w", err)
	}
	p := &process{cmd: cmd, stdin: stdin}
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &p.Hello)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("bench child: it did not serve: %w", err), p.stop())
	}
	return p, nil
}

// stop lets the child end and waits for it.
func (p *process) stop() error {
	err := p.stdin.Close()
	if waitErr := p.cmd.Wait(); waitErr != nil {
		return errors.Join(err, fmt.Errorf("bench child: %w", waitErr))
	}
	return err
}

// cpu is the time that the child has computed, to a hundredth of a second
// (proc(5)).
func (p *process) cpu() (time.Duration, error) {
	path := "/proc/" + strconv.Itoa(p.cmd.Process.Pid) + "/stat"
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, fmt.Errorf("bench child: %w", err)
	}
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:])) // from the third on
	if len(f) < 13 {
		return 0, fmt.Errorf("bench child: %s is %q", path, b)
	}
	user, err := strconv.Atoi(f[11])
	system, err2 := strconv.Atoi(f[12])
	return time.Duration(user+system) * 10 * time.Millisecond, errors.Join(err, err2)
}

// memory is what a process has in physical memory.
type memory struct{ resident, anonymous, peak int64 }

// memory reads the child's.
func (p *process) memory() (memory, error) { return memoryOf(p.cmd.Process.Pid) }

// forgetPeak lets the child's peak begin anew, at what it has now.
func (p *process) forgetPeak() (memory, error) {
	path := "/proc/" + strconv.Itoa(p.cmd.Process.Pid) + "/clear_refs"
	if err := os.WriteFile(path, []byte("5"), 0); err != nil { // proc(5)
		return memory{}, fmt.Errorf("bench child: %w", err)
	}
	return p.memory()
}

// memoryOf reads a process's, from proc(5).
func memoryOf(pid int) (m memory, err error) {
	path := "/proc/" + strconv.Itoa(pid) + "/status"
	for _, f := range []struct {
		name string
		into *int64
	}{{"VmRSS", &m.resident}, {"RssAnon", &m.anonymous}, {"VmHWM", &m.peak}} {
		kb, err := strconv.ParseInt(strings.TrimSuffix(field(path, f.name), " kB"), 10, 64)
		if err != nil {
			return m, fmt.Errorf("bench child: %s has no %s: %w", path, f.name, err)
		}
		*f.into = kb << 10
	}
	return m, nil
}

// served runs a row's part that needs a server on a directory; conns are open
// connections to it.
func (r *runner) served(ctx context.Context, c Child, n int, fn func(p *process, conns []*conn) error) (err error) {
	p, err := r.start(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	conns, hangUp, err := dialAll(ctx, p.Addr, n)
	if err != nil {
		return err
	}
	defer hangUp()
	return fn(p, conns)
}
