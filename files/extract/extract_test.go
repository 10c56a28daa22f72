package extract

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"stemma/entity"
)

const childEnv = "STEMMA_EXTRACT_CHILD"

func TestMain(m *testing.M) {
	switch os.Getenv(childEnv) {
	case "":
		os.Exit(m.Run())
	case "read":
		os.Exit(ChildMain(os.Stdin, os.Stdout))
	case "hang":
		time.Sleep(time.Hour)
	case "babble":
		fmt.Print(strings.Repeat("x", 10<<20))
		os.Exit(0)
	case "lie":
		_ = json.NewEncoder(os.Stdout).Encode(childAnswer{Text: strings.Repeat("\x00a\r", 200)})
		os.Exit(0)
	case "environ":
		_ = json.NewEncoder(os.Stdout).Encode(childAnswer{Text: strings.Join(os.Environ(), " ")})
		os.Exit(0)
	case "deep":
		confine()
		os.Exit(deep(0))
	}
}

// deep does not return.
func deep(n int) int {
	if n < 0 {
		return 0
	}
	return deep(n+1) + 1
}

// child is the command of a child of one of the kinds above.
func child(kind string) func(context.Context) *exec.Cmd {
	return func(ctx context.Context) *exec.Cmd {
		cmd := exec.CommandContext(ctx, os.Args[0])
		cmd.Env = []string{childEnv + "=" + kind, "GORACE=atexit_sleep_ms=0"}
		return cmd
	}
}

func extractor() *Extractor { return New(Options{Command: child("read")}) }

func text(t *testing.T, x *Extractor, contentType, name string, doc []byte) (Result, error) {
	t.Helper()
	r, err := x.Text(context.Background(), contentType, name, bytes.NewReader(doc), int64(len(doc)))
	proper(t, r)
	return r, err
}

// proper fails unless a result keeps what the package promises of all of them.
func proper(t *testing.T, r Result) {
	t.Helper()
	for _, s := range []string{r.Text, r.Title} {
		if !utf8.ValidString(s) {
			t.Errorf("not UTF-8: %.100q", s)
		}
		for _, c := range s {
			if unicode.IsControl(c) && c != '\n' && c != '\t' {
				t.Errorf("a control character in %.100q", s)
				break
			}
		}
	}
	if len(r.Title) > 500 || strings.Contains(r.Text, "\n\n\n") {
		t.Errorf("title of %d bytes, or blank lines in a row", len(r.Title))
	}
}

func makeZip(t testing.TB, members ...string) []byte { // name, content, name, content…
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(members); i += 2 {
		w, err := z.Create(members[i])
		if err == nil {
			_, err = io.WriteString(w, members[i+1])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const docxBody = `<?xml version="1.0" encoding="UTF-8"?><w:document xmlns:w="w"><w:body>
 <w:p><w:pPr><w:pStyle w:val="Title"/></w:pPr><w:r><w:t>The parish </w:t></w:r><w:r><w:t xml:space="preserve">register &amp; more</w:t></w:r></w:p>
 <w:p><w:r><w:t>born</w:t><w:tab/><w:t>1850</w:t><w:br/><w:t>died 1922</w:t></w:r><w:del><w:r><w:delText>gone</w:delText></w:r></w:del></w:p>
 <mc:AlternateContent><mc:Choice><w:p><w:t>box</w:t></w:p></mc:Choice><mc:Fallback><w:p><w:t>box again</w:t></w:p></mc:Fallback></mc:AlternateContent>
 <w:p><w:r><w:instrText>PAGE</w:instrText><w:t><![CDATA[<raw>]]></w:t></w:r></w:p><w:tbl><w:tr><w:tc><w:p><w:t>cell</w:t></w:p></w:tc></w:tr></w:tbl></w:body></w:document>`

func makeDocx(t testing.TB) []byte {
	return makeZip(t, "[Content_Types].xml", "<Types/>", "word/document.xml", docxBody, "word/footnotes.xml", "<w:footnotes><w:p><w:t>a note</w:t></w:p></w:footnotes>",
		"docProps/core.xml", `<cp:coreProperties><dc:title>Parish</dc:title><dc:creator>Ann</dc:creator></cp:coreProperties>`, "word/media/image1.png", "<w:t>no text</w:t>")
}

// makePDF is a PDF of a page for each text.
func makePDF(texts ...string) []byte {
	var b bytes.Buffer
	var at []int
	object := func(format string, args ...any) {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", len(at), fmt.Sprintf(format, args...))
	}
	b.WriteString("%PDF-1.4\n")
	var kids strings.Builder
	for i := range texts {
		fmt.Fprintf(&kids, "%d 0 R ", 4+2*i)
	}
	object("<< /Type /Catalog /Pages 2 0 R >>")
	object("<< /Type /Pages /Kids [%s] /Count %d >>", kids.String(), len(texts))
	object("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>")
	for i, text := range texts {
		content := "BT /F1 12 Tf 72 700 Td (" + text + ") Tj ET"
		object("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> >> /Contents %d 0 R >>", 5+2*i)
		object("<< /Length %d >>\nstream\n%s\nendstream", len(content), content)
	}
	object("<< /Title (The register) >>")
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(at)+1)
	for _, offset := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R /Info %d 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(at)+1, len(at), start)
	return b.Bytes()
}

func utf16Bytes(s string, big bool) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		if big {
			b = append(b, byte(u>>8), byte(u))
		} else {
			b = append(b, byte(u), byte(u>>8))
		}
	}
	return b
}

