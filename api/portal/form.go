package portal

import (
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"slices"
	"strconv"

	"stemma/api/llm/retrieval"
	"stemma/api/wire"
	"stemma/entity"
)

// Bounds of an upload. Its chunks are in memory until they are written.
const (
	mostFiles  = 100
	mostChunks = 20_000
	mostField  = 64 << 10
)

// form is an upload of files, read as it comes.
type form struct {
	base     *retrieval.Base
	settings entity.Properties // of a knowledge base that is to be made; nil: it is there
	split    retrieval.Split   // of one that is there
	name     string
	docs     []*retrieval.Document
}

func (f *form) discard() {
	for _, d := range f.docs {
		d.Discard()
	}
}

// read reads the whole body. Files are kept in a temporary place until they are
// added.
func (f *form) read(ctx context.Context, body wire.Upload) error {
	const op = "portal.form"
	if _, ok := f.base.Space(); !ok {
		_, err := f.base.Ask(ctx, "")
		return err // which says what is missing
	}
	kind, params, err := mime.ParseMediaType(body.ContentType)
	if err != nil || kind != "multipart/form-data" || params["boundary"] == "" {
		return entity.Errorf(entity.KindUnsupported, op, "files are uploaded as multipart/form-data, as curl -F name=documents -F files=@notes.md sends it; this is %.100q", body.ContentType)
	}
	parts := multipart.NewReader(body, params["boundary"])
	for {
		part, err := parts.NextPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			return broken(err)
		}
		if part.FileName() == "" {
			err = f.field(part)
		} else {
			err = f.file(ctx, part)
		}
		if err != nil {
			return err
		}
	}
	if len(f.docs) == 0 {
		return issue("files", "there is no file in the upload: give each a part with a filename, as curl -F files=@notes.md does")
	}
	return nil
}

// broken is a body that cannot be read to its end.
func broken(err error) error {
	var e *entity.Error
	if errors.As(err, &e) {
		return err
	}
	return entity.Invalid("portal.form", "the body is not whole multipart/form-data: %s", err)
}

// field reads a part that is no file.
func (f *form) field(part *multipart.Part) error {
	name := part.FormName()
	data, err := io.ReadAll(io.LimitReader(part, mostField+1))
	if err != nil {
		return broken(err)
	}
	_, isSetting := settingBounds[name]
	switch {
	case len(data) > mostField:
		return entity.Errorf(entity.KindTooLarge, "portal.form", "the field %.100q has more than %d bytes; a file has a filename", name, mostField)
	case name == "name":
		f.name = string(data)
	case name == "files" || name == "file":
		return issue(name, "a file needs a filename, like notes.md: give its part one")
	case !isSetting || f.settings == nil:
	case len(f.docs) > 0:
		return issue(name, "%s comes before the files, which are cut as they arrive", name)
	default:
		v, err := strconv.ParseFloat(string(data), 64)
		if err != nil {
			return issue(name, "%s must be a number", name)
		}
		return setSetting(f.settings, name, v)
	}
	return nil
}

// file reads a part that is one.
func (f *form) file(ctx context.Context, part *multipart.Part) error {
	if f.settings != nil && len(f.docs) == 0 {
		if err := checkSettings(f.settings); err != nil {
			return err
		}
		f.split = retrieval.SettingsOf(&entity.Manifest{Properties: entity.Properties{"settings": map[string]any(f.settings)}}).Split
	}
	if len(f.docs) == mostFiles {
		return entity.Errorf(entity.KindTooLarge, "portal.form", "an upload may have %d files; send the others in another one", mostFiles)
	}
	d, err := f.base.Read(ctx, retrieval.Upload{Name: part.FileName(), ContentType: part.Header.Get("Content-Type"), Content: reading{part}}, f.split)
	if err != nil {
		return err
	}
	f.docs = append(f.docs, d)
	if slices.ContainsFunc(f.docs[:len(f.docs)-1], func(have *retrieval.Document) bool { return have.Name == d.Name }) {
		return issue("files", "two files of the upload are called %s; a knowledge base tells them by their names", d.Name)
	}
	chunks := 0
	for _, d := range f.docs {
		chunks += d.Chunks()
	}
	if chunks > mostChunks {
		return entity.Errorf(entity.KindTooLarge, "portal.form", "the upload makes more than %d chunks; send the files in several uploads", mostChunks)
	}
	return nil
}

// reading says of a body that broke off what is wrong with it.
type reading struct{ io.Reader }

func (r reading) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err != nil && err != io.EOF {
		err = broken(err)
	}
	return n, err
}
