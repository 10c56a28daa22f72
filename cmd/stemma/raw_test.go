package main

import (
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"stemma/entity"
)

// openRaw opens a store's files without the store.
func openRaw(dir string) (*badger.DB, error) {
	return badger.OpenManaged(badger.DefaultOptions(dir).WithLogger(nil).WithNumVersionsToKeep(1))
}

// flipTip changes a bit of one byte in the block of an entity's tip, as a
// failing disk would, and gives the CID that it is stored under.
func flipTip(dir string, id entity.ID, i int) (c entity.CID, err error) {
	db, err := openRaw(dir)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	at := db.MaxVersion()
	txn := db.NewTransactionAt(at, true)
	defer txn.Discard()
	var head entity.Head
	if err := rawValue(txn, "h"+string(id), func(b []byte) error { return entity.DecodeBlock(b, &head) }); err != nil {
		return c, fmt.Errorf("head of %s: %w", id, err)
	}
	key := "b" + string(head.Tip[:])
	var block []byte
	if err := rawValue(txn, key, func(b []byte) error {
		block = append(block, b...)
		return nil
	}); err != nil {
		return c, err
	}
	block[i] ^= 1
	if err := txn.Set([]byte(key), block); err != nil {
		return c, err
	}
	return head.CID(), txn.CommitAt(at+1, nil)
}

func rawValue(txn *badger.Txn, key string, fn func([]byte) error) error {
	item, err := txn.Get([]byte(key))
	if err != nil {
		return err
	}
	return item.Value(fn)
}
