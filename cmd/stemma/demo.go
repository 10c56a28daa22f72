package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"stemma/cmd/stemma/gitimport"
	"stemma/entity"
)

// demoCmd is the main job on real input: it imports a git history into a new
// server and asks it questions over HTTP.
type demoCmd struct {
	Repo string `help:"Repository whose history to import, by default the one at hand." default:"." env:"STEMMA_DEMO_REPO" placeholder:"PATH"`
	Keep string `help:"Directory to leave the data in; a temporary one is removed." env:"STEMMA_DEMO_KEEP" placeholder:"DIR"`
}

// Help is shown under 'stemma demo --help'.
func (demoCmd) Help() string {
	return `Everything is printed as it is asked and answered: queries along paths, the
history of a file, the difference between two of its versions, an edit that
lost a race, a restore, and the tail of the events feed.`
}

// Run plays the demo.
func (c *demoCmd) Run(ctx context.Context, out *streams) (err error) {
	dir := c.Keep
	if dir == "" {
		if dir, err = os.MkdirTemp("", "stemma-demo-"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	}
	s, err := openServer(ctx, serverOptions{data: dir, logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	fmt.Fprintf(out.out, "# A new server, and the history of %s in it\n\n", c.Repo)
	if err := importGit(ctx, s.stores[0], gitimport.Options{Path: c.Repo}, out); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	serving, stop := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() { served <- serveHTTP(serving, listener, s.handler, time.Second, slog.New(slog.DiscardHandler)) }()
	d := &demo{out: out.out, base: "http://" + listener.Addr().String(), key: s.keys[entity.Main]}
	err = d.play(ctx)
	stop()
	return errors.Join(err, <-served)
}

// demo asks one server questions and prints them with their answers.
type demo struct {
	out  io.Writer
	base string
	key  string
}

// How much of an answer is printed.
const (
	demoLines   = 34
	demoColumns = 120
)

func (d *demo) title(text string) { fmt.Fprintf(d.out, "\n# %s\n\n", text) }

// ask sends a request, prints it with its answer and decodes that into v.
func (d *demo) ask(ctx context.Context, method, path string, body, v any) error {
	line := fmt.Sprintf("%s %s", method, path)
	var payload io.Reader
	if body != nil {
		var text bytes.Buffer
		enc := json.NewEncoder(&text)
		enc.SetEscapeHTML(false) // arrows stay arrows
		if err := enc.Encode(body); err != nil {
			return err
		}
		line += " " + strings.TrimSpace(text.String())
		payload = &text
	}
	fmt.Fprintf(d.out, "> %s\n", line)
	status, answer, err := d.send(ctx, method, path, payload)
	if err != nil {
		return err
	}
	var pretty bytes.Buffer
	if json.Indent(&pretty, answer, "  ", "  ") != nil {
		pretty.Write(answer)
	}
	lines := strings.Split(pretty.String(), "\n")
	for i, line := range lines {
		if cut := []rune(line); len(cut) > demoColumns {
			lines[i] = string(cut[:demoColumns]) + "…"
		}
	}
	if len(lines) > demoLines {
		lines = append(lines[:demoLines], fmt.Sprintf("  … %d more lines", len(lines)-demoLines))
	}
	fmt.Fprintf(d.out, "< %d\n  %s\n", status, strings.Join(lines, "\n"))
	if v == nil || status >= 400 {
		return nil
	}
	return json.Unmarshal(answer, v)
}

func (d *demo) send(ctx context.Context, method, path string, body io.Reader) (status int, answer []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, method, d.base+path, body)
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Authorization", "ApiKey "+d.key)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	answer, err = io.ReadAll(res.Body)
	return res.StatusCode, answer, err
}

// found is what the demo reads of an entity or a list of them.
type found struct {
	ID       entity.ID `json:"id"`
	CID      string    `json:"cid"`
	Ver      int       `json:"ver"`
	Latest   uint64    `json:"latest"`
	Entities []struct {
		Entity found `json:"entity"`
	} `json:"entities"`
	Results []struct {
		Entity found `json:"entity"`
	} `json:"results"`
	Versions []found `json:"versions"`
}

type object = map[string]any

func (d *demo) play(ctx context.Context) error {
	file, err := d.liveliest(ctx)
	if err != nil {
		return err
	}
	for _, act := range []func(context.Context, found) error{d.queries, d.history, d.race, d.feed} {
		if err := act(ctx, file); err != nil {
			return err
		}
	}
	return nil
}

// liveliest is the file with the most versions among the newest hundred.
func (d *demo) liveliest(ctx context.Context) (best found, err error) {
	var list found
	status, answer, err := d.send(ctx, "POST", "/query", strings.NewReader(`{"path":"type:source_file | limit 1000","expand":"none"}`))
	if err != nil || status != http.StatusOK {
		return best, fmt.Errorf("listing files: status %d: %w", status, err)
	}
	if err := json.Unmarshal(answer, &list); err != nil {
		return best, err
	}
	for _, r := range list.Results {
		var e found
		if _, answer, err = d.send(ctx, "GET", "/entities/"+string(r.Entity.ID), nil); err != nil {
			return best, err
		}
		if err := json.Unmarshal(answer, &e); err != nil {
			return best, err
		}
		if e.Ver > best.Ver {
			best = e
		}
	}
	if best.ID == "" {
		return best, errors.New("the history has no file; name another repository with --repo")
	}
	return best, nil
}

func (d *demo) queries(ctx context.Context, file found) error {
	d.title("Who has changed this file? Along two relationships, backwards and forwards")
	path := fmt.Sprintf("@%s <-[changed]- type:commit -[authored_by]-> type:person", file.ID)
	if err := d.ask(ctx, "POST", "/query", object{"path": path, "k": 3, "expand": "none"}, nil); err != nil {
		return err
	}
	d.title("How would that be run?")
	if err := d.ask(ctx, "POST", "/query/explain", object{"path": path}, nil); err != nil {
		return err
	}
	d.title("Exact filters, and a number instead of a list")
	if err := d.ask(ctx, "POST", "/query", object{"path": `type:source_file[size > 1000] -[changed_in]-> type:commit | count`}, nil); err != nil {
		return err
	}
	d.title("A mistake is shown where it is")
	return d.ask(ctx, "POST", "/query", object{"path": `type:commit -[changed]- > type:file`}, nil)
}

func (d *demo) history(ctx context.Context, file found) error {
	d.title("The file's history")
	var versions found
	if err := d.ask(ctx, "GET", fmt.Sprintf("/versions/%s?limit=3", file.ID), nil, &versions); err != nil {
		return err
	}
	if len(versions.Versions) < 2 {
		return nil
	}
	d.title("What its last change changed, in words and as a JSON patch")
	from := versions.Versions[1].CID
	if err := d.ask(ctx, "GET", fmt.Sprintf("/entities/%s/diff?from=%s", file.ID, from), nil, nil); err != nil {
		return err
	}
	return d.ask(ctx, "GET", fmt.Sprintf("/entities/%s/diff?from=%s&format=patch", file.ID, from), nil, nil)
}

func (d *demo) race(ctx context.Context, file found) error {
	d.title("Two edits of one version: the first wins, the second is told so")
	edit := object{"expect_tip": file.CID, "properties": object{"reviewed": true}, "note": "reviewed"}
	var edited found
	if err := d.ask(ctx, "PUT", "/entities/"+string(file.ID), edit, &edited); err != nil {
		return err
	}
	edit["properties"] = object{"reviewed": false}
	if err := d.ask(ctx, "PUT", "/entities/"+string(file.ID), edit, nil); err != nil {
		return err
	}
	d.title("Delete it, and bring it back")
	var deleted found
	if err := d.ask(ctx, "DELETE", "/entities/"+string(file.ID), object{"expect_tip": edited.CID, "reason": "demo"}, &deleted); err != nil {
		return err
	}
	return d.ask(ctx, "POST", "/entities/"+string(file.ID)+"/restore", object{"expect_tip": deleted.CID}, nil)
}

func (d *demo) feed(ctx context.Context, file found) error {
	d.title("The tail of the feed: all of that, in order")
	return d.ask(ctx, "GET", "/events?limit=3&entity="+string(file.ID), nil, nil)
}
