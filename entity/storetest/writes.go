package storetest

import (
	"maps"
	"time"

	"stemma/entity"
)

var writeCases = []lawCase{
	{law: "a created entity is version 1 with everything set by the store", run: createsVersionOne},
	{law: "a put makes the next version and keeps what is not its own", run: putMakesNext},
	{law: "an edit cannot forge what the store sets", run: editCannotForge},
	{law: "an edit changes a copy, earlier versions keep their bytes", run: editChangesCopy},
	{law: "a note belongs to one version", run: noteBelongsToOne},
	{law: "a put that changes nothing writes a version", run: noOpWritesVersion},
	{law: "delete and restore are versions, and the kinds of change say so", run: deleteAndRestore},
	{law: "an id that is taken cannot be created, dead or alive", run: takenCannotBeCreated},
	{law: "a draft that breaks a rule is invalid and writes nothing", run: badDraftIsInvalid},
	{law: "minted ids are of the store's network and differ", run: mintedIDs},
	{law: "the test network takes its own ids and no others", run: testNetwork, network: entity.Test},
	{law: "a clock that runs backwards changes no order", run: clockBackwards},
}

func createsVersionOne(r *rig) {
	id, peer := r.id(), r.id()
	v := r.create(entity.Draft{
		ID: id, Type: "person", Note: "first", Properties: entity.Properties{"label": "Ann", "born": int64(1850)},
		Relationships: []entity.Relationship{{Predicate: entity.PredicateCollection, Peer: peer}},
	})
	now := r.clock.Now()
	r.same("manifest", v.Manifest, &entity.Manifest{
		Schema: entity.Schema, ID: id, Type: "person", CreatedAt: entity.FormatTime(now), Ver: 1, TS: now.UnixMilli(),
		Properties:    entity.Properties{"label": "Ann", "born": int64(1850)},
		Relationships: []entity.Relationship{{Predicate: entity.PredicateCollection, Peer: peer}},
		EditedBy:      author, Note: "first",
	})
	tip, _ := entity.DigestOf(v.CID)
	r.same("head", r.head(id), entity.Head{
		ID: id, Tip: tip, Ver: 1, TS: now.UnixMilli(), CreatedAt: now.UnixMilli(), Type: "person", Label: "Ann", Collection: peer,
	})
	r.view(func(rd entity.Reader) error {
		m, err := rd.Manifest(v.CID)
		r.same("manifest read back", m, v.Manifest)
		return err
	})
	bare := r.create(entity.Draft{ID: r.id(), Type: "thing"})
	if bare.Manifest.Properties == nil || bare.Manifest.Relationships == nil {
		r.Error("a draft without properties and relationships makes them empty, not nil")
	}
}

func putMakesNext(r *rig) {
	v1 := r.person("Ann")
	created := r.clock.Now()
	v2 := r.mustPut(v1.Manifest.ID, entity.At(v1.CID), set("born", int64(1850)))
	want := v1.Manifest.Clone()
	want.Ver, want.TS, want.Prev = 2, r.clock.Now().UnixMilli(), &entity.Link{CID: v1.CID}
	want.Properties["born"] = int64(1850)
	r.same("version 2", v2.Manifest, want)
	if want.TS == created.UnixMilli() || v2.Manifest.CreatedAt != entity.FormatTime(created) {
		r.Errorf("ts %d and created_at %s; want the time of version 2 and of version 1", v2.Manifest.TS, v2.Manifest.CreatedAt)
	}
	other := entity.Actor{UserID: r.id(), Method: entity.MethodAI, OnBehalfOf: author.UserID}
	r.clock.Advance(time.Second)
	if _, err := r.Update(r.ctx, other, func(tx entity.Tx) error {
		r.same("actor of the transaction", tx.Actor(), other)
		_, err := tx.Put(v1.Manifest.ID, entity.At(v2.CID), set("died", int64(1920)))
		return err
	}); err != nil {
		r.Fatalf("Update: %v", err)
	}
	r.view(func(rd entity.Reader) error {
		h, _ := rd.Head(v1.Manifest.ID)
		m, err := rd.Manifest(h.CID())
		if err == nil && (m.EditedBy != other || h.Ver != 3) {
			r.Errorf("version %d edited by %v; want version 3 by %v", h.Ver, m.EditedBy, other)
		}
		return err
	})
}

