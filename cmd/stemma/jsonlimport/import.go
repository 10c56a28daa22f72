package jsonlimport

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"stemma/entity"
)

const op = "jsonlimport.Import"

// Stages that [Options.Progress] is told of.
const (
	StageReading   = "finding where the import stopped"
	StageImporting = "importing lines"
	StageDeferred  = "importing lines that were put aside"
)

// Options say what to import and for whom.
type Options struct {
	Path string    // of the file; "" reads In, which cannot be resumed
	In   io.Reader // used when Path is ""
	By   entity.ID // the user who imports

	// Keys is the space of the lines' keys: files imported with the same one
	// mean the same entity by the same key. "" is a space too.
	Keys string
	// Collection takes the entities whose lines name none; "" leaves them
	// outside of any.
	Collection entity.ID
	// Report is the path of the report of refused lines, which exists when
	// there are any; "" is Path with ".refused.jsonl".
	Report string
	// FromStart forgets how far an earlier run came.
	FromStart bool

	ChunkLines int // most lines in one transaction, but for relationships at its end; 0 is 2,500

	// Progress is told how many bytes of the file are done, by one goroutine at
	// a time; total is 0 when it is not known. nil is nobody.
	Progress func(done, total int64, stage string)
}

// Counts are of lines and of what came of them.
type Counts struct {
	Lines         int64 // read, blank ones included
	Entities      int64 // created
	Relationships int64 // added, also with the entities
	Updated       int64 // versions of entities that were there, which got relationships
	Known         int64 // lines whose content was there already
	Refused       int64 // lines in the report
}

func (c *Counts) add(d Counts) {
	c.Lines += d.Lines
	c.Entities += d.Entities
	c.Relationships += d.Relationships
	c.Updated += d.Updated
	c.Known += d.Known
	c.Refused += d.Refused
}

func (c Counts) minus(d Counts) Counts {
	return Counts{c.Lines - d.Lines, c.Entities - d.Entities, c.Relationships - d.Relationships, c.Updated - d.Updated, c.Known - d.Known, c.Refused - d.Refused}
}

// Report is what was done.
type Report struct {
	Run     Counts // by this run
	All     Counts // since the import of the file began
	Resumed bool   // an earlier run had done a part
	Refused string // the report of refused lines, "" when there are none
}

// Import brings lines into the store. It may be stopped at any point, by ctx or
// by force, and run again: it goes on where it was. On an error the report says
// what was imported until then.
//
// KindInvalid: there is no such file, or an option is wrong. KindFull: the disk
// is full. KindCanceled and KindTimeout: ctx ended. Else what the store answers.
func Import(ctx context.Context, store entity.Store, o Options) (r Report, err error) {
	if err := o.complete(ctx, store); err != nil {
		return r, err
	}
	j, err := open(ctx, store, o)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, j.close()) }()
	before := j.at.Counts
	r.Resumed = j.at.Mark.Offset > 0
	if err = j.resume(ctx); err == nil {
		err = j.run(ctx)
	}
	r.All, r.Run = j.at.Counts, j.at.Counts.minus(before)
	if j.refused.size > 0 {
		r.Refused = j.refused.path
	}
	return r, err
}

// complete fills in defaults and checks what was given.
func (o *Options) complete(ctx context.Context, store entity.Store) error {
	if _, err := entity.ParseID(string(o.By)); err != nil {
		return err
	}
	if o.By.Network() != store.Network() {
		return entity.Invalid(op, "user %s belongs to the %s network, the store is %s", o.By, o.By.Network(), store.Network())
	}
	switch {
	case o.Path == "" && o.In == nil:
		return entity.Invalid(op, "name a file to import")
	case o.Report == "" && o.Path == "":
		return entity.Invalid(op, "name a file for the report of refused lines")
	case o.Report == "":
		o.Report = o.Path + ".refused.jsonl"
	}
	if o.ChunkLines <= 0 {
		o.ChunkLines = chunkLines
	}
	if o.Progress == nil {
		o.Progress = func(int64, int64, string) {}
	}
	if o.Collection == "" {
		return nil
	}
	return store.View(ctx, func(r entity.Reader) error {
		h, err := r.Head(o.Collection)
		if err != nil && entity.KindOf(err) == entity.KindNotFound || err == nil && (h.Deleted || h.Type != entity.TypeCollection) {
			return entity.Invalid(op, "there is no collection %s", o.Collection)
		}
		return err
	})
}

// job is an import under way.
type job struct {
	writer
	options Options
	parser  parser
	in      io.Reader // the lines, from j.at on
	file    *os.File  // nil when In is read
	size    int64     // of the file, 0 when not known
	sum     hash.Hash // of what is before in
	stage   string
}

// open finds out how far the file is imported.
func open(ctx context.Context, store entity.Store, o Options) (j *job, err error) {
	j = &job{options: o, stage: StageImporting, in: o.In, sum: sha256.New()}
	j.store, j.actor = store, entity.Actor{UserID: o.By, Method: entity.MethodImport}
	j.parser = parser{names: names{network: store.Network(), keys: o.Keys}, collection: o.Collection}
	j.refused, j.later = &sideFile{path: o.Report}, &sideFile{path: o.Report + ".deferred"}
	j.progress = func(p position) {
		mark, total := p.Mark, j.size
		if p.Deferred {
			mark, total = p.Again, p.LaterSize
		}
		o.Progress(mark.Offset, total, j.stage)
	}
	if o.Path == "" {
		return j, nil
	}
	if j.file, err = os.Open(o.Path); err != nil {
		return nil, fileError(o.Path, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, j.file.Close())
		}
	}()
	j.in = j.file
	info, err := j.file.Stat()
	if err != nil {
		return nil, fileError(o.Path, err)
	}
	if !info.Mode().IsRegular() {
		return j, nil // a pipe: what is read is gone
	}
	j.size = info.Size()
	path, err := filepath.Abs(o.Path)
	if err != nil {
		return nil, fileError(o.Path, err)
	}
	name := sha256.Sum256([]byte(path + "\x00" + o.Keys))
	j.secret = "import/jsonl/" + hex.EncodeToString(name[:16])
	return j, j.find(ctx)
}

