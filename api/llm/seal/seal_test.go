package seal_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"stemma/api/llm/seal"
	"stemma/entity"
)

func box(t *testing.T, fill byte) *seal.Box {
	t.Helper()
	b, err := seal.New(bytes.Repeat([]byte{fill}, seal.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A sealed value opens under its key, tenant and name, and no other; each
// flipped bit is noticed.
func TestOpensWhereItWasSealed(t *testing.T) {
	b := box(t, 1)
	sealed, err := b.Of("T1").Seal("provider/A", []byte("sk-secret"))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed, []byte("secret")) {
		t.Error("the sealed value shows what it holds")
	}
	if got, err := b.Of("T1").Open("provider/A", sealed); err != nil || string(got) != "sk-secret" {
		t.Errorf("it opens as %q, %v", got, err)
	}
	for name, try := range map[string]func() ([]byte, error){
		"another record": func() ([]byte, error) { return b.Of("T1").Open("provider/B", sealed) },
		"another tenant": func() ([]byte, error) { return b.Of("T2").Open("provider/A", sealed) },
		"no tenant":      func() ([]byte, error) { return b.Open("provider/A", sealed) },
	} {
		if got, err := try(); entity.KindOf(err) != entity.KindInternal {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if _, err := box(t, 2).Of("T1").Open("provider/A", sealed); entity.KindOf(err) != entity.KindUnavailable {
		t.Errorf("another master key: %v", err)
	}
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		if got, err := b.Of("T1").Open("provider/A", bad); err == nil {
			t.Errorf("with bit 0 of byte %d flipped it opens as %q", i, got)
		}
		if got, err := b.Of("T1").Open("provider/A", sealed[:i]); err == nil {
			t.Errorf("cut after %d bytes it opens as %q", i, got)
		}
	}
}

// The key in a file is made once, for its owner alone, and stays; a file of
// another form is refused and left as it is.
func TestKeyFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sub", "master.key")
	one, err := seal.LoadKey(file)
	if err != nil {
		t.Fatal(err)
	}
	if two, err := seal.LoadKey(file); err != nil || !bytes.Equal(one, two) {
		t.Errorf("read again it is %x, not %x: %v", two, one, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := os.WriteFile(file, []byte("password\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := seal.LoadKey(file); entity.KindOf(err) != entity.KindInvalid {
		t.Errorf("a file that holds no key: %v", err)
	}
	for _, text := range []string{"", "00", string(bytes.Repeat([]byte("g"), 64)), string(bytes.Repeat([]byte("0"), 66))} {
		if _, err := seal.ParseKey(text); entity.KindOf(err) != entity.KindInvalid {
			t.Errorf("%q: %v", text, err)
		}
	}
}
