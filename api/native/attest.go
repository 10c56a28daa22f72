package native

import (
	"context"
	"net/http"

	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/guard"
	"stemma/versions/attest"
)

const tagAttestations = "Attestations"

func (s *Service) attestOps() []wire.Operation {
	const covered = "An attestation is the proof that the version is in the log: its place, the hashes up to the root, and the signed checkpoint that has the root. While no checkpoint covers it yet, the answer is 202. " +
		"`arweave_tx` names where the first such checkpoint was anchored, null for nowhere yet."
	attested := []wire.Success{{Status: 200, Body: AttestationResponse{}}, {Status: 202, Body: AttestationPendingResponse{}, Description: "Not attested yet"}}
	return append([]wire.Operation{
		wire.Op(wire.Operation{
			Method: "GET", Path: "/entities/{id}/attestation", ID: "getEntityAttestation", Tag: tagAttestations, Summary: "Get the attestation of an entity's tip",
			Description: covered, Permission: "entity:view", Auth: wire.AuthOptional, Success: attested, Errors: []int{400, 403, 404, 501, 503},
		}, s.entityAttestation),
		wire.Op(wire.Operation{
			Method: "GET", Path: "/versions/{id}/{ver}/attestation", ID: "getVersionAttestation", Tag: tagAttestations, Summary: "Get the attestation of a version",
			Description: covered + " `format=bundle` adds the version's bytes, so that `stemma verify --offline` needs nothing but the log's key; `format=tlog-proof` is the proof as C2SP tlog-proof has it.",
			Permission:  "entity:view", Auth: wire.AuthOptional,
			Success: append(attested, wire.Success{Status: 200, Body: attest.Bundle{}, Description: "format=bundle"}, wire.Success{Status: 200, ContentType: contentNote, Description: "format=tlog-proof"}),
			Errors:  []int{400, 403, 404, 501, 503},
		}, s.versionAttestation),
		wire.Op(wire.Operation{
			Method: "GET", Path: "/attestations/head", ID: "getAttestationHead", Tag: tagAttestations, Summary: "Get the head of the log of attestations",
			Description: "The last signed checkpoint, the key that verifies it, and the last anchor outside. The log has a leaf for each change of the main network; `tlog` is where its tiles are (C2SP tlog-tiles). 404 before the first, 503 when the log has found that it is not what was signed.",
			Permission:  "attestation:view", Success: []wire.Success{{Status: 200, Body: ChainHeadResponse{}}}, Errors: []int{400, 404, 501, 503},
		}, s.attestationHead),
		wire.Op(wire.Operation{
			Method: "GET", Path: "/attestations/consistency", ID: "getConsistencyProof", Tag: tagAttestations, Summary: "Prove that the log has only grown",
			Description: "The hashes that prove that the tree of one size is the beginning of the tree of another (RFC 6962).",
			Permission:  "attestation:view", Success: []wire.Success{{Status: 200, Body: ConsistencyResponse{}}}, Errors: []int{400, 404, 501, 503},
		}, s.consistency),
		wire.Op(wire.Operation{
			Method: "GET", Path: "/attestations/verify/{tx}", ID: "verifyAttestation", Tag: tagAttestations, Summary: "Verify an attestation",
			Description: "By the CID of a version or of a block of a chain, or by the name of an anchor, which stands for the last change under it. The bytes are hashed again and the proof is checked against the signed root. What not everybody may view is verified, and not shown.",
			Permission:  "attestation:verify", Success: []wire.Success{{Status: 200, Body: VerifyAttestationResponse{}}}, Errors: []int{400, 404, 429, 501, 503},
		}, s.verifyAttestation),
	}, s.tileOps()...)
}

// attestLog is the log of the request's network.
func (s *Service) attestLog(ctx context.Context) (*attest.Log, error) {
	const op = "native.attestLog"
	n := s.network(ctx)
	switch {
	case wire.NetworkOf(ctx) != entity.Main:
		return nil, entity.NotFound(op, "the %s network is not attested; only main is", wire.NetworkOf(ctx))
	case n.Attest == nil:
		return nil, entity.Errorf(entity.KindNotImplemented, op, "this server does not attest")
	}
	return n.Attest, nil
}

// AttestationResponse is the proof that a version is in the log.
type AttestationResponse struct {
	ID         entity.ID `json:"id" alias:"pi"`
	Ver        int64     `json:"ver"`
	CID        string    `json:"cid"`
	Status     string    `json:"attestation_status" enum:"attested"`
	ArweaveTx  *string   `json:"arweave_tx" doc:"null while no checkpoint that covers it is anchored"`
	ArweaveURL *string   `json:"arweave_url"`
	TS         int64     `json:"ts" doc:"of the version, ms since 1970"`
	ProofBody
}

