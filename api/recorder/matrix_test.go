package recorder_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"stemma/api/wire/wiretest"
)

// opRow is what the tables of tests have for an operation: a request that is
// answered well, whom else it lets in, and faults that only it can meet.
type opRow struct {
	path   string
	body   string
	status int // of the good request; 0: 200
	bob    int // what a stranger is answered who has a key of the same kind
	look   int // what Ann is answered with a key for looking only
	user   bool
	faults []fault
	otlp   bool // it is rather OTLP's than this view's: its body is unpacked, and errors are a google.rpc.Status
}

// check looks at the shape of an error of the operation.
func (r opRow) check(t *testing.T, name string, out *httptest.ResponseRecorder) {
	t.Helper()
	if r.otlp {
		checkStatus(t, name, out)
		return
	}
	checkError(t, name, out)
}

// fault is one bad request and the status of its answer. What is left empty is
// as in the good request.
type fault struct {
	name    string
	path    string
	body    string
	headers []string
	status  int
	says    string // in the answer
}

// Variables: $run is Ann's and running, $done has ended, $step is a step of $run,
// $nobody names nothing.
var opRows = map[string]opRow{
	"createSession": {path: "/api/v1/sessions", body: `{"metadata":{"a":1}}`, status: 201, bob: 201, look: 403, faults: []fault{
		{name: "metadata is text", body: `{"metadata":"x"}`, status: 400, says: "metadata must be an object"},
		{name: "no agent", headers: []string{"X-Agent-Name", ""}, status: 400, says: "X-Agent-Name is required"},
		{name: "a long agent", headers: []string{"X-Agent-Name", strings.Repeat("a", 201)}, status: 400},
		{name: "an agent of nobody", headers: []string{"X-Agent-Name", "01KDVR00000000000000000N0B"}, status: 404},
		{name: "a long key", headers: []string{"Idempotency-Key", strings.Repeat("k", 256)}, status: 400},
	}},
	"startRun": {path: "/api/v1/runs", body: `{"trigger_type":"api"}`, status: 201, bob: 201, look: 403, faults: []fault{
		{name: "no trigger", body: `{"input":"x"}`, status: 400, says: "trigger_type is required"},
		{name: "another trigger", body: `{"trigger_type":"cron"}`, status: 400, says: "must be one of api, schedule, webhook, manual, auto"},
		{name: "input is a number", body: `{"trigger_type":"api","input":7}`, status: 400, says: "input must be text"},
		{name: "metadata is a list", body: `{"trigger_type":"api","metadata":[]}`, status: 400},
		{name: "no such session", body: `{"trigger_type":"api","session_id":"sess_00000000-0000-0000-0000-000000000000"}`, status: 404, says: "there is no session"},
		{name: "a session of no form", body: `{"trigger_type":"api","session_id":"x"}`, status: 404},
		{name: "a run as session", body: `{"trigger_type":"api","session_id":"$run"}`, status: 404},
		{name: "no agent", headers: []string{"X-Agent-Name", ""}, status: 400},
		{name: "a time of no form", body: `{"trigger_type":"api","started_at":"yesterday"}`, status: 400},
	}},
	"recordStep": {path: "/api/v1/runs/$run/steps", body: `{"step_type":"action"}`, status: 201, bob: 404, look: 403, faults: append(runFaults("/steps"), []fault{
		{name: "no type", body: `{"output":"x"}`, status: 400, says: "step_type is required"},
		{name: "another type", body: `{"step_type":"thinking"}`, status: 400, says: "must be one of reasoning"},
		{name: "output is an object", body: `{"step_type":"action","output":{}}`, status: 400},
		{name: "a negative duration", body: `{"step_type":"action","duration_ms":-1}`, status: 400, says: "at least 0"},
		{name: "tokens are text", body: `{"step_type":"action","tokens_used":"9"}`, status: 400},
		{name: "metadata is text", body: `{"step_type":"action","metadata":"x"}`, status: 400},
	}...)},
	"recordTool": {path: "/api/v1/runs/$run/tools", body: `{"tool_name":"t","status":"success"}`, status: 201, bob: 404, look: 403, faults: append(runFaults("/tools"), []fault{
		{name: "no name", body: `{"status":"success"}`, status: 400, says: "tool_name is required"},
		{name: "an empty name", body: `{"tool_name":"","status":"success"}`, status: 400},
		{name: "no status", body: `{"tool_name":"t"}`, status: 400, says: "status is required"},
		{name: "another status", body: `{"tool_name":"t","status":"ok"}`, status: 400, says: "must be one of success, error, timeout"},
		{name: "arguments are text", body: `{"tool_name":"t","status":"success","arguments":"{}"}`, status: 400},
		{name: "no such step", body: `{"tool_name":"t","status":"success","step_id":"step_00000000-0000-0000-0000-000000000002"}`, status: 400, says: "has no step"},
		{name: "a step that is the start", body: `{"tool_name":"t","status":"success","step_id":"$start"}`, status: 400, says: "has no step"},
	}...)},
	"captureContext": {path: "/api/v1/runs/$run/context", body: `{"system_prompt":"p"}`, status: 201, bob: 404, look: 403, faults: append(runFaults("/context"), []fault{
		{name: "instructions are text", body: `{"active_instructions":"be brief"}`, status: 400},
		{name: "an instruction is a number", body: `{"active_instructions":[1]}`, status: 400, says: "active_instructions.0 must be text"},
		{name: "documents are an object", body: `{"retrieved_documents":{}}`, status: 400},
		{name: "tokens are negative", body: `{"total_tokens":-5}`, status: 400},
		{name: "no such step", body: `{"step_id":"step_x"}`, status: 400},
	}...)},
	"completeRun": {path: "/api/v1/runs/$run", body: `{"status":"completed"}`, bob: 404, look: 403, faults: append(runFaults(""), []fault{
		{name: "no status", body: `{"output":"x"}`, status: 400, says: "status is required"},
		{name: "running", body: `{"status":"running"}`, status: 400, says: "must be one of completed, failed, timeout"},
		{name: "cost is text", body: `{"status":"completed","total_cost_cents":"1"}`, status: 400},
		{name: "tokens are negative", body: `{"status":"completed","total_tokens":-1}`, status: 400},
	}...)},
	"recordBatch": {path: "/api/v1/batch", body: `{"records":[{"run":{"trigger_type":"auto"},"ref":"r"},{"run_id":"r","step":{"step_type":"action"}}]}`, status: 201, bob: 201, look: 403, faults: []fault{
		{name: "no records", body: `{}`, status: 400, says: "records is required"},
		{name: "an empty list", body: `{"records":[]}`, status: 400, says: "at least 1 item"},
		{name: "too many", body: `{"records":[` + strings.Repeat(`{},`, 1000) + `{}]}`, status: 400, says: "at most 1000 items"},
		{name: "an empty record", body: `{"records":[{}]}`, status: 400, says: "exactly one of session, run, step, tool, context and complete"},
		{name: "two bodies", body: `{"records":[{"run_id":"$run","step":{"step_type":"action"},"tool":{"tool_name":"t","status":"success"}}]}`, status: 400, says: "exactly one"},
		{name: "a step of no run", body: `{"records":[{"step":{"step_type":"action"}}]}`, status: 400, says: "records.0.run_id is required"},
		{name: "a later ref", body: `{"records":[{"run_id":"r","step":{"step_type":"action"}},{"ref":"r","run":{"trigger_type":"api"}}]}`, status: 404, says: "records.0"},
		{name: "a ref twice", body: `{"records":[{"ref":"r","run":{"trigger_type":"api"}},{"ref":"r","run":{"trigger_type":"api"}}]}`, status: 400, says: "names two records"},
		{name: "a bad member", body: `{"records":[{"run_id":"$run","step":{"step_type":"nap"}}]}`, status: 400, says: "records.0.step.step_type"},
		{name: "one of many is refused", body: `{"records":[{"run_id":"$run","step":{"step_type":"action"}},{"run_id":"$done","step":{"step_type":"action"}}]}`, status: 409, says: "records.1"},
		{name: "after the end", body: `{"records":[{"ref":"r","run":{"trigger_type":"api"}},{"run_id":"r","complete":{"status":"failed"}},{"run_id":"r","step":{"step_type":"action"}}]}`, status: 409, says: "records.2"},
	}},
	"exportTraces": {path: "/v1/traces", body: `{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331","name":"s"}]}]}]}`, bob: 200, look: 403, otlp: true, faults: exportFaults},
	"listRuns": {path: "/api/monitoring/runs", bob: 200, faults: []fault{
		{name: "a trace of no form", path: "/api/monitoring/runs?trace_id=0AF7651916CD43DD8448EB211C80319C", status: 400, says: "trace_id"},
		{name: "another status", path: "/api/monitoring/runs?status=done", status: 400},
		{name: "another trigger", path: "/api/monitoring/runs?trigger=cron", status: 400},
		{name: "a limit past all", path: "/api/monitoring/runs?limit=201", status: 400},
		{name: "no limit", path: "/api/monitoring/runs?limit=0", status: 400},
		{name: "a cursor of no form", path: "/api/monitoring/runs?cursor=abc", status: 400, says: "cursor"},
		{name: "a cursor of no base64", path: "/api/monitoring/runs?cursor=%2F%2F", status: 400},
		{name: "a time of no form", path: "/api/monitoring/runs?from=monday", status: 400},
		{name: "backwards", path: "/api/monitoring/runs?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", status: 400, says: "must be later than from"},
		{name: "another anomaly", path: "/api/monitoring/runs?anomaly=odd", status: 400, says: "repeated_tool_call"},
		{name: "a negative cost", path: "/api/monitoring/runs?min_cost_cents=-1", status: 400},
		{name: "no collection", path: "/api/monitoring/runs?collection=01KDVR00000000000000000N0B", status: 404},
		{name: "an id of no form", path: "/api/monitoring/runs?collection=x", status: 400},
		{name: "a session of no form", path: "/api/monitoring/runs?session=x", status: 404},
	}},
	"getRunDetail":   {path: "/api/monitoring/runs/$run", bob: 404, faults: monitorFaults("")},
	"replayRun":      {path: "/api/monitoring/runs/$run/replay", bob: 404, faults: monitorFaults("/replay")},
	"getRunTimeline": {path: "/api/monitoring/runs/$run/timeline", bob: 404, faults: monitorFaults("/timeline")},
	"getRunContext": {path: "/api/monitoring/runs/$run/context?step=$step", bob: 404, faults: append(monitorFaults("/context?step=$step"), []fault{
		{name: "no step", path: "/api/monitoring/runs/$run/context", status: 400, says: "step is required"},
		{name: "another's step", path: "/api/monitoring/runs/$done/context?step=$step", status: 404},
		{name: "a step of no form", path: "/api/monitoring/runs/$run/context?step=1", status: 404},
		{name: "nothing captured", path: "/api/monitoring/runs/$done/context?step=$donestep", status: 404, says: "no context was captured"},
	}...)},
	"verifyRun": {path: "/api/monitoring/runs/$run/verify", bob: 404, faults: monitorFaults("/verify")},
	"getRunEvidence": {path: "/api/monitoring/runs/$done/evidence", bob: 404, faults: append(monitorFaults("/evidence"), []fault{
		{name: "of a run that is running", path: "/api/monitoring/runs/$run/evidence", status: 409, says: "the run is running"},
		{name: "another format", path: "/api/monitoring/runs/$done/evidence?format=pdf", status: 400},
	}...)},
	"followRun": {path: "/api/monitoring/runs/$done/live", bob: 404, faults: append(monitorFaults("/live"), []fault{
		{name: "a place of no form", path: "/api/monitoring/runs/$done/live?after=x", status: 400},
		{name: "a negative place", path: "/api/monitoring/runs/$done/live?after=-1", status: 400},
		{name: "a Last-Event-ID of no form", headers: []string{"Last-Event-ID", "x"}, status: 400},
	}...)},
	"getMasking": {path: "/api/monitoring/masking", user: true, bob: 200},
	"setMasking": {path: "/api/monitoring/masking", body: `{"rules":[{"name":"m","pattern":"email"}]}`, user: true, bob: 200, look: 403, faults: []fault{
		{name: "no rules", body: `{}`, status: 400, says: "rules is required"},
		{name: "a rule of nothing", body: `{"rules":[{"name":"x"}]}`, status: 400, says: "rules.0.pattern is required where there is no path"},
		{name: "no name", body: `{"rules":[{"pattern":"x"}]}`, status: 400},
		{name: "no regular expression", body: `{"rules":[{"name":"x","pattern":"("}]}`, status: 400, says: "RE2"},
		{name: "matches nothing", body: `{"rules":[{"name":"x","pattern":"a*"}]}`, status: 400, says: "matches empty text"},
		{name: "no path", body: `{"rules":[{"name":"x","path":"input"}]}`, status: 400, says: "must be a path like"},
		{name: "a filter", body: `{"rules":[{"name":"x","path":"$[?(@.a)]"}]}`, status: 400},
		{name: "too many", body: `{"rules":[` + strings.Repeat(`{"name":"x","pattern":"x"},`, 100) + `{"name":"x","pattern":"x"}]}`, status: 400},
	}},
	"getRetention": {path: "/api/monitoring/retention", user: true, bob: 200},
	"setRetention": {path: "/api/monitoring/retention", body: `{"days":30}`, user: true, bob: 200, look: 403, faults: []fault{
		{name: "no days at all", body: `{"days":0}`, status: 400, says: "at least 1"},
		{name: "more than a century", body: `{"days":36501}`, status: 400, says: "at most 36500"},
		{name: "a part of a day", body: `{"days":1.5}`, status: 400},
		{name: "text", body: `{"days":"30"}`, status: 400},
		{name: "another member", body: `{"retention_days":30}`, status: 400, says: "days is required"},
		{name: "null", body: `{"days":null}`, status: 400, says: "days is required"},
	}},
	"holdRetention":    {path: "/api/monitoring/retention/hold", body: `{"reason":"case 7"}`, user: true, bob: 200, look: 403, faults: holdFaults},
	"releaseRetention": {path: "/api/monitoring/retention/hold", user: true, bob: 200, look: 403},
	"holdRun":          {path: "/api/monitoring/runs/$done/hold", body: `{"reason":"case 7"}`, user: true, bob: 404, look: 403, faults: append(monitorFaults("/hold"), holdFaults...)},
	"releaseRun":       {path: "/api/monitoring/runs/$done/hold", user: true, bob: 404, look: 403, faults: monitorFaults("/hold")},
	"endRetention":     {path: "/api/monitoring/retention", user: true, bob: 200, look: 403},
	"listRecorderKeys": {path: "/api/api-keys", user: true, bob: 200, look: 403},
	"createRecorderKey": {path: "/api/api-keys", body: `{"name":"ci"}`, status: 201, user: true, bob: 201, look: 403, faults: []fault{
		{name: "a long name", body: `{"name":"` + strings.Repeat("a", 101) + `"}`, status: 400},
		{name: "no days", body: `{"expires_in_days":0}`, status: 400},
		{name: "too many days", body: `{"expires_in_days":4000}`, status: 400},
		{name: "no action", body: `{"scopes":["everything"]}`, status: 400},
		{name: "too much", body: `{"scopes":["*:*"]}`, status: 400, says: "name the verbs"},
		{name: "no such verb", body: `{"scopes":["run:fly"]}`, status: 400},
	}},
	"revokeRecorderKey": {path: "/api/api-keys/$keyid", status: 204, user: true, bob: 404, look: 403, faults: []fault{
		{name: "no such key", path: "/api/api-keys/nothing", status: 404, says: "GET /api/api-keys"},
	}},
}

