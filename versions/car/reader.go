package car

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"

	"github.com/ipfs/go-cid"

	"stemma/entity"
)

// Limits bound what a file may hold. The zero value of each is its default.
type Limits struct {
	Header  int64 // bytes of the header; 0: 4 MiB, some 100,000 roots
	Block   int64 // bytes of a dag-cbor block; 0: entity.MaxManifest
	Content int64 // bytes of a raw block; 0: no limit, as it is streamed
}

func (l Limits) withDefaults() Limits {
	if l.Header == 0 {
		l.Header = 4 << 20
	}
	if l.Block == 0 {
		l.Block = entity.MaxManifest
	}
	if l.Content == 0 {
		l.Content = math.MaxInt64
	}
	return l
}

// Block is one block of a file.
type Block struct {
	CID     entity.CID
	Data    []byte    // of dag-cbor, verified and the caller's own; nil of raw content
	Content io.Reader // of raw content, valid until the next call of Next; nil of dag-cbor
	Size    int64
	Offset  int64 // in the file, of the block's length
}

// BlockError says why one block cannot be taken. Reading may go on.
type BlockError struct {
	Name   string // of the block: its CID, as far as it has one
	Offset int64  // in the file, of the block's length
	Err    *entity.Error
}

func (e *BlockError) Error() string {
	return fmt.Sprintf("block %s at byte %d: %s", e.Name, e.Offset, e.Err.Message)
}

func (e *BlockError) Unwrap() error { return e.Err }

// Reader reads a file.
type Reader struct {
	r       *bufio.Reader
	limits  Limits
	roots   []entity.CID
	at      int64
	content *content // of the last block, not read to its end yet
	failed  error
}

// NewReader reads the header. KindInvalid for what is no CAR file,
// KindUnsupported for one of another version, KindTooLarge for a header past
// the limit; what r fails with is handed on.
func NewReader(r io.Reader, limits Limits) (*Reader, error) {
	const op = "car.NewReader"
	in := &Reader{r: bufio.NewReaderSize(r, 256<<10), limits: limits.withDefaults()}
	n, size, err := readLength(in.r)
	switch {
	case err == io.EOF:
		return nil, entity.Invalid(op, "this is not a CAR file: it is empty")
	case err != nil:
		return nil, err
	case n == 0:
		return nil, entity.Invalid(op, "this is not a CAR file: its header is empty")
	case n > uint64(in.limits.Header):
		return nil, entity.Errorf(entity.KindTooLarge, op, "the header takes %d bytes; at most %d are read", n, in.limits.Header)
	}
	var b bytes.Buffer // grows with what is there, not with what is promised
	if _, err := io.CopyN(&b, in.r, int64(n)); err != nil {
		return nil, cut(op, err)
	}
	in.at = int64(size) + int64(n)
	in.roots, err = decodeHeader(b.Bytes())
	if err != nil {
		return nil, err
	}
	return in, nil
}

// Roots are the roots that the header names, of whatever kind.
func (r *Reader) Roots() []entity.CID { return r.roots }

// Offset is how much of the file has been read.
func (r *Reader) Offset() int64 { return r.at }

// cut turns an end that comes too early into an error for the reader of the
// message.
func cut(op string, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errCut(op)
	}
	return err
}

// cidSize is the size of every CID of this server: version, codec, hash
// function and length take a byte each.
const cidSize = 4 + sha256.Size

// Next reads the next block. The error is io.EOF at the end of the file, a
// [*BlockError] for a block that cannot be taken, or else final.
func (r *Reader) Next() (Block, error) {
	if r.failed != nil {
		return Block{}, r.failed
	}
	b, err := r.next()
	var one *BlockError
	if err != nil && !errors.As(err, &one) {
		r.failed = err
	}
	return b, err
}

