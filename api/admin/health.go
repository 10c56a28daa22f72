package admin

import (
	"context"

	"stemma/api/wire"
	"stemma/entity"
)

func (s *Service) healthOps() []wire.Operation {
	return []wire.Operation{
		wire.Op(row(wire.Operation{
			Method: "GET", Path: "/health", ID: "adminHealth", Summary: "Tell how the server is", Permission: administer,
			Description: "Of each network: whether it can be read and written, how much there is, how far what follows its log is behind, and what it takes of the disk. `/healthz` and `/readyz` are for probes, `/metrics` has all of it over time.",
			Success:     []wire.Success{{Status: 200, Body: Health{}}},
		}), s.health),
	}
}

// Health is how the server is.
type Health struct {
	Version   string          `json:"version" doc:"of the API"`
	Revision  *string         `json:"revision" doc:"that the binary was built from, where that is known"`
	Go        string          `json:"go"`
	StartedAt string          `json:"startedAt"`
	Networks  []NetworkHealth `json:"networks"`
}

// NetworkHealth is how a network's store is, and what follows it.
type NetworkHealth struct {
	Network       entity.Network `json:"network"`
	Problem       *string        `json:"problem" doc:"why it cannot be read or written; null when it can"`
	Seq           entity.Seq     `json:"seq" doc:"of the last change"`
	Entities      int64          `json:"entities"`
	Relationships int64          `json:"relationships"`
	GraphBytes    int64          `json:"graphBytes" doc:"of memory, estimated"`
	Waiting       int64          `json:"waiting" doc:"updates that wait for their turn"`
	Followers     []Follower     `json:"followers"`
	AttestedSize  *int64         `json:"attestedSize" doc:"changes under the last signed checkpoint; null where none are attested"`
	AttestHalted  bool           `json:"attestHalted" doc:"the log is not what was signed, and nothing more is signed"`
	Storage       []Storage      `json:"storage" doc:"empty when all is in memory"`
}

// Follower is something that follows a network's log.
type Follower struct {
	Name string `json:"name"`
	Lag  int64  `json:"lag" doc:"changes that readers see and it does not yet"`
}

// Storage is what a part of the data takes of the disk.
type Storage struct {
	Part  string `json:"part"`
	Bytes int64  `json:"bytes"`
}

func (s *Service) health(ctx context.Context, _ *struct{}) (*wire.Reply, error) {
	if _, err := operator(ctx); err != nil {
		return nil, err
	}
	out, err := s.Health(ctx)
	return secret(wire.OK(out)), err
}
