//go:build s3gateway

package files_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"stemma/files"
	"stemma/files/filestest"
)

// The suite against versitygw, a server that checks signatures, in a process of
// its own. It is built from testdata/s3gateway, which takes minutes the first
// time: hence the build tag.
func TestS3Gateway(t *testing.T) {
	dir := t.TempDir()
	binary, root := filepath.Join(dir, "versitygw"), filepath.Join(dir, "root")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "github.com/versity/versitygw/cmd/versitygw")
	build.Dir = "../testdata/s3gateway"
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := os.MkdirAll(filepath.Join(root, "blobs"), 0o700); err != nil { // a directory is a bucket
		t.Fatal(err)
	}
	addr := freeAddress(t)
	server := exec.CommandContext(t.Context(), binary, "--port", addr, "--access", "key", "--secret", "se/cret", "--quiet",
		"posix", "--sidecar", filepath.Join(dir, "meta"), root)
	if err := os.MkdirAll(filepath.Join(dir, "meta"), 0o700); err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	server.Stdout, server.Stderr = &log, &log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	var ended atomic.Bool
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = server.Wait() // killed below
		ended.Store(true)
	}()
	t.Cleanup(func() {
		_ = server.Process.Kill()
		<-over
		if t.Failed() {
			t.Log(log.String())
		}
	})
	for !ended.Load() { // until it listens
		if conn, err := net.Dial("tcp", addr); err == nil {
			_ = conn.Close()
			break
		}
	}
	filestest.Run(t, func(t *testing.T) filestest.Store {
		prefix := strings.ReplaceAll(t.Name(), "/", "-")
		b, err := files.Open(t.Context(), fmt.Sprintf("s3://key:se%%2Fcret@%s/blobs?secure=false&prefix=%s/", addr, prefix), "main", t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		return filestest.Store{Blobs: b, Age: ageIn(root)}
	})
	if _, err := files.Open(t.Context(), fmt.Sprintf("s3://key:wrong@%s/blobs?secure=false", addr), "", t.TempDir()); err == nil {
		t.Error("a wrong secret opened the bucket")
	}
}

// freeAddress is an address that nobody listened on a moment ago.
func freeAddress(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