func editCannotForge(r *rig) {
	v1 := r.person("Ann")
	stranger := r.person("Eve")
	v2 := r.mustPut(v1.Manifest.ID, entity.Any, func(m *entity.Manifest) error {
		m.Schema, m.Ver, m.TS, m.CreatedAt = "arke/eidos@v9", 40, 7, "1999-01-01T00:00:00.000Z"
		m.Prev, m.EditedBy = &entity.Link{CID: stranger.CID}, entity.Actor{UserID: "somebody", Method: entity.MethodSystem}
		return nil
	})
	want := v1.Manifest.Clone()
	want.Ver, want.TS, want.Prev = 2, r.clock.Now().UnixMilli(), &entity.Link{CID: v1.CID}
	r.same("version 2", v2.Manifest, want)

	v3, err := r.put(v1.Manifest.ID, entity.Any, func(m *entity.Manifest) error {
		m.ID = stranger.Manifest.ID
		return nil
	})
	if err != nil {
		r.wantKind(err, entity.KindInvalid)
	} else if v3.Manifest.ID != v1.Manifest.ID {
		r.Errorf("an edit moved a version to the entity %s", v3.Manifest.ID)
	}
	r.same("the stranger", r.head(stranger.Manifest.ID).Ver, int64(1))
}

func editChangesCopy(r *rig) {
	v1 := r.create(entity.Draft{
		ID: r.id(), Type: "thing", Properties: entity.Properties{"deep": map[string]any{"list": []any{int64(1)}}},
		Relationships: []entity.Relationship{{Predicate: "p", Peer: entity.Wildcard, Properties: entity.Properties{"x": "old"}}},
	})
	r.mustPut(v1.Manifest.ID, entity.Any, func(m *entity.Manifest) error {
		m.Properties["deep"].(map[string]any)["list"].([]any)[0] = int64(2)
		m.Relationships[0].Properties["x"] = "new"
		return nil
	})
	r.view(func(rd entity.Reader) error {
		m, err := rd.Manifest(v1.CID)
		if err != nil {
			return err
		}
		if _, cid, err := m.Clone().Seal(); err != nil || cid != v1.CID {
			r.Errorf("version 1 seals to %s (%v); want %s", cid, err, v1.CID)
		}
		b, err := rd.Block(v1.CID)
		if err != nil {
			return err
		}
		clear(b) // the caller owns it
		again, err := rd.Block(v1.CID)
		if entity.SumBlock(again) != v1.CID {
			r.Error("a block that a caller wrote over came back so")
		}
		return err
	})
}

func noteBelongsToOne(r *rig) {
	v1 := r.create(entity.Draft{ID: r.id(), Type: "thing", Note: "made"})
	id := v1.Manifest.ID
	v2 := r.mustPut(id, entity.Any, func(m *entity.Manifest) error {
		if m.Note != "" {
			r.Errorf("the edit found the note %q of the version before", m.Note)
		}
		m.Note = "changed"
		return nil
	})
	v3 := r.mustPut(id, entity.Any, func(*entity.Manifest) error { return nil })
	r.same("notes", []string{v1.Manifest.Note, v2.Manifest.Note, v3.Manifest.Note}, []string{"made", "changed", ""})
}

func noOpWritesVersion(r *rig) {
	v1 := r.person("Ann")
	before := r.contents().Seq
	v2 := r.mustPut(v1.Manifest.ID, entity.At(v1.CID), func(*entity.Manifest) error { return nil })
	if v2.Manifest.Ver != 2 || v2.CID == v1.CID {
		r.Errorf("version %d with CID %s; want version 2 with another CID than %s", v2.Manifest.Ver, v2.CID, v1.CID)
	}
	r.same("changes", r.contents().Seq, before+1)
}

func deleteAndRestore(r *rig) {
	coll, peer := r.id(), r.id()
	v1 := r.create(entity.Draft{
		ID: r.id(), Type: "person", Properties: entity.Properties{"label": "Ann"},
		Relationships: []entity.Relationship{{Predicate: entity.PredicateCollection, Peer: coll}, {Predicate: "knows", Peer: peer}},
	})
	id := v1.Manifest.ID
	v2 := r.mustPut(id, entity.Any, set("born", int64(1850)))
	dead := r.mustPut(id, entity.At(v2.CID), bury)
	head := r.head(id)
	if !head.Deleted || head.Collection != coll || head.Type != "person" || head.Tip != digest(dead.CID) {
		r.Errorf("head of a tombstone: %+v; want deleted, with the type and collection it had", head)
	}
	if stone, ok := dead.Manifest.Tombstone(); !ok || stone.OriginalVer != 2 {
		r.Errorf("tombstone: %+v, %t; want one of version 2", stone, ok)
	}
	back := r.mustPut(id, entity.At(dead.CID), restore(v2.Manifest))
	if h := r.head(id); h.Deleted || h.Ver != 4 || h.Label != "Ann" || h.Collection != coll {
		r.Errorf("head after restore: %+v", h)
	}
	r.same("restored properties", back.Manifest.Properties, v2.Manifest.Properties)
	r.same("restored relationships", back.Manifest.Relationships, v2.Manifest.Relationships)
	var kinds []entity.ChangeKind
	for _, rec := range r.contents().Records {
		kinds = append(kinds, rec.Changes[0].Kind)
		r.same("collection in the log", rec.Changes[0].Collection, coll)
	}
	r.same("kinds", kinds, []entity.ChangeKind{entity.Created, entity.Updated, entity.Deleted, entity.Restored})
}

