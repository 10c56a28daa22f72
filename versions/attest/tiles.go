package attest

import (
	"context"
	"encoding/binary"
	"strconv"
	"strings"

	"stemma/entity"
)

// Tile names a tile of hashes or a bundle of entries, as tlog-tiles does.
type Tile struct {
	Entries bool
	Level   int // of hashes
	N       int64
	Width   int // 256: a full one
}

// ParseTile reads what stands behind <prefix>/tile/. KindNotFound for what is no
// name of a tile, as it would be of static files.
func ParseTile(path string) (t Tile, err error) {
	none := entity.NotFound("attest.ParseTile", "%q names no tile; one is <level>/<number> or entries/<number>, such as 0/x001/234, with .p/<width> behind it where it is not full", path)
	kind, rest, _ := strings.Cut(path, "/")
	t = Tile{Entries: kind == "entries", Width: tileWidth}
	if !t.Entries {
		level, ok := decimal(kind, 63)
		if !ok {
			return t, none
		}
		t.Level = int(level)
	}
	if number, width, partial := strings.Cut(rest, ".p/"); partial {
		w, ok := decimal(width, tileWidth-1)
		if !ok || w == 0 {
			return t, none
		}
		rest, t.Width = number, int(w)
	}
	parts := strings.Split(rest, "/")
	for i, part := range parts {
		digits := part
		if i < len(parts)-1 {
			var ok bool
			if digits, ok = strings.CutPrefix(part, "x"); !ok {
				return t, none
			}
		}
		n, err := strconv.ParseUint(digits, 10, 64)
		if err != nil || len(digits) != 3 || len(parts) > 6 || i == 0 && n == 0 && len(parts) > 1 {
			return t, none
		}
		t.N = t.N*1000 + int64(n)
	}
	return t, nil
}

// decimal reads a number without leading zeros.
func decimal(s string, most int64) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && n >= 0 && n <= most && strconv.FormatInt(n, 10) == s
}

// Tile reads a tile: hashes end to end, or entries with their lengths. KindNotFound
// for what no checkpoint has reached.
func (l *Log) Tile(_ context.Context, t Tile) ([]byte, error) {
	const op = "attest.Tile"
	size := l.reach()
	have := size
	if !t.Entries {
		have = size >> min(tileHeight*t.Level, 63)
	}
	if have = min(have-t.N*tileWidth, tileWidth); int64(t.Width) > have {
		return nil, entity.NotFound(op, "the signed tree has %d leaves, and no such tile; what is not full has its width behind it, like .p/%d", size, max(have, 1))
	}
	if !t.Entries {
		b, err := l.files.tile(t.Level, t.N, t.Width)
		if err != nil {
			return nil, l.broken(op, err)
		}
		return b, nil
	}
	digests, err := l.files.digests(t.N*tileWidth, t.N*tileWidth+int64(t.Width))
	if err != nil {
		return nil, l.broken(op, err)
	}
	var b []byte
	for i := 0; i < len(digests); i += digestBytes {
		entry := entity.CIDOf(entity.Digest(digests[i:])).Bytes()
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(entry))), entry...)
	}
	return b, nil
}