func TestText(t *testing.T) {
	x := extractor()
	for _, c := range []struct {
		name, contentType, filename string
		doc                         string
		format                      Format
		text, title                 string
	}{
		{"plain", "text/plain; charset=utf-8", "", "One\r\ntwo\rthree\x00\x1b\n\n\n\nfour  \n", Plain, "One\ntwo\nthree\n\nfour", ""},
		{"UTF-8 mark", "text/plain", "", "\ufeffZürich", Plain, "Zürich", ""},
		{"Latin-1", "text/plain", "a.txt", "Z\xfcrich \x80", Plain, "Zürich €", ""},
		{"Latin-1 told", "text/plain; charset=ISO-8859-1", "", "\xc3\xbc", Plain, "Ã¼", ""},
		{"UTF-16 mark", "text/plain", "", "\xff\xfe" + string(utf16Bytes("Zürich 𝄞", false)), Plain, "Zürich 𝄞", ""},
		{"UTF-16 big", "", "", "\xfe\xff" + string(utf16Bytes("Zürich", true)), Plain, "Zürich", ""},
		{"UTF-16 bare", "text/plain", "", string(utf16Bytes("A register of 1850", false)), Plain, "A register of 1850", ""},
		{"UTF-16 told", "text/plain; charset=utf-16be", "", string(utf16Bytes("日本語", true)), Plain, "日本語", ""},
		{"source code", "application/octet-stream", "x.go", "package x\n\tfunc y()", Plain, "package x\nfunc y()", ""},
		{"nothing told", "", "", "just words", Plain, "just words", ""},
		{"empty", "text/plain", "", "", Plain, "", ""},
		{"markdown", "", "README.md", "---\ntitle: \"The *register*\"\n---\n# Heading #\n\n> a [link](http://x/y \"t\") and ![pic](p.png)\n- **bold** `code` <b>tag</b>\n***\n```go\nx := 1\n```\n5 * 3 * 2 a_b_c <https://x.y>\n",
			Markdown, "Heading #\n\na link and pic\nbold code tag\n\nx := 1\n\n5 * 3 * 2 a_b_c https://x.y", "The *register*"},
		{"markdown heading", "text/markdown", "", "words\n\n## The **real** one\n", Markdown, "words\n\nThe real one", "The real one"},
		{"html", "text/html", "", "<!DOCTYPE html><title>A &amp; B\n C</title><style>p{}</style><script>if (a<b) x()</script><p>One<b>two</b> &eacute;<br>three\n four</p><ul><li>x<li>y</ul><table><tr><td>1<td>2</table><pre>a\nb</pre><svg><text>no</text></svg><!-- no -->end",
			HTML, "Onetwo é\nthree four\nx\ny\n1\t2\na\nb\nend", "A & B C"},
		{"html sniffed", "", "", "  <HTML><body>hi", HTML, "hi", ""},
		{"xml", "application/xml", "", `<?xml version="1.0"?><doc><p>one</p><p><![CDATA[two <3]]></p></doc>`, HTML, "one\ntwo <3", ""},
		{"json", "application/ld+json", "", `{"title":"T","a":{"name":"no"},"list":["x",1.50,true,null,{"k":"v\u0000"}],"n":12345678901234567890}`,
			JSON, "title: T\nname: no\nx\n1.50\nk: v\nn: 12345678901234567890", "T"},
		{"json lines", "", "x.jsonl", "{\"a\":\"1\"}\n{\"a\":\"2\"}\n\"3\"", JSON, "a: 1\na: 2\n3", ""},
		{"csv", "text/csv", "", "name;born\n\"Lee; Ann\";1850\n\"two\nlines\";\"\"\"q\"\"\"\n", CSV, "name\tborn\nLee; Ann\t1850\ntwo\nlines\t\"q\"", ""},
		{"tsv", "", "x.tsv", "a\tb, c\n1\t2\n", CSV, "a\tb, c\n1\t2", ""},
		{"docx", docxType, "", string(makeDocx(t)), Docx, "The parish register & more\nborn\t1850\ndied 1922\nbox\n<raw>\ncell\na note", "Parish"},
		{"docx sniffed", "application/octet-stream", "", string(makeDocx(t)), Docx, "The parish register & more\nborn\t1850\ndied 1922\nbox\n<raw>\ncell\na note", "Parish"},
		{"pdf", "application/pdf", "", string(makePDF("Hello register", "second page")), PDF, "Hello register\nsecond page", "The register"},
		{"pdf in mud", "", "", "mud\n" + string(makePDF("Hello")) + strings.Repeat("mud ", 200), PDF, "Hello", "The register"},
		{"pdf 2.0", "", "x.pdf", strings.Replace(string(makePDF("Hello")), "%PDF-1.4", "%PDF-2.0", 1), PDF, "Hello", "The register"},
		{"pdf without text", "", "x.pdf", string(makePDF("")), PDF, "", "The register"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.name == "pdf in mud" {
				c.contentType = "application/pdf"
			}
			r, err := text(t, x, c.contentType, c.filename, []byte(c.doc))
			if err != nil {
				t.Fatal(err)
			}
			if want := (Result{c.text, c.title, c.format, false}); r != want {
				t.Errorf("got\n%+v\nwant\n%+v", r, want)
			}
		})
	}
}

