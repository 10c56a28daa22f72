package native_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"stemma/api/wire"
	"stemma/entity"
)

// drained is a server that can be told to stop, as cmd/stemma joins it.
type drained struct {
	*httptest.Server
	stop context.CancelFunc
}

func serveDrained(t *testing.T, h http.Handler) *drained {
	t.Helper()
	drain, stop := context.WithCancel(context.Background())
	s := &drained{Server: httptest.NewUnstartedServer(h), stop: stop}
	s.Config.BaseContext = func(net.Listener) context.Context { return wire.WithDrain(context.Background(), drain) }
	s.Start()
	t.Cleanup(func() { stop(); s.Close() })
	return s
}

// promptly is how long an end may take before a test gives up: far more than
// it takes, and less than a poll would wait.
const promptly = 20 * time.Second

// stream is an open stream of events.
type stream struct {
	body io.ReadCloser
	in   *bufio.Reader
}

// sent is one event of a stream.
type sent struct {
	id   uint64
	kind string
	body struct {
		ID   uint64
		PI   string
		CID  string
		Kind string
	}
}

// follow opens a stream and reads the comment that it begins with: from then
// on what is committed is sent.
func (s *drained) follow(t *testing.T, target, lastID string) *stream {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", s.URL+target, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	if lastID != "" {
		r.Header.Set("Last-Event-ID", lastID)
	}
	res, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != 200 || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		t.Fatalf("status %d, type %s", res.StatusCode, res.Header.Get("Content-Type"))
	}
	st := &stream{body: res.Body, in: bufio.NewReader(res.Body)}
	if line, err := st.in.ReadString('\n'); err != nil || !strings.HasPrefix(line, ": following") {
		t.Fatalf("the stream begins with %q, %v", line, err)
	}
	return st
}

// next reads one event.
func (s *stream) next() (e sent, err error) {
	seen := false
	for {
		line, err := s.in.ReadString('\n')
		if err != nil {
			return e, err
		}
		field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch field {
		case "id":
			if e.id, err = strconv.ParseUint(value, 10, 64); err != nil {
				return e, err
			}
			seen = true
		case "event":
			e.kind = value
		case "data":
			if err := json.Unmarshal([]byte(value), &e.body); err != nil {
				return e, err
			}
		case "":
			if seen && line == "\n" {
				return e, nil
			}
		}
	}
}

// Events arrive in the order of the log while many write. A client that loses
// its connection, however often, and comes back with the id of the last event
// it has seen misses none and sees none twice.
func TestStreamMissesNothing(t *testing.T) {
	const writers, edits, stretch = 4, 25, 17
	w := newRig(t, rigOptions{})
	s := serveDrained(t, w)
	from := w.main().Seq()
	all := from + writers*edits
	var busy sync.WaitGroup
	for range writers {
		busy.Go(func() { w.editAlong(t, edits) })
	}
	defer busy.Wait()
	last := from
	for last < all {
		st := s.follow(t, "/events", fmt.Sprint(last))
		for range stretch {
			e, err := st.next()
			if err != nil {
				t.Fatalf("after event %d: %v", last, err)
			}
			if e.id != uint64(last)+1 || e.body.ID != e.id || e.body.Kind != e.kind || e.body.CID == "" || e.body.PI == "" {
				t.Fatalf("after event %d comes %+v", last, e)
			}
			if last++; last == all {
				break
			}
		}
		st.body.Close() // the connection breaks
	}
	busy.Wait()
	if now := w.main().Seq(); now != all {
		t.Errorf("the log ends at %d, the stream at %d", now, all)
	}
}

// editAlong makes an entity and edits it: n events.
func (w *rig) editAlong(t *testing.T, n int) {
	out := w.call("POST", "/entities", `{"type":"busy"}`)
	for i := 1; i < n && out.Code < 300; i++ {
		e := decode(t, out.Body.Bytes())
		out = w.call("PUT", "/entities/"+e["id"].(string), encode(t, object{"expect_tip": e["cid"]}))
	}
	if out.Code >= 300 {
		t.Errorf("status %d: %s", out.Code, out.Body)
	}
}

// A stream without a number begins with the next change, one with since after
// that, and filters pass over the rest.
func TestStreamBeginsWhereItIsTold(t *testing.T) {
	w := newRig(t, rigOptions{})
	s := serveDrained(t, w)
	w.create(t, object{"type": "before"})
	now, all, some := s.follow(t, "/events", ""), s.follow(t, "/events?since=0", ""), s.follow(t, "/events?type=after&since=0", "")
	id, _ := w.create(t, object{"type": "after"})
	seq := uint64(w.main().Seq())
	for name, st := range map[string]*stream{"from now": now, "filtered": some} {
		if e, err := st.next(); err != nil || e.id != seq || e.body.PI != id || e.kind != "create" {
			t.Errorf("%s: %+v, %v", name, e, err)
		}
	}
	for want := uint64(1); want <= seq; want++ {
		if e, err := all.next(); err != nil || e.id != want {
			t.Errorf("from the first: %+v, %v, want %d", e, err, want)
		}
	}
}

// watched is the real store, which tells when somebody begins to wait for a
// change.
type watched struct {
	entity.Store
	waiting chan struct{}
}

func (w watched) Wait(ctx context.Context, after entity.Seq) error {
	select {
	case w.waiting <- struct{}{}:
	default:
	}
	return w.Store.Wait(ctx, after)
}

