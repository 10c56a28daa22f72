package admin_test

import (
	"flag"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"stemma/api/wire/wiretest"
)

var update = flag.Bool("update", false, "write what the server answers into the scripts")

// Every script in testdata/wire/admin is answered as it says.
func TestScripts(t *testing.T) {
	wiretest.Run(t, "../../testdata/wire/admin", *update, func(t *testing.T) *wiretest.Script {
		w := newRig(t)
		const eve = "uk_5555555555555555555555555555555555555555555555555555555555555555"
		w.user("Eve", eve)
		s := &wiretest.Script{Send: func(method, target, body string, headers ...string) *httptest.ResponseRecorder {
			w.clock.Advance(time.Second)
			w.runs.Flush() // what was called is written behind the answer
			return w.call(rootKey, method, target, body, slices.Clone(headers)...)
		}}
		for name, value := range map[string]string{"root": rootKey, "rootid": string(rootID), "eve": eve} {
			s.Set(name, value)
		}
		return s
	})
}
