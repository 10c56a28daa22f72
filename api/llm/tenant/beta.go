package tenant

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/fxamacker/cbor/v2"

	"stemma/entity"
)

// Where the secret space has those who asked to be let in: addresses are in no
// entity.
const (
	betaList  = "beta/list"     // their ids, in the order they came
	betaSpace = "beta/signup/"  // by id
	betaEmail = "beta/address/" // ids by the hash of an address
	betaCode  = "beta/code/"    // ids by the hash of a code
)

// BetaPrefix is what codes begin with that let one of them in.
const BetaPrefix = "beta_"

// MostBeta bounds how many may ask.
const MostBeta = 10_000

// Beta is somebody who asked to be let in, where the server takes no new accounts.
type Beta struct {
	ID       entity.ID
	Email    string
	Name     string
	At       int64  // when they asked, ms since 1970
	Approved int64  // when they were let in; 0: they are not
	Code     string // that they sign up with, once they are
	Used     int64  // when they did; 0: not yet
}

func hashed(space, text string) string {
	sum := sha256.Sum256([]byte(text))
	return space + hex.EncodeToString(sum[:])
}

func betaAt(r entity.Reader, key string) (*Beta, error) {
	id, err := r.Secret(key)
	if err != nil || id == nil {
		return nil, err
	}
	return BetaOf(r, entity.ID(id))
}

// BetaOf is one by its id; nil for none.
func BetaOf(r entity.Reader, id entity.ID) (*Beta, error) {
	row, err := r.Secret(betaSpace + string(id))
	if err != nil || row == nil {
		return nil, err
	}
	b := new(Beta)
	if err := cbor.Unmarshal(row, b); err != nil {
		return nil, entity.Internal("tenant.BetaOf", err)
	}
	return b, nil
}

func (b *Beta) put(tx entity.Tx) error {
	row, err := cbor.Marshal(b)
	if err != nil {
		return entity.Internal("tenant.Beta", err)
	}
	tx.SetSecret(betaSpace+string(b.ID), row)
	return nil
}

func betaIDs(r entity.Reader) (ids []entity.ID, err error) {
	row, err := r.Secret(betaList)
	if err != nil || row == nil {
		return nil, err
	}
	if err := cbor.Unmarshal(row, &ids); err != nil {
		return nil, entity.Internal("tenant.Betas", err)
	}
	return ids, nil
}

// Betas are those who asked, newest first.
func Betas(r entity.Reader) (all []*Beta, err error) {
	ids, err := betaIDs(r)
	if err != nil {
		return nil, err
	}
	for _, id := range slices.Backward(ids) {
		b, err := BetaOf(r, id)
		if err != nil {
			return nil, err
		}
		if b != nil {
			all = append(all, b)
		}
	}
	return all, nil
}

// AskBeta writes down that somebody asks to be let in; known tells that they had
// before. KindFull when there are too many.
func AskBeta(tx entity.Tx, email, name string, now time.Time) (known bool, err error) {
	if b, err := betaAt(tx, hashed(betaEmail, email)); err != nil || b != nil {
		return b != nil, err
	}
	ids, err := betaIDs(tx)
	if err != nil {
		return false, err
	}
	if len(ids) >= MostBeta {
		return false, entity.Errorf(entity.KindFull, "tenant.AskBeta", "too many people wait to be let in; try again later")
	}
	b := &Beta{ID: tx.NewID(), Email: email, Name: name, At: now.UnixMilli()}
	row, err := cbor.Marshal(append(ids, b.ID))
	if err != nil {
		return false, entity.Internal("tenant.AskBeta", err)
	}
	tx.SetSecret(betaList, row)
	tx.SetSecret(hashed(betaEmail, email), []byte(b.ID))
	return false, b.put(tx)
}

// ApproveBeta lets somebody in with a code, which begins with [BetaPrefix]. Who is let
// in already keeps theirs. nil for nobody.
func ApproveBeta(tx entity.Tx, id entity.ID, code string, now time.Time) (*Beta, error) {
	b, err := BetaOf(tx, id)
	if err != nil || b == nil || b.Approved != 0 {
		return b, err
	}
	b.Approved, b.Code = now.UnixMilli(), code
	tx.SetSecret(hashed(betaCode, code), []byte(b.ID))
	return b, b.put(tx)
}

// IsBeta tells a code of these from the token of an invitation into a tenant.
func IsBeta(code string) bool { return strings.HasPrefix(code, BetaPrefix) }

// CheckBeta is who may sign up with a code and an address: each code is for the
// address that asked, and for once. KindInvalid.
func CheckBeta(r entity.Reader, code, email string) (*Beta, error) {
	b, err := betaAt(r, hashed(betaCode, code))
	if err == nil && (b == nil || b.Code != code || b.Used != 0 || b.Email != email) {
		e := entity.Invalid("tenant.CheckBeta", "the code is not valid: it was used, is for another address, or never was; ask for another")
		e.Issues = []entity.Issue{{Path: []any{"inviteToken"}, Message: e.Message}}
		return nil, e
	}
	return b, err
}

// UseBeta uses a code up. KindInvalid as [CheckBeta].
func UseBeta(tx entity.Tx, code, email string, now time.Time) error {
	b, err := CheckBeta(tx, code, email)
	if err != nil {
		return err
	}
	b.Used = now.UnixMilli()
	return b.put(tx)
}