func digest(c entity.CID) entity.Digest {
	d, _ := entity.DigestOf(c)
	return d
}

func takenCannotBeCreated(r *rig) {
	v := r.person("Ann")
	again := func() {
		_, err := r.try(func(tx entity.Tx) error {
			_, err := tx.Create(person(v.Manifest.ID, "Eve"))
			return err
		})
		r.wantKind(err, entity.KindExists)
	}
	r.unchanged(again)
	r.mustPut(v.Manifest.ID, entity.Any, bury)
	r.unchanged(again)
	id := r.id()
	r.unchanged(func() {
		_, err := r.try(func(tx entity.Tx) error {
			if _, err := tx.Create(person(id, "Ann")); err != nil {
				return err
			}
			_, err := tx.Create(person(id, "Eve"))
			return err
		})
		r.wantKind(err, entity.KindExists)
	})
}

func badDraftIsInvalid(r *rig) {
	twice := entity.Relationship{Predicate: "p", Peer: entity.Wildcard}
	for what, d := range map[string]entity.Draft{
		"no type":                    {ID: r.id()},
		"a short id":                 {ID: "01J", Type: "thing"},
		"an id of the other network": {ID: r.ids.New(entity.Test), Type: "thing"},
		"a relationship twice":       {ID: r.id(), Type: "thing", Relationships: []entity.Relationship{twice, twice}},
		"a value of no form":         {ID: r.id(), Type: "thing", Properties: entity.Properties{"x": "\xff"}},
		"a folder without label":     {ID: r.id(), Type: entity.TypeFolder},
	} {
		r.unchanged(func() {
			_, err := r.try(func(tx entity.Tx) error {
				if _, err := tx.Create(entity.Draft{ID: r.id(), Type: "thing"}); err != nil {
					return err
				}
				taken := d // the store takes a draft over, and the closure may run again
				taken.Properties = maps.Clone(d.Properties)
				_, err := tx.Create(taken)
				return err
			})
			if entity.KindOf(err) != entity.KindInvalid {
				r.Errorf("a draft with %s: error %v; want one of kind invalid", what, err)
			}
		})
	}
	r.unchanged(func() {
		_, err := r.Update(r.ctx, entity.Actor{}, func(tx entity.Tx) error {
			_, err := tx.Create(entity.Draft{Type: "thing"})
			return err
		})
		r.wantKind(err, entity.KindInvalid)
	})
}

func mintedIDs(r *rig) {
	var ids map[entity.ID]bool
	r.update(func(tx entity.Tx) error {
		ids = map[entity.ID]bool{}
		for range 3 {
			v, err := tx.Create(entity.Draft{Type: "thing"})
			if err != nil {
				return err
			}
			ids[v.Manifest.ID], ids[tx.NewID()] = true, true
		}
		return nil
	})
	r.same("distinct ids", len(ids), 6)
	for id := range ids {
		if _, err := entity.ParseID(string(id)); err != nil || id.Network() != entity.Main {
			r.Errorf("minted id %s, %v", id, err)
		}
	}
}

func testNetwork(r *rig) {
	r.same("network of the store", r.Network(), entity.Test)
	r.person("Ann") // with an id of the test network
	r.update(func(tx entity.Tx) error {
		r.same("network of a transaction", tx.Network(), entity.Test)
		v, err := tx.Create(entity.Draft{Type: "thing"})
		if err == nil && v.Manifest.ID.Network() != entity.Test {
			r.Errorf("minted %s", v.Manifest.ID)
		}
		return err
	})
	r.unchanged(func() {
		_, err := r.try(func(tx entity.Tx) error {
			_, err := tx.Create(entity.Draft{ID: r.ids.New(entity.Main), Type: "thing"})
			return err
		})
		r.wantKind(err, entity.KindInvalid)
	})
}

func clockBackwards(r *rig) {
	v := r.person("Ann")
	for range 3 {
		r.clock.Advance(-time.Hour)
		v = r.mustPut(v.Manifest.ID, entity.At(v.CID), set("x", int64(1)))
	}
	c := r.contents() // audits the order
	r.same("versions", len(c.Versions[v.Manifest.ID]), 4)
	r.same("last change", c.Seq, entity.Seq(4))
	if c.Records[3].At >= c.Records[0].At {
		r.Errorf("times of the first and the last record: %d, %d; want the clock's", c.Records[0].At, c.Records[3].At)
	}
}
