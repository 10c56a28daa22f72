package recorder_test

import (
	"flag"
	"net/http/httptest"
	"testing"
	"time"

	"stemma/api/wire/wiretest"
)

var update = flag.Bool("update", false, "write what the server answers into the scripts")

// Every script in testdata/wire/recorder is answered as it says.
func TestScripts(t *testing.T) {
	wiretest.Run(t, "../../testdata/wire/recorder", *update, func(t *testing.T) *wiretest.Script {
		w := newRig(t)
		s := &wiretest.Script{Send: func(method, target, body string, headers ...string) *httptest.ResponseRecorder {
			w.clock.Advance(time.Second)
			return w.call(method, target, body, headers...)
		}}
		for name, value := range map[string]string{"ann": string(annID), "annkey": annKey, "annuser": annUser, "annlook": annLook, "bobkey": bobKey, "bobuser": bobUser} {
			s.Set(name, value)
		}
		return s
	})
}
