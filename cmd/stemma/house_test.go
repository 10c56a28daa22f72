package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

// imports is the table of the house: what of ours a package may import. A
// package without a row fails. Tests are bound by it too, but for what is
// listed in testImports.
var imports = map[string][]string{
	"entity":                 {},
	"entity/access":          {"entity"},
	"entity/listing":         {"entity"},
	"entity/scope":           {"entity", "entity/access"},
	"entity/guard":           {"entity", "entity/access", "entity/scope"},
	"entity/store":           {"entity"},
	"entity/storetest":       {"entity"},
	"graph":                  {"entity"},
	"query":                  {"entity"},
	"query/search/embed":     {"entity"},
	"query/search/vector":    {"entity"},
	"query/search":           {"entity", "query/search/embed", "query/search/fulltext", "query/search/vector"},
	"query/search/fulltext":  {"entity"},
	"versions":               {"entity"},
	"versions/attest":        {"entity"},
	"versions/car":           {"entity"},
	"events":                 {"entity"},
	"events/syncclient":      {"entity"},
	"files":                  {"entity"},
	"files/filestest":        {"entity", "files"},
	"files/index":            {"entity"},
	"files/extract":          {"entity"},
	"api":                    {"api/wire"},
	"api/wire":               {"entity"},
	"api/wire/wiretest":      {"api/wire"},
	"api/auth":               {"api/auth/audit", "api/auth/external", "api/auth/limit", "api/auth/password", "api/auth/token", "api/wire", "entity", "entity/access"},
	"api/auth/audit":         {"entity"},
	"api/auth/authtest":      {},
	"api/auth/external":      {"api/auth/token", "entity"},
	"api/auth/limit":         {},
	"api/auth/password":      {"entity"},
	"api/auth/token":         {"entity"},
	"api/native":             {"api/auth", "api/auth/audit", "api/auth/token", "api/native/chat", "api/outbound", "api/wire", "entity", "entity/access", "entity/guard", "entity/listing", "entity/scope", "events", "files", "files/index", "graph", "query", "query/search", "versions", "versions/attest", "versions/car"},
	"api/backlog":            {},
	"api/outbound":           {"entity"},
	"api/recorder":           {"api/auth", "api/auth/audit", "api/auth/limit", "api/backlog", "api/llm/price", "api/recorder/anomaly", "api/recorder/dialect", "api/recorder/mask", "api/recorder/narrate", "api/recorder/otlp", "api/recorder/run", "api/wire", "entity", "entity/access", "entity/guard", "entity/scope", "versions/attest"},
	"api/recorder/anomaly":   {"api/recorder/run", "entity"},
	"api/recorder/dialect":   {"api/llm/price", "entity"},
	"api/recorder/mask":      {"entity"},
	"api/recorder/narrate":   {"api/recorder/run"},
	"api/recorder/otlp":      {"api/recorder/dialect", "entity"},
	"api/recorder/run":       {"entity"},
	"api/provider":           {"entity"},
	"api/native/chat":        {"api/provider", "entity"},
	"api/llm/agent":          {"api/llm/provider", "entity"},
	"api/llm/budget":         {"entity"},
	"api/llm/llmtest":        {},
	"api/llm/memory":         {"api/llm/seal", "entity"},
	"api/llm/price":          {"entity"},
	"api/llm/provider":       {"api/llm/seal", "api/outbound", "entity"},
	"api/llm/retrieval":      {"api/llm/agent", "api/llm/tenant", "entity", "entity/listing", "files", "files/extract", "files/index", "query/search/embed", "query/search/vector"},
	"api/llm/runs":           {"api/llm/seal", "entity"},
	"api/llm/seal":           {"entity"},
	"api/llm/tenant":         {"api/auth", "api/llm/agent", "api/llm/provider", "api/llm/seal", "entity", "entity/access", "entity/listing", "entity/scope"},
	"api/llm/tools":          {"api/llm/seal", "entity"},
	"api/llm/turn":           {"api/llm/agent", "api/llm/budget", "api/llm/memory", "api/llm/provider", "api/llm/runs", "api/llm/seal", "api/llm/tools", "entity"},
	"api/gateway":            {"api/auth", "api/llm/provider", "api/llm/turn", "api/llm/usage", "api/wire", "entity", "entity/access"},
	"api/portal":             {"api/auth", "api/auth/audit", "api/llm/agent", "api/llm/budget", "api/llm/memory", "api/llm/provider", "api/llm/retrieval", "api/llm/runs", "api/llm/seal", "api/llm/tenant", "api/llm/tools", "api/llm/turn", "api/llm/usage", "api/wire", "entity", "entity/access", "entity/guard", "entity/listing", "entity/scope", "files/index"},
	"api/portal/ui":          {"api/wire"},
	"api/llm/usage":          {"api/llm/price", "api/llm/runs", "api/llm/seal", "api/recorder/run", "entity"},
	"api/admin":              {"api/auth", "api/auth/audit", "api/llm/agent", "api/llm/price", "api/llm/provider", "api/llm/seal", "api/llm/tenant", "api/llm/usage", "api/wire", "entity", "entity/access", "entity/guard", "entity/listing", "entity/scope"},
	"cmd/stemma":             {"*"},
	"cmd/stemma/agent":       {"api/outbound", "entity"},
	"cmd/stemma/archive":     {"entity", "entity/listing", "files", "files/index", "versions/car"},
	"cmd/stemma/backup":      {"api/auth", "api/wire", "cmd/stemma/content", "entity", "entity/access", "entity/store", "files", "files/index"},
	"cmd/stemma/bench":       {"*"},
	"cmd/stemma/content":     {"entity", "files", "files/index"},
	"cmd/stemma/gitimport":   {"entity"},
	"cmd/stemma/jsonlimport": {"entity"},
	"cmd/stemma/mirror":      {"entity", "events/syncclient"},
	"cmd/stemma/retrieval":   {"entity", "entity/store", "query/search", "query/search/embed"},

	"versions/attest/arweave": {"entity"},
	"versions/attest/witness": {"entity", "versions/attest"},
}

