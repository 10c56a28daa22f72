package outbound

import (
	"errors"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"

	"stemma/entity"
)

// mostBreakers bounds how many hosts are kept in mind.
const mostBreakers = 1000

// breakers are a circuit breaker for each host.
type breakers struct {
	failures uint32
	cooldown time.Duration

	mu     sync.Mutex
	byHost map[string]*gobreaker.CircuitBreaker[*Response]
}

// errAnswer counts an answer as a failure and lets it through.
var errAnswer = errors.New("the host says that it fails")

func (b *breakers) do(u *url.URL, call func() (*Response, error)) (*Response, error) {
	out, err := b.of(u).Execute(func() (*Response, error) {
		out, err := call()
		if err == nil && (out.Status == http.StatusBadGateway || out.Status == http.StatusServiceUnavailable || out.Status == http.StatusGatewayTimeout) {
			return out, errAnswer
		}
		return out, err
	})
	switch {
	case errors.Is(err, errAnswer):
		return out, nil
	case errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests):
		return nil, entity.Errorf(entity.KindUpstream, "outbound.Do", "%s has failed %d times in a row and is left alone for %s", u.Hostname(), b.failures, b.cooldown)
	}
	return out, err
}

func (b *breakers) of(u *url.URL) *gobreaker.CircuitBreaker[*Response] {
	host := u.Scheme + "://" + u.Host
	b.mu.Lock()
	defer b.mu.Unlock()
	if have := b.byHost[host]; have != nil {
		return have
	}
	if len(b.byHost) >= mostBreakers || b.byHost == nil {
		b.byHost = map[string]*gobreaker.CircuitBreaker[*Response]{} // a host that fails is found out again
	}
	made := gobreaker.NewCircuitBreaker[*Response](gobreaker.Settings{
		Name: host, Timeout: b.cooldown,
		ReadyToTrip: func(n gobreaker.Counts) bool { return n.ConsecutiveFailures >= b.failures },
		IsExcluded: func(err error) bool {
			k := entity.KindOf(err)
			return err != nil && !errors.Is(err, errAnswer) && (k == entity.KindInvalid || k == entity.KindCanceled)
		},
	})
	b.byHost[host] = made
	return made
}
