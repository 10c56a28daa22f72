package extract

import (
	"errors"
	"testing"

	"stemma/entity"
)

// judge fails unless a document gave a proper text, or an error that says what
// is wrong with it.
func judge(t *testing.T, x *Extractor, contentType string, doc []byte) {
	t.Helper()
	r, err := text(t, x, contentType, "", doc)
	var e *entity.Error
	switch {
	case err == nil && len(r.Text) > 1<<10:
		t.Errorf("%d bytes of text", len(r.Text))
	case err != nil && (!errors.As(err, &e) || e.Message == "" ||
		e.Kind != entity.KindInvalid && e.Kind != entity.KindTooLarge && e.Kind != entity.KindUnsupported):
		t.Errorf("%s: %v", contentType, err)
	}
}

// Whatever a document is, and whatever it says it is, it does no harm.
func FuzzText(f *testing.F) {
	types := []string{"", "text/plain", "text/markdown", "text/html", "application/xml", "application/json", "text/csv", docxType}
	for i, doc := range []string{"words", "\xff\xfea\x00", "# A [b](c) **d** ---\n```", "<title>a</title><p>b<script>c", "<?xml ?><a><![CDATA[b]]>", `{"a":["b",1]}`, "a;\"b\nc\"\"\"\n", string(makeDocx(f))} {
		f.Add(i, []byte(doc))
	}
	f.Fuzz(func(t *testing.T, kind int, doc []byte) {
		judge(t, New(Options{MaxText: 1 << 10}), types[uint(kind)%uint(len(types))], doc)
	})
}

// What stands in the body of a docx, whose zip would hide it from the fuzzer.
func FuzzDocxBody(f *testing.F) {
	f.Add(docxBody)
	f.Add("<w:document><a:t x='1'>&amp;&#0;&bogus;</a:t></w:document>")
	f.Fuzz(func(t *testing.T, body string) {
		judge(t, New(Options{MaxText: 1 << 10}), docxType, makeZip(t, "docProps/core.xml", body, "word/document.xml", body))
	})
}

func FuzzPDF(f *testing.F) {
	f.Add(makePDF("Hello", "world"))
	f.Fuzz(func(t *testing.T, doc []byte) {
		judge(t, New(Options{MaxText: 1 << 10, Command: child("read")}), "application/pdf", doc)
	})
}
