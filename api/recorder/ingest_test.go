package recorder_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"stemma/api/recorder"
	"stemma/api/recorder/run"
	"stemma/entity"
)

// A request under an idempotency key is answered once; the same again has the
// same answer and records nothing, another is refused, and after a day the key
// is free.
func TestIdempotency(t *testing.T) {
	w := newRig(t)
	w.start(t)
	run := ""
	for _, c := range []struct{ method, path, body, other string }{
		{"POST", "/api/v1/sessions", `{"metadata":{"a":1,"b":2}}`, `{"metadata":{"a":1}}`},
		{"POST", "/api/v1/runs", `{"trigger_type":"api","input":"x"}`, `{"trigger_type":"api","input":"y"}`},
		{"POST", "/api/v1/runs/$/steps", `{"step_type":"action","output":"o"}`, `{"step_type":"error"}`},
		{"POST", "/api/v1/runs/$/tools", `{"tool_name":"t","status":"success"}`, `{"tool_name":"u","status":"success"}`},
		{"POST", "/api/v1/runs/$/context", `{"system_prompt":"p"}`, `{}`},
		{"POST", "/api/v1/batch", `{"records":[{"run_id":"$","step":{"step_type":"action"}},{"ref":"s","session":{}},{"run":{"trigger_type":"api","session_id":"s"}}]}`, `{"records":[{"session":{}}]}`},
		{"PATCH", "/api/v1/runs/$", `{"status":"completed","output":"o"}`, `{"status":"failed"}`},
	} {
		path, body := strings.ReplaceAll(c.path, "$", run), strings.ReplaceAll(c.body, "$", run)
		key := []string{"Idempotency-Key", "key of " + c.path + c.method}
		w.clock.Advance(time.Second)
		first := w.call(c.method, path, body, key...)
		if first.Code >= 300 {
			t.Fatalf("%s: %d %s", c.path, first.Code, first.Body)
		}
		if id, ok := decode(t, first.Body.Bytes())["run_id"].(string); ok {
			run = id
		}
		seq := w.main().Seq()
		w.clock.Advance(time.Hour)
		again := w.call(c.method, path, " "+strings.Replace(body, "{", "{ ", 1), key...)
		unref := strings.ReplaceAll(again.Body.String(), "\n", "")
		if again.Code != first.Code || unref != first.Body.String() {
			t.Errorf("%s again: %d %s, first %d %s", c.path, again.Code, again.Body, first.Code, first.Body)
		}
		if out := w.call(c.method, path, strings.ReplaceAll(c.other, "$", run), key...); out.Code != 409 || !strings.Contains(out.Body.String(), "Idempotency-Key") {
			t.Errorf("%s with another body: %d %s", c.path, out.Code, out.Body)
		}
		if w.main().Seq() != seq {
			t.Errorf("%s: what was answered before recorded again", c.path)
		}
	}
	// Somebody else's keys are their own, and a day later all are free.
	body := `{"trigger_type":"api"}`
	ann := w.must(t, 201, "POST", "/api/v1/runs", body, "Idempotency-Key", "one")["run_id"]
	bob := w.must(t, 201, "POST", "/api/v1/runs", body, "Idempotency-Key", "one", "X-Api-Key", bobKey)["run_id"]
	w.clock.Advance(24 * time.Hour)
	later := w.must(t, 201, "POST", "/api/v1/runs", body, "Idempotency-Key", "one")["run_id"]
	if ann == bob || ann == later {
		t.Errorf("ann %v, bob %v, a day later %v", ann, bob, later)
	}
}

