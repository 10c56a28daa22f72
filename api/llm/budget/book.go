package budget

import (
	"fmt"
	"math"
	"sync"
	"time"

	"stemma/entity"
)

// Limits bound what is spent under one name; 0 does not.
type Limits struct {
	RequestsPerMinute int64
	TokensPerMinute   int64
	USDPerDay         float64
}

func (l Limits) none() bool { return l == Limits{} }

// Account is a name with its limits.
type Account struct {
	Name   string
	What   string // for people: "this key", "this tenant"
	Limits Limits
}

// Options are the settings of a book. The zero value works.
type Options struct {
	Now func() time.Time
	// Spent are the dollars that a name has spent on the day that began at the
	// time given. nil: none.
	Spent    func(name string, day time.Time) (float64, error)
	Accounts int // that are remembered; 0: 100,000
}

// Book keeps the accounts. It is safe for concurrent use.
type Book struct {
	o  Options
	mu sync.Mutex
	by map[string]*account
}

// account is what is left of one name's limits.
type account struct {
	requests, tokens bucket
	day              int64 // since 1970
	usd              float64
	reserved         int // calls that are not settled
}

// bucket flows back to its size within a minute.
type bucket struct {
	size, level float64
	at          time.Time
}

func (b *bucket) flow(size float64, now time.Time) {
	if b.size != size { // new, or the limit was changed
		b.level += size - b.size
		b.size = size
	}
	if !b.at.IsZero() {
		b.level += now.Sub(b.at).Minutes() * size
	}
	b.level, b.at = min(b.level, size), now
}

// wait is how long until so much is there.
func (b *bucket) wait(n float64) time.Duration {
	n = min(n, b.size) // more never is
	if b.level >= n {
		return 0
	}
	return time.Duration((n - b.level) / b.size * float64(time.Minute))
}

// New makes a book in which nothing is spent.
func New(o Options) *Book {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Accounts == 0 {
		o.Accounts = 100_000
	}
	return &Book{o: o, by: map[string]*account{}}
}

// Exceeded is why a call may not be made now.
type Exceeded struct {
	Limit string // requests, tokens or dollars
	Wait  time.Duration
}

func (e *Exceeded) Error() string { return "the limit of " + e.Limit + " is reached" }

// RetryAfter is for the header of the answer.
func (e *Exceeded) RetryAfter() time.Duration { return e.Wait }

// Ticket is a reservation, which is settled once.
type Ticket struct {
	book     *Book
	accounts []*account
	day      int64
	tokens   float64
	usd      float64
	once     sync.Once
}

const day = 24 * time.Hour

// Reserve takes one request, and what it may cost, from each account.
// KindRateLimited, with how long to wait, when one of them has not so much.
func (b *Book) Reserve(accounts []Account, tokens int64, usd float64) (*Ticket, error) {
	now := b.o.Now()
	today := now.UnixMilli() / day.Milliseconds()
	t := &Ticket{book: b, day: today, tokens: float64(tokens), usd: usd}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, a := range accounts {
		if a.Limits.none() {
			continue
		}
		at, err := b.account(a.Name, today)
		if err != nil {
			return nil, err
		}
		at.requests.flow(float64(a.Limits.RequestsPerMinute), now)
		at.tokens.flow(float64(a.Limits.TokensPerMinute), now)
		if e := at.exceeds(a.Limits, t, now, today); e != nil {
			return nil, &entity.Error{Kind: entity.KindRateLimited, Op: "budget.Reserve", Err: e,
				Message: fmt.Sprintf("The limit of %s of %s is reached; try again in %s", e.Limit, a.What, e.Wait.Round(time.Second))}
		}
		t.accounts = append(t.accounts, at)
	}
	for _, at := range t.accounts {
		at.requests.level--
		at.tokens.level -= t.tokens
		at.usd += usd
		at.reserved++
	}
	return t, nil
}

