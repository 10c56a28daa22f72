package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"stemma/entity"
)

// TestCLI runs the scripts of testdata/cli against the real command. Besides
// testscript's own words they have:
//
//	serve NAME [arg...]             start 'stemma serve' and wait until it serves; sets $NAME_URL
//	halt NAME                       SIGTERM; it must leave with code 0; leaves NAME.out and NAME.err
//	key NAME                        sets $KEY to the key that NAME, stopped, has printed
//	occupy                          listen on a port, $BUSY
//	[!] call METHOD URL [BODY [HEADER VALUE]...]
//	                                print status and answer; with $KEY; ! expects a status from 400 on
//	flip DATA NETWORK ID BYTE       change a bit in the tip of an entity; prints the block's CID
//	names FILE IN                   the text of FILE occurs in IN
func TestCLI(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 root + "/testdata/cli",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"serve": scriptServe, "halt": scriptHalt, "key": scriptKey, "occupy": scriptOccupy, "call": scriptCall, "flip": scriptFlip, "names": scriptNames,
		},
		Setup: func(env *testscript.Env) error {
			env.Setenv("KEY", "")
			env.Setenv("GORACE", raceOptions)
			env.Values[processes{}] = map[string]*process{}
			return nil
		},
	})
}

// processes is where a script keeps its servers, by name.
type processes struct{}

func running(ts *testscript.TestScript) map[string]*process {
	return ts.Value(processes{}).(map[string]*process)
}

func scriptServe(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: serve NAME [arg...]")
	}
	var env []string
	for _, name := range []string{"STEMMA_ADDR", "STEMMA_BOOTSTRAP_KEY", "STEMMA_CONFIG", "STEMMA_DATA", "STEMMA_LOG_LEVEL", "STEMMA_LOG_FORMAT"} {
		if value := ts.Getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	p, err := launchIn(ctx, ts.Getenv("WORK"), env, "stemma", append([]string{"serve"}, args[1:]...)...)
	ts.Check(err)
	ts.Defer(func() {
		cancel()
		<-p.ended
	})
	url := p.stdout.await(p.ended, greeting)
	if url == "" {
		ts.Fatalf("the server ended before it served: %v\n%s%s", p.err, p.stdout, p.stderr)
	}
	running(ts)[args[0]] = p
	ts.Setenv(args[0]+"_URL", url)
}

func scriptHalt(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 || running(ts)[args[0]] == nil {
		ts.Fatalf("usage: halt NAME")
	}
	p := running(ts)[args[0]]
	ts.Check(p.cmd.Process.Signal(syscall.SIGTERM))
	<-p.ended
	if p.err != nil {
		ts.Fatalf("SIGTERM: %v\n%s%s", p.err, p.stdout, p.stderr)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".out"), []byte(p.stdout.String()), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".err"), []byte(p.stderr.String()), 0o600))
}

func scriptKey(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 || running(ts)[args[0]] == nil {
		ts.Fatalf("usage: key NAME")
	}
	m := printedKey.FindStringSubmatch(running(ts)[args[0]].stdout.String())
	if m == nil {
		ts.Fatalf("%s printed no key", args[0])
	}
	ts.Setenv("KEY", m[1])
}

func scriptOccupy(ts *testscript.TestScript, _ bool, _ []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { l.Close() })
	ts.Setenv("BUSY", l.Addr().String())
}

func scriptCall(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: [!] call METHOD URL [BODY [HEADER VALUE]...]")
	}
	rest := append(args[2:], "")
	status, text, err := ask(context.Background(), args[0], args[1], ts.Getenv("KEY"), rest[0], rest[1:]...)
	ts.Check(err)
	fmt.Fprintf(ts.Stdout(), "%d\n%s\n", status, text)
	if (status >= 400) != neg {
		ts.Fatalf("%s %s answered %d %s", args[0], args[1], status, text)
	}
}

func scriptNames(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: names FILE IN")
	}
	if text := strings.TrimSpace(ts.ReadFile(args[0])); !strings.Contains(ts.ReadFile(args[1]), text) {
		ts.Fatalf("%s does not name %s", args[1], text)
	}
}

func scriptFlip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: flip DATA NETWORK ID BYTE")
	}
	at, err := strconv.Atoi(args[3])
	ts.Check(err)
	c, err := flipTip(filepath.Join(ts.MkAbs(args[0]), args[1]), entity.ID(args[2]), at)
	ts.Check(err)
	fmt.Fprintln(ts.Stdout(), c)
}
