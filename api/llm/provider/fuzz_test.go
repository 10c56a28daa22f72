package provider

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// seeds are the sections of the transcripts.
func seeds(f *testing.F, name string) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, s := range txtar.Parse(data).Files {
			if s.Name == name {
				f.Add(s.Data)
			}
		}
	}
}

// Whatever a client sends is refused, or becomes JSON for every kind of provider;
// a request that is not for Anthropic has nothing of what is carried aside.
func FuzzRequest(f *testing.F) {
	seeds(f, "request.json")
	seeds(f, "messages.json")
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, parse := range []func([]byte) (Body, error){ParseBody, MessagesRequest} {
			b, err := parse(data)
			if err != nil {
				continue
			}
			before := b.Bytes()
			for kind, d := range dialects {
				call, err := d.chat(&Config{Kind: kind, BaseURL: "https://example.com"}, &Request{Body: b, Model: "m", Stream: true})
				if err == nil && !json.Valid(call.Body) {
					t.Errorf("%s is sent %s", kind, call.Body)
				}
			}
			if after := b.Bytes(); !bytes.Equal(before, after) {
				t.Errorf("the request was changed:\n%s\n%s", before, after)
			}
		}
	})
}

// Whatever a provider answers is refused, or becomes JSON of the pivot and of
// Anthropic's format.
func FuzzAnswer(f *testing.F) {
	seeds(f, "answer.json")
	f.Fuzz(func(t *testing.T, data []byte) {
		for kind, d := range dialects {
			pivot := data
			if d.answer != nil {
				var err error
				if pivot, err = d.answer(data, "m", 1); err != nil {
					continue
				}
				if !json.Valid(pivot) {
					t.Errorf("%s: %s", kind, pivot)
				}
			}
			if m, err := MessagesAnswer(pivot); err == nil && !json.Valid(m) {
				t.Errorf("%s: %s", kind, m)
			}
			if chunks, err := Chunks(pivot); err == nil {
				for _, c := range chunks {
					if !json.Valid(c) {
						t.Errorf("%s: %s", kind, c)
					}
				}
			}
		}
		_ = reported(data)
	})
}

// Whatever a provider streams comes out as chunks that are JSON, in order and to
// an end; what is relayed is what came.
func FuzzStream(f *testing.F) {
	seeds(f, "answer.sse")
	f.Fuzz(func(t *testing.T, data []byte) {
		for kind, d := range dialects {
			s := &Stream{events: newEventReader(bytes.NewReader(data), 1<<16)}
			if d.stream != nil {
				s.decoder = d.stream("m", 1)
			}
			var out MessagesStream
			var raw []byte
			for {
				p, err := s.Next()
				if errors.Is(err, io.EOF) || err != nil {
					break
				}
				if p.Data != nil && !json.Valid(p.Data) {
					t.Errorf("%s: %q", kind, p.Data)
				}
				raw = append(raw, p.Raw...)
				out.Chunk(&p.Chunk)
			}
			out.End(nil)
			if d.stream == nil && !bytes.Contains(withoutBlank(data), withoutBlank(raw)) {
				t.Errorf("%s: %q is relayed as %q", kind, data, raw)
			}
		}
	})
}

// withoutBlank drops empty lines, of which those between events are not relayed.
func withoutBlank(b []byte) []byte {
	var out [][]byte
	for _, line := range bytes.Split(b, []byte("\n")) {
		if len(bytes.TrimSpace(line)) > 0 {
			out = append(out, line)
		}
	}
	return bytes.Join(out, []byte("\n"))
}
