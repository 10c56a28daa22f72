package native

import (
	"context"

	"stemma/api/wire"
	"stemma/entity"
	"stemma/versions/attest"
)

// ChainHeadResponse is the end of the log.
type ChainHeadResponse struct {
	Seq          entity.Seq `json:"seq" doc:"number of the last change under the checkpoint"`
	Tx           *string    `json:"tx" alias:"arweave_tx" doc:"the last anchor, null for none"`
	ArweaveURL   *string    `json:"arweave_url"`
	AnchoredSize *int64     `json:"anchored_size" doc:"how many leaves the last anchor covers"`
	Size         int64      `json:"tree_size"`
	Root         string     `json:"root" doc:"base64"`
	Origin       string     `json:"origin" doc:"the name of the log"`
	Checkpoint   string     `json:"checkpoint" doc:"a signed note (C2SP tlog-checkpoint)"`
	VerifierKey  string     `json:"verifier_key" doc:"name+hash+key; keep it from when you first trusted it"`
	Tlog         string     `json:"tlog" doc:"the path below which checkpoint and tiles are (C2SP tlog-tiles)"`
}

func (s *Service) attestationHead(ctx context.Context, _ *struct{}) (*wire.Reply, error) {
	l, err := s.attestLog(ctx)
	if err != nil {
		return nil, err
	}
	c, err := l.Checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	out := ChainHeadResponse{
		Seq: entity.Seq(c.Size), Size: c.Size, Root: c.Root.String(), Origin: c.Origin, Checkpoint: c.Text, VerifierKey: l.VerifierKey(), Tlog: tlogPrefix,
	}
	last, ok := l.LatestAnchor()
	if out.Tx, out.ArweaveURL = anchorTexts(last, ok); ok {
		out.AnchoredSize = &last.Size
	}
	return wire.OK(out), nil
}

type consistencyIn struct {
	From int64 `query:"from" req:"true" min:"1" doc:"the smaller size"`
	To   int64 `query:"to" min:"1" doc:"the larger size; by default that of the last checkpoint"`
}

// ConsistencyResponse proves that one tree is the beginning of another.
type ConsistencyResponse struct {
	From        int64    `json:"from"`
	To          int64    `json:"to"`
	FromRoot    string   `json:"from_root" doc:"base64; compare it with the checkpoint that you have kept"`
	ToRoot      string   `json:"to_root" doc:"base64"`
	Proof       []string `json:"proof" doc:"hashes in base64 (RFC 6962)"`
	Checkpoint  string   `json:"checkpoint" doc:"the last one, whose tree may be larger"`
	VerifierKey string   `json:"verifier_key"`
}

func (s *Service) consistency(ctx context.Context, in *consistencyIn) (*wire.Reply, error) {
	l, err := s.attestLog(ctx)
	if err != nil {
		return nil, err
	}
	head, err := l.Checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	out := ConsistencyResponse{From: in.From, To: in.To, Checkpoint: head.Text, VerifierKey: l.VerifierKey()}
	if out.To == 0 {
		out.To = head.Size
	}
	proof, err := l.Consistency(ctx, out.From, out.To)
	if err != nil {
		return nil, err
	}
	from, err := l.RootAt(ctx, out.From)
	if err != nil {
		return nil, err
	}
	to, err := l.RootAt(ctx, out.To)
	if err != nil {
		return nil, err
	}
	out.FromRoot, out.ToRoot, out.Proof = from.String(), to.String(), attest.HashTexts(proof)
	return wire.OK(out), nil
}
