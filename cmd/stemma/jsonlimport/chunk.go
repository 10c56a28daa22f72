package jsonlimport

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"hash"
	"io"
	"slices"
	"strconv"

	"stemma/entity"
)

// Bounds on a chunk, which is a transaction. Most entities take about a
// kilobyte of keys and values, of which a transaction holds six megabytes; one
// that is too large nevertheless is halved.
const (
	chunkLines = 2500
	chunkBytes = 2 << 20
)

// chunk is a run of lines that is committed together.
type chunk struct {
	start, mark mark // where it begins and ends
	lines       []textLine

	parsed chan struct{} // closed when what follows is set
	items  []*item
	bad    []refusal // lines that cannot be parsed

	entities []*item // in order; those of them that have extra hold what follows them in the chunk
	groups   []group // relationships by source, as first met
	touched  map[entity.ID]struct{}
}

// mark is a place in the file.
type mark struct {
	Offset int64
	Line   int64  // the last line before it
	Sum    []byte // SHA-256 of the file's first Hashed bytes
	Hashed int64  // Offset or less
}

// textLine is a line as it stands in the file.
type textLine struct {
	lineRef
	text []byte // nil when it is longer than MaxLine
}

// group is the relationships that one source gets in a chunk.
type group struct {
	source entity.ID
	edges  []*item
	owner  *ownLine // set when the source's own line is in the chunk
}

// ownLine is an entity's line with the relationships that can go with it.
type ownLine struct {
	item  *item
	edges []*item
	draft entity.Draft // with the edges
}

// reader cuts a file into chunks.
type reader struct {
	in     *bufio.Reader
	at     mark
	sum    hash.Hash
	lines  int // most of a chunk
	buffer []byte
}

func newReader(in io.Reader, at mark, sum hash.Hash, lines int) *reader {
	return &reader{in: bufio.NewReaderSize(in, 1<<20), at: at, sum: sum, lines: lines}
}

// next reads a chunk; nil at the end of the file.
func (r *reader) next() (*chunk, error) {
	c := &chunk{start: r.at, parsed: make(chan struct{})}
	size := 0
	for {
		if len(c.lines) >= r.lines || size >= chunkBytes {
			// Relationships stay with the entity before them, where that is possible.
			next, _ := r.in.Peek(len(edgeLine))
			if !bytes.Equal(next, edgeLine) || len(c.lines) >= 2*r.lines || size >= 2*chunkBytes {
				break
			}
		}
		text, err := r.line()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		c.lines = append(c.lines, text)
		size += int(text.Length)
	}
	if len(c.lines) == 0 {
		return nil, nil
	}
	r.at.Sum, r.at.Hashed = r.sum.Sum(nil), r.at.Offset
	c.mark = r.at
	return c, nil
}

// line reads one line and counts it in; io.EOF when there is none.
func (r *reader) line() (textLine, error) {
	text, length, err := r.read()
	if length == 0 {
		return textLine{}, err
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return textLine{}, err
	}
	out := textLine{lineRef: lineRef{No: r.at.Line + 1, Offset: r.at.Offset, Length: length}, text: text}
	r.at.Line++
	r.at.Offset += length
	return out, nil
}

