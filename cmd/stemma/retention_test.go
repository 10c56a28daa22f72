package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	recorded "stemma/api/recorder/run"
	"stemma/entity"
	"stemma/versions/attest"
)

// The evidence of a run whose content was deleted is verified without the server,
// and tells of the gap; without the block that says so it is refused.
func TestVerifyOfflineGap(t *testing.T) {
	s := openAttested(t, serverOptions{})
	defer closeServer(t, s)
	var started struct {
		ID string `json:"run_id"`
	}
	out := askHandler(s.handler, "POST", "/api/v1/runs", `{"trigger_type":"api","input":"said"}`, testKey, "X-Agent-Name", "sales-bot")
	if err := json.Unmarshal(out.Body.Bytes(), &started); err != nil || started.ID == "" {
		t.Fatal(err, out.Body)
	}
	if out := askHandler(s.handler, "PATCH", "/api/v1/runs/"+started.ID, `{"status":"completed","output":"said"}`, testKey, "X-Agent-Name", "sales-bot"); out.Code != 200 {
		t.Fatal(out.Code, out.Body)
	}
	id, err := recorded.ParseName(entity.Main, started.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.stores[0].Update(t.Context(), entity.Actor{UserID: "system", Method: entity.MethodSystem}, func(tx entity.Tx) error {
		_, err := tx.Erase(id, entity.Erasure{From: 1, To: 2, Why: entity.Properties{"retention_days": int64(30)}})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	var b attest.Bundle
	if err := json.Unmarshal([]byte(s.asked(t, 200, "/api/monitoring/runs/"+started.ID+"/evidence")), &b); err != nil {
		t.Fatal(err)
	}
	verify := func(b attest.Bundle) (string, error) {
		text, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "evidence.json")
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		said, _, err := runs(t, &verifyCmd{offlineFlags: offlineFlags{Offline: file, Key: s.attest.VerifierKey()}})
		return said, err
	}
	said, err := verify(b)
	if err != nil || strings.Count(said, "ok  ") != len(b.Entries) || !strings.Contains(said, "gap "+string(id)+": the content of 2 entries from 1 to 2 was deleted on ") || !strings.Contains(said, "30 days") {
		t.Errorf("%v: %s", err, said)
	}
	last := len(b.Entries) - 2
	b.Entries = append(b.Entries[:last:last], b.Entries[last+1:]...)
	if said, err := verify(b); err == nil || !strings.Contains(userText(err), "nothing there says that it was deleted") {
		t.Errorf("%v: %s", err, said)
	}
}
