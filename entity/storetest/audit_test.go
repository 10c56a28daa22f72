package storetest

import (
	"testing"

	"stemma/entity"
)

// TestAuditFindsLies: a store in which one thing is wrong does not pass.
func TestAuditFindsLies(t *testing.T) {
	for what, tamper := range map[string]func(d *disk, id entity.ID){
		"a byte of a block": func(d *disk, id entity.ID) {
			d.blocks[d.heads[id][1].v.CID()][0].v[9] ^= 1
		},
		"a head that points at the version before": func(d *disk, id entity.ID) {
			d.heads[id][1].v.Tip = d.heads[id][0].v.Tip
		},
		"a head that forgot the label": func(d *disk, id entity.ID) {
			d.heads[id][1].v.Label = ""
		},
		"a history that lost its last version": func(d *disk, id entity.ID) {
			d.heads[id] = d.heads[id][:1]
		},
		"a record that is gone": func(d *disk, _ entity.ID) {
			d.records = append(d.records[:1:1], d.records[2:]...)
		},
		"a record without changes": func(d *disk, _ entity.ID) {
			d.records[1].v.Changes = nil
		},
		"a change of another kind": func(d *disk, _ entity.ID) {
			d.records[1].v.Changes[0].Kind = entity.Restored
		},
		"a change that names another collection": func(d *disk, id entity.ID) {
			d.records[1].v.Changes[0].Collection = id
		},
		"a change that replaces another tip": func(d *disk, _ entity.ID) {
			d.records[1].v.Changes[0].Old = entity.Digest{1}
		},
		"a record of another actor": func(d *disk, _ entity.ID) {
			d.records[0].v.Actor.UserID = "somebody"
		},
		"a chain whose head is not its last block": func(d *disk, id entity.ID) {
			list := d.chains[chainKey{id, "log"}]
			list[1].v = list[0].v
		},
		"a chain block in the log twice": func(d *disk, _ entity.ID) {
			d.records[3].v.Changes[0] = d.records[2].v.Changes[0]
		},
	} {
		t.Run(what, func(t *testing.T) {
			o, id := audited(t)
			if err := Audit(t.Context(), o); err != nil {
				t.Fatalf("before: %v", err)
			}
			tamper(o.disk, id)
			if err := Audit(t.Context(), o); err == nil {
				t.Error("it passed")
			}
		})
	}
}

// audited is a store of four records: two versions and two chain blocks.
func audited(t *testing.T) (*Oracle, entity.ID) {
	clock := NewClock()
	o, err := NewOracle(Options{Clock: clock.Now, Entropy: Entropy(1)})
	if err != nil {
		t.Fatal(err)
	}
	id := entity.NewIDSource(clock.Now, Entropy(2)).New(entity.Main)
	for _, fn := range []func(entity.Tx) error{
		func(tx entity.Tx) error { _, err := tx.Create(person(id, "Ann")); return err },
		func(tx entity.Tx) error { _, err := tx.Put(id, entity.Any, set("x", int64(1))); return err },
		func(tx entity.Tx) error { _, err := tx.Append(id, "log", entity.Any, nil); return err },
		func(tx entity.Tx) error { _, err := tx.Append(id, "log", entity.Any, nil); return err },
	} {
		if _, err := o.Update(t.Context(), author, fn); err != nil {
			t.Fatal(err)
		}
	}
	return o, id
}
