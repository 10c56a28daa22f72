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
		s := &wiretest.Script{Send: func(method, target, body string, headers ...string) *httptest.ResponseRecorder {
			w.clock.Advance(time.Second)
			if body != "" && body[0] != '{' {
				body = uploadOf(body)
			}
			return w.send(method, target, body, headers...)
		}}
		if strings.HasSuffix(t.Name(), "/conversations") { // these need a chat
			ann := w.signUp("ann")
			talk, people := w.said(ann.tenant, w.agent(ann, object{}), "Hello", "Hello to you")
			for name, value := range map[string]string{"ann": ann.token, "talk": talk, "people": people} {
				s.Set(name, value)
			}
		}
		if strings.HasSuffix(t.Name(), "/oidc") { // these need somebody who comes back from the provider
			w.vars = map[string]string{}
			w.returned()
			s.Set("browser", w.vars["browser"])
			s.Set("code", w.vars["code"])
		}
		if strings.HasSuffix(t.Name(), "/analytics") { // these need calls
			ann := w.signUp("ann")
			bot := w.agent(ann, object{})
			w.asked(ann.tenant, bot, object{"model": "gpt-4o-mini", "cost_usd": 0.002})
			first := w.asked(ann.tenant, bot, object{"status": "failed", "status_code": int64(502), "latency_ms": 1200.0})
			s.Set("ann", ann.token)
			s.Set("trace", first)
		}
		return s
	})
}

// uploadOf is an upload as scripts have it, a part on each line: name=value, or
// name=@filename: content.
func uploadOf(lines string) string {
	var parts []part
	for line := range strings.SplitSeq(strings.TrimSpace(lines), "\n") {
		field, value, _ := strings.Cut(line, "=")
		if file, content, ok := strings.Cut(value, ": "); ok && strings.HasPrefix(file, "@") {
			parts = append(parts, part{field: field, file: file[1:], content: content})
			continue
		}
		parts = append(parts, part{field: field, content: value})
	}
	return upload(parts...)
}