// find reads the position and makes sure that it is one of this file: what is
// before it has not changed.
func (j *job) find(ctx context.Context) error {
	var stored []byte
	err := j.store.View(ctx, func(r entity.Reader) (err error) {
		stored, err = r.Secret(j.secret)
		return err
	})
	if err != nil || stored == nil || j.options.FromStart {
		return err
	}
	p, err := decodePosition(stored)
	if err != nil {
		return err
	}
	same, err := j.unchanged(ctx, p.Mark)
	if err != nil {
		return err
	}
	if same && p.Deferred && !p.Done {
		if _, err := os.Stat(j.later.path); errors.Is(err, fs.ErrNotExist) {
			same = false // begin anew: it is all there already but for those lines
		}
	}
	if same {
		j.at = p
		return nil
	}
	j.sum.Reset()
	if _, err := j.file.Seek(0, io.SeekStart); err != nil {
		return fileError(j.options.Path, err)
	}
	return nil
}

// unchanged reads the file up to the mark.
func (j *job) unchanged(ctx context.Context, m mark) (bool, error) {
	told := func(done int64) { j.options.Progress(done, m.Offset, StageReading) }
	for _, part := range []int64{m.Hashed, m.Offset - m.Hashed} {
		err := hashTo(ctx, j.sum, j.file, part, told)
		switch {
		case errors.Is(err, io.EOF):
			return false, nil // shorter than it was
		case err != nil:
			return false, err
		case part == m.Hashed && part > 0 && !bytes.Equal(j.sum.Sum(nil), m.Sum):
			return false, nil
		}
	}
	return j.endsLine(m.Offset)
}

// endsLine tells whether what is before the offset is whole lines, or all there
// is: a last line without its end may have grown since.
func (j *job) endsLine(offset int64) (bool, error) {
	if offset == 0 || offset == j.size {
		return true, nil
	}
	var last [1]byte
	if _, err := j.file.ReadAt(last[:], offset-1); err != nil {
		return false, fileError(j.options.Path, err)
	}
	return last[0] == '\n', nil
}

// resume brings the files beside the import to where the position has them.
func (j *job) resume(ctx context.Context) error {
	p := j.at
	if p.Done && p.Mark.Offset < j.size { // the file has grown
		p.Done, p.Deferred, p.Again, p.LaterSize, p.Later = false, false, mark{}, 0, nil
	}
	if p.Done {
		j.refused.size = p.RefusedSize
		return nil
	}
	if p.LaterSize == 0 && p.Deferred {
		return entity.Internal(op, errors.New("a position among deferred lines without any"))
	}
	if err := errors.Join(j.refused.cut(p.RefusedSize), j.later.cut(p.LaterSize)); err != nil {
		return err
	}
	return j.finish(p, func(l lineRef) ([]byte, error) {
		from := io.ReaderAt(j.file)
		if p.Deferred {
			from = j.later.file
		}
		if l.Length > MaxLine {
			return nil, nil
		}
		b := make([]byte, l.Length)
		if _, err := from.ReadAt(b, l.Offset); err != nil {
			return nil, fileError(j.options.Path, err)
		}
		if p.Deferred {
			_, b, _ = bytes.Cut(b, []byte("\t"))
		}
		return trim(b), nil
	})
}

// run imports what is left of the file, and then what was put aside.
func (j *job) run(ctx context.Context) error {
	if j.at.Done {
		return nil
	}
	if !j.at.Deferred {
		r := newReader(j.in, j.at.Mark, j.sum, j.options.ChunkLines)
		if err := j.pipe(ctx, r); err != nil {
			return err
		}
		p := j.at
		p.Deferred, p.Again = j.later.size > 0, mark{}
		p.Done = !p.Deferred
		if err := j.reach(ctx, p); err != nil || p.Done {
			return err
		}
	}
	return j.runDeferred(ctx)
}

func (j *job) runDeferred(ctx context.Context) error {
	j.deferred, j.stage = true, StageDeferred
	if err := j.later.sync(); err != nil {
		return err
	}
	f, err := os.Open(j.later.path)
	if err != nil {
		return fileError(j.later.path, err)
	}
	defer f.Close()
	if _, err := f.Seek(j.at.Again.Offset, io.SeekStart); err != nil {
		return fileError(j.later.path, err)
	}
	if err := j.pipe(ctx, newReader(f, j.at.Again, sha256.New(), j.options.ChunkLines)); err != nil {
		return err
	}
	p := j.at
	p.Done = true
	p.LaterSize = 0
	if err := j.reach(ctx, p); err != nil {
		return err
	}
	return j.later.remove()
}

func (j *job) close() error {
	err := errors.Join(j.refused.close(), j.later.close())
	if j.file != nil {
		err = errors.Join(err, j.file.Close())
	}
	return err
}

func canceled(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return &entity.Error{Kind: entity.KindTimeout, Op: op, Message: "the deadline passed", Err: err}
	}
	return &entity.Error{Kind: entity.KindCanceled, Op: op, Message: "the import was stopped; run it again to go on", Err: err}
}
