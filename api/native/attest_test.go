package native_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	tessera "github.com/transparency-dev/tessera/client"
	"golang.org/x/mod/sumdb/note"

	"stemma/api/native"
	"stemma/api/wire"
	"stemma/entity"
	"stemma/versions/attest"
)

// fillNotes makes n notes, and gives the CID of the last.
func (w *rig) fillNotes(t *testing.T, n int) (tip string) {
	t.Helper()
	for n > 0 {
		var notes []object
		for range min(n, 100) {
			notes = append(notes, object{"type": "note"})
		}
		out := w.must(t, 201, "POST", "/entities/batch", object{"entities": notes})
		tip = at(out, "results", len(notes)-1, "cid").(string)
		n -= len(notes)
	}
	return tip
}

// The client of Tessera, which knows nothing of us, follows the log by its tiles:
// it checks each checkpoint against the one before, makes the same proofs out of
// the tiles as we do, and reads the entries.
func TestMonitorFollows(t *testing.T) {
	w := newRig(t, rigOptions{})
	server := httptest.NewServer(w)
	defer server.Close()
	w.fillNotes(t, 700)
	w.settleAttest()
	head := w.must(t, 200, "GET", "/attestations/head", nil)
	verifier, err := note.NewVerifier(head["verifier_key"].(string))
	if err != nil {
		t.Fatal(err)
	}
	root, err := url.Parse(server.URL + head["tlog"].(string) + "/")
	if err != nil {
		t.Fatal(err)
	}
	fetch, err := tessera.NewHTTPFetcher(root, server.Client())
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	tracker, err := tessera.NewLogStateTracker(ctx, fetch.ReadTile, nil, verifier, head["origin"].(string), tessera.UnilateralConsensus(fetch.ReadCheckpoint))
	if err != nil {
		t.Fatal(err)
	}
	first := tracker.Latest()
	for _, more := range []int{1, 61, 300, 512} {
		tip := w.fillNotes(t, more)
		w.settleAttest()
		if _, _, _, err := tracker.Update(ctx); err != nil {
			t.Fatal(err)
		}
		now := tracker.Latest()
		if now.Size != uint64(w.main().Seq()) {
			t.Errorf("the client is at %d of %d", now.Size, w.main().Seq())
		}
		theirs, err := tessera.NewProofBuilder(ctx, now.Size, fetch.ReadTile)
		if err != nil {
			t.Fatal(err)
		}
		ours := w.must(t, 200, "GET", "/attestations/verify/"+tip, nil)
		hashes, err := theirs.InclusionProof(ctx, now.Size-1)
		if got := decodeHashes(t, at(ours, "inclusion", "proof")); err != nil || !equalHashes(hashes, got) {
			t.Errorf("at %d the proofs differ: %v", now.Size, err)
		}
		leaf := rfc6962.DefaultHasher.HashLeaf(cidBytes(t, tip))
		if err := proof.VerifyInclusion(rfc6962.DefaultHasher, now.Size-1, now.Size, leaf, hashes, now.Hash); err != nil {
			t.Error(err)
		}
		ours = w.must(t, 200, "GET", fmt.Sprintf("/attestations/consistency?from=%d", first.Size), nil)
		hashes, err = theirs.ConsistencyProof(ctx, first.Size, now.Size)
		if got := decodeHashes(t, ours["proof"]); err != nil || !equalHashes(hashes, got) {
			t.Errorf("from %d to %d the proofs differ: %v", first.Size, now.Size, err)
		}
		if err := proof.VerifyConsistency(rfc6962.DefaultHasher, first.Size, now.Size, decodeHashes(t, ours["proof"]), first.Hash, now.Hash); err != nil {
			t.Error(err)
		}
		bundle, err := tessera.GetEntryBundle(ctx, fetch.ReadEntryBundle, (now.Size-1)/256, now.Size)
		if last := (now.Size - 1) % 256; err != nil || !bytes.Equal(bundle.Entries[last], cidBytes(t, tip)) {
			t.Errorf("the last entry is not %s: %v", tip, err)
		}
	}
}

func cidBytes(t *testing.T, text string) []byte {
	t.Helper()
	c, err := entity.ParseCID(text)
	if err != nil {
		t.Fatal(err)
	}
	return c.Bytes()
}

func decodeHashes(t *testing.T, texts any) (out [][]byte) {
	t.Helper()
	for _, text := range texts.([]any) {
		b, err := base64.StdEncoding.DecodeString(text.(string))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b)
	}
	return out
}

func equalHashes(a, b [][]byte) bool { return bytes.Equal(bytes.Join(a, nil), bytes.Join(b, nil)) }

// What no checkpoint covers is pending, whatever form is asked for; a bundle of what
// is covered verifies by the key alone.
func TestPending(t *testing.T) {
	w := newRig(t, rigOptions{attests: time.Hour})
	if _, err := w.attest.WaitCheckpoint(t.Context(), int64(w.main().Seq())-1); err != nil {
		t.Fatal(err)
	}
	id, tip := w.create(t, object{"type": "note"})
	for _, path := range []string{"/entities/" + id + "/attestation", "/versions/" + id + "/1/attestation", "/versions/" + id + "/1/attestation?format=bundle", "/versions/" + id + "/1/attestation?format=tlog-proof"} {
		e := w.must(t, http.StatusAccepted, "GET", path, nil)
		if e["attestation_status"] != "pending" || e["id"] != id || e["pi"] != id || e["cid"] != tip || fmt.Sprint(e["ver"]) != "1" || e["message"] == "" {
			t.Errorf("%s: %v", path, e)
		}
	}
	e := w.must(t, 200, "GET", "/attestations/verify/"+tip, nil)
	if e["included"] != false || e["cid_valid"] != true || e["inclusion"] != nil || at(e, "attestation", "op") != "C" {
		t.Errorf("verified: %v", e)
	}
	secret := w.must(t, 201, "POST", "/collections", object{"label": "c", "visibility": "private"})
	w.must(t, 404, "GET", "/attestations/verify/"+secret["cid"].(string), nil) // nobody but the owner knows of it yet

	b := w.call("GET", "/versions/"+string(ownerID)+"/1/attestation?format=bundle", "")
	var bundle attest.Bundle
	if err := json.Unmarshal(b.Body.Bytes(), &bundle); err != nil {
		t.Fatal(err)
	}
	if _, all, err := bundle.Verify(w.attest.VerifierKey()); err != nil || all[0].Manifest.ID != ownerID {
		t.Errorf("%v %+v", err, all)
	}
}

