package budget_test

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"stemma/api/llm/budget"
	"stemma/entity"
)

type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func newClock() *clock { return &clock{at: time.Date(2026, 1, 1, 23, 0, 0, 0, time.UTC)} }

func account(name string, l budget.Limits) budget.Account {
	return budget.Account{Name: name, What: "this key", Limits: l}
}

func wait(t *testing.T, err error) time.Duration {
	t.Helper()
	var e *budget.Exceeded
	if entity.KindOf(err) != entity.KindRateLimited || !errors.As(err, &e) {
		t.Fatalf("%v", err)
	}
	return e.Wait
}

// Law: of any number of calls at once no more are let in than the limit has.
func TestRace(t *testing.T) {
	for name, l := range map[string]budget.Limits{
		"requests": {RequestsPerMinute: 50}, "tokens": {TokensPerMinute: 5000}, "dollars": {USDPerDay: 5},
	} {
		b := budget.New(budget.Options{Now: newClock().now})
		var in atomic.Int64
		var all sync.WaitGroup
		for range 400 {
			all.Go(func() {
				if _, err := b.Reserve([]budget.Account{account("k", l), account("t", budget.Limits{RequestsPerMinute: 1000})}, 100, 0.1); err == nil {
					in.Add(1)
				}
			})
		}
		all.Wait()
		if in.Load() != 50 {
			t.Errorf("%s: %d were let in, not 50", name, in.Load())
		}
	}
}

// What one name has not leaves the others as they were.
func TestAllOrNone(t *testing.T) {
	b := budget.New(budget.Options{Now: newClock().now})
	two := []budget.Account{account("a", budget.Limits{RequestsPerMinute: 2}), account("b", budget.Limits{RequestsPerMinute: 1})}
	if _, err := b.Reserve(two, 0, 0); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if _, err := b.Reserve(two, 0, 0); err == nil {
			t.Fatal("past the limit of b")
		}
	}
	if _, err := b.Reserve(two[:1], 0, 0); err != nil {
		t.Errorf("what b has not was taken from a: %v", err)
	}
}

// Settling gives back what was not used, takes what was used beyond, and counts
// once; time gives back the rest.
func TestSettle(t *testing.T) {
	c := newClock()
	b := budget.New(budget.Options{Now: c.now})
	a := []budget.Account{account("k", budget.Limits{TokensPerMinute: 600, USDPerDay: 1})}
	first, err := b.Reserve(a, 600, 0.9)
	if err != nil {
		t.Fatal(err)
	}
	if got := wait(t, second(b, a, 60, 0)); got != 6*time.Second {
		t.Errorf("a tenth of a minute's tokens is there in %s", got)
	}
	first.Settle(540, 0.2)
	first.Settle(0, 0)
	ticket, err := b.Reserve(a, 60, 0.8)
	if err != nil {
		t.Errorf("what was given back is not there: %v", err)
	}
	ticket.Cancel()
	ticket, err = b.Reserve(a, 60, 0.1)
	if err != nil {
		t.Fatal(err)
	}
	ticket.Settle(660, 0.85) // ten times as much
	c.advance(2 * time.Minute)
	if got := wait(t, second(b, a, 1, 0)); got != 58*time.Minute {
		t.Errorf("the dollars of the next day are there in %s, and it is 23:02", got)
	}
	c.advance(58 * time.Minute)
	if err := second(b, a, 1, 0.5); err != nil {
		t.Errorf("on the next day: %v", err)
	}
}

func second(b *budget.Book, a []budget.Account, tokens int64, usd float64) error {
	_, err := b.Reserve(a, tokens, usd)
	return err
}

// What was spent before a start counts, and is asked for once.
func TestSpentBefore(t *testing.T) {
	asked := 0
	b := budget.New(budget.Options{Now: newClock().now, Spent: func(name string, day time.Time) (float64, error) {
		asked++
		if day != time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Local() {
			return 0, fmt.Errorf("asked for %s", day)
		}
		return 0.95, nil
	}})
	a := []budget.Account{account("k", budget.Limits{USDPerDay: 1})}
	if err := second(b, a, 0, 0.1); err == nil {
		t.Error("what was spent before does not count")
	}
	if err := second(b, a, 0, 0.01); err != nil {
		t.Error(err)
	}
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
}

// What is used is what has not flowed back, and the dollars of the day: also those
// of a name that nothing bounds.
func TestUsed(t *testing.T) {
	c := newClock()
	b := budget.New(budget.Options{Now: c.now, Spent: func(string, time.Time) (float64, error) { return 2, nil }})
	a := account("k", budget.Limits{RequestsPerMinute: 10, USDPerDay: 5})
	used := func(a budget.Account) budget.Used {
		t.Helper()
		u, err := b.Used(a)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	if got := used(a); got != (budget.Used{USD: 2}) {
		t.Errorf("%+v", got)
	}
	for range 4 {
		ticket, err := b.Reserve([]budget.Account{a}, 100, 0.5)
		if err != nil {
			t.Fatal(err)
		}
		ticket.Settle(100, 0.25)
	}
	if got := used(a); got != (budget.Used{Requests: 4, USD: 3}) {
		t.Errorf("%+v", got)
	}
	c.advance(12 * time.Second)
	if got := used(a); math.Abs(got.Requests-2) > 1e-9 {
		t.Errorf("%+v", got)
	}
	if got := used(account("free", budget.Limits{})); got != (budget.Used{USD: 2}) {
		t.Errorf("%+v", got)
	}
}
