package gitimport

import (
	"path"
	"strings"
	"unicode/utf8"
)

// valid is s with what is not UTF-8 replaced by U+FFFD.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// clip cuts s to at most n characters, the last of which then is an ellipsis.
func clip(s string, n int) string {
	if len(s) <= n || utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

// clipFront is [clip] at the other end, for paths.
func clipFront(s string, n int) string {
	if len(s) <= n || utf8.RuneCountInString(s) <= n {
		return s
	}
	r := []rune(s)
	return "…" + string(r[len(r)-n+1:])
}

// decodeMessage reads a commit's text in the encoding its header names. Of
// encodings other than UTF-8 only Latin-1 is known, whose bytes are code points.
func decodeMessage(text, encoding string) string {
	if utf8.ValidString(text) {
		return text
	}
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "iso-8859-1", "iso8859-1", "latin1", "latin-1":
		r := make([]rune, 0, len(text))
		for i := range len(text) {
			r = append(r, rune(text[i]))
		}
		return string(r)
	}
	return valid(text)
}

// readable tells whether content is text: valid UTF-8 without NUL.
func readable(content []byte) bool {
	return utf8.Valid(content) && !strings.Contains(string(content), "\x00")
}

// countLines counts lines as an editor does: the last needs no newline.
func countLines(s string) int64 {
	n := int64(strings.Count(s, "\n"))
	if s != "" && !strings.HasSuffix(s, "\n") {
		n++
	}
	return n
}

// languages maps a file's extension, or its whole name, to its language.
var languages = map[string]string{
	".asm": "Assembly", ".s": "Assembly", ".bash": "Shell", ".sh": "Shell", ".zsh": "Shell", ".fish": "Shell",
	".c": "C", ".h": "C", ".cc": "C++", ".cpp": "C++", ".cxx": "C++", ".hh": "C++", ".hpp": "C++",
	".cs": "C#", ".clj": "Clojure", ".css": "CSS", ".scss": "CSS", ".csv": "CSV", ".dart": "Dart", ".diff": "Diff", ".patch": "Diff",
	".ex": "Elixir", ".exs": "Elixir", ".elm": "Elm", ".erl": "Erlang", ".f90": "Fortran", ".fs": "F#",
	".go": "Go", ".gradle": "Gradle", ".graphql": "GraphQL", ".groovy": "Groovy", ".hs": "Haskell", ".htm": "HTML", ".html": "HTML",
	".ini": "INI", ".java": "Java", ".jl": "Julia", ".js": "JavaScript", ".cjs": "JavaScript", ".mjs": "JavaScript", ".jsx": "JavaScript",
	".json": "JSON", ".kt": "Kotlin", ".kts": "Kotlin", ".lisp": "Lisp", ".el": "Lisp", ".lua": "Lua", ".m": "Objective-C",
	".md": "Markdown", ".markdown": "Markdown", ".ml": "OCaml", ".mli": "OCaml", ".nix": "Nix", ".php": "PHP", ".pl": "Perl", ".pm": "Perl",
	".proto": "Protocol Buffers", ".ps1": "PowerShell", ".py": "Python", ".pyi": "Python", ".r": "R", ".rb": "Ruby", ".rs": "Rust",
	".rst": "reStructuredText", ".scala": "Scala", ".sql": "SQL", ".svelte": "Svelte", ".svg": "SVG", ".swift": "Swift", ".tex": "TeX",
	".tf": "Terraform", ".toml": "TOML", ".ts": "TypeScript", ".tsx": "TypeScript", ".txt": "Text", ".vue": "Vue", ".xml": "XML",
	".yaml": "YAML", ".yml": "YAML", ".zig": "Zig",
	"dockerfile": "Dockerfile", "makefile": "Makefile", "gnumakefile": "Makefile", "go.mod": "Go Module", "go.sum": "Go Checksums", "cmakelists.txt": "CMake",
}

// language is what a file is written in, judged by its name; "" when unknown.
func language(name string) string {
	name = strings.ToLower(name)
	if l := languages[name]; l != "" {
		return l
	}
	return languages[path.Ext(name)]
}
