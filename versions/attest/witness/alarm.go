package witness

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"stemma/entity"
)

// Reason says what a log did.
type Reason string

// The reasons for an alarm; see the package's documentation.
const (
	Forked       Reason = "forked"
	Inconsistent Reason = "inconsistent"
	Shrank       Reason = "shrank"
	OtherKey     Reason = "key"
	Signature    Reason = "signature"
	Tiles        Reason = "tiles"
)

// proven tells whether the two checkpoints are all the evidence there needs to be.
func (r Reason) proven() bool { return r == Forked || r == Inconsistent }

// Alarm is an error: the log did what no honest one does.
type Alarm struct {
	Reason  Reason    `json:"reason"`
	Message string    `json:"message"`
	URL     string    `json:"url"` // of the log
	Key     string    `json:"key"`
	At      time.Time `json:"at"`
	Known   string    `json:"known"` // the checkpoint that was remembered; "" for none
	Seen    string    `json:"seen"`  // the one that the server gives now

	File string `json:"-"` // where it is kept; "" where it could not be
}

// Error shows both checkpoints.
func (a *Alarm) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "HISTORY WAS REWRITTEN (%s): %s: %s\n", a.Reason, a.URL, a.Message)
	for _, c := range []struct{ title, text string }{{"remembered", a.Known}, {"given now", a.Seen}} {
		text := c.text
		if text == "" {
			text = "none\n"
		}
		fmt.Fprintf(&b, "--- the checkpoint that is %s:\n%.4000s", c.title, text)
		if !strings.HasSuffix(text, "\n") {
			b.WriteByte('\n')
		}
	}
	if a.File != "" {
		fmt.Fprintf(&b, "--- kept as evidence in %s", a.File)
	} else {
		b.WriteString("--- which could not be kept")
	}
	return b.String()
}

// keep writes the alarm to a file of its own.
func (a *Alarm) keep(dir string) error {
	const op = "witness.keep"
	b, err := json.MarshalIndent(a, "", "  ")
	if err != nil {
		return entity.Internal(op, err)
	}
	base := filepath.Join(dir, "evidence-"+a.At.UTC().Format("20060102T150405.000Z"))
	for n := 0; ; n++ {
		name := base + ".json"
		if n > 0 {
			name = fmt.Sprintf("%s-%d.json", base, n)
		}
		f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return fromOS(op, err)
		}
		_, err = f.Write(append(b, '\n'))
		if err = errors.Join(err, f.Sync(), f.Close(), syncDir(dir)); err != nil {
			return fromOS(op, err)
		}
		a.File = name
		return nil
	}
}
