package storetest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anishathalye/porcupine"

	"stemma/entity"
)

// How large a history of racing operations is: every one of them overlaps
// with up to racers-1 others.
const (
	racers  = 6
	rounds  = 40
	raceIDs = 3
)

// tips are the state of the model: the tip of each entity.
type tips [raceIDs]entity.CID

// call is one operation as it was asked for: a View of all tips, or a swap of
// those whose bit is set, each expected to be as in expect.
type call struct {
	swap   uint
	expect tips
}

// answer is what came back: all tips seen; or of a swap, the tips it made, or
// the first entity that stood elsewhere, and where.
type answer struct {
	won    bool
	tips   tips
	lostOn int
	actual entity.CID
}

// tipModel says what one operation after another would answer.
var tipModel = porcupine.Model{
	Init: func() any { return tips{} },
	Step: func(state, input, output any) (bool, any) {
		now, in, out := state.(tips), input.(call), output.(answer)
		if in.swap == 0 {
			return out.tips == now, now
		}
		for i := range now {
			if in.swap&(1<<i) != 0 && now[i] != in.expect[i] {
				return !out.won && out.lostOn == i && out.actual == now[i], now
			}
		}
		if !out.won {
			return false, now
		}
		for i := range now {
			if in.swap&(1<<i) != 0 {
				now[i] = out.tips[i]
			}
		}
		return true, now
	},
	DescribeOperation: func(input, output any) string {
		in, out := input.(call), output.(answer)
		if in.swap == 0 {
			return fmt.Sprint("read ", out.tips)
		}
		return fmt.Sprintf("swap %03b expecting %s: won %t, %s", in.swap, in.expect, out.won, out.tips)
	},
}

// String shortens the CIDs.
func (t tips) String() string {
	var b strings.Builder
	for _, c := range t {
		s := c.String()
		b.WriteString(s[max(0, len(s)-4):] + " ")
	}
	return b.String()
}

// linearizable: there is one order of all operations, each at a moment between
// its call and its answer, in which every answer is right. A swap of several
// entities is one operation of that order. The first swap of an entity, which
// expects the zero tip, creates it.
func linearizable(r *rig) {
	var ids [raceIDs]entity.ID
	for i := range ids {
		ids[i] = r.id()
	}
	var now atomic.Int64 // orders calls and answers
	var mu sync.Mutex
	var history []porcupine.Operation
	from := seed(r)
	r.race(racers, func(worker int) error {
		rnd := rand.New(rand.NewPCG(from, uint64(worker)))
		var last tips
		for range rounds {
			in := call{}
			if rnd.IntN(3) > 0 {
				in = call{swap: 1 + uint(rnd.IntN(1<<raceIDs-1)), expect: last}
			}
			op := porcupine.Operation{ClientId: worker, Input: in, Call: now.Add(1)}
			out, err := r.ask(ids, in)
			if err != nil {
				return err
			}
			op.Output, op.Return = out, now.Add(1)
			last = last.after(in, out)
			mu.Lock()
			history = append(history, op)
			mu.Unlock()
		}
		return nil
	})
	if r.Failed() {
		return
	}
	switch porcupine.CheckOperationsTimeout(tipModel, history, 30*time.Second) {
	case porcupine.Illegal:
		r.Errorf("no order of these %d operations explains their answers", len(history))
		for _, op := range history {
			r.Logf("%d: %d to %d: %s", op.ClientId, op.Call, op.Return, tipModel.DescribeOperation(op.Input, op.Output))
		}
	case porcupine.Unknown:
		r.Error("the checker found no verdict in time; make the history smaller")
	}
}

// after is what a worker knows once it was answered.
func (t tips) after(in call, out answer) tips {
	switch {
	case in.swap == 0:
		return out.tips
	case !out.won:
		t[out.lostOn] = out.actual
		return t
	}
	for i := range t {
		if in.swap&(1<<i) != 0 {
			t[i] = out.tips[i]
		}
	}
	return t
}

// ask does one operation on the store.
func (r *rig) ask(ids [raceIDs]entity.ID, in call) (out answer, err error) {
	if in.swap == 0 {
		err = r.View(r.ctx, func(rd entity.Reader) error {
			for i, id := range ids {
				h, err := rd.Head(id)
				switch {
				case err == nil:
					out.tips[i] = h.CID()
				case entity.KindOf(err) != entity.KindNotFound:
					return err
				}
			}
			return nil
		})
		return out, err
	}
	_, err = r.Update(r.ctx, author, func(tx entity.Tx) error {
		out = answer{}
		for i, id := range ids {
			if in.swap&(1<<i) == 0 {
				continue
			}
			v, err := swap(tx, id, in.expect[i])
			if err != nil {
				out.lostOn = i
				return err
			}
			out.tips[i] = v.CID
		}
		return nil
	})
	if lost := tipsOf(err); lost != nil {
		actual, err := entity.ParseCID(lost.Actual)
		return answer{lostOn: out.lostOn, actual: actual}, err
	}
	out.won = true
	return out, err
}

// swap replaces the tip; the zero tip is replaced by creating the entity.
func swap(tx entity.Tx, id entity.ID, expect entity.CID) (*entity.Version, error) {
	if expect.Defined() {
		return tx.Put(id, entity.At(expect), set("x", string(tx.NewID())))
	}
	v, err := tx.Create(entity.Draft{ID: id, Type: "thing"})
	if entity.KindOf(err) == entity.KindExists && err != nil {
		h, err := tx.Head(id)
		if err != nil {
			return nil, err
		}
		return nil, entity.At(expect).Mismatch("storetest.swap", id, h.CID())
	}
	return v, err
}
