package archive

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"runtime"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"stemma/entity"
	"stemma/files"
	"stemma/versions/car"
)

// Sink is where an import puts file content; a [files.Blobs] is one.
type Sink interface {
	Stat(ctx context.Context, c entity.CID) (files.Info, error)
	Ingest(ctx context.Context, r io.Reader, limit, size int64) (files.Info, error)
}

// ImportOptions say how a file is brought in.
type ImportOptions struct {
	By             entity.ID        // in whose name the log has it
	Contents       Sink             // nil refuses file content
	MaxContent     int64            // bytes of one content; 0: no limit
	WithoutContent bool             // adopts versions of files whose content is not in the file
	Buffer         int64            // bytes of blocks that wait for others; 0: DefaultBuffer
	Refused        func(Refusal)    // told of every block that is not taken, by one goroutine at a time
	Progress       func(done int64) // bytes of the file, now and then
}

// DefaultBuffer is how much an import holds back at most.
const DefaultBuffer = 256 << 20

// Import reads a CARv1 file and adopts its blocks. The error is what ended it
// early: a file that is broken, a buffer that is full, a disk. What was adopted
// until then stays, and the report tells of it.
func Import(ctx context.Context, s entity.Store, r io.Reader, o ImportOptions) (ImportReport, error) {
	if o.Buffer == 0 {
		o.Buffer = DefaultBuffer
	}
	if o.Progress == nil {
		o.Progress = func(int64) {}
	}
	in, err := car.NewReader(r, car.Limits{Content: o.MaxContent})
	if err != nil {
		return ImportReport{}, err
	}
	m := &importer{store: s, in: in, options: o, seed: maphash.MakeSeed(), waiting: make(map[entity.CID][]*item)}
	m.tally.refused, m.tally.report.Roots = o.Refused, in.Roots()
	err = m.run(ctx)
	return m.tally.report, err
}

// importer deals the blocks of a file out to workers.
type importer struct {
	store   entity.Store
	in      *car.Reader
	options ImportOptions
	tally   tally
	seed    maphash.Seed
	workers []*worker
	waiting map[entity.CID][]*item // for their content
	held    atomic.Int64           // bytes of blocks that wait, here and in the workers
	whole   bool                   // the file was read to its end; set before the workers' channels close
}

func (m *importer) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for range runtime.GOMAXPROCS(0) + 4 { // some prepare while one commits
		w := &worker{importer: m, in: make(chan []*item, 2), waiting: make(map[slot][]*item), atMost: maxItems}
		m.workers = append(m.workers, w)
		group.Go(func() error { return w.run(ctx) })
	}
	err := m.read(ctx)
	m.whole = err == nil
	if m.whole {
		err = m.dealContentless(ctx)
	}
	for _, w := range m.workers {
		if sending := w.send(ctx); err == nil {
			err = sending
		}
		close(w.in)
	}
	if failed := group.Wait(); failed != nil && (err == nil || errors.Is(err, context.Canceled)) {
		err = failed // the reader was only told to stop
	}
	return ended(err)
}

// ended gives the end of a context its kind.
func ended(err error) error {
	var e *entity.Error
	switch {
	case err == nil || errors.As(err, &e):
		return err
	case errors.Is(err, context.DeadlineExceeded):
		return &entity.Error{Kind: entity.KindTimeout, Op: "archive", Message: "the time for it ran out", Err: err}
	case errors.Is(err, context.Canceled):
		return &entity.Error{Kind: entity.KindCanceled, Op: "archive", Message: "it was interrupted; run it again to go on", Err: err}
	}
	return err
}

