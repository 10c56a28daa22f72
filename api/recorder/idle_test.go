package recorder_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"stemma/api/recorder"
	"stemma/entity"
)

// A run that nobody ended is due when nothing came of it for longer than content is
// kept: it ends, as left open when the last of it came, and loses its content.
func TestRetentionEndsIdleRuns(t *testing.T) {
	w := newRig(t)
	const secret = "the-marker-of-this-test"
	w.setRetention(t, 2)
	idle := w.must(t, 201, "POST", "/api/v1/runs", `{"trigger_type":"api","input":"`+secret+`"}`)["run_id"].(string)
	w.must(t, 201, "POST", "/api/v1/runs/"+idle+"/steps", `{"step_type":"action","output":"`+secret+`"}`)
	at := entity.FormatTime(w.clock.Now())
	busy := w.start(t)
	theirs := w.must(t, 201, "POST", "/api/v1/runs", `{"trigger_type":"api","input":"`+secret+`"}`, "X-Api-Key", bobKey)["run_id"].(string)
	for range 3 {
		w.clock.Advance(24 * time.Hour)
		w.must(t, 201, "POST", "/api/v1/runs/"+busy+"/steps", `{"step_type":"action"}`)
		w.retain(t)
	}
	seq := w.main().Seq()
	w.retain(t)
	if w.main().Seq() != seq {
		t.Error("a second look changes something")
	}
	d := w.must(t, 200, "GET", "/api/monitoring/runs/"+idle, "")
	for key, want := range map[string]string{"status": "timeout", "error_type": "left_open", "completed_at": at, "partial": "true"} {
		if got := fmt.Sprint(d[key]); got != want {
			t.Errorf("%s is %s, want %s", key, got, want)
		}
	}
	if text := w.look(t, idle, "/replay"); strings.Contains(text, secret) || !strings.Contains(text, "Nobody ended the run") {
		t.Errorf("replay: %s", text)
	}
	if v := w.must(t, 200, "GET", "/api/monitoring/runs/"+idle+"/verify", ""); v["valid"] != true || v["complete"] != true || len(v["gaps"].([]any)) == 0 {
		t.Errorf("verification: %v", v)
	}
	w.wantEvidence(t, idle, 1)
	w.wantNoBlock(t, idle, secret)
	if list := w.must(t, 200, "GET", "/api/monitoring/runs?anomaly=left_open", "")["runs"].([]any); len(list) != 1 {
		t.Errorf("%d runs are listed as left open", len(list))
	}
	w.must(t, 409, "POST", "/api/v1/runs/"+idle+"/steps", `{"step_type":"action"}`)
	w.must(t, 201, "POST", "/api/v1/runs/"+busy+"/steps", `{"step_type":"action"}`)
	w.must(t, 201, "POST", "/api/v1/runs/"+theirs+"/steps", `{"step_type":"action"}`, "X-Api-Key", bobKey)
}

// A run that was deleted before it ended loses its content like any other, and is
// not ended.
func TestRetentionOfDeletedIdleRun(t *testing.T) {
	w := newRig(t)
	w.setRetention(t, 1)
	name := w.start(t)
	w.bury(t, name)
	w.clock.Advance(48 * time.Hour)
	w.retain(t)
	seq := w.main().Seq()
	w.retain(t)
	if w.main().Seq() != seq {
		t.Error("a second look changes something")
	}
	w.wantNoContent(t, name)
}

// A trace whose root span never comes is listed as left open, ends after the idle
// time, and takes no spans from then on; runs of which something comes go on.
func TestTraceLeftOpenEnds(t *testing.T) {
	w := newRig(t, func(o *recorder.Options) { o.Idle = 24 * time.Hour })
	const trace = "0af7651916cd43dd8448eb211c80319c"
	step := func(n int) object { return span(trace, n, 1, "work", float64(n), float64(n)+1, nil) }
	w.export(t, step(2))
	w.clock.Advance(time.Hour)
	list := func() []any {
		return w.must(t, 200, "GET", "/api/monitoring/runs?anomaly=left_open", "")["runs"].([]any)
	}
	if runs := list(); len(runs) != 1 || at(runs[0], "status") != "running" {
		t.Errorf("listed after an hour: %v", runs)
	}
	w.clock.Advance(22 * time.Hour)
	w.retain(t)
	if n, why := w.export(t, step(3)); n != 0 {
		t.Fatalf("a span is rejected within the time: %s", why)
	}
	last := entity.FormatTime(w.clock.Now())
	w.clock.Advance(23 * time.Hour)
	w.retain(t)
	if d := w.runOf(t, trace); d["status"] != "running" {
		t.Fatalf("it has ended in time: %v", d["status"])
	}
	w.clock.Advance(2 * time.Hour)
	w.retain(t)
	runs := list()
	if len(runs) != 1 || at(runs[0], "status") != "timeout" || at(runs[0], "error_type") != "left_open" || at(runs[0], "completed_at") != last {
		t.Errorf("listed after the time: %v", runs)
	}
	if n, why := w.export(t, step(4)); n != 1 || !strings.Contains(why, "ended") {
		t.Errorf("%d spans are rejected after it: %s", n, why)
	}
	if v := w.must(t, 200, "GET", "/api/monitoring/runs/"+at(runs[0], "run_id").(string)+"/verify", ""); v["valid"] != true || v["complete"] != true {
		t.Errorf("verification: %v", v)
	}
}
