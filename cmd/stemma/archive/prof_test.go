package archive_test

import (
	"os"
	"runtime/pprof"
	"testing"
	"time"
	"io"
	"syscall"
	"path/filepath"
	"stemma/cmd/stemma/archive"
)

func TestProf(t *testing.T) {
	b := &testing.B{}
	_ = b
	res := testing.Benchmark(func(b *testing.B) {
		p := benchStore(b)
		path := filepath.Join(b.TempDir(), "all.car")
		file, _ := os.Create(path)
		report, _ := archive.Export(b.Context(), p, file, archive.ExportOptions{Contents: p.blobs})
		dir := b.TempDir()
		if os.Getenv("MEM") != "" { dir = "" }
		to := placeIn(b, dir)
		file.Seek(0, io.SeekStart)
		f, _ := os.Create("/tmp/only.prof")
		pprof.StartCPUProfile(f)
		var r0, r1 syscall.Rusage
		syscall.Getrusage(0, &r0)
		start := time.Now()
		_, err := archive.Import(b.Context(), to, file, archive.ImportOptions{By: actor.UserID, Contents: to.blobs})
		took := time.Since(start)
		syscall.Getrusage(0, &r1)
		pprof.StopCPUProfile()
		println(took.Milliseconds(), "ms wall", report.Bytes/took.Milliseconds()/1000, "MB/s", (r1.Utime.Nano()-r0.Utime.Nano())/1e6, "ms user", (r1.Stime.Nano()-r0.Stime.Nano())/1e6, "ms sys", err != nil)
	})
	_ = res
}
