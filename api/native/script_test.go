package native_test

import (
	"flag"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"stemma/api/auth/authtest"
	"stemma/api/wire/wiretest"
)

var update = flag.Bool("update", false, "write what the server answers into the scripts")

// Every script in testdata/wire/native is answered as it says. A script is
// steps, each in a paragraph of its own; its README tells the notation.
func TestScripts(t *testing.T) {
	wiretest.Run(t, "../../testdata/wire/native", *update, func(t *testing.T) *wiretest.Script {
		var provider *authtest.Provider
		w := newRig(t, rigOptions{issuer: func(now func() time.Time) string {
			provider = authtest.NewProvider(t, now)
			return provider.URL
		}})
		agent, _ := w.hire(t)
		agent.status = `{"job_id":"$job","status":"running","progress":{"total":2,"pending":1,"done":1,"error":0},"started_at":"2026-01-01T00:00:00.000Z","phase":"reading"}`
		agent.later = `{"job_id":"$job","status":"done","progress":{"total":2,"pending":0,"done":2,"error":0},"started_at":"2026-01-01T00:00:00.000Z","completed_at":"2026-01-01T00:00:09.000Z","result":{"summary":"ok"}}`
		s := &wiretest.Script{}
		s.Send = func(method, target, body string, headers ...string) *httptest.ResponseRecorder {
			w.clock.Advance(tick)
			agent.set(func(f *foreign) {
				f.verify = s.Expand(`{"verification_token":"$token","agent_id":"$agent"}`)
				f.accept = `{"accepted":true,"job_id":"$job"}`
				if method == "POST" && strings.Contains(body, `"busy"`) {
					f.accept = `{"accepted":false,"error":"busy with others","retry_after":30}`
				}
			})
			return w.call(method, target, body, headers...)
		}
		s.Set("owner", string(ownerID))
		s.Set("reader", string(readerID))
		s.Set("oidc", provider.Token(nil))
		s.Set("supabase", authtest.Supabase(t, w.clock.Now(), nil))
		s.Set("program", authtest.Supabase(t, w.clock.Now(), authtest.Claims{"role": "service", "sub": "program", "user_metadata": authtest.Claims{"name": "Program"}}))
		return s
	})
}
