package gitimport

import (
	"context"
	"errors"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"stemma/entity"
)

// Bounds on one part. A transaction of the store takes 6 MiB and 60,000 keys;
// with the projections of a server a file takes about 10 keys and 1.5 KB
// beside its text. What is too large all the same is halved when it is written.
const (
	partFiles = 1500
	partBytes = 2 << 20
)

// part is what one transaction writes: all of a commit, or a piece of it.
type part struct {
	commit      *object.Commit
	committedBy bool // the committer is another person than the author
	mainline    bool
	first, last bool
	from        plumbing.Hash // of a mainline commit: the commit that the files were at before
	edits       []edit
	changed     []delta     // of the last part: what the commit changed, files only
	parents     []parentRef // of the last part
}

type parentRef struct {
	hash plumbing.Hash
	id   entity.ID
}

// edit is a delta with the file's new content.
type edit struct {
	delta
	content content
}

// content is what a version says of a file's bytes.
type content struct {
	size int64
	text string
	kind contentKind
}

type contentKind uint8

const (
	textContent   contentKind = iota
	binaryContent             // not valid UTF-8, or with a NUL
	largeContent              // longer than the bound; not looked at
)

// planner reads the repository ahead of the writer.
type planner struct {
	source  *source
	ids     ids
	maxText int64
	files   int // most edits of a part
	out     chan<- part
}

// run sends the parts of all steps in order. It returns early when ctx ends.
func (p *planner) run(ctx context.Context, steps []step, at cursor) error {
	state := at.base()
	for _, s := range steps {
		c, err := p.source.commit(s.hash)
		if err != nil {
			if s.hash == at.commit {
				return p.rewritten(at.commit, err)
			}
			return err
		}
		if err := p.commit(ctx, c, s.mainline, state, at); err != nil {
			return err
		}
		if s.mainline {
			state = c.Hash
		}
	}
	return nil
}

func (p *planner) rewritten(old plumbing.Hash, err error) error {
	return &entity.Error{Kind: entity.KindInvalid, Op: op, Err: err,
		Message: "the files were last imported at commit " + short(old) + ", which is no longer in " + p.source.path + " (its history was rewritten and pruned): import it under another label"}
}

func (p *planner) commit(ctx context.Context, c *object.Commit, mainline bool, state plumbing.Hash, at cursor) error {
	whole := part{commit: c, mainline: mainline, from: state, committedBy: personKey(c.Author) != personKey(c.Committer)}
	var firstParent plumbing.Hash
	for i, h := range c.ParentHashes {
		parent, err := p.source.commit(h)
		if err != nil {
			return err
		}
		if i == 0 {
			firstParent = h
		}
		whole.parents = append(whole.parents, parentRef{hash: h, id: p.ids.commit(h, parent.Committer.When)})
	}
	changes, err := p.diff(ctx, firstParent, c)
	if err != nil {
		return err
	}
	for _, d := range changes {
		if d.action.ofFile() {
			whole.changed = append(whole.changed, d)
		}
	}
	if !mainline {
		whole.first, whole.last = true, true
		return p.send(ctx, whole)
	}
	if state != firstParent {
		if changes, err = p.diff(ctx, state, c); err != nil {
			if _, missing := p.source.commit(state); missing != nil && state == at.base() {
				return p.rewritten(state, missing)
			}
			return err
		}
	}
	return p.cut(ctx, whole, changes)
}

// diff compares a commit's tree with that of the commit from, or the empty one.
func (p *planner) diff(ctx context.Context, from plumbing.Hash, c *object.Commit) ([]delta, error) {
	var tree plumbing.Hash
	if !from.IsZero() {
		before, err := p.source.commit(from)
		if err != nil {
			return nil, err
		}
		tree = before.TreeHash
	}
	return p.source.trees.diff(ctx, tree, c.TreeHash)
}

// cut reads the content of a mainline commit's files and sends the commit in
// parts. Where it is cut depends on the commit alone.
func (p *planner) cut(ctx context.Context, whole part, changes []delta) error {
	piece := part{commit: whole.commit, mainline: true, from: whole.from, first: true, committedBy: whole.committedBy}
	bytes := 0
	for _, d := range changes {
		e := edit{delta: d}
		if d.action == addFile || d.action == modifyFile {
			var err error
			if e.content, err = p.read(d.entry); err != nil {
				return err
			}
		}
		if len(piece.edits) >= p.files || bytes+len(e.content.text) > partBytes && len(piece.edits) > 0 {
			if err := p.send(ctx, piece); err != nil {
				return err
			}
			piece.edits, piece.first, bytes = nil, false, 0
		}
		piece.edits = append(piece.edits, e)
		bytes += len(e.content.text)
	}
	piece.last, piece.changed, piece.parents = true, whole.changed, whole.parents
	return p.send(ctx, piece)
}

func (p *planner) read(e object.TreeEntry) (content, error) {
	size, b, err := p.source.blob(e.Hash, p.maxText)
	switch {
	case err != nil:
		return content{}, err
	case size > p.maxText:
		return content{size: size, kind: largeContent}, nil
	case !readable(b):
		return content{size: size, kind: binaryContent}, nil
	}
	return content{size: size, text: string(b)}, nil
}

func (p *planner) send(ctx context.Context, x part) error {
	select {
	case p.out <- x:
		return nil
	case <-ctx.Done():
		return ctxError(ctx)
	}
}

// halve cuts a part that does not fit into one transaction. ok is false when
// there is nothing left to cut.
func (x part) halve() (left, right part, ok bool) {
	n := len(x.edits)
	if n == 0 || n == 1 && !x.last {
		return x, x, false
	}
	left, right = x, x
	left.edits, left.last, left.changed, left.parents = x.edits[:(n+1)/2], false, nil, nil
	right.edits, right.first = x.edits[(n+1)/2:], false
	return left, right, true
}

// modeText is a file's mode as git writes it: 100644, 100755 or 120000.
func modeText(m filemode.FileMode) string {
	if m == filemode.Deprecated {
		m = filemode.Regular
	}
	s := m.String()
	for len(s) > 6 && s[0] == '0' {
		s = s[1:]
	}
	return s
}

// errMoved says that somebody else wrote what this import is writing.
func errMoved(err error) error {
	var e *entity.Error
	if !errors.As(err, &e) || e.Kind != entity.KindConflict && e.Kind != entity.KindExists {
		return err
	}
	return &entity.Error{Kind: entity.KindConflict, Op: op, Message: "another import of the same repository is at work: let it end and run this one again", Err: err}
}
