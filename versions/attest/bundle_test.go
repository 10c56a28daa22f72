package attest_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"stemma/entity"
	"stemma/versions/attest"
)

// evidence is a bundle of all changes of a store, and the key it verifies under.
func evidence(t testing.TB) (attest.Bundle, string) {
	t.Helper()
	s := openStore(t, "")
	l := open(t, s, attest.Options{})
	write(t, s, 8, "x")
	head := settled(t, s, l)
	b := attest.Bundle{Version: attest.BundleVersion, Checkpoint: head.Text, VerifierKey: l.VerifierKey()}
	for _, c := range cids(t, s) {
		p, err := l.Prove(t.Context(), c, 0)
		if err != nil {
			t.Fatal(err)
		}
		b.Entries = append(b.Entries, p.Evidence(c, blockOf(t, s, c)))
	}
	return b, l.VerifierKey()
}

// A bundle with versions and blocks of a chain is proven by its bytes and a key.
func TestBundle(t *testing.T) {
	b, key := evidence(t)
	text, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	var read attest.Bundle
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	head, all, err := read.Verify(key)
	if err != nil || head.Origin != origin || len(all) != len(b.Entries) {
		t.Fatalf("%v %+v", err, head)
	}
	versions, blocks := 0, 0
	for i, v := range all {
		switch {
		case v.Leaf != int64(i) || v.CID.String() != b.Entries[i].CID:
			t.Errorf("entry %d is %+v", i, v)
		case v.Manifest != nil && v.Block == nil:
			versions++
		case v.Block != nil && v.Block.Chain == "steps":
			blocks++
		}
	}
	if versions == 0 || blocks == 0 || versions+blocks != len(all) {
		t.Errorf("%d versions and %d blocks of %d", versions, blocks, len(all))
	}
}

// Each link from the bytes to the signature, broken by itself, is named.
func TestBundleBroken(t *testing.T) {
	_, otherKey, err := note.GenerateKey(nil, origin)
	if err != nil {
		t.Fatal(err)
	}
	block := func(b *attest.Bundle, change func([]byte) []byte) {
		raw, err := base64.StdEncoding.DecodeString(b.Entries[3].Block)
		if err != nil {
			t.Fatal(err)
		}
		raw = change(raw)
		b.Entries[3].Block = base64.StdEncoding.EncodeToString(raw)
	}
	for name, c := range map[string]struct {
		words string
		do    func(b *attest.Bundle, key *string)
	}{
		"another version of bundles": {"version 2", func(b *attest.Bundle, _ *string) { b.Version = 2 }},
		"no entries":                 {"no entries", func(b *attest.Bundle, _ *string) { b.Entries = nil }},
		"another key":                {"not signed by the key", func(_ *attest.Bundle, key *string) { *key = otherKey }},
		"no key":                     {"not a verifier key", func(_ *attest.Bundle, key *string) { *key = "" }},
		"no signature":               {"not signed", func(b *attest.Bundle, _ *string) { b.Checkpoint, _, _ = strings.Cut(b.Checkpoint, "—") }},
		"another root":               {"not signed", func(b *attest.Bundle, _ *string) { b.Checkpoint = strings.Replace(b.Checkpoint, "=\n", "A=\n", 1) }},
		"a changed byte": {"hash to", func(b *attest.Bundle, _ *string) {
			block(b, func(raw []byte) []byte { raw[len(raw)/2] ^= 1; return raw })
		}},
		"a changed byte under its own name": {"entry 4", func(b *attest.Bundle, _ *string) {
			block(b, func(raw []byte) []byte {
				raw = append(raw, 0)
				b.Entries[3].CID = entity.SumBlock(raw).String()
				return raw
			})
		}},
		"other bytes under their own name": {"does not lead", func(b *attest.Bundle, _ *string) {
			b.Entries[3].Block, b.Entries[3].CID = b.Entries[4].Block, b.Entries[4].CID
		}},
		"no base64":     {"not base64", func(b *attest.Bundle, _ *string) { b.Entries[3].Block = "!" }},
		"another leaf":  {"does not lead", func(b *attest.Bundle, _ *string) { b.Entries[3].LeafIndex++ }},
		"a leaf beyond": {"has no leaf", func(b *attest.Bundle, _ *string) { b.Entries[3].LeafIndex = 1 << 40 }},
		"a leaf below":  {"has no leaf", func(b *attest.Bundle, _ *string) { b.Entries[3].LeafIndex = -1 }},
		"a hash less":   {"does not lead", func(b *attest.Bundle, _ *string) { b.Entries[3].Proof = b.Entries[3].Proof[1:] }},
		"a hash more": {"does not lead", func(b *attest.Bundle, _ *string) {
			b.Entries[3].Proof = append(b.Entries[3].Proof, b.Entries[3].Proof[0])
		}},
		"another hash":        {"does not lead", func(b *attest.Bundle, _ *string) { b.Entries[3].Proof[0] = b.Entries[3].Proof[1] }},
		"a hash that is none": {"is not one", func(b *attest.Bundle, _ *string) { b.Entries[3].Proof[0] = "AAAA" }},
	} {
		t.Run(name, func(t *testing.T) {
			b, key := evidence(t)
			c.do(&b, &key)
			_, _, err := b.Verify(key)
			wantKind(t, err, entity.KindInvalid, c.words)
		})
	}
}

// Whatever is sent as a bundle, only blocks of the log are proven.
func FuzzBundle(f *testing.F) {
	b, key := evidence(f)
	inLog := map[string]bool{}
	for _, e := range b.Entries {
		inLog[e.CID] = true
	}
	b.Entries = b.Entries[:2]
	text, err := json.Marshal(b)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Fuzz(func(t *testing.T, text []byte) {
		var b attest.Bundle
		if json.Unmarshal(text, &b) != nil {
			return
		}
		_, all, err := b.Verify(key)
		for _, v := range all {
			if err != nil || !inLog[v.CID.String()] {
				t.Errorf("%s is proven, %v", v.CID, err)
			}
		}
	})
}

// What is read as a checkpoint is what was signed.
func FuzzParseCheckpoint(f *testing.F) {
	b, key := evidence(f)
	signed, _, _ := strings.Cut(b.Checkpoint, "\n\n")
	f.Add(b.Checkpoint)
	f.Add(signed + "\n\n— x AAAA\n")
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := attest.ParseCheckpoint(text, key); err == nil && !strings.HasPrefix(c.Text, signed+"\n\n") {
			t.Errorf("%q was never signed", text)
		}
	})
}
