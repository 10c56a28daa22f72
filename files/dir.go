package files

import (
	"context"
	"errors"
	"io"
	"iter"
	"os"
	"path/filepath"
	"sync"
	"time"

	"stemma/entity"
)

const tmpDir = "tmp"

// dir is the store in a directory.
type dir struct {
	path string
	use  sync.RWMutex // held to write by Delete, so that nothing is deleted that Put has just found
	mu   sync.Mutex
	made map[string]bool // shards known to be there and on disk
}

func openDir(path string) (*dir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fromOS("files.Open", err)
	}
	return &dir{path: path, made: map[string]bool{}}, nil
}

// place is the shard of a CID and its path. The last character of a CID has
// only 3 bits, so the two before it make the shards: 1024 of them.
func (d *dir) place(c entity.CID) (shard, path string) {
	name := c.String()
	n := len(name)
	shard = filepath.Join(name[n-3:n-2], name[n-2:n-1])
	return shard, filepath.Join(d.path, shard, name)
}

// Put implements [Store]. The order on disk is: the bytes, the name.
func (d *dir) Put(ctx context.Context, s *Spooled) error {
	const op = "files.Put"
	if err := ended(op, ctx); err != nil {
		return err
	}
	shard, path := d.place(s.CID)
	if err := d.makeShard(shard); err != nil {
		return fromOS(op, err)
	}
	there, err := d.refresh(path, s.Size)
	if err != nil {
		return fromOS(op, err)
	}
	if !there {
		if err := d.adopt(s, path); err != nil {
			return fromOS(op, err)
		}
	}
	// Also for what was there: whoever put it may not have come this far yet.
	return fromOS(op, syncDir(filepath.Dir(path)))
}

// refresh makes content young that is there already and tells whether it is.
// A file of another size is damaged and does not count.
func (d *dir) refresh(path string, size int64) (bool, error) {
	d.use.RLock()
	defer d.use.RUnlock()
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil || info.Size() != size {
		return false, err
	}
	now := time.Now()
	return true, os.Chtimes(path, now, now)
}

// adopt makes the spooled file the content. Where another has come first the
// two are equal, and either may stay.
func (d *dir) adopt(s *Spooled, path string) error {
	if err := s.file.Sync(); err != nil {
		return err
	}
	d.use.RLock()
	defer d.use.RUnlock()
	if err := os.Rename(s.file.Name(), path); err != nil {
		return err
	}
	s.moved = true
	return nil
}

// makeShard makes a shard's directories and puts them on disk, once.
func (d *dir) makeShard(shard string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.made[shard] {
		return nil
	}
	leaf := filepath.Join(d.path, shard)
	if err := os.MkdirAll(leaf, 0o700); err != nil {
		return err
	}
	for _, parent := range []string{filepath.Dir(leaf), d.path} {
		if err := syncDir(parent); err != nil {
			return err
		}
	}
	d.made[shard] = true
	return nil
}

func syncDir(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Get implements [Store].
func (d *dir) Get(ctx context.Context, c entity.CID, offset, length int64) (io.ReadCloser, error) {
	const op = "files.Get"
	f, err := d.open(ctx, op, c, offset)
	if err != nil {
		return nil, err
	}
	if _, err := f.Seek(offset, io.SeekStart); err != nil {
		return nil, errors.Join(fromOS(op, err), f.Close())
	}
	if length < 0 {
		return f, nil
	}
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(f, length), f}, nil
}

func (d *dir) open(ctx context.Context, op string, c entity.CID, offset int64) (*os.File, error) {
	if err := checkRange(op, c, offset); err != nil {
		return nil, err
	}
	if err := ended(op, ctx); err != nil {
		return nil, err
	}
	_, path := d.place(c)
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, notFound(op, c)
	}
	return f, fromOS(op, err)
}

// Stat implements [Store].
func (d *dir) Stat(ctx context.Context, c entity.CID) (Info, error) {
	const op = "files.Stat"
	if err := checkRaw(op, c); err != nil {
		return Info{}, err
	}
	if err := ended(op, ctx); err != nil {
		return Info{}, err
	}
	_, path := d.place(c)
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return Info{}, notFound(op, c)
	}
	if err != nil {
		return Info{}, fromOS(op, err)
	}
	return Info{CID: c, Size: info.Size(), Modified: info.ModTime()}, nil
}

// Delete implements [Store].
func (d *dir) Delete(ctx context.Context, c entity.CID, before time.Time) (bool, error) {
	const op = "files.Delete"
	d.use.Lock()
	defer d.use.Unlock()
	info, err := d.Stat(ctx, c)
	switch {
	case err != nil && entity.KindOf(err) == entity.KindNotFound:
		return false, nil
	case err != nil:
		return false, err
	case !info.Modified.Before(before):
		return false, nil
	}
	_, path := d.place(c)
	if err := os.Remove(path); err != nil {
		return false, fromOS(op, err)
	}
	return true, fromOS(op, syncDir(filepath.Dir(path)))
}

// List implements [Store]. What is not named by a CID is none of ours.
func (d *dir) List(ctx context.Context) iter.Seq2[Info, error] {
	const op = "files.List"
	return func(yield func(Info, error) bool) {
		shards, err := d.shards()
		if err != nil {
			yield(Info{}, fromOS(op, err))
			return
		}
		for _, shard := range shards {
			entries, err := os.ReadDir(shard)
			if err == nil {
				err = ended(op, ctx)
			}
			if err != nil {
				yield(Info{}, fromOS(op, err))
				return
			}
			for _, e := range entries {
				if !d.yieldEntry(e, yield) {
					return
				}
			}
		}
	}
}

// shards are the directories that hold content.
func (d *dir) shards() (paths []string, err error) {
	tops, err := os.ReadDir(d.path)
	if err != nil {
		return nil, err
	}
	for _, top := range tops {
		if len(top.Name()) != 1 || !top.IsDir() {
			continue
		}
		leaves, err := os.ReadDir(filepath.Join(d.path, top.Name()))
		if err != nil {
			return nil, err
		}
		for _, leaf := range leaves {
			if len(leaf.Name()) == 1 && leaf.IsDir() {
				paths = append(paths, filepath.Join(d.path, top.Name(), leaf.Name()))
			}
		}
	}
	return paths, nil
}

// yieldEntry yields a file that is content and is still there.
func (d *dir) yieldEntry(e os.DirEntry, yield func(Info, error) bool) bool {
	c, ours := parseName(e.Name())
	if !ours {
		return true
	}
	info, err := e.Info()
	switch {
	case errors.Is(err, os.ErrNotExist):
		return true
	case err != nil:
		return yield(Info{}, fromOS("files.List", err)) && false
	}
	return yield(Info{CID: c, Size: info.Size(), Modified: info.ModTime()}, nil)
}
