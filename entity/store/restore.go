package store

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"syscall"

	"github.com/dgraph-io/badger/v4"

	"stemma/entity"
)

// Restore is a store in the making, out of a full backup and those that follow
// it. It belongs to one goroutine. A directory that an error has left behind is
// no store and must be removed.
type Restore struct {
	db      *badger.DB
	packs   *packs
	info    BackupInfo // of the last backup applied
	parts   uint64
	secrets map[string]struct{} // of that backup
}

// NewRestore begins a store in a directory that is empty or not there.
// KindInvalid when it is not empty.
func NewRestore(dir string) (*Restore, error) {
	const op = "store.NewRestore"
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, &entity.Error{Kind: entity.KindInvalid, Op: op, Message: "cannot read " + dir, Err: err}
	}
	if len(entries) > 0 {
		return nil, entity.Invalid(op, "%s is not empty; a backup is restored into a new directory", dir)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, &entity.Error{Kind: entity.KindInvalid, Op: op, Message: "cannot create " + dir, Err: err}
	}
	// Nothing is of use before the whole is: one sync at the end will do.
	db, err := badger.OpenManaged(badgerOptions(Options{Dir: dir}).WithSyncWrites(false))
	if err != nil {
		return nil, openError(op, dir, err)
	}
	packs, err := openPacks(dir)
	if err != nil {
		return nil, openError(op, dir, errors.Join(err, db.Close()))
	}
	return &Restore{db: db, packs: packs}, nil
}

// Apply lays a backup over those before it. KindInvalid when it is damaged, or
// does not follow the one before. progress is told of the changes applied.
func (r *Restore) Apply(ctx context.Context, in io.Reader, progress func(entity.Seq)) (BackupInfo, error) {
	b, err := OpenBackup(in)
	if err != nil {
		return BackupInfo{}, err
	}
	info := b.Info()
	if err := r.follows(info); err != nil {
		return info, err
	}
	r.parts++
	out := r.db.NewWriteBatchAt(r.parts)
	defer out.Cancel()
	read := r.db.NewTransactionAt(r.parts, false)
	defer read.Discard()
	w := &restoreWriter{out: out, packs: r.packs, before: read, secrets: make(map[string]struct{}), blocks: info.From, progress: progress}
	for row, err := range b.Rows() {
		if err != nil {
			return info, err
		}
		if err := w.row(ctx, row); err != nil {
			return info, err
		}
	}
	if err := w.pack(); err != nil {
		return info, err
	}
	for key := range r.secrets { // that are gone by now
		if _, kept := w.secrets[key]; !kept {
			if err := out.Delete([]byte(key)); err != nil {
				return info, restoreError(err)
			}
		}
	}
	for name, note := range map[string]string{"format": format, "network": string(info.Network)} {
		if err := out.Set(metaKey(name), []byte(note)); err != nil {
			return info, restoreError(err)
		}
	}
	if err := out.Flush(); err != nil {
		return info, restoreError(err)
	}
	r.info, r.secrets = info, w.secrets
	return info, nil
}

// follows refuses a backup that does not begin where the last one ended.
func (r *Restore) follows(next BackupInfo) error {
	const op = "store.Restore"
	if next.Network != entity.Main && next.Network != entity.Test {
		return entity.Invalid(op, "the backup is of the network %q; there are main and test", next.Network)
	}
	switch {
	case next.From > next.To:
		return entity.Invalid(op, "the backup leads from change %d back to %d", next.From, next.To)
	case r.parts == 0 && next.From != 0:
		return entity.Invalid(op, "the first backup begins after change %d; a restore begins with a full one", next.From)
	case r.parts == 0:
		return nil
	case next.Network != r.info.Network:
		return entity.Invalid(op, "the backup is of the %s network, those before it of %s", next.Network, r.info.Network)
	case next.From != r.info.To:
		return entity.Invalid(op, "the backup begins after change %d, the one before it ends at %d: one between them is missing, or they are out of order", next.From, r.info.To)
	case next.Base != r.info.Tip:
		return entity.Invalid(op, "the backup that begins after change %d is of another store, or of one whose log took another way", next.From)
	}
	return nil
}

// restoreWriter takes rows into a store.
type restoreWriter struct {
	out      *badger.WriteBatch
	packs    *packs
	before   *badger.Txn // the backups before this one
	keys     [][]byte    // of blocks of content, on their way into a pack
	contents [][]byte
	held     int
	secrets  map[string]struct{}
	blocks   entity.Seq
	progress func(entity.Seq)
}

func (w *restoreWriter) row(ctx context.Context, row entity.Row) error {
	switch space := row.Key[0]; {
	case space == spaceSecret:
		w.secrets[string(row.Key)] = struct{}{}
	case space == spaceBlock: // one for each change
		if w.blocks++; w.blocks%4096 == 0 {
			if err := ctxError("store.Restore", ctx); err != nil {
				return err
			}
			if w.progress != nil {
				w.progress(w.blocks)
			}
		}
		if len(row.Value) == 0 {
			return w.erased(row.Key)
		}
		if block, _, err := entity.OpenChainBlock(row.Value); err == nil && block.Chain == entity.ChainContent {
			return w.content(bytes.Clone(row.Key), bytes.Clone(row.Value))
		}
	case bytes.IndexByte(truths, space) < 0:
		return entity.Invalid("store.Restore", "the backup has the row %q, which no backup has", row.Key)
	}
	return restoreError(w.out.Set(bytes.Clone(row.Key), bytes.Clone(row.Value)))
}

// content takes a block to where it can be overwritten.
func (w *restoreWriter) content(key, block []byte) error {
	w.keys, w.contents = append(w.keys, key), append(w.contents, block)
	if w.held += len(block); w.held < packFrom {
		return nil
	}
	return w.pack()
}

func (w *restoreWriter) pack() error {
	if len(w.keys) == 0 {
		return nil
	}
	places, err := w.packs.append(w.contents)
	if err != nil {
		return restoreError(err)
	}
	for i, key := range w.keys {
		if err := w.out.Set(key, places[i].row()); err != nil {
			return restoreError(err)
		}
	}
	w.keys, w.contents, w.held = nil, nil, 0
	return nil
}

// erased takes a block out again that a backup before had, and notes where its
// bytes are to be overwritten, which the store does when it is opened and served.
func (w *restoreWriter) erased(key []byte) error {
	lies, err := rawRow(w.before, key)
	if err != nil || lies == nil {
		return err
	}
	if err := w.out.Set(wipeKey(entity.Digest(key[1:])), lies); err != nil {
		return restoreError(err)
	}
	return restoreError(w.out.Delete(bytes.Clone(key)))
}

func restoreError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC):
		return &entity.Error{Kind: entity.KindFull, Op: "store.Restore", Message: "the disk is full", Err: err}
	}
	return entity.Internal("store.Restore", err)
}

// Close puts the store on disk. It can be opened then, and makes its
// projections anew; [Store.Check] says whether it is what it should be.
func (r *Restore) Close() error {
	return restoreError(errors.Join(r.packs.close(), r.db.Sync(), r.db.Close()))
}
