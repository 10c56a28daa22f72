package run

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"

	"github.com/oklog/ulid/v2"

	"stemma/entity"
)

// The prefixes of names.
const (
	prefixRun     = "run_"
	prefixSession = "sess_"
)

// entryPrefixes begin the names of entries.
var entryPrefixes = map[Kind]string{KindStep: "step_", KindTool: "tc_", KindContext: "ctx_"}

// Name is what clients call a run.
func Name(id entity.ID) string { return prefixRun + uuidOf(id) }

// SessionName is what clients call a session.
func SessionName(id entity.ID) string { return prefixSession + uuidOf(id) }

// ParseName is the run of a name. KindNotFound for what is none: a client that
// has it wrong is told the same as one that has another's.
func ParseName(n entity.Network, name string) (entity.ID, error) {
	return parseName(n, prefixRun, name, "run")
}

// ParseSession is the session of a name. KindNotFound.
func ParseSession(n entity.Network, name string) (entity.ID, error) {
	return parseName(n, prefixSession, name, "session")
}

// ids of the test network have two letters in place of the first two digits of
// a ULID, which are always "01" until the year 2039 and of no meaning there.
const (
	testLetters = "II"
	testDigits  = "01"
)

func uuidOf(id entity.ID) string {
	text := string(id)
	if id.Network() == entity.Test {
		text = testDigits + text[len(testLetters):]
	}
	u, err := ulid.ParseStrict(text)
	if err != nil { // an id of an earlier system, past 128 bits
		return strings.ToLower(string(id))
	}
	return formatUUID(u)
}

func parseName(n entity.Network, prefix, name, what string) (entity.ID, error) {
	const op = "run.ParseName"
	absent := func() (entity.ID, error) {
		return "", entity.NotFound(op, "there is no %s %q; its name begins with %s and is what its creation was answered with", what, clip(name), prefix)
	}
	rest, ok := strings.CutPrefix(name, prefix)
	if !ok {
		if id, err := entity.ParseID(name); err == nil {
			return id, nil // the entity's own
		}
		return absent()
	}
	b, ok := parseUUID(rest)
	if !ok {
		if id, err := entity.ParseID(strings.ToUpper(rest)); err == nil {
			return id, nil
		}
		return absent()
	}
	id := ulid.ULID(b).String()
	if n == entity.Test {
		id = testLetters + id[len(testLetters):]
	}
	return entity.ID(id), nil
}

func formatUUID(b [16]byte) string {
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

func parseUUID(s string) (b [16]byte, ok bool) {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' || strings.ToLower(s) != s {
		return b, false
	}
	_, err := hex.Decode(b[:], []byte(strings.ReplaceAll(s, "-", "")))
	return b, err == nil
}

// EntryName is what clients call an entry of a run: ten bytes of the run's hash
// and six of the place in the chain.
func EntryName(id entity.ID, k Kind, n int64) string {
	var b [16]byte
	copy(b[:], entrySeed(id))
	var at [8]byte
	binary.BigEndian.PutUint64(at[:], uint64(n))
	copy(b[10:], at[2:])
	return entryPrefixes[k] + formatUUID(b)
}

func entrySeed(id entity.ID) []byte {
	sum := sha256.Sum256([]byte("entry of run " + id))
	return sum[:10]
}

// ParseEntry is the place in the chain of a run of an entry's name; ok is false
// for what names no entry of that run.
func ParseEntry(id entity.ID, k Kind, name string) (n int64, ok bool) {
	rest, ok := strings.CutPrefix(name, entryPrefixes[k])
	if !ok {
		return 0, false
	}
	b, ok := parseUUID(rest)
	if !ok || string(b[:10]) != string(entrySeed(id)) {
		return 0, false
	}
	var at [8]byte
	copy(at[2:], b[10:])
	n = int64(binary.BigEndian.Uint64(at[:]))
	return n, n > 0
}

func clip(s string) string {
	const most = 64
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strings.ToValidUTF8(s, "�")
}
