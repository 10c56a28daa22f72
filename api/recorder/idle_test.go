package recorder_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

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
