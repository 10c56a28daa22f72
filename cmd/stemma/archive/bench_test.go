package archive_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"stemma/cmd/stemma/archive"
	"stemma/entity"
)

// benchBlocks is how many versions the benchmarks move; 1 KB of properties each.
const benchBlocks = 100_000

func benchStore(b *testing.B) *place {
	p := placeIn(b, b.TempDir())
	text := bytes.Repeat([]byte("text of a letter "), 60)
	const each = 1000
	var ids []entity.ID
	for range benchBlocks / each / 2 { // entities of two versions
		p.update(b, func(tx entity.Tx) error {
			ids = ids[:0]
			for i := range each {
				v, err := tx.Create(entity.Draft{Type: "letter", Properties: entity.Properties{"n": int64(i), "text": string(text)}})
				if err != nil {
					return err
				}
				ids = append(ids, v.Manifest.ID)
			}
			return nil
		})
		p.update(b, func(tx entity.Tx) error {
			for _, id := range ids {
				if _, err := tx.Put(id, entity.Any, set("more", "of it")); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return p
}

func BenchmarkExport(b *testing.B) {
	p := benchStore(b)
	peak := watchHeap(b)
	for b.Loop() {
		report, err := archive.Export(b.Context(), p, io.Discard, archive.ExportOptions{Contents: p.blobs})
		if err != nil || report.Versions != benchBlocks {
			b.Fatal(report, err)
		}
		b.SetBytes(report.Bytes)
	}
	b.ReportMetric(float64(peak()>>20), "peak-heap-MB")
}

func BenchmarkImport(b *testing.B) {
	p := benchStore(b)
	path := filepath.Join(b.TempDir(), "all.car")
	file, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	report, err := archive.Export(b.Context(), p, file, archive.ExportOptions{Contents: p.blobs})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(report.Bytes)
	peak := watchHeap(b)
	for b.Loop() {
		b.StopTimer()
		to := placeIn(b, b.TempDir())
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		took, err := archive.Import(b.Context(), to, file, archive.ImportOptions{By: actor.UserID, Contents: to.blobs})
		if err != nil || took.Versions != benchBlocks || took.Refused > 0 {
			b.Fatal(fmt.Sprintf("%+v", took), err)
		}
	}
	b.ReportMetric(float64(benchBlocks)*float64(b.N)/b.Elapsed().Seconds(), "blocks/s")
	b.ReportMetric(float64(peak()>>20), "peak-heap-MB")
}

// watchHeap samples the heap until its result is called, which gives the most
// that was seen.
func watchHeap(b *testing.B) func() uint64 {
	var most atomic.Uint64
	stop, left := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(left)
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most.Store(max(most.Load(), m.HeapInuse))
			}
		}
	}()
	return func() uint64 {
		close(stop)
		<-left
		return most.Load()
	}
}
