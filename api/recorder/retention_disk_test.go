package recorder_test

import (
	"testing"
	"time"

	"stemma/entity"
	"stemma/entity/storetest"
)

// No file of a data directory has a byte of what was said once it is past its
// retention, also when the server stopped between deleting and overwriting.
func TestRetentionOnDisk(t *testing.T) {
	const secret, kept = "the-marker-of-this-test", "what-stays-of-others"
	dir := t.TempDir()
	w := newRigIn(t, dir)
	name := w.secretRun(t, secret, "Idempotency-Key", "")
	w.must(t, 201, "POST", "/api/v1/runs", `{"trigger_type":"api","input":"`+secret+`"}`, "Idempotency-Key", "k1", "X-Api-Key", bobKey)
	theirs := w.secretRun(t, kept, "X-Api-Key", bobKey)
	w.setRetention(t, 1)
	w.clock.Advance(48 * time.Hour)
	if n := storetest.FilesWith(t, dir, secret); n == 0 {
		t.Fatal("it is in no file before")
	}
	w.retain(t)
	w.look(t, name, "")
	w.look(t, theirs, "", "X-Api-Key", bobKey)
	if n := storetest.FilesWith(t, dir, kept); n == 0 {
		t.Error("what others said is gone")
	}
	bob := w.must(t, 200, "GET", "/api/monitoring/runs", "", "X-Api-Key", bobKey)["runs"].([]any)
	run := at(bob[len(bob)-1], "run_id").(string) // bob has said it too, in a run of his own
	if n := storetest.FilesWith(t, dir, secret); n == 0 {
		t.Error("what bob said is gone with what Ann said")
	}
	w.must(t, 200, "PATCH", "/api/v1/runs/"+run, `{"status":"failed"}`, "X-Api-Key", bobKey)
	w.must(t, 200, "PUT", "/api/monitoring/retention", `{"days":1}`, "X-Api-Key", bobUser)
	w.clock.Advance(48 * time.Hour)

	// A reader that began before keeps the bytes on disk: the server could stop here.
	err := w.main().View(t.Context(), func(entity.Reader) error {
		w.retain(t)
		if n := storetest.FilesWith(t, dir, secret); n == 0 {
			t.Error("bytes are gone that somebody still reads")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	w.retain(t)
	for _, text := range []string{secret, kept} {
		if n := storetest.FilesWith(t, dir, text); n != 0 {
			t.Errorf("%q is in %d files", text, n)
		}
	}
}
