package archive

import (
	"math"

	"github.com/fxamacker/cbor/v2"

	"stemma/entity"
	"stemma/files/index"
)

// contentOf is the content that a file's version names.
func contentOf(m *entity.Manifest) (entity.CID, bool) {
	if m.Type != entity.TypeFile {
		return entity.CID{}, false
	}
	c, ok := index.Of(m.Properties)
	return c.CID, ok
}

// slot is a place in a history: version n of an entity, or block n of one of
// its chains.
type slot struct {
	id    entity.ID
	chain string
	n     int64
}

// item is a block of a file that is to be adopted.
type item struct {
	slot
	cid     entity.CID
	block   []byte
	content entity.CID // that must be here before; undefined for none
}

// outline is what an importer has to know of a block before the store checks
// it: enough to bring it to its place, and trusted for nothing else.
type outline struct {
	Schema string    `cbor:"schema"`
	ID     entity.ID `cbor:"id"`
	Type   string    `cbor:"type"`
	Ver    int64     `cbor:"ver"`
	Chain  string    `cbor:"chain"`
	N      int64     `cbor:"n"`
}

// outlines passes over all other fields, at a fraction of the cost of decoding
// a manifest.
var outlines = func() cbor.DecMode {
	mode, err := cbor.DecOptions{
		MaxNestedLevels: 2*entity.MaxDepth + 8, MaxMapPairs: math.MaxInt32, MaxArrayElements: math.MaxInt32,
		FieldNameMatching: cbor.FieldNameMatchingCaseSensitive,
	}.DecMode()
	if err != nil {
		panic(err)
	}
	return mode
}()

// open finds out what a block is; nil for a part of an index.
func open(c entity.CID, block []byte) (*item, error) {
	const op = "archive.Import"
	var o outline
	if err := outlines.Unmarshal(block, &o); err != nil {
		return nil, &entity.Error{Kind: entity.KindInvalid, Op: op, Message: "it is neither a version of an entity nor a block of a chain", Err: err}
	}
	it := &item{slot: slot{id: o.ID, n: o.Ver}, cid: c, block: block}
	switch {
	case o.Schema == indexSchema:
		return nil, nil
	case o.Schema == "" && o.Chain != "" && o.ID != "" && o.N > 0:
		it.chain, it.n = o.Chain, o.N
		return it, nil
	case o.Schema != entity.Schema || o.ID == "" || o.Ver < 1:
		return nil, entity.Invalid(op, "it is neither a version of an entity (schema %s) nor a block of a chain", entity.Schema)
	case o.Type == entity.TypeFile:
		m, err := entity.DecodeManifest(block)
		if err != nil {
			return nil, err
		}
		if named, ok := contentOf(m); ok {
			it.content = named
		}
	}
	return it, nil
}
