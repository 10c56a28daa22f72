package storetest

import (
	"stemma/entity"
)

var chainCases = []lawCase{
	{law: "appended blocks link back one by one", run: chainLinks},
	{law: "an append with a stale head changes nothing and names both heads", run: staleChainHead},
	{law: "appending leaves the entity's tip and version alone", run: appendLeavesTip},
	{law: "chains of one entity, and of two, are apart", run: chainsApart},
	{law: "a chain outlives its entity's deletion and restoration", run: chainOutlives},
	{law: "an append to what never was is not found", run: appendNotFound},
	{law: "content that is erased is gone for its entity alone, and its place and hash stay", run: eraseContent},
	{law: "content that is to be erased and is not there is refused, and nothing goes", run: eraseRefused},
	{law: "a gap is adopted in its place, and the news of an erasure erases", run: adoptErased},
}

func chainLinks(r *rig) {
	v := r.person("Ann")
	id := v.Manifest.ID
	var refs []entity.ChainRef
	head := entity.ChainRef{}
	for n := int64(1); n <= 5; n++ {
		var ref entity.ChainRef
		r.update(func(tx entity.Tx) (err error) {
			if ref, err = tx.Append(id, "steps", entity.At(head.CID), entity.Properties{"n": n}); err != nil {
				return err
			}
			got, err := tx.ChainHead(id, "steps")
			r.same("head inside the transaction", got, ref)
			return err
		})
		want := entity.ChainBlock{ID: id, Chain: "steps", N: n, TS: r.clock.Now().UnixMilli(), Body: entity.Properties{"n": n}}
		if n > 1 {
			want.Prev = &entity.Link{CID: head.CID}
		}
		_, cid, err := want.Seal()
		if err != nil || ref != (entity.ChainRef{N: n, CID: cid}) {
			r.Errorf("appended %v; want block %d, %s (%v)", ref, n, cid, err)
		}
		refs, head = append(refs, ref), ref
	}
	r.view(func(rd entity.Reader) error {
		for from := int64(-1); from <= 6; from++ {
			wantChain(r, rd, id, "steps", from, refs[min(max(from-1, 0), 5):])
		}
		for ref, err := range rd.Chain(id, "steps", 3) { // leaving early is allowed
			r.same("first from 3", ref.N, int64(3))
			return err
		}
		return nil
	})
	r.update(func(tx entity.Tx) error {
		ref, err := tx.Append(id, "steps", entity.Any, nil)
		wantChain(r, tx, id, "steps", 5, []entity.ChainRef{refs[4], ref})
		return err
	})
}

// wantChain fails unless the chain from there on is these blocks.
func wantChain(r *rig, rd entity.Reader, id entity.ID, chain string, from int64, want []entity.ChainRef) {
	r.Helper()
	got := []entity.ChainRef{}
	for ref, err := range rd.Chain(id, chain, from) {
		if err != nil {
			r.Errorf("chain: %v", err)
			return
		}
		got = append(got, ref)
	}
	r.same("chain", got, want)
}

// append adds a block in a transaction of its own.
func (r *rig) append(id entity.ID, chain string, expect entity.Expect) (ref entity.ChainRef, err error) {
	r.Helper()
	_, err = r.try(func(tx entity.Tx) (err error) {
		ref, err = tx.Append(id, chain, expect, entity.Properties{"to": chain})
		return err
	})
	return ref, err
}

// mustAppend is an append that expects nothing and must succeed.
func (r *rig) mustAppend(id entity.ID, chain string) entity.ChainRef {
	r.Helper()
	ref, err := r.append(id, chain, entity.Any)
	if err != nil {
		r.Fatalf("Append: %v", err)
	}
	return ref
}

func staleChainHead(r *rig) {
	v := r.person("Ann")
	id := v.Manifest.ID
	r.unchanged(func() {
		_, err := r.append(id, "log", entity.At(v.CID))
		r.wantTips(err, id, entity.At(v.CID), entity.CID{})
	})
	first := r.mustAppend(id, "log")
	second := r.mustAppend(id, "log")
	for _, stale := range []entity.Expect{entity.At(entity.CID{}), entity.At(first.CID), entity.AtText("no CID")} {
		r.unchanged(func() {
			_, err := r.append(id, "log", stale)
			r.wantTips(err, id, stale, second.CID)
		})
	}
	if third, err := r.append(id, "log", entity.At(second.CID)); err != nil || third.N != 3 {
		r.Errorf("append on the head: %v, %v", third, err)
	}
}

func appendLeavesTip(r *rig) {
	v := r.person("Ann")
	before := r.head(v.Manifest.ID)
	r.mustAppend(v.Manifest.ID, "log")
	r.same("head", r.head(v.Manifest.ID), before)
	next := r.mustPut(v.Manifest.ID, entity.At(v.CID), set("x", int64(1)))
	r.same("version", next.Manifest.Ver, int64(2))
}

func chainsApart(r *rig) {
	a, b := r.person("Ann").Manifest.ID, r.person("Bob").Manifest.ID
	want := map[chainKey][]entity.ChainRef{}
	for range 3 { // names that begin with each other
		for _, key := range []chainKey{{a, "log"}, {a, "logs"}, {b, "log"}, {a, "lo"}} {
			want[key] = append(want[key], r.mustAppend(key.id, key.chain))
		}
	}
	r.view(func(rd entity.Reader) error {
		for key, refs := range want {
			wantChain(r, rd, key.id, key.chain, 1, refs)
		}
		return nil
	})
}

func chainOutlives(r *rig) {
	v := r.person("Ann")
	id := v.Manifest.ID
	refs := []entity.ChainRef{r.mustAppend(id, "log")}
	r.mustPut(id, entity.At(v.CID), bury)
	r.view(func(rd entity.Reader) error {
		wantChain(r, rd, id, "log", 1, refs)
		return nil
	})
	r.mustPut(id, entity.Any, restore(v.Manifest))
	refs = append(refs, r.mustAppend(id, "log"))
	r.view(func(rd entity.Reader) error {
		wantChain(r, rd, id, "log", 1, refs)
		return nil
	})
}

func appendNotFound(r *rig) {
	r.person("Ann")
	r.unchanged(func() {
		_, err := r.append(r.id(), "log", entity.Any)
		r.wantKind(err, entity.KindNotFound)
	})
}
