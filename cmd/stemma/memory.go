package main

import (
	"log/slog"
	"os"
	"runtime/debug"
	"runtime/metrics"
)

// servedMemory is the default of 'stemma serve --memory', in MiB.
const servedMemory = 1400

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
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	if used := int64(live[0].Value.Uint64()); used > limit/3*2 {
		limit = used / 2 * 3
		logger.Warn("more memory is in use than --memory has room for", "memory_mib", mib, "used_mib", used>>20, "limit_mib", limit>>20)
	}
	debug.SetMemoryLimit(limit)
}
