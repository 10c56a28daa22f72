package storetest

import (
	"fmt"
	"sync"

	"stemma/entity"
)

var raceCases = []lawCase{
	{law: "writers on distinct entities all land", run: distinctWritersLand},
	{law: "of racing swaps on one entity each tip is replaced once", run: oneWinnerPerTip},
	{law: "what a transaction read still holds when it commits", run: noWriteSkew},
	{law: "readers see entities that change together change together", run: noTornRead},
	{law: "a transaction that only reads gives the state it read", run: readersNameTheirState},
	{law: "a failing transaction takes none of its neighbours with it", run: failuresAreAlone},
}

// race runs fn for each of n workers at once, and reports their errors.
func (r *rig) race(n int, fn func(worker int) error) {
	r.Helper()
	var wg sync.WaitGroup
	errs := make([]error, n)
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = fn(i)
		})
	}
	close(start)
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			r.Errorf("worker %d: %v", i, err)
		}
	}
	r.stepDone()
}

func distinctWritersLand(r *rig) {
	const workers, rounds = 8, 15
	ids := make([]entity.ID, workers)
	for i := range ids {
		ids[i] = r.id()
	}
	r.race(workers, func(i int) error {
		var tip entity.CID
		for n := range int64(rounds) {
			var v *entity.Version
			_, err := r.Update(r.ctx, author, func(tx entity.Tx) (err error) {
				if n == 0 {
					v, err = tx.Create(person(ids[i], "Ann"))
				} else {
					v, err = tx.Put(ids[i], entity.At(tip), set("n", n))
				}
				return err
			})
			if err != nil {
				return err
			}
			tip = v.CID
		}
		return nil
	})
	c := r.contents()
	r.same("changes", c.Seq, entity.Seq(workers*rounds))
	for _, id := range ids {
		r.same("versions", len(c.Versions[id]), rounds)
	}
}

// oneWinnerPerTip: racers swap whatever tip they read, until each has lost or
// won so often. Every tip that was replaced was replaced by one of them.
func oneWinnerPerTip(r *rig) {
	const workers, rounds = 8, 20
	v := r.person("Ann")
	id := v.Manifest.ID
	var mu sync.Mutex
	winners := map[entity.CID]int{}
	wins := int64(0)
	r.race(workers, func(i int) error {
		for n := range rounds {
			var h entity.Head
			if err := r.View(r.ctx, func(rd entity.Reader) (err error) {
				h, err = rd.Head(id)
				return err
			}); err != nil {
				return err
			}
			_, err := r.Update(r.ctx, author, func(tx entity.Tx) error {
				_, err := tx.Put(id, entity.At(h.CID()), set("by", int64(i*rounds+n)))
				return err
			})
			switch {
			case err == nil:
				mu.Lock()
				winners[h.CID()]++
				wins++
				mu.Unlock()
			case tipsOf(err) == nil || tipsOf(err).Actual == h.CID().String():
				return fmt.Errorf("a lost swap says %w", err)
			}
		}
		return nil
	})
	for tip, n := range winners {
		if n != 1 {
			r.Errorf("the tip %s was replaced %d times", tip, n)
		}
	}
	r.same("version", r.head(id).Ver, 1+wins)
	if wins == 0 {
		r.Error("nobody won")
	}
}

