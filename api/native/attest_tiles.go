package native

import (
	"context"

	"stemma/api/wire"
	"stemma/versions/attest"
)

// tlogPrefix is where the log is served as C2SP tlog-tiles has it.
const tlogPrefix = "/tlog"

// contentNote is the media type of signed notes, and of proofs with one.
const contentNote = "text/plain; charset=utf-8"

func (s *Service) tileOps() []wire.Operation {
	return []wire.Operation{
		wire.Op(wire.Operation{
			Method: "GET", Path: tlogPrefix + "/checkpoint", ID: "getCheckpoint", Tag: tagAttestations, Summary: "Get the last signed checkpoint",
			Description: "As C2SP tlog-checkpoint has it, for monitors and witnesses.",
			Permission:  "attestation:view", Success: []wire.Success{{Status: 200, ContentType: contentNote}}, Errors: []int{400, 404, 501, 503},
		}, s.checkpoint),
		wire.Op(wire.Operation{
			Method: "GET", Path: tlogPrefix + "/tile/*", ID: "getTile", Tag: tagAttestations, Summary: "Get hashes or entries of the log",
			Description: "As C2SP tlog-tiles has it: `<level>/<number>` are 256 hashes, `entries/<number>` as many entries, each the 36 bytes of a CID behind its length; `.p/<width>` behind it is as much of one that is not full.",
			Permission:  "attestation:view", Success: []wire.Success{{Status: 200, ContentType: "application/octet-stream"}}, Errors: []int{400, 404, 501},
		}, s.tile),
	}
}

func (s *Service) checkpoint(ctx context.Context, _ *struct{}) (*wire.Reply, error) {
	l, err := s.attestLog(ctx)
	if err != nil {
		return nil, err
	}
	c, err := l.Checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	return wire.Bytes(contentNote, []byte(c.Text)).WithHeader("Cache-Control", "public, max-age=1"), nil
}

type tileIn struct {
	Path string `path:"*"`
}

func (s *Service) tile(ctx context.Context, in *tileIn) (*wire.Reply, error) {
	l, err := s.attestLog(ctx)
	if err != nil {
		return nil, err
	}
	t, err := attest.ParseTile(in.Path)
	if err != nil {
		return nil, err
	}
	b, err := l.Tile(ctx, t)
	if err != nil {
		return nil, err
	}
	return wire.Bytes("application/octet-stream", b).WithHeader("Cache-Control", "public, max-age=29030400, immutable"), nil
}
