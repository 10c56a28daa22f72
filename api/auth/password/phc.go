package password

import (
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"

	"stemma/entity"
)

// What a new hash is made with; see the package comment.
const (
	memory    = 19 << 10 // KiB
	passes    = 2
	lanes     = 1
	saltBytes = 16
	sumBytes  = 32
)

// nobodys has the parameters of a real hash, and a sum that was drawn at random.
const nobodys = "$argon2id$v=19$m=19456,t=2,p=1$c3RlbW1hLW5vYm9keS0wMQ$q1p0wC2v3Oq6yFJm0Jr0x5o4uRZ9s7n8bXkTQeL2aVg"

// phc is a hash with what it was made with.
type phc struct {
	memory, passes uint32
	lanes          uint8
	salt, sum      []byte
}

var base = base64.RawStdEncoding

func (p phc) String() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, p.memory, p.passes, p.lanes, base.EncodeToString(p.salt), base.EncodeToString(p.sum))
}

// The most a hash that is read may ask for: one that was tampered with shall not
// take all memory.
const (
	mostMemory = 1 << 20 // KiB
	mostPasses = 64
)

// parse reads the PHC string form of an argon2id hash. The error is internal:
// such strings come from the store alone.
func parse(s string) (p phc, err error) {
	parts := strings.Split(s, "$")
	bad := func(what string) (phc, error) {
		return phc{}, entity.Internal("password.parse", fmt.Errorf("not an argon2id hash: %s", what))
	}
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return bad("form")
	}
	if parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return bad("version")
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &p.memory, &p.passes, &p.lanes); err != nil {
		return bad("parameters")
	}
	if p.memory == 0 || p.memory > mostMemory || p.passes == 0 || p.passes > mostPasses || p.lanes == 0 {
		return bad("parameters out of bounds")
	}
	if p.salt, err = base.DecodeString(parts[4]); err != nil || len(p.salt) < 8 {
		return bad("salt")
	}
	if p.sum, err = base.DecodeString(parts[5]); err != nil || len(p.sum) < 16 {
		return bad("sum")
	}
	return p, nil
}
