package entity

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// The encoder of manifests, blocks of chains, records and heads writes what the general one does,
// for values at random.
func TestEncoderIsTheGeneralOne(t *testing.T) {
	seed := rand.Uint64()
	t.Log("seed", seed)
	g := valueGenerator{rand.New(rand.NewPCG(seed, 1))}
	for range 300 {
		m := &Manifest{
			Schema: Schema, ID: ID(g.text()), Type: g.text(), CreatedAt: g.text(), Ver: g.number(), TS: g.number(), Prev: g.link(), Properties: g.object(3),
			EditedBy: Actor{UserID: ID(g.text()), Method: g.text(), OnBehalfOf: ID(g.text())}, Note: g.text(),
		}
		for range g.IntN(4) {
			m.Relationships = append(m.Relationships, Relationship{Predicate(g.text()), ID(g.text()), g.text(), g.text(), g.object(2)})
		}
		g.compare(t, m)
		g.compare(t, &ChainBlock{ID: ID(g.text()), Chain: g.text(), N: g.number(), TS: g.number(), Prev: g.link(), Body: g.object(3)})
		r := &Record{Seq: Seq(g.Uint64()), At: g.number(), Actor: m.EditedBy}
		for range g.IntN(4) {
			r.Changes = append(r.Changes, Change{ID: ID(g.text()), Kind: ChangeKind(g.IntN(256)), Type: g.text(), Collection: ID(g.text()), Ver: g.number(), Old: Digest{byte(g.Uint32())}, New: Digest{31: byte(g.Uint32())}, Chain: g.text()})
		}
		g.compare(t, r)
		g.compare(t, &Head{Tip: Digest{1}, Ver: g.number(), TS: g.number(), CreatedAt: g.number(), Type: g.text(), Label: g.text(), Collection: ID(g.text()), Deleted: g.IntN(2) == 0})
	}
}

func TestEncoderRefuses(t *testing.T) {
	for _, v := range []any{int(1), func() {}, struct{}{}, map[string]string{}} {
		if b, _, err := EncodeBlock(&ChainBlock{Body: Properties{"x": []any{v}}}); KindOf(err) != KindInvalid {
			t.Errorf("%T: %x, %v; want KindInvalid", v, b, err)
		}
	}
}

type valueGenerator struct{ *rand.Rand }

func (g valueGenerator) compare(t *testing.T, v any) {
	t.Helper()
	want, err := encMode.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	got, c, err := EncodeBlock(v)
	if err != nil || !bytes.Equal(got, want) || c != SumBlock(want) {
		t.Fatalf("%+v:\n%x, want\n%x, %v", v, got, want, err)
	}
	if same, err := encodesTo(v, want); !same || err != nil {
		t.Fatalf("%+v does not encode to itself: %v", v, err)
	}
}

func (g valueGenerator) text() string {
	return strings.Repeat("é", g.IntN(3)) + strings.Repeat("ab", []int{0, 1, 3, 11, 12, 13, 100, 150}[g.IntN(8)])
}

func (g valueGenerator) number() int64 {
	n := g.Int64() >> g.IntN(64)
	return []int64{n, -n, math.MinInt64, math.MaxInt64, 0, 23, 24, 255, 256, 65535, 65536, -24, -25, 1 << 32}[g.IntN(14)]
}

func (g valueGenerator) link() *Link {
	if g.IntN(3) == 0 {
		return nil
	}
	return &Link{SumBlock([]byte{byte(g.IntN(256))})}
}

func (g valueGenerator) object(depth int) Properties {
	if g.IntN(8) == 0 {
		return nil
	}
	p := Properties{}
	for range g.IntN(30) {
		p[fmt.Sprint(g.IntN(3), g.text())] = g.value(depth - 1)
	}
	return p
}

func (g valueGenerator) value(depth int) any {
	switch n := g.IntN(9); {
	case n == 0:
		return nil
	case n == 1:
		return g.IntN(2) == 0
	case n == 2:
		return g.number()
	case n == 3:
		return g.NormFloat64()
	case n == 4:
		return []byte(g.text())
	case n == 5:
		return *orLink(g.link())
	case n == 6 && depth > 0:
		list := []any{}
		for range g.IntN(26) {
			list = append(list, g.value(depth-1))
		}
		return list
	case n == 7 && depth > 0:
		return g.object(depth)
	}
	return g.text()
}

func orLink(l *Link) *Link {
	if l == nil {
		return &Link{SumBlock(nil)}
	}
	return l
}
