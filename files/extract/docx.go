package extract

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"strings"

	"stemma/entity"
)

// mostMembers bounds a docx, which is a zip, which can be a bomb; so does
// MaxInflated.
const mostMembers = 4096

// readDocx reads the text of the body, then notes, comments, headers and footers
// in the order of the zip, and the title of the properties (ECMA-376 part 1,
// sections 11.3 and 17). Deleted text and field codes
// are left out.
func readDocx(x *Extractor, ctx context.Context, doc []byte, _ string, out *sink) error {
	// A directory is read to its end, whatever it says of its length; but each
	// entry has a signature.
	if n := bytes.Count(doc, []byte("PK\x01\x02")); n > mostMembers {
		return entity.Errorf(entity.KindTooLarge, op, "the docx has %d members; at most %d are read", n, mostMembers)
	}
	z, err := zip.NewReader(bytes.NewReader(doc), int64(len(doc)))
	if err != nil {
		return &entity.Error{Kind: entity.KindInvalid, Op: op, Message: "the document is not a docx: it is no zip file, or a broken one", Err: err}
	}
	room := &budget{x.o.MaxInflated, x.o.MaxInflated}
	if f := member(z, "docProps/core.xml"); f != nil {
		props := &sink{most: mostTitle}
		if err := part(ctx, f, room, properties(props)); err != nil && !errors.Is(err, errFull) {
			return err
		}
		out.setTitle(props.text())
	}
	body := member(z, "word/document.xml")
	if body == nil {
		return entity.Invalid(op, "the document is not a docx: it has no word/document.xml")
	}
	p := &paragraphs{out: out}
	if err := part(ctx, body, room, p.markup()); err != nil {
		return err
	}
	if !p.ended {
		return entity.Invalid(op, "the docx is broken: its text ends in the middle")
	}
	for _, f := range z.File {
		if docxExtra.MatchString(f.Name) {
			out.newline()
			if err := part(ctx, f, room, (&paragraphs{out: out}).markup()); err != nil {
				return err
			}
		}
	}
	return nil
}

var docxExtra = regexp.MustCompile(`^word/(?:footnotes|endnotes|comments|header\d*|footer\d*)\.xml$`)

func member(z *zip.Reader, name string) *zip.File {
	for _, f := range z.File {
		if strings.EqualFold(path.Clean(f.Name), name) {
			return f
		}
	}
	return nil
}

// budget is how many bytes may be unpacked, and how many of them are left.
type budget struct{ most, left int64 }

// part walks over a member, which takes what it has of the room.
func part(ctx context.Context, f *zip.File, room *budget, m markup) error {
	broken := func(err error) error {
		return &entity.Error{Kind: entity.KindInvalid, Op: op, Message: fmt.Sprintf("the docx is broken at its member %.100q", f.Name), Err: err}
	}
	if f.Flags&1 != 0 {
		return entity.Errorf(entity.KindUnsupported, op, "the docx is encrypted")
	}
	r, err := f.Open()
	if err != nil {
		return broken(err)
	}
	defer r.Close()
	limited := &io.LimitedReader{R: r, N: room.left + 1}
	err = walk(ctx, limited, m)
	room.left = limited.N - 1
	switch {
	case room.left < 0:
		return entity.Errorf(entity.KindTooLarge, op, "the docx unpacks to more than %d bytes", room.most)
	case err == nil || errors.Is(err, errFull) || ctx.Err() != nil:
		return err
	case entity.KindOf(err) == entity.KindTooLarge:
		return err
	}
	return broken(err)
}

// local is the name of an element without its prefix.
func local(name []byte) string {
	return string(name[bytes.IndexByte(name, ':')+1:])
}

func properties(out *sink) markup {
	inside := false
	return markup{
		xml:   true,
		open:  func(name []byte, void bool) error { inside = local(name) == "title" && !void; return nil },
		close: func([]byte) { inside = false },
		text: func(b []byte) error {
			if !inside {
				return nil
			}
			return out.write(string(b))
		},
	}
}

// paragraphs is where we are in WordprocessingML.
type paragraphs struct {
	out      *sink
	text     bool // in a w:t
	fallback int  // in how many mc:Fallback, which say again what was said
	ended    bool // the body has
}

func (p *paragraphs) markup() markup {
	return markup{
		xml: true,
		open: func(name []byte, void bool) error {
			switch local(name) {
			case "t":
				p.text = !void
			case "tab":
				return p.out.write("\t")
			case "br", "cr":
				p.out.newline()
			case "tc":
				return p.out.write("\t")
			case "fallback":
				if !void {
					p.fallback++
				}
			}
			return nil
		},
		close: func(name []byte) {
			switch local(name) {
			case "t":
				p.text = false
			case "p", "tr":
				p.out.newline()
			case "fallback":
				p.fallback = max(0, p.fallback-1)
			case "document":
				p.ended = true
			}
		},
		text: func(b []byte) error {
			if !p.text || p.fallback > 0 {
				return nil
			}
			return p.out.write(string(b))
		},
	}
}