// ProofBody is a way from a leaf to a signed root.
type ProofBody struct {
	Seq         entity.Seq `json:"seq" doc:"number of the change; its leaf is the one before"`
	LeafIndex   int64      `json:"leaf_index"`
	Size        int64      `json:"tree_size"`
	Root        string     `json:"root" doc:"base64"`
	Proof       []string   `json:"proof" doc:"hashes in base64, from the leaf's neighbour up (RFC 6962); the leaf is the 36 bytes of the CID"`
	Checkpoint  string     `json:"checkpoint" doc:"a signed note (C2SP tlog-checkpoint)"`
	VerifierKey string     `json:"verifier_key"`
}

// AttestationPendingResponse is a version that no checkpoint covers yet.
type AttestationPendingResponse struct {
	ID      entity.ID `json:"id" alias:"pi"`
	Ver     int64     `json:"ver"`
	CID     string    `json:"cid"`
	Status  string    `json:"attestation_status" enum:"pending"`
	Message string    `json:"message"`
}

func proofBody(l *attest.Log, p attest.Proof) ProofBody {
	return ProofBody{
		Seq: entity.Seq(p.Leaf + 1), LeafIndex: p.Leaf, Size: p.Size, Root: p.Root.String(),
		Proof: attest.HashTexts(p.Hashes), Checkpoint: p.Text, VerifierKey: l.VerifierKey(),
	}
}

// anchorTexts are name and place of an anchor, null for none.
func anchorTexts(a attest.Anchor, ok bool) (tx, url *string) {
	if !ok {
		return nil, nil
	}
	return &a.Tx, &a.URL
}

type entityAttestationIn struct {
	ID entity.ID `path:"id"`
}

func (s *Service) entityAttestation(ctx context.Context, in *entityAttestationIn) (*wire.Reply, error) {
	return s.attestation(ctx, "json", func(r *guard.Reader) (entity.CID, error) {
		h, err := r.Allowed("entity:view", in.ID)
		return h.CID(), err
	})
}

type versionAttestationIn struct {
	ID     entity.ID `path:"id"`
	Ver    int64     `path:"ver" min:"1"`
	Format string    `query:"format" default:"json" enum:"json,bundle,tlog-proof"`
}

func (s *Service) versionAttestation(ctx context.Context, in *versionAttestationIn) (*wire.Reply, error) {
	return s.attestation(ctx, in.Format, func(r *guard.Reader) (entity.CID, error) {
		if err := mayView(r, in.ID); err != nil {
			return entity.CID{}, err
		}
		return r.VersionAt(in.ID, in.Ver)
	})
}

// attestation answers with the proof of the version that which names.
func (s *Service) attestation(ctx context.Context, format string, which func(*guard.Reader) (entity.CID, error)) (*wire.Reply, error) {
	l, err := s.attestLog(ctx)
	if err != nil {
		return nil, err
	}
	var c entity.CID
	var m *entity.Manifest
	var block []byte
	var seen entity.Seq
	err = s.view(ctx, func(r *guard.Reader) (err error) {
		if c, err = which(r); err != nil {
			return err
		}
		if m, err = r.Reader.Manifest(c); err != nil { // allowed
			return err
		}
		seen = r.Seq()
		block, err = r.Reader.Block(c)
		return err
	})
	if err != nil {
		return nil, err
	}
	p, err := l.Prove(ctx, c, seen)
	switch {
	case entity.KindOf(err) == entity.KindNotFound:
		return &wire.Reply{Status: http.StatusAccepted, Body: AttestationPendingResponse{
			ID: m.ID, Ver: m.Ver, CID: c.String(), Status: "pending", Message: "No signed checkpoint covers this version yet; ask again in a second",
		}}, nil
	case err != nil:
		return nil, err
	}
	switch format {
	case "bundle":
		return wire.OK(attest.Bundle{Version: attest.BundleVersion, Checkpoint: p.Text, VerifierKey: l.VerifierKey(), Entries: []attest.BundleEntry{p.Evidence(c, block)}}), nil
	case "tlog-proof":
		return wire.Bytes(contentNote, []byte(p.TLogProof())), nil
	}
	out := AttestationResponse{ID: m.ID, Ver: m.Ver, CID: c.String(), Status: "attested", TS: m.TS, ProofBody: proofBody(l, p)}
	out.ArweaveTx, out.ArweaveURL = anchorTexts(l.AnchorOf(p.Leaf))
	return wire.OK(out), nil
}
