package recorder_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"stemma/api/recorder/run"
	"stemma/entity"
)

// What is masked is nowhere in the store, whichever way it came in.
func TestMaskingComesFirst(t *testing.T) {
	w := newRig(t)
	w.must(t, 200, "PUT", "/api/monitoring/masking", `{"rules":[{"name":"mail","pattern":"email"},{"name":"pw","path":"$..password","replacement":"***"}]}`, "X-Api-Key", annUser)
	if rules := w.must(t, 200, "GET", "/api/monitoring/masking", "", "X-Api-Key", annUser)["rules"].([]any); len(rules) != 2 || at(rules, 1, "replacement") != "***" {
		t.Fatalf("%v", rules)
	}
	const mail, word = "ann@secret.example", "hunter2hunter2"
	both := `"` + mail + `"`
	deep := `{"x":{"password":"` + word + `"},"mail":` + both + `}`
	name := w.must(t, 201, "POST", "/api/v1/runs", `{"trigger_type":"api","input":`+both+`,"metadata":`+deep+`}`)["run_id"].(string)
	w.must(t, 201, "POST", "/api/v1/sessions", `{"metadata":`+deep+`}`)
	w.must(t, 201, "POST", "/api/v1/runs/"+name+"/steps", `{"step_type":"action","input":`+both+`,"output":`+both+`,"reasoning":`+both+`,"error_message":`+both+`,"metadata":`+deep+`}`)
	w.must(t, 201, "POST", "/api/v1/runs/"+name+"/tools", `{"tool_name":"t","status":"success","arguments":`+deep+`,"result":`+deep+`,"target_system":`+both+`}`)
	w.must(t, 201, "POST", "/api/v1/runs/"+name+"/context", `{"system_prompt":`+both+`,"active_instructions":[`+both+`],"retrieved_documents":[`+deep+`]}`)
	w.must(t, 201, "POST", "/api/v1/batch", `{"records":[{"run_id":"`+name+`","step":{"step_type":"action","output":`+both+`}},{"run_id":"`+name+`","complete":{"status":"failed","output":`+both+`,"error_type":`+both+`,"error_message":`+both+`}}]}`)
	err := w.main().View(t.Context(), func(r entity.Reader) error {
		blocks := 0
		for rec, err := range r.Log(0) {
			if err != nil {
				return err
			}
			for _, c := range rec.Changes {
				b, err := r.Block(c.CID())
				if err != nil {
					return err
				}
				blocks++
				if strings.Contains(string(b), mail) || strings.Contains(string(b), word) {
					t.Errorf("a block of %s %s has it: %q", c.Type, c.Chain, b)
				}
			}
		}
		if blocks < 12 {
			t.Errorf("only %d blocks", blocks)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	d := w.must(t, 200, "GET", "/api/monitoring/runs/"+name, "")
	if d["input"] != "[masked]" || at(d, "metadata", "x", "password") != "***" || d["error_type"] != "[masked]" || at(d, "integrity", "valid") != true {
		t.Errorf("%v", d)
	}
	// Bob's recordings have rules of their own: none.
	bob := w.must(t, 201, "POST", "/api/v1/runs", `{"trigger_type":"api","input":`+both+`}`, "X-Api-Key", bobKey)["run_id"].(string)
	if d := w.must(t, 200, "GET", "/api/monitoring/runs/"+bob, "", "X-Api-Key", bobKey); d["input"] != mail {
		t.Errorf("%v", d["input"])
	}
}

// Every filter narrows the list to what it says, and pages add up.
func TestListFilters(t *testing.T) {
	w := newRig(t)
	type spec struct{ agent, trigger, model, input, end string }
	session := w.must(t, 201, "POST", "/api/v1/sessions", `{}`)["session_id"].(string)
	var names []string
	for i, s := range []spec{
		{"a", "api", "gpt-4o", "Summarize THE report", `{"status":"completed","total_cost_cents":1.5,"output":"ok"}`},
		{"a", "schedule", "gpt-4o-mini", "nothing", `{"status":"failed","total_cost_cents":3,"error_type":"RateLimit"}`},
		{"b", "api", "gpt-4o", "other", `{"status":"completed"}`},
		{"b", "manual", "claude", "report two", ""},
	} {
		w.clock.Advance(time.Hour)
		in := ""
		if i == 2 {
			in = `,"session_id":"` + session + `"`
		}
		name := w.must(t, 201, "POST", "/api/v1/runs", fmt.Sprintf(`{"trigger_type":%q,"input":%q%s}`, s.trigger, s.input, in), "X-Agent-Name", s.agent)["run_id"].(string)
		w.must(t, 201, "POST", "/api/v1/runs/"+name+"/steps", fmt.Sprintf(`{"step_type":"reasoning","model":%q}`, s.model))
		if s.end != "" {
			w.must(t, 200, "PATCH", "/api/v1/runs/"+name, s.end)
		}
		names = append(names, name)
	}
	for query, want := range map[string]string{
		"": "3210", "?agent=a": "10", "?agent=nobody": "", "?status=completed": "20", "?status=running,failed": "31", "?trigger=api": "20",
		"?from=2026-01-01T02:00:00Z": "321", "?to=2026-01-01T02:00:00Z": "0", "?from=2026-01-01T02:00:00Z&to=2026-01-01T03:00:00Z": "1",
		"?model=gpt-4o": "20", "?model=claude": "3", "?min_cost_cents=2": "1", "?max_cost_cents=2": "0", "?anomaly=any": "2", "?anomaly=none": "310",
		"?anomaly=missing_completion": "2", "?anomaly=cost_spike": "", "?session=" + session: "2", "?q=the%20REPORT": "0", "?q=report": "30", "?q=ratelimit": "1",
		"?agent=a&status=failed&trigger=schedule": "1", "?agent=a&model=claude": "", "?anomaly=left_open": "",
	} {
		got := ""
		for _, item := range w.must(t, 200, "GET", "/api/monitoring/runs"+query, "")["runs"].([]any) {
			for i, name := range names {
				if at(item, "run_id") == name {
					got += fmt.Sprint(i)
				}
			}
		}
		if got != want {
			t.Errorf("%q lists %q, want %q", query, got, want)
		}
	}
	got, cursor := 0, ""
	for pages := 0; pages < 10; pages++ {
		page := w.must(t, 200, "GET", "/api/monitoring/runs?limit=1&cursor="+cursor, "")
		got += len(page["runs"].([]any))
		if page["has_more"] != true {
			break
		}
		cursor = page["next_cursor"].(string)
	}
	if got != 4 {
		t.Errorf("pages add up to %d", got)
	}
}

// Who follows a running run sees each entry as it is committed, may come back
// where it was, and is let go when the run has ended.
func TestLive(t *testing.T) {
	w := newRig(t)
	server := httptest.NewServer(w)
	defer server.Close()
	name := w.start(t)
	open := func(lastID string) (*bufio.Reader, func()) {
		ctx, cancel := context.WithCancel(t.Context())
		r, err := http.NewRequestWithContext(ctx, "GET", server.URL+"/api/monitoring/runs/"+name+"/live", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Api-Key", annKey)
		if lastID != "" {
			r.Header.Set("Last-Event-ID", lastID)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil || resp.StatusCode != 200 {
			t.Fatal(resp, err)
		}
		return bufio.NewReader(resp.Body), func() { cancel(); resp.Body.Close() }
	}
	next := func(in *bufio.Reader) (event string) {
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				return err.Error()
			}
			if rest, ok := strings.CutPrefix(line, "id: "); ok {
				event = strings.TrimSpace(rest)
			}
			if rest, ok := strings.CutPrefix(line, "event: "); ok {
				return event + " " + strings.TrimSpace(rest)
			}
		}
	}
	in, stop := open("")
	defer stop()
	if got := next(in); got != "1 start" {
		t.Errorf("first %q", got)
	}
	w.must(t, 201, "POST", "/api/v1/runs/"+name+"/steps", `{"step_type":"action"}`)
	if got := next(in); got != "2 step" {
		t.Errorf("then %q", got)
	}
	w.must(t, 201, "POST", "/api/v1/runs/"+name+"/tools", `{"tool_name":"t","status":"success"}`)
	again, stopAgain := open("2")
	defer stopAgain()
	for _, reader := range []*bufio.Reader{in, again} {
		if got := next(reader); got != "3 tool" {
			t.Errorf("then %q", got)
		}
	}
	w.must(t, 200, "PATCH", "/api/v1/runs/"+name, `{"status":"completed"}`)
	for _, reader := range []*bufio.Reader{in, again} {
		if got := next(reader); got != "4 end" {
			t.Errorf("then %q", got)
		}
		if got := next(reader); got != "EOF" {
			t.Errorf("after the end %q", got)
		}
	}
}

// A run that someone changed through the rest of the API still verifies against
// what was pinned when it ended.
func TestPinOutlivesEdits(t *testing.T) {
	w := newRig(t)
	name := w.start(t)
	hash := w.must(t, 200, "PATCH", "/api/v1/runs/"+name, `{"status":"completed"}`)["chain_hash"]
	id, err := run.ParseName(entity.Main, name)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.main().Update(t.Context(), entity.Actor{UserID: annID, Method: entity.MethodManual}, func(tx entity.Tx) error {
		if _, err := tx.Append(id, run.Chain, entity.Any, entity.Properties{"kind": "step", "step_type": "action", "sequence": int64(1)}); err != nil {
			return err
		}
		head, err := tx.ChainHead(id, run.Chain)
		if err != nil {
			return err
		}
		_, err = tx.Put(id, entity.Any, func(m *entity.Manifest) error {
			m.Properties["chain"] = map[string]any{"name": run.Chain, "n": head.N, "head": entity.Link{CID: head.CID}, "hash": run.HashOf(head.CID)}
			return nil
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	v := w.must(t, 200, "GET", "/api/monitoring/runs/"+name+"/verify", "")
	if v["valid"] != false || v["pinned_hash"] != hash || at(v, "first_broken", "reason") != "extended" {
		t.Errorf("%v", v)
	}
}

// A call of a language model is a run of another form, written by the gateway: it
// is no run of the recorder, and whoever asks is told who reads it.
func TestOtherRuns(t *testing.T) {
	w := newRig(t)
	name := w.start(t)
	id, err := run.ParseName(entity.Main, name)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.main().Update(t.Context(), entity.Actor{UserID: "system", Method: entity.MethodSystem}, func(tx entity.Tx) error {
		v, err := entity.Tip(tx, id)
		if err != nil {
			return err
		}
		p := entity.Properties{"label": "Chat with a", "status": "completed", "started_at": v.Manifest.CreatedAt}
		other, err := tx.Create(entity.Draft{Type: run.Type, Properties: p, Relationships: v.Manifest.Relationships})
		if err != nil {
			return err
		}
		name = string(other.Manifest.ID)
		_, err = tx.Append(other.Manifest.ID, run.Chain, entity.Any, entity.Properties{"kind": "start", "at": "2026"})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, tail := range []string{"", "/replay", "/verify", "/timeline"} {
		if out := w.call("GET", "/api/monitoring/runs/"+name+tail, ""); out.Code != 404 || !strings.Contains(out.Body.String(), "/v1/portal/traces/") {
			t.Errorf("%s: %d %s", tail, out.Code, out.Body)
		}
	}
}
