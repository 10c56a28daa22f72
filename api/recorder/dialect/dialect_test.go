package dialect_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"stemma/api/llm/price"
	"stemma/api/recorder/dialect"
	"stemma/entity"
)

var update = flag.Bool("update", false, "write what is read into the files")

const calls = "../../../testdata/recorder/calls"

// told is a call as the files write it.
type told struct {
	dialect.Call
	Cents *float64
}

// Each call is read as its file says; cut off anywhere, it is read as far as it
// goes, and claims nothing that the whole does not say.
func TestCalls(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(calls, "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatal("no calls found", err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		t.Run(name, func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			part := map[string]string{}
			for _, f := range a.Files {
				part[f.Name] = string(f.Data)
			}
			form, _, _ := strings.Cut(name, "-")
			if form == "openrouter" {
				form = "openai"
			}
			d, ok := dialect.Named(form)
			if !ok {
				t.Fatal(form)
			}
			read := func(response string) dialect.Call {
				c := d.Request(strings.TrimSpace(part["path"]), parsed(part["request"]))
				var status int
				if _, err := fmt.Sscan(part["answer"], &status); err != nil {
					t.Fatal(err)
				}
				if strings.Contains(part["answer"], "event-stream") || c.Streamed {
					d.Stream(&c, []byte(response))
				} else {
					d.Response(&c, status, []byte(response), parsed(response))
				}
				return c
			}
			c := read(part["response"])
			price, known := price.Of("", c.Model, price.List())
			got, err := json.MarshalIndent(told{c, c.Cents(price, known)}, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			if *update {
				a.Files = append(a.Files[:4:4], txtar.File{Name: "call", Data: append(got, '\n')})
				if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if string(got) != strings.TrimSpace(part["call"]) {
				t.Errorf("read as\n%s\nwant\n%s", got, part["call"])
			}
			for i := range len(part["response"]) {
				cut := read(part["response"][:i])
				if cut.Output != nil && c.Output != nil && c.Error == "" && !strings.HasPrefix(*c.Output, *cut.Output) {
					t.Errorf("cut at %d its output is %q of %q", i, *cut.Output, *c.Output)
				}
				if cut.Tokens.Total != nil && *cut.Tokens.Total == 0 {
					t.Errorf("cut at %d it used 0 tokens, which nobody said", i)
				}
			}
		})
	}
}

// Nothing that is said ends the process.
func FuzzStream(f *testing.F) {
	for _, s := range []string{"data: {}\n\n", "data: [DONE]\n\n", "[{}", `{"choices":[{"delta":{"tool_calls":[{}]}}]}`, "data: {\"type\":\"content_block_delta\",\"delta\":1}\n\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		for _, name := range dialect.Names() {
			d, _ := dialect.Named(name)
			c := d.Request("/v1/models/x:streamGenerateContent", parsed(body))
			d.Stream(&c, []byte(body))
			c = d.Request("/v1/messages", parsed(body))
			d.Response(&c, 500, []byte(body), parsed(body))
		}
	})
}

// parsed is a body as it is given to a dialect.
func parsed(body string) any {
	v, _ := entity.ParseJSON([]byte(body), 0) // nil for what is no JSON
	return v
}
