package store_test

import (
	"context"
	"testing"

	"stemma/entity/store"
	"stemma/entity/storetest"
)

func harness(dir string, eachStep bool) storetest.Harness {
	return storetest.Harness{
		Open: func(o storetest.Options) (storetest.Store, error) {
			return store.Open(store.Options{Dir: dir, Network: o.Network, Projections: o.Projections, Clock: o.Clock, Entropy: o.Entropy})
		},
		Check: func(ctx context.Context, s storetest.Store) error {
			_, err := s.(*store.Store).Check(ctx, nil)
			return err
		},
		Durable:  dir != "",
		EachStep: eachStep,
	}
}

func TestMemory(t *testing.T) {
	storetest.Run(t, func(*testing.T) storetest.Harness { return harness("", false) })
}

func TestDisk(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Harness { return harness(t.TempDir(), false) })
}

func TestDiskReopenedAfterEachStep(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Harness { return harness(t.TempDir(), true) })
}
