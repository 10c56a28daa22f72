package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"stemma/api/auth"
	"stemma/cmd/stemma/archive"
	"stemma/entity"
	"stemma/entity/store"
)

// importCarCmd imports a CAR file.
type importCarCmd struct {
	dataFlags
	blobFlags
	File           string         `arg:"" help:"The file; - for standard input."`
	WithoutContent bool           `help:"Take versions of files whose content is neither in the file nor here." env:"STEMMA_WITHOUT_CONTENT"`
	Buffer         int64          `help:"How much may wait for blocks that come later in the file, in MiB." default:"256" env:"STEMMA_IMPORT_BUFFER"`
	Refused        string         `help:"Write what is refused, and why, into this file: a JSON object a line." placeholder:"FILE"`
	Network        entity.Network `help:"main or test." enum:"main,test" default:"main" env:"STEMMA_NETWORK"`
}

// Help is shown under 'stemma import car --help'.
func (importCarCmd) Help() string {
	return `Takes in the versions, chain blocks and file contents of a CARv1 file, byte for
byte: identifiers, CIDs, times and authors stay what they are. Every block must
hash to its CID, be a strict manifest or chain block of this network, and follow
the version before it; one that does not is refused with the reason, and the
others are taken. What is here already is passed over: run an import that was
interrupted again, and it goes on. The order of the blocks is free, but that of
'stemma export' needs no memory. The server that has the directory open must be
stopped first. Exit code 1 when anything was refused.

  stemma import car store.car
  ssh other stemma export --all - | stemma import car -`
}

// Run imports.
func (c *importCarCmd) Run(ctx context.Context, io *streams) (err error) {
	in, size, err := openInput(c.File)
	if err != nil {
		return err
	}
	defer in.Close()
	s, blobs, err := openArchive(ctx, c.Data, c.Blobs, c.Network)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	by, err := firstUser(ctx, s, io)
	if err != nil {
		return err
	}
	list, err := newRefusals(c.Refused, io.err)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, list.close()) }()
	defer saveMemory()()
	bar := newBar(io.err, "import")
	start := time.Now()
	report, err := archive.Import(ctx, s, in, archive.ImportOptions{
		By: by, Contents: blobs, WithoutContent: c.WithoutContent, Buffer: c.Buffer << 20, Refused: list.add,
		Progress: func(done int64) { bar.update("import", int(done), int(size)) },
	})
	bar.done()
	printImportCar(io.out, report, time.Since(start))
	list.print()
	if err == nil && report.Refused > 0 {
		err = fmt.Errorf("%d blocks were refused", report.Refused)
	}
	return err
}

// firstUser is in whose name an import is, made if the store is new.
func firstUser(ctx context.Context, s *store.Store, io *streams) (by entity.ID, err error) {
	key, err := auth.Bootstrap(ctx, s, "")
	if err != nil {
		return "", err
	}
	if key != "" {
		fmt.Fprintf(io.out, "A new store; the key of its first user, shown this once:\n\n  %s\n\n", key)
	}
	err = s.View(ctx, func(r entity.Reader) (err error) {
		by, err = auth.FirstUser(r)
		return err
	})
	return by, err
}

// openInput opens a file, or standard input, of which the size is 0.
func openInput(name string) (io.ReadCloser, int64, error) {
	if name == "-" {
		return io.NopCloser(os.Stdin), 0, nil
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, 0, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, file.Close())
	}
	return file, info.Size(), nil
}

func printImportCar(w io.Writer, r archive.ImportReport, took time.Duration) {
	blocks := r.Versions + r.ChainBlocks + r.Contents
	fmt.Fprintf(w, "Imported %d blocks in %s (%.0f/s)\n", blocks, took.Round(time.Millisecond), float64(blocks)/max(took.Seconds(), 1e-3))
	fmt.Fprintf(w, "  %d versions of which %d are new entities, %d chain blocks, %d file contents\n", r.Versions, r.Created, r.ChainBlocks, r.Contents)
	if r.Known > 0 {
		fmt.Fprintf(w, "  %d were here already\n", r.Known)
	}
	if r.Missing > 0 {
		fmt.Fprintf(w, "  %d versions of files without their content\n", r.Missing)
	}
}

// refusals prints the first refusals, and writes all of them into a file.
type refusals struct {
	first []archive.Refusal
	more  int
	out   io.Writer
	file  *os.File // nil for none
	lines *bufio.Writer
	err   error
}

func newRefusals(name string, out io.Writer) (*refusals, error) {
	l := &refusals{out: out}
	if name == "" {
		return l, nil
	}
	var err error
	if l.file, err = os.Create(name); err != nil {
		return nil, err
	}
	l.lines = bufio.NewWriter(l.file)
	return l, nil
}

func (l *refusals) add(r archive.Refusal) {
	if len(l.first) < maxLines {
		l.first = append(l.first, r)
	} else {
		l.more++
	}
	if l.file == nil || l.err != nil {
		return
	}
	line, err := json.Marshal(r)
	if err == nil {
		_, err = l.lines.Write(append(line, '\n'))
	}
	l.err = err
}

func (l *refusals) print() {
	for _, r := range l.first {
		what := r.CID
		switch {
		case r.Chain != "":
			what += fmt.Sprintf(" (block %d of the chain %s of %s)", r.N, r.Chain, r.Entity)
		case r.Entity != "":
			what += fmt.Sprintf(" (version %d of %s)", r.N, r.Entity)
		}
		fmt.Fprintf(l.out, "refused %s: %s\n", what, r.Reason)
	}
	if l.more > 0 {
		fmt.Fprintf(l.out, "and %d more; --refused FILE lists all\n", l.more)
	}
}

func (l *refusals) close() error {
	if l.file == nil {
		return nil
	}
	return errors.Join(l.err, l.lines.Flush(), l.file.Close())
}
