package portal_test

import (
	"flag"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"stemma/api/wire/wiretest"
)

var update = flag.Bool("update", false, "write what the server answers into the scripts")

// Every script in testdata/wire/portal is answered as it says.
func TestScripts(t *testing.T) {
	wiretest.Run(t, "../../testdata/wire/portal", *update, func(t *testing.T) *wiretest.Script {
		w := &world{rig: newRig(t)}
		return &wiretest.Script{Send: func(method, target, body string, headers ...string) *httptest.ResponseRecorder {
			w.clock.Advance(time.Second)
			return w.send(method, strings.TrimPrefix(target, "/v1/portal"), body, headers...)
		}}
	})
}
