package recorder_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"stemma/api/recorder"
	"stemma/api/recorder/run"
	"stemma/entity"
	"stemma/entity/store"
	"stemma/versions/attest"
)

// contents is how many blocks of content a run has, erased or not.
func (w *rig) contents(t *testing.T, name string) int {
	t.Helper()
	n := 0
	w.inRun(t, name, func(r entity.Reader, id entity.ID) error {
		head, err := r.ChainHead(id, entity.ChainContent)
		n = int(head.N)
		return err
	})
	return n
}

func (w *rig) inRun(t *testing.T, name string, fn func(entity.Reader, entity.ID) error) {
	t.Helper()
	err := w.main().View(t.Context(), func(r entity.Reader) error {
		id, err := run.ParseName(entity.Main, name)
		if err != nil {
			return err
		}
		return fn(r, id)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// secretRun records a run in which every text that a program can tell is the secret.
func (w *rig) secretRun(t *testing.T, secret string, headers ...string) (name string) {
	t.Helper()
	body := func(s string) string { return strings.ReplaceAll(s, "SECRET", secret) }
	session := w.must(t, 201, "POST", "/api/v1/sessions", body(`{"metadata":{"who":"SECRET"}}`), headers...)["session_id"].(string)
	name = w.must(t, 201, "POST", "/api/v1/runs", body(`{"trigger_type":"api","session_id":"`+session+`","input":"SECRET","metadata":{"a":"SECRET"}}`), headers...)["run_id"].(string)
	at := "/api/v1/runs/" + name
	w.must(t, 201, "POST", at+"/steps", body(`{"step_type":"reasoning","input":"SECRET","output":"SECRET","reasoning":"SECRET","tokens_used":7,"duration_ms":3,"metadata":{"k":["SECRET"]}}`), headers...)
	w.must(t, 201, "POST", at+"/tools", body(`{"tool_name":"search","status":"error","error_message":"SECRET","arguments":{"q":"SECRET"},"result":{"r":"SECRET"},"target_system":"SECRET"}`), headers...)
	w.must(t, 201, "POST", at+"/context", body(`{"system_prompt":"SECRET","active_instructions":["SECRET"],"retrieved_documents":[{"d":"SECRET"}]}`), headers...)
	w.must(t, 201, "POST", at+"/steps", body(`{"step_type":"completion","output":"SECRET"}`), headers...)
	w.must(t, 200, "PATCH", at, body(`{"status":"completed","output":"SECRET"}`), headers...)
	return name
}

func (w *rig) setRetention(t *testing.T, days int, headers ...string) {
	t.Helper()
	w.must(t, 200, "PUT", "/api/monitoring/retention", fmt.Sprintf(`{"days":%d}`, days), append([]string{"X-Api-Key", annUser}, headers...)...)
}

func (w *rig) retain(t *testing.T) {
	t.Helper()
	for more := true; more; {
		var err error
		if more, err = w.service.Retain(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func (w *rig) look(t *testing.T, name, tail string, headers ...string) string {
	t.Helper()
	out := w.call("GET", "/api/monitoring/runs/"+name+tail, "", headers...)
	if out.Code != 200 {
		t.Fatalf("%s: %d %s", tail, out.Code, out.Body)
	}
	return out.Body.String()
}

// Content that is past the retention of its tenant is shown nowhere and is in no
// block, and what it was the content of is shown, verifies, and is evidence. That of
// younger runs, of runs that are running and of others with the very same content
// stays.
func TestRetention(t *testing.T) {
	w := newRig(t)
	const secret = "the-marker-of-this-test"
	old := w.secretRun(t, secret)
	running := w.start(t)
	theirs := w.secretRun(t, secret, "X-Api-Key", bobKey)
	w.clock.Advance(29 * 24 * time.Hour)
	w.must(t, 201, "POST", "/api/v1/runs/"+running+"/steps", `{"step_type":"action"}`)
	young := w.secretRun(t, secret)
	w.setRetention(t, 30)
	w.retain(t)
	if !strings.Contains(w.look(t, old, ""), secret) {
		t.Fatal("content is deleted before its time")
	}
	hashes := w.must(t, 200, "GET", "/api/monitoring/runs/"+old+"/verify", "")
	w.clock.Advance(2 * 24 * time.Hour)
	seq := w.main().Seq()
	w.retain(t)
	deletedAt := entity.FormatTime(w.clock.Now())
	if w.main().Seq() == seq {
		t.Fatal("nothing was deleted")
	}
	seq = w.main().Seq()
	w.retain(t)
	w.retain(t)
	if w.main().Seq() != seq {
		t.Error("a second look changes something")
	}

	step := ""
	for _, tail := range []string{"", "/replay", "/timeline", "/live", "/evidence?format=html", "/evidence", "/verify"} {
		text := w.look(t, old, tail)
		if strings.Contains(text, secret) {
			t.Errorf("%s shows the content:\n%s", tail, text)
		}
		if tail == "" {
			step = at(decode(t, []byte(text)), "steps", 1, "step_id").(string)
		}
		if !strings.HasPrefix(tail, "/evidence") && !strings.Contains(text, deletedAt) {
			t.Errorf("%s does not say when it was deleted:\n%s", tail, text)
		}
	}
	if text := w.look(t, old, "/context?step="+step); strings.Contains(text, secret) || !strings.Contains(text, deletedAt) {
		t.Errorf("context: %s", text)
	}
	d := decode(t, []byte(w.look(t, old, "")))
	for _, want := range []struct {
		path []any
		is   string
	}{
		{[]any{"steps", 0, "tokens_used"}, "7"}, {[]any{"steps", 0, "duration_ms"}, "3"}, {[]any{"tool_calls", 0, "tool_name"}, "search"}, {[]any{"tool_calls", 0, "status"}, "error"},
		{[]any{"steps", 0, "output"}, "<nil>"}, {[]any{"step_count"}, "2"}, {[]any{"integrity", "valid"}, "true"}, {[]any{"content_deleted_at"}, deletedAt},
	} {
		if got := fmt.Sprint(at(d, want.path...)); got != want.is {
			t.Errorf("%v is %s, want %s", want.path, got, want.is)
		}
	}

	v := w.must(t, 200, "GET", "/api/monitoring/runs/"+old+"/verify", "")
	if v["valid"] != true || v["chain_hash"] != hashes["chain_hash"] || v["pinned_hash"] != hashes["pinned_hash"] || fmt.Sprint(v["steps"]) != "2" {
		t.Errorf("verification: %v; it was %v", v, hashes)
	}
	if gaps := fmt.Sprint(v["gaps"]); gaps != fmt.Sprintf("[map[deleted_at:%s entries:6 from:1 retention_days:30 to:6]]", deletedAt) {
		t.Errorf("gaps: %s", gaps)
	}
	if gaps := fmt.Sprint(hashes["gaps"]); gaps != "[]" {
		t.Errorf("gaps before: %s", gaps)
	}
	w.wantEvidence(t, old, 1)
	w.wantEvidence(t, young, 0)
	for name, key := range map[string]string{young: annKey, theirs: bobKey} {
		if !strings.Contains(w.look(t, name, "", "X-Api-Key", key), secret) {
			t.Errorf("%s has lost its content to another's retention", name)
		}
	}
	if text := w.look(t, running, ""); !strings.Contains(text, "Q4 sales") {
		t.Errorf("a running run has lost its input: %s", text)
	}
	list := w.must(t, 200, "GET", "/api/monitoring/runs?q="+secret, "")["runs"].([]any)
	if len(list) != 1 || at(list[0], "run_id") != young {
		t.Errorf("the text is found in %v", list)
	}
	w.wantNoBlock(t, old, secret)
}

// wantEvidence fails unless a run's evidence holds, with so many gaps, and does not
// without the block that says that content was deleted, or with a block of content
// taken out that was not.
func (w *rig) wantEvidence(t *testing.T, name string, gaps int) {
	t.Helper()
	var b attest.Bundle
	if err := json.Unmarshal([]byte(w.look(t, name, "/evidence")), &b); err != nil {
		t.Fatal(err)
	}
	if found, err := evidenceGaps(&b, w.attest.VerifierKey()); err != nil || len(found) != gaps {
		t.Errorf("evidence: %v, %v; want %d gaps", found, err, gaps)
	}
	spare := len(b.Entries) - 2 // the last content, or what says that it is gone
	b.Entries = append(b.Entries[:spare:spare], b.Entries[spare+1:]...)
	if _, err := evidenceGaps(&b, w.attest.VerifierKey()); err == nil || !strings.Contains(err.Error(), "nothing there says that it was deleted") {
		t.Errorf("evidence with a part missing: %v", err)
	}
}

// wantNoBlock fails if a block of the entities that a run's log has holds the text.
func (w *rig) wantNoBlock(t *testing.T, name, text string) {
	t.Helper()
	w.inRun(t, name, func(r entity.Reader, id entity.ID) error {
		h, err := r.Head(id)
		if err != nil {
			return err
		}
		m, err := r.Manifest(h.CID())
		if err != nil {
			return err
		}
		of := map[entity.ID]bool{id: true}
		for _, rel := range m.Relationships {
			if rel.Predicate == run.PredicateSession {
				of[rel.Peer] = true
			}
		}
		for rec, err := range r.Log(0) {
			if err != nil {
				return err
			}
			for _, c := range rec.Changes {
				raw, err := r.Block(c.CID())
				if of[c.ID] && err == nil && strings.Contains(string(raw), text) {
					t.Errorf("version or block %d (%s) of %s has it", c.Ver, c.Chain, c.ID)
				}
			}
		}
		return nil
	})
}

// A crash after any transaction of a deletion leaves what the next look finishes:
// also in the middle of a long run, of which a part is deleted then and shown so.
func TestRetentionGoesOn(t *testing.T) {
	w := newRig(t)
	name := w.start(t)
	id, err := run.ParseName(entity.Main, name)
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if _, err := w.main().Update(t.Context(), entity.Actor{UserID: annID, Method: entity.MethodAI}, func(tx entity.Tx) error {
			h, err := tx.Head(id)
			if err != nil {
				return err
			}
			steps, err := run.Continue(tx, h, nil, w.clock.Now())
			for i := 0; err == nil && i < 900; i++ {
				steps.Step(entity.Properties{"step_type": "action", "output": "said"}, time.Time{})
				err = steps.Flush() // so that each has content of its own
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	w.must(t, 200, "PATCH", "/api/v1/runs/"+name, `{"status":"completed"}`)
	w.setRetention(t, 1)
	w.clock.Advance(25 * time.Hour)
	crash := errors.New("crash")
	looks, parts := 0, map[string]bool{}
	for done := false; !done; looks++ {
		store := &failing{Store: w.main(), after: 1, err: crash}
		networks := []recorder.Network{{Store: store, Scopes: w.networks[0].Scopes}}
		s := recorder.New(recorder.Options{Networks: networks, Auth: w.auth, Now: w.clock.Now})
		_, err := s.Retain(t.Context())
		if err != nil && !errors.Is(err, crash) {
			t.Fatal(err)
		}
		done = err == nil
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		v := w.must(t, 200, "GET", "/api/monitoring/runs/"+name+"/verify", "")
		if v["valid"] != true {
			t.Fatalf("after %d looks: %v", looks, v)
		}
		parts[fmt.Sprint(at(v, "gaps", 0, "from"))] = true
		w.look(t, name, "/replay")
		if looks > 10 {
			t.Fatal("it does not end")
		}
	}
	if looks < 3 || len(parts) < 3 || !parts["1"] {
		t.Errorf("%d looks, gaps from %v", looks, parts)
	}
}

// failing is a store that takes so many updates.
type failing struct {
	*store.Store
	after int
	err   error
}

func (s *failing) Update(ctx context.Context, by entity.Actor, fn func(entity.Tx) error) (entity.Seq, error) {
	if s.after--; s.after < 0 {
		return 0, s.err
	}
	return s.Store.Update(ctx, by, fn)
}

// Damage beside a gap is found: content that is missing and was not deleted.
func TestRetentionHidesNoDamage(t *testing.T) {
	w := newRig(t)
	name := w.secretRun(t, "x")
	w.inRun(t, name, func(r entity.Reader, id entity.ID) error {
		_, err := w.main().Update(t.Context(), entity.Actor{UserID: annID, Method: entity.MethodSystem}, func(tx entity.Tx) error {
			_, err := tx.Erase(id, entity.Erasure{From: 1, To: 2, Why: entity.Properties{"retention_days": int64(3)}})
			return err
		})
		return err
	})
	v := w.must(t, 200, "GET", "/api/monitoring/runs/"+name+"/verify", "")
	if v["valid"] != true || fmt.Sprint(at(v, "gaps", 0, "to")) != "2" {
		t.Errorf("a part deleted: %v", v)
	}
	w.inRun(t, name, func(r entity.Reader, id entity.ID) error {
		lost, err := run.Verify(losing{r, 4}, id, nil)
		if err != nil || lost.Broken == nil || lost.Broken.Seq != 4 || lost.Broken.Reason != run.ContentMissing || len(lost.Gaps) != 1 {
			t.Errorf("content lost beside a gap: %+v %v", lost, err)
		}
		return nil
	})
}

// losing is a state without the content of one place.
type losing struct {
	entity.Reader
	n int64
}

func (r losing) Block(c entity.CID) ([]byte, error) {
	raw, err := r.Reader.Block(c)
	if b, _, bad := entity.OpenChainBlock(raw); err == nil && bad == nil && b.Chain == entity.ChainContent && b.N == r.n {
		return nil, entity.NotFound("losing.Block", "lost")
	}
	return raw, err
}

// While content is deleted others record; nothing of theirs is touched.
func TestRetentionBesideRecording(t *testing.T) {
	w := newRig(t)
	for range 20 {
		w.secretRun(t, "old")
	}
	w.setRetention(t, 1)
	w.clock.Advance(48 * time.Hour)
	fresh := w.start(t)
	done := make(chan error, 1)
	go func() {
		_, err := w.service.Retain(context.Background())
		done <- err
	}()
	for range 50 {
		w.must(t, 201, "POST", "/api/v1/runs/"+fresh+"/steps", `{"step_type":"action","output":"fresh"}`)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	v := w.must(t, 200, "GET", "/api/monitoring/runs/"+fresh+"/verify", "")
	if v["valid"] != true || fmt.Sprint(v["gaps"]) != "[]" || fmt.Sprint(v["steps"]) != "50" {
		t.Errorf("%v", v)
	}
}

// The worker deletes by itself, and Close waits for it.
func TestRetentionWorker(t *testing.T) {
	w := newRig(t)
	name := w.secretRun(t, "old")
	w.setRetention(t, 1)
	w.clock.Advance(48 * time.Hour)
	s := recorder.New(recorder.Options{Networks: w.networks, Auth: w.auth, Now: w.clock.Now, Retain: time.Hour})
	for { // its first look begins at once
		seq := w.main().Seq()
		if strings.Contains(w.look(t, name, ""), "content_deleted_at") {
			break
		}
		if err := w.main().Wait(t.Context(), seq); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// A deleted run loses its content like any other.
func TestRetentionOfDeletedRun(t *testing.T) {
	w := newRig(t)
	name := w.secretRun(t, "old")
	w.bury(t, name)
	w.setRetention(t, 1)
	w.clock.Advance(48 * time.Hour)
	w.retain(t)
	seq := w.main().Seq()
	w.retain(t)
	if w.main().Seq() != seq {
		t.Error("a second look changes something")
	}
	w.wantNoContent(t, name)
}

// bury deletes a run.
func (w *rig) bury(t *testing.T, name string) {
	t.Helper()
	w.inRun(t, name, func(_ entity.Reader, id entity.ID) error {
		_, err := w.main().Update(t.Context(), entity.Actor{UserID: annID, Method: entity.MethodManual}, func(tx entity.Tx) error {
			_, err := tx.Put(id, entity.Any, func(m *entity.Manifest) error {
				m.Bury(entity.Tombstone{DeletedAt: entity.FormatTime(w.clock.Now()), DeletedBy: annID, OriginalVer: m.Ver})
				return nil
			})
			return err
		})
		return err
	})
}

// wantNoContent fails if there is content of a run.
func (w *rig) wantNoContent(t *testing.T, name string) {
	t.Helper()
	w.inRun(t, name, func(r entity.Reader, id entity.ID) error {
		for ref, err := range r.Chain(id, entity.ChainContent, 1) {
			if err != nil {
				return err
			}
			if _, err := r.Block(ref.CID); entity.KindOf(err) != entity.KindNotFound {
				t.Errorf("block %d is still here (%v)", ref.N, err)
			}
		}
		return nil
	})
}
