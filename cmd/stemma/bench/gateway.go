package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"stemma/api/auth"
	"stemma/api/llm/tenant"
	"stemma/entity"
	"stemma/entity/access"
)

// Bounds of the issue for the gateway.
const (
	gatewayRatio  = 0.7   // of the plain proxy's throughput
	gatewayAdded  = 0.3   // ms that it may add to the median
	gatewayAdded9 = 5.0   // ms that it may add to the 99th percentile
	gatewayFirst  = 0.5   // ms from a first token's arrival until it has been forwarded
	gatewayMemory = 400.0 // MB of the server with the slow streams
)

// NewAgent makes a tenant with an agent that asks the upstream, and gives a key of
// the agent.
func NewAgent(ctx context.Context, s entity.Store, a *auth.Authenticator, upstream string) (key string, err error) {
	_, err = s.Update(ctx, entity.Actor{UserID: "system", Method: entity.MethodSystem}, func(tx entity.Tx) error {
		owner, err := auth.FirstUser(tx)
		if err != nil {
			return err
		}
		v, err := tenant.Create(tx, tenant.Spec{Name: "Bench", Owner: owner, At: time.Now()})
		if err != nil {
			return err
		}
		workspace, err := tenant.Workspace(tx, v.Manifest)
		if err != nil {
			return err
		}
		agent, err := tx.Create(entity.Draft{
			Type:          entity.TypeAgent,
			Properties:    entity.Properties{"label": "Bench", "provider_config": map[string]any{"provider": "openai", "base_url": upstream + "/v1", "model": "gpt-4o"}},
			Relationships: []entity.Relationship{{Predicate: entity.PredicateCollection, Peer: workspace, PeerType: entity.TypeCollection}},
		})
		if err != nil {
			return err
		}
		k, err := tenant.MintKey(tx, a, access.Principal{ID: owner, Kind: access.User, System: true}, workspace, agent.Manifest.ID, "bench")
		if err == nil {
			key = k.Secret
		}
		return err
	})
	return key, err
}

// gateway is the gateway against Go's own reverse proxy, both in front of an
// upstream that answers at once; how soon it forwards a first token; and what many
// slow streams take.
func (r *runner) gateway(ctx context.Context) (results []Result, err error) {
	for _, call := range proxiedCalls {
		for _, n := range []int{1, proxyConns, writers} {
			lines, err := r.gated(ctx, call, n)
			results = append(results, lines...)
			if err != nil {
				return results, err
			}
		}
	}
	for _, measure := range []func(context.Context) (Result, error){r.firstToken, r.slowStreams} {
		line, err := measure(ctx)
		if err != nil {
			return results, err
		}
		results = append(results, line)
	}
	return results, nil
}

// gated measures a call over so many connections.
func (r *runner) gated(ctx context.Context, call proxied, n int) (results []Result, err error) {
	err = r.withAgent(ctx, call.upstream, n+1, func(p *process, conns []*conn, upstream string) error {
		kept, err := newRecordedCalls(conns[n], conns[0], call, proxiedCall)
		if err != nil {
			return err
		}
		ours := newProxyLoad(p, call, proxiedCall, conns[:n])
		return r.plainly(ctx, upstream, call, n, func(plain, tuned *proxyLoad) error {
			rates, err := r.contest(ctx, r.Sizes.recorded(), ours.phase(kept.wait), plain.phase(), tuned.phase())
			if err == nil {
				results = judgeGateway(call, n, rates, ours, plain)
			}
			return err
		})
	})
	return results, err
}

// withAgent runs a part with a server whose agent asks the upstream; all but the
// last of the connections have its key.
func (r *runner) withAgent(ctx context.Context, upstream func() (string, func() error, error), n int, fn func(p *process, conns []*conn, upstream string) error) (err error) {
	dir, done, err := r.scratch()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	url, end, err := upstream()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	return r.served(ctx, Child{Data: dir, Upstream: url, Agent: true}, n, func(p *process, conns []*conn) error {
		for _, c := range conns[:n-1] {
			c.key = p.Key
		}
		return fn(p, conns, url)
	})
}

// judgeGateway makes the lines of the rates and times of both: what is added to
// the time of a call of one connection, throughput of more.
func judgeGateway(call proxied, n int, rates [][]float64, ours, plain *proxyLoad) []Result {
	a50, a99 := millis(percentile(ours.took, 50)), millis(percentile(ours.took, 99))
	b50, b99 := millis(percentile(plain.took, 50)), millis(percentile(plain.took, 99))
	note := fmt.Sprintf("p50 %.2f ms for %.2f, p99 %.1f ms for %.1f; %.0f µs of the server's CPU a call for %.0f; every call is recorded", a50, b50, a99, b99, ours.cost(), plain.cost())
	if n > 1 {
		what := fmt.Sprintf("calls through the gateway, %s, %d connections", call.name, n)
		return []Result{compare(what, "/s", plainProxy, rates[0], rates[1], Goal{AtLeast: gatewayRatio, Text: "≥ 0.7"}).also(true, note+"; "+tunedNote(rates[2]))}
	}
	what := "what the gateway adds to the "
	return []Result{
		bound(what+"median, "+call.name+", one connection", "ms", []float64{max(a50-b50, 0.001)}, gatewayAdded, Goal{AtMost: 1, Text: "< 0.3 ms"}).also(true, note),
		bound(what+"99th percentile, "+call.name+", one connection", "ms", []float64{max(a99-b99, 0.001)}, gatewayAdded9, Goal{AtMost: 1, Text: "< 5 ms"}),
	}
}
