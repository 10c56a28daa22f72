package attest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/tlog"

	"stemma/entity"
)

const digestBytes = len(entity.Digest{})

// files are the directory that doc.go describes. Reading below a size that was
// reached is safe while what is behind it is written.
type files struct {
	dir    string
	leaves *os.File
	tiles  [levels]*os.File
}

// state is what is known to be on disk.
type state struct {
	Size       int64  `json:"size"`                 // leaves that were synced
	Checkpoint string `json:"checkpoint,omitempty"` // the last that was signed, often of more leaves
}

// stateFile is the name of the file that makes a directory one of a log.
const stateFile = "state"

// Exists tells whether a directory holds a log. It writes nothing.
func Exists(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, stateFile))
	return err == nil
}

func openFiles(dir string) (f *files, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	f = &files{dir: dir}
	open := func(name string) (file *os.File) {
		if err == nil {
			file, err = os.OpenFile(filepath.Join(dir, name), os.O_RDWR|os.O_CREATE, 0o600)
		}
		return file
	}
	f.leaves = open("leaves")
	for level := range f.tiles {
		f.tiles[level] = open(fmt.Sprintf("tiles-%d", level))
	}
	if err != nil {
		return nil, errors.Join(err, f.close())
	}
	return f, nil
}

func (f *files) close() (err error) {
	for _, file := range append(f.tiles[:], f.leaves) {
		if file != nil {
			err = errors.Join(err, file.Close())
		}
	}
	return err
}

// state reads what is known to be on disk: nothing of new files.
func (f *files) state() (s state, err error) {
	text, err := os.ReadFile(filepath.Join(f.dir, stateFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return s, nil
	case err != nil:
		return s, err
	}
	if err := json.Unmarshal(text, &s); err != nil || s.Size < 0 || s.Size > MaxLeaves {
		return s, fmt.Errorf("%s is not what it was written as", filepath.Join(f.dir, stateFile))
	}
	return s, nil
}

// setState puts it on disk.
func (f *files) setState(s state) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	path := filepath.Join(f.dir, stateFile)
	tmp, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = tmp.Write(text)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	d, err := os.Open(f.dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// write puts leaves behind the first size, with the hashes that e has grown by
// them. They are on disk after sync.
func (f *files) write(size int64, digests []byte, e *edge) error {
	_, err := f.leaves.WriteAt(digests, size*int64(digestBytes))
	for level, hashes := range e.added {
		_, wrong := f.tiles[level].WriteAt(hashes, tlog.HashSize*(size>>(tileHeight*level)))
		err = errors.Join(err, wrong)
	}
	return err
}

func (f *files) sync() (err error) {
	for _, file := range append(f.tiles[:], f.leaves) {
		err = errors.Join(err, file.Sync())
	}
	return err
}

// tile reads so many hashes of a tile.
func (f *files) tile(level int, n int64, width int) ([]byte, error) {
	b := make([]byte, width*tlog.HashSize)
	_, err := f.tiles[level].ReadAt(b, n*tileBytes)
	return b, err
}

// digests reads those of leaves [from, to).
func (f *files) digests(from, to int64) ([]byte, error) {
	b := make([]byte, int(to-from)*digestBytes)
	_, err := f.leaves.ReadAt(b, from*int64(digestBytes))
	return b, err
}

// digest reads that of a leaf.
func (f *files) digest(leaf int64) (d entity.Digest, err error) {
	b, err := f.digests(leaf, leaf+1)
	copy(d[:], b)
	return d, err
}

// edge reads the right side of the tree of a size.
func (f *files) edge(size int64) (*edge, error) {
	e := &edge{size: size}
	for level := range levels {
		count := size >> (tileHeight * level)
		width := int(count % tileWidth)
		if width == 0 {
			continue
		}
		b, err := f.tile(level, count/tileWidth, width)
		if err != nil {
			return nil, err
		}
		for i := range width {
			e.tail[level] = append(e.tail[level], tlog.Hash(b[i*tlog.HashSize:]))
		}
	}
	return e, nil
}

// reader reads the hashes of the tree.
func (f *files) reader() *tiles { return &tiles{read: f.tile, have: map[tlog.Tile][]byte{}} }
