package files_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stemma/entity"
	"stemma/files"
	"stemma/files/filestest"
)

// most is a limit that no test reaches unless it means to.
const most = 64 << 20

// After every case nothing is left in the place for content on its way.
func TestDirectory(t *testing.T) {
	filestest.Run(t, func(t *testing.T) filestest.Store {
		path := filepath.Join(t.TempDir(), "a directory [with] odd*characters")
		t.Cleanup(func() { checkSpool(t, filepath.Join(path, "tmp")) })
		return filestest.Store{Blobs: openDir(t, path), Age: ageIn(path)}
	})
}

// ageIn ages the files of a directory that are named by CIDs.
func ageIn(dir string) func(*testing.T, entity.CID, time.Duration) {
	return func(t *testing.T, c entity.CID, by time.Duration) {
		t.Helper()
		for _, path := range tree(t, dir) {
			if filepath.Base(path) != c.String() {
				continue
			}
			at := time.Now().Add(-by)
			if err := os.Chtimes(filepath.Join(dir, path), at, at); err != nil {
				t.Fatal(err)
			}
			return
		}
		t.Fatalf("%s is not in %s", c, dir)
	}
}

func openDir(t testing.TB, path string) *files.Blobs {
	t.Helper()
	b, err := files.Open(t.Context(), path, "", "")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func checkSpool(t testing.TB, dir string) {
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind in %s: %v %v", dir, left, err)
	}
}

// tree lists the files below a directory.
func tree(t testing.TB, dir string) (paths []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, path)
			paths = append(paths, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func ingest(t testing.TB, b *files.Blobs, content string) files.Info {
	t.Helper()
	info, err := b.Ingest(t.Context(), strings.NewReader(content), most, int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// Networks that share a location are kept apart by their names.
func TestNamesKeepApart(t *testing.T) {
	dir := t.TempDir()
	server := newS3(t, nil)
	for kind, location := range map[string]string{
		"path": dir, "file": "file://" + dir,
		"s3": "s3://key:secret@" + server.host() + "/blobs?secure=false",
	} {
		var opened []*files.Blobs
		for _, name := range []string{"main", "test"} {
			b, err := files.Open(t.Context(), location, name, t.TempDir())
			if err != nil {
				t.Fatal(kind, err)
			}
			opened = append(opened, b)
		}
		info := ingest(t, opened[0], kind)
		if _, err := opened[0].Stat(t.Context(), info.CID); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		if _, err := opened[1].Stat(t.Context(), info.CID); err == nil {
			t.Errorf("%s: what was put into main is in test too", kind)
		}
	}
}

// A location that cannot be used is told of at once, and no message repeats
// what may be a key.
func TestBadLocations(t *testing.T) {
	server := newS3(t, nil)
	host := server.host()
	for _, location := range []string{
		"ftp://host/blobs", "gs://bucket", "file://relative/path", "file://%zz",
		"s3://", "s3://key:tops3cret@" + host, "s3://key:tops3cret@" + host + "/a/b", "s3://key:tops3cret@/blobs",
		"s3://tops3cret@" + host + "/blobs", "s3://:tops3cret@" + host + "/blobs", "s3://key:tops3cret@ho st/blobs", "s3://key:tops3cret%zz@" + host + "/blobs",
		"s3://key:tops3cret@" + host + "/blobs?secure=maybe", "s3://key:tops3cret@" + host + "/blobs?secure=false&prefix=/x",
		"s3://key:tops3cret@" + host + "/blobs?secure=false&acl=public", "s3://key:tops3cret@" + host + "/none?secure=false",
		"s3://key:tops3cret@" + host + "/UPPER?secure=false",
	} {
		b, err := files.Open(t.Context(), location, "", t.TempDir())
		if err == nil {
			t.Errorf("%s was opened: %v", location, b)
			continue
		}
		if strings.Contains(err.Error(), "tops3cret") {
			t.Errorf("the error repeats the secret: %v", err)
		}
	}
}

// The bytes are on disk under the name that doc.go tells, and a directory that
// was left is as it was.
func TestDirectoryLayout(t *testing.T) {
	dir := t.TempDir()
	b := openDir(t, dir)
	ingest(t, b, "hello")
	const name = "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq"
	want := "y/e/" + name
	if got := tree(t, dir); len(got) != 1 || got[0] != want {
		t.Fatalf("the directory holds %v, want %s", got, want)
	}
	text, err := os.ReadFile(filepath.Join(dir, want))
	if err != nil || string(text) != "hello" {
		t.Errorf("%q, %v", text, err)
	}
	again := openDir(t, dir)
	if _, err := again.Stat(t.Context(), ingest(t, b, "hello").CID); err != nil {
		t.Error(err)
	}
}

// What is not ours is neither listed nor touched.
func TestForeignFiles(t *testing.T) {
	dir := t.TempDir()
	b := openDir(t, dir)
	info := ingest(t, b, "hello")
	for _, path := range []string{"README", "y/README", "y/e/README", "y/e/bafkreiabc", "y/e/" + strings.ToUpper(info.CID.String()), "lost+found/x", "tmp/notes"} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(path)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, path), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b = openDir(t, dir)
	n := 0
	for got, err := range b.List(t.Context()) {
		if err != nil || got.CID != info.CID {
			t.Errorf("listed: %v, %v", got, err)
		}
		n++
	}
	if n != 1 || len(tree(t, dir)) != 8 {
		t.Errorf("%d listed of %v", n, tree(t, dir))
	}
}

// A file that lost its end, as after a broken disk was copied, is made good by
// whoever puts the content again.
func TestDamageIsMadeGood(t *testing.T) {
	dir := t.TempDir()
	b := openDir(t, dir)
	info := ingest(t, b, "hello")
	if err := os.Truncate(filepath.Join(dir, tree(t, dir)[0]), 2); err != nil {
		t.Fatal(err)
	}
	ingest(t, b, "hello")
	if stat, err := b.Stat(t.Context(), info.CID); err != nil || stat.Size != 5 {
		t.Errorf("%+v, %v", stat, err)
	}
}

// What a killed process left on its way in is swept away at the next start;
// what a living one still writes is not, and arrives.
func TestSweep(t *testing.T) {
	dir := t.TempDir()
	b := openDir(t, dir)
	abandoned := filepath.Join(dir, "tmp", "put-123")
	if err := os.WriteFile(abandoned, []byte("half of it"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := b.Spool(t.Context(), bytes.NewReader([]byte("on its way")), most, files.Unknown)
	if err != nil {
		t.Fatal(err)
	}
	other := openDir(t, dir)
	if _, err := os.Stat(abandoned); !os.IsNotExist(err) {
		t.Errorf("what was abandoned is still there: %v", err)
	}
	if err := b.Put(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	s.Discard()
	s.Discard()
	if _, err := other.Stat(t.Context(), s.CID); err != nil {
		t.Error(err)
	}
	checkSpool(t, filepath.Join(dir, "tmp"))
}
