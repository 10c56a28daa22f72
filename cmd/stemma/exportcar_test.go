package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"stemma/cmd/stemma/archive"
	"stemma/entity"
	"stemma/files/index"
)

// exported is a data directory with a collection, a letter in it and a file,
// and their identifiers.
func exported(t *testing.T) (data string, collection, letter entity.ID) {
	t.Helper()
	data = t.TempDir()
	s, blobs, err := openArchive(t.Context(), data, "", entity.Main)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	info, err := blobs.Ingest(t.Context(), strings.NewReader("the content"), 100, 11)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Update(t.Context(), entity.Actor{UserID: "01JH8Z0Y6V5RZ4Q8Q9V4T2W3XK", Method: entity.MethodManual}, func(tx entity.Tx) error {
		c, err := tx.Create(entity.Draft{Type: entity.TypeCollection, Properties: entity.Properties{"label": "letters"}})
		if err != nil {
			return err
		}
		member := func() []entity.Relationship {
			return []entity.Relationship{{Predicate: entity.PredicateCollection, Peer: c.Manifest.ID, PeerType: entity.TypeCollection}}
		}
		l, err := tx.Create(entity.Draft{Type: "letter", Relationships: member()})
		if err != nil {
			return err
		}
		collection, letter = c.Manifest.ID, l.Manifest.ID
		_, err = tx.Create(entity.Draft{Type: entity.TypeFile, Properties: entity.Properties{
			index.Key: "k", index.Filename: "f", index.ContentType: "text/plain", index.Size: info.Size, index.Uploaded: true, index.CID: info.CID.String(),
		}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return data, collection, letter
}

// runs is a command's output, and its error.
func runs(t *testing.T, c interface {
	Run(context.Context, *streams) error
}) (stdout, stderr string, err error) {
	t.Helper()
	var out, errs bytes.Buffer
	err = c.Run(t.Context(), &streams{out: &out, err: &errs})
	return out.String(), errs.String(), err
}

// What one directory exports another imports, and says so; twice is once.
func TestExportAndImport(t *testing.T) {
	data, collection, letter := exported(t)
	for name, c := range map[string]struct {
		cmd  exportCmd
		want string
		took string
	}{
		"all":             {exportCmd{All: true, Network: entity.Main}, "3 entities", "Imported 4 blocks"},
		"collection":      {exportCmd{Collection: string(collection), Network: entity.Test}, "2 entities", "Imported 2 blocks"},
		"entity":          {exportCmd{Entity: string(letter)}, "1 entities", "Imported 1 blocks"},
		"without content": {exportCmd{All: true, Network: entity.Main, WithoutContent: true}, "0 file contents", "Imported 2 blocks"},
	} {
		t.Run(name, func(t *testing.T) {
			c.cmd.Data, c.cmd.File = data, filepath.Join(t.TempDir(), "x.car")
			out, _, err := runs(t, &c.cmd)
			if err != nil || !strings.Contains(out, c.want) || !strings.Contains(out, "root baf") {
				t.Fatalf("export: %v\n%s", err, out)
			}
			in := importCarCmd{File: c.cmd.File, Buffer: 1, Network: entity.Main, dataFlags: dataFlags{Data: t.TempDir()}}
			out, refused, err := runs(t, &in)
			if !strings.Contains(out, c.took) || (err != nil) != c.cmd.WithoutContent || strings.Contains(refused, "its content bafk") != c.cmd.WithoutContent {
				t.Errorf("import: %v\n%s%s", err, out, refused)
			}
			in.WithoutContent = true
			out, _, err = runs(t, &in)
			if c.cmd.WithoutContent {
				out = strings.Replace(out, "Imported 1 blocks", "Imported 0 blocks", 1)
			}
			if err != nil || !strings.Contains(out, "Imported 0 blocks") || !strings.Contains(out, "were here already") {
				t.Errorf("again: %v\n%s", err, out)
			}
			if _, _, err := runs(t, &verifyCmd{dataFlags: in.dataFlags}); (err != nil) != c.cmd.WithoutContent {
				t.Errorf("verify: %v", err)
			}
		})
	}
}

// Standard output carries the file alone; the report goes beside it.
func TestExportToStdout(t *testing.T) {
	data, _, _ := exported(t)
	out, report, err := runs(t, &exportCmd{All: true, Network: entity.Main, File: "-", dataFlags: dataFlags{Data: data}})
	if err != nil || !strings.Contains(report, "3 entities") {
		t.Fatal(err, report)
	}
	s, blobs, err := openArchive(t.Context(), t.TempDir(), "", entity.Main)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	took, err := archive.Import(t.Context(), s, strings.NewReader(out), archive.ImportOptions{Contents: blobs})
	if err != nil || took.Created != 3 || took.Refused > 0 {
		t.Errorf("%+v, %v", took, err)
	}
}

// What is refused is printed, written down, and the reason for exit code 1.
func TestImportRefuses(t *testing.T) {
	data, _, _ := exported(t)
	dir := t.TempDir()
	path, list := filepath.Join(dir, "x.car"), filepath.Join(dir, "refused.jsonl")
	if _, _, err := runs(t, &exportCmd{All: true, Network: entity.Main, File: path, dataFlags: dataFlags{Data: data}}); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(file, []byte("the content"))
	file[at] ^= 1
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	in := importCarCmd{File: path, Buffer: 1, Network: entity.Main, Refused: list, dataFlags: dataFlags{Data: dir}}
	out, refused, err := runs(t, &in)
	if err == nil || err.Error() != "2 blocks were refused" || strings.Count(refused, "refused baf") != 2 {
		t.Errorf("%v\n%s%s", err, out, refused)
	}
	text, err := os.ReadFile(list)
	if err != nil {
		t.Fatal(err)
	}
	reasons := ""
	for line := range strings.Lines(string(text)) {
		var r archive.Refusal
		if err := json.Unmarshal([]byte(line), &r); err != nil || r.CID == "" {
			t.Errorf("%s: %v", line, err)
		}
		reasons += r.Reason + "\n"
	}
	if !strings.Contains(reasons, "its bytes have another hash than its name") || !strings.Contains(reasons, "its content bafk") {
		t.Errorf("reasons: %s", reasons)
	}
}

// Commands that cannot do what they are asked say so, and leave nothing.
func TestExportErrors(t *testing.T) {
	data, _, letter := exported(t)
	dir := t.TempDir()
	for name, c := range map[string]struct {
		cmd  exportCmd
		want string
	}{
		"no store":      {exportCmd{All: true, Network: entity.Main, dataFlags: dataFlags{Data: dir}}, "holds no store"},
		"other network": {exportCmd{All: true, Network: entity.Test, dataFlags: dataFlags{Data: data}}, "holds no store of the test network"},
		"no id":         {exportCmd{Entity: "x", dataFlags: dataFlags{Data: data}}, "an id has 26"},
		"unknown":       {exportCmd{Entity: "01JH8Z0Y6V5RZ4Q8Q9V4T2W3XX", dataFlags: dataFlags{Data: data}}, "Entity not found"},
		"no collection": {exportCmd{Collection: string(letter), dataFlags: dataFlags{Data: data}}, "export it as an entity"},
		"no directory":  {exportCmd{All: true, Network: entity.Main, File: filepath.Join(dir, "none", "x.car"), dataFlags: dataFlags{Data: data}}, "cannot write"},
	} {
		if c.cmd.File == "" {
			c.cmd.File = filepath.Join(dir, "x.car")
		}
		if out, _, err := runs(t, &c.cmd); err == nil || !strings.Contains(userText(err), c.want) {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	for name, text := range map[string]string{"text": "Hello", "empty": ""} {
		path := filepath.Join(t.TempDir(), "no.car")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		in := importCarCmd{File: path, Network: entity.Main, dataFlags: dataFlags{Data: t.TempDir()}}
		if _, _, err := runs(t, &in); err == nil || entity.KindOf(err) != entity.KindInvalid {
			t.Errorf("%s: %v", name, fmt.Sprint(err))
		}
	}
	if _, _, err := runs(t, &importCarCmd{File: filepath.Join(dir, "none.car"), Network: entity.Main, dataFlags: dataFlags{Data: t.TempDir()}}); err == nil {
		t.Error("no file was imported")
	}
}

// npm @ipld/car reads an export with the same CIDs, each block with the hash of
// its name, and writes the same file.
func TestNodeReadsExport(t *testing.T) {
	data, _, _ := exported(t)
	dir := t.TempDir()
	ours, theirs := filepath.Join(dir, "ours.car"), filepath.Join(dir, "theirs.car")
	out, _, err := runs(t, &exportCmd{All: true, Network: entity.Main, File: ours, dataFlags: dataFlags{Data: data}})
	if err != nil {
		t.Fatal(err)
	}
	node := exec.CommandContext(t.Context(), "node", "car.mjs", ours, theirs)
	node.Dir = filepath.Join(root, "testdata", "manifests", "js")
	read, err := node.CombinedOutput()
	if err != nil {
		t.Fatalf("node car.mjs (make js installs what it needs): %v\n%s", err, read)
	}
	var roots, blocks []string
	for line := range strings.Lines(string(read)) {
		kind, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch kind {
		case "root":
			roots = append(roots, rest)
		case "block":
			blocks = append(blocks, strings.Fields(rest)[0])
		case "damaged":
			t.Error(line)
		}
	}
	if len(roots) != 1 || !strings.Contains(out, "root "+roots[0]) {
		t.Errorf("node reads the roots %v of\n%s", roots, out)
	}
	s, blobs, err := openArchive(t.Context(), data, "", entity.Main)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	have, want := map[string]bool{}, 0
	for _, b := range blocks {
		have[b] = true
	}
	err = s.View(t.Context(), func(r entity.Reader) error {
		for rec, err := range r.Log(0) {
			if err != nil {
				return err
			}
			for _, c := range rec.Changes {
				if want++; !have[c.CID().String()] {
					t.Errorf("node does not read %s", c.CID())
				}
			}
		}
		return nil
	})
	for info, listed := range blobs.List(t.Context()) {
		if want++; listed != nil || !have[info.CID.String()] {
			t.Errorf("node does not read the content %s (%v)", info.CID, listed)
		}
	}
	if err != nil || len(blocks) != want+2 { // an index of a root and a part
		t.Errorf("node reads %d blocks, %d and an index were written: %v", len(blocks), want, err)
	}
	a, err := os.ReadFile(ours)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(theirs); err != nil || !bytes.Equal(a, b) {
		t.Errorf("node writes another file: %v", err)
	}
}
