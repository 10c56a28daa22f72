package bench

import (
	"math"
	"testing"

	"github.com/dgraph-io/badger/v4"
)

// diskKeys are the keys of a closed store, with the sizes of their values.
func diskKeys(t *testing.T, dir string) map[string]int {
	t.Helper()
	db, err := badger.OpenManaged(badger.DefaultOptions(dir).WithLogger(nil))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	keys := map[string]int{}
	txn := db.NewTransactionAt(math.MaxUint64, false)
	defer txn.Discard()
	it := txn.NewIterator(badger.DefaultIteratorOptions)
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		keys[string(it.Item().KeyCopy(nil))] = int(it.Item().ValueSize())
	}
	return keys
}
