package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"stemma/entity"
)

const (
	// partSize bounds what of an upload is in flight: four parts at once. Content
	// up to it is one request.
	partSize = 16 << 20
	// tries is how often a request is sent that fails in a way that may pass.
	tries = 4
	// young is how old content may be by its time for Put to leave that alone.
	// The clocks of both sides differ by a quarter of an hour at most, or the
	// service would not take our signatures.
	young = 10 * time.Minute
)

// s3 is the store in a bucket.
type s3 struct {
	core   minio.Core
	bucket string
	prefix string
}

func openS3(ctx context.Context, b bucket) (*s3, error) {
	const op = "files.Open"
	client, err := minio.New(b.host, &minio.Options{Creds: b.credentials(), Secure: b.secure, Region: b.region, MaxRetries: tries})
	if err != nil {
		return nil, &entity.Error{Kind: entity.KindInvalid, Op: op, Message: "the location of the bucket is not usable", Err: err}
	}
	there, err := client.BucketExists(ctx, b.name)
	if err != nil {
		return nil, fromS3(op, ctx, err)
	}
	if !there {
		return nil, entity.NotFound(op, "there is no bucket %s at %s; make it first", b.name, b.host)
	}
	return &s3{core: minio.Core{Client: client}, bucket: b.name, prefix: b.prefix}, nil
}

func (s *s3) key(c entity.CID) string { return s.prefix + c.String() }

// Put implements [Store].
func (s *s3) Put(ctx context.Context, content *Spooled) error {
	const op = "files.Put"
	for range tries {
		there, err := s.refresh(ctx, content)
		if there || err != nil {
			return err
		}
		err = s.create(ctx, content)
		switch minio.ToErrorResponse(err).StatusCode {
		case http.StatusPreconditionFailed, http.StatusConflict: // somebody was faster, or is at it
			continue
		}
		if err != nil {
			return fromS3(op, ctx, err)
		}
		return s.check(ctx, content)
	}
	return entity.Errorf(entity.KindUnavailable, op, "the bucket kept refusing %s although it does not hold it; try again", content.CID)
}

// check looks at content that was put together out of parts, which is where
// services differ: bytes of another number are taken away again.
func (s *s3) check(ctx context.Context, content *Spooled) error {
	const op = "files.Put"
	if content.Size <= partSize {
		return nil
	}
	info, err := s.Stat(ctx, content.CID)
	if err != nil || info.Size == content.Size {
		return err
	}
	return errors.Join(
		entity.Internal(op, fmt.Errorf("the service made %d bytes out of the %d of %s", info.Size, content.Size, content.CID)),
		s.core.RemoveObject(ctx, s.bucket, s.key(content.CID), minio.RemoveObjectOptions{}))
}

// refresh makes content young that is there already and tells whether it is
// there.
func (s *s3) refresh(ctx context.Context, content *Spooled) (bool, error) {
	const op = "files.Put"
	info, err := s.Stat(ctx, content.CID)
	switch {
	case err != nil && entity.KindOf(err) == entity.KindNotFound:
		return false, nil
	case err != nil:
		return false, err
	case info.Size != content.Size:
		return false, entity.Internal(op, fmt.Errorf("the bucket holds %d bytes under %s, which has %d", info.Size, content.CID, content.Size))
	case time.Since(info.Modified) < young:
		return true, nil
	}
	// Copied onto itself inside the service, no byte travels. Some (versitygw
	// 1.8) then leave the time alone, and are sent the bytes again.
	to := minio.CopyDestOptions{Bucket: s.bucket, Object: s.key(content.CID), ReplaceMetadata: true}
	_, err = s.core.Client.CopyObject(ctx, to, minio.CopySrcOptions{Bucket: s.bucket, Object: s.key(content.CID)})
	if err != nil && minio.ToErrorResponse(err).Code == minio.NoSuchKey {
		return false, nil // deleted since
	}
	if err != nil {
		return false, fromS3(op, ctx, err)
	}
	copied, err := s.Stat(ctx, content.CID)
	if err != nil || copied.Modified.After(info.Modified) {
		return err == nil, err
	}
	if err := s.send(ctx, content, minio.PutObjectOptions{}); err != nil {
		return false, fromS3(op, ctx, err)
	}
	return true, nil
}

// create writes the object if there is none. A service that does not know the
// condition gets the object without it: another one of the name is the same.
// For that reason it does not matter either that content of several parts,
// which the client library completes without the condition, may be written
// twice.
func (s *s3) create(ctx context.Context, content *Spooled) error {
	var absent minio.PutObjectOptions
	absent.SetMatchETagExcept("*")
	err := s.send(ctx, content, absent)
	if minio.ToErrorResponse(err).StatusCode == http.StatusNotImplemented {
		return s.send(ctx, content, minio.PutObjectOptions{})
	}
	return err
}