var holdFaults = []fault{
	{name: "a long reason", body: `{"reason":"` + strings.Repeat("a", 501) + `"}`, status: 400, says: "at most 500"},
	{name: "a reason that is a number", body: `{"reason":7}`, status: 400},
}

// runFaults are those of every operation that records in a run.
func runFaults(tail string) []fault {
	return []fault{
		{name: "no such run", path: "/api/v1/runs/$nobody" + tail, status: 404, says: "there is no run"},
		{name: "a run of no form", path: "/api/v1/runs/x" + tail, status: 404, says: "begins with run_"},
		{name: "a session", path: "/api/v1/runs/$session" + tail, status: 404},
		{name: "a user", path: "/api/v1/runs/" + string(annID) + tail, status: 404},
		{name: "a run that has ended", path: "/api/v1/runs/$done" + tail, status: 409, says: "has ended"},
	}
}

// monitorFaults are those of every operation that looks at a run.
func monitorFaults(tail string) []fault {
	return []fault{
		{name: "no such run", path: "/api/monitoring/runs/$nobody" + tail, status: 404},
		{name: "a run of no form", path: "/api/monitoring/runs/x" + tail, status: 404},
		{name: "a session", path: "/api/monitoring/runs/$session" + tail, status: 404},
	}
}

// fixture makes what the rows are about.
func (w *rig) fixture(t *testing.T) map[string]string {
	t.Helper()
	vars := map[string]string{"nobody": "run_00000000-0000-0000-0000-000000000000", "run": w.start(t), "done": w.start(t)}
	vars["session"] = w.must(t, 201, "POST", "/api/v1/sessions", `{}`)["session_id"].(string)
	vars["step"] = w.must(t, 201, "POST", "/api/v1/runs/"+vars["run"]+"/steps", `{"step_type":"reasoning"}`)["step_id"].(string)
	w.must(t, 201, "POST", "/api/v1/runs/"+vars["run"]+"/context", `{"system_prompt":"p"}`)
	vars["start"] = vars["step"][:len(vars["step"])-1] + "1"
	vars["donestep"] = w.must(t, 201, "POST", "/api/v1/runs/"+vars["done"]+"/steps", `{"step_type":"completion"}`)["step_id"].(string)
	w.must(t, 200, "PATCH", "/api/v1/runs/"+vars["done"], `{"status":"completed"}`)
	key := w.must(t, 201, "POST", "/api/api-keys", `{"name":"k"}`, "X-Api-Key", annUser)
	vars["keyid"] = key["id"].(string)
	return vars
}