// noWriteSkew: of two switches at most one may be on. Whoever finds the other
// off turns its own on; whoever finds its own on turns it off.
func noWriteSkew(r *rig) {
	const rounds = 40
	ids := []entity.ID{r.person("left").Manifest.ID, r.person("right").Manifest.ID}
	on := func(rd entity.Reader, id entity.ID) (bool, error) {
		h, err := rd.Head(id)
		if err != nil {
			return false, err
		}
		m, err := rd.Manifest(h.CID())
		if err != nil {
			return false, err
		}
		return m.Properties["on"] == true, nil
	}
	r.race(4, func(i int) error {
		mine, other := ids[i%2], ids[1-i%2]
		for range rounds {
			_, err := r.Update(r.ctx, author, func(tx entity.Tx) error {
				lit, err := on(tx, mine)
				if err != nil {
					return err
				}
				blocked, err := on(tx, other)
				if err != nil || blocked && !lit {
					return err
				}
				if blocked && lit {
					r.Error("a transaction found both on")
				}
				_, err = tx.Put(mine, entity.Any, set("on", !lit))
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	state := map[entity.ID]bool{}
	c := r.contents()
	for _, rec := range c.Records {
		for _, change := range rec.Changes {
			m, err := entity.DecodeManifest(c.Blocks[change.CID().String()])
			if err != nil {
				r.Fatalf("DecodeManifest: %v", err)
			}
			state[change.ID] = m.Properties["on"] == true
			if state[ids[0]] && state[ids[1]] {
				r.Fatalf("both are on after change %d", rec.Seq)
			}
		}
	}
}

func noTornRead(r *rig) {
	const rounds = 40
	ids := []entity.ID{r.id(), r.id(), r.id()}
	r.update(func(tx entity.Tx) error {
		for _, id := range ids {
			if _, err := tx.Create(person(id, "0")); err != nil {
				return err
			}
		}
		return nil
	})
	step := func(n int) error {
		_, err := r.Update(r.ctx, author, func(tx entity.Tx) error {
			for _, id := range ids {
				if _, err := tx.Put(id, entity.Any, set("label", fmt.Sprint(n))); err != nil {
					return err
				}
			}
			return nil
		})
		return err
	}
	r.race(4, func(i int) error {
		for n := range rounds {
			var err error
			if i == 0 {
				err = step(n)
			} else {
				err = r.lookForTears(ids)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// lookForTears is one View of entities that were created in one record and have
// changed together ever since.
func (r *rig) lookForTears(ids []entity.ID) error {
	return r.View(r.ctx, func(rd entity.Reader) error {
		first, err := rd.Head(ids[0])
		if err != nil {
			return err
		}
		if want := entity.Seq(int64(len(ids)) * first.Ver); rd.Seq() != want {
			return fmt.Errorf("version %d in a state of change %d; want %d", first.Ver, rd.Seq(), want)
		}
		for _, id := range ids {
			h, err := rd.Head(id)
			if err != nil || h.Ver != first.Ver || h.Label != first.Label {
				return fmt.Errorf("versions %d and %d in one View (error: %v)", first.Ver, h.Ver, err)
			}
			m, err := rd.Manifest(h.CID())
			if err != nil {
				return err
			}
			row, err := rd.Rows(r.roll.Name()).Get(r.roll.key(m))
			if err != nil || string(row) != string(rollValue(m)) {
				return fmt.Errorf("row %q beside version %d (error: %v)", row, h.Ver, err)
			}
		}
		return nil
	})
}

func readersNameTheirState(r *rig) {
	v := r.person("Ann")
	r.race(4, func(i int) error {
		for n := range int64(40) {
			var read entity.Seq
			seq, err := r.Update(r.ctx, author, func(tx entity.Tx) error {
				read = tx.Seq()
				if i > 1 {
					_, err := tx.Put(v.Manifest.ID, entity.Any, set("n", n))
					return err
				}
				_, err := tx.Head(v.Manifest.ID)
				return err
			})
			if err != nil {
				return err
			}
			if i <= 1 && seq != read {
				return fmt.Errorf("a transaction that read the state of %d was given %d", read, seq)
			}
		}
		return nil
	})
}

// failuresAreAlone: every second worker fails each time, in one of the ways
// that there are, while the others swap one entity each.
func failuresAreAlone(r *rig) {
	const workers, rounds = 8, 12
	ids := make([]entity.ID, workers)
	for i := range ids {
		ids[i] = r.person("Ann").Manifest.ID
	}
	r.race(workers, func(i int) error {
		for n := range rounds {
			_, err := r.Update(r.ctx, author, func(tx entity.Tx) error {
				if _, err := tx.Put(ids[i], entity.Any, set("n", int64(n))); err != nil || i%2 == 0 {
					return err
				}
				switch n % 3 {
				case 0:
					return errBoom
				case 1:
					_, err := tx.Create(person(ids[0], "Eve"))
					return err
				}
				_, err := tx.Put(ids[0], entity.At(entity.SumBlock(nil)), bury)
				return err
			})
			if (err != nil) != (i%2 == 1) {
				return fmt.Errorf("round %d: error %w", n, err)
			}
		}
		return nil
	})
	c := r.contents()
	for i, id := range ids {
		want := 1
		if i%2 == 0 {
			want += rounds
		}
		r.same("versions", len(c.Versions[id]), want)
	}
}
