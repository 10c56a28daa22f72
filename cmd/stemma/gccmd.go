package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"stemma/cmd/stemma/content"
	"stemma/entity"
	"stemma/entity/store"
	"stemma/files"
	"stemma/graph"
)

// gcCmd deletes file content that nothing refers to.
type gcCmd struct {
	dataFlags
	blobFlags
	Grace  time.Duration `help:"Keep what was uploaded less than this ago; longer than the longest upload takes." default:"24h" env:"STEMMA_GC_GRACE"`
	DryRun bool          `help:"Delete nothing; print what would be."`
}

// Help is shown under 'stemma gc --help'.
func (gcCmd) Help() string {
	return `Deletes file content that no version of any file refers to: uploads that were
given up after their bytes had arrived. What any version has ever referred to is
kept, those of deleted files too. The server that has the data directory open must
be stopped first.

  stemma gc --dry-run
  stemma gc --grace 1h`
}

// Run collects in the networks that are there.
func (c *gcCmd) Run(ctx context.Context, io *streams) error {
	if c.Grace < 0 {
		return fmt.Errorf("--grace is %s; it cannot be less than 0", c.Grace)
	}
	out := table.NewWriter()
	out.SetOutputMirror(io.out)
	out.SetStyle(table.StyleLight)
	verb := "deleted"
	if c.DryRun {
		verb = "would delete"
	}
	out.AppendHeader(table.Row{"network", "referenced", "within grace", verb, "bytes"})
	found := false
	before := time.Now().Add(-c.Grace)
	for _, network := range []entity.Network{entity.Main, entity.Test} {
		if !store.Exists(filepath.Join(c.Data, string(network))) {
			continue
		}
		found = true
		r, err := c.network(ctx, network, before, io)
		if err != nil {
			return err
		}
		out.AppendRow(table.Row{network, r.Referenced.Blobs, r.Young.Blobs, r.Deleted.Blobs, r.Deleted.Bytes})
	}
	if !found {
		return fmt.Errorf("%s holds no store: name the directory that 'stemma serve' uses with --data", c.Data)
	}
	out.Render()
	return nil
}

func (c *gcCmd) network(ctx context.Context, network entity.Network, before time.Time, io *streams) (r content.Collected, err error) {
	s, err := store.Open(store.Options{Dir: filepath.Join(c.Data, string(network)), Network: network, Projections: projections(graph.New())})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	blobs, err := openBlobs(ctx, c.Blobs, c.Data, network)
	if err != nil {
		return r, err
	}
	mode, each := content.Delete, func(files.Info) {}
	if c.DryRun {
		mode = content.DryRun
		each = func(i files.Info) {
			fmt.Fprintf(io.out, "%s  %d bytes, put %s\n", i.CID, i.Size, i.Modified.Format(time.DateTime))
		}
	}
	title := "gc " + string(network)
	bar := newBar(io.err, title)
	defer bar.done()
	err = s.View(ctx, func(read entity.Reader) (err error) {
		r, err = content.Collect(ctx, read, blobs, before, mode, each, func(stage string, done, total int) { bar.update(title+": "+stage, done, total) })
		return err
	})
	return r, err
}