func (r *Reader) next() (Block, error) {
	const op = "car.Next"
	if c := r.content; c != nil && !c.ended {
		if _, err := io.Copy(io.Discard, c); err != nil {
			return Block{}, err
		}
	}
	r.content = nil
	start := r.at
	n, size, err := readLength(r.r)
	r.at += int64(size)
	switch {
	case err != nil:
		return Block{}, err
	case n > math.MaxInt64-uint64(r.at):
		return Block{}, entity.Invalid(op, "the block at byte %d has an impossible length", start)
	case n < cidSize:
		return r.foreign(start, int64(n))
	}
	name, err := r.r.Peek(cidSize)
	if err != nil {
		return Block{}, cut(op, err)
	}
	c, err := cid.Cast(name)
	if _, ours := entity.DigestOf(c); err != nil || !ours || c.Type() != cid.DagCBOR && c.Type() != cid.Raw {
		return r.foreign(start, int64(n))
	}
	if err := r.skip(cidSize); err != nil {
		return Block{}, err
	}
	b := Block{CID: c, Size: int64(n) - cidSize, Offset: start}
	if c.Type() == cid.Raw {
		return r.raw(b)
	}
	return r.dagCBOR(b)
}

func (r *Reader) dagCBOR(b Block) (Block, error) {
	const op = "car.Next"
	if b.Size > r.limits.Block {
		return r.refuse(b, b.Size, entity.Errorf(entity.KindTooLarge, op, "it has %d bytes; at most %d are taken", b.Size, r.limits.Block))
	}
	b.Data = make([]byte, b.Size)
	n, err := io.ReadFull(r.r, b.Data)
	r.at += int64(n)
	if err != nil {
		return Block{}, cut(op, err)
	}
	if entity.SumBlock(b.Data) != b.CID {
		return r.refuse(b, 0, errBytes(op))
	}
	return b, nil
}

func (r *Reader) raw(b Block) (Block, error) {
	if b.Size > r.limits.Content {
		return r.refuse(b, b.Size, entity.Errorf(entity.KindTooLarge, "car.Next", "it has %d bytes; at most %d are taken", b.Size, r.limits.Content))
	}
	r.content = &content{in: r, block: b, left: b.Size, sum: sha256.New()}
	b.Content = r.content
	return b, nil
}

func errBytes(op string) *entity.Error {
	return entity.Invalid(op, "its bytes have another hash than its name: it was damaged or forged")
}

// refuse passes over rest more bytes and says why.
func (r *Reader) refuse(b Block, rest int64, why *entity.Error) (Block, error) {
	if err := r.skip(rest); err != nil {
		return Block{}, err
	}
	return Block{}, &BlockError{Name: b.CID.String(), Offset: b.Offset, Err: why}
}

// foreign passes over a section of n bytes that does not begin with a CID of
// this server.
func (r *Reader) foreign(start, n int64) (Block, error) {
	name := "without a name"
	if head, _ := r.r.Peek(int(min(n, 128))); len(head) > 0 {
		if size, c, err := cid.CidFromBytes(head); err == nil && size <= len(head) {
			name = c.String()
		}
	}
	if err := r.skip(n); err != nil {
		return Block{}, err
	}
	return Block{}, &BlockError{Name: name, Offset: start, Err: entity.Errorf(entity.KindUnsupported, "car.Next",
		"its CID is not version 1, sha2-256, dag-cbor or raw (bafyrei…, bafkrei…)")}
}

func (r *Reader) skip(n int64) error {
	for n > 0 {
		did, err := r.r.Discard(int(min(n, 1<<20)))
		r.at += int64(did)
		n -= int64(did)
		if err != nil {
			return cut("car.Next", err)
		}
	}
	return nil
}

// content is a raw block that is being read. Its end is io.EOF only when the
// bytes had the hash of their name.
type content struct {
	in    *Reader
	block Block
	left  int64
	sum   hash.Hash
	ended bool
	err   error
}

func (c *content) Read(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	if c.left == 0 {
		c.ended, c.err = true, io.EOF
		if d, _ := entity.DigestOf(c.block.CID); !bytes.Equal(c.sum.Sum(nil), d[:]) {
			c.err = &BlockError{Name: c.block.CID.String(), Offset: c.block.Offset, Err: errBytes("car.Content")}
		}
		return 0, c.err
	}
	n, err := c.in.r.Read(p[:min(int64(len(p)), c.left)])
	c.sum.Write(p[:n])
	c.left -= int64(n)
	c.in.at += int64(n)
	if err != nil {
		c.err = cut("car.Content", err)
		c.in.failed = c.err
	}
	return n, c.err
}
