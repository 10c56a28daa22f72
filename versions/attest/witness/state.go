package witness

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"stemma/entity"
	"stemma/versions/attest"
)

// state is what is remembered of a log.
type state struct {
	URL        string    `json:"url"`
	Key        string    `json:"key"`
	FirstUse   bool      `json:"trusted_on_first_use"`
	Checkpoint string    `json:"checkpoint"`
	Seen       time.Time `json:"seen"` // when the checkpoint was
}

const stateFile = "state.json"

// load reads what is remembered, the zero state for nothing. KindInvalid for a
// file that is no state: a log is not begun anew because of it.
func load(dir string) (s state, c attest.Checkpoint, err error) {
	const op = "witness.load"
	path := filepath.Join(dir, stateFile)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, c, nil
	}
	if err != nil {
		return s, c, fromOS(op, err)
	}
	if err = json.Unmarshal(b, &s); err == nil {
		c, err = attest.ParseCheckpoint(s.Checkpoint, s.Key)
	}
	if err != nil {
		return s, c, &entity.Error{Kind: entity.KindInvalid, Op: op, Err: err, Message: path + " is damaged; move it away to begin anew, with the key from somewhere that you trust"}
	}
	return s, c, nil
}

// save replaces what is remembered, whole or not at all.
func (s state) save(dir string) error {
	const op = "witness.save"
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return entity.Internal(op, err)
	}
	f, err := os.CreateTemp(dir, stateFile+".*")
	if err != nil {
		return fromOS(op, err)
	}
	defer os.Remove(f.Name()) // after the renaming there is none
	_, err = f.Write(append(b, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fromOS(op, err)
	}
	return fromOS(op, errors.Join(os.Rename(f.Name(), filepath.Join(dir, stateFile)), syncDir(dir)))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func fromOS(op string, err error) error {
	if err == nil {
		return nil
	}
	return &entity.Error{Kind: entity.KindUnavailable, Op: op, Message: "the directory of the witness cannot be used", Err: err}
}
