package entity

import "github.com/oklog/ulid/v2"

// DeriveID makes the identifier of the network with the time given, in
// milliseconds since 1970 (of at most 48 bits), and the first 80 bits of a
// digest. Equal input gives an equal identifier, for ever: imports name things
// by it, so that a thing can be referred to before it is written and is found
// again when the import is repeated.
func DeriveID(n Network, ms int64, sum Digest) ID {
	var u ulid.ULID
	// Neither fails: ms is cut to 48 bits, and the entropy has its ten bytes.
	_ = u.SetTime(uint64(ms) & (1<<48 - 1))
	_ = u.SetEntropy(sum[:10])
	id := u.String()
	if n == Test {
		id = testPrefix + id[len(testPrefix):]
	}
	return ID(id)
}
