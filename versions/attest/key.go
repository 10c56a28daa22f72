package attest

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"io"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/mod/sumdb/note"

	"stemma/entity"
)

// keySecret is where the keys of the log and its former names are, a line each in
// the form of package note, the one that signs first.
const keySecret = "attest"

// key signs checkpoints.
type key struct {
	note.Signer
	vkey string
}

// newKey makes the key of a name out of its seed. Its private form is what package
// note reads: PRIVATE+KEY+<name>+<hash>+<1 and the seed, in base64>.
func newKey(origin string, seed []byte) (skey string, err error) {
	vkey, err := note.NewEd25519VerifierKey(origin, ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey))
	if err != nil {
		return "", err
	}
	hash := strings.Split(vkey, "+")[1]
	return "PRIVATE+KEY+" + origin + "+" + hash + "+" + base64.StdEncoding.EncodeToString(append([]byte{1}, seed...)), nil
}

func openKey(skey string) (*key, error) {
	const op = "attest.openKey"
	signer, err := note.NewSigner(skey)
	if err != nil {
		return nil, entity.Internal(op, err)
	}
	parts := strings.SplitN(skey, "+", 5) // as NewSigner has just read them
	seed, err := base64.StdEncoding.DecodeString(parts[4])
	if err != nil {
		return nil, entity.Internal(op, err)
	}
	vkey, err := note.NewEd25519VerifierKey(signer.Name(), ed25519.NewKeyFromSeed(seed[1:]).Public().(ed25519.PublicKey))
	if err != nil {
		return nil, entity.Internal(op, err)
	}
	return &key{signer, vkey}, nil
}

// CheckOrigin makes sure that a log can have the name. KindInvalid.
func CheckOrigin(origin string) error {
	if origin == "" || len(origin) > 200 || strings.ContainsFunc(origin, func(r rune) bool {
		return r == '+' || unicode.IsSpace(r) || unicode.IsControl(r) || r == unicode.ReplacementChar
	}) {
		return entity.Invalid("attest.CheckOrigin", "%q cannot name a log; use a URL without its scheme, like stemma.example/tlog, of at most 200 bytes without spaces and +", origin)
	}
	return nil
}

// readKeys reads the keys of a store, none where there are none.
func readKeys(r entity.Reader) (keys []*key, err error) {
	raw, err := r.Secret(keySecret)
	if err != nil || raw == nil {
		return nil, err
	}
	for line := range strings.SplitSeq(string(raw), "\n") {
		k, err := openKey(line)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// needKeys reads the keys, and makes the one for origin where it is not there; ""
// is the name that the log has, or fallback. KindInvalid for a name that the log
// had before.
func needKeys(ctx context.Context, s entity.Store, origin, fallback string, entropy io.Reader) (keys []*key, err error) {
	const op = "attest.needKeys"
	err = s.View(ctx, func(r entity.Reader) error {
		keys, err = readKeys(r)
		return err
	})
	if err != nil {
		return nil, err
	}
	if origin == "" && len(keys) == 0 {
		origin = fallback
	}
	at := slices.IndexFunc(keys, func(k *key) bool { return k.Name() == origin })
	switch {
	case origin == "" || at == 0:
		return keys, nil
	case at > 0:
		return nil, entity.Invalid(op, "the log was called %s once, and ended under that name; it is %s now: keep that, or choose one that it never had", origin, keys[0].Name())
	}
	if err := CheckOrigin(origin); err != nil {
		return nil, err
	}
	var seed [ed25519.SeedSize]byte
	if _, err := io.ReadFull(entropy, seed[:]); err != nil {
		return nil, entity.Internal(op, err)
	}
	skey, err := newKey(origin, seed[:])
	if err != nil {
		return nil, entity.Internal(op, err)
	}
	made, err := openKey(skey)
	if err != nil {
		return nil, err
	}
	_, err = s.Update(ctx, entity.Actor{}, func(tx entity.Tx) error {
		raw, err := tx.Secret(keySecret)
		if err != nil {
			return err
		}
		lines := skey
		if raw != nil {
			lines += "\n" + string(raw)
		}
		tx.SetSecret(keySecret, []byte(lines))
		return nil
	})
	return append([]*key{made}, keys...), err
}
