package storetest

import (
	"context"
	"errors"
	"time"

	"stemma/entity"
)

var readCases = []lawCase{
	{law: "a View is one state, whatever is committed while it lasts", run: viewIsSnapshot},
	{law: "a write that was answered is seen by every later read", run: readYourWrites},
	{law: "what is not there is not found", run: absentIsNotFound},
	{law: "history and versions are found from any version", run: historyFromAnywhere},
	{law: "Wait returns once there is more, and no sooner", run: waitWakes},
	{law: "Wait ends with its context", run: waitEnds},
	{law: "what was committed is there after reopening, and goes on", run: survivesReopening, durable: true},
}

func viewIsSnapshot(r *rig) {
	v1 := r.person("Ann")
	id, late := v1.Manifest.ID, r.id()
	r.update(func(tx entity.Tx) error {
		tx.SetSecret("k", []byte("old"))
		_, err := tx.Append(id, "log", entity.Any, nil)
		return err
	})
	// No step may reopen while a View is open.
	write := func(fn func(entity.Tx) error) {
		if _, err := r.Update(r.ctx, author, fn); err != nil {
			r.Errorf("Update: %v", err)
		}
	}
	r.view(func(rd entity.Reader) error {
		before, err := read(rd)
		if err != nil {
			return err
		}
		rows, err := rowsOf(rd.Rows("roll"))
		if err != nil {
			return err
		}
		for n := range int64(5) {
			write(func(tx entity.Tx) error {
				if _, err := tx.Put(id, entity.Any, set("x", n)); err != nil {
					return err
				}
				tx.SetSecret("k", []byte("new"))
				_, err := tx.Append(id, "log", entity.Any, nil)
				return err
			})
		}
		write(func(tx entity.Tx) error {
			_, err := tx.Create(person(late, "Late"))
			return err
		})
		after, err := read(rd)
		if err != nil {
			return err
		}
		r.same("contents of one View, before and after", after, before)
		rowsAfter, err := rowsOf(rd.Rows("roll"))
		r.same("rows of one View, before and after", rowsAfter, rows)
		if _, err := rd.Head(late); entity.KindOf(err) != entity.KindNotFound || err == nil {
			r.Errorf("a later entity in an earlier View: %v", err)
		}
		if secret, err := rd.Secret("k"); string(secret) != "old" {
			r.Errorf("a secret changed to %q, %v", secret, err)
		}
		return err
	})
	r.same("versions in a new View", r.head(id).Ver, int64(6))
	r.stepDone()
}

func readYourWrites(r *rig) {
	id := r.id()
	var v *entity.Version
	for n := range int64(6) {
		seq := r.update(func(tx entity.Tx) (err error) {
			if n == 0 {
				v, err = tx.Create(person(id, "Ann"))
			} else {
				v, err = tx.Put(id, entity.Any, set("n", n))
			}
			return err
		})
		r.view(func(rd entity.Reader) error {
			r.same("Seq", rd.Seq(), seq)
			h, err := rd.Head(id)
			r.same("tip", h.CID(), v.CID)
			if err != nil {
				return err
			}
			for rec, err := range rd.LogBefore(0) {
				if err != nil || rec.Last() != seq || rec.Changes[0].CID() != v.CID {
					r.Errorf("the log ends with %+v, %v", rec, err)
				}
				break
			}
			row, err := rd.Rows("roll").Get(r.roll.key(v.Manifest))
			r.same("row", string(row), string(rollValue(v.Manifest)))
			return err
		})
		r.same("memory", r.roll.Counts(), map[string]int{"person": 1})
	}
}

func absentIsNotFound(r *rig) {
	v := r.person("Ann")
	absent := entity.SumBlock([]byte("absent"))
	r.view(func(rd entity.Reader) error {
		_, err := rd.Head(r.id())
		r.wantKind(err, entity.KindNotFound)
		_, err = rd.Manifest(absent)
		r.wantKind(err, entity.KindNotFound)
		_, err = rd.Block(absent)
		r.wantKind(err, entity.KindNotFound)
		for _, ver := range []int64{-1, 0, 2, 1 << 62} {
			_, err = rd.VersionAt(v.Manifest.ID, ver)
			r.wantKind(err, entity.KindNotFound)
		}
		_, err = rd.VersionAt(r.id(), 1)
		r.wantKind(err, entity.KindNotFound)
		ref, err := rd.ChainHead(v.Manifest.ID, "log")
		r.same("head of a chain without blocks", ref, entity.ChainRef{})
		if err != nil {
			return err
		}
		for ref, err := range rd.Chain(v.Manifest.ID, "log", 1) {
			r.Errorf("a chain without blocks gives %v, %v", ref, err)
		}
		secret, err := rd.Secret("none")
		if err != nil || secret != nil {
			r.Errorf("a secret that is not there: %v, %v", secret, err)
		}
		row, err := rd.Rows("roll").Get([]byte("none"))
		if row != nil {
			r.Errorf("a row that is not there: %v", row)
		}
		return err
	})
}

