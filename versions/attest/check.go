package attest

import (
	"bytes"
	"context"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"stemma/entity"
)

// Report is what [Check] looked at.
type Report struct {
	Leaves int64 // on disk; what was signed behind them is taken from the log again
	Signed int64 // under the last checkpoint
}

// Check compares a directory with the log of its store, from the first leaf to the
// signature: every leaf, every hash of every tile, the root that was signed, and the
// key. The error lists the first differences. A directory without a log is as good
// as one that is lost: there is nothing to differ. Nobody may have it open.
func Check(ctx context.Context, dir string, r entity.Reader, progress func(done int)) (report Report, err error) {
	const op = "attest.Check"
	if !Exists(dir) {
		return report, nil
	}
	f, err := openFiles(dir)
	if err != nil {
		return report, entity.Internal(op, err)
	}
	defer func() {
		if closed := f.close(); err == nil && closed != nil {
			err = entity.Internal(op, closed)
		}
	}()
	was, err := f.state()
	if err != nil {
		return report, &entity.Error{Kind: entity.KindInternal, Op: op, Message: err.Error()}
	}
	c := &checker{files: f, r: r, edge: &edge{}, progress: progress}
	report.Leaves = was.Size
	if was.Checkpoint != "" {
		if err := c.signature(was.Checkpoint); err != nil {
			return report, err
		}
	}
	report.Signed = c.head.Size
	if err := c.leaves(ctx, was.Size); err != nil {
		return report, err
	}
	return report, c.verdict()
}

const maxFindings = 20

type checker struct {
	*files
	r        entity.Reader
	edge     *edge
	head     Checkpoint
	progress func(int)
	findings []string
	more     int
}

func (c *checker) find(format string, args ...any) {
	if len(c.findings) == maxFindings {
		c.more++
		return
	}
	c.findings = append(c.findings, fmt.Sprintf(format, args...))
}

func (c *checker) verdict() error {
	if len(c.findings) == 0 {
		return nil
	}
	text := "attestation: 1 difference"
	if n := len(c.findings) + c.more; n > 1 {
		text = fmt.Sprintf("attestation: %d differences", n)
	}
	for _, f := range c.findings {
		text += "\n  " + f
	}
	return &entity.Error{Kind: entity.KindInternal, Op: "attest.Check", Message: text}
}

// signature opens the checkpoint with the keys of the store.
func (c *checker) signature(text string) error {
	keys, err := readKeys(c.r)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if c.head, err = ParseCheckpoint(text, k.vkey); err == nil {
			return nil
		}
	}
	c.find("the checkpoint is signed by none of the store's keys")
	return nil
}

// leaves makes the tree again out of the log, and compares what is written after
// each full tile.
func (c *checker) leaves(ctx context.Context, size int64) error {
	for rec, err := range c.r.Log(0) {
		if err != nil {
			return err
		}
		for _, ch := range rec.Changes {
			if c.edge.size >= max(size, c.head.Size) {
				break
			}
			if c.edge.size%tileWidth == 0 {
				if err := ctx.Err(); err != nil {
					return &entity.Error{Kind: entity.KindCanceled, Op: "attest.Check", Err: err}
				}
				if c.progress != nil {
					c.progress(int(c.edge.size))
				}
			}
			c.leaf(ch, size)
		}
	}
	if had := max(size, c.head.Size); c.edge.size < had {
		c.find("the log ends at change %d, and %d were attested", c.edge.size, had)
	}
	return nil
}

func (c *checker) leaf(ch entity.Change, size int64) {
	leaf := c.edge.size
	if d, err := c.digest(leaf); leaf < size && (err != nil || d != ch.New) {
		c.find("change %d of the log is %s, and %s was attested", leaf+1, ch.CID(), entity.CIDOf(d))
	}
	c.edge.grow(LeafHash(ch.CID()))
	if c.edge.size == c.head.Size {
		if root := c.edge.root(); root != c.head.Root {
			c.find("the tree of the log's first %d changes has the root %s, and %s was signed", c.head.Size, root, c.head.Root)
		}
	}
	if c.edge.size > size {
		c.edge.added = [levels][]byte{} // of what is not on disk
		return
	}
	if c.edge.size%tileWidth != 0 && c.edge.size != size {
		return
	}
	for level, want := range c.edge.added {
		at := tlog.HashSize*(c.edge.size>>(tileHeight*level)) - int64(len(want))
		got := make([]byte, len(want))
		if _, err := c.tiles[level].ReadAt(got, at); err != nil || !bytes.Equal(got, want) {
			c.find("tile %d of level %d holds other hashes than those of the log", at/tileBytes, level)
		}
		c.edge.added[level] = nil
	}
}
