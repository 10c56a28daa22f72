package entity_test

import (
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"stemma/entity"
)

var update = flag.Bool("update", false, "write the goldens that are missing in testdata/manifests; those that exist never change (law 10)")

const vectorDir = "../testdata/manifests"

// wrapperDepth is how many levels a manifest's JSON puts around the properties
// of a relationship.
const wrapperDepth = 3

// vector is one golden manifest: NAME.json is what people wrote, NAME.cbor.hex
// and the line in CIDS what it must become.
type vector struct {
	name   string
	source []byte
	block  []byte // nil when no golden is committed
	cid    string // "" when no golden is committed
}

func vectors(t testing.TB) []vector {
	t.Helper()
	sources, err := filepath.Glob(filepath.Join(vectorDir, "*.json"))
	if err != nil || len(sources) < 12 {
		t.Fatalf("%d sources in %s (%v); there are at least twelve", len(sources), vectorDir, err)
	}
	cids := readCIDs(t)
	var all []vector
	for _, path := range sources {
		v := vector{name: strings.TrimSuffix(filepath.Base(path), ".json")}
		if v.source, err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
		v.cid = cids[v.name]
		delete(cids, v.name)
		text, err := os.ReadFile(hexPath(v.name))
		switch {
		case err == nil:
			if v.block, err = hex.DecodeString(strings.Join(strings.Fields(string(text)), "")); err != nil {
				t.Fatalf("%s: %v", hexPath(v.name), err)
			}
		case !os.IsNotExist(err):
			t.Fatal(err)
		}
		all = append(all, v)
	}
	if len(cids) > 0 {
		t.Errorf("CIDS names manifests without a source: %v", cids)
	}
	return all
}

func hexPath(name string) string { return filepath.Join(vectorDir, name+".cbor.hex") }

func readCIDs(t testing.TB) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(vectorDir, "CIDS"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	cids := map[string]string{}
	for line := range strings.Lines(string(text)) {
		c, name, ok := strings.Cut(strings.TrimSpace(line), "  ")
		if !ok {
			t.Fatalf("CIDS: line %q; want a CID, two spaces and a name", line)
		}
		cids[name] = c
	}
	return cids
}

// writeMissing adds the goldens that are not there and touches no other.
func writeMissing(t *testing.T, all []vector) {
	t.Helper()
	cids := readCIDs(t)
	missing := map[string][]byte{}
	for i, v := range all {
		block, c := sealSource(t, v)
		if v.block == nil {
			all[i].block, missing[v.name] = block, block
		}
		if v.cid == "" {
			all[i].cid, cids[v.name] = c.String(), c.String()
		}
	}
	for name, block := range missing {
		if err := os.WriteFile(hexPath(name), wrapHex(block), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var lines []string
	for name, c := range cids {
		lines = append(lines, c+"  "+name+"\n")
	}
	slices.SortFunc(lines, func(a, b string) int { return strings.Compare(a[61:], b[61:]) })
	if err := os.WriteFile(filepath.Join(vectorDir, "CIDS"), []byte(strings.Join(lines, "")), 0o644); err != nil {
		t.Fatal(err)
	}
}

func wrapHex(b []byte) []byte {
	var out []byte
	for line := range slices.Chunk(b, 32) {
		out = fmt.Appendf(out, "%x\n", line)
	}
	return out
}

// parseSource reads a source as a request body is read.
func parseSource(t testing.TB, v vector) map[string]any {
	t.Helper()
	value, err := entity.ParseJSON(v.source, entity.MaxDepth+wrapperDepth)
	if err != nil {
		t.Fatal(err)
	}
	return value.(map[string]any)
}

// sealSource goes the way of a write: JSON, manifest, canonical bytes.
func sealSource(t testing.TB, v vector) ([]byte, entity.CID) {
	t.Helper()
	block, c, err := manifestOf(t, parseSource(t, v)).Seal()
	if err != nil {
		t.Fatal(err)
	}
	return block, c
}

// manifestOf fills a manifest from the object that its JSON is.
func manifestOf(t testing.TB, o map[string]any) *entity.Manifest {
	t.Helper()
	text := func(o map[string]any, key string) string {
		s, _ := o[key].(string)
		return s
	}
	by := o["edited_by"].(map[string]any)
	m := &entity.Manifest{
		Schema: text(o, "schema"), ID: entity.ID(text(o, "id")), Type: text(o, "type"), CreatedAt: text(o, "created_at"),
		Ver: o["ver"].(int64), TS: o["ts"].(int64), Note: text(o, "note"),
		Properties:    o["properties"].(map[string]any),
		Relationships: []entity.Relationship{},
		EditedBy:      entity.Actor{UserID: entity.ID(text(by, "user_id")), Method: text(by, "method"), OnBehalfOf: entity.ID(text(by, "on_behalf_of"))},
	}
	if prev, ok := o["prev"].(entity.Link); ok {
		m.Prev = &prev
	}
	for _, x := range o["relationships"].([]any) {
		r := x.(map[string]any)
		p, _ := r["properties"].(map[string]any)
		m.Relationships = append(m.Relationships, entity.Relationship{
			Predicate: entity.Predicate(text(r, "predicate")), Peer: entity.ID(text(r, "peer")),
			PeerType: text(r, "peer_type"), PeerLabel: text(r, "peer_label"), Properties: p,
		})
	}
	return m
}

// Law 10: equal content, equal CID, for ever.
func TestGoldenManifests(t *testing.T) {
	all := vectors(t)
	if *update {
		writeMissing(t, all)
	}
	for _, v := range all {
		t.Run(v.name, func(t *testing.T) {
			if v.block == nil || v.cid == "" {
				t.Fatalf("no golden; run go test ./entity -run TestGoldenManifests -update")
			}
			block, c := sealSource(t, v)
			if !slices.Equal(block, v.block) {
				t.Errorf("sealed to other bytes:\n%.1000x\nwant\n%.1000x", block, v.block)
			}
			if c.String() != v.cid {
				t.Errorf("CID %s, want %s", c, v.cid)
			}
			if got := entity.SumBlock(v.block); got.String() != v.cid {
				t.Errorf("the golden bytes hash to %s, not to the golden CID %s", got, v.cid)
			}
		})
	}
}

// A golden block from outside is accepted and says what its source says.
func TestOpenGoldenManifests(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.name, func(t *testing.T) {
			m, c, err := entity.OpenManifest(v.block)
			if err != nil {
				t.Fatal(err)
			}
			if c.String() != v.cid {
				t.Errorf("CID %s, want %s", c, v.cid)
			}
			again, _, err := m.Seal()
			if err != nil || !slices.Equal(again, v.block) {
				t.Errorf("sealing again gave %.1000x, %v", again, err)
			}
			want := manifestOf(t, parseSource(t, v))
			if !entity.EqualValues(m.Properties, want.Properties) {
				t.Errorf("properties %v, want %v", m.Properties, want.Properties)
			}
			if got, source := any(m.Value()), any(parseSource(t, v)); !entity.EqualValues(got, source) {
				t.Errorf("Value() = %v, want %v", got, source)
			}
			var tree any
			if err := entity.DecodeBlock(v.block, &tree); err != nil {
				t.Fatal(err)
			}
			if source := parseSource(t, v); !entity.EqualValues(tree, any(source)) {
				t.Errorf("decoded to %v, want %v", tree, source)
			}
		})
	}
}