// testImports are what the tests of a package may import beyond its row: the
// real things that it is tested with.
var testImports = map[string][]string{
	"entity/store":           {"entity/storetest", "entity/listing", "graph"},
	"entity/listing":         {"entity/store"},
	"entity/scope":           {"entity/store"},
	"entity/guard":           {"entity/store", "entity/storetest"},
	"events":                 {"entity/storetest"},
	"events/syncclient":      {"api/native", "api/wire", "entity/store", "entity/listing", "entity/scope", "graph"},
	"versions/attest":        {"entity/store", "entity/storetest"},
	"files":                  {"files/filestest"},
	"query":                  {"graph"},
	"query/search":           {"entity/store"},
	"files/index":            {"entity/store"},
	"api":                    {"entity"},
	"api/auth":               {"api/auth/authtest", "entity/store", "entity/storetest"},
	"api/auth/audit":         {"entity/store"},
	"api/auth/external":      {"api/auth/authtest"},
	"api/recorder":           {"entity/listing", "entity/store", "entity/storetest", "api/wire/wiretest"},
	"api/recorder/run":       {"entity/store", "entity/storetest"},
	"api/native":             {"api/auth/authtest", "api/auth/external", "api/provider", "api/wire/wiretest", "entity/store", "entity/storetest", "query/search/embed"},
	"api/gateway":            {"api/llm/agent", "api/llm/budget", "api/llm/llmtest", "api/llm/memory", "api/llm/retrieval", "api/llm/runs", "api/llm/seal", "api/llm/tenant", "api/llm/tools", "files", "files/extract", "query/search/embed", "entity/listing", "entity/scope", "entity/store", "entity/storetest", "api/wire/wiretest"},
	"api/llm/agent":          {"entity/store"},
	"api/llm/memory":         {"entity/store", "entity/storetest"},
	"api/llm/provider":       {"api/llm/llmtest", "entity/store"},
	"api/llm/retrieval":      {"entity/store"},
	"api/llm/runs":           {"entity/store", "entity/storetest"},
	"api/llm/usage":          {"entity/store", "entity/storetest"},
	"api/portal":             {"api/auth/authtest", "api/auth/external", "api/llm/llmtest", "api/llm/provider", "api/llm/runs", "api/wire/wiretest", "entity/store", "entity/storetest", "files", "files/extract", "query/search/embed"},
	"api/admin":              {"api/gateway", "api/llm/llmtest", "api/llm/runs", "api/llm/tools", "api/llm/turn", "api/portal", "api/wire/wiretest", "entity/store", "entity/storetest"},
	"cmd/stemma/archive":     {"entity/store", "entity/storetest", "graph"},
	"cmd/stemma/backup":      {"entity/listing", "graph"},
	"cmd/stemma/content":     {"entity/store"},
	"cmd/stemma/gitimport":   {"entity/store", "entity/storetest", "entity/listing", "graph"},
	"cmd/stemma/jsonlimport": {"entity/store", "entity/storetest", "entity/listing", "graph"},
	"cmd/stemma/mirror":      {"api/native", "api/wire", "entity/store", "entity/listing", "entity/scope", "graph"},

	"versions/attest/arweave": {"entity/store"},
}

