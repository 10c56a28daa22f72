package native

import (
	"context"

	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/guard"
	"stemma/files"
	"stemma/files/index"
)

type uploadFileIn struct {
	ID      entity.ID   `path:"id"`
	Content wire.Upload `body:"raw"`
}

// awaited is the content that a file waits for.
type awaited struct {
	tip              entity.CID // the version that says so
	key, contentType string
	size             int64
}

// same tells whether two versions wait for the same content.
func (a awaited) same(b awaited) bool {
	return a.key == b.key && a.contentType == b.contentType && a.size == b.size
}

// uploadFile keeps the bytes first and then writes the version that names them
// (DESIGN, law 3). What is kept and then not named is garbage, and collected.
func (s *Service) uploadFile(ctx context.Context, in *uploadFileIn) (*wire.Reply, error) {
	const op = "native.upload"
	var want awaited
	err := s.view(ctx, func(r *guard.Reader) (err error) {
		want, err = awaits(r, in.ID)
		return err
	})
	if err != nil {
		return nil, err
	}
	n := s.network(ctx)
	switch {
	case max(want.size, in.Content.Length) > n.maxFile():
		return nil, entity.Errorf(entity.KindTooLarge, op, "the content is larger than the limit of %d bytes", n.maxFile())
	case in.Content.Length >= 0 && in.Content.Length != want.size:
		return nil, invalidField("must be "+itoa(want.size)+", the file's size; change that with PUT /files/"+string(in.ID), "Content-Length")
	case !sameMediaType(in.Content.ContentType, want.contentType):
		return nil, invalidField("must be "+want.contentType+", the file's content_type; change that with PUT /files/"+string(in.ID), "Content-Type")
	}
	content, err := n.Blobs.Ingest(ctx, in.Content, n.maxFile(), want.size)
	if err != nil {
		return nil, err
	}
	var v *entity.Version
	err = s.update(ctx, func(tx txn) (err error) {
		v, err = nameContent(tx, in.ID, want, content)
		return err
	})
	if err != nil {
		return nil, err
	}
	return replyVersion(v), nil
}

// awaits finds out what content a file waits for. KindExists when it has it.
func awaits(r *guard.Reader, id entity.ID) (a awaited, err error) {
	const op = "native.upload"
	h, m, err := manifestOf(r, "file:upload", id, entity.TypeFile)
	if err != nil {
		return a, err
	}
	if h.Deleted {
		return a, entity.Invalid(op, "file %s is deleted; restore it first with POST /entities/%s/restore", id, id)
	}
	if m.Properties[index.Uploaded] == true {
		return a, entity.Errorf(entity.KindExists, op, "file %s has its content already; make room for new content with POST /files/%s/reupload", id, id)
	}
	a.tip = h.CID()
	a.key, _ = m.Properties[index.Key].(string)
	a.contentType, _ = m.Properties[index.ContentType].(string)
	size, hasSize := m.Properties[index.Size].(int64)
	a.size = size
	if a.key == "" || a.contentType == "" || !hasSize {
		return a, entity.Invalid(op, "file %s does not say what content it waits for; set key, content_type and size with POST /files/%s/reupload", id, id)
	}
	return a, nil
}

// nameContent writes the version that names the content, if the file still
// waits for it.
func nameContent(tx txn, id entity.ID, want awaited, content files.Info) (*entity.Version, error) {
	now, err := awaits(tx.Reader, id)
	if err != nil {
		return nil, err
	}
	if !now.same(want) {
		return nil, entity.At(want.tip).Mismatch("native.upload", id, now.tip)
	}
	// Past txn.Put, whose rule this is the one exception from.
	return tx.Tx.Put(id, entity.At(now.tip), func(m *entity.Manifest) error {
		m.Properties[index.Uploaded] = true
		m.Properties[index.CID] = content.CID.String()
		m.Properties[index.Size] = content.Size
		return nil
	})
}
