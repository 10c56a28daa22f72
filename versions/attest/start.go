package attest

import (
	"context"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"stemma/entity"
)

// start reads what there is, and compares it with the store.
func (l *Log) start(ctx context.Context, o Options) error {
	was, err := l.files.state()
	if err != nil {
		l.halt("what is in %s cannot be read: %v", l.files.dir, err)
		return nil
	}
	keys, err := l.keys(ctx, o, was)
	if err != nil {
		return err
	}
	if len(keys) > 0 {
		l.key = keys[0]
	}
	if err := l.readAnchors(ctx); err != nil {
		return err
	}
	if was.Checkpoint != "" && len(keys) == 0 {
		l.halt("the key that signed the checkpoint in %s is not in the store", l.files.dir)
		return nil
	}
	if was.Checkpoint != "" {
		if l.head, err = ParseCheckpoint(was.Checkpoint, l.key.vkey); err != nil {
			for _, former := range keys[1:] {
				if _, err := ParseCheckpoint(was.Checkpoint, former.vkey); err == nil {
					l.log.Warn("the log begins anew under another name", "was", former.Name(), "is", l.key.Name())
					return l.anew(ctx, o)
				}
			}
			l.halt("the checkpoint in %s is not signed by the store's key", l.files.dir)
			return nil
		}
	}
	differs, err := l.compare(ctx, was)
	switch {
	case err != nil:
		return err
	case differs != "" && was.Checkpoint == "":
		l.log.Warn("what was kept for attestation is of another log, and nothing of it was signed; making it again", "dir", l.files.dir, "differs", differs)
		return l.anew(ctx, o)
	case differs != "":
		l.halt("%s", differs)
		if err := l.load(ctx, was); err != nil { // tiles are shown as far as they are there
			l.log.Warn("reading what was attested", "err", err)
		}
		return nil
	}
	if err := l.load(ctx, was); err != nil {
		return err
	}
	for l.size < l.head.Size && l.halted == nil { // what was signed, and not synced
		if _, err := l.step(ctx); err != nil && l.halted == nil {
			return err
		}
	}
	return nil
}

// keys are the keys of the store. None is made where one has signed already that is
// not there, nor by a server that only reads.
func (l *Log) keys(ctx context.Context, o Options, was state) (keys []*key, err error) {
	err = l.store.View(ctx, func(r entity.Reader) error {
		keys, err = readKeys(r)
		return err
	})
	if err != nil || o.ReadOnly || len(keys) == 0 && was.Checkpoint != "" {
		return keys, err
	}
	had := len(keys)
	keys, err = needKeys(ctx, l.store, o.Origin, o.Fallback, o.Entropy)
	if err == nil && len(keys) > had {
		l.log.Info("a log of attestations begins", "origin", keys[0].Name(), "verifier key", keys[0].vkey)
	}
	return keys, err
}

// anew forgets what is on disk.
func (l *Log) anew(ctx context.Context, o Options) error {
	l.head = Checkpoint{}
	if o.ReadOnly {
		return nil
	}
	if err := l.files.setState(state{}); err != nil {
		return entity.Internal("attest.anew", err)
	}
	return l.load(ctx, state{})
}

// spots is how many leaves are compared with the store at open; each may mean
// decoding a record of thousands of changes.
const spots = 128

// compare holds what is on disk against the store: what differs, "" for nothing
// that is seen.
func (l *Log) compare(ctx context.Context, was state) (differs string, err error) {
	if l.head.Text != "" && l.head.Size <= was.Size {
		// Tiles that cannot be read are not the tree either.
		if root, err := tlog.TreeHash(l.head.Size, l.files.reader()); err != nil || root != l.head.Root {
			return fmt.Sprintf("the tree in %s has not the root that was signed", l.files.dir), nil
		}
	}
	err = l.store.View(ctx, func(r entity.Reader) error {
		if had := max(was.Size, l.head.Size); r.Seq() < entity.Seq(had) {
			differs = fmt.Sprintf("the log ends at change %d, and %d changes were attested: it was cut short, or an older backup restored", r.Seq(), had)
			return nil
		}
		n := min(was.Size, spots)
		for i := int64(1); i <= n && differs == ""; i++ {
			leaf := was.Size*i/n - 1 // the last among them
			c, err := changeAt(r, entity.Seq(leaf+1))
			if err != nil {
				return err
			}
			d, err := l.files.digest(leaf)
			if err != nil || c != entity.CIDOf(d) {
				differs = fmt.Sprintf("change %d of the log is %s, and %s was attested", leaf+1, c, entity.CIDOf(d))
			}
		}
		return nil
	})
	return differs, err
}

// changeAt is the block that a change made.
func changeAt(r entity.Reader, seq entity.Seq) (entity.CID, error) {
	for rec, err := range r.Log(seq - 1) {
		if err != nil {
			return entity.CID{}, err
		}
		if i := seq - rec.Seq; seq >= rec.Seq && i < entity.Seq(len(rec.Changes)) {
			return rec.Changes[i].CID(), nil
		}
		break
	}
	return entity.CID{}, entity.Internal("attest.changeAt", fmt.Errorf("the log has no change %d", seq))
}

// load makes ready to find leaves and to go on.
func (l *Log) load(ctx context.Context, was state) (err error) {
	const op, chunk = "attest.load", 1 << 15
	for at := int64(0); at < was.Size; at += chunk {
		end := min(at+chunk, was.Size)
		b, err := l.files.digests(at, end)
		if err != nil {
			return entity.Internal(op, err)
		}
		l.enter(at, b)
	}
	l.size, l.synced = was.Size, was.Size
	return l.store.View(ctx, func(r entity.Reader) error {
		l.from = r.Seq()
		return nil
	})
}

// enter makes leaves findable.
func (l *Log) enter(first int64, digests []byte) {
	for i := 0; i < len(digests); i += digestBytes {
		l.index.add(digests[i:], first+int64(i/digestBytes))
	}
}
