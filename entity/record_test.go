package entity

import (
	"strings"
	"testing"
)

func TestCheckChain(t *testing.T) {
	for name, ok := range map[string]bool{
		"a": true, "steps": true, "a1_b.c-d": true, strings.Repeat("a", 64): true,
		"": false, "A": false, "1a": false, "-a": false, "aB": false, "a b": false, "a/b": false, "é": false, "aé": false, "a\x00": false, "a\n": false, strings.Repeat("a", 65): false,
	} {
		if err := CheckChain(name); (err == nil) != ok || err != nil && KindOf(err) != KindInvalid {
			t.Errorf("%q: %v", name, err)
		}
	}
}
