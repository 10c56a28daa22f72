package index

import (
	"crypto/sha256"

	"github.com/fxamacker/cbor/v2"
	"github.com/ipfs/go-cid"

	"stemma/entity"
)

// name of the projection and its rows.
const name = "files"

const (
	spaceUsed      = 'u'
	spaceKey       = 'k'
	spaceReference = 'r'
)

// Names of a file's properties.
const (
	Key         = "key"
	Filename    = "filename"
	ContentType = "content_type"
	Size        = "size"
	Uploaded    = "uploaded"
	CID         = "cid"
)

// Content is what has been uploaded under a key.
type Content struct {
	CID         entity.CID
	Size        int64
	ContentType string
}

// keyed is the row of a [Content].
type keyed struct {
	_           struct{} `cbor:",toarray"`
	CID         string
	Size        int64
	ContentType string
}

// Projection keeps the rows. It has no memory state.
type Projection struct{ entity.RowsOnly }

// Name implements [entity.Projection].
func (Projection) Name() string { return name }

// Version implements [entity.Projection].
func (Projection) Version() int { return 1 }

// Apply implements [entity.Projection].
func (Projection) Apply(t entity.Transition, w entity.RowWriter) error {
	_, m := t.Live()
	if m == nil || m.Type != entity.TypeFile {
		return nil
	}
	key, hasKey := m.Properties[Key].(string)
	if hasKey {
		w.Set(keyRow(spaceUsed, m.ID, key), []byte{1})
	}
	c, uploaded := Of(m.Properties)
	if !uploaded {
		return nil
	}
	d, _ := entity.DigestOf(c.CID)
	w.Set(append(referencePrefix(d), m.ID...), []byte{1})
	if !hasKey {
		return nil
	}
	row, err := cbor.Marshal(keyed{CID: c.CID.String(), Size: c.Size, ContentType: c.ContentType})
	if err != nil {
		return entity.Internal("index.Apply", err)
	}
	w.Set(keyRow(spaceKey, m.ID, key), row)
	return nil
}

// Of is the content that a file's properties name; ok is false where there is
// none yet.
func Of(p entity.Properties) (c Content, ok bool) {
	text, _ := p[CID].(string)
	named, err := entity.ParseCID(text)
	if err != nil || named.Type() != cid.Raw || p[Uploaded] != any(true) {
		return c, false
	}
	c.CID = named
	c.Size, _ = p[Size].(int64)
	c.ContentType, _ = p[ContentType].(string)
	return c, true
}

func keyRow(space byte, id entity.ID, key string) []byte {
	sum := sha256.Sum256([]byte(key))
	return append(append([]byte{space}, id...), sum[:]...)
}

func referencePrefix(d entity.Digest) []byte { return append([]byte{spaceReference}, d[:]...) }
