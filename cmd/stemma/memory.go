package main

import (
	"context"
	"log/slog"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// servedMemory is the default of 'stemma serve --memory', in MiB.
const servedMemory = 1400

// tendMemory tells the collector how much memory the server may take, and when a
// collection is worth its while, until ctx ends.
func tendMemory(ctx context.Context, mib int64, logger *slog.Logger) {
	limitMemory(mib, logger)
	go collectSeldom(ctx)
}

// limitMemory asks the collector to keep the process below so many MiB, above
// which it would rather work than grow: without it the heap may double between
// two collections, and one that serves a million entities passes 2 GB while it
// takes them in (2.4 GB without, 1.7 GB with 1,400 MiB). Where more than two
// thirds of that are in use for good, the limit would only cost, so it gives
// way. $GOMEMLIMIT goes before all of it.
func limitMemory(mib int64, logger *slog.Logger) {
	if mib == 0 || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	limit := mib << 20
	if used := liveHeap(); used > limit/3*2 {
		limit = used / 2 * 3
		logger.Warn("more memory is in use than --memory has room for", "memory_mib", mib, "used_mib", used>>20, "limit_mib", limit>>20)
	}
	debug.SetMemoryLimit(limit)
}

// liveHeap is how many bytes the last collection left.
func liveHeap() int64 {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	return int64(live[0].Value.Uint64())
}

// smallHeap is up to where the heap grows before it is collected, in bytes.
const smallHeap = 224 << 20

// sparePercent is the GOGC under which a heap of which live bytes are in use is
// collected at [smallHeap] and no sooner; a larger one when it has doubled, which is
// Go's default.
func sparePercent(live int64) int {
	const step = 25 // that it does not change every second
	return int(max(100, (smallHeap*100/max(live, smallHeap/16)-100)/step*step))
}

// collectSeldom keeps, until ctx ends, a small heap from being collected as soon as
// it has doubled: of some 60 MB a server that is busy makes another 60 several times
// a second, and the collector then takes a tenth of its time. $GOGC goes before it.
func collectSeldom(ctx context.Context) {
	if os.Getenv("GOGC") != "" {
		return
	}
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for now := 0; ; {
		if percent := sparePercent(liveHeap()); percent != now {
			debug.SetGCPercent(percent)
			now = percent
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
