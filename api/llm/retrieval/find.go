package retrieval

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"stemma/entity"
	"stemma/query/search/embed"
	"stemma/query/search/vector"
)

// Passage is a chunk that was found.
type Passage struct {
	ChunkID       string     // the file and the chunk's place in it: 01…:3
	CID           entity.CID // of the chunk's block
	Content       string
	Similarity    float64 // cosine, at most 1
	KnowledgeBase string  // its name
	Rank          int     // from 1
	SourcePath    string  // the file's name
}

// Set is what a file has of chunks, as its property says.
type Set struct {
	First, Count               int64
	VectorsFirst, VectorsCount int64
	Tokens                     int64
	Space, Content, Split      string
	Truncated                  bool   // the file holds more text than its chunks
	Refused                    string // why nothing could be read out of the content; "" where something was
}

// SetOf reads it; the zero value of a file that has none.
func SetOf(m *entity.Manifest) (s Set) {
	tree, _ := m.Properties[propChunks].(map[string]any)
	for name, into := range map[string]*int64{"first": &s.First, "count": &s.Count, "vectors_first": &s.VectorsFirst, "vectors_count": &s.VectorsCount, "tokens": &s.Tokens} {
		*into, _ = tree[name].(int64)
	}
	for name, into := range map[string]*string{"space": &s.Space, "content": &s.Content, "split": &s.Split, "refused": &s.Refused} {
		*into, _ = tree[name].(string)
	}
	s.Truncated, _ = tree["truncated"].(bool)
	if s.First < 1 || s.Count < 0 || s.Count > mostChunks {
		return Set{}
	}
	return s
}

// loaded is a version of a file in memory.
type loaded struct {
	tip     entity.CID
	space   string
	chunks  []entity.CID
	vectors []float32 // one after another
	used    int64
}

func (l *loaded) size() int64 { return int64(4*len(l.vectors) + 64*len(l.chunks)) }

// Question is a question with its vector.
type Question struct {
	vector    []float32
	Threshold *float64 // passages below it are not given; nil: as the knowledge base says
}

// Ask has a question embedded. KindUnavailable when there is no embedder, or as it
// says.
func (b *Base) Ask(ctx context.Context, question string) (q Question, err error) {
	if b == nil || b.o.Embedder == nil {
		return q, errNoEmbedder("retrieval.Ask")
	}
	vectors, err := b.embed(ctx, embed.Query, []string{question})
	if err != nil {
		return q, err
	}
	return Question{vector: vectors[0]}, nil
}

func errNoEmbedder(op string) error {
	return entity.Errorf(entity.KindUnavailable, op, "this server has no embedder, and so nothing in knowledge bases can be found: start it with --search and with --embeddings-url other than none")
}

// Nearest finds the k passages of a knowledge base that are nearest to a question,
// best first; k 0 is what the knowledge base says. KindNotFound when there is no
// such knowledge base.
func (b *Base) Nearest(ctx context.Context, r entity.Reader, kb entity.ID, q Question, k int) ([]Passage, error) {
	in, err := Live(r, kb)
	if err != nil {
		return nil, err
	}
	settings := SettingsOf(in.Manifest)
	if k <= 0 {
		k = settings.TopK
	}
	all, err := Files(r, kb)
	if err != nil {
		return nil, err
	}
	if q.Threshold != nil {
		settings.Threshold = *q.Threshold
	}
	best, err := b.nearest(ctx, r, all, q.vector, k, settings.Threshold)
	if err != nil {
		return nil, err
	}
	out := make([]Passage, 0, len(best))
	for i, hit := range best {
		c, err := ReadChunk(r, hit.cid)
		if err != nil {
			return nil, err
		}
		m := all[hit.file].Manifest
		out = append(out, Passage{
			ChunkID: chunkID(m.ID, hit.at), CID: hit.cid, Content: c.Content, Similarity: hit.score,
			KnowledgeBase: in.Manifest.Label(), Rank: i + 1, SourcePath: m.Label(),
		})
	}
	return out, nil
}

type hit struct {
	file, at int
	cid      entity.CID
	score    float64
}

// nearest ranks the chunks of files. Equals stand in the order of files and
// places.
func (b *Base) nearest(ctx context.Context, r entity.Reader, all []*entity.Version, query []float32, k int, threshold float64) (best []hit, err error) {
	for f, v := range all {
		l, err := b.load(ctx, r, v)
		if err != nil {
			return nil, err
		}
		d := len(query)
		for i, c := range l.chunks {
			score := min(float64(vector.Dot(query, l.vectors[i*d:(i+1)*d])), 1) // rounding may pass it
			if score <= 0 || score < threshold || len(best) == k && score <= best[k-1].score {
				continue
			}
			at, _ := slices.BinarySearchFunc(best, score, func(h hit, s float64) int {
				if h.score >= s {
					return -1
				}
				return 1
			})
			if len(best) == k {
				best = best[:k-1]
			}
			best = slices.Insert(best, at, hit{file: f, at: i, cid: c, score: score})
		}
		if err := ctx.Err(); err != nil {
			return nil, &entity.Error{Kind: entity.KindCanceled, Op: "retrieval.Retrieve", Err: err}
		}
	}
	return best, nil
}

