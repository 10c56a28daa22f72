package provider

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write what the mappings make into the transcripts")

const goldenTime = 1_700_000_000

// Every transcript in testdata is mapped as it says. Its sections, of which those
// in the second column are written by -update:
//
//	request.json   upstream         a request of the pivot, and what each provider kind that the comment names is sent
//	messages.json  pivot.json       a request in Anthropic's format, and its pivot
//	answer.json    completion.json  an answer of the provider, and the pivot of it
//	               message.json     and the same in Anthropic's format
//	answer.sse     chunks           a stream of the provider, and its chunks
//	               events           and the same in Anthropic's format
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no transcripts", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { runTranscript(t, file) })
	}
}

func runTranscript(t *testing.T, file string) {
	a, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, kinds, ok := strings.Cut(strings.SplitN(string(a.Comment), "\n", 2)[0], "providers: ")
	if !ok {
		t.Fatal("the first line names no providers")
	}
	sections := map[string][]byte{}
	for _, f := range a.Files {
		sections[f.Name] = f.Data
	}
	made := map[string][]byte{}
	for _, kind := range strings.Fields(kinds) {
		transcribe(t, Kind(kind), sections, made)
	}
	var out []txtar.File
	for _, f := range a.Files {
		if _, golden := made[f.Name]; !golden {
			out = append(out, f)
		}
	}
	for _, name := range []string{"pivot.json", "upstream", "completion.json", "message.json", "chunks", "events"} {
		data, golden := made[name]
		if !golden {
			continue
		}
		out = append(out, txtar.File{Name: name, Data: data})
		if !*update && !bytes.Equal(sections[name], data) {
			t.Errorf("%s is otherwise (-update writes it down)\n got:\n%s\nwant:\n%s", name, data, sections[name])
		}
	}
	if *update {
		a.Files = out
		if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func pretty(t *testing.T, raw []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := json.Indent(&out, raw, "", "  "); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	return append(bytes.TrimRight(out.Bytes(), "\n"), '\n')
}

func transcribe(t *testing.T, kind Kind, in, made map[string][]byte) {
	t.Helper()
	d := dialects[kind]
	request := in["request.json"]
	if m := in["messages.json"]; m != nil {
		b, err := MessagesRequest(m)
		if err != nil {
			t.Fatal(err)
		}
		request = b.Bytes()
		made["pivot.json"] = pretty(t, request)
	}
	stream := in["answer.sse"] != nil
	if request != nil {
		b, err := ParseBody(request)
		if err != nil {
			t.Fatal(err)
		}
		c := &Config{Kind: kind, BaseURL: "https://example.com"}
		r := &Request{Body: b, Model: b.Text("model"), Stream: stream}
		delete(b, "model")
		delete(b, "stream")
		call, err := d.chat(c, r)
		if err != nil {
			t.Fatal(err)
		}
		made["upstream"] = append(made["upstream"], []byte(string(kind)+" POST "+call.Path+"\n"+string(pretty(t, call.Body)))...)
	}
	if a := in["answer.json"]; a != nil {
		pivot := a
		if d.answer != nil {
			var err error
			if pivot, err = d.answer(a, "model", goldenTime); err != nil {
				t.Fatal(err)
			}
			made["completion.json"] = pretty(t, pivot)
		}
		message, err := MessagesAnswer(pivot)
		if err != nil {
			t.Fatal(err)
		}
		made["message.json"] = pretty(t, message)
	}
	if stream {
		made["chunks"], made["events"] = transcribeStream(t, d, in["answer.sse"])
	}
}

func transcribeStream(t *testing.T, d *dialect, sse []byte) (chunks, events []byte) {
	t.Helper()
	s := &Stream{events: newEventReader(bytes.NewReader(sse), 1<<20)}
	if d.stream != nil {
		s.decoder = d.stream("model", goldenTime)
	}
	var out MessagesStream
	for {
		p, err := s.Next()
		if err == io.EOF {
			return chunks, append(events, out.End(nil)...)
		}
		if err != nil {
			t.Fatal(err)
		}
		if p.Data == nil {
			continue
		}
		chunks = append(append(chunks, p.Data...), '\n')
		events = append(events, out.Chunk(&p.Chunk)...)
	}
}
