package storetest

import (
	"bytes"

	"stemma/entity"
)

var secretCases = []lawCase{
	{law: "a secret is read back, in its transaction and after, until it is deleted", run: secretLife},
	{law: "no secret is in a block, a record or a row", run: secretNowhere},
}

func secretLife(r *rig) {
	want := func(rd entity.Reader, value []byte) {
		r.Helper()
		got, err := rd.Secret("key")
		if err != nil || !bytes.Equal(got, value) || (got == nil) != (value == nil) {
			r.Errorf("secret: %q, %v; want %q", got, err, value)
		}
	}
	now := func(value []byte) {
		r.Helper()
		r.view(func(rd entity.Reader) error {
			want(rd, value)
			return nil
		})
	}
	for _, value := range [][]byte{[]byte("one"), {0, 255, 0}, []byte("two")} {
		r.update(func(tx entity.Tx) error {
			tx.SetSecret("key", bytes.Clone(value))
			want(tx, value)
			tx.SetSecret("key2", []byte("a neighbour"))
			return nil
		})
		now(value)
	}
	r.update(func(tx entity.Tx) error {
		tx.DeleteSecret("key")
		want(tx, nil)
		return nil
	})
	now(nil)
	r.update(func(tx entity.Tx) error {
		tx.SetSecret("key", []byte("x"))
		tx.DeleteSecret("key")
		want(tx, nil)
		return nil
	})
	now(nil)
	r.reopen()
	now(nil)
	r.update(func(tx entity.Tx) error {
		tx.DeleteSecret("never was")
		tx.SetSecret("key", []byte("again"))
		return nil
	})
	now([]byte("again"))
}

func secretNowhere(r *rig) {
	secret := []byte("uk_5f2d9b7c41e8a036")
	v := r.person("Ann")
	r.update(func(tx entity.Tx) error {
		tx.SetSecret("key/"+string(v.Manifest.ID), bytes.Clone(secret))
		if _, err := tx.Put(v.Manifest.ID, entity.Any, set("has_key", true)); err != nil {
			return err
		}
		_, err := tx.Append(v.Manifest.ID, "log", entity.Any, entity.Properties{"did": "key"})
		return err
	})
	c := r.contents()
	for cid, b := range c.Blocks {
		if bytes.Contains(b, secret) {
			r.Errorf("the block %s holds a secret", cid)
		}
	}
	for _, rec := range c.Records {
		b, _, err := entity.EncodeBlock(rec)
		if err != nil || bytes.Contains(b, secret) {
			r.Errorf("record %d holds a secret (%v)", rec.Seq, err)
		}
	}
	r.view(func(rd entity.Reader) error {
		rows, err := rowsOf(rd.Rows(r.roll.Name()))
		for key, value := range rows {
			if bytes.Contains([]byte(key+value), secret) {
				r.Errorf("the row %s holds a secret", key)
			}
		}
		got, err2 := rd.Secret("key/" + string(v.Manifest.ID))
		r.same("secret", string(got), string(secret))
		if err == nil {
			err = err2
		}
		return err
	})
}
