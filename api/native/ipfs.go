package native

import (
	"bytes"
	"context"
	"net/http"
	"time"

	"github.com/ipfs/go-cid"
	"github.com/multiformats/go-multihash"

	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/guard"
	"stemma/files"
	"stemma/files/index"
)

// This file and ipfs_car.go are a trustless gateway of the IPFS
// (https://specs.ipfs.tech/http-gateways/trustless-gateway/, of 2026-03-05):
// whoever asks for a CID gets bytes that can be checked against it. Paths below
// a CID are not resolved, which the specification leaves open.

const contentBlock = "application/vnd.ipld.raw"

func (s *Service) ipfsOps() []wire.Operation {
	return []wire.Operation{wire.Op(wire.Operation{
		Method: "GET", Path: "/ipfs/{cid}", ID: "getBlock", Tag: tagVersions, Summary: "Get the bytes behind a CID, to be checked by anyone",
		Description: "A trustless gateway of the IPFS. `format=raw` (or `Accept: application/vnd.ipld.raw`) gives one block: a version of an entity, a block of a chain, or the content of a file. " +
			"`format=car` (or `Accept: application/vnd.ipld.car`) gives a CARv1 that begins with it: with `dag-scope=all`, the default, all that it links to and the caller may view, depth first: of a version every one before it, then the links in its properties. What is not here is left out, and so is the content of files, which versions name but do not link to. " +
			"For `CID` as another base than base32 the answer is the same.",
		Permission: "entity:view", Auth: wire.AuthOptional,
		Success: []wire.Success{{Status: 200, ContentType: contentBlock}, {Status: 200, ContentType: contentCAR}, {Status: 206, ContentType: contentBlock}, {Status: 304}},
		Errors:  []int{400, 403, 404, http.StatusPreconditionFailed, 413, http.StatusRequestedRangeNotSatisfiable},
	}, s.getIPFS)}
}

type getIPFSIn struct {
	CID           string `path:"cid" doc:"a CID: version 1, sha2-256, dag-cbor or raw"`
	Format        string `query:"format" enum:"raw,car" doc:"what to answer; comes before Accept"`
	Scope         string `query:"dag-scope" enum:"block,entity,all" doc:"of a CAR: the one block (block and entity), or all it links to"`
	EntityBytes   string `query:"entity-bytes" pattern:"^-?[0-9]{1,18}:(\\*|-?[0-9]{1,18})$" doc:"of a CAR: from:to, in place of dag-scope=entity"`
	Version       string `query:"car-version" enum:"1"`
	Order         string `query:"car-order" enum:"dfs,unk"`
	Dups          string `query:"car-dups" enum:"y,n" doc:"y sends a block as often as it is linked to"`
	Filename      string `query:"filename" max:"255" doc:"to save under"`
	Accept        string `header:"Accept"`
	IfNoneMatch   string `header:"If-None-Match"`
	CacheControl  string `header:"Cache-Control"`
	ServiceWorker string `header:"Service-Worker"`
}

func (s *Service) getIPFS(ctx context.Context, in *getIPFSIn) (*wire.Reply, error) {
	const op = "native.getIPFS"
	if in.ServiceWorker != "" {
		return nil, entity.Invalid(op, "a service worker cannot be served from here")
	}
	c, err := cid.Decode(in.CID)
	if err != nil {
		return nil, invalidField("must be a CID, like bafyrei…", "cid")
	}
	form, err := in.negotiate()
	if err != nil {
		return nil, err
	}
	root, err := s.gatewayBlock(ctx, c)
	switch {
	case entity.KindOf(err) == entity.KindNotFound && err != nil && onlyIfCached(in.CacheControl):
		return &wire.Reply{Status: http.StatusPreconditionFailed}, nil // without a word, as the specification has it
	case err != nil:
		return nil, err
	}
	var reply *wire.Reply
	if form.car {
		reply, err = s.replyCAR(ctx, in, form, root)
	} else {
		reply = s.replyBlock(ctx, in, root)
	}
	if err != nil {
		return nil, err
	}
	if location := form.location(in, c); location != "" {
		reply.WithHeader("Content-Location", location)
	}
	scope := "private"
	if root.public {
		scope = "public"
	}
	return reply.WithHeader("Cache-Control", scope+", max-age=29030400, immutable").
		WithHeader("Vary", "Accept, Authorization").
		WithHeader("X-Content-Type-Options", "nosniff"), nil
}

