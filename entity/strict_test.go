package entity_test

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"stemma/entity"
)

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// linkHex is tag 42 around the CID of the empty file.
const linkHex = "d82a5825 00 01551220e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// Each accepted block is also what our encoder and go-ipld-prime write for the
// value they read in it.
func TestValidateBlockAccepts(t *testing.T) {
	for name, text := range map[string]string{
		"zero":            "00",
		"23":              "17",
		"24":              "1818",
		"256":             "190100",
		"65536":           "1a00010000",
		"2^32":            "1b0000000100000000",
		"max int64":       "1b7fffffffffffffff",
		"-1":              "20",
		"-25":             "3818",
		"min int64":       "3b7fffffffffffffff",
		"false":           "f4",
		"true":            "f5",
		"null":            "f6",
		"0.1":             "fb3fb999999999999a",
		"1e300":           "fb7e37e43c8800759c",
		"2^63 as a float": "fb43e0000000000000",
		"least float":     "fb0000000000000001",
		"empty bytes":     "40",
		"empty text":      "60",
		"empty array":     "80",
		"empty map":       "a0",
		"text":            "63e282ac",
		"long text":       "7818" + strings.Repeat("61", 24),
		"NUL in text":     "6100",
		"array":           "83010203",
		"sorted keys":     "a3 61 62 01 61 63 02 62 6161 03",
		"empty key":       "a2 60 01 61 61 02",
		"link":            linkHex,
		"link in a map":   "a1 6161" + linkHex,
		"deep":            strings.Repeat("81", 71) + "00",
	} {
		block := unhex(t, text)
		if err := entity.ValidateBlock(block); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		checkCanonical(t, block)
	}
}

// checkCanonical fails unless decoding and encoding gives the block again, with
// our codec and with go-ipld-prime.
func checkCanonical(t testing.TB, block []byte) {
	t.Helper()
	var v any
	if err := entity.DecodeBlock(block, &v); err != nil {
		t.Fatalf("%x is strict and does not decode: %v", block, err)
	}
	again, c, err := entity.EncodeBlock(v)
	if err != nil || !bytes.Equal(again, block) {
		t.Fatalf("%x decodes and encodes to %x, %v", block, again, err)
	}
	if c != entity.SumBlock(block) {
		t.Fatalf("%x: EncodeBlock gives CID %s", block, c)
	}
	if n, ok := entity.BlockSize(slices.Concat(block, block)); !ok || n != len(block) {
		t.Fatalf("%x has %d bytes, BlockSize says %d, %v", block, len(block), n, ok)
	}
	if n, ok := entity.BlockSize(block[:len(block)-1]); ok {
		t.Fatalf("%x without its last byte is a block of %d", block, n)
	}
	n, err := primeDecode(block)
	if err != nil {
		t.Fatalf("%x is strict and go-ipld-prime does not decode it: %v", block, err)
	}
	if again, err = primeReencode(n); err != nil || !bytes.Equal(again, block) {
		t.Fatalf("%x is strict and go-ipld-prime writes %x, %v", block, again, err)
	}
	if again, err = primeEncode(v); err != nil || !bytes.Equal(again, block) {
		t.Fatalf("go-ipld-prime writes the value of %x as %x, %v", block, again, err)
	}
}

