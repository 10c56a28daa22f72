package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/jedib0t/go-pretty/v6/table"

	"stemma/cmd/stemma/backup"
	"stemma/entity"
	"stemma/entity/store"
	"stemma/files"
	"stemma/graph"
)

// backupCmd adds backups to a directory.
type backupCmd struct {
	dataFlags
	blobFlags
	To  string `arg:"" help:"Directory of the backups; created on first use." type:"path"`
	URL string `help:"Back up the server that runs there, instead of a data directory that no server has open." name:"url" env:"STEMMA_URL" placeholder:"http://HOST:PORT"`
	Key string `help:"Key of the server's first user, with --url." env:"STEMMA_KEY" placeholder:"uk_…"`
}

// Help is shown under 'stemma backup --help'.
func (backupCmd) Help() string {
	return `The first run writes everything, each later one what has changed since, both
networks and the content of files. With --url the server goes on serving; nobody
waits. Without it the server must be stopped.

  stemma backup --url http://127.0.0.1:8080 --key $KEY /backups/stemma
  stemma restore /backups/stemma --data ./stemma-data

A backup holds every secret of the server, key hashes and credentials among them:
its files are readable by nobody but you. Keep them so. To begin a new chain, name
a new directory.`
}

// Run backs up both networks, as far as they are there.
func (c *backupCmd) Run(ctx context.Context, io *streams) error {
	done := 0
	for _, network := range []entity.Network{entity.Main, entity.Test} {
		if c.URL == "" && !store.Exists(filepath.Join(c.Data, string(network))) {
			continue
		}
		done++
		if err := c.network(ctx, network, io); err != nil {
			return err
		}
	}
	if done == 0 {
		return fmt.Errorf("%s holds no store: name the directory that 'stemma serve' uses with --data, or a running server with --url", c.Data)
	}
	return nil
}

func (c *backupCmd) network(ctx context.Context, network entity.Network, io *streams) (err error) {
	var src backup.Source = backup.Remote{URL: c.URL, Key: c.Key, Network: network}
	if c.URL == "" {
		s, err := store.Open(store.Options{Dir: filepath.Join(c.Data, string(network)), Network: network, Projections: projections(graph.New())})
		if err != nil {
			return openElsewhere(err)
		}
		defer func() { err = errors.Join(err, s.Close()) }()
		blobs := &openedLate{open: func() (*files.Blobs, error) { return openBlobs(ctx, c.Blobs, c.Data, network) }}
		src = backup.Local{Store: s, Blobs: blobs}
	}
	bar := newBar(io.err, "backup "+string(network))
	r, err := backup.Run(ctx, src, c.To, network, func(stage string, done, total int) { bar.update("backup: "+stage, done, total) })
	bar.done()
	if err != nil {
		return err
	}
	printBackup(io.out, network, r)
	return nil
}

// openElsewhere tells how to back up a store that a server has open.
func openElsewhere(err error) error {
	if entity.KindOf(err) == entity.KindUnavailable {
		return fmt.Errorf("%s\nA server that runs is backed up with --url and --key", userText(err))
	}
	return err
}

func printBackup(w io.Writer, network entity.Network, r backup.Result) {
	if r.Path == "" {
		fmt.Fprintf(w, "%s: nothing has changed since change %d\n", network, r.To)
		return
	}
	fmt.Fprintf(w, "%s: changes %d to %d, %d bytes, %d new contents of files: %s\n", network, r.From, r.To, r.Bytes, r.Content, r.Path)
}

// restoreCmd makes a data directory out of backups.
type restoreCmd struct {
	dataFlags
	blobFlags
	From string `arg:"" help:"Directory that 'stemma backup' wrote to." type:"existingdir"`
}

// Help is shown under 'stemma restore --help'.
func (restoreCmd) Help() string {
	return `Lays the full backup and all that follow it over one another, makes the
projections anew, puts the content of files back, and reads all of it against its
hashes as 'stemma verify' does. The data directory must be new or empty. It is
there when everything is right, or not at all.

  stemma restore /backups/stemma --data ./stemma-data

The log of attestations goes on under its name. Where changes were attested that
the backup has not, that would be a fork, which whoever keeps checkpoints sees:
begin another log then, with 'stemma serve --attest-origin NAME'.`
}

// Run restores the networks that there are backups of.
func (c *restoreCmd) Run(ctx context.Context, io *streams) error {
	networks, err := backup.Networks(c.From)
	if err != nil {
		return err
	}
	out := table.NewWriter()
	out.SetOutputMirror(io.out)
	out.SetStyle(table.StyleLight)
	out.AppendHeader(table.Row{"network", "backups", "change", "entities", "versions", "blobs"})
	err = backup.Into(c.Data, func(tmp string) error {
		for _, network := range networks {
			r, err := c.network(ctx, tmp, network, io)
			if err != nil {
				return err
			}
			out.AppendRow(table.Row{network, r.Parts, r.To, r.Report.Entities, r.Report.Versions, r.Content.Blobs})
		}
		return nil
	})
	if err != nil {
		return err
	}
	out.Render()
	fmt.Fprintf(io.out, "Restored and checked: %s\n", c.Data)
	return nil
}

func (c *restoreCmd) network(ctx context.Context, tmp string, network entity.Network, io *streams) (backup.Restored, error) {
	bar := newBar(io.err, "restore "+string(network))
	defer bar.done()
	target := backup.Target{
		Dir:         filepath.Join(tmp, string(network)),
		Projections: projections(graph.New()),
		OpenBlobs:   func() (*files.Blobs, error) { return openBlobs(ctx, c.Blobs, tmp, network) },
	}
	return backup.Restore(ctx, c.From, network, target, func(stage string, done, total int) { bar.update("restore: "+stage, done, total) })
}

// backupView serves backups of the server's stores.
func backupView(s *server) backup.View {
	v := backup.View{}
	for i, st := range s.stores {
		v[st.Network()] = backup.Local{Store: st, Blobs: s.networks[i].Blobs}
	}
	return v
}
