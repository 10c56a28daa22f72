package gitimport

import (
	"crypto/sha256"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"stemma/entity"
)

// maxMillis is the last millisecond of the year 9999, the last that
// [entity.TimeLayout] can write. It fits in a ULID's 48 bits.
const maxMillis = 253402300799999

// millis is t within what a manifest and an identifier can hold: git takes any
// time a client claims.
func millis(t time.Time) int64 {
	return max(0, min(t.UnixMilli(), maxMillis))
}

// stamp is t as a property.
func stamp(t time.Time) string { return entity.FormatMillis(millis(t)) }

// ids derives identifiers. Equal input gives equal identifiers, for ever: a
// change here makes every import begin anew.
type ids struct {
	network    entity.Network
	collection entity.ID
	born       int64 // time of the root commit, ms
}

func newIDs(network entity.Network, label string, root plumbing.Hash, born time.Time) ids {
	d := ids{network: network, born: millis(born)}
	d.collection = d.derive(d.born, "collection", label+"\x00"+root.String())
	return d
}

// derive makes a ULID of a time and 80 bits of SHA-256.
func (d ids) derive(ms int64, kind, key string) entity.ID {
	sum := sha256.Sum256([]byte("stemma import git\x00" + string(d.collection) + "\x00" + kind + "\x00" + key))
	return entity.DeriveID(d.network, ms, sum)
}

func (d ids) file(path string) entity.ID   { return d.derive(d.born, typeFile, path) }
func (d ids) folder(path string) entity.ID { return d.derive(d.born, entity.TypeFolder, path) }
func (d ids) person(key string) entity.ID  { return d.derive(d.born, typePerson, key) }

// commit takes the time of the commit itself, so that commits sort by time.
func (d ids) commit(hash plumbing.Hash, at time.Time) entity.ID {
	return d.derive(millis(at), typeCommit, hash.String())
}
