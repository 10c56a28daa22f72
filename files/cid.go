package files

import (
	"github.com/ipfs/go-cid"

	"stemma/entity"
)

// IsContent tells whether c can name content: CIDv1, raw, SHA-256.
func IsContent(c entity.CID) bool {
	_, ok := entity.DigestOf(c)
	return ok && c.Type() == cid.Raw
}

func checkRaw(op string, c entity.CID) error {
	if !IsContent(c) {
		return entity.Invalid(op, "%s does not name file content; such a CID is version 1, raw, sha2-256 (bafkrei…)", c)
	}
	return nil
}

// parseName is the CID that a file or object of a store is named by; ok is
// false for what is none of ours.
func parseName(name string) (c entity.CID, ok bool) {
	c, err := entity.ParseCID(name)
	return c, err == nil && IsContent(c) && c.String() == name
}
