package arweave

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"stemma/entity"
	"stemma/entity/store"
)

// replies answers with a status, a body, and headers in turn.
func replies(status int, body string, headers ...string) answer {
	return func(_ *uploads, w http.ResponseWriter, _ *http.Request, _ *Item) {
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

// hangs answers nothing until the client has gone.
func hangs(_ *uploads, _ http.ResponseWriter, r *http.Request, _ *Item) { <-r.Context().Done() }

// cuts breaks the connection; after it has published the item, or before.
func cuts(published bool) answer {
	return func(s *uploads, _ http.ResponseWriter, _ *http.Request, i *Item) {
		if published {
			s.publish(i)
		}
		panic(http.ErrAbortHandler)
	}
}

// trickles sends a byte every ten seconds, for ever.
func trickles(_ *uploads, w http.ResponseWriter, r *http.Request, _ *Item) {
	for r.Context().Err() == nil {
		fmt.Fprint(w, " ")
		_ = http.NewResponseController(w).Flush()
		time.Sleep(10 * time.Second) // of the bubble
	}
}

// slow answers well, just within a minute.
func slow(s *uploads, w http.ResponseWriter, r *http.Request, i *Item) {
	time.Sleep(59 * time.Second) // of the bubble
	receipts(s, w, r, i)
}

// publishes does what it says, and answers otherwise.
func publishes(then answer) answer {
	return func(s *uploads, w http.ResponseWriter, r *http.Request, i *Item) {
		s.publish(i)
		then(s, w, r, i)
	}
}

// Whatever an upload service does once, the item that was signed first is the
// one that is published, once, and the anchor names it. The waits are those that
// the failure asks for.
func TestEveryFailure(t *testing.T) {
	const short, most, patient = 1250 * time.Millisecond, 15 * time.Minute, time.Minute
	for name, c := range map[string]struct {
		do       answer
		refusals int
		result   reason        // "": it is anchored at once
		from, to time.Duration // from the first try to the second
	}{
		"nothing wrong": {do: receipts},
		"slow":          {do: slow},
		"201": {do: func(s *uploads, w http.ResponseWriter, _ *http.Request, i *Item) {
			s.publish(i)
			w.WriteHeader(201)
			fmt.Fprintf(w, `{"id":%q}`, i.ID())
		}},
		"connection refused":              {refusals: 1, result: unreachable},
		"it hangs":                        {hangs, 0, unreachable, patient, patient + short},
		"it trickles":                     {trickles, 0, unreachable, patient, patient + short},
		"cut before it is published":      {cuts(false), 0, unreachable, 0, short},
		"cut after it is published":       {cuts(true), 0, unreachable, 0, short},
		"500":                             {replies(500, "oops"), 0, server, 0, short},
		"503, with a time":                {replies(503, "", "Retry-After", "120"), 0, server, 2 * time.Minute, 2*time.Minute + short},
		"429 with Retry-After in seconds": {replies(429, "slow down", "Retry-After", "3600"), 0, limited, time.Hour, time.Hour + short},
		"429 with a date":                 {replies(429, "", "Retry-After", "Sat, 01 Jan 2000 06:00:00 GMT"), 0, limited, 5 * time.Hour, 6 * time.Hour},
		"429 until the end of time":       {replies(429, "", "Retry-After", "2000000000"), 0, limited, 24 * time.Hour, 24*time.Hour + short},
		"429 without":                     {replies(429, ""), 0, limited, 0, short},
		"408":                             {replies(408, ""), 0, unreachable, 0, short},
		"402":                             {replies(402, "Insufficient balance"), 0, balance, most, most + short},
		"400":                             {replies(400, "Data item parsing error!"), 0, refused, most, most + short},
		"403":                             {replies(403, "Forbidden"), 0, refused, most, most + short},
		"404":                             {replies(404, "<html>"), 0, refused, most, most + short},
		"another id":                      {replies(200, `{"id":"QpmY8mZmFEC8RxNsgbxSV6e36OF6quIYaPRKzvUco0o"}`), 0, otherItem, most, most + short},
		"another id, and it is published": {publishes(replies(200, `{"id":"QpmY8mZmFEC8RxNsgbxSV6e36OF6quIYaPRKzvUco0o"}`)), 0, otherItem, most, most + short},
		"garbage":                         {replies(200, "<!doctype html>"), 0, noReceipt, 0, short},
		"JSON of something else":          {replies(200, `{"ok":true}`), 0, noReceipt, 0, short},
		"an id that is no string":         {replies(200, `{"id":7}`), 0, noReceipt, 0, short},
		"200 with an empty body":          {publishes(replies(200, "")), 0, noReceipt, 0, short},
		"204":                             {replies(204, ""), 0, noReceipt, 0, short},
		"an answer without end":           {replies(200, `{"id":"`+strings.Repeat("x", maxAnswer)), 0, noReceipt, 0, short},
		"a redirect elsewhere":            {replies(307, "", "Location", "http://elsewhere.example/v1/tx"), 0, redirected, most, most + short},
		"a redirect here":                 {replies(302, "", "Location", "/v1/tx"), 0, redirected, most, most + short},
		"202 of an item it knows":         {do: publishes(replies(202, "Accepted"))},
		"202 of one it does not":          {replies(202, "Accepted"), 0, unconfirmed, 0, short},
	} {
		t.Run(name, func(t *testing.T) {
			var script []answer
			if c.do != nil {
				script = append(script, c.do)
			}
			bubble(t, script, func(r *rig) {
				r.service.refusals = c.refusals
				r.log.grow(t, 3)
				a := r.start()
				r.after(25 * time.Hour)
				if err := a.Close(); err != nil {
					t.Fatal(err)
				}
				tried, at, published := r.service.state()
				anchors := r.log.anchored()
				if len(anchors) != 1 || published != 1 || anchors[0].ID != tried[0] || anchors[0].Size != 3 || anchors[0].URL != "https://arweave.net/"+tried[0] {
					t.Fatalf("%d items published, anchored %+v; tried %v", published, anchors, tried)
				}
				if i, err := Parse(r.service.published[tried[0]]); err != nil || string(i.Data) != anchors[0].Text || i.Tag("Size") != "3" || i.Tag("Origin") != "log.example/tlog" {
					t.Errorf("published: %+v, %v", i, err)
				}
				if c.result == "" {
					if len(tried) != 1 || strings.Contains(r.lines.String(), "WARN") {
						t.Errorf("tried %v\n%s", tried, r.lines)
					}
					return
				}
				if n := r.metric("stemma_arweave_steps_total", string(c.result)); n != 1 || r.metric("stemma_arweave_steps_total", "anchored") != 1 {
					t.Errorf("%v steps ended as %s", n, c.result)
				}
				if strings.Count(r.lines.String(), "WARN") != 1 || !strings.Contains(r.lines.String(), "reason="+string(c.result)) || !strings.Contains(r.lines.String(), "goes on") {
					t.Errorf("the log:\n%s", r.lines)
				}
				if c.refusals > 0 {
					return
				}
				if len(tried) != 2 || tried[1] != tried[0] {
					t.Fatalf("tried %v", tried)
				}
				if waited := at[1].Sub(at[0]); waited < c.from || waited > c.to {
					t.Errorf("waited %s; %s to %s", waited, c.from, c.to)
				}
			})
		})
	}
}

// A service that is down for a month is tried all the time, more and more
// seldom, and logged about when the reason changes; then the item is anchored.
func TestForEver(t *testing.T) {
	down := append(slices.Repeat([]answer{replies(500, "")}, 20), slices.Repeat([]answer{replies(402, "")}, 2000)...)
	bubble(t, down, func(r *rig) {
		r.log.grow(t, 1)
		a := r.start()
		r.after(time.Hour)
		if r.metric("stemma_arweave_underway", "") != 1 || r.metric("stemma_arweave_failures", "") < 10 || r.metric("stemma_arweave_anchored_size", "") != 0 {
			t.Error("the metrics do not show that nothing is anchored")
		}
		r.after(30 * 24 * time.Hour)
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		tried, at, published := r.service.state()
		if len(tried) != 2021 || published != 1 || len(slices.Compact(tried)) != 1 || len(r.log.anchored()) != 1 {
			t.Errorf("%d tries, %d published, %v", len(tried), published, r.log.anchored())
		}
		for i := 1; i < len(at); i++ {
			if wait := at[i].Sub(at[i-1]); wait > 15*time.Minute+time.Second {
				t.Fatalf("try %d came after %s", i, wait)
			}
		}
		if n := strings.Count(r.lines.String(), "WARN"); n != 2 {
			t.Errorf("%d warnings:\n%s", n, r.lines)
		}
		if r.metric("stemma_arweave_underway", "") != 0 || r.metric("stemma_arweave_failures", "") != 0 || r.metric("stemma_arweave_anchored_size", "") != 1 {
			t.Error("the metrics do not show that it is anchored")
		}
	})
}

// A log that grows all the time is anchored once in an interval, and one that
// does not grow is not anchored again.
func TestInterval(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		a := r.start()
		r.after(5 * time.Hour)
		if tried, _, _ := r.service.state(); len(tried) != 0 {
			t.Errorf("an empty log was anchored: %v", tried)
		}
		for range 6 * 60 {
			r.log.grow(t, 2)
			r.after(time.Minute)
		}
		r.after(24 * time.Hour)
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		var sizes []int64
		for _, anchor := range r.log.anchored() {
			sizes = append(sizes, anchor.Size)
		}
		// At once, then each hour what is there, and the rest.
		if want := []int64{2, 120, 240, 360, 480, 600, 720}; !slices.EqualFunc(sizes, want, func(a, b int64) bool { return a-b <= 2 && b-a <= 2 }) {
			t.Errorf("anchored at %v; want about %v", sizes, want)
		}
		if _, _, published := r.service.state(); published != len(sizes) {
			t.Errorf("%d published for %d anchors", published, len(sizes))
		}
	})
}

