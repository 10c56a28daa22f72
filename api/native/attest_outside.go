package native

import (
	"context"

	"stemma/entity"
	"stemma/versions/attest"
)

// Outside is where anchors are.
type Outside interface {
	// Check reads an anchor back and compares it; signed tells that it is also
	// signed under its name. KindNotFound: nothing is there, or not yet;
	// KindConflict: something else is; any other: it cannot be said now.
	Check(ctx context.Context, a attest.Anchor) (signed bool, err error)
}

// PublishedAnchor is what was found of an anchor where it was published.
type PublishedAnchor struct {
	Status  string `json:"status" enum:"signed,same,missing,differs,unknown" doc:"signed: the checkpoint is there, and signed under that name; same: it is there, and the gateway does not tell the signature; missing: nothing is there, or not yet; differs: something else is; unknown: the gateway does not answer as one"`
	Message string `json:"message,omitempty"`
}

// mostAsking bounds the questions under way: a gateway is somebody else's, and
// anybody may have it asked.
const mostAsking = 4

// published asks the outside about an anchor.
func (s *Service) published(ctx context.Context, out Outside, a attest.Anchor) (*PublishedAnchor, error) {
	const op = "native.published"
	if out == nil {
		return nil, entity.Errorf(entity.KindNotImplemented, op, "this server reads no anchors back")
	}
	select {
	case s.asking <- struct{}{}:
		defer func() { <-s.asking }()
	default:
		return nil, entity.Errorf(entity.KindRateLimited, op, "%d are asking the gateway already; try again in a while", mostAsking)
	}
	signed, err := out.Check(ctx, a)
	switch {
	case err == nil && signed:
		return &PublishedAnchor{Status: "signed"}, nil
	case err == nil:
		return &PublishedAnchor{Status: "same"}, nil
	}
	p := &PublishedAnchor{Status: "unknown", Message: "the gateway does not answer as one"}
	switch entity.KindOf(err) {
	case entity.KindNotFound:
		p.Status, p.Message = "missing", "nothing is there, or not yet"
	case entity.KindConflict, entity.KindTooLarge:
		p.Status, p.Message = "differs", "something else is there"
	case entity.KindCanceled, entity.KindTimeout:
		return nil, err
	}
	return p, nil
}
