package gateway_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"stemma/api/llm/llmtest"
	"stemma/api/llm/provider"
)

// What the gateway adds to a call, beside a plain reverse proxy to the same
// provider, which answers at once: with recording on, and on disk, whole and streamed.
//
//	go test ./api/gateway -bench Proxied -benchtime 3s -run ^$
func BenchmarkProxied(b *testing.B) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 256
	w := newRig(b, rigOptions{dir: b.TempDir(), client: provider.Options{Foreign: provider.ForeignTransport(true)}}, llmtest.Say("Hello, you, whoever you are."))
	w.up.Forget()
	gateway := httptest.NewServer(w)
	defer gateway.Close()
	to, err := url.Parse(w.up.URL)
	w.ok(err)
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }, Transport: transport, FlushInterval: -1}
	plain := httptest.NewServer(proxy)
	defer plain.Close()
	for _, stream := range []bool{false, true} {
		body := `{"model":"m-1","messages":[{"role":"user","content":"Hello there, how are you today?"}],"stream":` + map[bool]string{true: "true", false: "false"}[stream] + `}`
		for _, connections := range []int{1, 16, 64} {
			for _, via := range []struct{ name, url string }{{"plain", plain.URL}, {"gateway", gateway.URL}} {
				name := map[bool]string{true: "stream", false: "whole"}[stream] + "/" + via.name + "/" + itoa(connections)
				b.Run(name, func(b *testing.B) { w.load(b, via.url, body, connections) })
			}
		}
	}
}

func itoa(n int) string { return map[int]string{1: "1", 16: "16", 64: "64"}[n] }

// cpu is the time that this process has computed: client, proxy and provider.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// load sends b.N requests over so many connections, and reports what they took.
func (w *rig) load(b *testing.B, url, body string, connections int) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}}
	defer client.CloseIdleConnections()
	var next atomic.Int64
	took := make([]time.Duration, b.N)
	var all sync.WaitGroup
	b.ResetTimer()
	before := cpu(b)
	for range connections {
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(b.N); i = next.Add(1) - 1 {
				r, err := http.NewRequest("POST", url+"/v1/chat/completions", strings.NewReader(body))
				if err != nil {
					b.Error(err)
					return
				}
				r.Header.Set("Content-Type", "application/json")
				r.Header.Set("Authorization", "Bearer "+w.key)
				start := time.Now()
				res, err := client.Do(r)
				if err != nil {
					b.Error(err)
					return
				}
				_, err = io.Copy(io.Discard, res.Body)
				res.Body.Close()
				if took[i] = time.Since(start); err != nil || res.StatusCode != 200 {
					b.Errorf("%d %v", res.StatusCode, err)
					return
				}
			}
		})
	}
	all.Wait()
	w.runs.Flush()
	b.StopTimer()
	b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N), "cpu-µs/call")
	slices.Sort(took)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}
