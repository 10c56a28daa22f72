package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"stemma/api/auth"
	"stemma/cmd/stemma/jsonlimport"
	"stemma/entity"
	"stemma/entity/store"
	"stemma/graph"
)

// importJSONLCmd imports JSON lines.
type importJSONLCmd struct {
	dataFlags
	File       string         `arg:"" help:"The file; - for standard input, which cannot be resumed."`
	Collection entity.ID      `help:"Collection of the entities that name none." placeholder:"ID" env:"STEMMA_IMPORT_COLLECTION"`
	Keys       string         `help:"Space of the keys: files imported with the same one mean the same entity by the same key." env:"STEMMA_IMPORT_KEYS" placeholder:"NAME"`
	Refused    string         `help:"The report of refused lines, by default FILE.refused.jsonl." env:"STEMMA_IMPORT_REFUSED" placeholder:"FILE"`
	FromStart  bool           `help:"Begin at the first line, whatever an earlier run has done. What is there already is not written again."`
	Network    entity.Network `help:"main or test." enum:"main,test" default:"main" env:"STEMMA_NETWORK"`
}

// Help is shown under 'stemma import jsonl --help'.
func (importJSONLCmd) Help() string {
	return `One JSON object a line, an entity

  {"key":"ann","type":"person","properties":{"label":"Ann Lee"},
   "relationships":[{"predicate":"knows","peer":{"key":"bob"}}],
   "collection":"01JH8Z0Y6V5RZ4Q8Q9V4T2W3XK","note":"from the register"}

or a relationship of one

  {"relationship":{"source":{"key":"bob"},"predicate":"knows","target":{"key":"ann"}}}

(each on one line). Only type is required. An entity has a key of yours, or an
"id", or gets one made of its line. Wherever an entity is named, write its id,
{"key":"…"} or, as a peer, "*" for everybody. A key may be used before its line
comes; a collection's line comes before those of what is in it.

Lines that are wrong, too large, duplicates or in an unknown collection are
written to FILE.refused.jsonl with their number and the reason; the rest goes in.
Run it again to go on where an interrupted run stopped, or with what was added to
the file since. The server that has the data directory open must be stopped
first.

  stemma import jsonl people.jsonl
  jq -r .text people.jsonl.refused.jsonl > again.jsonl   # mend these, then
  stemma import jsonl again.jsonl`
}

// Run imports.
func (c *importJSONLCmd) Run(ctx context.Context, io *streams) (err error) {
	o := jsonlimport.Options{Path: c.File, Collection: c.Collection, Keys: c.Keys, Report: c.Refused, FromStart: c.FromStart}
	if c.File == "-" {
		o.Path, o.In = "", os.Stdin
		if o.Report == "" {
			o.Report = "stdin.refused.jsonl"
		}
	}
	s, err := store.Open(store.Options{Dir: filepath.Join(c.Data, string(c.Network)), Network: c.Network, Projections: projections(graph.New())})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	key, err := auth.Bootstrap(ctx, s, "")
	if err != nil {
		return err
	}
	if key != "" {
		fmt.Fprintf(io.out, "A new store; the key of its first user, shown this once:\n\n  %s\n\n", key)
	}
	if err := s.View(ctx, func(r entity.Reader) (err error) {
		o.By, err = auth.FirstUser(r)
		return err
	}); err != nil {
		return err
	}
	defer saveMemory()()
	bar := newBar(io.err, "import")
	o.Progress = func(done, total int64, stage string) { bar.update(stage, int(done), int(total)) }
	start := time.Now()
	report, err := jsonlimport.Import(ctx, s, o)
	bar.done()
	printJSONL(io.out, c.File, report, time.Since(start))
	return err
}

// importMemory is where the collector begins to work harder in an import, in
// bytes. A million entities with two million relationships are 1.2 GB of living
// memory, graph and caches included, which Go lets grow to the double. Measured
// on 2 idle cores: 25,000 entities a second and 2.3 GB resident when garbage is
// collected at 35 % growth, 20,000 and 1.7 GB with a limit of 1,550 MiB, 18,000
// and 1.5 GB with 1,250.
const importMemory = 1650 << 20

// importGrowth is by how many percent garbage may grow the heap below that: with
// 300 instead of 100 the import of a CAR file of a million blocks took 48.5 s of
// CPU instead of 54.
const importGrowth = 300

// saveMemory bounds the heap, unless the environment does, and gives back what
// undoes it.
func saveMemory() (undo func()) {
	if os.Getenv("GOMEMLIMIT") != "" || os.Getenv("GOGC") != "" {
		return func() {}
	}
	limit, growth := debug.SetMemoryLimit(importMemory), debug.SetGCPercent(importGrowth)
	return func() {
		debug.SetMemoryLimit(limit)
		debug.SetGCPercent(growth)
	}
}

func printJSONL(w io.Writer, file string, r jsonlimport.Report, took time.Duration) {
	did := r.Run
	if r.Resumed && did == (jsonlimport.Counts{}) {
		fmt.Fprintf(w, "%s is imported already: %d lines, %d refused\n", file, r.All.Lines, r.All.Refused)
	} else {
		fmt.Fprintf(w, "Imported %d lines of %s in %s (%.0f entities/s)\n", did.Lines, file, took.Round(time.Millisecond), float64(did.Entities)/max(took.Seconds(), 1e-3))
		fmt.Fprintf(w, "  %d entities, %d relationships, %d entities that were there got new ones, %d lines known already, %d refused\n",
			did.Entities, did.Relationships, did.Updated, did.Known, did.Refused)
		if r.Resumed {
			fmt.Fprintf(w, "  with earlier runs: %d lines, %d entities, %d relationships, %d refused\n", r.All.Lines, r.All.Entities, r.All.Relationships, r.All.Refused)
		}
	}
	if r.Refused != "" {
		fmt.Fprintf(w, "  refused lines are in %s\n", r.Refused)
	}
}
