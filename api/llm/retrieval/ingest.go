package retrieval

import (
	"bufio"
	"context"
	"io"
	"mime"
	"net/http"
	"path"
	"strings"
	"unicode/utf8"

	"stemma/entity"
	"stemma/files"
	"stemma/files/extract"
	"stemma/files/index"
	"stemma/query/search/embed"
)

// Names of chains and of the property that leads to them.
const (
	ChainChunks  = "chunks"
	ChainVectors = "vectors"
	propChunks   = "chunks"
)

// embedBatch is how many texts are embedded at a time, and how many vectors a
// block holds.
const embedBatch = 100

// Bounds of a file.
const (
	mostChunks = 20_000
	mostName   = 255 // characters
)

// Upload is a file as it comes in.
type Upload struct {
	Name        string // with or without a path in front
	ContentType string
	Content     io.Reader
}

// Document is a file that has been read, cut and embedded: all that is needed to
// write it.
type Document struct {
	Name      string
	Content   index.Content
	Truncated bool // it holds more text than is kept
	chunks    []Chunk
	vectors   [][]float32
	split     Split
	space     embed.Space
	spooled   *files.Spooled // nil: the content is kept
	file      entity.ID      // that it was written as
	tip       entity.CID     // of that
	refused   string         // why nothing could be read out of the content
}

// File is the file that the document was written as.
func (d *Document) File() entity.ID { return d.file }

// Chunks is how many chunks the document has.
func (d *Document) Chunks() int { return len(d.chunks) }

// Read takes a file in: its text is cut as split says and embedded. Its bytes are
// kept by [Base.Add], or let go by [Document.Discard]. KindInvalid for what is not
// what it says or holds no text, KindUnsupported for what no text is read out of,
// KindTooLarge, KindUnavailable when there is no embedder or it does not answer.
func (b *Base) Read(ctx context.Context, u Upload, split Split) (d *Document, err error) {
	const op = "retrieval.Read"
	name := path.Base(strings.ReplaceAll(u.Name, `\`, "/"))
	if name == "." || name == "/" || name == "" {
		return nil, entity.Invalid(op, "a file needs a name, like notes.md: give each part a filename")
	}
	if n := utf8.RuneCountInString(name); n > mostName {
		return nil, entity.Invalid(op, "the name %.20s… has %d characters; at most %d", name, n, mostName)
	}
	spooled, err := b.o.Blobs.Spool(ctx, u.Content, b.o.MaxFile, files.Unknown)
	if err != nil {
		if entity.KindOf(err) == entity.KindTooLarge {
			err = entity.Errorf(entity.KindTooLarge, op, "%s has more than %d bytes", name, b.o.MaxFile)
		}
		return nil, err
	}
	d = &Document{Name: name, spooled: spooled, Content: index.Content{CID: spooled.Info.CID, Size: spooled.Info.Size, ContentType: mediaType(u.ContentType, name)}}
	if err = b.prepare(ctx, d, split, spooled.Reader()); err == nil && d.Truncated {
		err = entity.Errorf(entity.KindTooLarge, op, "%s holds more text than is read of a file: cut it into several", name)
	}
	if err != nil {
		d.Discard()
		return nil, err
	}
	return d, nil
}

// Discard lets go of the bytes of a document that is not to be written.
func (d *Document) Discard() {
	if d.spooled != nil {
		d.spooled.Discard()
		d.spooled = nil
	}
}

// mediaType is what to call the content: what the client says, unless that says
// nothing and the name does.
func mediaType(said, name string) string {
	const unknown = "application/octet-stream"
	if kind, _, err := mime.ParseMediaType(said); err == nil && kind != unknown {
		return said
	}
	switch extract.Detect("", name, nil) {
	case extract.Plain:
		return "text/plain"
	case extract.Markdown:
		return "text/markdown"
	case extract.HTML:
		return "text/html"
	case extract.JSON:
		return "application/json"
	case extract.CSV:
		return "text/csv"
	case extract.PDF:
		return "application/pdf"
	case extract.Docx:
		return "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
	}
	return unknown
}

// prepare reads, cuts and embeds content.
func (b *Base) prepare(ctx context.Context, d *Document, split Split, r io.Reader) error {
	const op = "retrieval.Read"
	if b.o.Embedder == nil {
		return errNoEmbedder(op)
	}
	content := bufio.NewReaderSize(r, headSize)
	head, err := content.Peek(headSize)
	if err != nil && err != io.EOF {
		return err
	}
	if err := d.checkForm(head); err != nil {
		return err
	}
	found, err := b.o.Texts.Text(ctx, d.Content.ContentType, d.Name, content, d.Content.Size)
	if err != nil {
		return named(d.Name, err)
	}
	d.Truncated, d.split, d.space = found.Truncated, split, b.o.Embedder.Space()
	d.chunks = split.Cut(found.Text)
	switch {
	case len(d.chunks) == 0:
		return entity.Invalid(op, "%s holds no text", d.Name)
	case len(d.chunks) > mostChunks:
		return entity.Errorf(entity.KindTooLarge, op, "%s makes %d chunks; at most %d: cut it into larger ones, or the file into several", d.Name, len(d.chunks), mostChunks)
	}
	texts := make([]string, len(d.chunks))
	for i, c := range d.chunks {
		texts[i] = c.Text
	}
	d.vectors, err = b.embed(ctx, embed.Document, texts)
	return err
}

// named says in which file an error was met.
func named(name string, err error) error {
	kind := entity.KindOf(err)
	if kind == entity.KindInternal {
		return err
	}
	e := entity.Errorf(kind, "retrieval.Read", "%s: %s", name, message(err))
	if kind == entity.KindUnsupported {
		e.Message = name + " is not of a format that text is read out of; there are txt, md, html, json, csv, pdf and docx"
	}
	e.Err = err
	return e
}

// headSize is what a format is told by.
const headSize = 512

// checkForm refuses text that is none, and a format that the first bytes belie.
func (d *Document) checkForm(head []byte) error {
	format, is := extract.Detect(d.Content.ContentType, d.Name, head), http.DetectContentType(head)
	is, _, _ = strings.Cut(is, ";")
	text := strings.HasPrefix(is, "text/")
	belied := false
	switch format {
	case extract.PDF:
		belied = is != "application/pdf"
	case extract.Docx:
		belied = is != "application/zip"
	case "":
		return nil // which the extractor refuses
	default:
		belied = !text && len(head) > 0
	}
	if belied {
		return entity.Invalid("retrieval.Read", "%s is not what it says: it should hold %s and holds %s", d.Name, format, is)
	}
	return nil
}

// embed gives the vectors of texts, in batches.
func (b *Base) embed(ctx context.Context, purpose embed.Purpose, texts []string) ([][]float32, error) {
	out := make([][]float32, 0, len(texts))
	for len(texts) > 0 {
		n := min(embedBatch, len(texts))
		vectors, err := b.o.Embedder.Embed(ctx, purpose, texts[:n])
		if err != nil {
			return nil, err
		}
		out, texts = append(out, vectors...), texts[n:]
	}
	return out, nil
}
