package outbound

import (
	"crypto/ed25519"
	"strings"
	"testing"
	"time"

	"stemma/entity"
)

func TestSignature(t *testing.T) {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	other := ed25519.NewKeyFromSeed([]byte(strings.Repeat("x", ed25519.SeedSize)))
	at := time.Unix(1_700_000_000, 0)
	body := []byte(`{"job_id":"job_1"}`)
	good := Sign(key, at, body)
	for _, c := range []struct {
		name   string
		key    ed25519.PrivateKey
		header string
		body   string
		now    time.Time
		ok     bool
	}{
		{"now", key, good, string(body), at, true},
		{"300 seconds later", key, good, string(body), at.Add(300 * time.Second), true},
		{"301 seconds later", key, good, string(body), at.Add(301 * time.Second), false},
		{"60 seconds before", key, good, string(body), at.Add(-60 * time.Second), true},
		{"61 seconds before", key, good, string(body), at.Add(-61 * time.Second), false},
		{"another body", key, good, string(body) + " ", at, false},
		{"another key", other, good, string(body), at, false},
		{"another time", key, strings.Replace(good, "t=17", "t=18", 1), string(body), at, false},
		{"no time", key, good[strings.Index(good, "v1="):], string(body), at, false},
		{"no signature", key, good[:strings.Index(good, ",")], string(body), at, false},
		{"nothing", key, "", string(body), at, false},
		{"no base64", key, good[:20] + "!" + good[21:], string(body), at, false},
		{"spaces", key, strings.Replace(good, ",", ", ", 1), string(body), at, true},
	} {
		err := CheckSignature(c.key.Public().(ed25519.PublicKey), c.header, []byte(c.body), c.now)
		if (err == nil) != c.ok || err != nil && entity.KindOf(err) != entity.KindUnauthenticated {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if CheckSignature(nil, good, body, at) == nil {
		t.Error("no key at all verifies")
	}
}
