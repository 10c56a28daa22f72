package archive

import (
	"context"
	"fmt"
	"slices"

	"stemma/entity"
)

// Bounds on what is adopted in one transaction. The store takes 6 MiB and
// 60,000 keys and lets several transactions share one commit: four of these
// fill it.
const (
	maxBytes = 1 << 20
	maxItems = 2000
	maxKeys  = 14_000
)

// worker adopts the blocks of its share of the entities.
type worker struct {
	*importer
	next      []*item // being gathered, by the importer
	nextBytes int
	in        chan []*item
	waiting   map[slot][]*item // by the place that must be filled before
	atMost    int              // blocks to a transaction
}

// send hands over what was gathered.
func (w *worker) send(ctx context.Context) error {
	if len(w.next) == 0 {
		return nil
	}
	select {
	case w.in <- w.next:
	case <-ctx.Done():
		return ctx.Err()
	}
	w.next, w.nextBytes = nil, 0
	return nil
}

func (w *worker) run(ctx context.Context) error {
	for batch := range w.in {
		for len(batch) > 0 {
			var err error
			if batch, err = w.adopt(ctx, batch); err != nil {
				return err
			}
		}
	}
	if !w.whole { // what is missing may be in the part that was not read
		return nil
	}
	for place, items := range w.waiting {
		for _, it := range items {
			w.tally.refuse(it.refusal("it follows " + place.String() + ", which is neither in the file nor here"))
		}
	}
	return nil
}

func (s slot) String() string {
	if s.chain != "" {
		return fmt.Sprintf("block %d of the chain %s of %s", s.n, s.chain, s.id)
	}
	return fmt.Sprintf("version %d of %s", s.n, s.id)
}

// adopt adopts as much of a batch as fits into one transaction, and gives the
// rest.
func (w *worker) adopt(ctx context.Context, batch []*item) (rest []*item, err error) {
	var r run
	_, err = w.store.Update(ctx, entity.Actor{UserID: w.options.By, Method: entity.MethodImport}, func(tx entity.Tx) error {
		r = run{worker: w, tx: tx, queue: slices.Clone(batch), parked: make(map[slot][]*item), taken: make(map[slot]struct{})}
		return r.all()
	})
	if entity.KindOf(err) == entity.KindTooLarge {
		return w.shrink(&r, batch, err), nil
	}
	if err != nil {
		return nil, err
	}
	w.atMost = maxItems
	return r.queue, w.settle(&r)
}

// shrink makes the next transaction half as large, or gives up a block that
// does not fit alone.
func (w *worker) shrink(r *run, batch []*item, why error) []*item {
	if r.did > 1 {
		w.atMost = r.did / 2
		return batch
	}
	large := r.last
	w.tally.refuse(large.refusal(reason(why)))
	is := func(it *item) bool { return it == large }
	for place := range r.taken {
		if slices.ContainsFunc(w.waiting[place], is) {
			w.held.Add(-int64(len(large.block)))
			w.waiting[place] = slices.DeleteFunc(w.waiting[place], is)
		}
	}
	return slices.DeleteFunc(batch, is)
}

// settle makes what a run found out last: it is committed.
func (w *worker) settle(r *run) error {
	w.tally.refuse(r.refused...)
	w.tally.count(func(sum *ImportReport) {
		sum.Versions += r.report.Versions
		sum.Created += r.report.Created
		sum.ChainBlocks += r.report.ChainBlocks
		sum.Known += r.report.Known
	})
	for place := range r.taken {
		for _, it := range w.waiting[place] {
			w.held.Add(-int64(len(it.block)))
		}
		delete(w.waiting, place)
	}
	size := int64(0)
	for place, items := range r.parked {
		w.waiting[place] = append(w.waiting[place], items...)
		for _, it := range items {
			size += int64(len(it.block))
		}
	}
	return w.hold(size)
}

// run is one run of a transaction's closure. Nothing of it counts before it is
// committed.
type run struct {
	*worker
	tx      entity.Tx
	queue   []*item
	parked  map[slot][]*item  // by this run
	taken   map[slot]struct{} // of the worker's, now in the queue
	refused []Refusal
	report  ImportReport
	last    *item // adopted
	did     int   // blocks written
	bytes   int
	keys    int
}

func (r *run) all() error {
	for len(r.queue) > 0 && r.did < r.atMost && r.bytes < maxBytes && r.keys < maxKeys {
		it := r.queue[0]
		r.queue = r.queue[1:]
		if err := r.one(it); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) one(it *item) error {
	place, here, err := r.place(it)
	switch {
	case err != nil:
		return err
	case place != slot{}:
		r.parked[place] = append(r.parked[place], it)
		return nil
	}
	keys := 8
	if it.chain != "" {
		_, err = r.tx.AdoptBlock(it.block)
	} else {
		var v *entity.Version
		if v, err = r.tx.Adopt(it.block); err == nil {
			keys += 4 * len(v.Manifest.Relationships)
		}
	}
	switch entity.KindOf(err) {
	case entity.KindInvalid, entity.KindConflict, entity.KindNotFound, entity.KindTooLarge:
		r.refused = append(r.refused, it.refusal(refused(it, err)))
		return nil
	}
	if err != nil {
		return err
	}
	if here {
		r.report.Known++
		return nil
	}
	r.last = it
	r.did++
	r.bytes += len(it.block)
	r.keys += keys
	switch {
	case it.chain != "":
		r.report.ChainBlocks++
	case it.n == 1:
		r.report.Created++
		fallthrough
	default:
		r.report.Versions++
	}
	r.release(it.slot)
	return nil
}

// refused is why the store did not take a block.
func refused(it *item, err error) string {
	if entity.KindOf(err) == entity.KindConflict {
		before := it.slot
		before.n--
		if before.n == 0 {
			return "another history has its place: " + reason(err)
		}
		return "it does not follow " + before.String() + " as it is here: " + reason(err)
	}
	return reason(err)
}

// place is what an item has to wait for, the zero slot for nothing; here tells
// whether its own place is filled already.
func (r *run) place(it *item) (before slot, here bool, err error) {
	h, err := r.tx.Head(it.id)
	if err != nil && entity.KindOf(err) != entity.KindNotFound {
		return slot{}, false, err
	}
	last := h.Ver
	if it.chain != "" {
		if last == 0 {
			return slot{id: it.id, n: 1}, false, nil
		}
		ref, err := r.tx.ChainHead(it.id, it.chain)
		if err != nil {
			return slot{}, false, err
		}
		last = ref.N
	}
	if it.n > last+1 {
		return slot{it.id, it.chain, it.n - 1}, false, nil
	}
	return slot{}, it.n <= last, nil
}

// release queues what waited for a place.
func (r *run) release(place slot) {
	items := r.parked[place]
	delete(r.parked, place)
	if _, again := r.taken[place]; !again && len(r.waiting[place]) > 0 {
		r.taken[place] = struct{}{}
		items = slices.Concat(r.waiting[place], items)
	}
	if len(items) > 0 {
		r.queue = append(items, r.queue...)
	}
}
