package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"time"

	"stemma/entity"
)

// BackupInfo says what a backup holds: the changes (From, To] of a store's log.
// Base and Tip tie backups together that follow one another, and to the log
// they were made of, as no number can.
type BackupInfo struct {
	Network entity.Network `json:"network"`
	From    entity.Seq     `json:"from"` // the state that it is laid over; 0 makes it a full one
	To      entity.Seq     `json:"to"`   // the state that it leads to
	At      time.Time      `json:"at"`
	Base    string         `json:"base"`    // SHA-256 of the record that ends at From, in hex; "" for none
	Tip     string         `json:"tip"`     // likewise at To
	Secrets string         `json:"secrets"` // SHA-256 of the secrets, but for passing ones: they can change while the log does not
}

// Backup writes what has changed since the state whose last change has the
// number given; 0 is everything. It sees one state, blocks nobody, and holds no
// more than a row in memory. Heads and secrets are those of the state; rows of
// projections are left out, since a restored store makes them anew.
//
// What is written has every secret of the store in it. It is a stream of its
// own framing, read by [OpenBackup], with a SHA-256 of itself at its end. Info
// is set, as far as it is known, also when there is an error.
//
// KindInvalid when no state of the store ends at since: the backup that it
// would follow is of another store, or of a later state.
func (s *Store) Backup(ctx context.Context, w io.Writer, since entity.Seq) (BackupInfo, error) {
	v, err := s.open("store.Backup")
	if err != nil {
		return BackupInfo{}, err
	}
	defer v.release()
	b := &backup{view: v, ctx: ctx, info: BackupInfo{Network: s.network, From: since, To: v.at.seq, At: s.clock().UTC()}}
	if err := b.describe(); err != nil {
		return b.info, err
	}
	out, err := newBackupWriter(w, b.info)
	if err != nil {
		return b.info, err
	}
	b.out = out
	step := b.changes
	if since == 0 {
		step = b.everything
	}
	if err := step(); err != nil {
		return b.info, err
	}
	if err := b.space(spaceSecret); err != nil {
		return b.info, err
	}
	return b.info, out.finish()
}

type backup struct {
	*view
	ctx  context.Context
	out  *backupWriter
	info BackupInfo
	rows int
}

// describe fills in what ties the backup to its log.
func (b *backup) describe() (err error) {
	if b.info.From > b.info.To {
		return entity.Invalid("store.Backup", "the last backup reaches change %d, this store only %d: it is not the store that was backed up, or an older state of it", b.info.From, b.info.To)
	}
	if b.info.Base, err = b.recordSum(b.info.From); err != nil {
		return err
	}
	if b.info.Tip, err = b.recordSum(b.info.To); err != nil {
		return err
	}
	sum := sha256.New()
	for row, err := range b.scanCommitted([]byte{spaceSecret}, []byte{spaceSecret}, false) {
		if err != nil {
			return err
		}
		if bytes.HasPrefix(row.Key[1:], []byte(entity.Passing)) {
			continue
		}
		fmt.Fprintf(sum, "%d %d ", len(row.Key), len(row.Value))
		sum.Write(row.Key)
		sum.Write(row.Value)
	}
	b.info.Secrets = hex.EncodeToString(sum.Sum(nil))
	return nil
}

// recordSum is the hash of the record that ends at a state, "" of the empty one.
func (b *backup) recordSum(at entity.Seq) (string, error) {
	if at == 0 {
		return "", nil
	}
	row, err := b.get(logKey(at))
	if err != nil {
		return "", err
	}
	if row == nil {
		return "", entity.Invalid("store.Backup", "no state of this store ends at change %d; a backup begins where one before it ended, or at 0", at)
	}
	sum := sha256.Sum256(row)
	return hex.EncodeToString(sum[:]), nil
}

// truths are the spaces that hold the log and what it says, in the order of
// their keys. Rows of projections and notes are made by whoever opens the store.
var truths = []byte{spaceBlock, spaceChain, spaceHead, spaceChainHead, spaceLog, spaceVersion}