// send writes the object.
func (s *s3) send(ctx context.Context, content *Spooled, o minio.PutObjectOptions) error {
	o.ContentType, o.PartSize = "application/octet-stream", partSize
	// Without TLS the client signs a body piece by piece, and sends the one of
	// no bytes with an unknown length, which S3 refuses.
	o.DisableContentSha256 = content.Size == 0
	_, err := s.core.Client.PutObject(ctx, s.bucket, s.key(content.CID), content.Reader(), content.Size, o)
	return err
}

// Get implements [Store].
func (s *s3) Get(ctx context.Context, c entity.CID, offset, length int64) (io.ReadCloser, error) {
	const op = "files.Get"
	if err := checkRange(op, c, offset); err != nil {
		return nil, err
	}
	if length == 0 { // a range of HTTP cannot say this
		_, err := s.Stat(ctx, c)
		return http.NoBody, err
	}
	var o minio.GetObjectOptions
	if err := setRange(&o, offset, length); err != nil {
		return nil, entity.Internal(op, err)
	}
	body, _, _, err := s.core.GetObject(ctx, s.bucket, s.key(c), o)
	switch response := minio.ToErrorResponse(err); {
	case err == nil:
		return &s3Body{ReadCloser: body, ctx: ctx}, nil
	case response.StatusCode == http.StatusRequestedRangeNotSatisfiable:
		return http.NoBody, nil // it is there, and ends before
	case response.StatusCode == http.StatusNotFound && response.Code != minio.NoSuchBucket:
		return nil, notFound(op, c)
	}
	return nil, fromS3(op, ctx, err)
}

func setRange(o *minio.GetObjectOptions, offset, length int64) error {
	switch {
	case length > 0:
		// At most: servers add to the end, and some do not look for an overflow.
		const most = 1<<62 - 1
		return o.SetRange(min(offset, most), min(offset, most)+min(length, most)-1)
	case offset > 0:
		return o.SetRange(offset, 0)
	}
	return nil
}

// s3Body translates errors of reading.
type s3Body struct {
	io.ReadCloser
	ctx context.Context
}

func (b *s3Body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = fromS3("files.Get", b.ctx, err)
	}
	return n, err
}

// Stat implements [Store].
func (s *s3) Stat(ctx context.Context, c entity.CID) (Info, error) {
	const op = "files.Stat"
	if err := checkRaw(op, c); err != nil {
		return Info{}, err
	}
	info, err := s.core.StatObject(ctx, s.bucket, s.key(c), minio.StatObjectOptions{})
	if response := minio.ToErrorResponse(err); err != nil && response.StatusCode == http.StatusNotFound && response.Code != minio.NoSuchBucket {
		return Info{}, notFound(op, c)
	}
	return Info{CID: c, Size: info.Size, Modified: info.LastModified}, fromS3(op, ctx, err)
}

// Delete implements [Store].
func (s *s3) Delete(ctx context.Context, c entity.CID, before time.Time) (bool, error) {
	info, err := s.Stat(ctx, c)
	switch {
	case err != nil && entity.KindOf(err) == entity.KindNotFound:
		return false, nil
	case err != nil:
		return false, err
	case !info.Modified.Before(before):
		return false, nil
	}
	err = s.core.RemoveObject(ctx, s.bucket, s.key(c), minio.RemoveObjectOptions{})
	return err == nil, fromS3("files.Delete", ctx, err)
}

// List implements [Store]. What is not named by a CID is none of ours.
func (s *s3) List(ctx context.Context) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		for object := range s.core.ListObjectsIter(ctx, s.bucket, minio.ListObjectsOptions{Prefix: s.prefix, Recursive: true}) {
			if object.Err != nil {
				yield(Info{}, fromS3("files.List", ctx, object.Err))
				return
			}
			c, ours := parseName(strings.TrimPrefix(object.Key, s.prefix))
			if ours && !yield(Info{CID: c, Size: object.Size, Modified: object.LastModified}, nil) {
				return
			}
		}
		if err := ended("files.List", ctx); err != nil {
			yield(Info{}, err)
		}
	}
}

// fromS3 translates an error of the service or of the way there.
func fromS3(op string, ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if over := ended(op, ctx); over != nil {
		return over
	}
	response := minio.ToErrorResponse(err)
	var wire net.Error
	switch {
	case response.StatusCode == http.StatusInsufficientStorage, response.Code == "QuotaExceeded",
		strings.HasPrefix(response.Code, "XMinioStorageFull"), strings.Contains(response.Code, "QuotaExceeded"):
		return &entity.Error{Kind: entity.KindFull, Op: op, Message: "there is no space left for file content; nothing was stored", Err: err}
	case response.StatusCode >= http.StatusInternalServerError, response.StatusCode == http.StatusTooManyRequests,
		errors.As(err, &wire), errors.Is(err, io.ErrUnexpectedEOF):
		return &entity.Error{Kind: entity.KindUnavailable, Op: op, Message: "the service that keeps file content does not answer; try again", Err: err}
	}
	return entity.Internal(op, err)
}
