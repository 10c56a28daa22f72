package arweave

import (
	"strconv"
	"strings"

	"stemma/entity"
)

// The tags of an anchor, beside Content-Type.
const (
	tagApp    = "App-Name"
	tagType   = "Type"
	tagOrigin = "Origin"
	tagSize   = "Size"
	tagRoot   = "Root"
)

// Anchor makes the item of a signed checkpoint, whose text is its data.
// KindInvalid when the text is none.
func (w *Wallet) Anchor(text string) (*Item, error) {
	origin, size, root, err := head(text)
	if err != nil {
		return nil, err
	}
	return w.Sign([]Tag{
		{"Content-Type", "text/plain; charset=utf-8"},
		{tagApp, "Stemma"},
		{tagType, "checkpoint"},
		{tagOrigin, origin},
		{tagSize, strconv.FormatInt(size, 10)},
		{tagRoot, root},
	}, []byte(text))
}

// head is what the first three lines of a checkpoint say
// (https://c2sp.org/tlog-checkpoint). Its signatures were checked by who has the
// key of the log. KindInvalid.
func head(text string) (origin string, size int64, root string, err error) {
	lines := strings.SplitN(text, "\n", 4)
	if len(lines) == 4 {
		size, err = strconv.ParseInt(lines[1], 10, 64)
	}
	if len(lines) < 4 || err != nil || size < 1 || lines[0] == "" || lines[2] == "" {
		return "", 0, "", entity.Invalid("arweave.head", "the text is no checkpoint of a log with entries: its lines are origin, size, root and more")
	}
	return lines[0], size, lines[2], nil
}
