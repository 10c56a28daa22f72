package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"stemma/entity"
)

// Bounds of packs. A batch with fewer bytes of blocks than packFrom, and none of
// content, keeps them in Badger: a pack costs a second sync, which a batch of a few
// edits would feel and one of thousands does not.
const (
	packFrom = 256 << 10
	packSize = 1 << 30 // where the next one begins
)

// packs are files that hold the blocks of large batches, one block after the
// other and nothing between. In Badger such a block would be written some five
// times on its way down the levels, as its key, a hash, lies anywhere: a million
// blocks of 1 KB took 48 s of CPU, and 12 s with their places alone (2 cores,
// 2026). Blocks of content, which may have to go, are in packs whatever the batch:
// there they can be overwritten where they lie, while Badger has what was removed
// until it compacts. Nothing else in a pack is ever changed; what no row places
// there was left by a commit that failed, or is erased.
type packs struct {
	dir   string // "" for a store in memory, which has none
	mu    sync.Mutex
	files map[uint32]*os.File

	// The committer's own.
	last uint32 // the pack that is written to, 0 for none yet
	end  int64  // of what it holds
	out  []byte // on its way there
}

// writeSize is how much is written to a pack at once.
const writeSize = 256 << 10

// place is where a block lies, and what the block's row holds then. It begins
// with a byte that no block begins with: a block is a map.
type place struct {
	pack   uint32
	offset uint64
	size   uint32
}

const (
	placeMark = 0
	placeSize = 1 + 4 + 8 + 4
)

func (p place) row() []byte {
	row := append(make([]byte, 0, placeSize), placeMark)
	row = binary.BigEndian.AppendUint32(row, p.pack)
	row = binary.BigEndian.AppendUint64(row, p.offset)
	return binary.BigEndian.AppendUint32(row, p.size)
}

// placeOf reads a block's row; ok is false of one that holds the block itself.
func placeOf(row []byte) (p place, ok bool) {
	if len(row) != placeSize || row[0] != placeMark {
		return p, false
	}
	return place{binary.BigEndian.Uint32(row[1:]), binary.BigEndian.Uint64(row[5:]), binary.BigEndian.Uint32(row[13:])}, true
}

// openPacks finds the packs of a store in a directory.
func openPacks(dir string) (*packs, error) {
	p := &packs{files: make(map[uint32]*os.File)}
	if dir == "" {
		return p, nil
	}
	p.dir = filepath.Join(dir, "packs")
	entries, err := os.ReadDir(p.dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		n, err := strconv.ParseUint(strings.TrimSuffix(e.Name(), ".pack"), 10, 32)
		if err != nil || uint32(n) <= p.last {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return nil, err
		}
		p.last, p.end = uint32(n), info.Size()
	}
	return p, nil
}

func (p *packs) path(n uint32) string { return filepath.Join(p.dir, fmt.Sprintf("%08d.pack", n)) }

// file is a pack, open.
func (p *packs) file(n uint32, flag int) (*os.File, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if f := p.files[n]; f != nil {
		return f, nil
	}
	f, err := os.OpenFile(p.path(n), flag, 0o600)
	if err == nil {
		p.files[n] = f
	}
	return f, err
}

// append writes blocks to the end of the last pack. Their places are on disk
// when it returns, in the blocks' order.
func (p *packs) append(blocks [][]byte) ([]place, error) {
	if p.last == 0 || p.end >= packSize {
		if err := p.begin(); err != nil {
			return nil, err
		}
	}
	f, err := p.file(p.last, os.O_RDWR)
	if err != nil {
		return nil, err
	}
	places, end := make([]place, len(blocks)), p.end
	p.out = p.out[:0]
	for i, b := range blocks {
		places[i] = place{p.last, uint64(end) + uint64(len(p.out)), uint32(len(b))}
		p.out = append(p.out, b...)
		if len(p.out) < writeSize && i < len(blocks)-1 {
			continue
		}
		if _, err := f.WriteAt(p.out, end); err != nil {
			return nil, errors.Join(err, f.Truncate(p.end))
		}
		end += int64(len(p.out))
		p.out = p.out[:0]
	}
	if err := unix.Fdatasync(int(f.Fd())); err != nil {
		p.end = packSize // what the disk has of this one now is not known: leave it
		return nil, err
	}
	p.end = end
	return places, nil
}

// begin makes the next pack, empty, and its name on disk.
func (p *packs) begin() error {
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return err
	}
	if _, err := p.file(p.last+1, os.O_RDWR|os.O_CREATE); err != nil {
		return err
	}
	for _, dir := range []string{p.dir, filepath.Dir(p.dir)} {
		f, err := os.Open(dir)
		if err != nil {
			return err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return err
		}
	}
	p.last, p.end = p.last+1, 0
	return nil
}

// block gives the block that a row stands for: row itself, or what lies at its
// place.
func (p *packs) block(row []byte) ([]byte, error) {
	at, packed := placeOf(row)
	if !packed {
		return row, nil
	}
	f, err := p.file(at.pack, os.O_RDWR)
	if err != nil {
		return nil, err
	}
	b := make([]byte, at.size)
	if _, err := f.ReadAt(b, int64(at.offset)); err != nil {
		return nil, fmt.Errorf("block at byte %d of %s: %w", at.offset, f.Name(), err)
	}
	return b, nil
}

func (p *packs) close() (err error) {
	for _, f := range p.files {
		err = errors.Join(err, f.Close())
	}
	return err
}

// wipe overwrites what lies at places with zeros, on disk when it returns.
func (p *packs) wipe(places []place) error {
	touched := map[*os.File]struct{}{}
	for _, at := range places {
		f, err := p.file(at.pack, os.O_RDWR)
		if err == nil {
			_, err = f.WriteAt(make([]byte, at.size), int64(at.offset))
		}
		if err != nil {
			return err
		}
		touched[f] = struct{}{}
	}
	for f := range touched {
		if err := unix.Fdatasync(int(f.Fd())); err != nil {
			return err
		}
	}
	return nil
}

// pack brings the blocks of a large batch into a pack, and those of one with content,
// which has to go there and so pays the second sync anyway, in the order of the log;
// and puts their places into its writes.
func (b *batch) pack() error {
	if b.s.packs.dir == "" {
		return nil
	}
	var keys []string
	var blocks [][]byte
	content, size := false, 0
	for _, t := range b.accepted {
		for _, c := range t.record.Changes {
			key := string(blockKey(c.New))
			if block := b.writes[key]; block != nil { // and not erased, or never here
				keys, blocks = append(keys, key), append(blocks, block)
				content, size = content || c.Chain == entity.ChainContent, size+len(block)
			}
		}
	}
	if !content && size < packFrom {
		return nil
	}
	places, err := b.s.packs.append(blocks)
	if err != nil {
		return commitError(err)
	}
	for i, key := range keys {
		b.writes[key] = places[i].row()
	}
	return nil
}

// commitError translates an error of the disk.
func commitError(err error) error {
	const op = "store.commit"
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG):
		return &entity.Error{Kind: entity.KindFull, Op: op, Message: "the disk is full; nothing was written", Err: err}
	}
	return entity.Internal(op, err)
}
