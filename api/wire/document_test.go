package wire

import (
	"context"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"stemma/entity"
)

var update = flag.Bool("update", false, "write golden files")

type linkAnswer struct {
	From entity.Link `json:"from"`
	Next *comment2   `json:"next,omitempty"`
}

type comment2 struct {
	Text    string     `json:"text" doc:"What was said."`
	Replies []comment2 `json:"replies"`
}

// relationship2 has, as a type of another view might, a name that is taken.
func relationship2() any {
	type relationship struct {
		Other string `json:"other" enum:"a,b"`
	}
	return relationship{}
}

// table is a little of everything a table of operations may hold.
func table() []Operation {
	type create struct {
		Label  string              `json:"label" req:"true" min:"1" max:"200" doc:"What to call it."`
		Coll   entity.ID           `json:"collection_id" alias:"collection_pi" req:"true"`
		Rels   []relationship      `json:"relationships" max:"10"`
		Roles  map[string][]string `json:"roles"`
		Status string              `json:"status" enum:"on,off" default:"on"`
		K      int                 `json:"k" min:"1" max:"100" default:"25"`
		Small  uint8               `json:"small" min:"2"`
		For    int64               `json:"expires_in" gt:"0"`
		Remove any                 `json:"properties_remove"`
		Root   *comment            `json:"root"`
	}
	type list struct {
		paging
		ID    entity.ID `path:"id" doc:"Of the collection."`
		Types []string  `query:"type" enum:"a,b"`
		Owner entity.ID `query:"owner_id" alias:"owner_pi" req:"true"`
		Match string    `header:"If-None-Match"`
		Auth  string    `header:"Accept"`
	}
	return []Operation{
		Op(Operation{Method: "POST", Path: "/collections", ID: "createCollection", Tag: "Collections", Summary: "Create a collection",
			Description: "The caller becomes its owner.", Permission: "collection:create", Auth: AuthRequired,
			Success: []Success{{Status: 201, Body: sample{}}, {Status: 207, Body: []comment2{}, Description: "Some failed"}}, Errors: []int{403, 409},
		}, func(context.Context, *create) (*Reply, error) { return nil, nil }),
		Op(Operation{Method: "GET", Path: "/collections/{id}/entities", ID: "listEntities", Tag: "Collections", Summary: "List entities",
			Permission: "collection:view", Auth: AuthOptional, Errors: []int{404},
			Success: []Success{{Status: 200, Body: linkAnswer{}}, {Status: 200, Body: relationship2()}, {Status: 200, ContentType: "text/event-stream"}, {Status: 304}},
		}, func(context.Context, *list) (*Reply, error) { return nil, nil }),
		Op(Operation{Method: "GET", Path: "/versions/{ver:[0-9]+}", ID: "version", Tag: "Versions", Summary: "A version", Success: []Success{{Status: 200, Body: map[string]any{}}}},
			func(context.Context, *struct {
				Ver int `path:"ver"`
			}) (*Reply, error) {
				return nil, nil
			}),
		Op(Operation{Method: "PUT", Path: "/files/{id}/content", ID: "upload", Tag: "Files", Summary: "Upload", Auth: AuthJWTOnly, MaxBody: -1, Success: []Success{{Status: 204}},
			ErrorBody: func(err *entity.Error, _ int, code, _ string) any { return comment2{Text: code} }},
			func(context.Context, *struct {
				ID   entity.ID `path:"id"`
				Body Upload    `body:"raw"`
			}) (*Reply, error) {
				return nil, nil
			}),
		Op(Operation{Method: "POST", Path: "/chat", ID: "chat", Tag: "Files", Summary: "Chat", Success: []Success{{Status: 200, Body: Raw{}, ContentType: "application/octet-stream"}}},
			func(context.Context, *struct {
				All []relationship `body:"json" req:"true"`
			}) (*Reply, error) {
				return nil, nil
			}),
		Handle(Operation{Method: "POST", Path: "/proxy/{provider}/*", ID: "proxy", Tag: "Proxy", Summary: "Hand on"}, http.NotFoundHandler()),
		Handle(Operation{Method: "GET", Path: "/metrics", Hidden: true}, http.NotFoundHandler()),
	}
}

var aboutTable = Info{Title: "Table", Version: "1", Description: "For a test.", Server: "http://localhost:8080"}

// golden compares with a file of testdata, or writes it with -update.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s differs; run go test -update and look at the difference. Got:\n%s", file, got)
	}
}

// TestDocument: the document of a table is the one that was looked at, and the
// same every time.
func TestDocument(t *testing.T) {
	doc, err := Document(aboutTable, table())
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "openapi.json", doc)
	again, _ := Document(aboutTable, table())
	equal(t, "deterministic", string(again), string(doc))
	golden(t, "reference.txt", []byte(Reference(aboutTable, table())))
}

