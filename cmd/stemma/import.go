package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"stemma/api/auth"
	"stemma/cmd/stemma/gitimport"
	"stemma/entity"
	"stemma/entity/store"
	"stemma/graph"
)

// importCmd brings data in.
type importCmd struct {
	Git   importGitCmd   `cmd:"" help:"Import the history of a git repository."`
	JSONL importJSONLCmd `cmd:"" name:"jsonl" help:"Import entities and relationships, one JSON object a line."`
	Car   importCarCmd   `cmd:"" help:"Import histories from a CAR file."`
}

// importGitCmd imports a git repository.
type importGitCmd struct {
	dataFlags
	Path    string         `arg:"" help:"The top folder of a work tree, or a bare repository." default:"."`
	Ref     string         `help:"Branch, tag or hash to import." default:"HEAD" env:"STEMMA_IMPORT_REF"`
	Label   string         `help:"Name of the collection, by default that of the folder." env:"STEMMA_IMPORT_LABEL"`
	Network entity.Network `help:"main or test." enum:"main,test" default:"main" env:"STEMMA_NETWORK"`
}

// Help is shown under 'stemma import git --help'.
func (importGitCmd) Help() string {
	return `Every file path becomes an entity whose versions are the commits that changed
it; commits, authors and folders become entities too, related to one another,
all in one collection. Run it again to import what is new; a run that was
interrupted goes on where it stopped. The server that has the data directory
open must be stopped first.

  stemma import git ~/src/project
  stemma serve
  curl -H "Authorization: ApiKey $KEY" --json '{"path":"type:person <-[authored_by]- type:commit -[changed]-> type:source_file"}' localhost:8080/query`
}

// Run imports.
func (c *importGitCmd) Run(ctx context.Context, io *streams) (err error) {
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
	return importGit(ctx, s, gitimport.Options{Path: c.Path, Ref: c.Ref, Label: c.Label}, io)
}

// importGit imports in the name of the store's first user and prints what was
// done.
func importGit(ctx context.Context, s entity.Store, o gitimport.Options, io *streams) error {
	err := s.View(ctx, func(r entity.Reader) (err error) {
		o.By, err = auth.FirstUser(r)
		return err
	})
	if err != nil {
		return err
	}
	bar := newBar(io.err, "import")
	o.Progress = func(done, total int, stage string) { bar.update(stage, done, total) }
	start := time.Now()
	report, err := gitimport.Import(ctx, s, o)
	bar.done()
	if err != nil {
		return err
	}
	printImport(io.out, report, time.Since(start))
	return nil
}

func printImport(w io.Writer, r gitimport.Report, took time.Duration) {
	if r.UpToDate() {
		fmt.Fprintf(w, "%s is up to date at %.10s; collection %s\n", r.Label, r.Head, r.Collection)
		return
	}
	rate := float64(r.Commits) / max(took.Seconds(), 1e-3)
	fmt.Fprintf(w, "Imported %s at %.10s into collection %s in %s\n", r.Label, r.Head, r.Collection, took.Round(time.Millisecond))
	fmt.Fprintf(w, "  %d commits (%.0f/s), %d people, %d folders, %d files, %d versions of files, %d deletions\n",
		r.Commits, rate, r.People, r.Folders, r.Files, r.Versions, r.Deleted)
	if r.Submodules > 0 {
		fmt.Fprintf(w, "  %d submodules passed over\n", r.Submodules)
	}
}