// A process that dies between signing and receipt, in whatever state the
// upload was, publishes that item when it is back and no other.
func TestDiesBeforeReceipt(t *testing.T) {
	for name, first := range map[string]answer{
		"published, not answered":     publishes(hangs),
		"not published, not answered": hangs,
		"refused":                     replies(500, ""),
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, []answer{first}, func(r *rig) {
				r.log.grow(t, 5)
				a := r.start()
				r.after(500 * time.Millisecond)
				if err := a.Close(); err != nil {
					t.Fatal(err)
				}
				if len(r.log.anchored()) != 0 {
					t.Fatal("anchored without a receipt")
				}
				r.log.grow(t, 5) // meanwhile
				a = r.start()
				r.after(time.Second)
				tried, _, published := r.service.state()
				anchors := r.log.anchored()
				if len(tried) != 2 || tried[1] != tried[0] || published != 1 || len(anchors) != 1 || anchors[0].ID != tried[0] || anchors[0].Size != 5 {
					t.Errorf("tried %v, %d published, anchored %+v", tried, published, anchors)
				}
				r.after(2 * time.Hour)
				if err := a.Close(); err != nil {
					t.Fatal(err)
				}
				if anchors := r.log.anchored(); len(anchors) != 2 || anchors[1].Size != 10 || anchors[1].ID == anchors[0].ID {
					t.Errorf("anchored next: %+v", anchors)
				}
			})
		})
	}
}

