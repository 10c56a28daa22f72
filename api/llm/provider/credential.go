package provider

import (
	"bytes"
	"crypto/sha256"

	"stemma/api/llm/seal"
	"stemma/entity"
)

// credentialSpace begins the names of secrets that are providers' keys; behind
// it stands the entity that the configuration is of: a provider, a tenant or an
// agent.
const credentialSpace = "provider/"

// destination is where a key may be sent: to a kind of provider at an address.
func destination(c *Config) []byte {
	sum := sha256.Sum256([]byte(string(c.Kind) + " " + c.Base()))
	return sum[:]
}

// SetCredential seals a provider's key under the entity whose configuration c it
// belongs to, in the transaction at hand. The key is for c's kind and address and
// for no other, so that who may change the configuration and does not know the
// key cannot have it sent elsewhere. An empty key removes it.
func SetCredential(tx entity.Tx, box *seal.Box, of entity.ID, c *Config, key string) error {
	name := credentialSpace + string(of)
	if key == "" {
		tx.DeleteSecret(name)
		return nil
	}
	if box == nil {
		return entity.Errorf(entity.KindUnavailable, "provider.SetCredential", "this server has no master key to keep the key of a provider under; start it with STEMMA_MASTER_KEY or a data directory")
	}
	sealed, err := box.Seal(name, append(destination(c), key...))
	if err != nil {
		return err
	}
	tx.SetSecret(name, sealed)
	return nil
}

// HasCredential tells whether a key is kept for an entity.
func HasCredential(r entity.Reader, of entity.ID) (bool, error) {
	sealed, err := r.Secret(credentialSpace + string(of))
	return sealed != nil, err
}

// Credential is the key that is kept for an entity, to be sent where c leads; ""
// when there is none, or it was given for somewhere else. Errors are those of
// [seal.Box.Open].
func Credential(r entity.Reader, box *seal.Box, of entity.ID, c *Config) (string, error) {
	name := credentialSpace + string(of)
	sealed, err := r.Secret(name)
	if err != nil || sealed == nil {
		return "", err
	}
	if box == nil {
		return "", entity.Errorf(entity.KindUnavailable, "provider.Credential", "this server has no master key that opens the key of a provider; start it with STEMMA_MASTER_KEY")
	}
	plain, err := box.Open(name, sealed)
	if err != nil {
		return "", err
	}
	key, ok := bytes.CutPrefix(plain, destination(c))
	if !ok {
		return "", nil
	}
	return string(key), nil
}
