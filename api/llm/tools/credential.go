package tools

import (
	"crypto/sha256"
	"encoding/hex"

	"stemma/api/llm/seal"
	"stemma/entity"
)

// secretName is where the token of an endpoint is: of the agent or tenant that
// names the endpoint, and for this URL.
func secretName(of entity.ID, url string) string {
	sum := sha256.Sum256([]byte(url))
	return "mcp/" + string(of) + "/" + hex.EncodeToString(sum[:])
}

// SetCredential seals the token of an endpoint's URL under the agent or tenant
// that names the endpoint. An empty token removes it.
func SetCredential(tx entity.Tx, box *seal.Box, of entity.ID, url, token string) error {
	name := secretName(of, url)
	if token == "" {
		tx.DeleteSecret(name)
		return nil
	}
	if box == nil {
		return entity.Errorf(entity.KindUnavailable, "tools.SetCredential", "this server has no master key to keep a token under; start it with STEMMA_MASTER_KEY or a data directory")
	}
	sealed, err := box.Seal(name, []byte(token))
	if err != nil {
		return err
	}
	tx.SetSecret(name, sealed)
	return nil
}

// Credential is the token of a URL that one of the levels, nearest first, has;
// "" for none.
func Credential(r entity.Reader, box *seal.Box, levels []entity.ID, url string) (string, error) {
	if box == nil {
		return "", nil
	}
	for _, of := range levels {
		name := secretName(of, url)
		sealed, err := r.Secret(name)
		if err != nil {
			return "", err
		}
		if sealed != nil {
			plain, err := box.Open(name, sealed)
			return string(plain), err
		}
	}
	return "", nil
}
