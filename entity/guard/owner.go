package guard

import (
	"math"

	"github.com/fxamacker/cbor/v2"

	"stemma/entity"
)

// ownerMode reads two fields of a block and passes over the rest, at a tenth of
// the cost of decoding a manifest. What is in the store was validated.
var ownerMode = func() cbor.DecMode {
	mode, err := cbor.DecOptions{MaxNestedLevels: 2*entity.MaxDepth + 8, MaxMapPairs: math.MaxInt32, MaxArrayElements: math.MaxInt32}.DecMode()
	if err != nil {
		panic(err)
	}
	return mode
}()

// owner is the entity that a manifest or a block of a chain is of, with the
// chain's name.
func owner(block []byte) (id entity.ID, chain string, err error) {
	var of struct {
		ID    entity.ID `cbor:"id"`
		Chain string    `cbor:"chain"`
	}
	if err := ownerMode.Unmarshal(block, &of); err != nil || of.ID == "" {
		return "", "", &entity.Error{Kind: entity.KindInternal, Op: "guard.owner", Message: "a block of the store names no entity", Err: err}
	}
	return of.ID, of.Chain, nil
}