// TestDocumentIsWhole: every reference leads somewhere, every path parameter is
// declared, required and used, ids are unique, every required property exists.
func TestDocumentIsWhole(t *testing.T) {
	raw, err := Document(aboutTable, table())
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	equal(t, "version", doc["openapi"], any("3.1.0"))
	refs := 0
	walk(doc, func(o map[string]any) {
		if ref, ok := o["$ref"].(string); ok {
			refs++
			if lookUp(doc, ref) == nil {
				t.Errorf("%s leads nowhere", ref)
			}
		}
		required, _ := o["required"].([]any)
		props, isSchema := o["properties"].(map[string]any)
		for _, name := range required {
			if _, ok := props[name.(string)]; isSchema && !ok {
				t.Errorf("%v is required and not described", name)
			}
		}
		if d, ok := o["default"]; ok {
			if _, text := d.(string); text != (o["type"] == "string") {
				t.Errorf("the default %v of a %v", d, o["type"])
			}
		}
		if o["type"] == "array" && o["items"] == nil {
			t.Errorf("an array without items: %v", o)
		}
	})
	if refs < 20 {
		t.Errorf("only %d references", refs)
	}
	ids := map[any]bool{}
	for path, item := range doc["paths"].(map[string]any) {
		for method, v := range item.(map[string]any) {
			op := v.(map[string]any)
			if ids[op["operationId"]] {
				t.Errorf("%s %s: id %v is taken", method, path, op["operationId"])
			}
			ids[op["operationId"]] = true
			checkPathParameters(t, doc, path, op)
			checkResponses(t, path, op)
			for _, need := range op["security"].([]any) {
				for scheme := range need.(map[string]any) {
					if lookUp(doc, "#/components/securitySchemes/"+scheme) == nil {
						t.Errorf("%s: no scheme %s", path, scheme)
					}
				}
			}
		}
	}
	equal(t, "operations", len(ids), 6)
}

func checkPathParameters(t *testing.T, doc map[string]any, path string, op map[string]any) {
	t.Helper()
	var declared, used []string
	for _, p := range op["parameters"].([]any) {
		param := p.(map[string]any)
		if ref, ok := param["$ref"].(string); ok {
			param = lookUp(doc, ref).(map[string]any)
		}
		if param["schema"] == nil || param["name"] == "" {
			t.Errorf("%s: parameter without name or schema: %v", path, param)
		}
		if param["in"] == "path" {
			declared = append(declared, param["name"].(string))
			equal(t, path+": a path parameter is required", param["required"], any(true))
		}
	}
	for _, m := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(path, -1) {
		used = append(used, m[1])
	}
	equal(t, path, declared, used)
}

func checkResponses(t *testing.T, path string, op map[string]any) {
	t.Helper()
	responses := op["responses"].(map[string]any)
	for status, v := range responses {
		if !regexp.MustCompile(`^[1-5]\d\d$`).MatchString(status) {
			t.Errorf("%s: status %s", path, status)
		}
		r := v.(map[string]any)
		if r["$ref"] == nil && r["description"] == nil {
			t.Errorf("%s %s has no description", path, status)
		}
	}
	if responses["500"] == nil {
		t.Errorf("%s: 500 is missing", path)
	}
}

func walk(v any, see func(map[string]any)) {
	switch v := v.(type) {
	case map[string]any:
		see(v)
		for _, x := range v {
			walk(x, see)
		}
	case []any:
		for _, x := range v {
			walk(x, see)
		}
	}
}

func lookUp(doc map[string]any, ref string) any {
	var at any = doc
	for _, part := range strings.Split(strings.TrimPrefix(ref, "#/"), "/") {
		o, _ := at.(map[string]any)
		at = o[part]
	}
	return at
}

func TestDocumentRefusesEqualIDs(t *testing.T) {
	a, b := constant("/a"), constant("/b")
	b.ID = a.ID
	_, err := Document(Info{}, []Operation{a, b})
	equal(t, "kind", entity.KindOf(err), entity.KindInternal)
	contains(t, "error", err.Error(), "GET /a and GET /b have the same ID")
}

// TestReferenceNamesEverything: no documented operation and no parameter of one
// is missing from the text.
func TestReferenceNamesEverything(t *testing.T) {
	text := Reference(aboutTable, table())
	for _, op := range table() {
		line := op.Method + " " + documentPath(op.Path)
		if strings.Contains(text, line) == op.Hidden {
			t.Errorf("%s: hidden %v", line, op.Hidden)
		}
	}
	for _, want := range []string{
		"POST /collections [required] - Create a collection\nbody: {label*:string, collection_id*:string (collection_pi), relationships:object[], roles:object, status:on|off, k:integer, small:integer, expires_in:integer, properties_remove:any, root:object}\n\nThe caller becomes its owner.\n\n**Permission:** `collection:create`\n**Auth:** required\n",
		"GET /collections/{id}/entities [optional] - List entities\npath: id\nquery: limit:integer, offset:integer, type:a|b[], owner_id*:string (owner_pi)\nheader: If-None-Match:string, Accept:string\n",
		"PUT /files/{id}/content [jwt-only] - Upload\npath: id\nbody: bytes\n",
		"POST /chat - Chat\nbody: object[]\n",
		"POST /proxy/{provider}/{path} - Hand on\npath: provider, path\n",
	} {
		contains(t, "reference", text, want)
	}
	groups := regexp.MustCompile(`(?m)^## (.*)$`).FindAllStringSubmatch(text, -1)
	var names []string
	for _, g := range groups {
		names = append(names, g[1])
	}
	equal(t, "groups", names[slices.Index(names, "Collections"):], []string{"Collections", "Versions", "Files", "Proxy"})
}