// load gives a version's vectors, out of memory where they are there.
func (b *Base) load(ctx context.Context, r entity.Reader, v *entity.Version) (*loaded, error) {
	id, space := v.Manifest.ID, b.o.Embedder.Space().String()
	b.mu.Lock()
	b.clock++
	have := b.cache[id]
	if have != nil && have.tip == v.CID && have.space == space {
		have.used = b.clock
		b.mu.Unlock()
		return have, nil
	}
	b.mu.Unlock()
	l := &loaded{tip: v.CID, space: space}
	set := SetOf(v.Manifest)
	for at, err := range r.Chain(id, ChainChunks, max(set.First, 1)) {
		if err != nil {
			return nil, err
		}
		if int64(len(l.chunks)) == set.Count {
			break
		}
		l.chunks = append(l.chunks, at.CID)
	}
	var err error
	if set.Space == space {
		l.vectors, err = vectorsOf(r, id, set)
	} else {
		l.vectors, err = b.again(ctx, r, l.chunks)
	}
	if err != nil {
		return nil, err
	}
	if want := len(l.chunks) * b.o.Embedder.Space().Dimensions; len(l.vectors) != want {
		return nil, entity.Internal("retrieval.load", fmt.Errorf("file %s has %d numbers of vectors and needs %d", id, len(l.vectors), want))
	}
	b.keep(id, l)
	return l, nil
}

// again embeds chunks whose vectors are of another space.
func (b *Base) again(ctx context.Context, r entity.Reader, chunks []entity.CID) (out []float32, err error) {
	texts := make([]string, len(chunks))
	for i, c := range chunks {
		chunk, err := ReadChunk(r, c)
		if err != nil {
			return nil, err
		}
		texts[i] = chunk.Content
	}
	vectors, err := b.embed(ctx, embed.Document, texts)
	for _, v := range vectors {
		out = append(out, v...)
	}
	return out, err
}

func vectorsOf(r entity.Reader, id entity.ID, set Set) (out []float32, err error) {
	n := int64(0)
	for at, err := range r.Chain(id, ChainVectors, max(set.VectorsFirst, 1)) {
		if err != nil {
			return nil, err
		}
		if n == set.VectorsCount {
			break
		}
		n++
		body, err := bodyOf(r, at.CID)
		if err != nil {
			return nil, err
		}
		list, _ := body["vectors"].([]any)
		for _, v := range list {
			data, _ := v.([]byte)
			for ; len(data) >= 4; data = data[4:] {
				out = append(out, math.Float32frombits(binary.LittleEndian.Uint32(data)))
			}
		}
	}
	return out, nil
}

func bodyOf(r entity.Reader, c entity.CID) (entity.Properties, error) {
	data, err := r.Block(c)
	if err != nil {
		return nil, err
	}
	var b entity.ChainBlock
	if err := entity.DecodeBlock(data, &b); err != nil {
		return nil, err
	}
	return b.Body, nil
}

// keep puts a version into memory, and what was used least out of it.
func (b *Base) keep(id entity.ID, l *loaded) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if have := b.cache[id]; have != nil {
		b.bytes -= have.size()
	}
	l.used = b.clock
	b.cache[id] = l
	b.bytes += l.size()
	for b.bytes > b.o.CacheBytes && len(b.cache) > 1 {
		var oldest entity.ID
		for other, have := range b.cache {
			if other != id && (oldest == "" || have.used < b.cache[oldest].used) {
				oldest = other
			}
		}
		b.bytes -= b.cache[oldest].size()
		delete(b.cache, oldest)
	}
}

// StoredChunk is a chunk as its block has it.
type StoredChunk struct {
	Index, Tokens int64
	Content       string
}

// ReadChunk reads a chunk's block.
func ReadChunk(r entity.Reader, c entity.CID) (s StoredChunk, err error) {
	body, err := bodyOf(r, c)
	if err != nil {
		return s, err
	}
	s.Index, _ = body["index"].(int64)
	s.Tokens, _ = body["tokens"].(int64)
	s.Content, _ = body["content"].(string)
	return s, nil
}

func message(err error) string {
	var e *entity.Error
	if errors.As(err, &e) {
		return cmp.Or(e.Message, e.Kind.String())
	}
	return err.Error()
}