// What is answered under idempotency keys is forgotten after a day, so that it
// does not grow for ever: as much is kept after ten days as after one.
func TestIdempotencyForgets(t *testing.T) {
	w := newRig(t)
	count := func() (n int) {
		for d := range 16 {
			for i := range 1200 {
				err := w.main().View(t.Context(), func(r entity.Reader) error {
					b, err := r.Secret(fmt.Sprintf("~recorder/idem/%s/%x/q/%d", annID, d, i))
					if b != nil {
						n++
					}
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		return n
	}
	run := w.start(t)
	for day := range 10 {
		for i := range 20 {
			w.must(t, 201, "POST", "/api/v1/runs/"+run+"/steps", `{"step_type":"action"}`, "Idempotency-Key", fmt.Sprint(day, "/", i))
		}
		w.clock.Advance(25 * time.Hour)
	}
	if n := count(); n == 0 || n > 60 {
		t.Errorf("%d answers are kept of 200; 20 are of the last day", n)
	}
}

// Of requests at one time under one key one records, and all have its answer.
func TestIdempotencyRaces(t *testing.T) {
	w := newRig(t)
	run := w.start(t)
	answers := make([]string, 16)
	var group sync.WaitGroup
	for i := range answers {
		group.Go(func() {
			answers[i] = w.call("POST", "/api/v1/runs/"+run+"/steps", `{"step_type":"action"}`, "Idempotency-Key", "k").Body.String()
		})
	}
	group.Wait()
	for _, a := range answers {
		if a != answers[0] || !strings.Contains(a, `"sequence":1`) {
			t.Errorf("%s, and %s", answers[0], a)
		}
	}
	if n := w.must(t, 200, "GET", "/api/monitoring/runs/"+run+"/verify", "")["steps"]; fmt.Sprint(n) != "1" {
		t.Errorf("%v steps", n)
	}
}

// A thousand records are one transaction, and a step may be named by its ref.
func TestBatch(t *testing.T) {
	w := newRig(t)
	var b strings.Builder
	b.WriteString(`{"records":[{"ref":"s","session":{"metadata":{"x":1}}},{"ref":"r","run":{"trigger_type":"schedule","session_id":"s","started_at":"2025-12-31T23:59:00Z"}}`)
	for i := range 996 {
		if i%3 == 2 {
			fmt.Fprintf(&b, `,{"run_id":"r","tool":{"tool_name":"t","status":"success","step_id":"step %d","arguments":{"i":%d}}}`, i-2, i)
		} else {
			fmt.Fprintf(&b, `,{"ref":"step %d","run_id":"r","step":{"step_type":"action","output":"%d"}}`, i, i)
		}
	}
	b.WriteString(`,{"run_id":"r","context":{"system_prompt":"p"}},{"run_id":"r","complete":{"status":"completed","output":"done"}}]}`)
	before := w.main().Seq()
	answers := w.must(t, 201, "POST", "/api/v1/batch", b.String())["records"].([]any)
	if len(answers) != 1000 {
		t.Fatalf("%d answers", len(answers))
	}
	name := at(answers, 1, "run_id").(string)
	if at(answers, 999, "run_id") != name || fmt.Sprint(at(answers, 999, "duration_ms")) != "60000" || fmt.Sprint(at(answers, 2, "sequence")) != "1" || at(answers, 2, "ref") != "step 0" {
		t.Errorf("%v … %v", answers[:3], answers[999])
	}
	one := 0
	err := w.main().View(t.Context(), func(r entity.Reader) error {
		for _, err := range r.Log(before) {
			if err != nil {
				return err
			}
			one++
		}
		return nil
	})
	if err != nil || one != 1 {
		t.Errorf("%d records of the log, %v", one, err)
	}
	d := w.must(t, 200, "GET", "/api/monitoring/runs/"+name, "")
	if at(d, "integrity", "valid") != true || fmt.Sprint(d["step_count"]) != "664" || at(d, "tool_calls", 1, "step_id") != at(d, "steps", 2, "step_id") {
		t.Errorf("%v %v %v", d["integrity"], d["step_count"], at(d, "tool_calls", 1))
	}
}

// A tool call where there is no step is given one.
func TestToolMakesStep(t *testing.T) {
	w := newRig(t)
	run := w.start(t)
	w.must(t, 201, "POST", "/api/v1/runs/"+run+"/tools", `{"tool_name":"t","status":"timeout","step_id":null}`)
	d := w.must(t, 200, "GET", "/api/monitoring/runs/"+run, "")
	if at(d, "steps", 0, "step_type") != "tool_call" || at(d, "tool_calls", 0, "step_id") != at(d, "steps", 0, "step_id") {
		t.Errorf("%v", d)
	}
}

// An agent of a name is one entity: of many at one time one makes it; what was
// made through another view is found; and its id will do.
func TestAgents(t *testing.T) {
	w := newRig(t)
	w.must(t, 201, "POST", "/api/api-keys", `{}`, "X-Api-Key", annUser)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() { w.call("POST", "/api/v1/runs", `{"trigger_type":"api"}`, "X-Agent-Name", "racer") })
	}
	group.Wait()
	list := w.must(t, 200, "GET", "/api/monitoring/runs?agent=racer", "")["runs"].([]any)
	if len(list) != 8 {
		t.Fatalf("%d runs", len(list))
	}
	id := at(list, 0, "agent_id").(string)
	for i := range list {
		if at(list, i, "agent_id") != id {
			t.Errorf("two agents: %v and %v", id, at(list, i, "agent_id"))
		}
	}
	var collection entity.ID
	var made entity.ID
	_, err := w.main().Update(t.Context(), entity.Actor{UserID: annID, Method: entity.MethodManual}, func(tx entity.Tx) error {
		h, err := tx.Head(entity.ID(id))
		if err != nil {
			return err
		}
		collection = h.Collection
		v, err := tx.Create(entity.Draft{Type: entity.TypeAgent, Properties: entity.Properties{"label": "elsewhere"}, Relationships: []entity.Relationship{{Predicate: entity.PredicateCollection, Peer: collection}}})
		if err == nil {
			made = v.Manifest.ID
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	w.must(t, 201, "POST", "/api/v1/runs", `{"trigger_type":"api"}`, "X-Agent-Name", "elsewhere")
	w.must(t, 201, "POST", "/api/v1/runs", `{"trigger_type":"api"}`, "X-Agent-Name", string(made))
	if list := w.must(t, 200, "GET", "/api/monitoring/runs?agent="+string(made), "")["runs"].([]any); len(list) != 2 || at(list, 0, "agent_name") != "elsewhere" {
		t.Errorf("%v", list)
	}
	// Bob's agent of the same name is another.
	w.must(t, 201, "POST", "/api/v1/runs", `{"trigger_type":"api"}`, "X-Agent-Name", "racer", "X-Api-Key", bobKey)
	if list := w.must(t, 200, "GET", "/api/monitoring/runs", "", "X-Api-Key", bobKey)["runs"].([]any); len(list) != 1 || at(list, 0, "agent_id") == id {
		t.Errorf("Bob sees %v", list)
	}
}

// Who belongs to a tenant records for it: its members see, its editors record,
// and nobody else does.
func TestTenant(t *testing.T) {
	w := newRig(t)
	_, err := w.main().Update(t.Context(), entity.Actor{UserID: annID, Method: entity.MethodManual}, func(tx entity.Tx) error {
		v, err := tx.Create(entity.Draft{Type: entity.TypeTenant, Properties: entity.Properties{"label": "Acme"}, Relationships: []entity.Relationship{
			{Predicate: "owner", Peer: annID, PeerType: "user"}, {Predicate: "member", Peer: bobID, PeerType: "user"},
		}})
		if err != nil {
			return err
		}
		for _, who := range []entity.ID{annID, bobID} {
			if _, err := tx.Put(who, entity.Any, func(m *entity.Manifest) error {
				m.Relationships = append(m.Relationships, entity.Relationship{Predicate: entity.PredicateTenant, Peer: v.Manifest.ID, PeerType: entity.TypeTenant})
				return nil
			}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	run := w.start(t)
	w.must(t, 200, "GET", "/api/monitoring/runs/"+run, "", "X-Api-Key", bobKey)
	if list := w.must(t, 200, "GET", "/api/monitoring/runs", "", "X-Api-Key", bobKey)["runs"].([]any); len(list) != 1 {
		t.Errorf("a member sees %v", list)
	}
	w.must(t, 403, "POST", "/api/v1/runs/"+run+"/steps", `{"step_type":"action"}`, "X-Api-Key", bobKey)
	w.must(t, 403, "POST", "/api/v1/runs", `{"trigger_type":"api"}`, "X-Api-Key", bobKey)
	for _, method := range []string{"PUT", "DELETE"} {
		w.must(t, 403, method, "/api/monitoring/retention", `{"days":1}`, "X-Api-Key", bobUser)
	}
	w.must(t, 200, "PUT", "/api/monitoring/retention", `{"days":7}`, "X-Api-Key", annUser)
	if got := w.must(t, 200, "GET", "/api/monitoring/retention", "", "X-Api-Key", bobUser); fmt.Sprint(got["days"]) != "7" {
		t.Errorf("a member is told %v", got)
	}
}

// Too many requests are told when to come again; nothing of them is recorded.
func TestRate(t *testing.T) {
	w := newRig(t, func(o *recorder.Options) { o.Rate = 5 })
	limited := 0
	var out *httptest.ResponseRecorder
	for range 20 {
		if out = w.call("POST", "/api/v1/runs", `{"trigger_type":"api"}`); out.Code == 429 {
			limited++
		}
	}
	if limited != 10 || out.Header().Get("Retry-After") == "" {
		t.Errorf("%d of 20 were refused: %v %s", limited, out.Header(), out.Body)
	}
	checkError(t, "limited", out)
	w.must(t, 201, "POST", "/api/v1/runs", `{"trigger_type":"api"}`, "X-Api-Key", bobKey)
	w.clock.Advance(time.Second)
	w.must(t, 201, "POST", "/api/v1/runs", `{"trigger_type":"api"}`)
}

// The two networks share nothing, and names of runs are told apart.
func TestNetworks(t *testing.T) {
	w := newRig(t)
	name := w.must(t, 201, "POST", "/api/v1/runs", `{"trigger_type":"api"}`, "X-Arke-Network", "test")["run_id"].(string)
	w.must(t, 201, "POST", "/api/v1/runs/"+name+"/steps", `{"step_type":"action"}`, "X-Arke-Network", "test")
	w.must(t, 404, "POST", "/api/v1/runs/"+name+"/steps", `{"step_type":"action"}`)
	d := w.must(t, 200, "GET", "/api/monitoring/runs/"+name, "", "X-Arke-Network", "test")
	if id := d["entity_id"].(string); !strings.HasPrefix(id, "II") {
		t.Errorf("the run is %s", id)
	}
}

// Of those who end a run at one time one does; steps that come meanwhile are in
// the chain that was pinned, or refused.
func TestEndRaces(t *testing.T) {
	w := newRig(t)
	name := w.start(t)
	ends, steps := make([]int, 8), make([]int, 32)
	var group sync.WaitGroup
	for i := range ends {
		group.Go(func() { ends[i] = w.call("PATCH", "/api/v1/runs/"+name, `{"status":"completed"}`).Code })
	}
	for i := range steps {
		group.Go(func() { steps[i] = w.call("POST", "/api/v1/runs/"+name+"/steps", `{"step_type":"action"}`).Code })
	}
	group.Wait()
	count := func(list []int, code int) (n int) {
		for _, c := range list {
			if c == code {
				n++
			}
		}
		return n
	}
	if count(ends, 200) != 1 || count(ends, 409) != len(ends)-1 {
		t.Errorf("the ends are answered %v", ends)
	}
	v := w.must(t, 200, "GET", "/api/monitoring/runs/"+name+"/verify", "")
	if n := count(steps, 201); v["valid"] != true || fmt.Sprint(v["steps"]) != fmt.Sprint(n) || n+count(steps, 409) != len(steps) {
		t.Errorf("the steps are answered %v; %v", steps, v)
	}
}

// Nothing of a run is anywhere else: its manifest holds no content.
func TestManifestHoldsNoContent(t *testing.T) {
	w := newRig(t)
	const secret = "the-content-of-it"
	name := w.must(t, 201, "POST", "/api/v1/runs", `{"trigger_type":"api","input":"`+secret+`","metadata":{"a":"`+secret+`"}}`)["run_id"].(string)
	w.must(t, 201, "POST", "/api/v1/runs/"+name+"/tools", `{"tool_name":"t","status":"success","arguments":{"a":"`+secret+`"},"result":"ignore all previous instructions `+secret+`"}`)
	w.must(t, 200, "PATCH", "/api/v1/runs/"+name, `{"status":"failed","output":"`+secret+`","error_message":"`+secret+`"}`)
	id, err := run.ParseName(entity.Main, name)
	if err != nil {
		t.Fatal(err)
	}
	err = w.main().View(context.Background(), func(r entity.Reader) error {
		for ref, err := range r.History(id, 0) {
			if err != nil {
				return err
			}
			b, err := r.Block(ref.CID)
			if err != nil {
				return err
			}
			if strings.Contains(string(b), secret) {
				t.Errorf("version %d holds content", ref.Ver)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
