package main

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// uiDir has the web application.
const uiDir = "../../api/portal/ui"

// uiServer is a server of its own for a file of browser tests: how it is started,
// and what the tests are told.
type uiServer struct{ flags, env []string }

// uiServers are the files that need one, and run beside one another; the others
// share theirs, one after the other.
var uiServers = map[string]func(*testing.T) uiServer{
	"agents.test.mjs":    scriptedModel,
	"chat.test.mjs":      scriptedModel,
	"extract.test.mjs":   func(*testing.T) uiServer { return uiServer{flags: []string{"--llm-url", builtInLLM}} },
	"knowledge.test.mjs": ownServer, // its key makes itself a team
	"oidc.test.mjs":      withProvider,
	"people.test.mjs":    func(*testing.T) uiServer { return uiServer{flags: []string{"--trust-proxy"}} }, // more accounts than one client may make
	"team.test.mjs":      ownServer,                                                                       // its key is in no team
	"usage.test.mjs":     pricedModel,
}

func ownServer(*testing.T) uiServer { return uiServer{} }

// The web application in a real browser, against a server of its own: see e2e in
// [uiDir]. It needs Debian's chromium and `make ui`; STEMMA_BROWSER=required, as
// in `make test-ui`, makes their absence a failure, and off leaves it to that.
func TestBrowser(t *testing.T) {
	if os.Getenv("STEMMA_BROWSER") == "off" {
		t.Skip("STEMMA_BROWSER=off")
	}
	lacks := func(format string, args ...any) {
		t.Helper()
		if os.Getenv("STEMMA_BROWSER") == "required" {
			t.Fatalf(format, args...)
		}
		t.Skipf(format, args...)
	}
	chromium := os.Getenv("CHROMIUM")
	if chromium == "" {
		chromium = "/usr/bin/chromium"
	}
	if _, err := os.Stat(chromium); err != nil {
		lacks("there is no browser at %s: apt-get install chromium, or set CHROMIUM", chromium)
	}
	for _, built := range []string{"dist/index.html", "node_modules/playwright-core"} {
		if _, err := os.Stat(filepath.Join(uiDir, built)); errors.Is(err, fs.ErrNotExist) {
			lacks("the web application is not built: make ui")
		}
	}
	tests, err := filepath.Glob(filepath.Join(uiDir, "e2e", "*.test.mjs"))
	if err != nil || len(tests) == 0 {
		t.Fatalf("no tests: %v", err)
	}
	shared := serve(t, withSky(t), "--bootstrap-key", testKey)
	defer shared.stop(t) // before those that run beside one another
	for _, path := range tests {
		name := filepath.Base(path)
		t.Run(strings.TrimSuffix(name, ".test.mjs"), func(t *testing.T) {
			if uiServers[name] != nil {
				t.Parallel()
			}
			out, err := inBrowser(t, shared, name, chromium)
			if err == nil {
				return
			}
			// A browser on a busy machine may lose what was typed. What fails again on
			// a server of its own is a fault of ours; what does not is told.
			t.Logf("%s is tried again: %v\n%s", name, err, out)
			if out, err = inBrowser(t, nil, name, chromium); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// inBrowser runs a file of browser tests against a server, or against one of its
// own where there is none or it needs one.
func inBrowser(t *testing.T, p *process, name, chromium string) (out []byte, err error) {
	var own uiServer
	data := withSky
	if start := uiServers[name]; start != nil {
		own, p, data = start(t), nil, (*testing.T).TempDir
	}
	if p == nil {
		p = serve(t, data(t), append(own.flags, "--bootstrap-key", testKey)...)
		defer p.stop(t)
	}
	node := exec.CommandContext(t.Context(), "node", "--test", filepath.Join("e2e", name))
	node.Dir = uiDir
	node.Env = append(os.Environ(), "STEMMA_URL="+p.url(t), "STEMMA_KEY="+testKey, "CHROMIUM="+chromium, "STEMMA_SKY="+skyID)
	node.Env = append(node.Env, own.env...)
	return node.CombinedOutput()
}
