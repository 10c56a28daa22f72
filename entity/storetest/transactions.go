package storetest

import (
	"context"
	"slices"
	"time"

	"stemma/entity"
)

var transactionCases = []lawCase{
	{law: "reads inside a transaction see its own writes", run: readsOwnWrites},
	{law: "one transaction is one record, by one actor, at one time", run: oneRecord},
	{law: "a transaction that writes nothing adds nothing and gives the state it read", run: emptyTransaction},
	{law: "a panic in a closure writes nothing and the next update works", run: panicLeavesStoreWorking},
	{law: "a caller who has gone writes nothing", run: goneWritesNothing},
	{law: "a caller who goes during the closure is told the truth", run: goesDuring},
	{law: "sequences nest inside a transaction, with writes between their steps", run: sequencesNest},
	{law: "an error of a View's closure comes back as it is", run: viewHandsErrorOn},
}

func readsOwnWrites(r *rig) {
	v1 := r.person("Ann")
	id, made := v1.Manifest.ID, r.id()
	r.update(func(tx entity.Tx) error {
		v2, err := tx.Put(id, entity.At(v1.CID), set("x", int64(2)))
		if err != nil {
			return err
		}
		v3, err := tx.Put(id, entity.At(v2.CID), set("x", int64(3)))
		if err != nil {
			return err
		}
		first, err := tx.Create(person(made, "Bob"))
		if err != nil {
			return err
		}
		wantEntity(r, tx, id, v1, v2, v3)
		wantEntity(r, tx, made, first)
		return nil
	})
	r.view(func(rd entity.Reader) error {
		h, err := rd.Head(id)
		r.same("version after three steps", h.Ver, int64(3))
		return err
	})
	r.same("log", r.contents().Seq, entity.Seq(4))
}

// wantEntity fails unless every way to read the entity gives these versions.
func wantEntity(r *rig, rd entity.Reader, id entity.ID, versions ...*entity.Version) {
	r.Helper()
	n := len(versions)
	h, err := rd.Head(id)
	if err != nil || h.CID() != versions[n-1].CID || h.Ver != int64(n) {
		r.Errorf("head: version %d, %s, %v", h.Ver, h.CID(), err)
	}
	among := slices.Collect(func(yield func(entity.Head) bool) {
		for other, err := range rd.Heads() {
			if err != nil {
				r.Errorf("heads: %v", err)
			}
			if other.ID == id && !yield(other) {
				return
			}
		}
	})
	r.same("among all heads", among, []entity.Head{h})
	for i, v := range versions {
		m, err := rd.Manifest(v.CID)
		if err != nil {
			r.Errorf("manifest of version %d: %v", i+1, err)
			continue
		}
		r.same("manifest", m, v.Manifest)
		b, err := rd.Block(v.CID)
		if err != nil || entity.SumBlock(b) != v.CID {
			r.Errorf("block of version %d: %s, %v", i+1, entity.SumBlock(b), err)
		}
		if c, err := rd.VersionAt(id, int64(i+1)); err != nil || c != v.CID {
			r.Errorf("version %d is at %s, %v", i+1, c, err)
		}
		var got []entity.VersionRef
		for ref, err := range rd.History(id, int64(i+1)) {
			if err != nil {
				r.Errorf("history: %v", err)
			}
			got = append(got, ref)
		}
		r.same("history from there", got, refsDown(versions[:i+1]))
	}
}

func refsDown(versions []*entity.Version) (refs []entity.VersionRef) {
	for i := len(versions); i > 0; i-- {
		refs = append(refs, entity.VersionRef{Ver: int64(i), CID: versions[i-1].CID})
	}
	return refs
}

func oneRecord(r *rig) {
	a := r.person("Ann")
	before := r.contents().Seq
	var b *entity.Version
	seq := r.update(func(tx entity.Tx) (err error) {
		if b, err = tx.Create(person(r.id(), "Bob")); err != nil {
			return err
		}
		if _, err = tx.Put(a.Manifest.ID, entity.Any, set("x", int64(1))); err != nil {
			return err
		}
		_, err = tx.Append(b.Manifest.ID, "log", entity.Any, nil)
		return err
	})
	c := r.contents()
	rec := c.Records[len(c.Records)-1]
	if seq != rec.Last() || rec.Seq != before+1 || rec.Last() != before+3 {
		r.Errorf("Update gave %d, its record goes from %d to %d; want %d to %d", seq, rec.Seq, rec.Last(), before+1, before+3)
	}
	if rec.Actor != author || rec.At != r.clock.Now().UnixMilli() {
		r.Errorf("record by %v at %d; want %v at %d", rec.Actor, rec.At, author, r.clock.Now().UnixMilli())
	}
	kinds := []entity.ChangeKind{}
	for _, change := range rec.Changes {
		kinds = append(kinds, change.Kind)
	}
	r.same("kinds in order", kinds, []entity.ChangeKind{entity.Created, entity.Updated, entity.Appended})
}

