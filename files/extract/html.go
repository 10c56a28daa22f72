package extract

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"stemma/entity"
)

// mostToken bounds a tag or a text between two: the tokenizer keeps it whole,
// and 16 bytes for every byte of attributes.
const mostToken = 8 << 20

// markup is a walk over tags and texts.
type markup struct {
	xml   bool // CDATA is text
	open  func(name []byte, void bool) error
	close func(name []byte)
	text  func([]byte) error
}

// walk reads markup to its end. Tags that do not fit together are no error.
func walk(ctx context.Context, r io.Reader, m markup) error {
	z := html.NewTokenizer(r)
	z.SetMaxBuf(mostToken)
	z.AllowCDATA(m.xml)
	for n := 0; ; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		var err error
		switch kind := z.Next(); kind {
		case html.ErrorToken:
			switch err := z.Err(); {
			case err == io.EOF:
				return nil
			case errors.Is(err, html.ErrBufferExceeded):
				return entity.Errorf(entity.KindTooLarge, op, "the document has a part of more than %d bytes in one piece", mostToken)
			default:
				return err
			}
		case html.TextToken:
			err = m.text(z.Text())
		case html.StartTagToken, html.SelfClosingTagToken:
			name, _ := z.TagName()
			err = m.open(name, kind == html.SelfClosingTagToken)
		case html.EndTagToken:
			name, _ := z.TagName()
			m.close(name)
		}
		if err != nil {
			return err
		}
	}
}

// mute tells elements whose text is not for readers, and which end with a tag
// of their own.
func mute(a atom.Atom) bool {
	switch a {
	case atom.Script, atom.Style, atom.Noscript, atom.Template, atom.Svg, atom.Math, atom.Iframe, atom.Object, atom.Select, atom.Noembed, atom.Noframes:
		return true
	}
	return false
}

// flows tells elements that do not end a line.
func flows(a atom.Atom) bool {
	switch a {
	case atom.A, atom.Abbr, atom.B, atom.Bdi, atom.Bdo, atom.Big, atom.Cite, atom.Code, atom.Data, atom.Del, atom.Dfn, atom.Em, atom.Font, atom.I,
		atom.Img, atom.Ins, atom.Kbd, atom.Label, atom.Mark, atom.Q, atom.S, atom.Samp, atom.Small, atom.Span, atom.Strike, atom.Strong, atom.Sub, atom.Sup,
		atom.Time, atom.Tt, atom.U, atom.Var, atom.Wbr:
		return true
	}
	return false
}

// readHTML is the text that readers see, a line for each block.
func readHTML(_ *Extractor, ctx context.Context, doc []byte, contentType string, out *sink) error {
	text, err := textOf(doc, contentType)
	if err != nil {
		return err
	}
	var muted atom.Atom // the element we are in that is mute, or 0
	depth, pre := 0, 0
	var title *strings.Builder
	return walk(ctx, strings.NewReader(text), markup{
		xml: strings.HasPrefix(text, "<?xml"),
		open: func(name []byte, void bool) error {
			a := atom.Lookup(name)
			switch {
			case void:
			case muted == 0 && mute(a):
				muted, depth = a, 1
			case muted != 0 && a == muted:
				depth++
			case a == atom.Title && muted == 0 && out.titled == "":
				title = &strings.Builder{}
			case a == atom.Pre:
				pre++
			}
			switch {
			case a == atom.Td || a == atom.Th:
				return out.write("\t")
			case !flows(a):
				out.newline()
			}
			return nil
		},
		close: func(name []byte) {
			a := atom.Lookup(name)
			switch {
			case muted != 0 && a == muted:
				if depth--; depth == 0 {
					muted = 0
				}
			case a == atom.Title && title != nil:
				out.setTitle(title.String())
				title = nil
			case a == atom.Pre:
				pre = max(0, pre-1)
			}
			if !flows(a) && a != atom.Td && a != atom.Th {
				out.newline()
			}
		},
		text: func(b []byte) error {
			switch {
			case muted != 0:
				return nil
			case title != nil:
				title.Write(b[:min(len(b), 4*mostTitle)])
				return nil
			case pre > 0:
				return out.write(lines(string(b)))
			}
			return out.write(string(bytes.Map(func(r rune) rune {
				if r == '\n' || r == '\r' || r == '\t' {
					return ' '
				}
				return r
			}, b)))
		},
	})
}