// gatewayBlock is a block that may be sent. Of content only the size is known.
type gatewayBlock struct {
	cid    entity.CID
	data   []byte
	info   files.Info // of content
	public bool       // anybody may have it
	height int64      // how many blocks its history has
}

func (b *gatewayBlock) content() bool { return b.info.CID.Defined() }

// gatewayBlock finds what is behind a CID. KindNotFound when nothing is, also
// for CIDs of kinds that are never here and when the caller may not have it.
func (s *Service) gatewayBlock(ctx context.Context, c entity.CID) (b gatewayBlock, err error) {
	const op = "native.gatewayBlock"
	b = gatewayBlock{cid: c}
	if identityEmpty(c) {
		b.public = true
		return b, nil
	}
	d, ours := entity.DigestOf(c)
	missing := entity.NotFound(op, "nothing here has the CID %s", c)
	switch {
	case ours && c.Type() == cid.DagCBOR:
		err = s.view(ctx, func(r *guard.Reader) error { return b.readBlock(r) })
		return b, err
	case !ours || c.Type() != cid.Raw || s.network(ctx).Blobs == nil:
		return b, missing
	}
	err = s.view(ctx, func(r *guard.Reader) (err error) {
		b.public, err = mayDownload(r, d)
		return err
	})
	if err == nil {
		b.info, err = s.network(ctx).Blobs.Stat(ctx, c)
	}
	if err != nil && entity.KindOf(err) == entity.KindNotFound {
		err = missing
	}
	return b, err
}

// identityEmpty tells whether c is bafkqaaa, the empty block that stands in its
// own name: clients ask for it to find out whether this is a gateway.
func identityEmpty(c entity.CID) bool {
	p := c.Prefix()
	return p.Version == 1 && p.Codec == cid.Raw && p.MhType == multihash.IDENTITY && p.MhLength == 0
}

// readBlock reads a version of an entity or a block of a chain.
func (b *gatewayBlock) readBlock(r *guard.Reader) (err error) {
	var h entity.Head
	if b.data, h, err = r.Owned(b.cid); err != nil {
		return err
	}
	b.public = r.Public("entity:view", h)
	b.height, err = blockHeight(b.data)
	return err
}

// blockHeight is the number of a version, or of a block in its chain.
func blockHeight(block []byte) (int64, error) {
	var at struct {
		Ver int64 `cbor:"ver"`
		N   int64 `cbor:"n"`
	}
	if err := heightMode.Unmarshal(block, &at); err != nil {
		return 0, entity.Internal("native.blockHeight", err)
	}
	return max(at.Ver, at.N), nil
}

// maxSharers bounds how many of the files that share a content are looked at
// for one that the caller may download.
const maxSharers = 1000

// mayDownload decides whether the caller may have content: that of any file
// that it may download, as it is or as it was. public tells whether anybody may.
func mayDownload(r *guard.Reader, d entity.Digest) (public bool, err error) {
	denied := error(entity.NotFound("native.mayDownload", "no file has such content"))
	n := 0
	for ref, err := range index.Files(r, d) {
		if err != nil {
			return false, err
		}
		if n++; n > maxSharers {
			break
		}
		h, err := r.Head(ref.File)
		switch {
		case err != nil && entity.KindOf(err) == entity.KindNotFound:
			continue // hidden
		case err != nil:
			return false, err
		case r.Public("file:download", h):
			return true, nil
		}
		if denied = r.May("file:download", h); denied == nil {
			return false, nil
		}
	}
	return false, denied
}

// replyBlock answers one block's bytes; ranges and conditions are
// http.ServeContent's.
func (s *Service) replyBlock(ctx context.Context, in *getIPFSIn, b gatewayBlock) *wire.Reply {
	name := in.Filename
	if name == "" {
		name = b.cid.String() + ".bin"
	}
	blobs := s.network(ctx).Blobs
	reply := &wire.Reply{Stream: func(w http.ResponseWriter, r *http.Request) error {
		if b.content() {
			return serveContent(w, r, files.NewReader(r.Context(), blobs, b.info))
		}
		http.ServeContent(&refusals{ResponseWriter: w}, r, "", time.Time{}, bytes.NewReader(b.data))
		return nil
	}}
	return reply.WithETag(`"`+b.cid.String()+`.raw"`).
		WithHeader("Content-Type", contentBlock).
		WithHeader("Content-Disposition", attachment(name))
}