// When an anchor cannot be recorded, the same item is uploaded again, and
// recorded then. When it can never be, the next one waits.
func TestRecordFails(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		r.log.grow(t, 1)
		r.log.failWith(entity.Errorf(entity.KindFull, "test", "the disk is full"))
		a := r.start()
		r.after(10 * time.Minute)
		r.log.failWith(nil)
		r.after(15 * time.Minute)
		tried, _, published := r.service.state()
		if anchors := r.log.anchored(); published != 1 || len(tried) < 3 || len(anchors) != 1 || anchors[0].ID != tried[0] {
			t.Errorf("tried %v, %d published, anchored %+v", tried, published, anchors)
		}
		r.log.failWith(entity.Invalid("test", "no checkpoint of ours"))
		r.log.grow(t, 1)
		r.after(5 * time.Hour)
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		if _, _, published := r.service.state(); published < 3 || published > 6 {
			t.Errorf("%d published in five hours", published)
		}
	})
}

// A wallet that is replaced since the service refuses it gives up its item, but
// not one that the service has.
func TestOtherWallet(t *testing.T) {
	bubble(t, slices.Repeat([]answer{replies(402, "")}, 3), func(r *rig) {
		r.log.grow(t, 1)
		a := r.start()
		r.after(time.Minute)
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		r.wallet = wallet(t, "two")
		a = r.start()
		r.after(time.Hour)
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		anchors := r.log.anchored()
		tried, _, published := r.service.state()
		if len(tried) != 4 || tried[2] == tried[1] || tried[3] != tried[2] || published != 1 || len(anchors) != 1 || anchors[0].ID != tried[3] {
			t.Errorf("tried %v, %d published, anchored %+v", tried, published, anchors)
		}
	})
	bubble(t, []answer{publishes(replies(500, "")), replies(402, "")}, func(r *rig) {
		r.log.grow(t, 1)
		a := r.start()
		r.after(100 * time.Millisecond)
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		r.wallet = wallet(t, "two")
		a = r.start()
		r.after(time.Hour)
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		tried, _, published := r.service.state()
		if anchors := r.log.anchored(); published != 1 || len(anchors) != 1 || anchors[0].ID != tried[0] {
			t.Errorf("tried %v, %d published, anchored %+v", tried, published, anchors)
		}
	})
}

