package backup

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"stemma/entity"
	"stemma/entity/store"
	"stemma/files"
	"stemma/files/index"
)

// contentDir is where a directory keeps file content.
const contentDir = "content"

// Source is what is backed up: [Local] or [Remote].
type Source interface {
	// Backup is the stream of [store.Store.Backup].
	Backup(ctx context.Context, since entity.Seq) (io.ReadCloser, error)
	// Content reads file content. KindNotFound.
	Content(ctx context.Context, c entity.CID) (io.ReadCloser, error)
}

// Progress is told, now and then, what is being done and how far it is; total 0
// is unknown. nil is nobody.
type Progress func(stage string, done, total int)

func (p Progress) tell(stage string, done, total int) {
	if p != nil {
		p(stage, done, total)
	}
}

// Result is what a backup did.
type Result struct {
	store.BackupInfo
	Path    string // of the file, "" when nothing has changed since the last one
	Bytes   int64  // of the file
	Content int    // blobs that were not in the directory yet
}

// Run adds a backup of a network to a directory, which is made if need be: a
// full one where there is none, else what has changed since the last.
//
// KindInvalid when the directory's backups are not of this store or damaged,
// KindConflict when another backup was faster, KindFull, or what the source
// answers.
func Run(ctx context.Context, src Source, dir string, network entity.Network, progress Progress) (r Result, err error) {
	parts, err := chain(dir, network)
	if err != nil {
		return r, err
	}
	var before store.BackupInfo
	if len(parts) > 0 {
		f, info, err := parts[len(parts)-1].open(network)
		if err != nil {
			return r, err
		}
		before = info
		if err := f.Close(); err != nil {
			return r, osError(err)
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return r, osError(err)
	}
	sweep(dir, network)
	tmp, err := os.CreateTemp(dir, tmpPattern(network)) // 0600
	if err != nil {
		return r, osError(err)
	}
	defer func() {
		_ = tmp.Close()
		if gone := os.Remove(tmp.Name()); err == nil && gone != nil && !errors.Is(gone, fs.ErrNotExist) {
			err = osError(gone)
		}
	}()
	refs, err := r.receive(ctx, src, tmp, network, before, progress)
	if err != nil {
		return r, err
	}
	if len(parts) > 0 && r.From == r.To && r.Secrets == before.Secrets {
		return r, nil
	}
	if r.Content, err = copyContent(ctx, src, filepath.Join(dir, contentDir), network, refs, progress); err != nil {
		return r, err
	}
	path := filepath.Join(dir, fileName(network, len(parts)+1, r.BackupInfo))
	if err := publish(tmp, path); err != nil {
		return r, err
	}
	r.Path = path
	return r, nil
}

func tmpPattern(network entity.Network) string { return "." + string(network) + "-*.tmp" }

// sweep removes what killed processes have left, but not what one that runs may
// be writing.
func sweep(dir string, network entity.Network) {
	stale, _ := filepath.Glob(filepath.Join(dir, tmpPattern(network))) // the pattern is good
	for _, path := range stale {
		if info, err := os.Stat(path); err == nil && time.Since(info.ModTime()) > 24*time.Hour {
			_ = os.Remove(path) // again next time
		}
	}
}

// receive writes the source's stream into a file, whole and checked, and gives
// the content that it refers to.
func (r *Result) receive(ctx context.Context, src Source, tmp *os.File, network entity.Network, before store.BackupInfo, progress Progress) (map[entity.CID]struct{}, error) {
	stream, err := src.Backup(ctx, before.To)
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	counted := &counter{w: tmp}
	in, err := store.OpenBackup(io.TeeReader(stream, counted))
	if err != nil {
		return nil, err
	}
	r.BackupInfo = in.Info()
	switch {
	case r.Network != network:
		return nil, entity.Invalid("backup.Run", "the server sent a backup of %s, not of %s", r.Network, network)
	case r.From != before.To || r.Base != before.Tip:
		return nil, entity.Invalid("backup.Run", "the last backup here ends at change %d of another store, or of one whose log took another way since: back this one up into a new directory", before.To)
	}
	refs := make(map[entity.CID]struct{})
	changes := 0
	for row, err := range in.Rows() {
		if err != nil {
			return nil, receiveError(ctx, err)
		}
		if !store.IsBlock(row) {
			continue
		}
		if changes++; changes%1024 == 0 {
			progress.tell("log of "+string(network), changes, int(r.To-r.From))
		}
		if m := store.Manifest(row, entity.TypeFile); m != nil {
			if named, ok := index.Of(m.Properties); ok {
				refs[named.CID] = struct{}{}
			}
		}
	}
	r.Bytes = counted.n
	return refs, osError(tmp.Sync())
}

// receiveError tells a stream that was cut from a disk that is full.
func receiveError(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return osError(err)
	case ctx.Err() != nil:
		return &entity.Error{Kind: entity.KindCanceled, Op: "backup.Run", Message: "the backup was stopped; nothing was kept of it", Err: ctx.Err()}
	}
	return err
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// copyContent puts the content that is not there yet into the directory.
func copyContent(ctx context.Context, src Source, dir string, network entity.Network, refs map[entity.CID]struct{}, progress Progress) (copied int, err error) {
	if len(refs) == 0 {
		return 0, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return 0, osError(err)
	}
	into, err := files.OpenDir(filepath.Join(dir, string(network)))
	if err != nil {
		return 0, err
	}
	done := 0
	for c := range refs {
		progress.tell("content of "+string(network), done, len(refs))
		done++
		_, err := into.Stat(ctx, c)
		if err == nil {
			continue
		}
		if entity.KindOf(err) != entity.KindNotFound {
			return copied, err
		}
		if err := ingest(ctx, into, c, src.Content); err != nil {
			return copied, err
		}
		copied++
	}
	return copied, nil
}

// ingest takes content in, if it is what its name says.
func ingest(ctx context.Context, into *files.Blobs, c entity.CID, from func(context.Context, entity.CID) (io.ReadCloser, error)) error {
	in, err := from(ctx, c)
	if err != nil {
		return err
	}
	defer in.Close()
	s, err := into.Spool(ctx, in, math.MaxInt64, files.Unknown)
	if err != nil {
		return err
	}
	defer s.Discard()
	if s.CID != c {
		return entity.Invalid("backup", "content %s holds other bytes, those of %s", c, s.CID)
	}
	return into.Put(ctx, s)
}

// publish gives a file that is on disk its name, which nobody else has.
func publish(tmp *os.File, path string) error {
	err := os.Link(tmp.Name(), path)
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrPermission) { // a file system without links
		if _, err = os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
			err = os.Rename(tmp.Name(), path)
		} else if err == nil {
			err = fs.ErrExist
		}
	}
	if errors.Is(err, fs.ErrExist) {
		return entity.Errorf(entity.KindConflict, "backup.Run", "%s is there already: another backup was faster", path)
	}
	if err != nil {
		return osError(err)
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return osError(err)
	}
	return osError(errors.Join(d.Sync(), d.Close()))
}

func osError(err error) error {
	const op = "backup"
	var ours *entity.Error
	switch {
	case err == nil || errors.As(err, &ours):
		return err
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return &entity.Error{Kind: entity.KindFull, Op: op, Message: "the disk is full; nothing was kept of the backup", Err: err}
	}
	return &entity.Error{Kind: entity.KindInvalid, Op: op, Message: "cannot write the backup", Err: err}
}
