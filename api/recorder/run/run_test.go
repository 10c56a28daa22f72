package run_test

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"stemma/api/recorder/run"
	"stemma/entity"
	"stemma/entity/store"
	"stemma/entity/storetest"
)

var by = entity.Actor{UserID: "01KDVR000000000000000000AN", Method: entity.MethodSystem}

func open(t testing.TB, projections ...entity.Projection) (*store.Store, *storetest.Clock) {
	t.Helper()
	clock := storetest.NewClock()
	s, err := store.Open(store.Options{Network: entity.Main, Projections: projections, Clock: clock.Now, Entropy: storetest.Entropy(1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := s.Check(context.Background(), nil); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, clock
}

func update(t testing.TB, s *store.Store, fn func(entity.Tx) error) {
	t.Helper()
	if _, err := s.Update(t.Context(), by, fn); err != nil {
		t.Fatal(err)
	}
}

// place makes a collection and an agent in it.
func place(t testing.TB, s *store.Store) (collection entity.ID, agent entity.Head) {
	t.Helper()
	update(t, s, func(tx entity.Tx) error {
		v, err := tx.Create(entity.Draft{Type: entity.TypeCollection, Properties: entity.Properties{"label": "Recordings"}})
		if err != nil {
			return err
		}
		collection = v.Manifest.ID
		v, err = tx.Create(entity.Draft{Type: entity.TypeAgent, Properties: entity.Properties{"label": "bot"}, Relationships: []entity.Relationship{{Predicate: entity.PredicateCollection, Peer: collection}}})
		if err != nil {
			return err
		}
		agent, err = tx.Head(v.Manifest.ID)
		return err
	})
	return collection, agent
}

// record makes a run of so many random entries, ended or not.
func record(t testing.TB, s *store.Store, clock *storetest.Clock, random *rand.Rand, collection entity.ID, agent entity.Head, n int, end bool) (id entity.ID) {
	t.Helper()
	update(t, s, func(tx entity.Tx) error {
		w := run.Begin(tx, run.Start{Collection: collection, Agent: agent, Trigger: "api", Body: entity.Properties{"input": "in"}}, clock.Now())
		id = w.ID()
		return w.Flush()
	})
	for range n {
		clock.Advance(time.Second)
		update(t, s, func(tx entity.Tx) error {
			h, err := tx.Head(id)
			if err != nil {
				return err
			}
			w, err := run.Continue(tx, h, nil, clock.Now())
			if err != nil {
				return err
			}
			switch random.IntN(3) {
			case 0:
				w.Step(entity.Properties{"step_type": "action", "tokens_used": int64(3), "model": "m"}, time.Time{})
			case 1:
				_, err = w.Tool("", entity.Properties{"tool_name": "t", "status": "success"}, time.Time{})
			default:
				_, err = w.Context("", entity.Properties{"system_prompt": "p"}, time.Time{})
			}
			if err == nil {
				err = w.Flush()
			}
			return err
		})
	}
	if end {
		update(t, s, func(tx entity.Tx) error {
			h, err := tx.Head(id)
			if err != nil {
				return err
			}
			w, err := run.Continue(tx, h, nil, clock.Now())
			if err != nil {
				return err
			}
			_, _, err = w.End(run.Finish{Status: run.Completed}, nil)
			return err
		})
	}
	return id
}

// tampered is a chain in which something was changed past the store.
type tampered struct {
	entity.Reader
	refs   []entity.ChainRef
	blocks map[entity.CID][]byte
}

func (s *tampered) ChainHead(id entity.ID, chain string) (entity.ChainRef, error) {
	if chain != run.Chain {
		return s.Reader.ChainHead(id, chain)
	}
	if len(s.refs) == 0 {
		return entity.ChainRef{}, nil
	}
	return s.refs[len(s.refs)-1], nil
}

func (s *tampered) Chain(_ entity.ID, _ string, from int64) iter.Seq2[entity.ChainRef, error] {
	return func(yield func(entity.ChainRef, error) bool) {
		for _, ref := range s.refs[from-1:] {
			if !yield(ref, nil) {
				return
			}
		}
	}
}

func (s *tampered) Block(c entity.CID) ([]byte, error) {
	b, ok := s.blocks[c]
	if !ok {
		return nil, entity.NotFound("tampered.Block", "no block %s", c)
	}
	return b, nil
}

// A chain verifies as it was recorded. Whatever is changed in it, by whoever has
// all the data and can compute every hash anew, is found and named: a byte of a
// block, a block that is gone, replaced, moved or added, a tail cut off, a chain
// written again from some block on.
func TestVerifyFindsTampering(t *testing.T) {
	s, clock := open(t, run.Projection{})
	seed := rand.Uint64()
	t.Log("seed", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	collection, agent := place(t, s)
	for range 12 {
		id := record(t, s, clock, random, collection, agent, 1+random.IntN(8), true)
		for range 40 {
			tamper(t, s, id, random)
		}
		eraseSome(t, s, id, random)
		for range 40 {
			tamper(t, s, id, random)
		}
	}
}

func tamper(t *testing.T, s *store.Store, id entity.ID, random *rand.Rand) {
	t.Helper()
	err := s.View(t.Context(), func(r entity.Reader) error {
		src := &tampered{Reader: r, blocks: map[entity.CID][]byte{}}
		for ref, err := range r.Chain(id, run.Chain, 1) {
			if err != nil {
				return err
			}
			b, err := r.Block(ref.CID)
			if err != nil {
				return err
			}
			src.refs, src.blocks[ref.CID] = append(src.refs, ref), b
		}
		for _, chain := range []string{entity.ChainContent, entity.ChainErased} {
			for ref, err := range r.Chain(id, chain, 1) {
				if err != nil {
					return err
				}
				b, err := r.Block(ref.CID)
				if err != nil && entity.KindOf(err) != entity.KindNotFound {
					return err
				}
				if b != nil {
					src.blocks[ref.CID] = b
				}
			}
		}
		h, err := r.Head(id)
		if err != nil {
			return err
		}
		m, err := r.Manifest(h.CID())
		if err != nil {
			return err
		}
		pin, ok := run.Pin(m)
		if !ok {
			t.Fatal("nothing is pinned")
		}
		v, err := run.Verify(src, id, &pin)
		if err != nil || !v.Valid || v.Entries != int64(len(src.refs)) || v.ChainHash != run.HashOf(pin.CID) {
			t.Fatalf("untouched: %+v %v", v, err)
		}
		i := random.IntN(len(src.refs))
		name, at := src.change(random, i)
		v, err = run.Verify(src, id, &pin)
		switch {
		case err != nil:
			t.Errorf("%s at %d: %v", name, i+1, err)
		case v.Valid || v.Broken == nil:
			t.Errorf("%s at %d of %d is not found", name, i+1, len(src.refs))
		case v.Broken.Seq != at || v.Entries != at-1 && v.Broken.Reason != run.PinMismatch && v.Broken.Reason != run.Extended:
			t.Errorf("%s at %d of %d is found at %d (%s), want %d", name, i+1, len(src.refs), v.Broken.Seq, v.Broken.Reason, at)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// change tampers at place i (from 0) and says where it shows, from 1.
func (s *tampered) change(random *rand.Rand, i int) (name string, at int64) {
	ref, n := s.refs[i], int64(i+1)
	if c := s.contentOf(i); c.Defined() && random.IntN(3) == 0 {
		if b := slices.Clone(s.blocks[c]); random.IntN(2) == 0 {
			b[random.IntN(len(b))] ^= byte(1 + random.IntN(255))
			s.blocks[c] = b
			return "a byte of content", n
		}
		delete(s.blocks, c)
		return "content that is gone", n
	}
	switch random.IntN(7) {
	case 0:
		b := slices.Clone(s.blocks[ref.CID])
		b[random.IntN(len(b))] ^= byte(1 + random.IntN(255))
		s.blocks[ref.CID] = b
		return "a byte", n
	case 1:
		delete(s.blocks, ref.CID)
		return "a block that is gone", n
	case 2:
		s.refs = slices.Delete(slices.Clone(s.refs), i, i+1)
		return "a place that is gone", n
	case 3:
		s.refs = s.refs[:i]
		return "a tail cut off", n
	case 4: // a block with other content, by its new hash, the rest as it was
		b := s.edit(i, func(b *entity.ChainBlock) { b.Body["note"] = "x" })
		s.refs = slices.Clone(s.refs)
		s.refs[i].CID = b
		return "a block with a member that entries do not have", n
	case 5: // the whole rest written again
		s.refs = slices.Clone(s.refs)
		s.refs[i].CID = s.edit(i, func(b *entity.ChainBlock) { b.TS++ })
		for j := i + 1; j < len(s.refs); j++ {
			s.refs[j].CID = s.edit(j, func(b *entity.ChainBlock) { b.Prev = &entity.Link{CID: s.refs[j-1].CID} })
		}
		return "the rest written again", int64(len(s.refs))
	}
	last := s.refs[len(s.refs)-1]
	block := entity.ChainBlock{ID: s.id(), Chain: run.Chain, N: last.N + 1, TS: 1, Prev: &entity.Link{CID: last.CID}, Body: entity.Properties{"kind": "context", "steps": s.steps(), "step": int64(0)}}
	raw, c, err := block.Seal()
	if err != nil {
		panic(err)
	}
	s.blocks[c] = raw
	s.refs = append(slices.Clone(s.refs), entity.ChainRef{N: block.N, CID: c})
	return "an entry after the end", block.N
}

func (s *tampered) edit(i int, change func(*entity.ChainBlock)) entity.CID {
	b, _, err := entity.OpenChainBlock(s.blocks[s.refs[i].CID])
	if err != nil {
		// The block before it was rewritten under the same place: read it again.
		panic(fmt.Sprint(i, err))
	}
	change(b)
	raw, c, err := b.Seal()
	if err != nil {
		panic(err)
	}
	s.blocks[c] = raw
	return c
}

// contentOf is the content that is here of the entry at place i, from 0.
func (s *tampered) contentOf(i int) entity.CID {
	b, _, err := entity.OpenChainBlock(s.blocks[s.refs[i].CID])
	if err != nil {
		return entity.CID{}
	}
	content, _ := b.Body["content"].(map[string]any)
	link, _ := content["block"].(entity.Link)
	if s.blocks[link.CID] == nil {
		return entity.CID{}
	}
	return link.CID
}

// eraseSome deletes some of a run's content.
func eraseSome(t *testing.T, s *store.Store, id entity.ID, random *rand.Rand) {
	t.Helper()
	update(t, s, func(tx entity.Tx) error {
		head, err := tx.ChainHead(id, entity.ChainContent)
		if err != nil {
			return err
		}
		from := 1 + random.Int64N(head.N)
		_, err = tx.Erase(id, entity.Erasure{From: from, To: from + random.Int64N(head.N-from+1)})
		return err
	})
}

func (s *tampered) id() entity.ID {
	b, _, _ := entity.OpenChainBlock(s.blocks[s.refs[0].CID])
	return b.ID
}

func (s *tampered) steps() int64 {
	b, _, _ := entity.OpenChainBlock(s.blocks[s.refs[len(s.refs)-1].CID])
	n, _ := b.Body["steps"].(int64)
	return n
}

// The rows are what a naive look at all runs gives, live and rebuilt, through
// every filter's index and page by page.
func TestListingIsTheNaiveScan(t *testing.T) {
	seed := rand.Uint64()
	t.Log("seed", seed)
	random := rand.New(rand.NewPCG(seed, 2))
	dir := t.TempDir()
	clock := storetest.NewClock()
	options := func(p run.Projection, more ...entity.Projection) store.Options {
		return store.Options{Dir: dir, Network: entity.Main, Projections: append(more, p), Clock: clock.Now, Entropy: storetest.Entropy(seed)}
	}
	s, err := store.Open(options(run.Projection{}))
	if err != nil {
		t.Fatal(err)
	}
	collection, agent := place(t, s)
	_, other := place(t, s)
	var ids []entity.ID
	for range 60 {
		a := agent
		if random.IntN(3) == 0 {
			a = other
		}
		clock.Advance(time.Duration(random.IntN(3)) * time.Millisecond)
		ids = append(ids, record(t, s, clock, random, collection, a, random.IntN(3), random.IntN(2) == 0))
		if random.IntN(5) == 0 {
			id := ids[random.IntN(len(ids))]
			update(t, s, func(tx entity.Tx) error {
				h, err := tx.Head(id)
				if err != nil || h.Deleted {
					return err
				}
				_, err = tx.Put(id, entity.Any, func(m *entity.Manifest) error {
					m.Bury(entity.Tombstone{DeletedAt: entity.FormatTime(clock.Now()), DeletedBy: by.UserID, OriginalVer: m.Ver})
					return nil
				})
				return err
			})
		}
	}
	compare(t, s, collection, agent.ID, ids)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	// Without its rows: opened without the projection, they are wiped; opened with
	// it, they are made from the log.
	for _, projections := range [][]entity.Projection{nil, {run.Projection{}}} {
		s, err := store.Open(store.Options{Dir: dir, Network: entity.Main, Projections: projections, Clock: clock.Now, Entropy: storetest.Entropy(seed)})
		if err != nil {
			t.Fatal(err)
		}
		if projections != nil {
			compare(t, s, collection, agent.ID, ids)
			if _, err := s.Check(t.Context(), nil); err != nil {
				t.Error(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func compare(t *testing.T, s *store.Store, collection, agent entity.ID, ids []entity.ID) {
	t.Helper()
	err := s.View(t.Context(), func(r entity.Reader) error {
		var all, ofAgent []string
		for _, id := range ids {
			h, err := r.Head(id)
			if err != nil {
				return err
			}
			m, err := r.Manifest(h.CID())
			if err != nil {
				return err
			}
			if sum := run.SummaryOf(m); sum != nil {
				all = append(all, show(sum))
				if sum.Agent == agent {
					ofAgent = append(ofAgent, show(sum))
				}
			}
		}
		for _, c := range []struct {
			agent entity.ID
			want  []string
		}{{"", all}, {agent, ofAgent}} {
			slices.SortFunc(c.want, func(a, b string) int { return strings.Compare(b, a) })
			var got []string
			var after run.Cursor
			for {
				page, next, err := run.List(r, collection, c.agent, run.Page{After: after, Limit: 7, Scan: 5}, func(*run.Summary) (bool, error) { return true, nil })
				if err != nil {
					return err
				}
				for _, sum := range page {
					got = append(got, show(sum))
				}
				if next == nil {
					break
				}
				after = bytes.Clone(next)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("listed\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// show writes a summary so that texts sort as lists do, newest last.
func show(s *run.Summary) string {
	steps := int64(-1)
	if s.Steps != nil {
		steps = *s.Steps
	}
	return fmt.Sprintf("%013d %s %s %s %s %d %v", s.Started, s.ID, s.AgentName, s.Status, s.Trigger, steps, s.Models)
}

// A name is its run's and no other's, on both networks.
func TestNames(t *testing.T) {
	ids := entity.NewIDSource(time.Now, storetest.Entropy(9))
	for _, n := range []entity.Network{entity.Main, entity.Test} {
		for i := range 100 {
			id := ids.New(n)
			got, err := run.ParseName(n, run.Name(id))
			if err != nil || got != id {
				t.Fatalf("%s is %s, which is %s, %v", id, run.Name(id), got, err)
			}
			if _, err := run.ParseName(n, run.SessionName(id)); entity.KindOf(err) != entity.KindNotFound {
				t.Errorf("a session's name is taken for a run's: %v", err)
			}
			name := run.EntryName(id, run.KindStep, int64(i+1))
			if at, ok := run.ParseEntry(id, run.KindStep, name); !ok || at != int64(i+1) {
				t.Errorf("%s is %d, %v", name, at, ok)
			}
			if _, ok := run.ParseEntry(ids.New(n), run.KindStep, name); ok {
				t.Errorf("%s is taken for another run's", name)
			}
		}
	}
}

// A run that was recorded when content was part of the chain is read and verified as
// ever; its content cannot go without the hashes, and stays, once and for all.
func TestContentInTheChainStays(t *testing.T) {
	s, clock := open(t, run.Projection{})
	collection, agent := place(t, s)
	var id entity.ID
	update(t, s, func(tx entity.Tx) error {
		w := run.Begin(tx, run.Start{Collection: collection, Agent: agent, Trigger: "api"}, clock.Now())
		id = w.ID()
		err := w.Flush()
		if err == nil {
			_, err = tx.Append(id, run.Chain, entity.Any, entity.Properties{"kind": "step", "sequence": int64(1), "step_type": "completion", "output": "said then"})
		}
		return err
	})
	update(t, s, func(tx entity.Tx) error {
		h, err := tx.Head(id)
		if err != nil {
			return err
		}
		w, err := run.Continue(tx, h, nil, clock.Now())
		if err != nil {
			return err
		}
		_, _, err = w.End(run.Finish{Status: run.Completed, Body: entity.Properties{"output": "said now"}}, nil)
		return err
	})
	clock.Advance(48 * time.Hour)
	for i, want := range []bool{true, false} {
		update(t, s, func(tx entity.Tx) error {
			did, more, err := run.DeleteContent(tx, id, run.Policy{Days: 1, Now: clock.Now()})
			if did != want || more {
				t.Errorf("look %d: did %v, more %v", i+1, did, more)
			}
			return err
		})
	}
	err := s.View(t.Context(), func(r entity.Reader) error {
		all, err := run.Read(r, id)
		if err != nil {
			return err
		}
		if all[1].Output == nil || *all[1].Output != "said then" || all[2].Output != nil || all[2].Gone == nil || all[2].Gone.Days != 1 {
			t.Errorf("the step says %v, the end %+v", all[1].Output, all[2])
		}
		v, err := run.Verify(r, id, nil)
		if err != nil || !v.Valid || len(v.Gaps) != 1 || v.Gaps[0].From != 3 {
			t.Errorf("%+v %v", v, err)
		}
		due, _, err := run.Due(r, collection, clock.Now().UnixMilli(), "", 10)
		if len(due) != 0 {
			t.Errorf("%v is due still", due)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