// What is in the place of the item that was being uploaded and is none is given
// up.
func TestDamagedPending(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		r.shelf.item = []byte("no item")
		r.log.grow(t, 1)
		a := r.start()
		r.after(time.Second)
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		if anchors := r.log.anchored(); len(anchors) != 1 || !strings.Contains(r.lines.String(), "damaged") {
			t.Errorf("anchored %+v\n%s", anchors, r.lines)
		}
	})
}

// What cannot be written down is not uploaded.
func TestShelfFails(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		r.shelf.fail = entity.Errorf(entity.KindFull, "test", "the disk is full")
		r.log.grow(t, 1)
		a := r.start()
		r.after(time.Hour)
		if tried, _, _ := r.service.state(); len(tried) != 0 || r.metric("stemma_arweave_steps_total", "store") < 5 {
			t.Errorf("tried %v", tried)
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// A shelf in a store keeps what was put there, and lets it go.
func TestInStore(t *testing.T) {
	dir := t.TempDir()
	for _, item := range []string{"", "one", "two", ""} {
		s, err := store.Open(store.Options{Dir: dir, Network: entity.Main})
		if err != nil {
			t.Fatal(err)
		}
		shelf := InStore(s)
		var b []byte
		if item != "" {
			b = []byte(item)
		}
		if err := shelf.Put(t.Context(), b); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if s, err = store.Open(store.Options{Dir: dir, Network: entity.Main}); err != nil {
			t.Fatal(err)
		}
		if got, err := InStore(s).Get(t.Context()); string(got) != item || (got == nil) != (item == "") || err != nil {
			t.Errorf("%q is on the shelf, put was %q: %v", got, item, err)
		}
		if err := s.View(t.Context(), func(r entity.Reader) error {
			if r.Seq() != 0 {
				t.Errorf("the log has %d changes", r.Seq())
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// What no service or gateway can be at is refused at the start.
func TestStartRefuses(t *testing.T) {
	for _, url := range []string{"", "upload.ardrive.io", "ftp://upload.example", "http://", "https://u.example/?x=1", "https://u.example/#x", "://"} {
		if a, err := Start(Options{Upload: url}); err == nil || entity.KindOf(err) != entity.KindInvalid || a != nil {
			t.Errorf("upload service %q: %v", url, err)
		}
		if url == "" {
			continue // the default
		}
		if a, err := Start(Options{Upload: "http://u.example", Gateway: url}); err == nil || entity.KindOf(err) != entity.KindInvalid || a != nil {
			t.Errorf("gateway %q: %v", url, err)
		}
	}
}
