package archive

import (
	"context"
	"io"
	"runtime"

	"golang.org/x/sync/errgroup"

	"stemma/entity"
	"stemma/files"
	"stemma/versions/car"
)

// Source is where an export reads file content; a [files.Store] is one.
type Source interface {
	Stat(ctx context.Context, c entity.CID) (files.Info, error)
	Get(ctx context.Context, c entity.CID, offset, length int64) (io.ReadCloser, error)
}

// Stages of an export, as Progress is told.
const (
	StagePlan  = "looking through the log"
	StageWrite = "writing blocks"
)

// ExportOptions say what is exported and how.
type ExportOptions struct {
	Select   Selection
	Contents Source                              // of files; nil leaves content out
	Progress func(stage string, done, total int) // blocks, total 0 is unknown; nil tells nobody
}

// ExportReport is what an export wrote.
type ExportReport struct {
	Roots       []entity.CID
	Entities    int
	Versions    int
	ChainBlocks int
	Contents    int
	Missing     []entity.CID // contents that are named and not there, which 'verify' explains
	Bytes       int64
}

// Export writes a CARv1 file. KindNotFound for an entity that never was,
// KindInvalid for a collection that is none; an error of w is handed on.
func Export(ctx context.Context, s entity.Store, w io.Writer, o ExportOptions) (report ExportReport, err error) {
	if o.Progress == nil {
		o.Progress = func(string, int, int) {}
	}
	err = s.View(ctx, func(r entity.Reader) (err error) {
		e := &exporter{ctx: ctx, store: s, reader: r, options: o, written: make(map[entity.CID]struct{}), gone: make(map[entity.ID][]entity.Erasure)}
		defer func() { report = e.report }()
		if e.chosen, err = o.Select.chosen(r); err != nil {
			return err
		}
		if e.roots, err = o.Select.rootSet(r.Network()); err != nil {
			return err
		}
		defer func() {
			if closing := e.roots.close(); err == nil {
				err = closing
			}
		}()
		if err := e.plan(); err != nil {
			return err
		}
		return e.write(w)
	})
	return report, ended(err)
}

type exporter struct {
	ctx     context.Context
	store   entity.Store
	reader  entity.Reader
	options ExportOptions
	chosen  chosen
	roots   rootSet
	report  ExportReport
	total   int                     // blocks to be written
	written map[entity.CID]struct{} // contents, in the plan and again in the file
	out     *car.Writer
	gone    map[entity.ID][]entity.Erasure // of those whose content was met
}

// changes yields what the log says of the chosen entities.
func (e *exporter) changes(yield func(entity.Change) error) error {
	for record, err := range e.reader.Log(0) {
		if err == nil {
			err = e.ctx.Err()
		}
		if err != nil {
			return err
		}
		for _, c := range record.Changes {
			if !e.chosen(c.ID) {
				continue
			}
			if gone, err := e.erased(c); gone || err != nil {
				if err != nil {
					return err
				}
				continue
			}
			if err := yield(c); err != nil {
				return err
			}
		}
	}
	return nil
}

// erased tells whether a change made a block of content that is gone: the block that
// says so goes into the file in its place.
func (e *exporter) erased(c entity.Change) (bool, error) {
	if c.Chain != entity.ChainContent {
		return false, nil
	}
	all, known := e.gone[c.ID]
	if !known {
		var err error
		if all, err = entity.Erased(e.reader, c.ID); err != nil {
			return false, err
		}
		e.gone[c.ID] = all
	}
	return entity.ErasureHolding(all, c.Ver) != nil, nil
}

// plan counts the blocks and gathers the roots.
func (e *exporter) plan() error {
	if e.options.Select.everything() {
		for h, err := range e.reader.Heads() {
			if err != nil {
				return err
			}
			if err := e.tip(h); err != nil {
				return err
			}
		}
	}
	return e.changes(func(c entity.Change) error {
		if e.total++; e.total%4096 == 0 {
			e.options.Progress(StagePlan, e.total, 0)
		}
		switch {
		case c.Kind == entity.Appended:
			last, err := e.reader.ChainHead(c.ID, c.Chain)
			if err != nil || last.N != c.Ver {
				return err
			}
			return e.roots.add(c.CID())
		case c.Ver == 1 && !e.options.Select.everything():
			h, err := e.reader.Head(c.ID)
			if err != nil {
				return err
			}
			if err := e.tip(h); err != nil {
				return err
			}
		}
		if c.Type != entity.TypeFile || e.options.Contents == nil {
			return nil
		}
		block, err := e.reader.Block(c.CID())
		if err != nil {
			return err
		}
		content, ok, err := e.first(block)
		if err != nil || !ok {
			return err
		}
		return e.planContent(content)
	})
}

// tip is an entity among the roots.
func (e *exporter) tip(h entity.Head) error {
	if e.report.Entities++; e.report.Entities%4096 == 0 {
		e.options.Progress(StagePlan, e.report.Entities, 0)
		if err := e.ctx.Err(); err != nil {
			return err
		}
	}
	return e.roots.add(h.CID())
}

// first is the content that a file's version names, if no version before did.
func (e *exporter) first(block []byte) (entity.CID, bool, error) {
	m, err := entity.DecodeManifest(block)
	if err != nil {
		return entity.CID{}, false, err
	}
	c, ok := contentOf(m)
	if !ok {
		return c, false, nil
	}
	if _, seen := e.written[c]; seen {
		return c, false, nil
	}
	e.written[c] = struct{}{}
	return c, true, nil
}

