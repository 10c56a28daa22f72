package car_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/ipfs/go-cid"

	"stemma/entity"
	"stemma/versions/car"
)

// piece is a block of a test.
type piece struct {
	cid  entity.CID
	data []byte
}

func cborPiece(t testing.TB, v any) piece {
	t.Helper()
	b, c, err := entity.EncodeBlock(v)
	if err != nil {
		t.Fatal(err)
	}
	return piece{c, b}
}

func rawPiece(data string) piece { return piece{entity.SumRaw([]byte(data)), []byte(data)} }

// some are a few blocks of both kinds, also empty ones.
func some(t testing.TB) []piece {
	first := cborPiece(t, map[string]any{"text": "first", "n": int64(1)})
	return []piece{
		first,
		rawPiece("hello world"),
		cborPiece(t, map[string]any{"prev": entity.Link{CID: first.cid}, "text": strings.Repeat("long ", 70_000)}),
		rawPiece(""),
		rawPiece(strings.Repeat("0123456789", 100_000)),
		cborPiece(t, map[string]any{}),
	}
}

// file writes pieces, raw ones as a stream.
func file(t testing.TB, roots []entity.CID, pieces ...piece) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := car.NewWriter(&out, roots...)
	for i := 0; i < len(pieces) && err == nil; i++ {
		p := pieces[i]
		if p.cid.Type() == cid.Raw {
			err = w.WriteFrom(p.cid, int64(len(p.data)), iotest.HalfReader(bytes.NewReader(p.data)))
		} else {
			err = w.Write(p.cid, p.data)
		}
	}
	if err == nil {
		err = w.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	if w.Size() != int64(out.Len()) {
		t.Errorf("Size %d of a file of %d bytes", w.Size(), out.Len())
	}
	return out.Bytes()
}

// read reads a file to its end. Refused blocks are given by their messages.
func read(r io.Reader, limits car.Limits) (roots []entity.CID, pieces []piece, refused []string, err error) {
	in, err := car.NewReader(r, limits)
	if err != nil {
		return nil, nil, nil, err
	}
	for {
		b, err := in.Next()
		var one *car.BlockError
		switch {
		case err == io.EOF:
			return in.Roots(), pieces, refused, nil
		case errors.As(err, &one):
			refused = append(refused, err.Error())
			continue
		case err != nil:
			return in.Roots(), pieces, refused, err
		}
		if b.Content != nil {
			if b.Data, err = io.ReadAll(b.Content); err != nil {
				if errors.As(err, &one) {
					refused = append(refused, err.Error())
					continue
				}
				return in.Roots(), pieces, refused, err
			}
		}
		if int64(len(b.Data)) != b.Size {
			return nil, nil, nil, fmt.Errorf("%s has %d bytes, Size says %d", b.CID, len(b.Data), b.Size)
		}
		pieces = append(pieces, piece{b.CID, b.Data})
	}
}

func same(a, b []piece) bool {
	return slices.EqualFunc(a, b, func(x, y piece) bool { return x.cid == y.cid && bytes.Equal(x.data, y.data) })
}

// What was written is read, however the bytes come in.
func TestRoundTrip(t *testing.T) {
	want := some(t)
	for _, roots := range [][]entity.CID{nil, {want[2].cid}, {want[1].cid, want[0].cid, want[1].cid}} {
		b := file(t, roots, want...)
		for name, r := range map[string]io.Reader{
			"whole": bytes.NewReader(b), "halves": iotest.HalfReader(bytes.NewReader(b)), "bytes": iotest.OneByteReader(bytes.NewReader(b)), "early end": iotest.DataErrReader(bytes.NewReader(b)),
		} {
			gotRoots, got, refused, err := read(r, car.Limits{})
			if err != nil || len(refused) > 0 || !slices.Equal(gotRoots, roots) || !same(got, want) {
				t.Errorf("%s: roots %v, %d blocks, refused %v, %v", name, gotRoots, len(got), refused, err)
			}
		}
	}
}