func emptyTransaction(r *rig) {
	r.same("state of an empty store", r.update(func(entity.Tx) error { return nil }), entity.Seq(0))
	r.person("Ann")
	r.unchanged(func() {
		r.same("state read", r.update(func(tx entity.Tx) error {
			r.same("Seq inside", tx.Seq(), entity.Seq(1))
			return nil
		}), entity.Seq(1))
		r.same("state with a secret more", r.update(func(tx entity.Tx) error {
			tx.SetSecret("k", []byte("v"))
			return nil
		}), entity.Seq(1))
	})
}

func panicLeavesStoreWorking(r *rig) {
	v := r.person("Ann")
	r.unchanged(func() {
		var thrown any
		var err error
		func() {
			defer func() { thrown = recover() }()
			_, err = r.Update(r.ctx, author, func(tx entity.Tx) error {
				if _, err := tx.Put(v.Manifest.ID, entity.Any, bury); err != nil {
					return err
				}
				panic(errBoom)
			})
		}()
		if thrown == nil && entity.KindOf(err) != entity.KindInternal || thrown == nil && err == nil {
			r.Errorf("a panic came back as the error %v; want a panic or an error of kind internal", err)
		}
	})
	r.stepDone()
	r.mustPut(v.Manifest.ID, entity.At(v.CID), set("x", int64(1)))
}

func goneWritesNothing(r *rig) {
	v := r.person("Ann")
	canceled, cancel := context.WithCancel(r.ctx)
	cancel()
	late, cancelLate := context.WithDeadline(r.ctx, time.Unix(0, 0))
	defer cancelLate()
	for ctx, kind := range map[context.Context]entity.Kind{canceled: entity.KindCanceled, late: entity.KindTimeout} {
		r.unchanged(func() {
			_, err := r.Update(ctx, author, func(tx entity.Tx) error {
				_, err := tx.Put(v.Manifest.ID, entity.Any, bury)
				return err
			})
			r.wantKind(err, kind)
		})
	}
	r.stepDone()
}

// goesDuring: whether the commit still happens is the store's affair, but the
// answer must say which it was.
func goesDuring(r *rig) {
	v := r.person("Ann")
	for range 20 {
		before := r.head(v.Manifest.ID).Ver
		ctx, cancel := context.WithCancel(r.ctx)
		_, err := r.Update(ctx, author, func(tx entity.Tx) error {
			_, err := tx.Put(v.Manifest.ID, entity.Any, set("x", int64(1)))
			cancel()
			return err
		})
		cancel()
		want := before + 1
		if err != nil {
			r.wantKind(err, entity.KindCanceled)
			want = before
		}
		r.same("version", r.head(v.Manifest.ID).Ver, want)
	}
}

func sequencesNest(r *rig) {
	ids := []entity.ID{r.person("Ann").Manifest.ID, r.person("Bob").Manifest.ID}
	for _, id := range ids {
		for n := range int64(3) {
			r.mustPut(id, entity.Any, set("x", n))
		}
	}
	r.update(func(tx entity.Tx) error {
		for outer, err := range tx.History(ids[0], 0) {
			if err != nil {
				return err
			}
			n := int64(0)
			for _, err := range tx.History(ids[1], 0) {
				if err != nil {
					return err
				}
				n++
			}
			// Each outer step added a version of the inner entity.
			r.same("inner versions", n, 4+4-outer.Ver)
			if _, err := tx.Put(ids[1], entity.Any, set("y", outer.Ver)); err != nil {
				return err
			}
		}
		return nil
	})
	r.same("versions", r.head(ids[1]).Ver, int64(8))
}

func viewHandsErrorOn(r *rig) {
	if err := r.View(r.ctx, func(entity.Reader) error { return errBoom }); err != errBoom {
		r.Errorf("View: %v; want the closure's own error", err)
	}
}