func (e *exporter) planContent(c entity.CID) error {
	switch _, err := e.options.Contents.Stat(e.ctx, c); {
	case err == nil:
		e.total++
		return e.roots.add(c)
	case entity.KindOf(err) != entity.KindNotFound:
		return err
	}
	e.report.Missing = append(e.report.Missing, c)
	return nil
}

// piece is a run of blocks on its way from the log into the file.
type piece struct {
	changes []entity.Change
	blocks  [][]byte
	ready   chan struct{}
}

// Bounds on a piece. Blocks past its bytes are left to the writer, so that a
// run of large ones is not in memory at once.
const (
	blocksPerPiece = 256
	bytesPerPiece  = 4 << 20
)

// write writes the file: one goroutine reads the log, several fetch the
// blocks, one writes them in the log's order.
func (e *exporter) write(w io.Writer) error {
	roots, err := e.roots.roots()
	if err != nil {
		return err
	}
	e.report.Roots = roots
	if e.out, err = car.NewWriter(w, roots...); err != nil {
		return err
	}
	if err := e.roots.write(e.out); err != nil {
		return err
	}
	clear(e.written)
	group, ctx := errgroup.WithContext(e.ctx)
	fetchers := runtime.GOMAXPROCS(0)
	wanted, ordered := make(chan *piece, fetchers), make(chan *piece, 2*fetchers)
	for range fetchers {
		group.Go(func() error {
			for p := range wanted {
				if err := e.fetch(ctx, p); err != nil {
					return err
				}
			}
			return nil
		})
	}
	group.Go(func() error {
		for p := range ordered {
			select {
			case <-p.ready:
			case <-ctx.Done():
				return ctx.Err()
			}
			if err := e.writePiece(ctx, p); err != nil {
				return err
			}
		}
		return nil
	})
	err = e.cut(ctx, wanted, ordered)
	close(wanted)
	close(ordered)
	if failed := group.Wait(); failed != nil {
		return failed // the reader of the log was only told to stop
	}
	if err != nil {
		return err
	}
	err = e.out.Flush()
	e.report.Bytes = e.out.Size()
	return err
}

// cut deals the log out in pieces.
func (e *exporter) cut(ctx context.Context, wanted, ordered chan<- *piece) error {
	next := &piece{ready: make(chan struct{})}
	deal := func() error {
		for _, to := range []chan<- *piece{ordered, wanted} {
			select {
			case to <- next:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		next = &piece{ready: make(chan struct{})}
		return nil
	}
	err := e.changes(func(c entity.Change) error {
		if next.changes = append(next.changes, c); len(next.changes) < blocksPerPiece {
			return nil
		}
		return deal()
	})
	if err == nil && len(next.changes) > 0 {
		err = deal()
	}
	return err
}

// fetch reads a piece's blocks. They are named by their hashes, so that a state
// newer than the export's has the same.
func (e *exporter) fetch(ctx context.Context, p *piece) error {
	p.blocks = make([][]byte, len(p.changes))
	err := e.store.View(ctx, func(r entity.Reader) (err error) {
		size := 0
		for i := 0; i < len(p.changes) && size < bytesPerPiece; i++ {
			p.blocks[i], err = r.Block(p.changes[i].CID())
			if err = unlessErased(r, p.changes[i], err); err != nil {
				return err
			}
			size += len(p.blocks[i])
		}
		return nil
	})
	if err == nil {
		close(p.ready)
	}
	return err
}

func (e *exporter) writePiece(ctx context.Context, p *piece) error {
	for i, c := range p.changes {
		block, err := e.block(ctx, p, i)
		if err != nil {
			return err
		}
		if block == nil {
			continue
		}
		if c.Kind == entity.Appended {
			e.report.ChainBlocks++
		} else {
			e.report.Versions++
		}
		if c.Kind != entity.Appended && c.Type == entity.TypeFile && e.options.Contents != nil {
			content, ok, err := e.first(block)
			if err != nil {
				return err
			}
			if ok {
				if err := e.writeContent(ctx, content); err != nil {
					return err
				}
			}
		}
		if err := e.out.Write(c.CID(), block); err != nil {
			return err
		}
	}
	e.options.Progress(StageWrite, e.report.Versions+e.report.ChainBlocks+e.report.Contents, e.total)
	return nil
}

// block is a block of a piece, for the writer to have and to forget.
func (e *exporter) block(ctx context.Context, p *piece, i int) (block []byte, err error) {
	if block, p.blocks[i] = p.blocks[i], nil; block != nil {
		return block, nil
	}
	err = e.store.View(ctx, func(r entity.Reader) (err error) {
		block, err = r.Block(p.changes[i].CID())
		return unlessErased(r, p.changes[i], err)
	})
	return block, err
}

// unlessErased takes it that content which was here when the export began has been
// erased meanwhile.
func unlessErased(r entity.Reader, c entity.Change, err error) error {
	if c.Chain != entity.ChainContent || entity.KindOf(err) != entity.KindNotFound {
		return err
	}
	all, failed := entity.Erased(r, c.ID)
	if failed == nil && entity.ErasureHolding(all, c.Ver) != nil {
		return nil
	}
	return err
}

func (e *exporter) writeContent(ctx context.Context, c entity.CID) (err error) {
	info, err := e.options.Contents.Stat(ctx, c)
	if err != nil {
		if entity.KindOf(err) == entity.KindNotFound {
			return nil // Missing has it
		}
		return err
	}
	r, err := e.options.Contents.Get(ctx, c, 0, -1)
	if err != nil {
		return err
	}
	defer func() {
		if closing := r.Close(); err == nil {
			err = closing
		}
	}()
	e.report.Contents++
	return e.out.WriteFrom(c, info.Size, r)
}
