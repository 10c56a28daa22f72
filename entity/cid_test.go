package entity_test

import (
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/ipfs/go-cid"
	"github.com/multiformats/go-multihash"

	"stemma/entity"
)

// The vectors for content are those of arke-notes 1.4; the empty map's CID is
// the one every dag-cbor implementation gives.
func TestSum(t *testing.T) {
	for content, want := range map[string]string{
		"":            "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku",
		"hello":       "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq",
		"hello world": "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e",
	} {
		if got := entity.SumRaw([]byte(content)); got.String() != want {
			t.Errorf("SumRaw(%q) = %s, want %s", content, got, want)
		}
	}
	if got := entity.SumBlock([]byte{0xa0}); got.String() != "bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua" {
		t.Errorf("SumBlock(empty map) = %s", got)
	}
	if entity.SumBlock([]byte("x")) != entity.CIDOf(sha256.Sum256([]byte("x"))) {
		t.Error("SumBlock and CIDOf differ")
	}
}

func TestDigestOf(t *testing.T) {
	want := entity.Digest(sha256.Sum256([]byte("hello")))
	for _, c := range []entity.CID{entity.CIDOf(want), entity.SumRaw([]byte("hello"))} {
		if d, ok := entity.DigestOf(c); !ok || d != want {
			t.Errorf("DigestOf(%s) = %x, %v", c, d, ok)
		}
	}
	for name, c := range foreignCIDs(t) {
		if d, ok := entity.DigestOf(c); ok && name != "dag-pb" {
			t.Errorf("DigestOf(%s) = %x; want none", name, d)
		}
	}
}

// foreignCIDs are well-formed CIDs that this server never makes.
func foreignCIDs(t *testing.T) map[string]entity.CID {
	t.Helper()
	sum := func(code uint64) multihash.Multihash {
		mh, err := multihash.Sum([]byte("hello"), code, -1)
		if err != nil {
			t.Fatal(err)
		}
		return mh
	}
	short, err := multihash.Sum([]byte("hello"), multihash.SHA2_256, 20)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]entity.CID{
		"undefined": cid.Undef,
		"version 0": cid.NewCidV0(sum(multihash.SHA2_256)),
		"sha2-512":  cid.NewCidV1(cid.DagCBOR, sum(multihash.SHA2_512)),
		"identity":  cid.NewCidV1(cid.DagCBOR, sum(multihash.IDENTITY)),
		"truncated": cid.NewCidV1(cid.DagCBOR, short),
		"dag-pb":    cid.NewCidV1(cid.DagProtobuf, sum(multihash.SHA2_256)),
	}
}

func TestParseCID(t *testing.T) {
	for _, c := range []entity.CID{entity.SumRaw(nil), entity.SumBlock(nil)} {
		if got, err := entity.ParseCID(c.String()); err != nil || got != c {
			t.Errorf("ParseCID(%s) = %s, %v", c, got, err)
		}
	}
	refused := []string{
		"", "x", "bafyrei", "bafy" + strings.Repeat("a", 100_000), "\xff\xff", "z",
		"bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyk",
		"bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvykuu",
		" bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku",
	}
	for name, c := range foreignCIDs(t) {
		if name != "undefined" {
			refused = append(refused, c.String())
		}
	}
	for _, s := range refused {
		if c, err := entity.ParseCID(s); err == nil || entity.KindOf(err) != entity.KindInvalid || c.Defined() {
			t.Errorf("ParseCID(%.70q) = %s, %v; want KindInvalid", s, c, err)
		}
	}
}