// Once anchored, attestations name the first anchor that covers them, the head the
// last, and an anchor's name stands for the last change under it.
func TestAnchored(t *testing.T) {
	w := newRig(t, rigOptions{})
	id, tip := w.create(t, object{"type": "note"})
	w.settleAttest()
	size := int64(w.main().Seq())
	anchors := []attest.Anchor{{Size: 1, Tx: "first", URL: "https://arweave.net/first"}, {Size: size, Tx: "second", URL: "https://arweave.net/second"}, {Size: size, Tx: "third", URL: "https://arweave.net/third"}}
	for _, a := range anchors {
		if err := w.attest.AddAnchor(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	e := w.must(t, 200, "GET", "/entities/"+id+"/attestation", nil)
	if e["arweave_tx"] != "second" || e["arweave_url"] != "https://arweave.net/second" {
		t.Errorf("the entity: %v", e)
	}
	e = w.must(t, 200, "GET", "/attestations/head", nil)
	if e["tx"] != "third" || e["arweave_tx"] != "third" || e["arweave_url"] != "https://arweave.net/third" || fmt.Sprint(e["anchored_size"]) != fmt.Sprint(size) {
		t.Errorf("the head: %v", e)
	}
	e = w.must(t, 200, "GET", "/attestations/verify/third", nil)
	if e["arweave_tx"] != "third" || e["cid"] != tip || e["included"] != true || e["cid_valid"] != true || at(e, "manifest_preview", "type") != "note" {
		t.Errorf("the anchor: %v", e)
	}
	e = w.must(t, 200, "GET", "/attestations/verify/"+tip, nil)
	if e["arweave_tx"] != "second" || fmt.Sprint(e["anchored_size"]) != fmt.Sprint(size) {
		t.Errorf("the tip: %v", e)
	}
}

// Blocks of chains are attested like versions, and shown to who may read the chain.
func TestChainBlockVerified(t *testing.T) {
	w := newRig(t, rigOptions{})
	id, _ := w.create(t, object{"type": "note"})
	var ref entity.ChainRef
	for n := range 2 {
		_, err := w.main().Update(t.Context(), entity.Actor{UserID: ownerID, Method: entity.MethodManual}, func(tx entity.Tx) (err error) {
			ref, err = tx.Append(entity.ID(id), "steps", entity.Any, entity.Properties{"n": int64(n)})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	e := w.must(t, 200, "GET", "/attestations/verify/"+ref.CID.String(), nil)
	if e["cid_valid"] != true || e["included"] != true || e["manifest_preview"] != nil {
		t.Errorf("%v", e)
	}
	if a := at(e, "attestation"); at(a, "op") != "A" || at(a, "id") != id || at(a, "chain") != "steps" || fmt.Sprint(at(a, "ver")) != "2" || !strings.HasPrefix(fmt.Sprint(at(a, "prev_cid")), "bafyrei") {
		t.Errorf("%v", a)
	}
}

// A log that is not what was signed answers nothing but that, and a server without
// one says so.
func TestHalted(t *testing.T) {
	w := newRig(t, rigOptions{})
	id, tip := w.create(t, object{"type": "note"})
	w.settleAttest()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(w.attestDir())); err != nil {
		t.Fatal(err)
	}
	state, err := os.ReadFile(filepath.Join(dir, "state"))
	if err != nil {
		t.Fatal(err)
	}
	state = bytes.Replace(state, []byte(`\n3\n`), []byte(`\n2\n`), 1) // the size that was signed
	if err := os.WriteFile(filepath.Join(dir, "state"), state, 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := attest.Open(t.Context(), attest.Options{Dir: dir, Store: w.main(), Fallback: "x"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for status, log := range map[int]*attest.Log{http.StatusServiceUnavailable: l, http.StatusNotImplemented: nil} {
		ops := native.New(w.clock.Now, native.Network{Store: w.main(), Scopes: w.scopes[entity.Main], Attest: log}).WithAuth(w.auth).Operations()
		h := wire.New(wire.Options{Ops: ops, Authenticate: w.auth.Authenticate})
		for _, path := range []string{"/attestations/head", "/tlog/checkpoint", "/entities/" + id + "/attestation", "/versions/" + id + "/1/attestation?format=bundle", "/attestations/verify/" + tip, "/attestations/consistency?from=1"} {
			out := httptest.NewRecorder()
			h.ServeHTTP(out, httptest.NewRequest("GET", path, nil))
			if word := map[int]string{503: "is not signed by the store's key", 501: "does not attest"}[status]; out.Code != status || !strings.Contains(out.Body.String(), word) {
				t.Errorf("%s: %d %s", path, out.Code, out.Body)
			}
		}
	}
}