// Every operation lets in whom it should, and nobody else.
func TestMatrix(t *testing.T) {
	for i := range newRig(t).ops {
		w := newRig(t)
		op := &w.ops[i]
		row, ok := opRows[op.ID]
		if !ok {
			if !strings.HasPrefix(op.ID, "proxy") {
				t.Errorf("%s has no row", op.ID)
			}
			continue
		}
		want := max(row.status, http.StatusOK)
		own, stranger, strangerWants := annKey, bobKey, row.bob
		if row.user {
			own, stranger = annUser, bobUser
		}
		look := row.look
		if look == 0 {
			look = want
		}
		for _, c := range []struct {
			who, key string
			status   int
		}{
			{"nobody", "", 401}, {"a key of no form", "ark_live_x", 401}, {"an unknown key", "ark_live_" + strings.Repeat("9", 64), 401},
			{"a stranger", stranger, strangerWants}, {"who may look", annLook, look}, {"Ann", own, want},
		} {
			vars := w.fixture(t)
			before := w.main().Seq()
			out := w.call(op.Method, wiretest.Fill(vars, row.path), wiretest.Fill(vars, row.body), "X-Api-Key", c.key)
			if out.Code != c.status {
				t.Errorf("%s by %s: %d, want %d: %.300s", op.ID, c.who, out.Code, c.status, out.Body)
			}
			if out.Code >= 400 && w.main().Seq() != before {
				t.Errorf("%s by %s was refused and wrote", op.ID, c.who)
			}
			if out.Code >= 400 {
				row.check(t, op.ID+" by "+c.who, out)
			}
		}
	}
}

