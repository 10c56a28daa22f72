//go:build kubo

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"stemma/api/wire"
	"stemma/cmd/stemma/archive"
	"stemma/entity"
	"stemma/entity/store"
	"stemma/files"
	"stemma/files/index"
	"stemma/graph"
)

// kuboModule is where kubo and what it needs are pinned; see its README.
const kuboModule = root + "/testdata/kubo"

// buildKubo gives kubo's command: $KUBO_IPFS, or one that is built now.
func buildKubo(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("KUBO_IPFS"); path != "" {
		return path
	}
	path := filepath.Join(t.TempDir(), "ipfs")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", path, "github.com/ipfs/kubo/cmd/ipfs")
	cmd.Dir = kuboModule
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("kubo does not build: %v\n%s", err, out)
	}
	return path
}

// kubo is a node that never goes online.
type kubo struct{ path, repo string }

func newKubo(t *testing.T) *kubo {
	t.Helper()
	k := &kubo{path: buildKubo(t), repo: t.TempDir()}
	k.run(t, "init", "--profile=test", "--empty-repo")
	return k
}

func (k *kubo) run(t *testing.T, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), k.path, append([]string{"--offline"}, args...)...)
	cmd.Env = append(os.Environ(), "IPFS_PATH="+k.repo)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ipfs %s: %v\n%s%s", strings.Join(args, " "), err, out, stderr.Bytes())
	}
	return out
}

// kuboStore is a store with versions, a chain and files to export.
func kuboStore(t *testing.T) (*store.Store, *files.Blobs) {
	t.Helper()
	s, err := store.Open(store.Options{Projections: []entity.Projection{graph.New(), index.Projection{}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	blobs, err := files.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		content := bytes.Repeat([]byte{byte(i)}, i*1_500_000) // empty; past kubo's usual limit; and more
		info, err := blobs.Ingest(t.Context(), bytes.NewReader(content), 1<<30, int64(len(content)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Update(t.Context(), entity.Actor{UserID: "01JH8Z0Y6V5RZ4Q8Q9V4T2W3XK", Method: entity.MethodManual}, func(tx entity.Tx) error {
			v, err := tx.Create(entity.Draft{Type: entity.TypeFile, Properties: entity.Properties{
				index.Key: "k", index.Filename: fmt.Sprint("f", i), index.ContentType: "text/plain", index.Size: info.Size, index.Uploaded: true, index.CID: info.CID.String(),
			}})
			if err != nil {
				return err
			}
			id := v.Manifest.ID
			for n := range 5 {
				if _, err := tx.Put(id, entity.Any, func(m *entity.Manifest) error {
					m.Properties["n"], m.Properties["half"], m.Properties["before"] = int64(n), float64(n)+0.5, entity.Link{CID: v.CID}
					m.Properties["bytes"], m.Properties["name"] = []byte{0, 1, 2}, "naïve Ünï \U0001d11e"
					return nil
				}); err != nil {
					return err
				}
				if _, err := tx.Append(id, "log", entity.Any, entity.Properties{"n": int64(n)}); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	return s, blobs
}

// kubo imports an export, pins its one root and with it everything, holds the
// same blocks under the same CIDs, and reads the same documents out of them. Its
// own export of that root is imported into another store and is the same there.
func TestKubo(t *testing.T) {
	k := newKubo(t)
	s, blobs := kuboStore(t)
	var file bytes.Buffer
	wrote, err := archive.Export(t.Context(), s, &file, archive.ExportOptions{Contents: blobs})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "all.car")
	if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	k.run(t, "dag", "import", "--allow-big-block", path)
	pins := strings.Fields(string(k.run(t, "pin", "ls", "--type=recursive", "--quiet"))) // kubo's own empty folder is among them
	if rootCID := wrote.Roots[0].String(); !slices.Contains(pins, rootCID) {
		t.Errorf("pinned %s, want %s", pins, rootCID)
	}
	reached := strings.Fields(string(k.run(t, "refs", "--recursive", "--unique", wrote.Roots[0].String())))
	if want := wrote.Versions + wrote.ChainBlocks + wrote.Contents + 1; len(reached) != want { // and a part of the index
		t.Errorf("%d blocks hang on the root, want %d", len(reached), want)
	}
	err = s.View(t.Context(), func(r entity.Reader) error {
		for record, err := range r.Log(0) {
			if err != nil {
				return err
			}
			for _, c := range record.Changes {
				k.compare(t, r, c)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	k.returns(t, wrote)
}

// compare looks at one block in kubo.
func (k *kubo) compare(t *testing.T, r entity.Reader, c entity.Change) {
	t.Helper()
	name := c.CID().String()
	want, err := r.Block(c.CID())
	if err != nil {
		t.Fatal(err)
	}
	if got := k.run(t, "block", "get", name); !bytes.Equal(got, want) {
		t.Errorf("%s is %x in kubo, %x here", name, got, want)
	}
	if c.Kind == entity.Appended {
		return
	}
	m, err := r.Manifest(c.CID())
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := entity.ParseJSON(bytes.TrimSpace(k.run(t, "dag", "get", name)), 0)
	if err != nil || !entity.EqualValues(theirs, any(m.Value())) {
		t.Errorf("%s reads %v in kubo, %v here (%v)", name, theirs, json.RawMessage(wire.AppendValue(nil, m.Value())), err)
	}
	if m.Prev != nil { // a path through the link
		if got := strings.TrimSpace(string(k.run(t, "dag", "get", name+"/prev/ver"))); got != fmt.Sprint(m.Ver-1) {
			t.Errorf("%s/prev/ver is %s", name, got)
		}
	}
	text, err := json.Marshal(theirs)
	if err == nil && c.Ver == 1 { // without bytes and links, so that plain JSON says it all
		cmd := exec.CommandContext(t.Context(), k.path, "--offline", "dag", "put", "--store-codec=dag-cbor", "--input-codec=dag-json")
		cmd.Env, cmd.Stdin = append(os.Environ(), "IPFS_PATH="+k.repo), bytes.NewReader(text)
		out, err := cmd.Output()
		if err != nil || strings.TrimSpace(string(out)) != name {
			t.Errorf("kubo encodes it as %s (%v), here it is %s", out, err, name)
		}
	}
}

// returns imports what kubo exports, whose order is its own.
func (k *kubo) returns(t *testing.T, wrote archive.ExportReport) {
	t.Helper()
	theirs := k.run(t, "dag", "export", "--progress=false", wrote.Roots[0].String())
	to, err := store.Open(store.Options{Projections: []entity.Projection{graph.New(), index.Projection{}}})
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	toBlobs, err := files.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	took, err := archive.Import(t.Context(), to, bytes.NewReader(theirs), archive.ImportOptions{By: "01JH8Z0Y6V5RZ4Q8Q9V4T2W3XK", Contents: toBlobs, Refused: func(r archive.Refusal) { t.Errorf("refused: %+v", r) }})
	if err != nil || took.Versions != wrote.Versions || took.ChainBlocks != wrote.ChainBlocks || took.Contents != wrote.Contents {
		t.Errorf("kubo's export gives %+v (%v), want %+v", took, err, wrote)
	}
	if _, err := to.Check(context.Background(), nil); err != nil {
		t.Error(err)
	}
}
