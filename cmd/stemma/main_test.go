package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain puts the real command on the PATH of every test, as a process of its
// own: `stemma` is main, `stemma-crash` dies at a named point.
func TestMain(m *testing.M) {
	os.Setenv("GORACE", raceOptions)
	if isExtractChild() { // of a server within a test
		main()
	}
	testscript.Main(m, map[string]func(){"stemma": main, "stemma-crash": crashMain})
}

// raceOptions keep a command built with -race from waiting a second as it ends.
const raceOptions = "atexit_sleep_ms=0"