// npm @ipld/car reads our file as we wrote it, and writes the same file.
func TestNodeReadsAndWrites(t *testing.T) {
	dir := filepath.Join("..", "..", "testdata", "manifests", "js")
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "@ipld", "car")); err != nil {
		t.Fatalf("%s has no @ipld/car: run make js (npm ci there): %v", dir, err)
	}
	pieces := some(t)
	roots := []entity.CID{pieces[2].cid, pieces[1].cid}
	ours := file(t, roots, pieces...)
	from, to := filepath.Join(t.TempDir(), "ours.car"), filepath.Join(t.TempDir(), "theirs.car")
	if err := os.WriteFile(from, ours, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", "car.mjs", from, to)
	cmd.Dir = dir
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node car.mjs: %v\n%s", err, stderr.String())
	}
	want := "version 1\n"
	for _, c := range roots {
		want += fmt.Sprintf("root %s\n", c)
	}
	for _, p := range pieces {
		want += fmt.Sprintf("block %s %d\n", p.cid, len(p.data))
	}
	if string(out) != want {
		t.Errorf("node reads\n%s\nwant\n%s", out, want)
	}
	theirs, err := os.ReadFile(to)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(theirs, ours) {
		t.Error("node writes another file")
	}
	gotRoots, got, refused, err := read(bytes.NewReader(theirs), car.Limits{})
	if err != nil || len(refused) > 0 || !slices.Equal(gotRoots, roots) || !same(got, pieces) {
		t.Errorf("node's file: roots %v, %d blocks, refused %v, %v", gotRoots, len(got), refused, err)
	}
}

// section is a section by hand.
func section(name, data []byte) []byte {
	return slices.Concat(binary.AppendUvarint(nil, uint64(len(name)+len(data))), name, data)
}

// One bad block is refused by name and place; its neighbours are read.
func TestRefusedBlocks(t *testing.T) {
	good, last := cborPiece(t, map[string]any{"a": int64(1)}), rawPiece("end")
	forged := cborPiece(t, map[string]any{"a": int64(2)})
	v0, err := cid.Decode("QmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR1n")
	if err != nil {
		t.Fatal(err)
	}
	identity, err := cid.Decode("bafkqaaa")
	if err != nil {
		t.Fatal(err)
	}
	dagPB := cid.NewCidV1(cid.DagProtobuf, good.cid.Hash())
	for name, c := range map[string]struct {
		bad  []byte
		want string
	}{
		"forged":       {section(forged.cid.Bytes(), good.data), forged.cid.String() + " at byte %d: its bytes have another hash"},
		"forged raw":   {section(last.cid.Bytes(), []byte("END")), last.cid.String() + " at byte %d: its bytes have another hash"},
		"version 0":    {section(v0.Bytes(), []byte("some")), v0.String() + " at byte %d: its CID is not version 1"},
		"dag-pb":       {section(dagPB.Bytes(), good.data), dagPB.String() + " at byte %d: its CID is not version 1"},
		"identity":     {section(identity.Bytes(), nil), "bafkqaaa at byte %d: its CID is not version 1"},
		"nameless":     {section([]byte("xyz"), nil), "without a name at byte %d: its CID is not version 1"},
		"zero padding": {[]byte{0}, "without a name at byte %d: its CID is not version 1"},
		"large":        {section(forged.cid.Bytes(), make([]byte, 101)), forged.cid.String() + " at byte %d: it has 101 bytes; at most 100 are taken"},
		"large raw":    {section(last.cid.Bytes(), make([]byte, 201)), last.cid.String() + " at byte %d: it has 201 bytes; at most 200 are taken"},
	} {
		before := file(t, nil, good)
		b := slices.Concat(before, c.bad, section(last.cid.Bytes(), last.data))
		_, got, refused, err := read(iotest.HalfReader(bytes.NewReader(b)), car.Limits{Block: 100, Content: 200})
		want := "block " + fmt.Sprintf(c.want, len(before))
		if err != nil || !same(got, []piece{good, last}) || len(refused) != 1 || !strings.HasPrefix(refused[0], want) {
			t.Errorf("%s: %d blocks, refused %q, %v; want %q", name, len(got), refused, err, want)
		}
	}
}

