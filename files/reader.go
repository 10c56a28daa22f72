package files

import (
	"context"
	"io"

	"stemma/entity"
)

// Reader reads content from wherever it is sought to. Nothing is opened before
// the first Read, and one stream serves all reads up to the next Seek elsewhere.
type Reader struct {
	ctx   context.Context // of the whole reading, as with http.Request
	store Store
	info  Info
	at    int64
	open  io.ReadCloser // at at; nil before the first read
	err   error         // the first that a read met
}

// NewReader reads the content that info, an answer of Stat, tells of.
func NewReader(ctx context.Context, s Store, info Info) *Reader {
	return &Reader{ctx: ctx, store: s, info: info}
}

// Err is what reading has failed with, for the caller of one who hides it.
func (r *Reader) Err() error { return r.err }

// Read implements [io.Reader]. Content that ends before its size is an error.
func (r *Reader) Read(p []byte) (int, error) {
	switch {
	case r.err != nil:
		return 0, r.err
	case r.at >= r.info.Size:
		return 0, io.EOF
	case len(p) == 0:
		return 0, nil
	}
	if r.open == nil {
		if r.open, r.err = r.store.Get(r.ctx, r.info.CID, r.at, -1); r.err != nil {
			r.open = nil
			return 0, r.err
		}
	}
	n, err := r.open.Read(p)
	r.at += int64(n)
	if err == io.EOF && r.at < r.info.Size {
		err = entity.Internal("files.Read", io.ErrUnexpectedEOF)
	}
	if err != nil && err != io.EOF {
		r.err = err
	}
	return n, err
}

// Seek implements [io.Seeker].
func (r *Reader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.at
	case io.SeekEnd:
		offset += r.info.Size
	}
	if offset < 0 {
		return r.at, entity.Invalid("files.Seek", "content begins at 0, not at %d", offset)
	}
	if offset != r.at && r.open != nil {
		_ = r.open.Close() // only read from
		r.open = nil
	}
	r.at = offset
	return offset, nil
}

// Close implements [io.Closer].
func (r *Reader) Close() error {
	if r.open == nil {
		return nil
	}
	err := r.open.Close()
	r.open = nil
	return err
}
