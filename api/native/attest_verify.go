package native

import (
	"context"

	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/guard"
	"stemma/versions/attest"
)

type verifyAttestationIn struct {
	Tx    string `path:"tx" min:"1" max:"200" doc:"CID of a version or of a block of a chain, or the name of an anchor"`
	Check string `query:"check" default:"log" enum:"log,gateway" doc:"gateway: also read the anchor back from where it was published, and compare it"`
}

// VerifyAttestationResponse is what was found out about an attestation.
type VerifyAttestationResponse struct {
	ArweaveTx  *string          `json:"arweave_tx" doc:"the anchor that was asked for, or the first that covers the change; null for none"`
	ArweaveURL *string          `json:"arweave_url"`
	CID        string           `json:"cid"`
	CIDValid   bool             `json:"cid_valid" doc:"the bytes are a version or a block of a chain, and hash to the CID"`
	Included   bool             `json:"included" doc:"the proof leads from the CID to the signed root; false while no checkpoint covers it"`
	Visible    bool             `json:"visible" doc:"everybody may view it; else what it is is not shown"`
	Attested   *AttestedChange  `json:"attestation"`
	Preview    *ManifestPreview `json:"manifest_preview"`
	Proof      *ProofBody       `json:"inclusion" doc:"null while it is not included"`
	AnchorSize *int64           `json:"anchored_size" doc:"how many leaves the anchor covers"`
	Published  *PublishedAnchor `json:"published,omitempty" doc:"what is there under the anchor's name; with check=gateway, where there is an anchor"`
}

// AttestedChange is the change that is attested.
type AttestedChange struct {
	ID    entity.ID `json:"id" alias:"pi"`
	Ver   int64     `json:"ver" doc:"the version, or the number of the block"`
	CID   string    `json:"cid"`
	Op    string    `json:"op" enum:"C,U,A" doc:"created, updated (deleted and restored too), appended to a chain"`
	Vis   string    `json:"vis" enum:"pub,priv"`
	Prev  *string   `json:"prev_cid" doc:"the version, or block, before"`
	TS    int64     `json:"ts" doc:"ms since 1970"`
	Chain string    `json:"chain,omitempty"`
}

// ManifestPreview is a manifest in short.
type ManifestPreview struct {
	Type string `json:"type"`
}

func (s *Service) verifyAttestation(ctx context.Context, in *verifyAttestationIn) (*wire.Reply, error) {
	l, err := s.attestLog(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := l.Checkpoint(ctx); err != nil {
		return nil, err
	}
	c, anchor, named, err := attestedAs(ctx, l, in.Tx)
	if err != nil {
		return nil, err
	}
	out := VerifyAttestationResponse{CID: c.String()}
	if err = s.view(ctx, func(r *guard.Reader) error { return out.read(r, c) }); err != nil {
		return nil, err
	}
	p, err := l.Prove(ctx, c, 0)
	switch {
	case err == nil: // it is checked
		body := proofBody(l, p)
		out.Included, out.Proof = true, &body
		if !named {
			anchor, named = l.AnchorOf(p.Leaf)
		}
	case entity.KindOf(err) != entity.KindNotFound:
		return nil, err
	case !out.Visible: // and not in the log, so that nobody knows of it yet
		return nil, errNotAttested(in.Tx)
	}
	if out.ArweaveTx, out.ArweaveURL = anchorTexts(anchor, named); named {
		out.AnchorSize = &anchor.Size
	}
	if named && in.Check == "gateway" {
		if out.Published, err = s.published(ctx, s.network(ctx).Outside, anchor); err != nil {
			return nil, err
		}
	}
	return wire.OK(out), nil
}

func errNotAttested(tx string) error {
	return entity.NotFound("native.verifyAttestation", "%q is neither the CID of a version or a block of a chain here (bafyrei…) nor the name of an anchor of this server", tx)
}

// attestedAs is the block that a CID, or an anchor, stands for.
func attestedAs(ctx context.Context, l *attest.Log, tx string) (c entity.CID, anchor attest.Anchor, named bool, err error) {
	if c, err = entity.ParseCID(tx); err == nil {
		return c, anchor, false, nil
	}
	if anchor, named = l.AnchorByTx(tx); !named {
		return c, anchor, false, errNotAttested(tx)
	}
	c, err = l.CIDAt(ctx, anchor.Size-1)
	return c, anchor, true, err
}

// read hashes the block, and shows of it what the caller may view.
func (v *VerifyAttestationResponse) read(r *guard.Reader, c entity.CID) error {
	block, err := r.Reader.Block(c) // whoever may view it: of what is hidden nothing is shown
	switch {
	case entity.KindOf(err) == entity.KindNotFound:
		return errNotAttested(c.String())
	case err != nil:
		return err
	}
	change := AttestedChange{CID: c.String()}
	if m, sum, err := entity.OpenManifest(block); err == nil {
		v.CIDValid, v.Preview = sum == c, &ManifestPreview{m.Type}
		change.ID, change.Ver, change.TS, change.Op = m.ID, m.Ver, m.TS, "U"
		if m.Prev == nil {
			change.Op = "C"
		} else {
			change.Prev = text(m.PrevCID())
		}
	} else if b, sum, err := entity.OpenChainBlock(block); err == nil {
		v.CIDValid = sum == c
		change.ID, change.Ver, change.TS, change.Op, change.Chain = b.ID, b.N, b.TS, "A", b.Chain
		if b.Prev != nil {
			change.Prev = text(b.PrevCID())
		}
	}
	if _, err := r.Block(c); err != nil {
		v.Preview = nil
		if entity.KindOf(err) == entity.KindNotFound {
			return nil
		}
		return err
	}
	v.Visible = true
	if !v.CIDValid {
		return nil
	}
	h, err := r.Head(change.ID)
	if err != nil {
		return err
	}
	if change.Vis = "priv"; r.Public("entity:view", h) {
		change.Vis = "pub"
	}
	v.Attested = &change
	return nil
}

func text(c entity.CID) *string {
	s := c.String()
	return &s
}
