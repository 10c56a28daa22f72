package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"stemma/api/llm/usage"
	"stemma/cmd/stemma/archive"
	"stemma/entity"
	"stemma/entity/scope"
	"stemma/entity/store"
	"stemma/files"
	"stemma/graph"
)

// exportCmd writes a CAR file.
type exportCmd struct {
	dataFlags
	blobFlags
	File           string         `arg:"" help:"The file to write; - for standard output."`
	All            bool           `help:"Everything." xor:"what" required:""`
	Collection     string         `help:"A collection and the entities in it." xor:"what" required:"" placeholder:"ID"`
	Entity         string         `help:"One entity." xor:"what" required:"" placeholder:"ID"`
	WithoutContent bool           `help:"Leave the content of files out."`
	Network        entity.Network `help:"main or test, with --all; an ID says it itself." enum:"main,test" default:"main" env:"STEMMA_NETWORK"`
}

// Help is shown under 'stemma export --help'.
func (exportCmd) Help() string {
	return `Writes whole histories as a CARv1 file: every version, every block of a chain and
the content of files, oldest first, of one state of the store. Keys and other
secrets are in no export. The server that has the directory open must be stopped
first; from one that runs, GET /ipfs/{cid}?format=car gives one history.

  stemma export --all store.car
  stemma export --collection 01JH8Z0Y6V5RZ4Q8Q9V4T2W3XK letters.car
  stemma import car store.car --data ./copy

The file names its roots: of one entity its tip, the heads of its chains and its
contents; of more a single index that links to all of these, so that

  ipfs dag import --allow-big-block store.car

pins everything there is. (A file's content is one block, whatever its size.)`
}

// Run exports. A file appears only when it is complete.
func (c *exportCmd) Run(ctx context.Context, io *streams) (err error) {
	selection, network, err := c.selection()
	if err != nil {
		return err
	}
	if !store.Exists(filepath.Join(c.Data, string(network))) {
		return fmt.Errorf("%s holds no store of the %s network: name the directory that 'stemma serve' uses with --data", c.Data, network)
	}
	s, blobs, err := openArchive(ctx, c.Data, c.Blobs, network)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	out, err := createWhole(c.File, io.out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.abandon()) }()
	bar := newBar(io.err, "export")
	o := archive.ExportOptions{Select: selection, Progress: func(stage string, done, total int) { bar.update("export: "+stage, done, total) }}
	if !c.WithoutContent {
		o.Contents = blobs
	}
	start := time.Now()
	report, err := archive.Export(ctx, s, out, o)
	bar.done()
	if err == nil {
		err = out.commit()
	}
	if err != nil {
		return err
	}
	say := io.out
	if c.File == "-" {
		say = io.err
	}
	return printExport(say, report, time.Since(start))
}

func (c *exportCmd) selection() (s archive.Selection, n entity.Network, err error) {
	n = c.Network
	for _, p := range []struct {
		text string
		id   *entity.ID
	}{{c.Collection, &s.Collection}, {c.Entity, &s.Entity}} {
		if p.text == "" {
			continue
		}
		if *p.id, err = entity.ParseID(p.text); err != nil {
			return s, n, err
		}
		n = p.id.Network()
	}
	return s, n, nil
}

func printExport(w io.Writer, r archive.ExportReport, took time.Duration) error {
	rate := float64(r.Bytes) / 1e6 / max(took.Seconds(), 1e-3)
	fmt.Fprintf(w, "Exported %d entities in %s (%.0f MB/s)\n", r.Entities, took.Round(time.Millisecond), rate)
	fmt.Fprintf(w, "  %d versions, %d chain blocks, %d file contents, %d bytes\n", r.Versions, r.ChainBlocks, r.Contents, r.Bytes)
	for i, c := range r.Roots {
		if i == maxLines {
			fmt.Fprintf(w, "  and %d roots more\n", len(r.Roots)-i)
			break
		}
		fmt.Fprintf(w, "  root %s\n", c)
	}
	if len(r.Missing) > 0 {
		return fmt.Errorf("the content of %d files is not here, like %s; the rest is exported. 'stemma verify' tells which files", len(r.Missing), r.Missing[0])
	}
	return nil
}

// maxLines is how much of a long list is printed.
const maxLines = 20

// openArchive opens a network's store with the content of its files.
func openArchive(ctx context.Context, data, location string, network entity.Network) (*store.Store, *files.Blobs, error) {
	s, err := store.Open(store.Options{Dir: filepath.Join(data, string(network)), Network: network, Projections: withScopes(graph.Rows{}, scope.New(), usage.New())})
	if err != nil {
		return nil, nil, err
	}
	blobs, err := openBlobs(ctx, location, data, network)
	if err != nil {
		return nil, nil, errors.Join(err, s.Close())
	}
	return s, blobs, nil
}

// wholeFile is a file that has its name when it is complete.
type wholeFile struct {
	io.Writer
	file *os.File // nil of standard output, and when it is over
	name string
}

func createWhole(name string, stdout io.Writer) (*wholeFile, error) {
	if name == "-" {
		return &wholeFile{Writer: stdout}, nil
	}
	file, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-*")
	if err != nil {
		return nil, fmt.Errorf("cannot write %s: %w", name, err)
	}
	return &wholeFile{Writer: file, file: file, name: name}, nil
}

func (w *wholeFile) commit() error {
	if w.file == nil {
		return nil
	}
	file := w.file
	w.file = nil
	err := file.Sync()
	err = errors.Join(err, file.Close())
	if err == nil {
		err = os.Rename(file.Name(), w.name)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("cannot write %s: %w", w.name, err), os.Remove(file.Name()))
	}
	return nil
}

// abandon removes what was not committed.
func (w *wholeFile) abandon() error {
	if w.file == nil {
		return nil
	}
	return errors.Join(w.file.Close(), os.Remove(w.file.Name()))
}
