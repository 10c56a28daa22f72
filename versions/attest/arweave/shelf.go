package arweave

import (
	"context"

	"stemma/entity"
)

// Shelf keeps the item that is being uploaded, over the end of the process. What
// was put there is there when Put returns.
type Shelf interface {
	// Get is what was put last, nil for nothing.
	Get(ctx context.Context) ([]byte, error)
	Put(ctx context.Context, item []byte) error
}

// InStore is a shelf in the secret space of a store.
func InStore(s entity.Store) Shelf { return inStore{s} }

type inStore struct{ store entity.Store }

// pending changes all the time; a backup that has it has an item that may be
// uploaded again.
const pending = entity.Passing + "arweave/pending"

func (s inStore) Get(ctx context.Context) (b []byte, err error) {
	err = s.store.View(ctx, func(r entity.Reader) (err error) {
		b, err = r.Secret(pending)
		return err
	})
	return b, err
}

func (s inStore) Put(ctx context.Context, item []byte) error {
	_, err := s.store.Update(ctx, entity.Actor{}, func(tx entity.Tx) error {
		if item == nil {
			tx.DeleteSecret(pending)
		} else {
			tx.SetSecret(pending, item)
		}
		return nil
	})
	return err
}