// Documents that are not what they say, that are broken, or that mean harm.
func TestPoison(t *testing.T) {
	x, big := New(Options{Command: child("read"), MaxInput: 12 << 20, MaxInflated: 2 << 20}), strings.Repeat("x", 13<<20)
	pdf, docx := string(makePDF("Hello")), string(makeDocx(t))
	at := strings.Index(docx, "word/document.xml") + 60
	damaged := docx[:at] + "0123456789" + docx[at+10:]
	var many []string
	for i := range mostMembers + 1 {
		many = append(many, fmt.Sprint("m", i), "")
	}
	for _, c := range []struct {
		name, contentType, filename, doc string
		kind                             entity.Kind
	}{
		{"a picture", "image/png", "x.txt", "\x89PNG", entity.KindUnsupported},
		{"a picture without a name", "", "", "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x01\x02\x03\x04\x05\x06", entity.KindUnsupported},
		{"a zip", "application/zip", "x.zip", "PK\x03\x04\x00\x00\x00", entity.KindUnsupported},
		{"binary as text", "text/plain", "", strings.Repeat("\x01\x02\x03\x04a", 100), entity.KindInvalid},
		{"binary as html", "text/html", "", strings.Repeat("\x01\x02\x03\x04<a>", 100), entity.KindInvalid},
		{"not JSON", "application/json", "", `{"a": nope}`, entity.KindInvalid},
		{"half JSON", "application/json", "", `{"a": ["b"`, entity.KindInvalid},
		{"no JSON", "application/json", "", ``, entity.KindInvalid},
		{"deep JSON", "application/json", "", strings.Repeat("[", 1<<20), entity.KindInvalid},
		{"large JSON", "application/json", "", `"` + big + `"`, entity.KindTooLarge},
		{"a tag of 10 MB", "text/html", "", `<a b="` + strings.Repeat("b ", 5<<20) + `">`, entity.KindTooLarge},
		{"not a docx", docxType, "", "hello", entity.KindInvalid},
		{"another zip", docxType, "", string(makeZip(t, "a", "b")), entity.KindInvalid},
		{"cut docx", docxType, "", docx[:len(docx)/2], entity.KindInvalid},
		{"damaged docx", docxType, "", damaged, entity.KindInvalid},
		{"docx without an end", docxType, "", string(makeZip(t, "word/document.xml", "<w:document><w:p><w:t>x")), entity.KindInvalid},
		{"zip bomb", docxType, "", string(makeZip(t, "word/document.xml", "<w:document>"+strings.Repeat("<w:p>"+strings.Repeat(" ", 1<<10)+"</w:p>", 4<<10)+"</w:document>")), entity.KindTooLarge},
		{"zip bomb in the title", docxType, "", string(makeZip(t, "docProps/core.xml", strings.Repeat("<dc:x>"+strings.Repeat(" ", 1<<10)+"</dc:x>", 4<<10), "word/document.xml", docxBody)), entity.KindTooLarge},
		{"many members", docxType, "", string(makeZip(t, append(many, "word/document.xml", docxBody)...)), entity.KindTooLarge},
		{"not a pdf", "application/pdf", "", "hello", entity.KindInvalid},
		{"cut pdf", "application/pdf", "", pdf[:len(pdf)/2], entity.KindInvalid},
		{"pdf without pages", "application/pdf", "", strings.Replace(pdf, "/Count 1", "/Count 0", 1), entity.KindInvalid},
		{"encrypted pdf", "application/pdf", "", strings.Replace(pdf, "/Root 1 0 R", "/Root 1 0 R /ID [(a)(b)] /Encrypt << /Filter /Standard /V 1 /R 2 /O (12345678901234567890123456789012) /U (12345678901234567890123456789012) /P -4 >>", 1), entity.KindUnsupported},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := text(t, x, c.contentType, c.filename, []byte(c.doc))
			var e *entity.Error
			if !errors.As(err, &e) || e.Kind != c.kind || e.Message == "" || len(e.Message) > 400 {
				t.Errorf("%v: %v, want %v", entity.KindOf(err), err, c.kind)
			}
			if r.Text != "" {
				t.Errorf("and yet text: %.100q", r.Text)
			}
		})
	}
}

