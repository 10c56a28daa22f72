package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"stemma/entity"
	"stemma/versions/attest/witness"
)

// witnessCmd watches the logs of other servers.
type witnessCmd struct {
	URLs     []string      `arg:"" name:"url" help:"Servers to watch, like https://stemma.example; or the prefix of any log that is served by C2SP tlog-tiles."`
	Key      string        `help:"Verifier key of the log, from somewhere else than the server; by default the first that the server names is remembered." env:"STEMMA_WITNESS_KEY" placeholder:"NAME+HASH+KEY"`
	State    string        `help:"Directory of what is remembered, by default ./stemma-witness; with a directory in it for each log." default:"./stemma-witness" env:"STEMMA_WITNESS_STATE" placeholder:"DIR"`
	Once     bool          `help:"Look once and end, instead of watching."`
	Interval time.Duration `help:"How long from one look to the next." default:"1m" env:"STEMMA_WITNESS_INTERVAL"`
	Exec     string        `help:"Command for the shell to run on an alarm, which it finds as JSON on its input." env:"STEMMA_WITNESS_EXEC" placeholder:"COMMAND"`
}

// rewrittenCode is the exit code for a history that was rewritten.
const rewrittenCode = 2

// historyRewritten says how many logs were.
type historyRewritten struct{ logs []string }

func (h *historyRewritten) Error() string {
	return "history was rewritten: " + strings.Join(h.logs, ", ") + "; see above"
}

// Help is shown under 'stemma witness --help'.
func (witnessCmd) Help() string {
	return `Remembers the last checkpoint of each server's transparency log, and checks that
every newer one is signed by the same key and continues it, by a proof out of the
log's tiles. What no honest log does is shown with both checkpoints, kept as
evidence in the directory, and ends with exit code 2:

  two trees of one size; a larger one that does not begin with the smaller; a log
  that shrank; another key; a signature that is wrong; tiles that are not those of
  the tree that was signed

A server that is away or out of order is asked again; with --once that is exit
code 1. Of several servers one that rewrote its history ends, the others are
watched on. Every look after an alarm is an alarm too, until somebody who has
found out moves the log's directory away.

  stemma witness https://stemma.example --key stemma.example/tlog+1a2b3c4d+AZ…
  stemma witness https://a.example https://b.example --interval 10m --exec 'mail -s ALARM me'
  stemma witness https://stemma.example --once       for cron and CI

Without --key the first key that the server names is trusted and shown: compare
it with what others see.`
}

// Validate refuses, before anything is asked, settings that cannot be.
func (c *witnessCmd) Validate() error {
	switch {
	case c.Interval <= 0:
		return fmt.Errorf("--interval is %s; more than 0s", c.Interval)
	case c.Key != "" && len(c.URLs) > 1:
		return errors.New("--key is of one log; watch several each with a command of its own, or without --key")
	}
	return nil
}

// Run watches until ctx ends, with --once for a look.
func (c *witnessCmd) Run(ctx context.Context, io *streams) error {
	said := &sayings{out: io.out, err: io.err}
	var all []*witness.Witness
	for _, u := range c.URLs {
		prefix, err := witness.Prefix(u)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(all, func(w *witness.Witness) bool { return w.URL() == prefix }) {
			return fmt.Errorf("%s is named twice", prefix)
		}
		w, err := witness.Open(witness.Options{URL: u, Key: c.Key, Dir: filepath.Join(c.State, logDir(prefix))})
		if err != nil {
			return err
		}
		all = append(all, w)
	}
	failed := make([]error, len(all))
	var watching sync.WaitGroup
	for i, w := range all {
		watching.Go(func() { failed[i] = c.watch(ctx, w, said) })
	}
	watching.Wait()
	rewritten := &historyRewritten{}
	for i, err := range failed {
		var alarm *witness.Alarm
		if errors.As(err, &alarm) {
			rewritten.logs, failed[i] = append(rewritten.logs, alarm.URL), nil
		}
	}
	if len(rewritten.logs) > 0 {
		return errors.Join(append(failed, rewritten)...)
	}
	return errors.Join(failed...)
}

// watch looks at one log again and again.
func (c *witnessCmd) watch(ctx context.Context, w *witness.Witness, said *sayings) error {
	for trouble := ""; ; {
		seen, err := w.Look(ctx)
		var alarm *witness.Alarm
		switch {
		case err == nil:
			if trouble != "" {
				said.about(w, "is back")
			}
			trouble = ""
			said.seen(w, seen, c.Once)
		case errors.As(err, &alarm):
			said.alarm(err)
			return errors.Join(err, c.alarm(ctx, alarm, said))
		case ctx.Err() != nil:
			return nil // told to stop
		case c.Once || entity.KindOf(err) != entity.KindUnavailable:
			return err
		case err.Error() != trouble:
			trouble = err.Error()
			said.trouble(err)
		}
		if c.Once {
			return nil
		}
		wait := c.Interval
		if trouble != "" {
			wait = min(wait, soon)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

// soon is when to look again at a server that is away.
const soon = time.Minute

// execTime bounds the command of an alarm.
const execTime = time.Minute

// alarm runs the command that is to be told.
func (c *witnessCmd) alarm(ctx context.Context, a *witness.Alarm, said *sayings) error {
	if c.Exec == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), execTime) // told to stop or not
	defer cancel()
	text, err := json.Marshal(a)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "sh", "-c", c.Exec)
	cmd.Env = append(os.Environ(), "STEMMA_ALARM_REASON="+string(a.Reason), "STEMMA_ALARM_URL="+a.URL, "STEMMA_ALARM_FILE="+a.File)
	cmd.Stdin = bytes.NewReader(text)
	out, err := cmd.CombinedOutput()
	said.printed(out)
	if err != nil {
		return fmt.Errorf("--exec: %w", err)
	}
	return nil
}

// logDir is the name of a log's directory: readable, and of this log alone.
func logDir(prefix string) string {
	_, place, _ := strings.Cut(prefix, "://")
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' || r == '-' {
			return r
		}
		return '_'
	}, strings.ToLower(place))
	sum := sha256.Sum256([]byte(prefix))
	return fmt.Sprintf("%.80s-%x", name, sum[:4])
}

// sayings prints what witnesses say, line by line.
type sayings struct {
	mu       sync.Mutex
	out, err io.Writer
}

func (s *sayings) print(w io.Writer, format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(w, format+"\n", args...)
}

func (s *sayings) about(w *witness.Witness, what string) { s.print(s.out, "%s: %s", w.URL(), what) }
func (s *sayings) trouble(err error)                     { s.print(s.err, "stemma: %s; trying again", userText(err)) }

// alarm shouts.
func (s *sayings) alarm(err error) { s.print(s.err, "\n%s\n", userText(err)) }

func (s *sayings) printed(out []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = s.err.Write(out)
}

// seen says what is new; also that nothing is, where told to.
func (s *sayings) seen(w *witness.Witness, seen witness.Seen, always bool) {
	if seen.TrustedKey != "" {
		s.about(w, "trusting, on first use, the key that the server names; compare it with what others see:\n  "+seen.TrustedKey)
	}
	size := seen.Checkpoint.Size
	switch {
	case seen.First:
		s.about(w, fmt.Sprintf("%d changes; remembered from here on", size))
	case size > seen.Was:
		s.about(w, fmt.Sprintf("%d changes; they begin with the %d that were there", size, seen.Was))
	case always:
		s.about(w, fmt.Sprintf("%d changes, as before", size))
	}
}
