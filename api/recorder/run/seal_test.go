package run_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"stemma/api/recorder/run"
	"stemma/entity"
)

// Entries that are recorded together share a block of content, up to a size; each
// reads back as what it was given, however it is read, and is verified. When the
// block goes, the content of each has gone.
func TestSharedContent(t *testing.T) {
	s, clock := open(t, run.Projection{})
	collection, agent := place(t, s)
	var id entity.ID
	long := strings.Repeat("long ", 10_000)
	update(t, s, func(tx entity.Tx) error {
		w := run.Begin(tx, run.Start{Collection: collection, Agent: agent, Trigger: "api", Body: entity.Properties{"input": "start"}}, clock.Now())
		id = w.ID()
		w.Step(entity.Properties{"step_type": "action", "output": "first"}, time.Time{})
		w.Step(entity.Properties{"step_type": "action"}, time.Time{}) // has none
		w.Step(entity.Properties{"step_type": "action", "output": long}, time.Time{})
		w.Step(entity.Properties{"step_type": "action", "output": long}, time.Time{})
		_, _, err := w.End(run.Finish{Status: run.Completed, Body: entity.Properties{"output": "end"}}, nil)
		return err
	})
	said := func(all []*run.Entry) (texts []string) {
		for _, e := range all {
			switch {
			case e.Gone != nil:
				texts = append(texts, "gone")
			case e.Output != nil:
				texts = append(texts, *e.Output)
			case e.Input != nil:
				texts = append(texts, *e.Input)
			default:
				texts = append(texts, "")
			}
		}
		return texts
	}
	look := func(blocks int64, want []string, gaps []run.Gap) {
		t.Helper()
		err := s.View(t.Context(), func(r entity.Reader) error {
			read, err := run.Read(r, id)
			if err != nil {
				return err
			}
			all, err := run.All(r, id)
			if err != nil {
				return err
			}
			var one, each []*run.Entry
			for e, err := range run.Entries(r, id, 1) {
				if err != nil {
					return err
				}
				each = append(each, e)
				if e, err = run.At(r, id, e.N); err != nil {
					return err
				}
				one = append(one, e)
			}
			for _, list := range [][]*run.Entry{read, all, each, one} {
				if !reflect.DeepEqual(said(list), want) {
					t.Errorf("they say %.200q", said(list))
				}
			}
			v, err := run.Verify(r, id, nil)
			for i := range v.Gaps {
				v.Gaps[i].Deletion = run.Deletion{}
			}
			if err != nil || !v.Valid || v.Entries != 6 || !reflect.DeepEqual(v.Gaps, gaps) {
				t.Errorf("%+v %v", v, err)
			}
			head, err := r.ChainHead(id, entity.ChainContent)
			if err != nil || head.N != blocks {
				t.Errorf("%d blocks of content, want %d: %v", head.N, blocks, err)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	look(2, []string{"start", "first", "", long, long, "end"}, nil)
	update(t, s, func(tx entity.Tx) error {
		_, err := tx.Erase(id, entity.Erasure{From: 1, To: 1})
		return err
	})
	look(2, []string{"gone", "gone", "", "gone", long, "end"}, []run.Gap{{From: 1, To: 4, Entries: 3}})
}

// A block of content in which the part is not that an entry names is found out.
func TestPartIsMissing(t *testing.T) {
	s, clock := open(t, run.Projection{})
	collection, agent := place(t, s)
	var id entity.ID
	update(t, s, func(tx entity.Tx) error {
		w := run.Begin(tx, run.Start{Collection: collection, Agent: agent, Trigger: "api", Body: entity.Properties{"input": "start"}}, clock.Now())
		id = w.ID()
		if err := w.Flush(); err != nil {
			return err
		}
		ref, err := tx.Append(id, entity.ChainContent, entity.Any, entity.Properties{"salt": "s", "parts": map[string]any{"2": map[string]any{"output": "x"}}})
		if err != nil {
			return err
		}
		for i, part := range []string{"2", "4"} {
			if _, err := tx.Append(id, run.Chain, entity.Any, entity.Properties{"kind": "step", "sequence": int64(i + 1), "content": map[string]any{"n": ref.N, "block": entity.Link{CID: ref.CID}, "part": part}}); err != nil {
				return err
			}
		}
		return nil
	})
	err := s.View(t.Context(), func(r entity.Reader) error {
		v, err := run.Verify(r, id, nil)
		if err != nil || v.Valid || v.Entries != 2 || v.Broken == nil || v.Broken.Seq != 3 || v.Broken.Reason != run.Malformed {
			t.Errorf("%+v %+v %v", v, v.Broken, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
