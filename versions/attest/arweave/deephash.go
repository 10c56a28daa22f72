package arweave

import (
	"crypto/sha512"
	"strconv"
)

// digest is a step of the deep hash of Arweave 2.0.
type digest = [sha512.Size384]byte

// deepHash is that of a list of blobs: each is hashed with its tag and then
// folded into the hash of the list's tag.
func deepHash(list ...[]byte) digest {
	sum := sha512.Sum384([]byte("list" + strconv.Itoa(len(list))))
	for _, blob := range list {
		tag := sha512.Sum384([]byte("blob" + strconv.Itoa(len(blob))))
		content := sha512.Sum384(blob)
		leaf := sha512.Sum384(append(tag[:], content[:]...))
		sum = sha512.Sum384(append(sum[:], leaf[:]...))
	}
	return sum
}
