package token

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"stemma/entity"
)

const (
	issuer = "https://stemma.example"
	user   = entity.ID("01KDVR0000000000000000USER")
)

var now = time.Unix(1_800_000_000, 500_000_000)

func key(t testing.TB, network entity.Network, seed byte) Key {
	t.Helper()
	k, err := NewKey(network, bytes.NewReader(bytes.Repeat([]byte{seed}, 32)), now)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func sign(t testing.TB, k Key, g Grant) string {
	t.Helper()
	raw, err := k.Sign(g, now)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

var grant = Grant{Issuer: issuer, Network: entity.Main, User: user, Epoch: 3, ID: "t1"}

func TestSignAndVerify(t *testing.T) {
	old, current := key(t, entity.Main, 1), key(t, entity.Main, 2)
	keys := Keys{current, old}
	for _, k := range keys {
		c, err := keys.Verify(sign(t, k, grant), issuer, entity.Main, now)
		want := Claims{Issuer: issuer, Subject: user, Audience: []string{issuer}, IssuedAt: 1_800_000_000, Expires: 1_800_000_900, ID: "t1", Network: entity.Main, Type: "access", Epoch: 3}
		if err != nil || !reflect.DeepEqual(c, want) {
			t.Errorf("%+v, %v", c, err)
		}
	}
	b, err := keys.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	back, err := Unmarshal(entity.Main, b)
	if err != nil || len(back) != 2 || back[0].ID != current.ID || !back[0].Made.Equal(now) || !bytes.Equal(back[1].private, old.private) {
		t.Errorf("%+v, %v", back, err)
	}
	if alg, iss, err := Peek(sign(t, current, grant)); alg != "EdDSA" || iss != issuer || err != nil {
		t.Error(alg, iss, err)
	}
}

// assemble makes a token out of a header and claims as JSON; signer "" leaves
// the signature empty.
func assemble(header, claims string, sign func([]byte) []byte) string {
	enc := base64.RawURLEncoding.EncodeToString
	input := enc([]byte(header)) + "." + enc([]byte(claims))
	return input + "." + enc(sign([]byte(input)))
}

// Every way of a token that proves nothing is refused, and by its own reason.
func TestVerifyRefuses(t *testing.T) {
	k, other := key(t, entity.Main, 1), key(t, entity.Test, 1)
	keys := Keys{k}
	good := sign(t, k, grant)
	parts := strings.Split(good, ".")
	ed := func(b []byte) []byte { return ed25519.Sign(k.private, b) }
	header := func(alg, kid string) string { return `{"alg":"` + alg + `","kid":"` + kid + `","typ":"at+jwt"}` }
	claims := func(change map[string]any) string {
		all := map[string]any{"iss": issuer, "sub": user, "aud": issuer, "iat": now.Unix(), "exp": now.Unix() + 900, "network": "main", "typ": "access"}
		for key, v := range change {
			if all[key] = v; v == nil {
				delete(all, key)
			}
		}
		b, _ := json.Marshal(all)
		return string(b)
	}
	macWith := func(secret []byte) func([]byte) []byte {
		return func(b []byte) []byte {
			m := hmac.New(sha256.New, secret)
			m.Write(b)
			return m.Sum(nil)
		}
	}
	public := k.private.Public().(ed25519.PublicKey)
	wrongNetwork := grant
	wrongNetwork.Network = entity.Test
	wrongIssuer := grant
	wrongIssuer.Issuer = "https://elsewhere.example"
	for name, c := range map[string]struct {
		raw, reason string
		at          time.Time
	}{
		"as it should be":                {raw: assemble(header("EdDSA", k.ID), claims(nil), ed)},
		"expired":                        {raw: good, at: now.Add(Lifetime), reason: "ended"},
		"of the future":                  {raw: good, at: now.Add(-time.Hour), reason: "future"},
		"another issuer":                 {raw: sign(t, k, wrongIssuer), reason: "issuer"},
		"the other network's claim":      {raw: sign(t, k, wrongNetwork), reason: "network"},
		"the other network's key":        {raw: sign(t, other, grant), reason: "no key"},
		"the other network's key, named": {raw: assemble(header("EdDSA", k.ID), claims(nil), func(b []byte) []byte { return ed25519.Sign(key(t, entity.Test, 9).private, b) }), reason: "cryptographic"},
		"another audience":               {raw: assemble(header("EdDSA", k.ID), claims(map[string]any{"aud": "x"}), ed), reason: "audience"},
		"no audience":                    {raw: assemble(header("EdDSA", k.ID), claims(map[string]any{"aud": nil}), ed), reason: "audience"},
		"no end":                         {raw: assemble(header("EdDSA", k.ID), claims(map[string]any{"exp": nil}), ed), reason: "ended"},
		"another type":                   {raw: assemble(header("EdDSA", k.ID), claims(map[string]any{"typ": "refresh"}), ed), reason: "type"},
		"none":                           {raw: assemble(header("none", k.ID), claims(nil), func([]byte) []byte { return nil }), reason: "algorithm"},
		"None":                           {raw: assemble(header("None", k.ID), claims(nil), func([]byte) []byte { return nil }), reason: "algorithm"},
		"HS256 with the public key":      {raw: assemble(header("HS256", k.ID), claims(nil), macWith(public)), reason: "algorithm"},
		"no kid":                         {raw: assemble(header("EdDSA", ""), claims(nil), ed), reason: "no key"},
		"a changed claim":                {raw: parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(claims(map[string]any{"sub": "01KDVR00000000000000000WNR"}))) + "." + parts[2], reason: "cryptographic"},
		"a changed header":               {raw: base64.RawURLEncoding.EncodeToString([]byte(header("EdDSA", k.ID)+" ")) + "." + parts[1] + "." + parts[2], reason: "cryptographic"},
		"cut in the signature":           {raw: good[:len(good)-4], reason: "cryptographic"},
		"no signature":                   {raw: parts[0] + "." + parts[1] + ".", reason: "cryptographic"},
		"two parts":                      {raw: parts[0] + "." + parts[1], reason: "compact"},
		"one part":                       {raw: parts[0], reason: "compact"},
		"empty":                          {raw: "", reason: "empty"},
		"bytes":                          {raw: "\xff\xfe.\xff.\xff", reason: "base64"},
		"the claims twice":               {raw: assemble(header("EdDSA", k.ID), `{"iss":"x",`+claims(nil)[1:], ed), reason: "duplicate"},
		"a critical extension":           {raw: assemble(`{"alg":"EdDSA","kid":"`+k.ID+`","crit":["x"],"x":1}`, claims(nil), ed), reason: "crit"},
		"too long":                       {raw: good + strings.Repeat("A", MaxSize), reason: "over"},
		"an encrypted one":               {raw: "a.b.c.d.e", reason: "compact"},
	} {
		at := c.at
		if at.IsZero() {
			at = now
		}
		_, err := keys.Verify(c.raw, issuer, entity.Main, at)
		switch {
		case c.reason == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.reason != "" && (err == nil || entity.KindOf(err) != entity.KindUnauthenticated || !strings.Contains(err.Error(), c.reason)):
			t.Errorf("%s: %v, not for %q", name, err, c.reason)
		}
	}
}

// FuzzVerify: nothing but what was signed verifies, and nothing panics. The last
// character of a base64 text has bits that nobody reads, so that the same token
// has several spellings.
func FuzzVerify(f *testing.F) {
	k := key(f, entity.Main, 1)
	good := sign(f, k, grant)
	signed, err := Keys{k}.Verify(good, issuer, entity.Main, now)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(strings.Replace(good, ".", "..", 1))
	f.Add("e30.e30.")
	f.Fuzz(func(t *testing.T, raw string) {
		_, _, _ = Peek(raw)
		c, err := (Keys{k}).Verify(raw, issuer, entity.Main, now)
		if err == nil && !reflect.DeepEqual(c, signed) {
			t.Errorf("verified: %q", raw)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	k := key(b, entity.Main, 1)
	raw := sign(b, k, grant)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := (Keys{k}).Verify(raw, issuer, entity.Main, now); err != nil {
			b.Fatal(err)
		}
	}
}
