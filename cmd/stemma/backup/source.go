package backup

import (
	"context"
	"io"

	"stemma/entity"
	"stemma/entity/store"
)

// Contents reads file content; package files implements it.
type Contents interface {
	Get(ctx context.Context, c entity.CID, offset, length int64) (io.ReadCloser, error)
}

// Local is a store that this process has open.
type Local struct {
	Store *store.Store
	Blobs Contents // nil when the server keeps none
}

var _ Source = Local{}

// Backup writes the stream as it is read.
func (s Local) Backup(ctx context.Context, since entity.Seq) (io.ReadCloser, error) {
	r, w := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, err := s.Store.Backup(ctx, w, since)
		w.CloseWithError(err)
	}()
	return &piped{r, done}, nil
}

// piped ends the writer when it is closed, and waits for it.
type piped struct {
	*io.PipeReader
	done chan struct{}
}

func (p *piped) Close() error {
	err := p.PipeReader.Close()
	<-p.done
	return err
}

// Content reads file content.
func (s Local) Content(ctx context.Context, c entity.CID) (io.ReadCloser, error) {
	if s.Blobs == nil {
		return nil, entity.NotFound("backup.Content", "no content %s is kept here", c)
	}
	return s.Blobs.Get(ctx, c, 0, -1)
}
