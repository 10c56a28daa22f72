package recorder

import (
	"bytes"
	"context"
	_ "embed" // for evidencePage
	"html/template"
	"net/http"

	"stemma/api/recorder/run"
	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/guard"
	"stemma/versions/attest"
)

// maxEvidence bounds the blocks of a bundle, which is built in memory: a block and
// its proof take some 2 KB.
const maxEvidence = 20_000

// EvidencePendingResponse is answered while a run is not under a checkpoint.
type EvidencePendingResponse struct {
	RunID   string `json:"run_id"`
	Status  string `json:"attestation_status" enum:"pending"`
	Message string `json:"message"`
}

//go:embed evidence.html
var evidenceText string

// evidencePage needs nothing but itself.
var evidencePage = template.Must(template.New("evidence").Parse(evidenceText))

type evidenceIn struct {
	oneRunIn
	Format string `query:"format" default:"json" enum:"json,html" doc:"html: a page for people"`
}

func (s *Service) evidence(ctx context.Context, in *evidenceIn) (*wire.Reply, error) {
	const op = "recorder.evidence"
	switch {
	case wire.NetworkOf(ctx) != entity.Main:
		return nil, entity.NotFound(op, "the %s network is not attested; only main is", wire.NetworkOf(ctx))
	case s.options.Attest == nil:
		return nil, entity.Errorf(entity.KindNotImplemented, op, "this server does not attest, and has no evidence to give; see …/verify")
	}
	var blocks []attest.Block
	var seen entity.Seq
	var story ReplayResponse
	err := s.view(ctx, func(r *guard.Reader) (err error) {
		seen = r.Seq()
		if blocks, err = evidenceOf(r, in.Run); err != nil || in.Format != "html" {
			return err
		}
		t, err := read(r, in.Run)
		if err == nil {
			story, err = s.story(t)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	bundle, err := s.options.Attest.Bundle(ctx, blocks, seen)
	if entity.KindOf(err) == entity.KindNotFound {
		return &wire.Reply{Status: http.StatusAccepted, Body: EvidencePendingResponse{
			RunID: in.Run, Status: "pending", Message: "No signed checkpoint covers this run yet; ask again in a second",
		}}, nil
	}
	if err != nil {
		return nil, err
	}
	if in.Format != "html" {
		return wire.OK(bundle), nil
	}
	last := bundle.Entries[len(bundle.Entries)-1]
	var page bytes.Buffer
	if err := evidencePage.Execute(&page, struct {
		ReplayResponse
		Version, Checkpoint, Key string
		Change                   int64
	}{story, last.CID, bundle.Checkpoint, bundle.VerifierKey, last.LeafIndex + 1}); err != nil {
		return nil, entity.Internal(op, err)
	}
	return wire.Bytes("text/html; charset=utf-8", page.Bytes()).WithHeader("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"), nil
}

// evidenceOf are the blocks of a run's chain, from the first to the one that was
// pinned, their content, where it was deleted the blocks that say so, and the
// version that pins the chain.
func evidenceOf(r *guard.Reader, name string) ([]attest.Block, error) {
	const op = "recorder.evidence"
	t, err := readHead(r, name)
	if err != nil {
		return nil, err
	}
	pin, version, err := pinned(r, t)
	switch {
	case err != nil:
		return nil, err
	case pin == nil:
		return nil, entity.Errorf(entity.KindExists, op, "the run is running: its chain is pinned when it ends (PATCH /api/v1/runs/%s)", name)
	}
	content, err := r.ChainHead(t.head.ID, entity.ChainContent)
	switch {
	case err != nil:
		return nil, err
	case pin.N+content.N > maxEvidence:
		return nil, entity.Errorf(entity.KindTooLarge, op, "the run has %d entries, %d of them with content; evidence is given of up to %d blocks", pin.N, content.N, maxEvidence)
	}
	blocks, err := evidenceBlocks(r, t.head.ID, *pin)
	if err != nil {
		return nil, err
	}
	raw, err := r.Reader.Block(version)
	return append(blocks, attest.Block{CID: version, Bytes: raw}), err
}

func evidenceBlocks(r *guard.Reader, id entity.ID, pin entity.ChainRef) (blocks []attest.Block, err error) {
	for _, chain := range []string{run.Chain, entity.ChainContent, entity.ChainErased} {
		for ref, err := range r.Reader.Chain(id, chain, 1) {
			if err != nil {
				return nil, err
			}
			if chain == run.Chain && ref.N > pin.N {
				break
			}
			raw, err := r.Reader.Block(ref.CID)
			if chain == entity.ChainContent && entity.KindOf(err) == entity.KindNotFound && err != nil {
				continue // where it was not deleted, whoever checks the evidence says so
			}
			if err != nil {
				return nil, err
			}
			blocks = append(blocks, attest.Block{CID: ref.CID, Bytes: raw})
		}
	}
	return blocks, nil
}