// read reads to the end of a line. Of one that is longer than MaxLine it keeps
// nothing.
func (r *reader) read() (text []byte, length int64, err error) {
	r.buffer = r.buffer[:0]
	for {
		piece, err := r.in.ReadSlice('\n')
		r.sum.Write(piece)
		length += int64(len(piece))
		if length <= MaxLine {
			r.buffer = append(r.buffer, piece...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if length > MaxLine {
			return nil, length, err
		}
		return bytes.Clone(r.buffer), length, err
	}
}

// hashTo reads size bytes into sum; io.EOF when there are fewer.
func hashTo(ctx context.Context, sum hash.Hash, in io.Reader, size int64, progress func(int64)) error {
	for done := int64(0); done < size; {
		if err := ctx.Err(); err != nil {
			return canceled(err)
		}
		n, err := io.CopyN(sum, in, min(16<<20, size-done))
		done += n
		progress(done)
		if err != nil {
			return err
		}
	}
	return nil
}

// parse reads the chunk's lines and groups what belongs together. Lines that
// were deferred begin with their number in the file that they come from.
func (c *chunk) parse(p parser, deferred bool) {
	defer close(c.parsed)
	all := make([]item, len(c.lines))
	for i, l := range c.lines {
		text := l.text
		if deferred {
			number, rest, _ := bytes.Cut(text, []byte("\t"))
			l.No, _ = strconv.ParseInt(string(number), 10, 64)
			text, c.lines[i].text = rest, rest
		}
		text = trim(text)
		if l.No == 1 {
			text = trim(bytes.TrimPrefix(text, bom))
		}
		switch {
		case l.text == nil:
			c.bad = append(c.bad, refusal{lineRef: l.lineRef, Message: "the line is longer than 16 MiB: put large content into a file"})
			continue
		case len(text) == 0:
			continue
		}
		it := &all[i]
		it.lineRef = l.lineRef
		if err := p.parse(text, it); err != nil {
			c.bad = append(c.bad, refusal{lineRef: l.lineRef, Message: message(err)})
			continue
		}
		c.items = append(c.items, it)
	}
	c.arrange()
}

// arrange finds the relationships of each source, and which of them can be
// part of the source's first version.
func (c *chunk) arrange() {
	owners := make(map[entity.ID]*ownLine)
	bySource := make(map[entity.ID]int)
	c.touched = make(map[entity.ID]struct{}, len(c.items))
	for _, it := range c.items {
		if it.source == "" {
			c.entities = append(c.entities, it)
			c.touched[it.draft.ID] = struct{}{}
			if owners[it.draft.ID] == nil {
				owners[it.draft.ID] = &ownLine{item: it}
			}
			continue
		}
		c.touched[it.source] = struct{}{}
		i, ok := bySource[it.source]
		if !ok {
			i = len(c.groups)
			bySource[it.source] = i
			c.groups = append(c.groups, group{source: it.source})
		}
		c.groups[i].edges = append(c.groups[i].edges, it)
	}
	for i := range c.groups {
		if g := &c.groups[i]; owners[g.source] != nil {
			g.owner = owners[g.source]
			g.owner.take(g.edges)
		}
	}
}

// take makes the draft that has the relationships too, as far as there is room.
func (o *ownLine) take(edges []*item) {
	held := entity.Manifest{Relationships: append([]entity.Relationship(nil), o.item.draft.Relationships...)}
	for i, r := range held.Relationships {
		if r.Properties != nil {
			held.Relationships[i].Properties = entity.CloneProperties(r.Properties)
		}
	}
	room := entity.MaxRelationships - len(held.Relationships)
	o.edges = edges[:max(0, min(room, len(edges)))]
	if err := held.Relate(edits(o.edges)...); err != nil {
		o.edges = nil
		return
	}
	o.draft = o.item.draft
	o.draft.Relationships = held.Relationships
}

func edits(edges []*item) []entity.RelationshipEdit {
	out := make([]entity.RelationshipEdit, len(edges))
	for i, it := range edges {
		out[i] = it.edit
	}
	return out
}

// halves splits a chunk that is too large for one transaction.
func (c *chunk) halves() [2]*chunk {
	cut := len(c.lines) / 2
	last := c.lines[cut-1]
	middle := c.start // its hash is that of what is before the chunk
	middle.Offset, middle.Line = last.Offset+last.Length, c.start.Line+int64(cut)
	return [2]*chunk{
		{start: c.start, mark: middle, lines: c.lines[:cut]},
		{start: middle, mark: c.mark, lines: c.lines[cut:]},
	}
}

// text is the line at an offset.
func (c *chunk) text(at lineRef) []byte {
	i, ok := slices.BinarySearchFunc(c.lines, at.Offset, func(l textLine, offset int64) int { return cmp.Compare(l.Offset, offset) })
	if !ok {
		return nil
	}
	return trim(c.lines[i].text)
}

// adopt takes the part of a parsed chunk that this one covers.
func (c *chunk) adopt(whole *chunk) {
	inside := func(l lineRef) bool { return l.Offset >= c.start.Offset && l.Offset < c.mark.Offset }
	for _, it := range whole.items {
		if inside(it.lineRef) {
			c.items = append(c.items, it)
		}
	}
	for _, r := range whole.bad {
		if inside(r.lineRef) {
			c.bad = append(c.bad, r)
		}
	}
	c.arrange()
}

// refuseAll refuses what can be imported.
func (c *chunk) refuseAll(message string) {
	for _, it := range c.items {
		c.bad = append(c.bad, refusal{lineRef: it.lineRef, Message: message})
	}
	c.items, c.entities, c.groups = nil, nil, nil
}
