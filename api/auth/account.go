package auth

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/fxamacker/cbor/v2"

	"stemma/entity"
)

const (
	emailSpace    = "email/"
	passwordSpace = "password/"
	mostEmail     = 254 // characters, RFC 5321
)

// account is a user's address and the hash of the password that goes with it.
type account struct {
	_     struct{} `cbor:",toarray"`
	Email string
	Hash  string
}

// normalizeEmail is the one spelling of an address: without spaces around it
// and in lower case. KindInvalid for what is no address.
func normalizeEmail(s string) (string, error) {
	valid := utf8.ValidString(s)
	s = strings.ToLower(strings.TrimSpace(s))
	local, domain, ok := strings.Cut(s, "@")
	bad := !valid || strings.ContainsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) })
	if !ok || bad || local == "" || domain == "" || strings.Contains(domain, "@") || utf8.RuneCountInString(s) > mostEmail {
		return "", entity.Invalid("auth.Email", "an email address looks like ann@example.com and has at most %d characters", mostEmail)
	}
	return s, nil
}

// Address is an email address in the form in which addresses are compared.
// KindInvalid for what is none.
func Address(email string) (string, error) { return normalizeEmail(email) }

// userOf is the user whose address it is, "" for nobody.
func userOf(r entity.Reader, email string) (entity.ID, error) {
	b, err := r.Secret(secretName(emailSpace, digestOf(email)))
	return entity.ID(b), err
}

// accountOf is a user's account; the zero value when it has none.
func accountOf(r entity.Reader, user entity.ID) (acc account, err error) {
	if user == "" {
		return acc, nil
	}
	b, err := r.Secret(passwordSpace + string(user))
	if err != nil || b == nil {
		return acc, err
	}
	if err := cbor.Unmarshal(b, &acc); err != nil {
		return acc, entity.Internal("auth.accountOf", err)
	}
	return acc, nil
}

func putAccount(tx entity.Tx, user entity.ID, acc account) error {
	b, err := cbor.Marshal(acc)
	if err != nil {
		return entity.Internal("auth.putAccount", err)
	}
	tx.SetSecret(secretName(emailSpace, digestOf(acc.Email)), []byte(user))
	tx.SetSecret(passwordSpace+string(user), b)
	return nil
}
