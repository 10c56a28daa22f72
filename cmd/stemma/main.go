package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"stemma/cmd/stemma/bench"
	"stemma/files/extract"
)

// cli is the command line. Every flag has an environment variable, printed by
// --help; the order of precedence is flag, environment, file, default.
type cli struct {
	Config configFile `help:"Read settings from a YAML file: names of flags as keys, like 'addr: :8080'." placeholder:"FILE" env:"STEMMA_CONFIG"`

	Serve       serveCmd       `cmd:"" help:"Run the server." group:"Run"`
	Agent       agentCmd       `cmd:"" help:"Run an agent." group:"Run"`
	Mirror      mirrorCmd      `cmd:"" help:"Keep a verified copy of another server." group:"Run"`
	Witness     witnessCmd     `cmd:"" help:"Watch that another server does not rewrite its history." group:"Run"`
	Import      importCmd      `cmd:"" help:"Bring data in." group:"Data"`
	Export      exportCmd      `cmd:"" help:"Write histories to a CAR file." group:"Data"`
	Backup      backupCmd      `cmd:"" help:"Back a store up, while it is served or not." group:"Data"`
	Restore     restoreCmd     `cmd:"" help:"Make a store out of a backup." group:"Data"`
	Verify      verifyCmd      `cmd:"" help:"Read everything back and check it against its hashes and the log." group:"Data"`
	GC          gcCmd          `cmd:"" name:"gc" help:"Delete file content that no version names." group:"Data"`
	Demo        demoCmd        `cmd:"" help:"Import a git history into a new server and ask it questions." group:"Learn"`
	Bench       benchCmd       `cmd:"" help:"Measure this machine: the table of the README." group:"Learn"`
	BenchSearch benchSearchCmd `cmd:"" help:"Measure how well search finds what is relevant." group:"Learn"`
	OpenAPI     openapiCmd     `cmd:"" name:"openapi" help:"Print the OpenAPI document." group:"Learn"`
	Version     versionCmd     `cmd:"" help:"Print the version." group:"Learn"`

	CPUProfile string `name:"cpu-profile" hidden:""` // file, beside which a profile of the heap comes
}

// dataFlags say where a store lives; shared by the commands that open one.
type dataFlags struct {
	Data string `help:"Directory of the stores, by default ./stemma-data; created on first use." default:"./stemma-data" env:"STEMMA_DATA" placeholder:"DIR"`
}

// AfterApply refuses a name that was left out: a variable that is not set, most
// often.
func (f *dataFlags) AfterApply() error {
	if f.Data == "" {
		return errors.New("--data is empty; name the directory of the stores")
	}
	return nil
}

func main() {
	if isExtractChild() {
		os.Exit(extract.ChildMain(os.Stdin, os.Stdout))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is main without the process: it gives the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (code int) {
	var c cli
	exited := -1
	parser, err := kong.New(&c,
		kong.Name("stemma"),
		kong.Description("An event-sourced entity graph server with content-addressed versions.\n\nStart with 'stemma serve': it creates what it needs in ./stemma-data, prints a key and says what to try."),
		kong.Vars{"bench_rows": strings.Join(bench.Names(), ", ")},
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { exited = code }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(&streams{out: stdout, err: stderr}),
	)
	if err != nil {
		panic(err) // the table above is wrong
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	k, err := parser.Parse(args)
	if exited >= 0 {
		return exited // --help
	}
	if err == nil {
		err = c.profiled(k.Run)
	}
	if err != nil {
		fmt.Fprintln(stderr, "stemma:", userText(err))
	}
	var wrong *kong.ParseError
	var rewritten *historyRewritten
	switch {
	case errors.As(err, &wrong):
		fmt.Fprintf(stderr, "Run '%s --help' to see what there is.\n", commandPath(wrong.Context))
		return wrong.ExitCode()
	case errors.As(err, &rewritten):
		return rewrittenCode
	case err != nil:
		return 1
	}
	return 0
}

// profiled runs a command, with a profiler if asked to.
func (c *cli) profiled(command func(...any) error) (err error) {
	if c.CPUProfile == "" {
		return command()
	}
	stop, err := bench.Profile(c.CPUProfile)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	return command()
}

// commandPath is the command that was typed, as far as it is one.
func commandPath(ctx *kong.Context) string {
	if node := ctx.Selected(); node != nil {
		return node.FullPath()
	}
	return ctx.Model.Name
}

// streams are where a command prints.
type streams struct{ out, err io.Writer }