// Text is cut off at a character, and it is said.
func TestTruncated(t *testing.T) {
	x := New(Options{MaxText: 1000, MaxInput: 1 << 20, Command: child("read")})
	long := strings.Repeat("é日x ", 1<<16)
	for contentType, doc := range map[string]string{
		"text/plain": strings.Repeat(long, 50), "text/markdown": strings.Repeat(long, 50), "text/csv": strings.Repeat("é,日\n", 1<<20), "text/html": "<p>" + long,
		"application/json": `["` + long + `"]`, "application/pdf": string(makePDF(strings.Repeat("wordy ", 1000), "more")),
		docxType: string(makeZip(t, "word/document.xml", "<w:document><w:t>"+long+"</w:t></w:document>")),
	} {
		r, err := text(t, x, contentType, "", []byte(doc))
		if err != nil || !r.Truncated || len(r.Text) > 1000 || len(r.Text) < 990 {
			t.Errorf("%s: %d bytes, %v, %v", contentType, len(r.Text), r.Truncated, err)
		}
	}
	one := strings.Repeat("x", 50<<20) // of which 4000 bytes are read
	r, err := x.Text(context.Background(), "text/plain", "", strings.NewReader(one), -1)
	if err != nil || len(r.Text) != 1000 || !r.Truncated {
		t.Errorf("50 MB of one word: %d bytes, %v", len(r.Text), err)
	}
}