// The first nine of these are what one of the decoders we know lets pass
// (shared/LIBRARIES.md, section 2).
func TestValidateBlockRefuses(t *testing.T) {
	for name, tt := range map[string]struct{ text, message string }{
		"unsorted keys":               {"a2 61 62 01 61 61 02", "out of order"},
		"alphabetical, not by length": {"a2 62 6161 01 61 62 02", "out of order"},
		"half float":                  {"f93c00", "short float"},
		"half float 1.5":              {"f93e00", "short float"},
		"single float":                {"fa3fc00000", "short float"},
		"undefined":                   {"f7", "simple value"},
		"undefined in a map":          {"a1 6161 f7", "simple value"},
		"tag 0":                       {"c0 60", "only 42"},
		"tag 1":                       {"c1 00", "only 42"},
		"tag 55799":                   {"d9d9f7 00", "only 42"},
		"bignum":                      {"c2 49 010000000000000000", "only 42"},
		"bad UTF-8":                   {"61ff", "not valid UTF-8"},
		"overlong UTF-8":              {"62c080", "not valid UTF-8"},
		"surrogate in UTF-8":          {"63eda080", "not valid UTF-8"},
		"bad UTF-8 key":               {"a1 61ff 00", "key is not valid UTF-8"},
		"-2^64":                       {"3bffffffffffffffff", "does not fit"},
		"-2^63-1":                     {"3b8000000000000000", "does not fit"},
		"2^63":                        {"1b8000000000000000", "does not fit"},
		"2^64-1":                      {"1bffffffffffffffff", "does not fit"},
		"0 in 1 byte":                 {"1800", "shortest form"},
		"23 in 1 byte":                {"1817", "shortest form"},
		"255 in 2":                    {"1900ff", "shortest form"},
		"65535 in 4":                  {"1a0000ffff", "shortest form"},
		"2^32-1 in 8":                 {"1b00000000ffffffff", "shortest form"},
		"-24 in 1 byte":               {"3817", "shortest form"},
		"long head of text":           {"7801 61", "shortest form"},
		"long head of a map":          {"b800", "shortest form"},
		"long head of an array":       {"990001 00", "shortest form"},
		"long head of bytes":          {"5800", "shortest form"},
		"long head of a tag":          {"d9002a" + linkHex[4:], "shortest form"},
		"indefinite text":             {"7f 6161 ff", "indefinite"},
		"indefinite bytes":            {"5f ff", "indefinite"},
		"indefinite array":            {"9f ff", "indefinite"},
		"indefinite map":              {"bf ff", "indefinite"},
		"break":                       {"ff", "simple value"},
		"reserved length":             {"1c", "reserved"},
		"duplicate keys":              {"a2 6161 01 6161 02", "repeated"},
		"trailing bytes":              {"0000", "after the item"},
		"two items":                   {"a0a0", "after the item"},
		"NaN":                         {"fb7ff8000000000000", "finite"},
		"NaN, other payload":          {"fbfff0000000000001", "finite"},
		"half NaN":                    {"f97e00", "short float"},
		"+Inf":                        {"fb7ff0000000000000", "finite"},
		"-Inf":                        {"fbfff0000000000000", "finite"},
		"1.0":                         {"fb3ff0000000000000", "whole number"},
		"0.0":                         {"fb0000000000000000", "whole number"},
		"-0.0":                        {"fb8000000000000000", "whole number"},
		"2^53 as a float":             {"fb4340000000000000", "whole number"},
		"-2^63 as a float":            {"fbc3e0000000000000", "whole number"},
		"simple 0":                    {"e0", "simple value"},
		"simple 255":                  {"f8ff", "simple value"},
		"false in two bytes":          {"f814", "simple value"},
		"integer key":                 {"a1 01 02", "key is not text"},
		"bytes key":                   {"a1 4161 02", "key is not text"},
		"tag 42 around text":          {"d82a 6161", "not a byte string"},
		"tag 42 around nothing":       {"d82a 40", "zero byte"},
		"tag 42 without zero":         {"d82a 4101", "zero byte"},
		"tag 42 without CID":          {"d82a 4100", "does not hold a CID"},
		"tag 42 with more":            {"d82a 5826 00 01551220e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 00", "does not hold a CID"},
		"tag 42 with less":            {"d82a 5824 00 01551220e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b8", "does not hold a CID"},
		"tag 42 as a string of a CID": {"d82a 5803 006261", "shortest form"},
		"nothing":                     {"", "ends early"},
		"cut integer":                 {"19 01", "ends early"},
		"cut text":                    {"62 61", "ends early"},
		"cut array":                   {"82 01", "ends early"},
		"cut map":                     {"a1 6161", "ends early"},
		"cut key":                     {"a1", "ends early"},
		"cut float":                   {"fb3fb9", "ends early"},
		"cut link":                    {"d82a", "ends early"},
		"text of 2^63 bytes":          {"7bffffffffffffffff 61", "ends early"},
		"array of 2^64 elements":      {"9bffffffffffffffff 00", "ends early"},
		"map of 2^64 pairs":           {"bbffffffffffffffff 6161 00", "ends early"},
		"too deep":                    {strings.Repeat("81", 72) + "00", "nested deeper"},
		"far too deep":                {strings.Repeat("81", 100_000), "nested deeper"},
		"too deep in maps":            {strings.Repeat("a1 6161", 72) + "00", "nested deeper"},
	} {
		err := entity.ValidateBlock(unhex(t, tt.text))
		if err == nil || entity.KindOf(err) != entity.KindInvalid || !strings.Contains(err.Error(), tt.message) || !strings.Contains(err.Error(), "at byte") {
			t.Errorf("%s: %v; want KindInvalid with %q and the offset", name, err, tt.message)
		}
	}
}

// Every single-byte change and every cut of a golden is either refused or
// another canonical block: nothing decodes that would not encode to itself.
func TestValidateBlockMutations(t *testing.T) {
	for _, v := range vectors(t) {
		if len(v.block) > 600 {
			continue // the small ones have every form there is
		}
		for i := range v.block {
			if err := entity.ValidateBlock(v.block[:i]); err == nil {
				t.Fatalf("%s: the first %d bytes alone are accepted", v.name, i)
			}
			for _, flip := range []byte{0x01, 0x60, 0xff} {
				block := bytes.Clone(v.block)
				block[i] ^= flip
				if entity.ValidateBlock(block) == nil {
					checkCanonical(t, block)
				}
			}
		}
	}
}
