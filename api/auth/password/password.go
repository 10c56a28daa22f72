package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"io"
	"runtime"
	"sync/atomic"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"stemma/entity"
)

// The bounds on a password, in characters. The lower one is NIST SP 800-63B's,
// the upper one keeps what is hashed small.
const (
	Min = 8
	Max = 256
)

// Options are how a [Hasher] works. The zero value works.
type Options struct {
	Parallel int       // hashes at a time; 0: as many as there are cores
	Waiting  int       // callers that may wait for their turn; 0: 64
	Entropy  io.Reader // of salts; nil: crypto/rand
}

// Hasher makes and checks hashes. Its methods may be called concurrently.
type Hasher struct {
	slots   chan struct{}
	waiting atomic.Int64
	most    int64
	entropy io.Reader
}

// New makes a Hasher.
func New(o Options) *Hasher {
	if o.Parallel == 0 {
		o.Parallel = runtime.GOMAXPROCS(0)
	}
	if o.Waiting == 0 {
		o.Waiting = 64
	}
	if o.Entropy == nil {
		o.Entropy = rand.Reader
	}
	return &Hasher{slots: make(chan struct{}, o.Parallel), most: int64(o.Parallel + o.Waiting), entropy: o.Entropy}
}

// Check tells whether a password may be chosen.
func Check(password string) error {
	const op = "password.Check"
	n := utf8.RuneCountInString(password)
	switch {
	case !utf8.ValidString(password):
		return entity.Invalid(op, "a password is text in UTF-8")
	case n < Min || n > Max:
		return entity.Invalid(op, "a password has %d to %d characters, not %d", Min, Max, n)
	}
	return nil
}

// Hash makes the hash to keep of a password. KindUnavailable when too many wait
// already, KindCanceled or KindTimeout with the context.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltBytes)
	if _, err := io.ReadFull(h.entropy, salt); err != nil {
		return "", entity.Internal("password.Hash", err)
	}
	p := phc{memory: memory, passes: passes, lanes: lanes, salt: salt}
	sum, err := h.sum(ctx, p, password, sumBytes)
	if err != nil {
		return "", err
	}
	p.sum = sum
	return p.String(), nil
}

// Verify tells whether hash is the password's. An empty hash is nobody's, which
// takes as long to find out. The errors are those of Hash.
func (h *Hasher) Verify(ctx context.Context, hash, password string) (bool, error) {
	known := hash != ""
	if !known {
		hash = nobodys
	}
	p, err := parse(hash)
	if err != nil {
		return false, err
	}
	sum, err := h.sum(ctx, p, password, len(p.sum))
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(sum, p.sum) == 1 && known, nil
}

// sum waits for its turn and hashes.
func (h *Hasher) sum(ctx context.Context, p phc, password string, size int) ([]byte, error) {
	const op = "password.Hash"
	if h.waiting.Add(1) > h.most {
		h.waiting.Add(-1)
		return nil, entity.Errorf(entity.KindUnavailable, op, "too many are logging in at the moment; try again in a second")
	}
	defer h.waiting.Add(-1)
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	case <-ctx.Done():
		return nil, &entity.Error{Kind: kindOfContext(ctx), Op: op, Message: "the request ended before its password was checked", Err: ctx.Err()}
	}
	return argon2.IDKey([]byte(password), p.salt, p.passes, p.memory, p.lanes, uint32(size)), nil
}

func kindOfContext(ctx context.Context) entity.Kind {
	if ctx.Err() == context.DeadlineExceeded {
		return entity.KindTimeout
	}
	return entity.KindCanceled
}
