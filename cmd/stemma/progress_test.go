//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// openTerminal gives the two ends of a pseudoterminal (pts(4)): what a command
// writes to screen is read from keyboard.
func openTerminal(t *testing.T) (keyboard, screen *os.File) {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { keyboard.Close() })
	if err := unix.IoctlSetPointerInt(int(keyboard.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(keyboard.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if screen, err = os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { screen.Close() })
	return keyboard, screen
}

// shows is what a command has drawn on a terminal, which is its standard error.
func shows(t *testing.T, c interface {
	Run(context.Context, *streams) error
}) string {
	t.Helper()
	keyboard, screen := openTerminal(t)
	drawn := make(chan []byte)
	go func() {
		all, _ := io.ReadAll(keyboard) // ends with an error when the screen is closed
		drawn <- all
	}()
	var out bytes.Buffer
	err := c.Run(t.Context(), &streams{out: &out, err: screen})
	if closing := screen.Close(); closing != nil {
		t.Fatal(closing)
	}
	text := <-drawn
	if err != nil {
		t.Fatalf("%v\n%s%s", err, out.String(), text)
	}
	return string(text)
}

// Every command that moves data draws a bar where there is a terminal, under its
// own name, and ends it.
func TestProgressBars(t *testing.T) {
	data, _, _ := exported(t)
	dir := t.TempDir()
	lines := filepath.Join(dir, "lines.jsonl")
	if err := os.WriteFile(lines, []byte(`{"type":"letter"}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	in := dataFlags{Data: data}
	file, backups := filepath.Join(dir, "x.car"), filepath.Join(dir, "backups")
	_, source := mirrored(t)
	for _, c := range []struct {
		name string
		cmd  interface {
			Run(context.Context, *streams) error
		}
	}{
		{"export", &exportCmd{All: true, Network: "main", File: file, dataFlags: in}},
		{"import", &importCarCmd{File: file, Buffer: 1, Network: "main", dataFlags: dataFlags{Data: filepath.Join(dir, "copy")}}},
		{"import", &importJSONLCmd{File: lines, Network: "main", dataFlags: in}},
		{"backup", &backupCmd{To: backups, dataFlags: in}},
		{"restore", &restoreCmd{From: backups, dataFlags: dataFlags{Data: filepath.Join(dir, "restored")}}},
		{"verify", &verifyCmd{dataFlags: in}},
		{"gc", &gcCmd{dataFlags: in}},
		{"mirror", &mirrorCmd{URL: source, Key: testKey, Dir: filepath.Join(dir, "mirror"), Network: "main", Once: true}},
	} {
		t.Run(fmt.Sprintf("%T", c.cmd), func(t *testing.T) {
			if text := shows(t, c.cmd); !strings.Contains(text, c.name) {
				t.Errorf("drawn: %q", text)
			}
		})
	}
}
