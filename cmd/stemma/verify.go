package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/jedib0t/go-pretty/v6/table"

	"stemma/entity"
	"stemma/entity/store"
	"stemma/graph"
)

// verifyCmd reads a store back.
type verifyCmd struct {
	dataFlags
}

// Help is shown under 'stemma verify --help'.
func (verifyCmd) Help() string {
	return `Every block is hashed again, the log is dense and names blocks that are there,
every version links to the one before, heads and chains are what the log says,
and every projection's rows are what a replay of the log gives. The server that
has the directory open must be stopped first. Exit code 1 when anything differs.`
}

// Run verifies the networks that are there.
func (c *verifyCmd) Run(ctx context.Context, io *streams) error {
	out := table.NewWriter()
	out.SetOutputMirror(io.out)
	out.SetStyle(table.StyleLight)
	out.AppendHeader(table.Row{"network", "entities", "versions", "blocks", "records", "chain blocks", "rows", "result"})
	var all error
	found := false
	for _, network := range []entity.Network{entity.Main, entity.Test} {
		dir := filepath.Join(c.Data, string(network))
		if !store.Exists(dir) {
			continue // an import makes one network's store alone
		}
		found = true
		report, err := verifyStore(ctx, dir, network, io)
		result := "ok"
		if err != nil {
			result = "DIFFERS"
			all = errors.Join(all, fmt.Errorf("%s: %w", network, err))
		}
		out.AppendRow(table.Row{network, report.Entities, report.Versions, report.Blocks, report.Records, report.ChainBlocks, report.Rows, result})
	}
	if !found {
		return fmt.Errorf("%s holds no store: name the directory that 'stemma serve' uses with --data", c.Data)
	}
	out.Render()
	return all
}

func verifyStore(ctx context.Context, dir string, network entity.Network, io *streams) (report store.Report, err error) {
	s, err := store.Open(store.Options{Dir: dir, Network: network, Projections: projections(graph.New())})
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	bar := newBar(io.err, "verify "+string(network))
	defer bar.done()
	return s.Check(ctx, func(stage string, done int) { bar.update("verify "+string(network)+": "+stage, done, 0) })
}