// What a child does, it does to itself.
func TestChildren(t *testing.T) {
	doc := makePDF("Hello")
	for kind, want := range map[string]entity.Kind{"hang": entity.KindTooLarge, "deep": entity.KindInvalid, "babble": entity.KindTooLarge} {
		x := New(Options{Command: child(kind), MaxText: 1 << 10, Deadline: 300 * time.Millisecond})
		if kind != "hang" {
			x.o.Deadline = 20 * time.Second
		}
		if _, err := text(t, x, "application/pdf", "", doc); entity.KindOf(err) != want {
			t.Errorf("%s: %v", kind, err)
		}
	}
	loop := bytes.Replace(doc, []byte("/Kids [4 0 R ]"), []byte("/Kids [2 0 R ]"), 1)
	x := New(Options{Command: child("read"), Deadline: 300 * time.Millisecond})
	if _, err := text(t, x, "application/pdf", "", loop); entity.KindOf(err) != entity.KindTooLarge {
		t.Errorf("a PDF whose pages are in themselves: %v", err)
	}
	x = New(Options{Command: child("lie"), MaxText: 100})
	if r, err := text(t, x, "application/pdf", "", doc); err != nil || len(r.Text) > 100 || !r.Truncated {
		t.Errorf("%+v, %v", r, err)
	}
	t.Setenv("STEMMA_SECRET", "secret")
	if r, err := text(t, New(Options{Command: child("environ")}), "application/pdf", "", doc); err != nil || strings.Contains(r.Text, "secret") || !strings.Contains(r.Text, "GOMEMLIMIT") {
		t.Errorf("the child was given %q, %v", r.Text, err)
	}
	missing := func(ctx context.Context) *exec.Cmd { return exec.CommandContext(ctx, "/nonexistent") }
	if _, err := text(t, New(Options{Command: missing}), "application/pdf", "", doc); entity.KindOf(err) != entity.KindInternal {
		t.Error(err)
	}
	if _, err := text(t, New(Options{}), "application/pdf", "", doc); entity.KindOf(err) != entity.KindUnsupported {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	started := func(ctx context.Context) *exec.Cmd { cancel(); return child("hang")(ctx) }
	if _, err := New(Options{Command: started}).Text(ctx, "application/pdf", "", bytes.NewReader(doc), -1); entity.KindOf(err) != entity.KindCanceled {
		t.Error(err)
	}
}

func TestReaderFails(t *testing.T) {
	broken := errors.New("broken disk")
	for _, r := range []io.Reader{iotest.ErrReader(broken), io.MultiReader(strings.NewReader(strings.Repeat("x", 600)), iotest.ErrReader(broken))} {
		if _, err := extractor().Text(context.Background(), "text/plain", "", r, -1); !errors.Is(err, broken) || entity.KindOf(err) != entity.KindInternal {
			t.Error(err)
		}
	}
	gone := entity.NotFound("files.Get", "gone")
	if _, err := extractor().Text(context.Background(), "text/plain", "", iotest.ErrReader(gone), -1); entity.KindOf(err) != entity.KindNotFound {
		t.Error(err)
	}
}

// PDFs with random changes give a text or an error, and the server lives.
func TestMutatedPDF(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	x, whole := New(Options{Command: child("read"), MaxText: 1 << 10}), makePDF("Hello (register)", "second page")
	for range 60 {
		doc := bytes.Clone(whole)
		for range 1 + r.IntN(4) {
			switch at := r.IntN(len(doc) - 20); r.IntN(3) {
			case 0:
				doc[at] = byte(r.IntN(256))
			case 1:
				doc = append(doc[:at], doc[at+r.IntN(20):]...)
			case 2:
				from := r.IntN(len(doc) - 20)
				doc = append(doc[:at:at], append(bytes.Clone(doc[from:from+r.IntN(20)]), doc[at:]...)...)
			}
		}
		judge(t, x, "application/pdf", doc)
	}
}
