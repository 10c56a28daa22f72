package query

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"stemma/entity"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite plans and results in testdata/query")

// TestGolden runs the archives of testdata/query. One has a file "graph" in
// the form of world and, for each query, files "NAME query", optionally "NAME
// options", "NAME plan" and "NAME result".
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("../testdata/query/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { golden(t, file) })
	}
}

func golden(t *testing.T, file string) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	content := map[string]string{}
	for _, f := range archive.Files {
		content[f.Name] = string(f.Data)
	}
	w := readWorld(t, content["graph"])
	out := &txtar.Archive{Comment: archive.Comment}
	for _, f := range archive.Files {
		name, kind, _ := strings.Cut(f.Name, " ")
		switch kind {
		case "plan", "result":
			continue // written anew after the query
		}
		out.Files = append(out.Files, f)
		if kind != "query" {
			continue
		}
		opts := readOptions(t, w, content[name+" options"])
		plan, result := perform(w, strings.TrimSpace(string(f.Data)), opts)
		check := func(kind, got string) {
			if want := content[name+" "+kind]; !*update && want != got {
				t.Errorf("%s: %s\n%s (-want +got):\n%s", name, f.Data, kind, cmp.Diff(want, got))
			}
		}
		check("plan", plan)
		check("result", result)
		if o, ok := content[name+" options"]; ok && *update {
			out.Files = append(out.Files, txtar.File{Name: name + " options", Data: []byte(o)})
			content[name+" options"] = o
		}
		out.Files = append(out.Files, txtar.File{Name: name + " plan", Data: []byte(plan)}, txtar.File{Name: name + " result", Data: []byte(result)})
	}
	if *update {
		out.Files = dedupe(out.Files)
		if err := os.WriteFile(file, txtar.Format(out), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// dedupe keeps the first file of each name.
func dedupe(files []txtar.File) []txtar.File {
	seen := map[string]bool{}
	var out []txtar.File
	for _, f := range files {
		if !seen[f.Name] {
			out = append(out, f)
		}
		seen[f.Name] = true
	}
	return out
}

func readOptions(t *testing.T, w *world, text string) Options {
	opts := Options{Lookup: w, Now: func() time.Time { return time.Unix(0, 0) }}
	for _, f := range strings.Fields(text) {
		name, value, _ := strings.Cut(f, "=")
		n, err := 0, error(nil)
		switch name {
		case "scorer":
			opts.Scorer = w
			continue
		case "collection":
			opts.Collection = entity.ID(value)
			continue
		case "k":
			n, err = strconv.Atoi(value)
			opts.K = n
		case "k_explore":
			n, err = strconv.Atoi(value)
			opts.KExplore = n
		case "max_edges":
			n, err = strconv.Atoi(value)
			opts.MaxEdges = n
		default:
			err = fmt.Errorf("no option %q", name)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return opts
}

// perform gives plan and result as text.
func perform(w *world, text string, opts Options) (plan, result string) {
	q, err := Parse(text)
	if err != nil {
		return "", "error " + entity.KindOf(err).String() + ": " + err.(*entity.Error).Message + "\n"
	}
	steps, err := q.Explain(w, opts)
	if err != nil {
		return "", "error " + err.Error() + "\n"
	}
	var b strings.Builder
	for _, s := range steps {
		fmt.Fprintf(&b, "%-8s ~%-4d @%-3d %s", s.Op, s.Rows, s.Position, s.Detail)
		if s.NeedsScorer {
			b.WriteString(" (scorer)")
		}
		b.WriteByte('\n')
	}
	return b.String(), show(q, w, opts)
}

func show(q *Query, src Source, opts Options) string {
	res, err := q.Run(ctx(), src, opts)
	if err != nil {
		return "error " + entity.KindOf(err).String() + ": " + err.(*entity.Error).Message + "\n"
	}
	var b strings.Builder
	for _, item := range res.Items {
		fmt.Fprintf(&b, "%.4f %s %s: %s\n", item.Score, item.Type, item.ID, showPath(item.Path))
	}
	if res.Count != nil {
		fmt.Fprintf(&b, "count %d\n", *res.Count)
	}
	m := res.Meta
	fmt.Fprintf(&b, "query %s\nhops %d, k %d, k_explore %d, explored %d\n", m.Query, m.Hops, m.K, m.KExplore, m.Explored)
	if m.Collection != "" {
		fmt.Fprintf(&b, "collection %s\n", m.Collection)
	}
	for _, r := range m.Resolved {
		fmt.Fprintf(&b, "term %s of hop %d: exact %t except %t predicate %q\n", r.Term, r.Hop, r.Exact, r.Except, r.Predicate)
	}
	if m.Error != "" || m.Truncated {
		fmt.Fprintf(&b, "error %q, truncated %t, stopped at hop %d: %s\n", m.Error, m.Truncated, m.StoppedAtHop, m.Reason)
	}
	if len(m.PartialPath) > 0 {
		fmt.Fprintf(&b, "partial %s\n", showPath(m.PartialPath))
	}
	return b.String()
}

func showPath(path []PathStep) string {
	var b strings.Builder
	for _, s := range path {
		switch {
		case s.Edge != "" && s.Direction == entity.Incoming:
			fmt.Fprintf(&b, " <-%s(%.2f)- ", s.Edge, s.Score)
		case s.Edge != "":
			fmt.Fprintf(&b, " -%s(%.2f)-> ", s.Edge, s.Score)
		case s.Score > 0:
			fmt.Fprintf(&b, "%s(%.2f)", s.Entity, s.Score)
		default:
			b.WriteString(string(s.Entity))
		}
	}
	return b.String()
}
