package native

import (
	"bytes"
	"context"
	"math"
	"net/http"
	"slices"

	"github.com/fxamacker/cbor/v2"

	"stemma/api/auth"
	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/access"
	"stemma/versions/car"
)

const contentCAR = "application/vnd.ipld.car"

func (s *Service) blockOps() []wire.Operation {
	return []wire.Operation{wire.Op(wire.Operation{
		Method: "POST", Path: "/ipfs/blocks", ID: "getBlocks", Tag: tagVersions, Summary: "Get up to 1,000 blocks in one answer",
		Description: "Versions and blocks of chains by CID, as a CARv1 without roots, in the order asked. A block that is not here, or that the caller may not view, is left out: compare the CIDs. For clients that follow `/events`; a single block, and the content of a file, is `GET /ipfs/{cid}`.",
		Permission:  "entity:view", Auth: wire.AuthOptional, Reads: true,
		Success: []wire.Success{{Status: 200, ContentType: contentCAR}}, Errors: []int{400},
	}, s.getBlocks)}
}

type getBlocksIn struct {
	CIDs []entity.CID `json:"cids" req:"true" min:"1" max:"1000"`
}

// blocksPiece is how much is gathered from one state of the store before it is
// sent: a client that reads slowly holds no state open.
const blocksPiece = 256 << 10

func (s *Service) getBlocks(ctx context.Context, in *getBlocksIn) (*wire.Reply, error) {
	reply := &wire.Reply{Status: http.StatusOK, Stream: func(w http.ResponseWriter, r *http.Request) error {
		var piece bytes.Buffer
		out, err := car.NewWriter(&piece)
		if err != nil {
			return err
		}
		for rest := in.CIDs; len(rest) > 0; {
			if rest, err = s.gatherBlocks(r.Context(), out, rest); err != nil {
				return err
			}
			if _, err := piece.WriteTo(w); err != nil {
				return &entity.Error{Kind: entity.KindCanceled, Op: "native.getBlocks", Err: err}
			}
		}
		return nil
	}}
	return reply.WithHeader("Content-Type", contentCAR).WithHeader("X-Content-Type-Options", "nosniff"), nil
}

// gatherBlocks writes blocks into piece until it is full, and gives those that
// are left.
func (s *Service) gatherBlocks(ctx context.Context, out *car.Writer, want []entity.CID) (rest []entity.CID, err error) {
	from := out.Size()
	viewer := blockViewer{principal: auth.From(ctx)}
	err = s.view(ctx, func(r entity.Reader) error {
		for rest = want; len(rest) > 0 && out.Size()-from < blocksPiece; rest = rest[1:] {
			block, err := viewer.read(r, rest[0])
			if err == nil && block != nil {
				err = out.Write(rest[0], block)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		err = out.Flush()
	}
	return rest, err
}

// blockViewer reads blocks for a principal from one state.
type blockViewer struct {
	principal access.Principal
	last      entity.ID // whose block was read last
	may       bool      // whether the principal may view that
}

// read gives a block that the principal may view, nil for none.
func (v *blockViewer) read(r entity.Reader, c entity.CID) ([]byte, error) {
	block, err := r.Block(c)
	if err != nil {
		return nil, unlessKind(err, entity.KindNotFound)
	}
	id, err := blockOwner(block)
	if err != nil {
		return nil, err
	}
	if id != v.last {
		h, err := r.Head(id)
		if err == nil {
			err = allow(v.principal, "entity:view", h)
		}
		v.last, v.may = id, err == nil
		if err := unlessKind(err, entity.KindNotFound, entity.KindForbidden, entity.KindUnauthenticated); err != nil {
			return nil, err
		}
	}
	if !v.may {
		return nil, nil
	}
	return block, nil
}

func unlessKind(err error, kinds ...entity.Kind) error {
	if err == nil || slices.Contains(kinds, entity.KindOf(err)) {
		return nil
	}
	return err
}

// ownerMode reads one field of a block and passes over the rest, at a tenth of
// the cost of decoding a manifest. What is in the store was validated.
var ownerMode = func() cbor.DecMode {
	mode, err := cbor.DecOptions{MaxNestedLevels: 2*entity.MaxDepth + 8, MaxMapPairs: math.MaxInt32, MaxArrayElements: math.MaxInt32}.DecMode()
	if err != nil {
		panic(err)
	}
	return mode
}()

// blockOwner is the entity that a manifest or a block of a chain is of.
func blockOwner(block []byte) (entity.ID, error) {
	var owner struct {
		ID entity.ID `cbor:"id"`
	}
	if err := ownerMode.Unmarshal(block, &owner); err != nil || owner.ID == "" {
		return "", &entity.Error{Kind: entity.KindInternal, Op: "native.blockOwner", Message: "a block of the store names no entity", Err: err}
	}
	return owner.ID, nil
}
