package usage

import (
	"cmp"
	"slices"
	"time"

	"stemma/entity"
)

// counts are sums of calls.
type counts struct {
	at      [places]int64
	latency *[buckets]int64 // nil: not counted
}

func (c *counts) add(row []byte) error {
	return entity.EachSum(row, func(place uint32, amount int64) {
		switch {
		case place < places:
			c.at[place] += amount
		case c.latency != nil && place >= histogram && place < histogram+buckets:
			c.latency[place-histogram] += amount
		}
	})
}

// mean is nil where there is nothing to take it of; amounts in µs become ms.
func (c *counts) mean(sum, of int, scale float64) *float64 {
	if c.at[of] == 0 {
		return nil
	}
	f := float64(c.at[sum]) / float64(c.at[of]) / scale
	return &f
}

// share is 0 of nothing.
func (c *counts) share(part, of int) float64 {
	if c.at[of] == 0 {
		return 0
	}
	return float64(c.at[part]) / float64(c.at[of])
}

// usd are the dollars that are known; nil when there were calls and the cost of
// none is known.
func (c *counts) usd() *float64 {
	if c.at[priced] == 0 && c.at[unpriced] > 0 {
		return nil
	}
	f := float64(c.at[cost]) / 1e9
	return &f
}

func (c *counts) tokens() int64 {
	return c.at[promptTokens] + c.at[completionTokens] + c.at[wholeTokens]
}

// Summary is what a window comes to.
type Summary struct {
	Requests         int64    `json:"totalRequests"`
	Errors           int64    `json:"totalErrors" doc:"calls that failed or took too long; a caller that went away is none"`
	Tokens           int64    `json:"totalTokens"`
	PromptTokens     int64    `json:"promptTokens" doc:"without those of recorded runs, which say how many there were in all"`
	CompletionTokens int64    `json:"completionTokens" doc:"likewise"`
	CostUSD          *float64 `json:"estimatedCostUSD" doc:"of the calls whose model has a price; null when none has"`
	Unpriced         int64    `json:"unpricedRequests" doc:"calls that are not in estimatedCostUSD, as their model has no price"`
	AvgLatency       *float64 `json:"avgLatencyMs"`
	P50              *float64 `json:"p50LatencyMs" doc:"percentiles are off by 1.6 % at most"`
	P95              *float64 `json:"p95LatencyMs"`
	P99              *float64 `json:"p99LatencyMs"`
	ErrorRate        float64  `json:"errorRate" doc:"from 0 to 1"`
	AvgOverhead      *float64 `json:"avgOverheadMs" doc:"what this server took beside the providers"`
	AvgTTFB          *float64 `json:"avgTtfbMs"`
	Rag              Rag      `json:"ragMetrics"`
}

// Rag is what looking things up in knowledge bases comes to.
type Rag struct {
	Requests     int64    `json:"totalRagRequests"`
	FailureRate  float64  `json:"ragFailureRate"`
	AvgRetrieval *float64 `json:"avgRetrievalMs"`
	AvgChunks    *float64 `json:"avgChunksRetrieved"`
	FallbackRate float64  `json:"fallbackRate" doc:"of these calls, those that were answered without"`
}

func total(r entity.Reader, scopes []Scope, w Window) (*counts, error) {
	c := &counts{latency: new([buckets]int64)}
	for _, s := range scopes {
		for _, in := range w.cover() {
			if err := each(r, spaceSums, s, in, func(_ uint32, _, value []byte) error { return c.add(value) }); err != nil {
				return nil, err
			}
		}
	}
	return c, nil
}

// Summarize adds up the calls of scopes in a window.
func Summarize(r entity.Reader, scopes []Scope, w Window) (*Summary, error) {
	c, err := total(r, scopes, w)
	if err != nil {
		return nil, err
	}
	n := c.at[latencies]
	return &Summary{
		Requests: c.at[requests], Errors: c.at[errored], Tokens: c.tokens(), PromptTokens: c.at[promptTokens], CompletionTokens: c.at[completionTokens],
		CostUSD: c.usd(), Unpriced: c.at[unpriced], ErrorRate: c.share(errored, requests),
		AvgLatency: c.mean(latency, latencies, 1000), AvgOverhead: c.mean(overhead, overheads, 1000), AvgTTFB: c.mean(ttfb, ttfbs, 1000),
		P50: percentile(c.latency, n, 0.5), P95: percentile(c.latency, n, 0.95), P99: percentile(c.latency, n, 0.99),
		Rag: Rag{
			Requests: c.at[ragCalls], FailureRate: c.share(ragFailed, ragCalls), FallbackRate: c.share(ragFallback, ragCalls),
			AvgRetrieval: c.mean(ragTime, ragCalls, 1000), AvgChunks: c.mean(ragChunks, ragCalls, 1),
		},
	}, nil
}

