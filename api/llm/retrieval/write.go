package retrieval

import (
	"context"
	"encoding/binary"
	"math"

	"stemma/entity"
	"stemma/files/index"
)

// Add keeps the bytes of documents and has write, a transaction of the caller's,
// make files of them with [Document.Create] and [Document.Replace]; then it writes
// their chunks. The files are all there or none is. Where it ends between them and
// their chunks, [Base.Follow] writes those.
func (b *Base) Add(ctx context.Context, s entity.Store, docs []*Document, write func() error) error {
	for _, d := range docs {
		if err := b.o.Blobs.Put(ctx, d.spooled); err != nil {
			return err
		}
	}
	b.writing.Lock()
	defer b.writing.Unlock()
	if err := write(); err != nil {
		return err
	}
	for _, d := range docs {
		if d.file == "" {
			continue // the file has this content already
		}
		if err := d.index(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// Create writes a document as a new file of a knowledge base.
func (d *Document) Create(tx entity.Tx, kb entity.ID) error {
	v, err := tx.Create(entity.Draft{
		Type: entity.TypeFile,
		Properties: entity.Properties{
			"label": d.Name, index.Filename: d.Name, index.Key: d.Content.CID.String(), index.ContentType: d.Content.ContentType,
			index.Size: d.Content.Size, index.Uploaded: true, index.CID: d.Content.CID.String(),
		},
		Relationships: []entity.Relationship{{Predicate: entity.PredicateCollection, Peer: kb, PeerType: entity.TypeCollection}},
	})
	return d.wrote(v, err)
}

// Replace writes a document as the next version of a file, which the caller may
// change.
func (d *Document) Replace(tx entity.Tx, id entity.ID) error {
	v, err := tx.Put(id, entity.Any, func(m *entity.Manifest) error {
		m.Properties[index.Key], m.Properties[index.CID] = d.Content.CID.String(), d.Content.CID.String()
		m.Properties[index.ContentType], m.Properties[index.Size], m.Properties[index.Uploaded] = d.Content.ContentType, d.Content.Size, true
		return nil
	})
	return d.wrote(v, err)
}

func (d *Document) wrote(v *entity.Version, err error) error {
	if err == nil {
		d.file, d.tip = v.Manifest.ID, v.CID
	}
	return err
}

// mostPiece is about how many bytes of chunks and vectors a transaction writes, of
// the some six that the store lets it.
const mostPiece = 2 << 20

// block is a block of one of the chains, to be written.
type block struct {
	chain string
	size  int
	body  func() entity.Properties
}

// blocks are those of the document, in their order.
func (d *Document) blocks() (all []block) {
	for i, c := range d.chunks {
		all = append(all, block{ChainChunks, len(c.Text) + 200, func() entity.Properties {
			return entity.Properties{"index": int64(i), "content": c.Text, "tokens": int64(Tokens(c.To - c.From)), "from": int64(c.From), "to": int64(c.To)}
		}})
	}
	for from := 0; from < len(d.vectors); from += embedBatch {
		part := d.vectors[from:min(from+embedBatch, len(d.vectors))]
		all = append(all, block{ChainVectors, len(part)*(4*len(part[0])+4) + 200, func() entity.Properties {
			list := make([]any, len(part))
			for i, v := range part {
				list[i] = vectorBytes(v)
			}
			return entity.Properties{"space": d.space.String(), "vectors": list}
		}})
	}
	return all
}

// index appends a document's chunks and vectors behind those that its file has, in
// as many transactions as that takes, and with the last of them has the file name
// them. A file that changes meanwhile is left to who looks at it next. The caller
// holds Base.writing.
func (d *Document) index(ctx context.Context, s entity.Store) error {
	heads := map[string]entity.ChainRef{}
	var by entity.ID
	err := s.View(ctx, func(r entity.Reader) error {
		m, err := r.Manifest(d.tip)
		if err != nil {
			return err
		}
		by = m.EditedBy.UserID
		for _, chain := range []string{ChainChunks, ChainVectors} {
			if heads[chain], err = r.ChainHead(d.file, chain); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	set := map[string]any{
		"first": heads[ChainChunks].N + 1, "count": int64(len(d.chunks)), "vectors_first": heads[ChainVectors].N + 1,
		"vectors_count": int64((len(d.vectors) + embedBatch - 1) / embedBatch), "tokens": int64(d.tokens()),
		"space": d.space.String(), "content": d.Content.CID.String(), "split": d.split.String(), "truncated": d.Truncated,
	}
	if d.refused != "" {
		set["refused"] = d.refused
	}
	for rest, changed := d.blocks(), false; ; {
		n := 0
		for size := 0; n < len(rest) && (n == 0 || size+rest[n].size <= mostPiece); n++ {
			size += rest[n].size
		}
		piece := rest[:n]
		rest = rest[n:]
		_, err := s.Update(ctx, entity.Actor{UserID: by, Method: entity.MethodSystem}, func(tx entity.Tx) error {
			h, err := tx.Head(d.file)
			if changed = err == nil && h.CID() != d.tip; err != nil || changed {
				return err
			}
			for _, b := range piece {
				if _, err := tx.Append(d.file, b.chain, entity.Any, b.body()); err != nil {
					return err
				}
			}
			if len(rest) > 0 {
				return nil
			}
			_, err = tx.Put(d.file, entity.Any, func(m *entity.Manifest) error {
				m.Properties[propChunks] = set
				return nil
			})
			return err
		})
		if err != nil || changed || len(rest) == 0 {
			return err
		}
	}
}

func (d *Document) tokens() (n int) {
	for _, c := range d.chunks {
		n += Tokens(c.To - c.From)
	}
	return n
}

func vectorBytes(v []float32) []byte {
	out := make([]byte, 0, 4*len(v))
	for _, f := range v {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(f))
	}
	return out
}
