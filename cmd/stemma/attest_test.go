package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stemma/entity"
	"stemma/entity/store"
	"stemma/entity/storetest"
	"stemma/graph"
	"stemma/versions/attest"
)

// openAttested opens a server over a directory, which the test closes.
func openAttested(t *testing.T, o serverOptions) *server {
	t.Helper()
	o.bootstrapKey, o.logger, o.maxBody, o.noSearch, o.publicURL = testKey, slog.New(slog.DiscardHandler), 1<<20, true, "https://stemma.example/base"
	s, err := openServer(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// asked is the answer of a server that has attested all it has.
func (s *server) asked(t *testing.T, status int, path string) string {
	t.Helper()
	if s.attest != nil && s.attest.VerifierKey() != "" {
		if _, err := s.attest.WaitCheckpoint(t.Context(), int64(s.stores[0].Seq())-1); err != nil && entity.KindOf(err) != entity.KindUnavailable {
			t.Fatal(err)
		}
	}
	out := askHandler(s.handler, "GET", path, "", testKey)
	if out.Code != status {
		t.Fatalf("%s: status %d, want %d: %s", path, out.Code, status, out.Body)
	}
	return out.Body.String()
}

func closeServer(t *testing.T, s *server) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// What a server answers is verified without it, by the key that was taken from it
// or by a file with that; what was changed on the way is refused.
func TestVerifyOffline(t *testing.T) {
	s := openAttested(t, serverOptions{})
	defer closeServer(t, s)
	out := askHandler(s.handler, "POST", "/entities", `{"type":"note","properties":{"label":"one"}}`, testKey)
	var note struct{ ID, CID string }
	if err := json.Unmarshal(out.Body.Bytes(), &note); err != nil {
		t.Fatal(err)
	}
	bundle := s.asked(t, http.StatusOK, "/versions/"+note.ID+"/1/attestation?format=bundle")
	var head struct {
		Key    string `json:"verifier_key"`
		Origin string
	}
	if err := json.Unmarshal([]byte(s.asked(t, http.StatusOK, "/attestations/head")), &head); err != nil || head.Origin != "stemma.example/base/tlog" {
		t.Fatal(err, head)
	}
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good, keyFile := write("bundle.json", bundle), write("key", head.Key+"\n")
	for _, key := range []string{head.Key, keyFile} {
		said, _, err := runs(t, &verifyCmd{offlineFlags: offlineFlags{Offline: good, Key: key}})
		if err != nil || !strings.Contains(said, "ok  "+note.CID+" is change 2 of it: version 1 of "+note.ID+", a note") || !strings.Contains(said, head.Origin+" signed") {
			t.Errorf("%v: %s", err, said)
		}
	}
	other, _, _ := strings.Cut(head.Key, "+")
	for name, c := range map[string]struct{ file, key, word string }{
		"no key":        {good, "", "needs --key"},
		"a bad key":     {good, other, "not a verifier key"},
		"another block": {write("changed", strings.Replace(bundle, `"block":"`, `"block":"AAAA`, 1)), head.Key, "hash to"},
		"another leaf":  {write("moved", strings.Replace(bundle, `"leaf_index":1`, `"leaf_index":0`, 1)), head.Key, "does not lead"},
		"another size":  {write("sized", strings.Replace(bundle, `tlog\n`, `tlog\n9`, 1)), head.Key, "not signed"},
		"no bundle":     {write("none", "x"), head.Key, "is no bundle"},
		"no file":       {filepath.Join(dir, "nothing"), head.Key, "no such file"},
	} {
		if _, _, err := runs(t, &verifyCmd{offlineFlags: offlineFlags{Offline: c.file, Key: c.key}}); err == nil || !strings.Contains(userText(err), c.word) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := runs(t, &verifyCmd{offlineFlags: offlineFlags{Key: head.Key}}); err == nil {
		t.Error("a key alone will do")
	}
}

// history is a main store with its log of attestations, the same in every run but
// for the text of one manifest.
func history(t *testing.T, data, text string) {
	t.Helper()
	s, err := store.Open(store.Options{Dir: filepath.Join(data, "main"), Projections: projections(graph.New()), Clock: storetest.NewClock().Now, Entropy: storetest.Entropy(1)})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 30 {
		_, err := s.Update(t.Context(), loader, func(tx entity.Tx) error {
			label := fmt.Sprint("entry ", i)
			if i == 11 {
				label = text
			}
			_, err := tx.Create(entity.Draft{Type: "note", Properties: entity.Properties{"label": label}})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	l, err := attest.Open(t.Context(), attest.Options{Dir: attestDir(data, entity.Main), Store: s, Fallback: "stemma.example/tlog", Entropy: storetest.Entropy(2)})
	if err == nil {
		_, err = l.WaitCheckpoint(t.Context(), int64(s.Seq())-1)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// A history that was rewritten on disk, so that it is whole by itself and signed
// with the server's own key, is caught by what was attested before: by verify, and
// by the server as it starts.
func TestVerifyFindsRewrittenHistory(t *testing.T) {
	genuine, forged := t.TempDir(), t.TempDir()
	history(t, genuine, "as it was")
	history(t, forged, "as it should have been")
	for _, data := range []string{genuine, forged} {
		said, _, err := runs(t, &verifyCmd{dataFlags: dataFlags{Data: data}})
		if err != nil || !strings.Contains(said, "ok") {
			t.Fatalf("%v: %s", err, said)
		}
	}
	dir := attestDir(forged, entity.Main)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(dir, os.DirFS(attestDir(genuine, entity.Main))); err != nil {
		t.Fatal(err)
	}
	said, _, err := runs(t, &verifyCmd{dataFlags: dataFlags{Data: forged}})
	if err == nil || !strings.Contains(said, "DIFFERS") || !strings.Contains(userText(err), "change 12 of the log is") || !strings.Contains(userText(err), "was signed") {
		t.Errorf("%v: %s", err, said)
	}
	s := openAttested(t, serverOptions{data: forged})
	defer closeServer(t, s)
	for _, path := range []string{"/attestations/head", "/tlog/checkpoint"} {
		if body := s.asked(t, http.StatusServiceUnavailable, path); !strings.Contains(body, "halted") || !strings.Contains(body, "change 12 of the log is") {
			t.Errorf("%s: %s", path, body)
		}
	}
	if body := s.asked(t, http.StatusOK, "/metrics"); !strings.Contains(body, `stemma_attest_halted{network="main"} 1`) {
		t.Error("the metric does not tell")
	}
}

// A server that only reads shows what was attested, and begins nothing; one that was
// told not to attest says so; a restored backup is signed as it was.
func TestAttestationByServer(t *testing.T) {
	data, copies, back := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "back")
	s := openAttested(t, serverOptions{data: data, noAttest: true})
	s.asked(t, http.StatusNotImplemented, "/attestations/head")
	closeServer(t, s)
	s = openAttested(t, serverOptions{data: data, readOnly: true})
	s.asked(t, http.StatusNotImplemented, "/attestations/head")
	closeServer(t, s)
	if _, err := os.Stat(attestDir(data, entity.Main)); !os.IsNotExist(err) {
		t.Error("a directory was made: ", err)
	}
	s = openAttested(t, serverOptions{data: data})
	was := s.asked(t, http.StatusOK, "/tlog/checkpoint")
	closeServer(t, s)
	s = openAttested(t, serverOptions{data: data, readOnly: true})
	if now := s.asked(t, http.StatusOK, "/tlog/checkpoint"); now != was {
		t.Errorf("read-only it is\n%s\nand was\n%s", now, was)
	}
	closeServer(t, s)

	if _, _, err := runs(t, &backupCmd{dataFlags: dataFlags{Data: data}, To: copies}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := runs(t, &restoreCmd{From: copies, dataFlags: dataFlags{Data: back}}); err != nil {
		t.Fatal(err)
	}
	s = openAttested(t, serverOptions{data: back})
	if now := s.asked(t, http.StatusOK, "/tlog/checkpoint"); now != was {
		t.Errorf("restored it is\n%s\nand was\n%s", now, was)
	}
	closeServer(t, s)
	s = openAttested(t, serverOptions{data: back, attestOrigin: "stemma.example/again"})
	if now := s.asked(t, http.StatusOK, "/tlog/checkpoint"); !strings.HasPrefix(now, "stemma.example/again\n") {
		t.Errorf("named anew it is\n%s", now)
	}
	closeServer(t, s)
}

// The name of a log that was given none.
func TestOriginOf(t *testing.T) {
	for url, want := range map[string]string{
		"https://stemma.example": "stemma.example/tlog", "https://stemma.example/": "stemma.example/tlog", "http://127.0.0.1:8080": "127.0.0.1:8080/tlog", "https://a.example/b": "a.example/b/tlog", "": "localhost/tlog",
	} {
		if got := originOf(url); got != want || attest.CheckOrigin(got) != nil {
			t.Errorf("%q is named %q", url, got)
		}
	}
	for _, bad := range []string{"with space", "a+b", strings.Repeat("x", 201)} {
		if err := (&attestFlags{Origin: bad}).check(); err == nil || !strings.Contains(err.Error(), "--attest-origin") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
