package native

import (
	"bytes"
	"context"
	"math"
	"net/http"
	"slices"

	"github.com/fxamacker/cbor/v2"

	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/guard"
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
	err = s.view(ctx, func(r *guard.Reader) error {
		for rest = want; len(rest) > 0 && out.Size()-from < blocksPiece; rest = rest[1:] {
			block, err := r.Block(rest[0])
			if err == nil {
				err = out.Write(rest[0], block)
			}
			if err := unlessKind(err, entity.KindNotFound); err != nil {
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

func unlessKind(err error, kinds ...entity.Kind) error {
	if err == nil || slices.Contains(kinds, entity.KindOf(err)) {
		return nil
	}
	return err
}

// heightMode reads single fields of a block and passes over the rest. What is in
// the store was validated.
var heightMode = func() cbor.DecMode {
	mode, err := cbor.DecOptions{MaxNestedLevels: 2*entity.MaxDepth + 8, MaxMapPairs: math.MaxInt32, MaxArrayElements: math.MaxInt32}.DecMode()
	if err != nil {
		panic(err)
	}
	return mode
}()
