package recorder

import (
	"stemma/api/wire"
	"stemma/versions/attest"
)

const tagMonitoring = "Recorder: monitoring"

func (s *Service) monitoringOps() []wire.Operation {
	op := func(path, id, summary, description string, success ...wire.Success) wire.Operation {
		return wire.Operation{
			Method: "GET", Path: path, ID: id, Tag: tagMonitoring, Summary: summary, Description: description,
			Permission: "run:view", Auth: wire.AuthRequired, Success: success, Errors: []int{400, 401, 403, 404},
		}
	}
	const one = "/api/monitoring/runs/{runId}"
	evidence := op(one+"/evidence", "getRunEvidence", "Get the evidence of a run", "What proves an ended run to anybody, without this server: every block of its chain and the version that pins the last, each with its way to the root of a signed checkpoint of the transparency log. `stemma verify --offline` checks it. `format=html` tells the same to people. 409 while the run is running.",
		wire.Success{Status: 200, Body: attest.Bundle{}}, wire.Success{Status: 202, Body: EvidencePendingResponse{}, Description: "no signed checkpoint covers it yet"})
	evidence.Errors = append(evidence.Errors, 409, 413, 501, 503)
	return []wire.Operation{
		wire.Op(op("/api/monitoring/runs", "listRuns", "List runs", "Newest first. What is given narrows the list: all of it must hold. `cursor` goes on from an answer's `next_cursor`; with it there may be fewer runs than `limit`, when much had to be looked at, and more still. `q` is looked for in all that was recorded, without regard to case.",
			wire.Success{Status: 200, Body: RunsResponse{}}), s.listRuns),
		wire.Op(op(one, "getRunDetail", "Get a run", "With its steps, tool calls, contexts, anomalies, and what its verification gives.",
			wire.Success{Status: 200, Body: DetailResponse{}}), s.detail),
		wire.Op(op(one+"/replay", "replayRun", "Replay a run", "Every entry as a sentence, with the anomalies at it as badges, and a summary.",
			wire.Success{Status: 200, Body: ReplayResponse{}}), s.replay),
		wire.Op(op(one+"/timeline", "getRunTimeline", "Get a run's timeline", "The entries in order, in short.",
			wire.Success{Status: 200, Body: TimelineResponse{}}), s.timeline),
		wire.Op(op(one+"/context", "getRunContext", "What the agent knew at a step", "The context captured at the step, or the last one before it: `exact` tells which, and `steps_ago` how old it is.",
			wire.Success{Status: 200, Body: ContextAtResponse{}}), s.contextAt),
		wire.Op(op(one+"/verify", "verifyRun", "Verify a run", "Recomputes the chain from its bytes: every hash, every link, every number, and the head that the run's manifest pins. `first_broken` says where it breaks and why.",
			wire.Success{Status: 200, Body: VerifyResponse{}}), s.verify),
		wire.Op(evidence, s.evidence),
		wire.Op(op(one+"/live", "followRun", "Follow a run", "Server-sent events: what is recorded, from the first entry, or from after `Last-Event-ID` (or `after`), as it is committed. The stream ends with the run.",
			wire.Success{Status: 200, ContentType: "text/event-stream"}), s.live),
	}
}
