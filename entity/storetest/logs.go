package storetest

import (
	"fmt"
	"math"
	"slices"

	"stemma/entity"
)

var logCases = []lawCase{
	{law: "the log is found from any position, in both directions, inside a record too", run: logFromAnywhere},
	{law: "an empty log has no records", run: emptyLog},
	{law: "the log inside a transaction is the committed one", run: logInTransaction},
}

// fillLog commits records of 1 to 5 changes, versions and chain blocks.
func fillLog(r *rig) {
	for n := range 7 {
		r.update(func(tx entity.Tx) error {
			v, err := tx.Create(person("", "Ann"))
			if err != nil {
				return err
			}
			for i := range n % 5 {
				if i%2 == 0 {
					_, err = tx.Put(v.Manifest.ID, entity.Any, set("n", int64(i)))
				} else {
					_, err = tx.Append(v.Manifest.ID, "log", entity.Any, nil)
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
}

func logFromAnywhere(r *rig) {
	fillLog(r)
	all := r.contents().Records
	last := all[len(all)-1].Last()
	positions := []entity.Seq{last + 2, 1 << 40, math.MaxInt64, math.MaxUint64 - 1, math.MaxUint64}
	for at := range last + 2 {
		positions = append(positions, at)
	}
	r.view(func(rd entity.Reader) error {
		for _, at := range positions {
			var up, down []*entity.Record
			for _, rec := range all {
				if rec.Last() > at {
					up = append(up, rec)
				}
				if rec.Seq < at || at == 0 {
					down = append(down, rec)
				}
			}
			slices.Reverse(down)
			got, err := records(rd.Log(at), math.MaxInt)
			if err != nil {
				return err
			}
			r.same(fmt.Sprintf("Log(%d)", at), got, up)
			if got, err = records(rd.LogBefore(at), math.MaxInt); err != nil {
				return err
			}
			r.same(fmt.Sprintf("LogBefore(%d)", at), got, down)
			if got, err = records(rd.Log(at), 2); err != nil { // leaving early is allowed
				return err
			}
			r.same("first two of Log", got, up[:min(2, len(up))])
		}
		return nil
	})
}

// records takes down at most so many of a sequence.
func records(seq func(func(*entity.Record, error) bool), most int) (list []*entity.Record, err error) {
	for rec, err := range seq {
		if err != nil {
			return nil, err
		}
		if list = append(list, rec); len(list) == most {
			break
		}
	}
	return list, nil
}

func emptyLog(r *rig) {
	r.view(func(rd entity.Reader) error {
		r.same("Seq", rd.Seq(), entity.Seq(0))
		for _, at := range []entity.Seq{0, 1, math.MaxUint64} {
			for _, seq := range []func(func(*entity.Record, error) bool){rd.Log(at), rd.LogBefore(at)} {
				got, err := records(seq, math.MaxInt)
				if err != nil || len(got) > 0 {
					r.Errorf("an empty log gives %v, %v", got, err)
				}
			}
		}
		return nil
	})
}

func logInTransaction(r *rig) {
	fillLog(r)
	all := r.contents().Records
	r.update(func(tx entity.Tx) error {
		r.same("Seq", tx.Seq(), all[len(all)-1].Last())
		got, err := records(tx.Log(0), math.MaxInt)
		r.same("Log", got, all)
		return err
	})
}
