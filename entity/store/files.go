package store

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"

	"github.com/dgraph-io/badger/v4"
)

// Exists tells whether a directory holds a store. It writes nothing.
func Exists(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, badger.ManifestFilename))
	return err == nil
}

// lock takes Badger's lock on a directory. held tells that another process has
// it. It is how we know: Badger's error keeps only the text of its cause.
func lock(dir string) (unlock func() error, held bool, err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, false, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Is(err, syscall.EWOULDBLOCK), errors.Join(err, f.Close())
	}
	return f.Close, false, nil
}

// isHeld tells whether another process has a directory open.
func isHeld(dir string) bool {
	unlock, held, err := lock(dir)
	if err == nil {
		unlock()
	}
	return held
}

// removeEmpty removes the logs that a process was killed over right after it
// had made them: files of no bytes, which Badger (4.9.6) takes for an error.
// Nothing is done where another process has the directory.
func removeEmpty(dir string) error {
	unlock, held, err := lock(dir)
	switch {
	case held:
		return nil
	case err != nil:
		return err
	}
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); ext != ".vlog" && ext != ".mem" {
			continue
		}
		info, statErr := e.Info()
		if statErr == nil && info.Size() == 0 {
			statErr = os.Remove(filepath.Join(dir, e.Name()))
		}
		err = errors.Join(err, statErr)
	}
	return errors.Join(err, unlock())
}
