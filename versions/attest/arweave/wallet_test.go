package arweave

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"stemma/entity"
)

// What is no wallet is refused with what would be right, and nothing of a key.
func TestWalletRefuses(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "one.json"))
	if err != nil {
		t.Fatal(err)
	}
	var good map[string]string
	if err := json.Unmarshal(text, &good); err != nil {
		t.Fatal(err)
	}
	with := func(change func(map[string]string)) string {
		m := maps.Clone(good)
		change(m)
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	jwk := func(key any) string {
		b, err := jose.JSONWebKey{Key: key}.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	small, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ text, want string }{
		"nothing":             {"", "no JWK"},
		"a PEM":               {"-----BEGIN RSA PRIVATE KEY-----", "no JWK"},
		"a list":              {"[]", "no JWK"},
		"an empty object":     {"{}", "no JWK"},
		"half of one":         {string(text[:len(text)/2]), "no JWK"},
		"base64 that is none": {with(func(m map[string]string) { m["d"] = "!" + m["d"] }), "no JWK"},
		"a symmetric key":     {jwk([]byte("0123456789abcdef")), "no RSA key"},
		"an Ed25519 key":      {jwk(ed), "no RSA key"},
		"the public key":      {with(func(m map[string]string) { delete(m, "d"); delete(m, "p"); delete(m, "q") }), "the public key only"},
		"2048 bits":           {jwk(small), "has 2048 bits"},
		"another exponent":    {with(func(m map[string]string) { m["e"] = "Aw" }), ""},
		"another modulus":     {with(func(m map[string]string) { m["n"] = wallets(t)["two"]["n"] }), ""},
		"another d":           {with(func(m map[string]string) { m["d"] = wallets(t)["two"]["d"] }), ""},
	} {
		_, err := ParseWallet([]byte(c.text))
		if err == nil || entity.KindOf(err) != entity.KindInvalid || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for part, value := range good {
			if part != "n" && len(value) > 20 && strings.Contains(err.Error(), value[:20]) {
				t.Errorf("%s: the error tells %s: %v", name, part, err)
			}
		}
	}
	dir := t.TempDir()
	if _, err := OpenWallet(filepath.Join(dir, "none.json")); entity.KindOf(err) != entity.KindNotFound {
		t.Errorf("no file: %v", err)
	}
	if _, err := OpenWallet(dir); entity.KindOf(err) != entity.KindInvalid || err == nil {
		t.Errorf("a directory: %v", err)
	}
	big := filepath.Join(dir, "big.json")
	if err := os.WriteFile(big, make([]byte, maxWallet+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenWallet(big); err == nil || !strings.Contains(err.Error(), "no wallet file") {
		t.Errorf("a large file: %v", err)
	}
}

func wallets(t *testing.T) map[string]map[string]string {
	all := map[string]map[string]string{}
	for _, name := range []string{"one", "two"} {
		text, err := os.ReadFile(filepath.Join("testdata", name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var m map[string]string
		if err := json.Unmarshal(text, &m); err != nil {
			t.Fatal(err)
		}
		all[name] = m
	}
	return all
}
