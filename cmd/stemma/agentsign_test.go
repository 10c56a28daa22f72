package main

import (
	"crypto/ed25519"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"stemma/api/outbound"
	"stemma/cmd/stemma/agent"
	"stemma/entity"
)

// Our agent takes what the server has signed, now and as it was sent, and nothing
// else; it asks for the key once an hour, and again where a signature does not fit.
func TestAgentChecksSignatures(t *testing.T) {
	s, err := openServer(t.Context(), serverOptions{bootstrapKey: testKey, logger: slog.New(slog.DiscardHandler), maxBody: 1 << 20, noSearch: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var asked, now atomic.Int64
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/.well-known/signing-key" {
			asked.Add(1)
		}
		s.handler.ServeHTTP(w, r)
	}))
	defer front.Close()
	start := time.Now().Add(-3 * time.Hour).Truncate(time.Second)
	clock := func() time.Time { return start.Add(time.Duration(now.Load())) }
	const id = "01KDVR0000000000000000R0B0"
	a, err := agent.Open(agent.Options{Server: front.URL, ID: id, Key: "ak_" + strings.Repeat("0", 64), Dir: t.TempDir(), Jobs: 100, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	sent := 0
	body := func() string {
		sent++
		return fmt.Sprintf(`{"job_id":"job_01KDVR%020d","target":%q,"job_collection":%q,"expires_at":%q,"network":"main"}`, sent, id, id, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	}
	post := func(header, body string) (int, string) {
		r := httptest.NewRequest("POST", "/process", strings.NewReader(body))
		r.Header.Set(outbound.SignatureHeader, header)
		out := httptest.NewRecorder()
		a.ServeHTTP(out, r)
		return out.Code, out.Body.String()
	}
	if code, _ := post("", body()); code != 401 { // the key is made now
		t.Fatalf("a request without a signature: %d", code)
	}
	var key ed25519.PrivateKey
	err = s.stores[0].View(t.Context(), func(r entity.Reader) error {
		seed, err := r.Secret("agent-signing")
		key = ed25519.NewKeyFromSeed(seed)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	try := func(name string, header, body string, want int) {
		t.Helper()
		code, text := post(header, body)
		if code != want || strings.Contains(text, `"accepted":true`) != (want == 200) {
			t.Errorf("%s: %d %s, want %d", name, code, text, want)
		}
	}
	b := body()
	good := outbound.Sign(key, clock(), []byte(b))
	try("tampered", good, strings.Replace(b, "main", "test", 1), 401)
	try("good", good, b, 200)
	try("the same job again", good, b, 200)
	b = body()
	try("301 seconds old", outbound.Sign(key, clock().Add(-301*time.Second), []byte(b)), b, 401)
	try("61 seconds ahead", outbound.Sign(key, clock().Add(61*time.Second), []byte(b)), b, 401)
	try("of another key", outbound.Sign(ed25519.NewKeyFromSeed([]byte(strings.Repeat("x", 32))), clock(), []byte(b)), b, 401)
	signedWrong := func(name, body string) {
		try(name, outbound.Sign(key, clock(), []byte(body)), body, 400)
	}
	signedWrong("no JSON", "nothing")
	signedWrong("a path for a job", strings.Replace(b, "job_01", "job_../01", 1))
	signedWrong("a time that was", strings.Replace(b, `"expires_at":"2`, `"expires_at":"1`, 1))
	signedWrong("a network there is not", strings.Replace(b, "main", "moon", 1))
	if n := asked.Load(); n != 1 {
		t.Errorf("within a minute the key was asked for %d times", n)
	}
	now.Add(int64(30 * time.Minute))
	b = body()
	try("half an hour later", outbound.Sign(key, clock(), []byte(b)), b, 200)
	if n := asked.Load(); n != 1 {
		t.Errorf("within the hour the key was asked for %d times", n)
	}
	now.Add(int64(31 * time.Minute))
	b = body()
	try("an hour later", outbound.Sign(key, clock(), []byte(b)), b, 200)
	try("a bad one", "t=1,v1=x", b, 401)
	if n := asked.Load(); n != 2 {
		t.Errorf("after the hour the key was asked for %d times in all", n)
	}
}
