package wiretest

import (
	"bytes"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// Script is one run of a file. Send is how a request is made: headers are key,
// value, key, value.
type Script struct {
	Send func(method, target, body string, headers ...string) *httptest.ResponseRecorder

	vars  map[string]string
	named []string // variables in the order they were captured
}

// Run has every script of a directory answered as it says, each by what open
// gives; with update it writes what is answered into the files.
func Run(t *testing.T, dir string, update bool, open func(*testing.T) *Script) {
	files, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts found", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { open(t).run(t, file, update) })
	}
}

func (s *Script) run(t *testing.T, file string, update bool) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	line := 1
	for paragraph := range strings.SplitSeq(string(text), "\n\n") {
		got, err := s.paragraph(strings.Trim(paragraph, "\n"))
		if err != nil {
			t.Fatalf("%s:%d: %v", file, line, err)
		}
		if want := strings.Trim(paragraph, "\n"); got != want && !update {
			t.Errorf("%s:%d: the server answers otherwise (-update writes it down)\n got:\n%s\nwant:\n%s", file, line, got, want)
		}
		if out.Len() > 0 {
			out.WriteString("\n\n")
		}
		out.WriteString(got)
		line += strings.Count(paragraph, "\n") + 2
	}
	if update {
		if err := os.WriteFile(file, append(out.Bytes(), '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// step is one request as a script has it.
type step struct {
	comments     []string
	method, path string
	headers      []string // key, value, key, value
	body         string
	captures     []capture
	show         []string // paths into the answer; none: all of it
	request      []string // the lines of the request, as they are written
}

// capture names a value of the answer.
type capture struct{ name, path string }

// paragraph runs one step and gives it as it should be written. Comments alone
// are no step.
func (s *Script) paragraph(text string) (string, error) {
	st, err := parseStep(text)
	if err != nil || st.method == "" {
		return text, err
	}
	headers := slices.Clone(st.headers)
	for i := range headers {
		headers[i] = s.Expand(headers[i])
	}
	w := s.Send(st.method, s.Expand(st.path), s.Expand(st.body), headers...)
	return s.render(st, w)
}

func parseStep(text string) (*step, error) {
	st := &step{}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		mark, rest, _ := strings.Cut(line, " ")
		switch {
		case mark == "#" || line == "#":
			st.comments = append(st.comments, line)
			continue
		case mark == ">":
			st.method, st.path, _ = strings.Cut(rest, " ")
		case mark == "H":
			key, value, _ := strings.Cut(rest, ":")
			st.headers = append(st.headers, key, strings.TrimSpace(value))
		case mark == "|":
			st.show = strings.Fields(rest)
		case strings.HasPrefix(mark, "$"):
			words := strings.Fields(rest)
			if len(words) < 2 {
				return nil, fmt.Errorf("a capture is $name = path, not %q", line)
			}
			st.captures = append(st.captures, capture{mark[1:], words[1]})
			continue
		case mark == "<":
			return st, nil // what follows is the answer
		case st.method == "":
			return nil, fmt.Errorf("%q is neither a comment nor a request", line)
		default:
			st.body += line + "\n"
		}
		st.request = append(st.request, line)
	}
	return st, nil
}

var variable = regexp.MustCompile(`\$\{?([a-z][a-z0-9]*)\}?`)

// Fill puts the values of variables, $name or ${name}, into a text. What is no
// variable stays.
func Fill(vars map[string]string, text string) string {
	return variable.ReplaceAllStringFunc(text, func(v string) string {
		if value, ok := vars[strings.Trim(v, "${}")]; ok {
			return value
		}
		return v
	})
}

// Expand is [Fill] with the variables of this run.
func (s *Script) Expand(text string) string { return Fill(s.vars, text) }

// fold puts variables where their values are; of two with one value the one
// captured last. A short value, such as a number, stays as it is.
func (s *Script) fold(text string) string {
	const short = 20
	for _, name := range slices.Backward(s.named) {
		if value := s.vars[name]; len(value) > short {
			text = strings.ReplaceAll(text, value, "$"+name)
		}
	}
	return text
}

// Set gives a variable its value.
func (s *Script) Set(name, value string) {
	if s.vars == nil {
		s.vars = map[string]string{}
	}
	s.named = append(slices.DeleteFunc(s.named, func(n string) bool { return n == name }), name)
	s.vars[name] = value
}

var requestID = regexp.MustCompile(`,"request_id":"([^"]*)"`)

// render is the paragraph with the answer that came.
func (s *Script) render(st *step, w *httptest.ResponseRecorder) (string, error) {
	lines := append(slices.Clone(st.comments), st.request...)
	body := w.Body.String()
	if st.method == "HEAD" {
		body = "" // net/http drops it; a recorder does not
	}
	if m := requestID.FindStringSubmatch(body); m != nil {
		if m[1] != w.Header().Get("X-Request-Id") {
			return "", fmt.Errorf("request_id %q is not the header's %q", m[1], w.Header().Get("X-Request-Id"))
		}
		body = strings.Replace(body, m[0], "", 1)
	}
	var answer *node
	if strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") && body != "" {
		var err error
		if answer, err = parseOrdered(body); err != nil {
			return "", fmt.Errorf("the answer is not JSON: %w: %s", err, body)
		}
	}
	for _, c := range st.captures {
		value, ok := capturedText(answer, c.path)
		if c.path == "Set-Cookie" {
			value = Cookie(w)
			ok = value != ""
		}
		if !ok {
			return "", fmt.Errorf("the answer has no %s to capture: %d %s", c.path, w.Code, body)
		}
		s.Set(c.name, value)
		lines = append(lines, fmt.Sprintf("$%s = %s %s", c.name, c.path, value))
	}
	lines = append(lines, "< "+strconv.Itoa(w.Code))
	for _, key := range []string{"Etag", "Content-Type", "Content-Disposition", "Content-Location", "Content-Range", "Cache-Control", "Allow", "Www-Authenticate", "Retry-After", "Set-Cookie", "X-Chat-Id"} {
		if value := strings.Join(w.Header().Values(key), ", "); value != "" && value != "application/json" {
			lines = append(lines, "H "+key+": "+s.fold(value))
		}
	}
	switch {
	case answer != nil:
		if st.show != nil {
			answer = answer.only(st.show)
		}
		lines = append(lines, s.fold(answer.pretty()))
	case body != "" && (binaryTypes.MatchString(w.Header().Get("Content-Type")) || !utf8.ValidString(body)):
		lines = append(lines, fmt.Sprintf("%x", body))
	case strings.HasPrefix(w.Header().Get("Content-Type"), "text/event-stream"): // a line for each event, as a paragraph is a step
		lines = append(lines, s.fold(strings.ReplaceAll(strings.TrimRight(body, "\n"), "\n\n", "\n")))
	case body != "":
		lines = append(lines, strings.ReplaceAll(s.fold(strings.TrimRight(body, "\n")), "\n\n", "\n.\n"))
	}
	return strings.Join(lines, "\n"), nil
}

var binaryTypes = regexp.MustCompile(`^application/vnd\.ipld\.(dag-cbor|raw|car)\b`)

func capturedText(answer *node, path string) (string, bool) {
	if answer == nil {
		return "", false
	}
	found := answer.find(strings.Split(path, "."))
	if found == nil || found.kind != scalar {
		return "", false
	}
	if text, err := strconv.Unquote(found.text); err == nil {
		return text, true
	}
	return found.text, true
}

// Cookie is the refresh token that an answer sets; "" for none.
func Cookie(w *httptest.ResponseRecorder) string {
	for _, c := range w.Result().Cookies() {
		if c.Name == "stemma_refresh" {
			return c.Value
		}
	}
	return ""
}
