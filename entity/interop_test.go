package entity_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ipld/go-ipld-prime/codec/dagcbor"
	"github.com/ipld/go-ipld-prime/codec/dagjson"
	"github.com/ipld/go-ipld-prime/datamodel"
	"github.com/ipld/go-ipld-prime/fluent/qp"
	cidlink "github.com/ipld/go-ipld-prime/linking/cid"
	"github.com/ipld/go-ipld-prime/node/basicnode"

	"stemma/entity"
)

// assemble writes a value of the form of Properties into a go-ipld-prime node.
func assemble(v any) qp.Assemble {
	switch v := v.(type) {
	case nil:
		return qp.Null()
	case bool:
		return qp.Bool(v)
	case int64:
		return qp.Int(v)
	case float64:
		return qp.Float(v)
	case string:
		return qp.String(v)
	case []byte:
		return qp.Bytes(v)
	case entity.Link:
		return qp.Link(cidlink.Link{Cid: v.CID})
	case []any:
		return qp.List(int64(len(v)), func(l datamodel.ListAssembler) {
			for _, x := range v {
				qp.ListEntry(l, assemble(x))
			}
		})
	case map[string]any:
		return qp.Map(int64(len(v)), func(m datamodel.MapAssembler) {
			for k, x := range v {
				qp.MapEntry(m, k, assemble(x))
			}
		})
	}
	panic(fmt.Sprintf("value of type %T", v))
}

func primeEncode(v any) ([]byte, error) {
	b := basicnode.Prototype.Any.NewBuilder()
	if err := catch(func() { assemble(v)(b) }); err != nil {
		return nil, err
	}
	return primeReencode(b.Build())
}

// catch turns the panic that qp uses for errors back into one.
func catch(fn func()) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	fn()
	return nil
}

func primeDecode(block []byte) (datamodel.Node, error) {
	b := basicnode.Prototype.Any.NewBuilder()
	if err := dagcbor.Decode(b, bytes.NewReader(block)); err != nil {
		return nil, err
	}
	return b.Build(), nil
}

func primeReencode(n datamodel.Node) ([]byte, error) {
	var out bytes.Buffer
	err := dagcbor.Encode(n, &out)
	return out.Bytes(), err
}

// The reference implementation writes the same bytes for the same value, reads
// ours, and what it writes as DAG-JSON we read back as the same value.
func TestPrimeAgreesOnGoldens(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.name, func(t *testing.T) {
			source := parseSource(t, v)
			block, err := primeEncode(source)
			if err != nil || !slices.Equal(block, v.block) {
				t.Fatalf("go-ipld-prime writes %.1000x, %v; want %.1000x", block, err, v.block)
			}
			n, err := primeDecode(v.block)
			if err != nil {
				t.Fatal(err)
			}
			if again, err := primeReencode(n); err != nil || !slices.Equal(again, v.block) {
				t.Errorf("go-ipld-prime decodes and writes %.1000x, %v", again, err)
			}
			var text bytes.Buffer
			if err := dagjson.Encode(n, &text); err != nil {
				t.Fatal(err)
			}
			back, err := entity.ParseJSON(text.Bytes(), entity.MaxDepth+wrapperDepth)
			if err != nil || !entity.EqualValues(back, any(source)) {
				t.Errorf("DAG-JSON %s came back as %v, %v", text.Bytes(), back, err)
			}
		})
	}
}

// The JavaScript implementation gives every golden its bytes and CID, and
// refuses what we refuse.
func TestNodeComputesTheSameCIDs(t *testing.T) {
	dir := filepath.Join(vectorDir, "js")
	if _, err := os.Stat(filepath.Join(dir, "node_modules")); err != nil {
		t.Fatalf("%s has no node_modules: run make test (it runs npm ci there): %v", dir, err)
	}
	cmd := exec.CommandContext(t.Context(), "node", "check.mjs")
	cmd.Dir = dir
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node check.mjs: %v\n%s", err, stderr.String())
	}
	got := map[string]string{}
	for line := range strings.Lines(string(out)) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name == "refused" {
			name, rest, _ = strings.Cut(rest, " ")
		}
		got[name] = rest
	}
	for _, v := range vectors(t) {
		if want := fmt.Sprintf("%s %x", v.cid, v.block); got[v.name] != want {
			t.Errorf("%s: npm @ipld/dag-cbor gives\n%.1000s\nwant\n%.1000s", v.name, got[v.name], want)
		}
		delete(got, v.name)
	}
	for _, n := range []string{"NaN", "Infinity", "-Infinity"} {
		if got[n] != "true" {
			t.Errorf("npm @ipld/dag-cbor does not refuse %s", n)
		}
		delete(got, n)
	}
	if len(got) > 0 {
		t.Errorf("node printed more than the goldens: %v", got)
	}
}