// A key that was made for recording does that, and is no key to its keys.
func TestRecordingKeyIsBounded(t *testing.T) {
	w := newRig(t)
	made := w.must(t, 201, "POST", "/api/api-keys", `{"name":"ci"}`, "X-Api-Key", annUser)
	key := made["key"].(string)
	if !strings.HasPrefix(key, "ark_live_") || !strings.HasPrefix(key, made["key_prefix"].(string)) || len(made["key_prefix"].(string)) > 18 {
		t.Fatalf("%v", made)
	}
	run := w.must(t, 201, "POST", "/api/v1/runs", `{"trigger_type":"api"}`, "X-Api-Key", key)["run_id"].(string)
	w.must(t, 201, "POST", "/api/v1/runs/"+run+"/steps", `{"step_type":"action"}`, "X-Api-Key", key)
	w.must(t, 200, "PATCH", "/api/v1/runs/"+run, `{"status":"completed"}`, "X-Api-Key", key)
	w.must(t, 200, "GET", "/api/monitoring/runs/"+run, "", "X-Api-Key", key)
	if list := w.must(t, 200, "GET", "/api/monitoring/runs", "", "X-Api-Key", key)["runs"].([]any); len(list) != 1 {
		t.Errorf("it sees %d runs", len(list))
	}
	w.must(t, 403, "GET", "/api/api-keys", "", "X-Api-Key", key)
	w.must(t, 403, "POST", "/api/api-keys", `{}`, "X-Api-Key", key)
	w.must(t, 403, "PUT", "/api/monitoring/masking", `{"rules":[]}`, "X-Api-Key", key)
	w.must(t, 403, "PUT", "/api/monitoring/retention", `{"days":1}`, "X-Api-Key", key)
	// By Authorization too, and not once it is revoked.
	w.must(t, 200, "GET", "/api/monitoring/runs", "", "X-Api-Key", "", "Authorization", "ApiKey "+key)
	listed := w.must(t, 200, "GET", "/api/api-keys", "", "X-Api-Key", annUser)["keys"].([]any)
	if at(listed, 1, "id") != made["id"] || at(listed, 1, "key") != nil || at(listed, 1, "last_used_at") == nil {
		t.Errorf("the list has %v", listed)
	}
	w.must(t, 204, "DELETE", "/api/api-keys/"+made["id"].(string), "", "X-Api-Key", annUser)
	w.must(t, 401, "POST", "/api/v1/runs", `{"trigger_type":"api"}`, "X-Api-Key", key)
}
