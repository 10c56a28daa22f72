package run

import "stemma/entity"

const collectionSecret = "recorder/collection/"

// CollectionOf is the collection of the recordings of a tenant, or of somebody who is
// in none; "" where there is none yet.
func CollectionOf(r entity.Reader, account entity.ID) (entity.ID, error) {
	b, err := r.Secret(collectionSecret + string(account))
	return entity.ID(b), err
}

// SetCollection makes a collection that of an account's recordings.
func SetCollection(tx entity.Tx, account, collection entity.ID) {
	tx.SetSecret(collectionSecret+string(account), []byte(collection))
}