func (b *backup) everything() error {
	for _, space := range truths {
		if err := b.space(space); err != nil {
			return err
		}
	}
	return nil
}

func (b *backup) space(space byte) error {
	for row, err := range b.scanCommitted([]byte{space}, []byte{space}, false) {
		if err != nil {
			return err
		}
		if err := b.write(row.Key, row.Value); err != nil {
			return err
		}
	}
	return nil
}

func (b *backup) write(key, value []byte) error {
	if b.rows++; b.rows%1024 == 0 {
		if err := ctxError("store.Backup", b.ctx); err != nil {
			return err
		}
	}
	return b.out.row(key, value)
}

// changes follows the log: the rows that its changes made, and of heads those
// that no later change has replaced.
func (b *backup) changes() error {
	for row, err := range b.scanCommitted([]byte{spaceLog}, logKey(b.info.From+1), false) {
		if err != nil {
			return err
		}
		var r entity.Record
		if err := entity.DecodeBlock(row.Value, &r); err != nil {
			return entity.Internal("store.Backup", err)
		}
		if err := b.write(row.Key, row.Value); err != nil {
			return err
		}
		for _, c := range r.Changes {
			if err := b.change(c); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *backup) change(c entity.Change) error {
	head, row := headKey(c.ID), func(n int64) []byte { return versionKey(c.ID, n) }
	if c.Kind == entity.Appended {
		head, row = chainHeadKey(c.ID, c.Chain), func(n int64) []byte { return chainKey(c.ID, c.Chain, n) }
	}
	val, err := b.get(blockKey(c.New))
	if err != nil {
		return err
	}
	gone := false
	if val == nil && c.Chain == entity.ChainContent {
		erased, err := entity.Erased(b.view, c.ID)
		if err != nil {
			return err
		}
		gone = entity.ErasureHolding(erased, c.Ver) != nil
	}
	switch {
	case val == nil && !gone:
		return entity.Internal("store.Backup", fmt.Errorf("the block of change %s of %s is missing; run 'stemma verify'", c.CID(), c.ID))
	case val != nil:
		if err := b.write(blockKey(c.New), val); err != nil {
			return err
		}
	}
	if c.Chain == entity.ChainErased {
		if err := b.erased(c); err != nil {
			return err
		}
	}
	if err := b.row(row(c.Ver - 1)); err != nil { // it came with this change
		return err
	}
	if val, err = b.get(head); err != nil {
		return err
	}
	if last, err := isHead(c, val); err != nil || !last {
		return err
	}
	if err := b.row(row(c.Ver)); err != nil { // of format 1
		return err
	}
	return b.write(head, val)
}

// row writes what is under a key, if there is something.
func (b *backup) row(key []byte) error {
	val, err := b.get(key)
	if err != nil || val == nil {
		return err
	}
	return b.write(key, val)
}

// erased writes that blocks are gone, which the backups before this one may have.
func (b *backup) erased(c entity.Change) error {
	raw, err := b.get(blockKey(c.New))
	if err != nil {
		return err
	}
	block, _, err := entity.OpenChainBlock(raw)
	if err != nil {
		return err
	}
	gone, err := entity.ErasureOf(block)
	if err != nil {
		return err
	}
	for ref, err := range b.Chain(c.ID, entity.ChainContent, gone.From) {
		if err != nil || ref.N > gone.To {
			return err
		}
		d, _ := entity.DigestOf(ref.CID)
		if err := b.write(blockKey(d), nil); err != nil {
			return err
		}
	}
	return nil
}

// isHead tells whether a head row is where the change led to.
func isHead(c entity.Change, row []byte) (bool, error) {
	if c.Kind == entity.Appended {
		return chainRow(row).head() == entity.ChainRef{N: c.Ver, CID: c.CID()}, nil
	}
	h, _, err := decodeHead(c.ID, row)
	return err == nil && h.Ver == c.Ver && h.Tip == c.New, err
}
