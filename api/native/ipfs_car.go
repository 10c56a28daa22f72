package native

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/multiformats/go-multihash"

	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/guard"
	"stemma/files"
	"stemma/versions/car"
)

// maxCAR is how many blocks one answer may hold. More is 'stemma export'.
const maxCAR = 250_000

// replyCAR answers a CAR whose root is b.
func (s *Service) replyCAR(ctx context.Context, in *getIPFSIn, form ipfsForm, b gatewayBlock) (*wire.Reply, error) {
	const op = "native.replyCAR"
	all := in.EntityBytes == "" && (in.Scope == "" || in.Scope == "all")
	if all && b.height > maxCAR {
		return nil, entity.Errorf(entity.KindTooLarge, op, "its history has %d blocks, at most %d are sent at once: follow prev with dag-scope=block or format=raw", b.height, maxCAR)
	}
	if b.content() && outside(in.EntityBytes, b.info.Size) {
		return nil, invalidField("lies outside of the content, which has "+itoa(b.info.Size)+" bytes", "entity-bytes")
	}
	etag := carETag(in, form, all, b.cid)
	if wire.NotModified(in.IfNoneMatch, etag) {
		return wire.Unchanged(etag), nil
	}
	name := in.Filename
	if name == "" {
		name = b.cid.String() + ".car"
	}
	walk := &carWalk{service: s, root: b.cid, all: all, dups: form.dups, seen: map[carKey]struct{}{}, public: b.public}
	reply := &wire.Reply{Stream: func(w http.ResponseWriter, r *http.Request) error {
		if r.Method == http.MethodHead {
			w.WriteHeader(http.StatusOK)
			return nil
		}
		return walk.write(r.Context(), w)
	}}
	return reply.WithETag(etag).
		WithHeader("Content-Type", contentCAR+"; version=1; order=dfs; dups="+form.dupsText()).
		WithHeader("Content-Disposition", attachment(name)).
		WithHeader("Accept-Ranges", "none"), nil
}

// carETag names an answer by all that makes it what it is. One that follows
// links is weak: what was left out today may be here tomorrow.
func carETag(in *getIPFSIn, form ipfsForm, all bool, c entity.CID) string {
	tag := c.String() + ".car"
	if form.dups {
		tag = "dups." + tag
	}
	switch {
	case in.EntityBytes != "":
		tag = "bytes=" + in.EntityBytes + "." + tag
	case in.Scope != "":
		tag = in.Scope + "." + tag
	}
	tag = `"` + tag + `"`
	if all {
		tag = "W/" + tag
	}
	return tag
}

// outside tells whether a range, from:to as the specification has it, has no
// byte of content of that size. The whole is one block, so that any other range
// is answered with it.
func outside(text string, size int64) bool {
	from, to, ok := strings.Cut(text, ":")
	if !ok {
		return false
	}
	first, last := bytePosition(from, size), size-1
	if to != "*" {
		last = min(last, bytePosition(to, size))
	}
	return size > 0 && (first >= size || last < 0 || first > last)
}

// bytePosition reads a position, of which a negative one counts from the end.
func bytePosition(text string, size int64) int64 {
	n, _ := strconv.ParseInt(text, 10, 64) // binding has checked its form
	if n < 0 {
		n += size
	}
	return n
}

// carKey is a CID in short.
type carKey struct {
	codec  uint64
	digest entity.Digest
}

// carWalk sends blocks depth first: a block, then what its links lead to, in
// the order they stand in it.
type carWalk struct {
	service *Service
	root    entity.CID
	all     bool // also what is linked to
	public  bool // only what anybody may have, so that everybody gets the same, as the caches will have it
	dups    bool
	stack   []entity.CID // still to be visited, the next one last
	seen    map[carKey]struct{}
	sent    int
}

func (k *carWalk) write(ctx context.Context, w http.ResponseWriter) error {
	out, err := car.NewWriter(w, k.root)
	if err != nil {
		return err
	}
	k.stack = []entity.CID{k.root}
	for len(k.stack) > 0 {
		piece, err := k.gather(ctx)
		if err != nil {
			return err
		}
		for _, b := range piece {
			if err := k.send(ctx, out, b); err != nil {
				return err
			}
		}
		if err := out.Flush(); err != nil {
			return gone(err)
		}
	}
	return gone(out.Flush())
}

// gather visits blocks on one state of the store, until there is enough to
// send. A client that reads slowly holds no state open.
func (k *carWalk) gather(ctx context.Context) (piece []gatewayBlock, err error) {
	size := 0
	err = k.service.view(ctx, func(r *guard.Reader) error {
		for len(k.stack) > 0 && size < blocksPiece {
			c := k.stack[len(k.stack)-1]
			k.stack = k.stack[:len(k.stack)-1]
			b, err := k.visit(r, c)
			if err != nil {
				return err
			}
			if b == nil {
				continue
			}
			piece = append(piece, *b)
			size += len(b.data)
			if b.data == nil {
				return nil // content is streamed
			}
		}
		return nil
	})
	return piece, err
}

// visit reads a block and puts its links on the stack; nil for what was sent
// already, is not here, or may not be seen.
func (k *carWalk) visit(r *guard.Reader, c entity.CID) (*gatewayBlock, error) {
	d, ours := entity.DigestOf(c)
	if !ours || c.Prefix().MhType == multihash.IDENTITY {
		return nil, nil
	}
	key := carKey{c.Type(), d}
	if _, again := k.seen[key]; again && !k.dups {
		return nil, nil
	}
	if k.sent++; k.sent > maxCAR {
		return nil, entity.Errorf(entity.KindTooLarge, "native.carWalk", "more than %d blocks hang on %s", maxCAR, k.root)
	}
	k.seen[key] = struct{}{}
	b := &gatewayBlock{cid: c}
	var err error
	if files.IsContent(c) {
		b.public, err = mayDownload(r, d)
	} else if err = b.readBlock(r); err == nil && k.all && (b.public || !k.public) {
		var links []entity.CID
		links, err = car.Links(b.data)
		slices.Reverse(links)
		k.stack = append(k.stack, links...)
	}
	if err != nil {
		return nil, unlessKind(err, entity.KindNotFound, entity.KindForbidden, entity.KindUnauthenticated)
	}
	if k.public && !b.public {
		return nil, nil
	}
	return b, nil
}

func (k *carWalk) send(ctx context.Context, out *car.Writer, b gatewayBlock) (err error) {
	if b.data != nil {
		return gone(out.Write(b.cid, b.data))
	}
	blobs := k.service.network(ctx).Blobs
	if blobs == nil {
		return nil
	}
	info, err := blobs.Stat(ctx, b.cid)
	if err != nil {
		return unlessKind(err, entity.KindNotFound)
	}
	content, err := blobs.Get(ctx, b.cid, 0, -1)
	if err != nil {
		return err
	}
	defer content.Close()
	return out.WriteFrom(b.cid, info.Size, content)
}

// gone is the error of a client that does not take its answer.
func gone(err error) error {
	if err == nil {
		return nil
	}
	return &entity.Error{Kind: entity.KindCanceled, Op: "native.ipfs", Message: "the caller did not take the answer", Err: err}
}
