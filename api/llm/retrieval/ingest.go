package retrieval

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"math"
	"mime"
	"net/http"
	"path"
	"strings"

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

// mostChunks bounds the chunks of a file.
const mostChunks = 20_000

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
}

// Chunks is how many chunks the document has.
func (d *Document) Chunks() int { return len(d.chunks) }

// Read takes a file in: its bytes are kept, its text is cut as split says and
// embedded. KindInvalid for what is not what it says or holds no text,
// KindUnsupported for what no text is read out of, KindTooLarge, KindUnavailable
// when there is no embedder or it does not answer.
func (b *Base) Read(ctx context.Context, u Upload, split Split) (*Document, error) {
	const op = "retrieval.Read"
	name := path.Base(strings.ReplaceAll(u.Name, `\`, "/"))
	if name == "." || name == "/" || name == "" {
		return nil, entity.Invalid(op, "a file needs a name, like notes.md: give each part a filename")
	}
	spooled, err := b.o.Blobs.Spool(ctx, u.Content, b.o.MaxFile, files.Unknown)
	if err != nil {
		if entity.KindOf(err) == entity.KindTooLarge {
			err = entity.Errorf(entity.KindTooLarge, op, "%s has more than %d bytes", name, b.o.MaxFile)
		}
		return nil, err
	}
	defer spooled.Discard()
	d := &Document{Name: name, Content: index.Content{CID: spooled.Info.CID, Size: spooled.Info.Size, ContentType: mediaType(u.ContentType, name)}}
	if err := b.prepare(ctx, d, split, spooled.Reader()); err != nil {
		return nil, err
	}
	return d, b.o.Blobs.Put(ctx, spooled)
}

// mediaType is what to call the content: what the client says, unless that says
// nothing and the name does.
func mediaType(said, name string) string {
	if kind, _, err := mime.ParseMediaType(said); err == nil && kind != "application/octet-stream" {
		return said
	}
	if byName := mime.TypeByExtension(path.Ext(name)); byName != "" {
		return byName
	}
	return "application/octet-stream"
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

// Create writes a document as a new file of a knowledge base.
func (d *Document) Create(tx entity.Tx, kb entity.ID) (*entity.Version, error) {
	v, err := tx.Create(entity.Draft{
		Type: entity.TypeFile,
		Properties: entity.Properties{
			"label": d.Name, index.Filename: d.Name, index.Key: d.Content.CID.String(), index.ContentType: d.Content.ContentType,
			index.Size: d.Content.Size, index.Uploaded: true, index.CID: d.Content.CID.String(),
		},
		Relationships: []entity.Relationship{{Predicate: entity.PredicateCollection, Peer: kb, PeerType: entity.TypeCollection}},
	})
	if err != nil {
		return nil, err
	}
	return d.Append(tx, v.Manifest.ID)
}

// Replace writes a document as the next version of a file, which the caller may
// change.
func (d *Document) Replace(tx entity.Tx, id entity.ID) (*entity.Version, error) {
	_, err := tx.Put(id, entity.Any, func(m *entity.Manifest) error {
		m.Properties[index.Key], m.Properties[index.CID] = d.Content.CID.String(), d.Content.CID.String()
		m.Properties[index.ContentType], m.Properties[index.Size], m.Properties[index.Uploaded] = d.Content.ContentType, d.Content.Size, true
		return nil
	})
	if err != nil {
		return nil, err
	}
	return d.Append(tx, id)
}

// Append writes a document's chunks and vectors behind those that the file has,
// and has the file name them.
func (d *Document) Append(tx entity.Tx, id entity.ID) (*entity.Version, error) {
	chunks, err := tx.ChainHead(id, ChainChunks)
	if err != nil {
		return nil, err
	}
	vectors, err := tx.ChainHead(id, ChainVectors)
	if err != nil {
		return nil, err
	}
	for i, c := range d.chunks {
		_, err := tx.Append(id, ChainChunks, entity.Any, entity.Properties{
			"index": int64(i), "content": c.Text, "tokens": int64(Tokens(c.To - c.From)), "from": int64(c.From), "to": int64(c.To),
		})
		if err != nil {
			return nil, err
		}
	}
	blocks := int64(0)
	for from := 0; from < len(d.vectors); from += embedBatch {
		part := d.vectors[from:min(from+embedBatch, len(d.vectors))]
		list := make([]any, len(part))
		for i, v := range part {
			list[i] = vectorBytes(v)
		}
		if _, err := tx.Append(id, ChainVectors, entity.Any, entity.Properties{"space": d.space.String(), "vectors": list}); err != nil {
			return nil, err
		}
		blocks++
	}
	return tx.Put(id, entity.Any, func(m *entity.Manifest) error {
		m.Properties[propChunks] = map[string]any{
			"first": chunks.N + 1, "count": int64(len(d.chunks)), "vectors_first": vectors.N + 1, "vectors_count": blocks,
			"space": d.space.String(), "content": d.Content.CID.String(), "split": d.split.String(), "truncated": d.Truncated,
		}
		return nil
	})
}

func vectorBytes(v []float32) []byte {
	out := make([]byte, 0, 4*len(v))
	for _, f := range v {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(f))
	}
	return out
}
