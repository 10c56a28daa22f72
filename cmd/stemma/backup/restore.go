package backup

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"stemma/cmd/stemma/content"
	"stemma/entity"
	"stemma/entity/store"
	"stemma/files"
)

// Restored is what a restore made.
type Restored struct {
	store.BackupInfo          // of the last backup
	Parts            int      // backups applied
	Content          Verified // file content, checked where it is now
	Report           store.Report
}

// Verified is what was read of file content.
type Verified = content.Verified

// Target is where a network is restored to.
type Target struct {
	Dir         string // of the store: not there, or empty
	Projections []entity.Projection
	OpenBlobs   func() (*files.Blobs, error) // takes the content; called when the store is there
}

// Restore makes a network's store out of a directory of backups, and checks all
// of it. What it leaves behind on an error is of no use; see [Into].
//
// KindInvalid when a backup is missing, damaged or out of order, when there is
// none, or when the target is not empty.
func Restore(ctx context.Context, dir string, network entity.Network, t Target, progress Progress) (r Restored, err error) {
	parts, err := chain(dir, network)
	if err != nil {
		return r, err
	}
	if len(parts) == 0 {
		return r, entity.Invalid("backup.Restore", "%s holds no backup of %s", dir, network)
	}
	if err := r.apply(ctx, parts, network, t.Dir, progress); err != nil {
		return r, err
	}
	s, err := store.Open(store.Options{Dir: t.Dir, Network: network, Projections: t.Projections})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	r.Report, err = s.Check(ctx, func(stage string, done int) { progress.tell("check of "+string(network)+": "+stage, done, 0) })
	if err != nil {
		return r, err
	}
	blobs, err := t.OpenBlobs()
	if err != nil {
		return r, err
	}
	err = s.View(ctx, func(read entity.Reader) (err error) {
		if err := giveContent(ctx, read, filepath.Join(dir, contentDir, string(network)), blobs, network, progress); err != nil {
			return err
		}
		r.Content, err = content.Verify(ctx, read, blobs, content.Progress(progress))
		return err
	})
	return r, err
}

// apply lays the backups over one another.
func (r *Restored) apply(ctx context.Context, parts []part, network entity.Network, dir string, progress Progress) (err error) {
	into, err := store.NewRestore(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, into.Close()) }()
	total := int(parts[len(parts)-1].to)
	for _, p := range parts {
		f, _, err := p.open(network)
		if err != nil {
			return err
		}
		r.BackupInfo, err = into.Apply(ctx, f, func(done entity.Seq) { progress.tell("log of "+string(network), int(done), total) })
		if err != nil {
			return errors.Join(named(p.path, err), f.Close())
		}
		if err := f.Close(); err != nil {
			return osError(err)
		}
		r.Parts++
	}
	return nil
}

// giveContent copies the content that the log refers to.
func giveContent(ctx context.Context, r entity.Reader, dir string, into *files.Blobs, network entity.Network, progress Progress) error {
	refs, err := content.References(ctx, r, content.Progress(progress))
	if err != nil || len(refs) == 0 {
		return err
	}
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return entity.Invalid("backup.Restore", "%d blobs of file content are missing: there is no %s", len(refs), dir)
	}
	from, err := files.OpenDir(dir)
	if err != nil {
		return err
	}
	get := func(ctx context.Context, c entity.CID) (io.ReadCloser, error) { return from.Get(ctx, c, 0, -1) }
	done := 0
	for d := range refs {
		progress.tell("content of "+string(network), done, len(refs))
		done++
		c := content.CID(d)
		if err := ingest(ctx, into, c, get); err != nil {
			if entity.KindOf(err) == entity.KindNotFound {
				return entity.Invalid("backup.Restore", "content %s is missing from %s", c, dir)
			}
			return err
		}
	}
	return nil
}

// Into makes a directory of which all or nothing is to be there: fn fills one
// beside it, which gets the name when fn has succeeded and is removed when it
// has not. KindInvalid when the directory is there and not empty.
func Into(dir string, fn func(tmp string) error) (err error) {
	const op = "backup.Into"
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return &entity.Error{Kind: entity.KindInvalid, Op: op, Message: "cannot read " + dir, Err: err}
	}
	if len(entries) > 0 {
		return entity.Invalid(op, "%s is not empty: restore into a new directory, and move it when you are content", dir)
	}
	parent := filepath.Dir(filepath.Clean(dir))
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return osError(err)
	}
	tmp, err := os.MkdirTemp(parent, "."+filepath.Base(dir)+".restoring-*") // 0700
	if err != nil {
		return osError(err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(tmp))
		}
	}()
	if err := fn(tmp); err != nil {
		return err
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return osError(err)
	}
	if err := os.Rename(tmp, dir); err != nil {
		return osError(err)
	}
	return syncDir(parent)
}
