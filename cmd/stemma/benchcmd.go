package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"time"

	"stemma/api/llm/usage"
	"stemma/cmd/stemma/bench"
	"stemma/entity"
	"stemma/entity/scope"
)

// benchCmd measures this server on this machine.
type benchCmd struct {
	Only    string `help:"Rows to measure: names separated by commas, or a regular expression. The names are ${bench_rows}." placeholder:"ROWS" env:"STEMMA_BENCH_ONLY"`
	Repeat  int    `help:"How often each measurement is repeated, by default 3; the median counts." default:"3" env:"STEMMA_BENCH_REPEAT"`
	Short   bool   `help:"Measure less, for a CI job: the same code on smaller sizes." env:"STEMMA_BENCH_SHORT"`
	Data    string `help:"Directory to work in; by default a temporary one. It should be on the disk that the server will use. What is written is removed again." placeholder:"DIR" env:"STEMMA_BENCH_DATA"`
	JSON    string `name:"json" help:"Write what was measured to this file too." placeholder:"FILE" env:"STEMMA_BENCH_JSON"`
	Profile string `help:"Write profiles of CPU and heap of all processes to this directory, by row." placeholder:"DIR" env:"STEMMA_BENCH_PROFILE"`

	// Of the child, which serves what is measured; nobody else gives them.
	Serve       string `hidden:""`
	Load        int    `hidden:""`
	Searched    bool   `hidden:""`
	Upstream    string `hidden:""`
	Agent       bool   `hidden:""`
	Plain       bool   `hidden:""`
	ProfileFile string `hidden:""`
}

// Help is shown under 'stemma bench --help'.
func (benchCmd) Help() string {
	return `Prints how fast this server is as ratios to yardsticks of the same run, which
take turns with it: raw Badger writing the same keys and bytes, a constant answer
through the same router, a search over plain arrays. The server runs as a child
process, with stores of its own, and so do the commands that move data. A goal that
is not met is printed as such and is no error; a wrong answer is one. The whole
takes about ten minutes and up to 6 GB of disk; --short takes a minute or two and
1 GB.`
}

// Run measures and prints the table.
func (c *benchCmd) Run(ctx context.Context, io *streams) error {
	if c.Serve != "" {
		return c.serve(ctx, io)
	}
	if c.Plain {
		return bench.Child{Plain: true, Upstream: c.Upstream, Profile: c.ProfileFile}.ServePlain(ctx, os.Stdin, io.out)
	}
	o := bench.Options{Only: c.Only, Repeat: c.Repeat, Sizes: bench.Full, Data: c.Data, Profile: c.Profile, Out: io.out, Log: io.err, Command: benchChild(io), Tool: benchTool,
		Projections: func(index entity.Projection) []entity.Projection { return withScopes(index, scope.New(), usage.New()) }}
	if c.Short {
		o.Sizes = bench.Short
	}
	report, err := bench.Run(ctx, o)
	if c.JSON != "" && len(report.Results) > 0 {
		err = errors.Join(err, report.WriteJSON(c.JSON))
	}
	return err
}

// self is the path of this binary.
func self() string {
	path, err := os.Executable()
	if err != nil {
		return os.Args[0]
	}
	return path
}

// benchTool makes a command of this binary.
func benchTool(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, self(), args...)
}

// benchChild makes the command of a child: this binary again.
func benchChild(io *streams) func(context.Context, bench.Child) *exec.Cmd {
	return func(ctx context.Context, child bench.Child) *exec.Cmd {
		args := []string{"bench", "--serve", child.Data, "--load", fmt.Sprint(child.Load)}
		if child.Plain {
			args = []string{"bench", "--plain"}
		}
		if child.Search {
			args = append(args, "--searched")
		}
		if child.Upstream != "" {
			args = append(args, "--upstream", child.Upstream)
		}
		if child.Agent {
			args = append(args, "--agent")
		}
		if child.Profile != "" {
			args = append(args, "--profile-file", child.Profile)
		}
		cmd := exec.CommandContext(ctx, self(), args...)
		cmd.Stderr = io.err
		return cmd
	}
}

// serve is the child: the server as 'stemma serve' runs it, and the yardsticks
// beside it.
func (c *benchCmd) serve(ctx context.Context, io *streams) (err error) {
	logger := newLogger(io.err, slog.LevelWarn, "text")
	var s *server
	defer func() {
		if s != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	child := bench.Child{Data: c.Serve, Load: c.Load, Search: c.Searched, Upstream: c.Upstream, Agent: c.Agent, Profile: c.ProfileFile}
	options := serverOptions{data: c.Serve, bootstrapKey: bench.Key, logger: logger, maxBody: 8 << 20, cacheBytes: 32 << 20, noSearch: !child.Search}
	if c.Upstream != "" {
		options.recorder.Providers = []string{bench.UpstreamName + "=" + c.Upstream}
		options.llm.LLMPrivate = true
	}
	key := ""
	return child.Serve(ctx, os.Stdin, io.out, func() (entity.Store, error) {
		opened, err := openServer(ctx, options)
		if err != nil {
			return nil, err
		}
		s = opened
		tendMemory(ctx, servedMemory, logger)
		if child.Agent {
			if key, err = bench.NewAgent(ctx, s.stores[0], s.auth, child.Upstream); err != nil {
				return nil, err
			}
		}
		return s.stores[0], nil
	}, func(ctx context.Context, ready func(addr, key string) error) error {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		if err := ready(listener.Addr().String(), key); err != nil {
			return errors.Join(err, listener.Close())
		}
		return serveHTTP(ctx, listener, bench.WithYardsticks(s.handler), time.Second, logger)
	})
}
