package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stemma/versions/attest"
)

// The evidence of a run that a server recorded is verified without it, and refused
// where a block was left out.
func TestVerifyOfflineRun(t *testing.T) {
	s := openAttested(t, serverOptions{})
	defer closeServer(t, s)
	var started struct {
		ID string `json:"run_id"`
	}
	out := askHandler(s.handler, "POST", "/api/v1/runs", `{"trigger_type":"api"}`, testKey, "X-Agent-Name", "sales-bot")
	if err := json.Unmarshal(out.Body.Bytes(), &started); err != nil || started.ID == "" {
		t.Fatal(err, out.Body)
	}
	for _, c := range [][3]string{
		{"POST", "/steps", `{"step_type":"reasoning"}`}, {"POST", "/steps", `{"step_type":"completion"}`}, {"PATCH", "", `{"status":"completed"}`},
	} {
		if out := askHandler(s.handler, c[0], "/api/v1/runs/"+started.ID+c[1], c[2], testKey, "X-Agent-Name", "sales-bot"); out.Code >= 300 {
			t.Fatal(c, out.Code, out.Body)
		}
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
	if said, err := verify(b); err != nil || strings.Count(said, "ok  ") != len(b.Entries) || !strings.Contains(said, "block 2 of the chain steps of ") {
		t.Errorf("%v: %s", err, said)
	}
	b.Entries = append(b.Entries[:1:1], b.Entries[2:]...)
	if said, err := verify(b); err == nil || !strings.Contains(userText(err), "block 2 of 4") {
		t.Errorf("%v: %s", err, said)
	}
}
