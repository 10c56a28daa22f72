package bench

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"strconv"
	"time"
)

const (
	eventsPerSecond = 50_000 // bound of the issue
	eventsPage      = 1000
)

// events reads the whole feed of the large store, one connection at a time.
func (r *runner) events(ctx context.Context) (results []Result, err error) {
	l, err := r.largeStore(ctx)
	if err != nil {
		return nil, err
	}
	err = r.served(ctx, Child{Data: l.dir}, 1, func(p *process, conns []*conn) error {
		c := conns[0]
		for _, way := range []struct {
			what string
			read func(ctx context.Context, c *conn, n int) error
		}{
			{"catching up by since pages of 1,000", catchUpByPages},
			{"catching up by SSE", catchUpByStream},
		} {
			var rates []float64
			for range r.Repeat {
				fresh, err := dial(ctx, p.Addr)
				if err != nil {
					return err
				}
				n, err := latest(c)
				if err != nil {
					return err
				}
				began := time.Now()
				err = way.read(ctx, fresh, n)
				rates = append(rates, float64(n)/time.Since(began).Seconds())
				fresh.Close() // in the middle of a stream
				if err != nil {
					return err
				}
			}
			results = append(results, bound(fmt.Sprintf("%s, %d events, one client", way.what, r.Sizes.Entities), "events/s", rates, eventsPerSecond, Goal{AtLeast: 1, Text: "≥ 50k events/s"}))
		}
		return nil
	})
	return results, err
}

// latest is the number of the newest event.
func latest(c *conn) (int, error) {
	a, err := c.must(200, "GET", "/events?limit=1", nil)
	if err != nil {
		return 0, err
	}
	return numberAfter(a.body, `"latest":`)
}

// catchUpByPages reads n events, and counts them.
func catchUpByPages(_ context.Context, c *conn, n int) error {
	seen, cursor := 0, 0
	for seen < n {
		a, err := c.must(200, "GET", "/events?limit="+strconv.Itoa(eventsPage)+"&since="+strconv.Itoa(cursor), nil)
		if err != nil {
			return err
		}
		count := bytes.Count(a.body, []byte(`{"id":`))
		if cursor, err = numberAfter(a.body, `"cursor":`); err != nil {
			return err
		}
		if seen += count; count == 0 || cursor != seen {
			return fmt.Errorf("the cursor stands at %d after %d events, %d on the last page", cursor, seen, count)
		}
	}
	if seen != n {
		return fmt.Errorf("%d events arrived, not %d", seen, n)
	}
	return nil
}

// catchUpByStream reads n events and looks at each one's number.
func catchUpByStream(_ context.Context, c *conn, n int) error {
	body, err := c.stream("/events?since=0", "text/event-stream")
	if err != nil {
		return err
	}
	in := bufio.NewReaderSize(body, 256<<10)
	for seen := 0; seen < n; {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return fmt.Errorf("after %d events: %w", seen, err)
		}
		id, ok := bytes.CutPrefix(line, []byte("id: "))
		if !ok {
			continue
		}
		seen++
		if got, err := strconv.Atoi(string(bytes.TrimSpace(id))); err != nil || got != seen {
			return fmt.Errorf("event %q arrived as number %d", id, seen)
		}
	}
	return nil
}

// textAfter reads what is between the first place of a name and the next quote.
func textAfter(body []byte, name string) (string, error) {
	_, rest, ok := bytes.Cut(body, []byte(name))
	text, _, closed := bytes.Cut(rest, []byte{'"'})
	if !ok || !closed {
		return "", fmt.Errorf("%.200q has no %s", body, name)
	}
	return string(text), nil
}

// numberAfter reads the number behind the last place of a name.
func numberAfter(body []byte, name string) (int, error) {
	at := bytes.LastIndex(body, []byte(name))
	if at < 0 {
		return 0, fmt.Errorf("%.200q has no %s", body, name)
	}
	rest := body[at+len(name):]
	end := bytes.IndexFunc(rest, func(c rune) bool { return c < '0' || c > '9' })
	return strconv.Atoi(string(rest[:max(end, 0)]))
}
