package native_test

import (
	"flag"
	"net/http/httptest"
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
		s := &wiretest.Script{Send: func(method, target, body string, headers ...string) *httptest.ResponseRecorder {
			w.clock.Advance(tick)
			return w.call(method, target, body, headers...)
		}}
		s.Set("owner", string(ownerID))
		s.Set("reader", string(readerID))
		s.Set("oidc", provider.Token(nil))
		s.Set("supabase", authtest.Supabase(t, w.clock.Now(), nil))
		s.Set("program", authtest.Supabase(t, w.clock.Now(), authtest.Claims{"role": "service", "sub": "program", "user_metadata": authtest.Claims{"name": "Program"}}))
		return s
	})
}
