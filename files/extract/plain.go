package extract

import (
	"bytes"
	"context"
	"encoding/binary"
	"mime"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"stemma/entity"
)

// decode is the document as UTF-8: by its byte order mark, by the charset of the
// content type, as UTF-8 if it is, else as UTF-16 if every other byte is mostly
// zero, else as Windows-1252, of which Latin-1 is a part.
func decode(doc []byte, contentType string) string {
	if rest, ok := bytes.CutPrefix(doc, []byte("\xef\xbb\xbf")); ok {
		return string(rest)
	}
	if rest, ok := bytes.CutPrefix(doc, []byte("\xff\xfe")); ok {
		return wide(rest, binary.LittleEndian)
	}
	if rest, ok := bytes.CutPrefix(doc, []byte("\xfe\xff")); ok {
		return wide(rest, binary.BigEndian)
	}
	switch charset(contentType) {
	case "utf-16le":
		return wide(doc, binary.LittleEndian)
	case "utf-16", "utf-16be":
		return wide(doc, binary.BigEndian)
	case "iso-8859-1", "latin1", "windows-1252":
		return narrow(doc)
	}
	if order := zeros(doc); order != nil {
		return wide(doc, order)
	}
	if validUTF8(doc) {
		return string(doc)
	}
	return narrow(doc)
}

func charset(contentType string) string {
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return ""
	}
	return strings.ToLower(params["charset"])
}

// validUTF8 lets the last character be incomplete: a document may be cut off.
func validUTF8(doc []byte) bool {
	for range utf8.UTFMax - 1 {
		if r, size := utf8.DecodeLastRune(doc); r != utf8.RuneError || size != 1 {
			break
		}
		doc = doc[:len(doc)-1]
	}
	return utf8.Valid(doc)
}

// zeros tells UTF-16 without a byte order mark by the zeros of its Latin
// letters; nil where there are few, or no order in them.
func zeros(doc []byte) binary.ByteOrder {
	head := doc[:min(len(doc), 4096)]
	var at [2]int
	for i, b := range head {
		if b == 0 {
			at[i%2]++
		}
	}
	many, few := len(head)/4, len(head)/50
	switch {
	case len(head) < 4:
		return nil
	case at[1] > many && at[0] <= few:
		return binary.LittleEndian
	case at[0] > many && at[1] <= few:
		return binary.BigEndian
	}
	return nil
}

func wide(doc []byte, order binary.ByteOrder) string {
	units := make([]uint16, len(doc)/2)
	for i := range units {
		units[i] = order.Uint16(doc[2*i:])
	}
	return string(utf16.Decode(units))
}

func narrow(doc []byte) string {
	s, err := charmap.Windows1252.NewDecoder().Bytes(doc)
	if err != nil {
		return strings.ToValidUTF8(string(doc), " ")
	}
	return string(s)
}

// looksLikeText tells text from other bytes: hardly any control characters.
func looksLikeText(doc []byte) bool {
	head := doc[:min(len(doc), 64<<10)]
	if zeros(head) != nil || bytes.HasPrefix(head, []byte("\xff\xfe")) || bytes.HasPrefix(head, []byte("\xfe\xff")) {
		return true
	}
	odd := 0
	for _, b := range head {
		if b < ' ' && b != '\n' && b != '\r' && b != '\t' && b != '\f' && b != '\v' && b != '\b' && b != 0x1b || b == 0x7f {
			odd++
		}
	}
	return odd <= 2+len(head)/100
}

// textOf decodes a document that says it is text.
func textOf(doc []byte, contentType string) (string, error) {
	if !looksLikeText(doc) {
		return "", entity.Invalid(op, "the document is not text: it is full of control characters")
	}
	return decode(doc, contentType), nil
}

func lines(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
}

func readPlain(_ *Extractor, _ context.Context, doc []byte, contentType string, out *sink) error {
	text, err := textOf(doc, contentType)
	if err != nil {
		return err
	}
	return out.write(lines(text))
}