func newWatchedRig(t *testing.T) (*rig, *drained, chan struct{}) {
	waiting := make(chan struct{}, 16)
	w := newRig(t, rigOptions{watch: func(s entity.Store) entity.Store { return watched{s, waiting} }})
	return w, serveDrained(t, w), waiting
}

// page is the answer of a poll.
type page struct {
	Events []struct {
		ID uint64
		PI string
	}
	Cursor, Latest uint64
}

// poll asks for what comes after a number, and sends the answer when it comes.
func (s *drained) poll(t *testing.T, query string) chan page {
	answer := make(chan page, 1)
	go func() {
		defer close(answer)
		res, err := s.Client().Get(s.URL + "/events?" + query)
		if err != nil {
			t.Error(err)
			return
		}
		defer res.Body.Close()
		var p page
		if err := json.NewDecoder(res.Body).Decode(&p); err != nil || res.StatusCode != 200 {
			t.Errorf("status %d: %v", res.StatusCode, err)
			return
		}
		answer <- p
	}()
	return answer
}

// A long poll is answered by the commit it waits for, past what its filter
// does not want.
func TestPollReturnsOnCommit(t *testing.T) {
	w, s, waiting := newWatchedRig(t)
	since := uint64(w.main().Seq())
	answer := s.poll(t, fmt.Sprintf("since=%d&wait=60&type=wanted", since))
	<-waiting
	w.create(t, object{"type": "other"})
	<-waiting // it has looked at the other and waits again
	select {
	case p := <-answer:
		t.Fatalf("answered by what it did not ask for: %+v", p)
	default:
	}
	id, _ := w.create(t, object{"type": "wanted"})
	p := <-answer
	if len(p.Events) != 1 || p.Events[0].PI != id || p.Cursor != since+2 {
		t.Errorf("%+v, want the event of %s", p, id)
	}
}

// A long poll that waits in vain is answered with an empty page and the cursor
// to go on with.
func TestPollInVain(t *testing.T) {
	w, s, waiting := newWatchedRig(t)
	since := uint64(w.main().Seq())
	answer := s.poll(t, fmt.Sprintf("since=%d&wait=1&type=none", since))
	<-waiting
	w.create(t, object{"type": "other"})
	if p := <-answer; len(p.Events) != 0 || p.Cursor < since || p.Cursor > since+1 {
		t.Errorf("%+v, want no events, and a cursor of %d or %d", p, since, since+1)
	}
}

// When the server is told to stop, streams and long polls end at once, without
// an error and without keeping it up, while other requests finish.
func TestStreamsEndOnShutdown(t *testing.T) {
	w, s, waiting := newWatchedRig(t)
	st := s.follow(t, "/events", "")
	<-waiting
	answer := s.poll(t, fmt.Sprintf("since=%d&wait=60", w.main().Seq()))
	<-waiting
	ended := make(chan error, 1)
	go func() {
		_, err := st.next()
		ended <- err
	}()
	s.stop()
	late := time.After(promptly)
	select {
	case p := <-answer:
		if len(p.Events) != 0 {
			t.Errorf("the poll is answered with %+v", p)
		}
	case <-late:
		t.Fatal("the poll goes on")
	}
	select {
	case err := <-ended:
		if !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("the stream does not end well: %v", err)
		}
	case <-late:
		t.Fatal("the stream goes on")
	}
	if res, err := s.Client().Get(s.URL + "/entities/" + string(ownerID)); err != nil || res.StatusCode != 200 {
		t.Errorf("another request fails: %v", err)
	} else {
		res.Body.Close()
	}
	ctx, cancel := context.WithTimeout(t.Context(), promptly)
	defer cancel()
	if err := s.Config.Shutdown(ctx); err != nil {
		t.Errorf("the server does not come down: %v", err)
	}
}

// The feed read in pages, forwards and backwards, in any sizes, is the log.
func TestFeedPagesAreTheLog(t *testing.T) {
	w := newRig(t, rigOptions{})
	w.editAlong(t, 20)
	ask := func(query string) page {
		out := w.call("GET", "/events?"+query, "")
		if out.Code != 200 {
			t.Fatalf("%s: %d %s", query, out.Code, out.Body)
		}
		var p page
		if err := json.Unmarshal(out.Body.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		return p
	}
	var want []uint64
	for i := range uint64(w.main().Seq()) {
		want = append(want, i+1)
	}
	for _, limit := range []int{1, 3, 7, 1000} {
		var up, down []uint64
		for p := ask(fmt.Sprintf("since=0&limit=%d", limit)); len(p.Events) > 0 && len(up) < len(want); p = ask(fmt.Sprintf("since=%d&limit=%d", p.Cursor, limit)) {
			for _, e := range p.Events {
				up = append(up, e.ID)
			}
		}
		for p := ask(fmt.Sprintf("limit=%d", limit)); len(p.Events) > 0 && len(down) < len(want); p = ask(fmt.Sprintf("cursor=%d&limit=%d", p.Cursor, limit)) {
			for _, e := range p.Events {
				down = append(down, e.ID)
			}
		}
		slices.Reverse(down)
		if !slices.Equal(up, want) || !slices.Equal(down, want) {
			t.Errorf("limit %d: forwards %v, backwards reversed %v, want %v", limit, up, down, want)
		}
	}
}
