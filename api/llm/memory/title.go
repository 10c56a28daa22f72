package memory

import (
	"encoding/base64"
	"errors"

	"stemma/api/llm/seal"
	"stemma/entity"
)

// Properties of a partition. Where the title is sealed its label is what clients
// call it.
const (
	propTitle  = "title"
	propSealed = "title_sealed" // base64
)

// SetTitle gives a partition a title, "" for what clients call it. box seals it; nil
// leaves it in the clear.
func SetTitle(m *entity.Manifest, title string, box *seal.Box) error {
	name, _ := m.Properties["external_id"].(string)
	if title == "" {
		title, box = name, nil
	}
	delete(m.Properties, propSealed)
	m.Properties["label"], m.Properties[propTitle] = title, title
	if box == nil {
		return nil
	}
	sealed, err := box.Seal(titleName(m.ID), []byte(title))
	if err != nil {
		return err
	}
	m.Properties["label"], m.Properties[propSealed] = name, base64.RawStdEncoding.EncodeToString(sealed)
	delete(m.Properties, propTitle)
	return nil
}

// Title is a partition's title. box opens one that is sealed: KindUnavailable where
// there is none, or another's.
func Title(m *entity.Manifest, box *seal.Box) (string, error) {
	const op = "memory.Title"
	text, sealed := m.Properties[propSealed].(string)
	if !sealed {
		title, _ := m.Properties[propTitle].(string)
		return title, nil
	}
	if box == nil {
		return "", entity.Errorf(entity.KindUnavailable, op, "the title of a partition is sealed, and this server has no master key that opens it; start it with STEMMA_MASTER_KEY")
	}
	raw, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return "", entity.Internal(op, errors.New("not base64: "+titleName(m.ID)))
	}
	plain, err := box.Open(titleName(m.ID), raw)
	return string(plain), err
}

func titleName(id entity.ID) string { return "partition/" + string(id) + "/title" }
