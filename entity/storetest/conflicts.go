package storetest

import (
	"errors"

	"stemma/entity"
)

var conflictCases = []lawCase{
	{law: "a put with a stale tip changes nothing and names both tips", run: staleTip},
	{law: "a put that expects nothing applies to whatever is there", run: anyApplies},
	{law: "a put on what never was is not found", run: unknownIsNotFound},
	{law: "entities change together, each on its own tip, or not at all", run: togetherOrNot},
	{law: "an error in the closure takes everything back", run: errorTakesBack},
	{law: "a failed write inside a closure that goes on leaves no trace", run: failedWriteNoTrace},
	{law: "a version that breaks a rule is invalid and writes nothing", run: badVersionIsInvalid},
}

func staleTip(r *rig) {
	v1 := r.person("Ann")
	id := v1.Manifest.ID
	v2 := r.mustPut(id, entity.At(v1.CID), set("x", int64(2)))
	never := entity.At(entity.SumBlock([]byte("never")))
	for _, stale := range []entity.Expect{entity.At(v1.CID), never, entity.At(entity.CID{}), entity.AtText("v1")} {
		r.unchanged(func() {
			_, err := r.put(id, stale, func(*entity.Manifest) error {
				r.Error("the edit ran on a tip that was not expected")
				return nil
			})
			r.wantTips(err, id, stale, v2.CID)
		})
	}
}

func anyApplies(r *rig) {
	v := r.person("Ann")
	for n := int64(2); n < 5; n++ {
		got := r.mustPut(v.Manifest.ID, entity.Any, set("x", n))
		r.same("version", got.Manifest.Ver, n)
	}
}

func unknownIsNotFound(r *rig) {
	v := r.person("Ann")
	for _, expect := range []entity.Expect{entity.Any, entity.At(v.CID)} {
		r.unchanged(func() {
			_, err := r.put(r.id(), expect, set("x", int64(1)))
			r.wantKind(err, entity.KindNotFound)
		})
	}
}

func togetherOrNot(r *rig) {
	a, b := r.person("Ann"), r.person("Bob")
	both := func(expectA, expectB entity.CID) error {
		_, err := r.try(func(tx entity.Tx) error {
			if _, err := tx.Put(a.Manifest.ID, entity.At(expectA), set("knows", "b")); err != nil {
				return err
			}
			_, err := tx.Put(b.Manifest.ID, entity.At(expectB), set("knows", "a"))
			return err
		})
		return err
	}
	if err := both(a.CID, b.CID); err != nil {
		r.Fatalf("Update: %v", err)
	}
	c := r.contents()
	r.same("changes in the last record", len(c.Records[len(c.Records)-1].Changes), 2)
	tipA, tipB := c.Heads[a.Manifest.ID].CID(), c.Heads[b.Manifest.ID].CID()
	r.unchanged(func() { r.wantTips(both(tipA, b.CID), b.Manifest.ID, entity.At(b.CID), tipB) })
	r.unchanged(func() { r.wantTips(both(a.CID, tipB), a.Manifest.ID, entity.At(a.CID), tipA) })
}

func errorTakesBack(r *rig) {
	v := r.person("Ann")
	made := r.id()
	r.update(func(tx entity.Tx) error {
		tx.SetSecret("kept", []byte("before"))
		return nil
	})
	r.unchanged(func() {
		_, err := r.try(func(tx entity.Tx) error {
			if _, err := tx.Create(person(made, "Bob")); err != nil {
				return err
			}
			if _, err := tx.Put(v.Manifest.ID, entity.Any, bury); err != nil {
				return err
			}
			if _, err := tx.Append(v.Manifest.ID, "log", entity.Any, entity.Properties{"a": "b"}); err != nil {
				return err
			}
			tx.SetSecret("new", []byte("x"))
			tx.DeleteSecret("kept")
			return errBoom
		})
		if !errors.Is(err, errBoom) {
			r.Fatalf("Update: %v; want the closure's own error", err)
		}
	})
	secrets := func() {
		r.Helper()
		r.view(func(rd entity.Reader) error {
			kept, err := rd.Secret("kept")
			if err != nil {
				return err
			}
			fresh, err := rd.Secret("new")
			if string(kept) != "before" || fresh != nil {
				r.Errorf("secrets after a rollback: %q, %q", kept, fresh)
			}
			return err
		})
	}
	secrets()
	r.create(person(made, "Bob")) // the id is still free
	secrets()                     // and nothing came along with a later commit
	c := r.contents()
	r.same("change", c.Seq, entity.Seq(2))
	r.same("version", c.Heads[v.Manifest.ID].Ver, int64(1))
}

func failedWriteNoTrace(r *rig) {
	v := r.person("Ann")
	id := v.Manifest.ID
	var last *entity.Version
	r.update(func(tx entity.Tx) (err error) {
		never := entity.At(entity.SumBlock(nil))
		_, err = tx.Put(id, never, set("lost", true))
		r.wantTips(err, id, never, v.CID)
		_, err = tx.Put(id, entity.Any, func(m *entity.Manifest) error {
			m.Properties["half"] = true
			return errBoom
		})
		if !errors.Is(err, errBoom) {
			r.Errorf("Put: %v; want the edit's own error", err)
		}
		_, err = tx.Create(person(id, "Eve"))
		r.wantKind(err, entity.KindExists)
		_, err = tx.Append(id, "log", entity.At(v.CID), nil)
		r.wantTips(err, id, entity.At(v.CID), entity.CID{})
		last, err = tx.Put(id, entity.At(v.CID), set("won", true))
		return err
	})
	r.same("properties", last.Manifest.Properties, entity.Properties{"label": "Ann", "won": true})
	c := r.contents()
	r.same("changes of the log", c.Seq, entity.Seq(2))
	r.same("version", c.Heads[id].Ver, int64(2))
}

func badVersionIsInvalid(r *rig) {
	v := r.create(entity.Draft{ID: r.id(), Type: entity.TypeFolder, Properties: entity.Properties{"label": "F"}})
	for what, edit := range map[string]func(*entity.Manifest) error{
		"a folder that loses its label": entity.Edit{PropertiesRemove: []any{"label"}}.Apply,
		"a peer that is no id":          entity.Edit{RelationshipsAdd: []entity.RelationshipEdit{{Relationship: entity.Relationship{Predicate: "p", Peer: "x"}}}}.Apply,
		"text that is not UTF-8":        set("x", "\xff"),
	} {
		r.unchanged(func() {
			if _, err := r.put(v.Manifest.ID, entity.Any, edit); entity.KindOf(err) != entity.KindInvalid {
				r.Errorf("%s: error %v; want one of kind invalid", what, err)
			}
		})
	}
}