func historyFromAnywhere(r *rig) {
	const n = 12
	// Neighbours whose versions must not be taken for this one's.
	r.person("before")
	versions := []*entity.Version{r.person("Ann")}
	id := versions[0].Manifest.ID
	r.person("after")
	r.update(func(tx entity.Tx) error {
		versions = versions[:1]
		for i := range int64(n - 1) {
			v, err := tx.Put(id, entity.Any, set("n", i))
			if err != nil {
				return err
			}
			versions = append(versions, v)
		}
		return nil
	})
	r.view(func(rd entity.Reader) error {
		wantEntity(r, rd, id, versions...)
		for from, want := range map[int64]int{0: n, 1: 1, n: n, n + 5: n} {
			var got []entity.VersionRef
			for ref, err := range rd.History(id, from) {
				if err != nil {
					return err
				}
				got = append(got, ref)
			}
			r.same("history", got, refsDown(versions[:want]))
		}
		for ref := range rd.History(id, 7) { // leaving early is allowed
			r.same("first of the history from 7", ref.Ver, int64(7))
			break
		}
		return nil
	})
}

// waitWakes: a follower that waits for more than it has seen finds more each
// time, and comes to the end.
func waitWakes(r *rig) {
	const n = 30
	r.person("Ann")
	if err := r.Wait(r.ctx, 0); err != nil {
		r.Errorf("Wait for what is there: %v", err)
	}
	followed := make(chan error, 1)
	go func() {
		for seen := entity.Seq(1); seen < n; {
			if err := r.Wait(r.ctx, seen); err != nil {
				followed <- err
				return
			}
			last := seen
			err := r.View(r.ctx, func(rd entity.Reader) error {
				seen = rd.Seq()
				return nil
			})
			if err == nil && seen <= last {
				err = audit("Wait after %d returned when the state was of %d", last, seen)
			}
			if err != nil {
				followed <- err
				return
			}
		}
		followed <- nil
	}()
	for range n - 1 {
		r.clock.Advance(time.Second)
		if _, err := r.Update(r.ctx, author, func(tx entity.Tx) error {
			_, err := tx.Create(entity.Draft{Type: "thing"})
			return err
		}); err != nil {
			r.Errorf("Update: %v", err)
		}
	}
	if err := <-followed; err != nil {
		r.Errorf("follower: %v", err)
	}
}

func waitEnds(r *rig) {
	seq := r.update(func(tx entity.Tx) error {
		_, err := tx.Create(entity.Draft{Type: "thing"})
		return err
	})
	ctx, cancel := context.WithCancel(r.ctx)
	ended := make(chan error, 1)
	go func() { ended <- r.Wait(ctx, seq) }()
	r.commitSecret()
	select {
	case err := <-ended:
		r.Fatalf("Wait returned %v with nothing new and its context alive", err)
	default:
	}
	cancel()
	r.wantKind(<-ended, entity.KindCanceled)
	late, cancelLate := context.WithDeadline(r.ctx, time.Unix(0, 0))
	defer cancelLate()
	r.wantKind(r.Wait(late, seq), entity.KindTimeout)
	if err := r.Wait(ctx, seq); !errors.Is(err, context.Canceled) {
		r.Errorf("Wait: %v; want the context's error underneath", err)
	}
}

// commitSecret commits a secret, which is not a change.
func (r *rig) commitSecret() {
	if _, err := r.Update(r.ctx, author, func(tx entity.Tx) error {
		tx.SetSecret("k", []byte("v"))
		return nil
	}); err != nil {
		r.Fatalf("Update: %v", err)
	}
}

func survivesReopening(r *rig) {
	v := r.person("Ann")
	id := v.Manifest.ID
	r.mustPut(id, entity.Any, set("x", int64(1)))
	r.update(func(tx entity.Tx) error {
		tx.SetSecret("k", []byte("v"))
		_, err := tx.Append(id, "log", entity.Any, entity.Properties{"a": int64(1)})
		return err
	})
	dead := r.person("Bob")
	r.mustPut(dead.Manifest.ID, entity.Any, bury)
	r.unchanged(r.reopen)
	r.view(func(rd entity.Reader) error {
		secret, err := rd.Secret("k")
		r.same("secret", string(secret), "v")
		return err
	})
	seq := r.update(func(tx entity.Tx) error {
		ref, err := tx.Append(id, "log", entity.Any, nil)
		r.same("position in the chain", ref.N, int64(2))
		if err != nil {
			return err
		}
		_, err = tx.Put(dead.Manifest.ID, entity.Any, restore(dead.Manifest))
		return err
	})
	r.same("last change", seq, entity.Seq(7))
	r.unchanged(r.reopen)
}
