package extract

import (
	"context"
	"regexp"
	"strings"
)

// The marks of Markdown that stand in the way of reading; what is not sure to be
// one stays.
var (
	markdownLine   = regexp.MustCompile(`^\s{0,3}(?:#{1,6}\s+|>\s?|[-*+]\s+)+`)
	markdownRule   = regexp.MustCompile(`^\s*(?:[-*_=|:]\s*){3,}$|^\s*(?:\x60\x60\x60|~~~).*\s*$`)
	markdownLink   = regexp.MustCompile(`!?\[([^\[\]]*)\](?:\([^()\s]*(?:\s+"[^"]*")?\)|\[[^\[\]]*\])`)
	markdownStrong = regexp.MustCompile(`(\*\*|__|\x60)([^*_\x60]+)(\*\*|__|\x60)`)
	markdownTag    = regexp.MustCompile(`<(https?://[^<>\s]+)>|</?[a-zA-Z][^<>]*>`)
	markdownTitle  = regexp.MustCompile(`^#{1,6}\s+(.*?)[\s#]*$`)
)

// readMarkdown leaves out the marks. The title is that of the front matter, or
// the first heading.
func readMarkdown(_ *Extractor, ctx context.Context, doc []byte, contentType string, out *sink) error {
	text, err := textOf(doc, contentType)
	if err != nil {
		return err
	}
	text = lines(text)
	if matter, rest, ok := frontMatter(text); ok {
		for line := range strings.Lines(matter) {
			if title, ok := strings.CutPrefix(line, "title:"); ok {
				out.setTitle(strings.Trim(strings.TrimSpace(title), `"'`))
			}
		}
		text = rest
	}
	for line := range strings.Lines(text) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if markdownRule.MatchString(line) {
			line = "\n"
		}
		if m := markdownTitle.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
			out.setTitle(unmarked(m[1]))
		}
		if err := out.write(unmarked(markdownLine.ReplaceAllString(line, ""))); err != nil {
			return err
		}
	}
	return nil
}

func unmarked(line string) string {
	line = markdownLink.ReplaceAllString(line, "$1")
	line = markdownStrong.ReplaceAllString(line, "$2")
	return markdownTag.ReplaceAllString(line, "$1")
}

// frontMatter divides "---\n…\n---\n…".
func frontMatter(text string) (matter, rest string, ok bool) {
	body, ok := strings.CutPrefix(text, "---\n")
	if !ok {
		return "", text, false
	}
	matter, rest, ok = strings.Cut(body, "\n---\n")
	return matter, rest, ok
}
