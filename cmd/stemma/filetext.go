package main

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"unicode/utf8"

	"stemma/entity"
	"stemma/files"
	"stemma/files/extract"
	fileindex "stemma/files/index"
)

// contents reads the text of files: a [search.Contents].
type contents struct {
	blobs *files.Blobs
	texts *extract.Extractor
}

// Text implements [search.Contents]. What cannot be read as text, however often
// it is tried, has none.
func (c contents) Text(ctx context.Context, file entity.Properties, limit int) (string, error) {
	of, ok := fileindex.Of(file)
	if !ok {
		return "", nil
	}
	info, err := c.blobs.Stat(ctx, of.CID)
	if err != nil {
		return "", err
	}
	r := files.NewReader(ctx, c.blobs, info)
	defer r.Close()
	name, _ := file[fileindex.Filename].(string)
	found, err := c.texts.Text(ctx, of.ContentType, name, r, info.Size)
	if err != nil && ctx.Err() == nil {
		switch entity.KindOf(err) {
		case entity.KindUnsupported, entity.KindInvalid, entity.KindTooLarge, entity.KindTimeout:
			return "", nil
		}
	}
	text := found.Text
	if len(text) > limit {
		for limit > 0 && !utf8.RuneStart(text[limit]) {
			limit--
		}
		text = text[:limit]
	}
	return strings.ToValidUTF8(text, ""), err
}

// extractChild is the hidden command that reads PDF in a process of its own.
const extractChild = "extract-child"

func extractCommand(ctx context.Context) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	return exec.CommandContext(ctx, self, extractChild)
}

// isExtractChild tells whether this process is that child: then it does nothing
// else.
func isExtractChild() bool { return len(os.Args) == 2 && os.Args[1] == extractChild }
