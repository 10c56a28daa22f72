package arweave

import (
	"encoding/binary"
	"unicode/utf8"

	"stemma/entity"
)

// Tag says something about an item, for who looks for it.
type Tag struct{ Name, Value string }

// Bounds of tags. Those of one are of ANS-104, section 2.1; the bytes of all are
// those that its implementations take.
const (
	maxTags     = 128
	maxTagName  = 1024
	maxTagValue = 3072
	maxTagBytes = 4096
)

// encodeTags gives the Avro array of the tags, nothing for none. KindInvalid
// when they are out of bounds.
func encodeTags(tags []Tag) ([]byte, error) {
	const op = "arweave.encodeTags"
	if len(tags) == 0 {
		return nil, nil
	}
	if len(tags) > maxTags {
		return nil, entity.Invalid(op, "%d tags; an item has at most %d", len(tags), maxTags)
	}
	out := binary.AppendVarint(nil, int64(len(tags))) // zigzag, as in Avro
	for i, t := range tags {
		if err := t.check(i); err != nil {
			return nil, err
		}
		for _, s := range []string{t.Name, t.Value} {
			out = append(binary.AppendVarint(out, int64(len(s))), s...)
		}
	}
	if out = append(out, 0); len(out) > maxTagBytes {
		return nil, entity.Invalid(op, "the tags take %d bytes; at most %d", len(out), maxTagBytes)
	}
	return out, nil
}

func (t Tag) check(i int) error {
	const op = "arweave.Tag"
	switch {
	case len(t.Name) == 0 || len(t.Name) > maxTagName:
		return entity.Invalid(op, "the name of tag %d has %d bytes; 1 to %d", i, len(t.Name), maxTagName)
	case len(t.Value) == 0 || len(t.Value) > maxTagValue:
		return entity.Invalid(op, "the value of tag %d has %d bytes; 1 to %d", i, len(t.Value), maxTagValue)
	case !utf8.ValidString(t.Name) || !utf8.ValidString(t.Value):
		return entity.Invalid(op, "tag %d is not UTF-8", i)
	}
	return nil
}

// decodeTags reads n tags that take all of b, in the one form that encodeTags
// gives.
func decodeTags(b []byte, n uint64) ([]Tag, error) {
	const op = "arweave.decodeTags"
	if n > maxTags || len(b) > maxTagBytes {
		return nil, entity.Invalid(op, "%d tags of %d bytes; at most %d of %d", n, len(b), maxTags, maxTagBytes)
	}
	if n == 0 {
		if len(b) != 0 {
			return nil, entity.Invalid(op, "%d bytes for no tags", len(b))
		}
		return nil, nil
	}
	r := reader{b}
	if count, ok := r.varint(maxTags); !ok || uint64(count) != n {
		return nil, entity.Invalid(op, "the tags are not one block of %d", n)
	}
	tags := make([]Tag, n)
	for i := range tags {
		name, ok := r.text(maxTagName)
		value, also := r.text(maxTagValue)
		if !ok || !also {
			return nil, entity.Invalid(op, "tag %d is cut off, or not as Avro writes it", i)
		}
		tags[i] = Tag{name, value}
		if err := tags[i].check(i); err != nil {
			return nil, err
		}
	}
	if len(r.left) != 1 || r.left[0] != 0 {
		return nil, entity.Invalid(op, "the tags do not end behind the last")
	}
	return tags, nil
}

// reader takes pieces off the front of bytes.
type reader struct{ left []byte }

// take gives the next n bytes; ok is false when there are fewer.
func (r *reader) take(n int) (b []byte, ok bool) {
	if n > len(r.left) {
		return nil, false
	}
	b, r.left = r.left[:n:n], r.left[n:]
	return b, true
}

// varint reads a number from 0 to most, in no more bytes than it needs.
func (r *reader) varint(most int64) (int64, bool) {
	v, n := binary.Varint(r.left)
	if n <= 0 || v < 0 || v > most || len(binary.AppendVarint(nil, v)) != n {
		return 0, false
	}
	r.left = r.left[n:]
	return v, true
}

func (r *reader) text(most int64) (string, bool) {
	n, ok := r.varint(most)
	if !ok {
		return "", false
	}
	b, ok := r.take(int(n))
	return string(b), ok
}
