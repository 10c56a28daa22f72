package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"time"

	"stemma/cmd/stemma/agent"
	"stemma/entity"
)

// agentCmd is what is about agents.
type agentCmd struct {
	Serve agentServeCmd `cmd:"" help:"Run a small agent that summarises or links the entities of a collection."`
}

// agentServeCmd runs an agent.
type agentServeCmd struct {
	Server string        `help:"URL of the Stemma server that it works for." default:"http://127.0.0.1:8080" env:"STEMMA_AGENT_SERVER" placeholder:"URL"`
	ID     string        `name:"id" help:"ID of the agent's entity there." required:"" env:"STEMMA_AGENT_ID"`
	Key    string        `help:"API key of the agent, of POST /agents/{id}/keys. Better in the environment or the file than in a flag." required:"" env:"STEMMA_AGENT_KEY" placeholder:"ak_…"`
	Token  string        `name:"verification-token" help:"Token of POST /agents/{id}/verify, to show that the endpoint is the agent's." env:"STEMMA_AGENT_VERIFICATION_TOKEN" placeholder:"vt_…"`
	Addr   string        `help:"Address to listen on; port 0 takes a free one." default:"127.0.0.1:8090" env:"STEMMA_AGENT_ADDR" placeholder:"HOST:PORT"`
	State  string        `help:"Directory of its jobs; created on first use." default:"./stemma-agent" env:"STEMMA_AGENT_STATE" placeholder:"DIR"`
	Jobs   int           `help:"Jobs at a time; more are declined." default:"2" env:"STEMMA_AGENT_JOBS"`
	Grace  time.Duration `help:"How long requests may finish when it is told to stop." default:"10s" env:"STEMMA_GRACE"`
}

// Help is shown under 'stemma agent serve --help'.
func (agentServeCmd) Help() string {
	return `An agent is a program that a Stemma server calls, and that works on a collection
with a key and rights of its own, for a time. This one does one of two things, by
the input of the invocation:

  {"task":"summarise"}                    writes an entity of type summary: how many
                                          of which type, terms, the most connected
  {"task":"link","property":"place"}      adds same_place between entities with equal
                                          places, and mentions where a text has the
                                          label of another ("mentions":false: not)

How to set one up, with the owner's key in $KEY and a server beside it that was
started with --allow-private-agents:

  POST /agents {"label":"Summariser","endpoint":"http://127.0.0.1:8090","collection":ID,
                "actions_required":["entity:view","entity:create","entity:update"]}
  POST /agents/ID/keys        the agent's key, for --key
  POST /agents/ID/verify      the token, for --verification-token
  stemma agent serve --id ID --key ak_… --verification-token vt_…
  POST /agents/ID/verify {"confirm":true}
  PUT  /agents/ID {"expect_tip":…,"status":"active"}

and then, as often as you like:

  POST /agents/ID/invoke {"target":COLLECTION,"input":{"task":"summarise"},"confirm":true}
  GET  /agents/ID/jobs/JOB/status

A request that the server has not signed is refused. Jobs are kept in --state; one
that was cut says so when the agent is back.`
}

// Validate refuses, before anything is opened, settings that cannot be.
func (c *agentServeCmd) Validate() error {
	if _, err := entity.ParseID(c.ID); err != nil {
		return fmt.Errorf("--id is %q; the ID of an agent, like 01KDVR…", c.ID)
	}
	switch {
	case !strings.HasPrefix(c.Key, "ak_"):
		return errors.New("--key must be the key of an agent, which begins with ak_: POST /agents/" + c.ID + "/keys makes one")
	case c.Token != "" && !strings.HasPrefix(c.Token, "vt_"):
		return errors.New("--verification-token must be a token of POST /agents/" + c.ID + "/verify, which begins with vt_")
	case c.Jobs < 1:
		return fmt.Errorf("--jobs is %d; at least 1", c.Jobs)
	case c.Grace < 0:
		return fmt.Errorf("--grace is %s; 0s or more", c.Grace)
	}
	return checkURL(c.Server, "--server", true)
}

// Run serves until ctx ends. Jobs that are at work then say that they were cut.
func (c *agentServeCmd) Run(ctx context.Context, io *streams) error {
	listener, err := net.Listen("tcp", c.Addr)
	if err != nil {
		return fmt.Errorf("cannot listen on %s; choose another with --addr: %w", c.Addr, err)
	}
	defer listener.Close()
	logger := newLogger(io.err, slog.LevelInfo, "text")
	a, err := agent.Open(agent.Options{Server: c.Server, ID: entity.ID(c.ID), Key: c.Key, Token: c.Token, Dir: c.State, Jobs: c.Jobs, Logger: logger})
	if err != nil {
		return err
	}
	defer a.Close()
	dir, err := filepath.Abs(c.State)
	if err != nil {
		dir = c.State
	}
	fmt.Fprintf(io.out, "The agent %s serves on http://%s\n  works for  %s\n  jobs       %s\n", c.ID, listener.Addr(), c.Server, dir)
	return serveHTTP(ctx, listener, a, c.Grace, logger)
}
