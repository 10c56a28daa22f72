package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// testKey is a key that tests give the first user.
const testKey = "uk_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// transcript is what a process has printed so far.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
	grew chan struct{}
}

func newTranscript() *transcript { return &transcript{grew: make(chan struct{})} }

func (t *transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	close(t.grew)
	t.grew = make(chan struct{})
	return t.text.Write(p)
}

func (t *transcript) now() (text string, grew <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String(), t.grew
}

func (t *transcript) String() string {
	text, _ := t.now()
	return text
}

// await returns the first match's group 1 as soon as it is printed, "" when the
// process ended without.
func (t *transcript) await(ended <-chan struct{}, re *regexp.Regexp) string {
	for over := false; ; {
		text, grew := t.now()
		if m := re.FindStringSubmatch(text); m != nil {
			return m[1]
		}
		if over {
			return ""
		}
		select {
		case <-grew:
		case <-ended:
			over = true
		}
	}
}

// process is a running `stemma`.
type process struct {
	cmd            *exec.Cmd
	stdout, stderr *transcript
	ended          chan struct{} // closed when it is gone; then err is set
	err            error
}

var (
	greeting   = regexp.MustCompile(`(?m)^Stemma serves on (http://\S+)$`)
	printedKey = regexp.MustCompile(`(?m)^  (uk_[0-9a-f]{64})$`)
	stopping   = regexp.MustCompile(`msg=(stopping)\b`)
)

// launch starts a command that is on the PATH; it is killed when ctx ends.
func launch(ctx context.Context, env []string, name string, args ...string) (*process, error) {
	return launchIn(ctx, "", env, name, args...)
}

func launchIn(ctx context.Context, dir string, env []string, name string, args ...string) (*process, error) {
	p := &process{cmd: exec.CommandContext(ctx, name, args...), stdout: newTranscript(), stderr: newTranscript(), ended: make(chan struct{})}
	p.cmd.Dir, p.cmd.Env = dir, append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = p.stdout, p.stderr
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// serve starts `stemma serve` on a free port.
func serve(t *testing.T, data string, args ...string) *process {
	t.Helper()
	p, err := launch(t.Context(), nil, "stemma", append([]string{"serve", "--addr", "127.0.0.1:0", "--data", data}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { <-p.ended }) // the test's context has ended by then
	return p
}

// url waits until the server serves.
func (p *process) url(t *testing.T) string {
	t.Helper()
	url := p.stdout.await(p.ended, greeting)
	if url == "" {
		t.Fatalf("the server ended before it served: %v\n%s%s", p.err, p.stdout, p.stderr)
	}
	return url
}

// key is what a first start has printed. It is read when the server has ended,
// so that one that prints none is not waited for.
func (p *process) key(t *testing.T) string {
	t.Helper()
	<-p.ended
	m := printedKey.FindStringSubmatch(p.stdout.String())
	if m == nil {
		t.Fatalf("the server printed no key\n%s%s", p.stdout, p.stderr)
	}
	return m[1]
}

// kill is kill -9. It returns when the process is gone.
func (p *process) kill() {
	p.cmd.Process.Kill()
	<-p.ended
}

// killed tells whether the process died of SIGKILL.
func (p *process) killed() bool {
	var exit *exec.ExitError
	if !errors.As(p.err, &exit) {
		return false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signal() == syscall.SIGKILL
}

// stop sends SIGTERM and waits; the process must leave with code 0.
func (p *process) stop(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-p.ended
	if p.err != nil {
		t.Fatalf("SIGTERM: %v\n%s%s", p.err, p.stdout, p.stderr)
	}
}

// ask gives an answer's status and body. headers are names and values in turn.
func ask(ctx context.Context, method, url, key, body string, headers ...string) (int, string, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	if key != "" {
		req.Header.Set("Authorization", "ApiKey "+key)
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return res.StatusCode, string(text), err
}
