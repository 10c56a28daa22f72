package provider

import (
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"

	"stemma/entity"
)

// mostBreakers bounds how many providers are kept in mind.
const mostBreakers = 10_000

// breakers are a circuit breaker for each provider.
type breakers struct {
	failures uint32
	cooldown time.Duration

	mu     sync.Mutex
	byName map[string]*gobreaker.TwoStepCircuitBreaker[struct{}]
}

func (b *breakers) init(failures uint32, cooldown time.Duration) {
	b.failures, b.cooldown = failures, cooldown
	b.byName = map[string]*gobreaker.TwoStepCircuitBreaker[struct{}]{}
}

// broken tells which failures count against a provider: those that are its own,
// not the request's, the caller's or a limit's.
func broken(err error) bool {
	var f *Failure
	if err == nil || !errors.As(err, &f) || entity.KindOf(err) != entity.KindUpstream {
		return false
	}
	return f.Status == 0 || f.Status >= 500
}

// enter is asked before a call and told of its end. KindUpstream, and not to be
// tried again, while the provider is left alone.
func (b *breakers) enter(name string) (settle func(error), err error) {
	done, err := b.of(name).Allow()
	if err != nil {
		_, rest, _ := strings.Cut(name, " ")
		host, _, _ := strings.Cut(rest, " ")
		f := &Failure{Message: "the provider at " + host + " has failed several times in a row and is left alone for " + b.cooldown.String(), Wait: b.cooldown}
		return nil, f.fail(f.Message)
	}
	return func(err error) {
		if !broken(err) {
			err = nil
		}
		done(err)
	}, nil
}

func (b *breakers) of(name string) *gobreaker.TwoStepCircuitBreaker[struct{}] {
	b.mu.Lock()
	defer b.mu.Unlock()
	if have := b.byName[name]; have != nil {
		return have
	}
	if len(b.byName) >= mostBreakers {
		clear(b.byName) // a provider that fails is found out again
	}
	made := gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Name: name, Timeout: b.cooldown, MaxRequests: 1,
		ReadyToTrip: func(n gobreaker.Counts) bool { return n.ConsecutiveFailures >= b.failures },
	})
	b.byName[name] = made
	return made
}
