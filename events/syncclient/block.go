package syncclient

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"hash"
	"io"
	"iter"
	"net/url"

	"stemma/entity"
)

// Block is a manifest or a block of a chain: dag-cbor that hashes to its CID.
type Block struct {
	CID  entity.CID
	Data []byte
}

// MaxBlocks is how many blocks the server gives in one answer.
const MaxBlocks = 1000

// Block fetches one block and checks it. KindNotFound when the server has no
// such block, or may not show it to this caller; [ErrBlock] when it is another.
//
// Many may be asked for at once; [Client.Blocks] is many times faster.
func (c *Client) Block(ctx context.Context, want entity.CID) (data []byte, err error) {
	const op = "syncclient.Block"
	err = c.persist(ctx, op, func() error {
		resp, err := c.send(ctx, rawRequest(op, want))
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if data, err = io.ReadAll(io.LimitReader(resp.Body, entity.MaxManifest+1)); err != nil {
			return err
		}
		return verify(op, want, data)
	})
	if err != nil {
		return nil, err
	}
	return data, nil
}

func rawRequest(op string, want entity.CID) request {
	return request{op: op, method: "GET", path: "ipfs/" + want.String(), query: url.Values{"format": {"raw"}}, accept: "application/vnd.ipld.raw"}
}

func verify(op string, want entity.CID, data []byte) error {
	digest, ok := entity.DigestOf(want)
	if !ok {
		return entity.Invalid(op, "%s is not a CID of this server; its CIDs are version 1 and sha2-256", want)
	}
	if got := sha256.Sum256(data); got != digest {
		return errForged(op, want, got)
	}
	return nil
}

func errForged(op string, want entity.CID, got entity.Digest) error {
	return untrue(op, ErrBlock, "the server gave for %s bytes whose SHA-256 is %x", want, got)
}

// Blocks yields the blocks in the order asked, each checked, from answers that
// hold many; they are read as they are taken. The last pair has an error when
// one could not be had: as of [Client.Block], and the CID names which.
func (c *Client) Blocks(ctx context.Context, want []entity.CID) iter.Seq2[Block, error] {
	return c.BlocksBut(ctx, want, nil)
}

// BlocksBut is [Client.Blocks] where the server need not have all of them: one that
// it does not give and that may be gone is yielded without data.
func (c *Client) BlocksBut(ctx context.Context, want []entity.CID, mayBeGone func(i int) bool) iter.Seq2[Block, error] {
	const op = "syncclient.Blocks"
	return func(yield func(Block, error) bool) {
		p, had := patience{Retry: c.retry}, 0
		for len(want) > 0 {
			n := 0
			gone := func(i int) bool { return mayBeGone != nil && mayBeGone(had+i) }
			err := c.blocks(ctx, op, want[:min(len(want), MaxBlocks)], gone, func(b Block) bool {
				n++
				p.progress()
				return yield(b, nil)
			})
			want, had = want[n:], had+n
			if errors.Is(err, errEnough) {
				return
			}
			if err != nil {
				err = p.wait(ctx, op, err)
			}
			if err != nil {
				var next entity.CID
				if len(want) > 0 {
					next = want[0]
				}
				yield(Block{CID: next}, err)
				return
			}
		}
	}
}

// errEnough: the caller wants no more.
var errEnough = errors.New("enough")

// blocks asks once, and hands on what arrives.
func (c *Client) blocks(ctx context.Context, op string, want []entity.CID, gone func(i int) bool, take func(Block) bool) error {
	names := make([]string, len(want))
	for i, cid := range want {
		names[i] = cid.String()
	}
	body, err := json.Marshal(map[string][]string{"cids": names})
	if err != nil {
		return entity.Internal(op, err)
	}
	resp, err := c.send(ctx, request{op: op, method: "POST", path: "ipfs/blocks", accept: carType, body: string(body)})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	in, err := newCARReader(op, resp)
	if err != nil {
		return err
	}
	key, data, err := in.next()
	for i, cid := range want {
		if other := err == io.EOF || err == nil && string(key) != cid.KeyString(); other && gone(i) {
			if !take(Block{CID: cid}) {
				return errEnough
			}
			continue
		} else if other {
			return entity.NotFound(op, "the server does not give the block %s: it has none, or may not show it to this caller", cid)
		}
		if err == nil {
			err = verify(op, cid, data)
		}
		if err != nil {
			return err
		}
		if !take(Block{CID: cid, Data: data}) {
			return errEnough
		}
		key, data, err = in.next()
	}
	// Read to the end, so that the connection can be used again.
	if err == nil {
		return untrue(op, ErrAnswer, "the server gave more blocks than it was asked for")
	}
	return nil
}

// Content fetches the content of a file and streams it to take, which must hand
// on the error of the reader it is given, and keep nothing then. The reader
// ends with [ErrBlock] in place of io.EOF when what was read is not what the CID
// names. When the connection breaks, take is called again from the beginning.
func (c *Client) Content(ctx context.Context, want entity.CID, take func(io.Reader) error) error {
	const op = "syncclient.Content"
	digest, ok := entity.DigestOf(want)
	if !ok {
		return entity.Invalid(op, "%s is not a CID of this server; its CIDs are version 1 and sha2-256", want)
	}
	return c.persist(ctx, op, func() error {
		resp, err := c.send(ctx, rawRequest(op, want))
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		in := &checked{in: resp.Body, op: op, want: want, digest: digest, hash: sha256.New()}
		err = take(in)
		if in.failed != nil { // whatever take made of it
			return in.failed
		}
		if err == nil {
			_, err = io.Copy(io.Discard, in) // what take left, or only the end
		}
		return err
	})
}

// checked is a content whose end is the check of its hash.
type checked struct {
	in     io.Reader
	op     string
	want   entity.CID
	digest entity.Digest
	hash   hash.Hash
	failed error // the first error but io.EOF
}

func (r *checked) Read(p []byte) (int, error) {
	if r.failed != nil {
		return 0, r.failed
	}
	n, err := r.in.Read(p)
	r.hash.Write(p[:n]) // never fails, see hash.Hash
	if err == io.EOF {
		if got := entity.Digest(r.hash.Sum(nil)); got != r.digest {
			err = errForged(r.op, r.want, got)
		}
	}
	if err != io.EOF {
		r.failed = err
	}
	return n, err
}
