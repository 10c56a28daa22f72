package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/jedib0t/go-pretty/v6/table"

	"stemma/cmd/stemma/content"
	"stemma/entity"
	"stemma/entity/store"
	"stemma/files"
	"stemma/graph"
	"stemma/versions/attest"
)

// verifyCmd reads a store back.
type verifyCmd struct {
	dataFlags
	blobFlags
	offlineFlags
}

// Help is shown under 'stemma verify --help'.
func (verifyCmd) Help() string {
	return `Every block is hashed again, the log is dense and names blocks that are there,
every version links to the one before, heads and chains are what the log says,
every projection's rows are what a replay of the log gives, and all file content
that any version refers to is there and hashes to its name. What was attested is
what the log has, from the first leaf to the signed root. The server that has the
directory open must be stopped first. Exit code 1 when anything differs.

  stemma verify --offline bundle.json --key "$VERIFIER_KEY"

verifies evidence from any server, without it: the bytes of each block hash to its
CID, the CID is in the tree, and the log has signed the tree.`
}

// Run verifies the networks that are there.
func (c *verifyCmd) Run(ctx context.Context, io *streams) error {
	switch {
	case c.Offline != "":
		return c.verifyBundle(io)
	case c.Key != "":
		return errors.New("--key goes with --offline")
	}
	out := table.NewWriter()
	out.SetOutputMirror(io.out)
	out.SetStyle(table.StyleLight)
	out.AppendHeader(table.Row{"network", "entities", "versions", "blocks", "records", "chain blocks", "rows", "blobs", "attested", "result"})
	var all error
	found := false
	for _, network := range []entity.Network{entity.Main, entity.Test} {
		dir := filepath.Join(c.Data, string(network))
		if !store.Exists(dir) {
			continue // an import makes one network's store alone
		}
		found = true
		report, blobs, attested, err := c.verify(ctx, dir, network, io)
		result := "ok"
		if err != nil {
			result = "DIFFERS"
			all = errors.Join(all, fmt.Errorf("%s: %w", network, err))
		}
		out.AppendRow(table.Row{network, report.Entities, report.Versions, report.Blocks, report.Records, report.ChainBlocks, report.Rows, blobs.Blobs, attested.Signed, result})
	}
	if !found {
		return fmt.Errorf("%s holds no store: name the directory that 'stemma serve' uses with --data", c.Data)
	}
	out.Render()
	return all
}

func (c *verifyCmd) verify(ctx context.Context, dir string, network entity.Network, io *streams) (report store.Report, blobs content.Verified, attested attest.Report, err error) {
	s, err := store.Open(store.Options{Dir: dir, Network: network, Projections: projections(graph.New())})
	if err != nil {
		return report, blobs, attested, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	title := "verify " + string(network)
	bar := newBar(io.err, title)
	defer bar.done()
	report, err = s.Check(ctx, func(stage string, done int) { bar.update(title+": "+stage, done, 0) })
	if ctx.Err() != nil {
		return report, blobs, attested, err
	}
	compared := s.View(ctx, func(r entity.Reader) (err error) {
		attested, err = attest.Check(ctx, attestDir(c.Data, network), r, func(done int) { bar.update(title+": attestation", done, 0) })
		return err
	})
	source := &openedLate{open: func() (*files.Blobs, error) { return openBlobs(ctx, c.Blobs, c.Data, network) }}
	viewed := s.View(ctx, func(r entity.Reader) (err error) {
		blobs, err = content.Verify(ctx, r, source, func(stage string, done, total int) { bar.update(title+": "+stage, done, total) })
		return err
	})
	return report, blobs, attested, errors.Join(err, compared, viewed)
}

// openedLate opens file content when some is asked for, so that a command that
// only looks makes no directory where there is none.
type openedLate struct {
	open  func() (*files.Blobs, error)
	blobs *files.Blobs
}

// Get implements [content.Source].
func (o *openedLate) Get(ctx context.Context, c entity.CID, offset, length int64) (io.ReadCloser, error) {
	if o.blobs == nil {
		blobs, err := o.open()
		if err != nil {
			return nil, err
		}
		o.blobs = blobs
	}
	return o.blobs.Get(ctx, c, offset, length)
}