type goPackage struct {
	ImportPath   string
	Dir          string
	Doc          string
	GoFiles      []string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

func listPackages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,Doc,GoFiles,Imports,TestImports,XTestImports", "./...")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []goPackage
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// The import table holds, and every package has a row and a doc.go.
func TestImportTable(t *testing.T) {
	for _, p := range listPackages(t) {
		name := strings.TrimPrefix(p.ImportPath, "stemma/")
		allowed, ok := imports[name]
		if !ok {
			t.Errorf("package %s has no row in the import table", name)
			continue
		}
		if p.Doc == "" || !slices.Contains(p.GoFiles, "doc.go") {
			t.Errorf("package %s has no doc.go with a package comment", name)
		}
		check := func(kind string, used, allowed []string) {
			for _, imp := range used {
				ours, ok := strings.CutPrefix(imp, "stemma/")
				if !ok || slices.Contains(allowed, "*") || slices.Contains(allowed, ours) || ours == name {
					continue
				}
				t.Errorf("%s of %s imports %s, which its row does not allow", kind, name, ours)
			}
		}
		check("the code", p.Imports, allowed)
		withTests := slices.Concat(allowed, testImports[name])
		check("a test", p.TestImports, withTests)
		check("a test", p.XTestImports, withTests)
	}
}

// No file is longer than 600 lines.
func TestFileLength(t *testing.T) {
	const most = 600
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git") {
			return filepath.SkipDir
		}
		if filepath.Ext(path) != ".go" {
			return nil
		}
		text, err := os.ReadFile(path)
		if n := bytes.Count(text, []byte("\n")); n > most {
			t.Errorf("%s has %d lines; at most %d", path, n, most)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The top level holds what the house has, and nothing else.
func TestTopLevel(t *testing.T) {
	allowed := strings.Fields("cmd entity graph query versions events files api testdata go.mod go.sum Makefile README.md LICENSE")
	built := strings.Fields("bin stemma-data stemma-agent") // ignored by git
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if name := e.Name(); !strings.HasPrefix(name, ".") && !slices.Contains(allowed, name) && !slices.Contains(built, name) {
			t.Errorf("%s does not belong at the top level", name)
		}
	}
}

// The README's map names every package.
func TestReadmeMap(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range listPackages(t) {
		if name := strings.TrimPrefix(p.ImportPath, "stemma/"); !bytes.Contains(readme, []byte("`"+name+"`")) {
			t.Errorf("the README's map of the code does not have `%s`", name)
		}
	}
}
