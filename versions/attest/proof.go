package attest

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"stemma/entity"
)

// Proof shows that a change is in a log: with the checkpoint, the leaf's number and
// the hashes beside its way to the root.
type Proof struct {
	Checkpoint
	Leaf   int64
	Hashes []tlog.Hash
}

// Prove proves that the change which made a block is in the log. seen is a state of
// the store that has the change, 0 for who does not know: a log that covers it and
// does not have the change is halted.
//
// KindNotFound: it is under no checkpoint yet. KindUnavailable: the log is halted.
func (l *Log) Prove(ctx context.Context, c entity.CID, seen entity.Seq) (p Proof, err error) {
	const op = "attest.Prove"
	head, leaf, found, err := l.find(c)
	switch {
	case err != nil:
		return p, err
	case !found && seen > 0 && seen <= entity.Seq(head.Size):
		return p, l.halt("%s is among the first %d changes of the log, and was not attested with them", c, head.Size)
	case !found || leaf >= head.Size:
		return p, entity.NotFound(op, "%s is not attested yet", c)
	}
	p = Proof{Checkpoint: head, Leaf: leaf}
	p.Hashes, err = l.Inclusion(ctx, leaf, head.Size)
	if err != nil {
		return p, err
	}
	if err := tlog.CheckRecord(p.Hashes, head.Size, head.Root, leaf, LeafHash(c)); err != nil {
		return p, l.halt("the tree in %s does not lead from %s to the root that was signed", l.files.dir, c)
	}
	return p, nil
}

// find looks a block up, in the log under the last checkpoint.
func (l *Log) find(c entity.CID) (head Checkpoint, leaf int64, found bool, err error) {
	d, ok := entity.DigestOf(c)
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.halted != nil {
		return head, 0, false, l.halted
	}
	if !ok || entity.CIDOf(d) != c {
		return l.head, 0, false, nil // of content, which is no change
	}
	leaf, found, err = l.index.find(d, func(leaf int64) (bool, error) {
		is, err := l.files.digest(leaf)
		return is == d, err
	})
	if err != nil {
		err = l.broken("attest.find", err)
	}
	return l.head, leaf, found, err
}

// broken is the error of files that cannot be read.
func (l *Log) broken(op string, err error) error {
	select {
	case <-l.closed:
		return entity.Errorf(entity.KindUnavailable, op, "the log is closed")
	default:
		return entity.Internal(op, err)
	}
}

// within is KindNotFound for a size that no checkpoint has reached.
func (l *Log) within(op string, size int64) error {
	if have := l.reach(); size < 0 || size > have {
		return entity.NotFound(op, "the signed tree has %d leaves; there is none of %d", have, size)
	}
	return nil
}

// reach is the size of the signed tree, or as much of it as there is.
func (l *Log) reach() int64 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return min(l.head.Size, l.size)
}

// Inclusion proves that a leaf is in the tree of a size, which a checkpoint must
// have reached: KindNotFound otherwise.
func (l *Log) Inclusion(_ context.Context, leaf, size int64) ([]tlog.Hash, error) {
	const op = "attest.Inclusion"
	if err := l.within(op, size); err != nil {
		return nil, err
	}
	if leaf < 0 || leaf >= size {
		return nil, entity.NotFound(op, "a tree of %d leaves has no leaf %d", size, leaf)
	}
	proof, err := tlog.ProveRecord(size, leaf, l.files.reader())
	if err != nil {
		return nil, l.broken(op, err)
	}
	return proof, nil
}

// Consistency proves that the tree of one size is the beginning of that of another.
// KindInvalid for sizes of no such proof, KindNotFound beyond the last checkpoint.
func (l *Log) Consistency(_ context.Context, from, to int64) ([]tlog.Hash, error) {
	const op = "attest.Consistency"
	if from < 1 || from > to {
		return nil, entity.Invalid(op, "from is %d and to %d; a proof leads from a size of at least 1 to one that is not smaller", from, to)
	}
	if err := l.within(op, to); err != nil {
		return nil, err
	}
	proof, err := tlog.ProveTree(to, from, l.files.reader())
	if err != nil {
		return nil, l.broken(op, err)
	}
	return proof, nil
}

// RootAt is the root of the tree of a size, which a checkpoint must have reached:
// KindNotFound otherwise.
func (l *Log) RootAt(_ context.Context, size int64) (tlog.Hash, error) {
	const op = "attest.RootAt"
	if err := l.within(op, size); err != nil {
		return tlog.Hash{}, err
	}
	root, err := tlog.TreeHash(size, l.files.reader())
	if err != nil {
		return root, l.broken(op, err)
	}
	return root, nil
}

// CIDAt is the block that a leaf names, of those under the last checkpoint:
// KindNotFound otherwise.
func (l *Log) CIDAt(_ context.Context, leaf int64) (entity.CID, error) {
	const op = "attest.CIDAt"
	if err := l.within(op, leaf+1); err != nil {
		return entity.CID{}, err
	}
	d, err := l.files.digest(leaf)
	if err != nil {
		return entity.CID{}, l.broken(op, err)
	}
	return entity.CIDOf(d), nil
}

// TLogProof is the proof as C2SP tlog-proof has it.
func (p Proof) TLogProof() string {
	var b strings.Builder
	fmt.Fprintf(&b, "c2sp.org/tlog-proof@v1\nindex %d\n", p.Leaf)
	for _, h := range p.Hashes {
		b.WriteString(base64.StdEncoding.EncodeToString(h[:]) + "\n")
	}
	return b.String() + "\n" + p.Text
}
