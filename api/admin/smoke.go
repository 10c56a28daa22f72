package admin

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"

	"stemma/api/wire"
	"stemma/entity"
)

// SmokeRunner asks whoever runs the smoke tests of this server, which is another
// program: a path begins with a slash. Its errors are of package outbound.
type SmokeRunner func(ctx context.Context, method, path string) (status int, body []byte, err error)

func (s *Service) smokeOps() []wire.Operation {
	answer := []wire.Success{{Status: http.StatusOK, Body: json.RawMessage{}, Description: "what the runner answers"}}
	const where = " The runner is the service that `--smoke-runner` names; without one the answer is 503."
	return []wire.Operation{
		wire.Op(row(wire.Operation{
			Method: "GET", Path: "/smoke-tests", ID: "adminListSmokeTests", Summary: "List runs of the smoke tests", Permission: administer,
			Description: "`{runs}`, as the runner has them." + where, Success: answer, Errors: []int{502, 503},
		}), s.listSmoke),
		wire.Op(row(wire.Operation{
			Method: "GET", Path: "/smoke-tests/{id}", ID: "adminGetSmokeTest", Summary: "Get a run of the smoke tests", Permission: administer,
			Description: "As the runner has it." + where, Success: answer, Errors: []int{404, 502, 503},
		}), s.getSmoke),
		wire.Op(row(wire.Operation{
			Method: "POST", Path: "/smoke-tests/run", ID: "adminRunSmokeTests", Summary: "Run the smoke tests", Permission: administer,
			Description: "Has the runner begin, and answers what it says." + where, Success: answer, Errors: []int{502, 503},
		}), s.runSmoke),
	}
}

type smokeListIn struct {
	Limit int `query:"limit" min:"1" max:"100" default:"20"`
}

func (s *Service) listSmoke(ctx context.Context, in *smokeListIn) (*wire.Reply, error) {
	return s.smoke(ctx, http.MethodGet, "/smoke-tests?limit="+strconv.Itoa(in.Limit))
}

type smokeIn struct {
	ID string `path:"id" min:"1" max:"200"`
}

func (s *Service) getSmoke(ctx context.Context, in *smokeIn) (*wire.Reply, error) {
	return s.smoke(ctx, http.MethodGet, "/smoke-tests/"+url.PathEscape(in.ID))
}

func (s *Service) runSmoke(ctx context.Context, _ *struct{}) (*wire.Reply, error) {
	return s.smoke(ctx, http.MethodPost, "/smoke-tests/run")
}

// smoke hands on what the runner says.
func (s *Service) smoke(ctx context.Context, method, path string) (*wire.Reply, error) {
	const op = "admin.smoke"
	if _, err := operator(ctx); err != nil {
		return nil, err
	}
	if s.Smoke == nil {
		return nil, &entity.Error{Kind: entity.KindUnavailable, Op: op, Message: "nobody runs smoke tests: name the service that does with --smoke-runner"}
	}
	status, body, err := s.Smoke(ctx, method, path)
	switch {
	case err != nil:
		return nil, err
	case status == http.StatusNotFound:
		return nil, entity.NotFound(op, "the runner has no such run")
	case status < 200 || status > 299:
		return nil, entity.Errorf(entity.KindUpstream, op, "the runner of smoke tests answered %d", status)
	case !json.Valid(body):
		return nil, entity.Errorf(entity.KindUpstream, op, "the runner of smoke tests answered something else than JSON")
	}
	return secret(wire.OK(json.RawMessage(body))), nil
}