// A file that is broken as a file is refused as a whole, with its reason.
func TestBrokenFiles(t *testing.T) {
	p := cborPiece(t, map[string]any{"a": int64(1)})
	whole := file(t, []entity.CID{p.cid}, p)
	head := func(v any) []byte {
		b := cborPiece(t, v).data
		return append(binary.AppendUvarint(nil, uint64(len(b))), b...)
	}
	roots := []any{entity.Link{CID: p.cid}}
	for name, c := range map[string]struct {
		file []byte
		kind entity.Kind
		want string
	}{
		"empty":          {nil, entity.KindInvalid, "it is empty"},
		"no header":      {[]byte{0, 1, 2}, entity.KindInvalid, "its header is empty"},
		"text":           {[]byte("Hello, this is a letter and nothing of the kind that was asked for, which is long enough to be a header of sorts"), entity.KindInvalid, "not a CAR file"},
		"cut header":     {whole[:20], entity.KindInvalid, "cut short"},
		"huge header":    {binary.AppendUvarint(nil, 1<<40), entity.KindTooLarge, "at most 4194304"},
		"version 2":      {append([]byte{10}, "\xa1\x67version\x02"...), entity.KindUnsupported, "CARv2"},
		"version 3":      {head(map[string]any{"roots": roots, "version": int64(3)}), entity.KindUnsupported, "version 3"},
		"no version":     {head(map[string]any{"roots": roots}), entity.KindUnsupported, "version 0"},
		"more in header": {head(map[string]any{"roots": roots, "version": int64(1), "x": int64(1)}), entity.KindInvalid, "not a CAR file"},
		"padded length":  {slices.Concat(whole, []byte{0x81, 0x00, 1}), entity.KindInvalid, "fewest bytes"},
		"long length":    {slices.Concat(whole, bytes.Repeat([]byte{0xff}, 12)), entity.KindInvalid, "more than 9 bytes"},
		"cut length":     {slices.Concat(whole, []byte{0x80}), entity.KindInvalid, "cut short"},
		"huge length":    {slices.Concat(whole, binary.AppendUvarint(nil, 1<<62), p.cid.Bytes()), entity.KindInvalid, "cut short"},
		"past int64":     {slices.Concat(whole, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}), entity.KindInvalid, "impossible length"},
	} {
		_, _, _, err := read(bytes.NewReader(c.file), car.Limits{})
		if name == "huge length" { // the block is refused for its size first, and then the file ends
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err == nil || entity.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %s, %q", name, err, c.kind, c.want)
		}
	}
}

// A file that was cut anywhere but between two blocks is an error, and never
// gives a block that was not whole.
func TestCutAnywhere(t *testing.T) {
	pieces := []piece{cborPiece(t, map[string]any{"a": int64(1)}), rawPiece("some content"), cborPiece(t, []any{"x"})}
	whole := file(t, []entity.CID{pieces[0].cid}, pieces...)
	ends := map[int]int{}
	for i := range pieces {
		ends[len(file(t, []entity.CID{pieces[0].cid}, pieces[:i]...))] = i
	}
	for n := range len(whole) {
		_, got, refused, err := read(bytes.NewReader(whole[:n]), car.Limits{})
		if i, ok := ends[n]; ok {
			if err != nil || !same(got, pieces[:i]) {
				t.Errorf("cut at %d, between blocks: %d blocks, %v", n, len(got), err)
			}
			continue
		}
		if err == nil || entity.KindOf(err) != entity.KindInvalid || len(refused) > 0 {
			t.Errorf("cut at %d: %d blocks, refused %v, %v", n, len(got), refused, err)
		}
		if len(got) > len(pieces) || !same(got, pieces[:len(got)]) {
			t.Errorf("cut at %d: other blocks", n)
		}
	}
}

// Content that nobody reads is verified all the same.
func TestUnreadContent(t *testing.T) {
	p := rawPiece("content")
	after := cborPiece(t, []any{})
	b := slices.Concat(file(t, nil), section(p.cid.Bytes(), []byte("CONTENT")), section(after.cid.Bytes(), after.data))
	in, err := car.NewReader(bytes.NewReader(b), car.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if first, err := in.Next(); err != nil || first.CID != p.cid {
		t.Fatalf("%v, %v", first.CID, err)
	}
	var one *car.BlockError
	if _, err := in.Next(); !errors.As(err, &one) || one.Name != p.cid.String() {
		t.Errorf("after unread content: %v", err)
	}
	if next, err := in.Next(); err != nil || next.CID != after.cid {
		t.Errorf("then %v, %v", next.CID, err)
	}
	if _, err := in.Next(); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
	if in.Offset() != int64(len(b)) {
		t.Errorf("offset %d of %d", in.Offset(), len(b))
	}
}

// Content of another size than announced is an error of the writer.
func TestWriteFromShort(t *testing.T) {
	w, err := car.NewWriter(io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	p := rawPiece("12345")
	if err := w.WriteFrom(p.cid, 6, bytes.NewReader(p.data)); entity.KindOf(err) != entity.KindInternal || err == nil {
		t.Errorf("too few bytes: %v", err)
	}
	boom := errors.New("boom")
	if err := w.WriteFrom(p.cid, 5, iotest.ErrReader(boom)); !errors.Is(err, boom) {
		t.Errorf("a failing source: %v", err)
	}
}