func (m *importer) read(ctx context.Context) error {
	for n := 0; ; n++ {
		if n%1024 == 0 {
			m.options.Progress(m.in.Offset())
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		b, err := m.in.Next()
		var one *car.BlockError
		switch {
		case err == io.EOF:
			m.options.Progress(m.in.Offset())
			return nil
		case errors.As(err, &one):
			m.tally.refuse(Refusal{CID: one.Name, Reason: one.Err.Message})
		case err != nil:
			return err
		case b.Content != nil:
			err = m.content(ctx, b)
		default:
			err = m.block(ctx, b)
		}
		if err != nil && one == nil {
			return err
		}
	}
}

// content takes file content in, and deals out the versions that waited for it.
func (m *importer) content(ctx context.Context, b car.Block) error {
	if m.options.Contents == nil {
		m.tally.refuse(Refusal{CID: b.CID.String(), Reason: "it is file content, for which there is no place here"})
		return nil
	}
	switch _, err := m.options.Contents.Stat(ctx, b.CID); {
	case err == nil:
		m.tally.count(func(r *ImportReport) { r.Known++ })
		return nil
	case entity.KindOf(err) != entity.KindNotFound:
		return err
	}
	source := &noting{r: b.Content}
	_, err := m.options.Contents.Ingest(ctx, source, b.Size, b.Size)
	if err == nil {
		_, err = io.Copy(io.Discard, source) // its end is where its hash is compared
	}
	var one *car.BlockError
	switch {
	case errors.As(source.err, &one):
		m.tally.refuse(Refusal{CID: one.Name, Reason: one.Err.Message})
		return nil
	case err != nil:
		return err
	}
	m.tally.count(func(r *ImportReport) { r.Contents++ })
	for _, it := range m.waiting[b.CID] {
		m.held.Add(-int64(len(it.block)))
		if err := m.deal(ctx, it); err != nil {
			return err
		}
	}
	delete(m.waiting, b.CID)
	return nil
}

// noting remembers what a reader failed with.
type noting struct {
	r   io.Reader
	err error
}

func (n *noting) Read(p []byte) (int, error) {
	did, err := n.r.Read(p)
	if err != nil && err != io.EOF {
		n.err = err
	}
	return did, err
}

func (m *importer) block(ctx context.Context, b car.Block) error {
	it, err := open(b.CID, b.Data)
	switch {
	case err != nil:
		m.tally.refuse(Refusal{CID: b.CID.String(), Reason: reason(err)})
		return nil
	case it == nil:
		m.tally.count(func(r *ImportReport) { r.Index++ })
		return nil
	}
	here, err := m.hasContent(ctx, it)
	if err != nil {
		return err
	}
	if here {
		return m.deal(ctx, it)
	}
	m.waiting[it.content] = append(m.waiting[it.content], it)
	return m.hold(int64(len(it.block)))
}

// hasContent tells whether the content that a version names is here, which it
// must be first, or is not asked for.
func (m *importer) hasContent(ctx context.Context, it *item) (bool, error) {
	if !it.content.Defined() || m.options.Contents == nil && m.options.WithoutContent {
		return true, nil
	}
	if m.options.Contents == nil {
		return false, nil
	}
	_, err := m.options.Contents.Stat(ctx, it.content)
	if err != nil && entity.KindOf(err) == entity.KindNotFound {
		return false, nil
	}
	return err == nil, err
}

// hold counts bytes that wait, and fails when there are too many.
func (m *importer) hold(n int64) error {
	if m.held.Add(n) <= m.options.Buffer {
		return nil
	}
	return entity.Errorf(entity.KindTooLarge, "archive.Import",
		"more than %d MiB of blocks wait for others that come later in the file: give it a larger --buffer, or a file with the oldest versions first and contents before the versions that name them, as 'stemma export' writes it", m.options.Buffer>>20)
}

// deal brings a block to the worker of its entity.
func (m *importer) deal(ctx context.Context, it *item) error {
	w := m.workers[maphash.String(m.seed, string(it.id))%uint64(len(m.workers))]
	w.next = append(w.next, it)
	if w.nextBytes += len(it.block); w.nextBytes < maxBytes && len(w.next) < maxItems {
		return nil
	}
	return w.send(ctx)
}

// dealContentless deals out what still waits for its content, or refuses it.
func (m *importer) dealContentless(ctx context.Context) error {
	for _, items := range m.waiting {
		for _, it := range items {
			m.held.Add(-int64(len(it.block)))
			if !m.options.WithoutContent {
				m.tally.refuse(it.refusal("its content " + it.content.String() + " is neither in the file nor here"))
				continue
			}
			m.tally.count(func(r *ImportReport) { r.Missing++ })
			if err := m.deal(ctx, it); err != nil {
				return err
			}
		}
	}
	return nil
}

// reason is an error in the words of a report.
func reason(err error) string {
	var e *entity.Error
	if !errors.As(err, &e) || e.Message == "" {
		return err.Error()
	}
	text := e.Message
	for i, issue := range e.Issues {
		if i == 3 {
			break
		}
		text += "; "
		for _, step := range issue.Path {
			text += pathText(step) + " "
		}
		text += issue.Message
	}
	return text
}

// pathText is a step of an issue's path.
func pathText(step any) string {
	if s, ok := step.(string); ok {
		return s
	}
	return fmt.Sprint(step)
}
