package password

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"stemma/entity"
)

func TestHashAndVerify(t *testing.T) {
	h := New(Options{})
	hash, err := h.Hash(t.Context(), "correct horse")
	if err != nil || !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatal(hash, err)
	}
	again, err := h.Hash(t.Context(), "correct horse")
	if err != nil || again == hash {
		t.Errorf("two hashes of one password are %q, %v", again, err)
	}
	for password, want := range map[string]bool{"correct horse": true, "correct hors": false, "correct horse ": false, "": false, "Correct horse": false} {
		if ok, err := h.Verify(t.Context(), hash, password); ok != want || err != nil {
			t.Errorf("%q: %v, %v", password, ok, err)
		}
	}
	if ok, err := h.Verify(t.Context(), "", "correct horse"); ok || err != nil {
		t.Errorf("nobody has a password: %v, %v", ok, err)
	}
}

// A hash of the reference implementation's own tests (phc-winner-argon2,
// src/test.c: password, somesalt, t=2, m=2^16, p=1).
func TestVerifiesOthersHashes(t *testing.T) {
	const theirs = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	if ok, err := New(Options{}).Verify(t.Context(), theirs, "password"); !ok || err != nil {
		t.Error(ok, err)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, s := range []string{
		"", "plain", "$argon2i$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$argon2id$v=16$m=19456,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$argon2id$v=19$m=99999999,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$argon2id$v=19$m=19456,t=0,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$argon2id$v=19$m=19456,t=2,p=1$$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$", "$argon2id$v=19$t=2$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
	} {
		if _, err := parse(s); entity.KindOf(err) != entity.KindInternal || err == nil {
			t.Errorf("%q: %v", s, err)
		}
	}
	if p, err := parse(nobodys); err != nil || p.String() != nobodys || p.memory != memory || len(p.sum) != sumBytes || len(p.salt) != saltBytes {
		t.Errorf("nobody's hash is unlike a real one: %+v, %v", p, err)
	}
}

func TestCheck(t *testing.T) {
	for password, good := range map[string]bool{
		"1234567": false, "12345678": true, "пароль12": true, "пароль1": false, strings.Repeat("é", 256): true, strings.Repeat("é", 257): false, "\xff\xff\xff\xff\xff\xff\xff\xff": false,
	} {
		if err := Check(password); (err == nil) != good {
			t.Errorf("%q: %v", password, err)
		}
	}
}

// At most Parallel hashes run; as many as may wait do, the next is told to come
// back, and who gives up leaves.
func TestBounded(t *testing.T) {
	h := New(Options{Parallel: 1, Waiting: 1})
	h.slots <- struct{}{} // one runs
	h.waiting.Add(1)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := h.Hash(ctx, "a password"); entity.KindOf(err) != entity.KindCanceled || !errors.Is(err, context.Canceled) {
			t.Errorf("who gave up: %v", err)
		}
	})
	for h.waiting.Load() < 2 {
		time.Sleep(time.Millisecond)
	}
	if _, err := h.Hash(t.Context(), "a password"); entity.KindOf(err) != entity.KindUnavailable {
		t.Errorf("one too many: %v", err)
	}
	cancel()
	wg.Wait()
	<-h.slots
	h.waiting.Add(-1)
	if _, err := h.Hash(t.Context(), "a password"); err != nil || h.waiting.Load() != 0 {
		t.Error(err, h.waiting.Load())
	}
}

func BenchmarkVerify(b *testing.B) {
	h := New(Options{})
	hash, err := h.Hash(b.Context(), "correct horse")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := h.Verify(b.Context(), hash, "incorrect horse"); err != nil {
			b.Fatal(err)
		}
	}
}
