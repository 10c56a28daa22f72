package gitimport

import (
	"context"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"stemma/entity"
)

// step is one commit to import.
type step struct {
	hash     plumbing.Hash
	mainline bool // it writes versions of files
}

// root walks the first parents of a commit to the last.
func (s *source) root(ctx context.Context, c *object.Commit, progress func(int)) (*object.Commit, error) {
	for n := 1; len(c.ParentHashes) > 0; n++ {
		if n%1024 == 0 {
			progress(n)
			if err := ctxError(ctx); err != nil {
				return nil, err
			}
		}
		var err error
		if c, err = s.commit(c.ParentHashes[0]); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// frame is a commit whose parents are being visited.
type frame struct {
	hash    plumbing.Hash
	parents []plumbing.Hash
	next    int // parent
}

// ordering finds the commits that are not in the store yet, every one after
// all its parents and those of its first parent's side before the others. The
// order of what is left does not depend on how much was done before.
type ordering struct {
	ctx      context.Context
	source   *source
	done     func(*object.Commit) (bool, error)
	progress func(int)

	from  plumbing.Hash // the commit that the files are at
	steps []step
	seen  map[plumbing.Hash]bool          // → whether it is from, or has it among its ancestors
	first map[plumbing.Hash]plumbing.Hash // first parents of steps
	stack []frame
}

// plan gives the steps that lead from where the store is to the commit head.
func (o *ordering) plan(head *object.Commit, at cursor) ([]step, error) {
	o.seen, o.first = make(map[plumbing.Hash]bool), make(map[plumbing.Hash]plumbing.Hash)
	o.from = at.commit
	if err := o.visit(head); err != nil {
		return nil, err
	}
	for len(o.stack) > 0 {
		if err := o.advance(); err != nil {
			return nil, err
		}
	}
	o.markMainline(head.Hash)
	if len(o.steps) == 0 && at.commit != head.Hash {
		// All is known, but the files are not those of this ref.
		o.steps = []step{{hash: head.Hash, mainline: true}}
	}
	if at.begun {
		return finishFirst(o.steps, at.commit), nil
	}
	return o.steps, nil
}

// visit meets a commit for the first time.
func (o *ordering) visit(c *object.Commit) error {
	done, err := o.done(c)
	if err != nil {
		return err
	}
	o.seen[c.Hash] = c.Hash == o.from
	if !done {
		o.stack = append(o.stack, frame{hash: c.Hash, parents: c.ParentHashes})
	}
	return nil
}

// advance goes to the next parent of the commit on top, or lays that down.
func (o *ordering) advance() error {
	top := &o.stack[len(o.stack)-1]
	if top.next < len(top.parents) {
		p := top.parents[top.next]
		top.next++
		if _, met := o.seen[p]; met {
			return nil
		}
		c, err := o.source.commit(p)
		if err != nil {
			return err
		}
		return o.visit(c)
	}
	for i, p := range top.parents {
		if i == 0 {
			o.first[top.hash] = p
		}
		o.seen[top.hash] = o.seen[top.hash] || o.seen[p]
	}
	o.steps = append(o.steps, step{hash: top.hash})
	o.stack = o.stack[:len(o.stack)-1]
	if n := len(o.steps); n%1024 == 0 {
		o.progress(n)
		return ctxError(o.ctx)
	}
	return nil
}

// markMainline finds the steps that write files: the first parents of head
// that come after the commit the files are at. Where none comes after it, for
// history was rewritten, all new first parents of head do.
func (o *ordering) markMainline(head plumbing.Hash) {
	onward := o.seen[head]
	line := make(map[plumbing.Hash]struct{})
	for h := head; ; {
		parent, hasParent := o.first[h]
		if onward && !o.seen[h] {
			break
		}
		line[h] = struct{}{}
		if !hasParent {
			break
		}
		h = parent
	}
	for i := range o.steps {
		_, o.steps[i].mainline = line[o.steps[i].hash]
	}
}

// finishFirst puts the commit that an earlier run began to the front.
func finishFirst(steps []step, begun plumbing.Hash) []step {
	out := []step{{hash: begun, mainline: true}}
	for _, s := range steps {
		if s.hash != begun {
			out = append(out, s)
		}
	}
	return out
}

// chainName is the collection's chain of commits that wrote files.
const chainName = "mainline"

// cursor is the last block of that chain: which commit the files are at.
type cursor struct {
	head   entity.CID    // the block; undefined when there is none
	commit plumbing.Hash // whose files are there, or will be once it is finished; zero when there is none
	from   plumbing.Hash // while begun: the commit that the files were at before
	begun  bool          // some of the commit's files are written, not all
}

// base is the commit that files were last at entirely.
func (c cursor) base() plumbing.Hash {
	if c.begun {
		return c.from
	}
	return c.commit
}

func (c cursor) body() entity.Properties {
	state := "complete"
	if c.begun {
		state = "begun"
	}
	p := entity.Properties{"commit": c.commit.String(), "state": state}
	if !c.from.IsZero() {
		p["from"] = c.from.String()
	}
	return p
}

func readCursor(r entity.Reader, collection entity.ID) (cursor, error) {
	ref, err := r.ChainHead(collection, chainName)
	if err != nil || ref.N == 0 {
		return cursor{}, err
	}
	b, err := r.Block(ref.CID)
	if err != nil {
		return cursor{}, err
	}
	var block entity.ChainBlock
	if err := entity.DecodeBlock(b, &block); err != nil {
		return cursor{}, err
	}
	commit, _ := block.Body["commit"].(string)
	from, _ := block.Body["from"].(string)
	return cursor{head: ref.CID, commit: plumbing.NewHash(commit), from: plumbing.NewHash(from), begun: block.Body["state"] == "begun"}, nil
}
