package gateway_test

import (
	"flag"
	"net/http/httptest"
	"testing"
	"time"

	"stemma/api/llm/llmtest"
	"stemma/api/llm/provider"
	"stemma/api/wire/wiretest"
)

var update = flag.Bool("update", false, "write what the server answers into the scripts")

// Every script in testdata/wire/gateway is answered as it says, by an agent that
// remembers and the provider of chatty.
func TestScripts(t *testing.T) {
	wiretest.Run(t, "../../testdata/wire/gateway", *update, func(t *testing.T) *wiretest.Script {
		var up *llmtest.Upstream
		w := newRig(t, rigOptions{agent: object{"conversations_enabled": true, "system_prompt": "Be brief."}, client: provider.Options{Failures: 1000}, now: func() time.Time { return time.Unix(1_700_000_001, 0) }})
		up = w.up
		up.Script(chatty(&up))
		s := &wiretest.Script{Send: func(method, target, body string, headers ...string) *httptest.ResponseRecorder {
			if body == "" {
				return w.call(method, target, nil, headers...)
			}
			return w.call(method, target, body, headers...)
		}}
		s.Set("key", w.key)
		return s
	})
}
