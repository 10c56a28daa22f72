package outbound

import (
	"crypto/ed25519"
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"stemma/entity"
)

// SignatureHeader is the header of a signed request: t=<unix seconds>,v1=<base64
// of an Ed25519 signature> over the seconds, a dot, and the body as it was sent.
const SignatureHeader = "X-Arke-Signature"

// How far the time of a signature may be from the receiver's.
const (
	maxAge   = 300 * time.Second
	maxAhead = 60 * time.Second
)

func signed(seconds string, body []byte) []byte {
	return append([]byte(seconds+"."), body...)
}

// Sign is the value of the header for a body.
func Sign(key ed25519.PrivateKey, at time.Time, body []byte) string {
	seconds := strconv.FormatInt(at.Unix(), 10)
	return "t=" + seconds + ",v1=" + base64.StdEncoding.EncodeToString(ed25519.Sign(key, signed(seconds, body)))
}

// CheckSignature is what a receiver does: KindUnauthenticated for a header that
// is not of the key and the body, or not of now.
func CheckSignature(key ed25519.PublicKey, header string, body []byte, now time.Time) error {
	fail := func(text string) error {
		return entity.Errorf(entity.KindUnauthenticated, "outbound.CheckSignature", "%s", text)
	}
	var seconds string
	var signature []byte
	for part := range strings.SplitSeq(header, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "t":
			seconds = value
		case "v1":
			signature, _ = base64.StdEncoding.DecodeString(value)
		}
	}
	unix, err := strconv.ParseInt(seconds, 10, 64)
	age := now.Sub(time.Unix(unix, 0))
	switch {
	case err != nil || len(signature) != ed25519.SignatureSize:
		return fail(SignatureHeader + " must be t=<unix seconds>,v1=<base64 of a signature>")
	case len(key) != ed25519.PublicKeySize || !ed25519.Verify(key, signed(seconds, body), signature):
		return fail("the signature is not of this body and the server's key")
	case age > maxAge:
		return fail("the signature is older than 300 seconds")
	case age < -maxAhead:
		return fail("the signature is of a time to come")
	}
	return nil
}
