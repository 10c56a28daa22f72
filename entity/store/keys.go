package store

import (
	"encoding/binary"

	"stemma/entity"
)

// First bytes of the keys; the table is in doc.go.
const (
	spaceBlock     = 'b'
	spaceHead      = 'h'
	spaceVersion   = 'v'
	spaceLog       = 'l'
	spaceChainHead = 'k'
	spaceChain     = 'c'
	spaceRows      = 'p'
	spaceSecret    = 's'
	spaceMeta      = 'm'
	spaceWipe      = 'w'
)

func blockKey(d entity.Digest) []byte {
	return append(append(make([]byte, 0, 1+digestSize), spaceBlock), d[:]...)
}

func wipeKey(d entity.Digest) []byte { return append([]byte{spaceWipe}, d[:]...) }

func headKey(id entity.ID) []byte { return textKey(spaceHead, string(id)) }

func versionKey(id entity.ID, ver int64) []byte {
	return binary.BigEndian.AppendUint64(textKey(spaceVersion, string(id)), uint64(ver))
}

func logKey(last entity.Seq) []byte {
	return binary.BigEndian.AppendUint64([]byte{spaceLog}, uint64(last))
}

func chainHeadKey(id entity.ID, chain string) []byte {
	return append(textKey(spaceChainHead, string(id)), chain...)
}

func chainPrefix(id entity.ID, chain string) []byte {
	return append(append(textKey(spaceChain, string(id)), chain...), 0)
}

func chainKey(id entity.ID, chain string, n int64) []byte {
	return binary.BigEndian.AppendUint64(chainPrefix(id, chain), uint64(n))
}

func secretKey(name string) []byte { return textKey(spaceSecret, name) }

func metaKey(name string) []byte { return textKey(spaceMeta, name) }

func rowsPrefix(projection string) []byte { return append(textKey(spaceRows, projection), 0) }

// textKey has room for most keys, of a constant size, so that one that is only
// looked up need not be allocated.
func textKey(space byte, s string) []byte {
	return append(append(make([]byte, 0, 128), space), s...)
}

// tailNumber is the big-endian number at a key's end.
func tailNumber(key []byte) uint64 { return binary.BigEndian.Uint64(key[len(key)-8:]) }
