package recorder_test

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"strings"
	"testing"
	"time"

	"stemma/api/recorder"
	"stemma/api/recorder/run"
	"stemma/api/wire"
	"stemma/entity"
	"stemma/versions/attest"
)

// recordRun records a run with a step, a tool call and a context, and ends it.
func (w *rig) recordRun(t *testing.T) string {
	t.Helper()
	name := w.must(t, 201, "POST", "/api/v1/runs", `{"trigger_type":"api","input":"<script>alert(1)</script>"}`)["run_id"].(string)
	at := "/api/v1/runs/" + name
	w.must(t, 201, "POST", at+"/steps", `{"step_type":"reasoning","output_data":{"text":"forty-two"}}`)
	w.must(t, 201, "POST", at+"/context", `{"system_prompt":"be brief"}`)
	w.must(t, 201, "POST", at+"/steps", `{"step_type":"completion"}`)
	w.must(t, 200, "PATCH", at, `{"status":"completed"}`)
	return name
}

// settle lets the log attest all that was written.
func (w *rig) settle() {
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	if _, err := w.attest.WaitCheckpoint(ctx, int64(w.main().Seq())-1); err != nil {
		panic(err)
	}
}

func checkEvidence(b *attest.Bundle, key string) error {
	_, err := evidenceGaps(b, key)
	return err
}

func evidenceGaps(b *attest.Bundle, key string) ([]run.RunGap, error) {
	_, all, err := b.Verify(key)
	if err != nil {
		return nil, err
	}
	var manifests []*entity.Manifest
	var blocks []run.Proven
	for _, v := range all {
		if v.Manifest != nil {
			manifests = append(manifests, v.Manifest)
		} else {
			blocks = append(blocks, run.Proven{CID: v.CID, ChainBlock: v.Block})
		}
	}
	return run.CheckEvidence(manifests, blocks)
}

// The evidence of a run proves all of it with nothing but the log's key, also when
// the run was edited afterwards, and none of it where something was left out, put
// in or changed.
func TestEvidence(t *testing.T) {
	w := newRig(t)
	name, other := w.recordRun(t), w.recordRun(t)
	get := func(name string) *attest.Bundle {
		out := w.call("GET", "/api/monitoring/runs/"+name+"/evidence", "", "X-Api-Key", annKey)
		var b attest.Bundle
		if err := json.Unmarshal(out.Body.Bytes(), &b); err != nil || out.Code != http.StatusOK {
			t.Fatal(out.Code, err, out.Body)
		}
		return &b
	}
	whole := get(name)
	if n := w.must(t, 200, "GET", "/api/monitoring/runs/"+name+"/verify", "")["entries"]; fmt.Sprint(n) != fmt.Sprint(len(whole.Entries)-1-w.contents(t, name)) {
		t.Errorf("%d blocks of a chain of %v, its content and a version", len(whole.Entries), n)
	}
	key := w.attest.VerifierKey()
	if err := checkEvidence(whole, key); err != nil {
		t.Fatal(err)
	}
	page := w.call("GET", "/api/monitoring/runs/"+name+"/evidence?format=html", "").Body.String()
	if strings.Contains(page, "<script") {
		t.Error("what was recorded is markup")
	}
	page = html.UnescapeString(page)
	for _, part := range append(strings.Split(strings.TrimSpace(whole.Checkpoint), "\n")[:2], name, key, whole.Entries[len(whole.Entries)-1].CID, "<script>alert(1)</script>") {
		if !strings.Contains(page, part) {
			t.Errorf("the page does not say %q:\n%s", part, page)
		}
	}
	last := len(whole.Entries) - 1
	foreign := get(other)
	for says, change := range map[string]func(b *attest.Bundle){
		"block 2 of":    func(b *attest.Bundle) { b.Entries = append(b.Entries[:1:1], b.Entries[2:]...) },
		"block 1 of":    func(b *attest.Bundle) { b.Entries = b.Entries[1:] },
		"is not among":  func(b *attest.Bundle) { b.Entries = append(b.Entries[:last-1:last-1], b.Entries[last]) },
		"does not lead": func(b *attest.Bundle) { b.Entries[2].LeafIndex = b.Entries[1].LeafIndex },
		"hash to":       func(b *attest.Bundle) { b.Entries[1].Block = b.Entries[2].Block },
		"not signed":    func(b *attest.Bundle) { b.Checkpoint = strings.Replace(b.Checkpoint, "tlog\n", "tlog\n1", 1) },
	} {
		b := *whole
		b.Entries = append([]attest.BundleEntry{}, whole.Entries...)
		change(&b)
		if err := checkEvidence(&b, key); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
	// What is true of another run, beside it, takes nothing away.
	both := *whole
	both.Entries = append(append([]attest.BundleEntry{}, whole.Entries...), foreign.Entries...)
	if whole.Checkpoint == foreign.Checkpoint {
		if err := checkEvidence(&both, key); err != nil {
			t.Error(err)
		}
	}
}

// There is no evidence of a run that no checkpoint covers, on a server without a
// log, and on the test network.
func TestNoEvidence(t *testing.T) {
	w := newRig(t)
	name := w.recordRun(t)
	slow, err := attest.Open(context.Background(), attest.Options{Store: w.main(), Fallback: "stemma.example/tlog", Interval: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := slow.Close(); err != nil {
			t.Error(err)
		}
	}()
	if _, err := slow.WaitCheckpoint(context.Background(), int64(w.main().Seq())-1); err != nil {
		t.Fatal(err)
	}
	serve := func(l *attest.Log) *rig {
		other := *w
		ops := recorder.New(recorder.Options{Networks: w.networks, Auth: w.auth, Now: w.clock.Now, Attest: l}).Operations()
		other.Handler = wire.New(wire.Options{Ops: ops, Authenticate: w.auth.Authenticate})
		return &other
	}
	late := w.recordRun(t)
	out := serve(slow).call("GET", "/api/monitoring/runs/"+late+"/evidence", "", "X-Api-Key", annKey)
	if out.Code != http.StatusAccepted || !strings.Contains(out.Body.String(), `"attestation_status":"pending"`) {
		t.Error(out.Code, out.Body)
	}
	if out := serve(slow).call("GET", "/api/monitoring/runs/"+name+"/evidence", "", "X-Api-Key", annKey); out.Code != http.StatusOK {
		t.Error(out.Code, out.Body)
	}
	if out := serve(nil).call("GET", "/api/monitoring/runs/"+name+"/evidence", "", "X-Api-Key", annKey); out.Code != http.StatusNotImplemented {
		t.Error(out.Code, out.Body)
	}
	if out := w.call("GET", "/api/monitoring/runs/"+name+"/evidence", "", "X-Api-Key", annKey, "X-Arke-Network", "test"); out.Code != http.StatusNotFound {
		t.Error(out.Code, out.Body)
	}
}
