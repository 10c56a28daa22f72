package arweave

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// javascript is where npm's packages are installed, by make test.
var javascript = filepath.Join("..", "..", "..", "testdata", "arweave")

// reading is what items.mjs prints of an item.
type reading struct {
	Name, ID, Address, Data string
	Arbundles, Arweave      any
	Tags                    []Tag
}

// npm arweave and @dha-team/arbundles accept what we sign, with the id and the
// wallet that we say, and refuse what was changed; we accept what they sign.
func TestNodeReadsAndSigns(t *testing.T) {
	if _, err := os.Stat(filepath.Join(javascript, "node_modules", "@dha-team", "arbundles")); err != nil {
		t.Fatalf("%s has no @dha-team/arbundles: run make js (npm ci there): %v", javascript, err)
	}
	dir, w := t.TempDir(), wallet(t, "one")
	note := checkpointOf(t, 12)
	anchor, err := w.Anchor(note)
	if err != nil {
		t.Fatal(err)
	}
	var want []reading
	put := func(name string, i *Item, b []byte, valid bool) {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
		want = append(want, reading{Name: name, ID: i.ID(), Address: w.Address(), Data: string(i.Data), Arbundles: valid, Arweave: valid, Tags: i.Tags})
	}
	for name, i := range map[string]*Item{
		"anchor.item":  anchor,
		"nothing.item": sign(t, w, []Tag{}, ""),
		"some.item":    sign(t, w, someTags, "some data"),
		"tags.item":    sign(t, w, slices.Repeat([]Tag{{"n", "v"}}, maxTags), strings.Repeat("ß", 10_000)),
	} {
		put(name, i, encode(t, i), true)
	}
	forged := sign(t, w, someTags, "some data")
	forged.Data = []byte("same data")
	put("forged.item", forged, encode(t, forged), false)
	slices.SortFunc(want, func(a, b reading) int { return strings.Compare(a.Name, b.Name) })
	absolute, err := filepath.Abs(filepath.Join("testdata", "one.json"))
	if err != nil {
		t.Fatal(err)
	}

	cmd := exec.CommandContext(t.Context(), "node", "items.mjs", dir, absolute)
	cmd.Dir = javascript
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node items.mjs: %v\n%s", err, stderr.String())
	}
	var got, theirs []reading
	for line := range bytes.Lines(out) {
		var r reading
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if strings.HasPrefix(r.Name, "theirs-") {
			theirs = append(theirs, r)
		} else {
			got = append(got, r)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("node reads our items otherwise (-ours +theirs):\n%s", diff)
	}
	if len(theirs) != 3 {
		t.Fatalf("node signed %d items", len(theirs))
	}
	for _, r := range theirs {
		b, err := os.ReadFile(filepath.Join(dir, r.Name))
		if err != nil {
			t.Fatal(err)
		}
		i, err := Parse(b)
		if err != nil {
			t.Errorf("%s: %v", r.Name, err)
			continue
		}
		if err := i.Verify(); err != nil || i.ID() != r.ID || r.Address != w.Address() || string(i.Data) != "of "+strings.TrimPrefix(r.Name, "theirs-") || !bytes.Equal(encode(t, i), b) {
			t.Errorf("%s is read as %s with %q: %v", r.Name, i.ID(), i.Data, err)
		}
	}
}
