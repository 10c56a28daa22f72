//go:build unix

package files

import (
	"os"

	"golang.org/x/sys/unix"
)

// lock marks a temporary file as being written, for as long as it is open.
func lock(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_EX) }

// inUse tells whether a process, this one included, writes the file.
func inUse(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil
}
