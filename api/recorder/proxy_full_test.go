package recorder_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"stemma/api/recorder"
)

// holding is a provider that answers when it is told to, and at once those that say
// so.
type holding struct {
	begun   chan struct{}
	release chan struct{}
}

func (h *holding) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get("X-At-Once") == "" {
		h.begun <- struct{}{}
		<-h.release
	}
	return &http.Response{StatusCode: 200, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(`{"model":"m"}`)), Request: r}, nil
}

// While 2,048 calls are under way that are recorded, more are forwarded as ever,
// are not recorded, and are counted; once one of the 2,048 is recorded the next is.
func TestProxyIsFull(t *testing.T) {
	const most = 2048
	up := &holding{begun: make(chan struct{}), release: make(chan struct{})}
	registry := prometheus.NewRegistry()
	w := newRig(t, func(o *recorder.Options) { o.Transport, o.Registry = up, registry })
	send := func(headers ...string) *httptest.ResponseRecorder {
		return w.call("POST", "/proxy/"+annKey+"/a/openai/v1/chat/completions", `{}`, headers...)
	}
	var calls sync.WaitGroup
	for range most {
		calls.Go(func() {
			if out := send(); out.Code != 200 || out.Body.String() != `{"model":"m"}` {
				t.Errorf("%d %s", out.Code, out.Body)
			}
		})
	}
	for range most {
		<-up.begun
	}
	for range 3 {
		if out := send("X-At-Once", "1"); out.Code != 200 || out.Body.String() != `{"model":"m"}` {
			t.Errorf("one too many: %d %s", out.Code, out.Body)
		}
	}
	if n := dropped(t, registry, "no place"); n != 3 {
		t.Errorf("%v are counted as not recorded, want 3", n)
	}
	close(up.release)
	calls.Wait()
	w.service.Flush()
	if out := send("X-At-Once", "1"); out.Code != 200 {
		t.Error(out.Code)
	}
	w.service.Flush()
	if n := len(w.pages(t, url.Values{}, 200)); n != most+1 {
		t.Errorf("%d calls are recorded, want %d", n, most+1)
	}
	if n := dropped(t, registry, "no place"); n != 3 {
		t.Errorf("%v are counted as not recorded in the end", n)
	}
}

// dropped is the count of calls that were not recorded, by why.
func dropped(t *testing.T, registry *prometheus.Registry, why string) float64 {
	t.Helper()
	all, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range all {
		if family.GetName() != "stemma_recorder_dropped_total" {
			continue
		}
		for _, m := range family.GetMetric() {
			if m.GetLabel()[0].GetValue() == why {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}
