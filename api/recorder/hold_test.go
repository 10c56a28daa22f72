package recorder_test

import (
	"strings"
	"testing"
	"time"

	"stemma/api/recorder/run"
	"stemma/entity"
)

// sessionBlocks counts the blocks of content that are here of a run's session.
func sessionBlocks(n *int) func(entity.Reader, entity.ID) error {
	return func(r entity.Reader, id entity.ID) error {
		tip, err := entity.Tip(r, id)
		if err != nil {
			return err
		}
		for ref, err := range r.Chain(run.SummaryOf(tip.Manifest).Session, entity.ChainContent, 1) {
			if err != nil {
				return err
			}
			if _, err := r.Block(ref.CID); err == nil {
				*n++
			}
		}
		return nil
	}
}

// Retention passes by what is on hold, a run with what was told of its session, or
// all recordings, and takes it when the hold is lifted.
func TestHold(t *testing.T) {
	w := newRig(t)
	const secret = "the-marker-of-this-test"
	held, free := w.secretRun(t, secret), w.secretRun(t, secret)
	hold := func(method, path string, headers ...string) object {
		t.Helper()
		body := ""
		if method == "PUT" {
			body = `{"reason":"case 7"}`
		}
		return w.must(t, 200, method, "/api/monitoring/"+path+"/hold", body, append([]string{"X-Api-Key", annUser}, headers...)...)
	}
	has := func(name string) bool { return strings.Contains(w.look(t, name, ""), secret) }
	session := func() bool {
		blocks := 0
		w.inRun(t, held, sessionBlocks(&blocks))
		return blocks == 1
	}

	w.setRetention(t, 30)
	first := hold("PUT", "retention")
	w.clock.Advance(31 * 24 * time.Hour)
	w.retain(t)
	if !has(held) || !has(free) {
		t.Fatal("content is gone of recordings that are on hold")
	}
	if again := hold("PUT", "retention"); at(again, "hold", "since") != at(first, "hold", "since") {
		t.Errorf("a second hold is another: %v, %v", first, again)
	}
	hold("PUT", "runs/"+held)
	if out := hold("DELETE", "retention"); at(out, "hold") != nil || at(out, "days") == nil {
		t.Errorf("after the hold: %v", out)
	}
	w.retain(t)
	if !has(held) || !session() {
		t.Error("content is gone of a run that is on hold, or of its session")
	}
	if has(free) {
		t.Error("the content of the other run is still here")
	}
	if d := w.must(t, 200, "GET", "/api/monitoring/runs/"+held, ""); at(d, "hold", "reason") != "case 7" || at(d, "hold", "by") != string(annID) {
		t.Errorf("the run says of its hold: %v", d["hold"])
	}
	w.wantEvidence(t, held, 0)

	hold("DELETE", "runs/"+held)
	w.retain(t)
	if has(held) || session() {
		t.Error("content is still here after the hold was lifted")
	}
	w.wantEvidence(t, held, 1)
	w.wantNoBlock(t, held, secret)
}

// A run goes on and ends while it is on hold.
func TestHoldOfARunningRun(t *testing.T) {
	w := newRig(t)
	name := w.start(t)
	w.must(t, 200, "PUT", "/api/monitoring/runs/"+name+"/hold", `{}`, "X-Api-Key", annUser)
	w.must(t, 201, "POST", "/api/v1/runs/"+name+"/steps", `{"step_type":"completion","output":"said"}`)
	w.must(t, 200, "PATCH", "/api/v1/runs/"+name, `{"status":"completed"}`)
	w.setRetention(t, 1)
	w.clock.Advance(48 * time.Hour)
	w.retain(t)
	d := w.must(t, 200, "GET", "/api/monitoring/runs/"+name, "")
	if at(d, "steps", 0, "output") != "said" || at(d, "hold", "since") == nil || at(d, "integrity", "valid") != true {
		t.Errorf("%v", d)
	}
}