// Point is what a bucket of a series comes to.
type Point struct {
	Bucket      string   `json:"bucket" doc:"when it begins"`
	Requests    int64    `json:"requests"`
	Tokens      int64    `json:"tokens"`
	CostUSD     *float64 `json:"costUSD"`
	AvgLatency  *float64 `json:"avgLatencyMs"`
	ErrorRate   float64  `json:"errorRate"`
	AvgOverhead *float64 `json:"avgOverheadMs"`
	AvgTTFB     *float64 `json:"avgTtfbMs"`
}

// MostPoints bounds a series.
const MostPoints = 2000

// Series is the window in buckets of a width, which begin at its multiples since
// 1970; also those without a call. The width is a multiple of five minutes.
// KindInvalid where it is not, or where there would be more than [MostPoints].
func Series(r entity.Reader, scopes []Scope, w Window, bucket time.Duration) ([]Point, error) {
	const op = "usage.Series"
	width := bucket.Milliseconds()
	if width <= 0 || width%level5.width() != 0 {
		return nil, field("bucket", entity.Invalid(op, "bucket must be a multiple of 5 minutes, as calls are counted"))
	}
	from, to := w.whole(width)
	if to-from > MostPoints {
		return nil, field("bucket", entity.Invalid(op, "this is a series of %d points; at most %d are given: choose a longer bucket or a shorter window", to-from, MostPoints))
	}
	l := level5
	for l+1 < levels && width%(l+1).width() == 0 {
		l++
	}
	per := width / l.width() // rows in a bucket
	all := make([]counts, max(0, to-from))
	for _, s := range scopes {
		for _, in := range stretches(l, from*per, to*per) {
			err := each(r, spaceSums, s, in, func(b uint32, _, value []byte) error { return all[int64(b)/per-from].add(value) })
			if err != nil {
				return nil, err
			}
		}
	}
	out := make([]Point, len(all))
	for i := range all {
		c := &all[i]
		out[i] = Point{
			Bucket: entity.FormatMillis((from + int64(i)) * width), Requests: c.at[requests], Tokens: c.tokens(), CostUSD: c.usd(), ErrorRate: c.share(errored, requests),
			AvgLatency: c.mean(latency, latencies, 1000), AvgOverhead: c.mean(overhead, overheads, 1000), AvgTTFB: c.mean(ttfb, ttfbs, 1000),
		}
	}
	return out, nil
}

func field(name string, err *entity.Error) *entity.Error {
	err.Issues = []entity.Issue{{Path: []any{name}, Message: err.Message}}
	return err
}

// Model is what a model comes to.
type Model struct {
	Model      string   `json:"model"`
	Requests   int64    `json:"requests"`
	ErrorRate  float64  `json:"errorRate"`
	AvgLatency *float64 `json:"avgLatencyMs"`
	Tokens     int64    `json:"totalTokens"`
	CostUSD    *float64 `json:"estimatedCostUSD"`
}

// Models adds up the calls by model, the most asked first. Agents have no such
// counters.
func Models(r entity.Reader, scopes []Scope, w Window) ([]Model, error) {
	by := map[string]*counts{}
	for _, s := range scopes {
		for _, in := range w.cover() {
			err := each(r, spaceModels, s, in, func(_ uint32, model, value []byte) error {
				c := by[string(model)]
				if c == nil {
					c = &counts{}
					by[string(model)] = c
				}
				return c.add(value)
			})
			if err != nil {
				return nil, err
			}
		}
	}
	out := make([]Model, 0, len(by))
	for model, c := range by {
		out = append(out, Model{model, c.at[requests], c.share(errored, requests), c.mean(latency, latencies, 1000), c.tokens(), c.usd()})
	}
	slices.SortFunc(out, func(a, b Model) int {
		return cmp.Or(cmp.Compare(b.Requests, a.Requests), cmp.Compare(a.Model, b.Model))
	})
	return out, nil
}

// Spent are the dollars that are known of what a key ("key/…") or a tenant
// ("tenant/<id>") has spent on the day, in UTC, that begins at the time given.
func Spent(r entity.Reader, account string, day time.Time) (float64, error) {
	s, ok := accountScope(account)
	if !ok {
		return 0, entity.Invalid("usage.Spent", "%q is no account; key/… and tenant/… are", account)
	}
	row, err := r.Rows(name).Get(rowKey(spaceSums, levelDay, s, uint32(day.UnixMilli()/levelDay.width())))
	if err != nil {
		return 0, err
	}
	var c counts
	err = c.add(row)
	return float64(c.at[cost]) / 1e9, err
}
