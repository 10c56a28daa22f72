package syncclient_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"stemma/entity"
	"stemma/events/syncclient"
)

// direct answers requests without a network, so that time can be the test's.
type direct func(n int, w http.ResponseWriter, r *http.Request)

type directTransport struct {
	n      int
	answer direct
}

func (d *directTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	d.n++
	w := httptest.NewRecorder()
	d.answer(d.n, w, r)
	if w.Code == 0 || w.Body == nil {
		return nil, errors.New("no connection")
	}
	resp := w.Result()
	resp.Request = r
	return resp, nil
}

// page is an empty feed.
const emptyPage = `{"events":[],"has_more":false,"cursor":0,"latest":0}`

// askOnce follows an empty feed in bubble time: how long it took, how many
// requests, and the error.
func askOnce(t *testing.T, o syncclient.Options, answer direct) (took time.Duration, requests int, err error) {
	t.Helper()
	transport := &directTransport{answer: answer}
	o.HTTP = &http.Client{Transport: transport}
	c, newErr := syncclient.New("http://server.test/base/", o)
	if newErr != nil {
		t.Fatal(newErr)
	}
	start := time.Now()
	for _, err = range c.Follow(t.Context(), syncclient.Cursor{}, syncclient.FollowOptions{}) {
		if err != nil {
			break
		}
	}
	return time.Since(start), transport.n, err
}

// What may pass is waited for, longer each time, and as long as the server says.
func TestRetryWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var waits []time.Duration
		o := syncclient.Options{Retry: syncclient.Retry{First: time.Second, Most: 8 * time.Second, Notify: func(err error, wait time.Duration) {
			if entity.KindOf(err) != entity.KindUnavailable && entity.KindOf(err) != entity.KindRateLimited {
				t.Errorf("told of %v", err)
			}
			waits = append(waits, wait)
		}}}
		took, requests, err := askOnce(t, o, func(n int, w http.ResponseWriter, r *http.Request) {
			switch n {
			case 1, 2, 3, 4, 5, 6:
				w.WriteHeader([]int{500, 502, 503, 504, 503, 503}[n-1])
			case 7:
				w.Header().Set("Retry-After", "120")
				w.WriteHeader(http.StatusTooManyRequests)
			case 8:
				w.Header().Set("Retry-After", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
				w.WriteHeader(http.StatusServiceUnavailable)
			default:
				_, _ = w.Write([]byte(emptyPage))
			}
		})
		if err != nil || requests != 9 {
			t.Fatalf("%d requests, %v", requests, err)
		}
		var sum time.Duration
		for i, w := range waits {
			sum += w
			full := min(time.Second<<i, 8*time.Second)
			switch {
			case i < 6 && (w < full/2 || w > full+1):
				t.Errorf("wait %d took %s; want %s to %s", i+1, w, full/2, full)
			case i == 6 && w != 2*time.Minute:
				t.Errorf("Retry-After: 120 was waited for %s", w)
			case i == 7 && (w < time.Hour-time.Second || w > time.Hour):
				t.Errorf("Retry-After with a date was waited for %s", w)
			}
		}
		if took != sum {
			t.Errorf("it took %s; the waits are %s", took, sum)
		}
	})
}

// What does not pass is an error at once.
func TestRetryNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for status, kind := range map[int]entity.Kind{
			400: entity.KindInvalid, 401: entity.KindUnauthenticated, 403: entity.KindForbidden, 404: entity.KindNotFound,
			408: entity.KindTimeout, 409: entity.KindConflict, 413: entity.KindTooLarge, 415: entity.KindUnsupported, 418: entity.KindInvalid, 501: entity.KindNotImplemented,
		} {
			took, _, err := askOnce(t, syncclient.Options{}, func(_ int, w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(status)
				_, _ = w.Write([]byte(`{"error":"because"}`))
			})
			if took != 0 || entity.KindOf(err) != kind {
				t.Errorf("%d: %v after %s; want kind %s at once", status, err, took, kind)
			}
		}
	})
}

// Retry.For bounds how long nothing works.
func TestRetryGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := syncclient.Options{Retry: syncclient.Retry{For: time.Minute}}
		took, requests, err := askOnce(t, o, func(_ int, w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
		if entity.KindOf(err) != entity.KindUnavailable || took > time.Minute || took < 20*time.Second || requests < 4 {
			t.Errorf("%d requests in %s: %v", requests, took, err)
		}
	})
}

// A wait ends with the context.
func TestRetryEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := syncclient.New("http://server.test", syncclient.Options{HTTP: &http.Client{Transport: &directTransport{answer: func(_ int, w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(http.StatusServiceUnavailable)
		}}}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		if _, err := c.Block(ctx, entity.SumBlock(nil)); entity.KindOf(err) != entity.KindTimeout || time.Since(start) != time.Minute {
			t.Errorf("%v after %s", err, time.Since(start))
		}
	})
}

// A request says who asks, of which network, below the server's address.
func TestRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, _, err := askOnce(t, syncclient.Options{Key: "uk_secret", Network: entity.Test}, func(_ int, w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/base/events" || r.Header.Get("Authorization") != "ApiKey uk_secret" || r.Header.Get("X-Arke-Network") != "test" {
				t.Errorf("request %s %v", r.URL, r.Header)
			}
			_, _ = w.Write([]byte(emptyPage))
		})
		if err != nil {
			t.Error(err)
		}
	})
	for _, bad := range []string{"", "server", "ftp://server", "http://", "://", "/path"} {
		if _, err := syncclient.New(bad, syncclient.Options{}); entity.KindOf(err) != entity.KindInvalid {
			t.Errorf("address %q: %v", bad, err)
		}
	}
	if _, err := syncclient.New("http://server.test", syncclient.Options{Network: "moon"}); entity.KindOf(err) != entity.KindInvalid {
		t.Errorf("network: %v", err)
	}
}