// Used is what is used of limits.
type Used struct {
	Requests, Tokens float64 // of the last minute, that have not flowed back; 0 where nothing bounds them
	USD              float64 // of the day, with what is reserved
}

// Used is what is used of an account's limits now.
func (b *Book) Used(a Account) (u Used, err error) {
	now := b.o.Now()
	today := now.UnixMilli() / day.Milliseconds()
	if a.Limits.none() { // which nothing is kept of
		if b.o.Spent != nil {
			u.USD, err = b.o.Spent(a.Name, time.UnixMilli(today*day.Milliseconds()))
		}
		return u, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	at, err := b.account(a.Name, today)
	if err != nil {
		return u, err
	}
	at.requests.flow(float64(a.Limits.RequestsPerMinute), now)
	at.tokens.flow(float64(a.Limits.TokensPerMinute), now)
	return Used{Requests: at.requests.used(), Tokens: at.tokens.used(), USD: at.usd}, nil
}

func (b *bucket) used() float64 {
	if b.size == 0 {
		return 0
	}
	return b.size - b.level
}

func (at *account) exceeds(l Limits, t *Ticket, now time.Time, today int64) *Exceeded {
	if l.RequestsPerMinute > 0 {
		if wait := at.requests.wait(1); wait > 0 {
			return &Exceeded{fmt.Sprintf("%d requests a minute", l.RequestsPerMinute), wait}
		}
	}
	if l.TokensPerMinute > 0 {
		if wait := at.tokens.wait(t.tokens); wait > 0 {
			return &Exceeded{fmt.Sprintf("%d tokens a minute", l.TokensPerMinute), wait}
		}
	}
	// A call that would cost more than a day has is let in while nothing is spent:
	// what it will really cost is not known.
	if l.USDPerDay > 0 && at.usd+min(t.usd, l.USDPerDay) > l.USDPerDay+1e-9 || l.USDPerDay > 0 && at.usd >= l.USDPerDay {
		return &Exceeded{fmt.Sprintf("%g dollars a day", l.USDPerDay), time.UnixMilli((today + 1) * day.Milliseconds()).Sub(now)}
	}
	return nil
}

func (b *Book) account(name string, today int64) (*account, error) {
	at := b.by[name]
	if at == nil {
		if len(b.by) >= b.o.Accounts {
			b.forget()
		}
		at = &account{day: math.MinInt64}
		b.by[name] = at
	}
	if at.day == today {
		return at, nil
	}
	at.usd = 0
	if at.day == math.MinInt64 && b.o.Spent != nil {
		spent, err := b.o.Spent(name, time.UnixMilli(today*day.Milliseconds()))
		if err != nil {
			delete(b.by, name)
			return nil, err
		}
		at.usd = spent
	}
	at.day = today
	return at, nil
}

// forget makes room: names without a call under way, which are back at their
// whole limits within a minute, and at what they have spent by being asked for.
func (b *Book) forget() {
	for name, at := range b.by {
		if at.reserved == 0 {
			delete(b.by, name)
		}
		if len(b.by) < b.o.Accounts {
			return
		}
	}
}

// Settle gives back what was reserved and not used, and takes what was used and
// not reserved. The first call counts.
func (t *Ticket) Settle(tokens int64, usd float64) {
	t.once.Do(func() {
		t.book.mu.Lock()
		defer t.book.mu.Unlock()
		for _, at := range t.accounts {
			at.tokens.level += t.tokens - float64(tokens)
			if at.day == t.day {
				at.usd += usd - t.usd
			} else {
				at.usd += usd // the day has changed meanwhile
			}
			at.reserved--
		}
	})
}

// Cancel gives all of it back: the call was not made.
func (t *Ticket) Cancel() {
	t.once.Do(func() {
		t.book.mu.Lock()
		defer t.book.mu.Unlock()
		for _, at := range t.accounts {
			at.requests.level++
			at.tokens.level += t.tokens
			if at.day == t.day {
				at.usd -= t.usd
			}
			at.reserved--
		}
	})
}
