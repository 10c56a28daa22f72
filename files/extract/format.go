package extract

import (
	"bytes"
	"mime"
	"path"
	"strings"
)

// Format is a kind of document.
type Format string

// The formats.
const (
	Plain    Format = "text"
	Markdown Format = "markdown"
	HTML     Format = "html"
	JSON     Format = "json"
	CSV      Format = "csv"
	Docx     Format = "docx"
	PDF      Format = "pdf"
)

const docxType = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"

// Detect tells the format by content type, else by the ending of the file's
// name, else by the first bytes (512 are enough); "" where it is none of ours.
// Content types that say little are asked last.
func Detect(contentType, filename string, head []byte) Format {
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		media, _, _ = strings.Cut(strings.ToLower(strings.TrimSpace(contentType)), ";")
	}
	if f := ofType(media); f != "" {
		return f
	}
	switch media {
	case "", "application/octet-stream", "binary/octet-stream", "application/zip", "application/x-zip-compressed", "text/plain":
	default:
		if strings.HasPrefix(media, "text/") {
			return Plain
		}
		return ""
	}
	if f := ofEnding(strings.ToLower(path.Ext(filename))); f != "" {
		return f
	}
	return sniff(head, media == "text/plain")
}

func ofType(media string) Format {
	switch media {
	case "text/markdown", "text/x-markdown":
		return Markdown
	case "text/html", "application/xhtml+xml", "application/xml", "text/xml":
		return HTML
	case "application/json", "text/json", "application/ndjson", "application/x-ndjson", "application/jsonl":
		return JSON
	case "text/csv", "application/csv", "text/tab-separated-values":
		return CSV
	case "application/pdf", "application/x-pdf":
		return PDF
	case docxType:
		return Docx
	case "application/yaml", "application/x-yaml", "application/toml", "application/javascript", "application/sql":
		return Plain
	}
	if strings.HasSuffix(media, "+json") {
		return JSON
	}
	if strings.HasSuffix(media, "+xml") && !strings.HasPrefix(media, "image/") {
		return HTML
	}
	return ""
}

func ofEnding(ending string) Format {
	switch ending {
	case ".md", ".markdown", ".mdown":
		return Markdown
	case ".html", ".htm", ".xhtml", ".xml":
		return HTML
	case ".json", ".jsonl", ".ndjson", ".geojson":
		return JSON
	case ".csv", ".tsv":
		return CSV
	case ".pdf":
		return PDF
	case ".docx", ".docm":
		return Docx
	case ".txt", ".text", ".log", ".rst", ".org", ".adoc", ".tex", ".srt", ".vtt", ".ini", ".toml", ".yaml", ".yml",
		".go", ".py", ".js", ".ts", ".c", ".h", ".cc", ".cpp", ".rs", ".java", ".rb", ".sh", ".sql", ".css":
		return Plain
	}
	return ""
}

// sniff tells by the first bytes. text says that it is text at least.
func sniff(head []byte, text bool) Format {
	start := bytes.ToLower(bytes.TrimLeft(head, "\xef\xbb\xbf \t\r\n"))
	switch {
	case bytes.HasPrefix(start, []byte("%pdf-")):
		return PDF
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		if bytes.Contains(head, []byte("word/")) || bytes.Contains(head, []byte("[Content_Types].xml")) {
			return Docx
		}
		return ""
	case bytes.HasPrefix(start, []byte("<!doctype html")), bytes.HasPrefix(start, []byte("<html")), bytes.HasPrefix(start, []byte("<?xml")):
		return HTML
	case text || len(head) > 0 && looksLikeText(head):
		return Plain
	}
	return ""
}
