package storetest

import (
	"fmt"
	"slices"

	"stemma/entity"
)

var projectionCases = []lawCase{
	{law: "a projection's rows and memory are those of a naive scan", run: projectionEqualsScan},
	{law: "Committed tells of each step once, in the order of the log", run: committedInOrder},
	{law: "a write that was taken back leaves no row and no memory", run: projectionRollback},
	{law: "rows are found by key, by prefix and from a key on", run: rowsFound},
	{law: "a projection loads from its rows what it had in memory", run: projectionLoads, durable: true},
	{law: "a projection of another version is wiped and replayed", run: projectionReplays, durable: true},
	{law: "a projection that is new to a store is brought up", run: projectionIsNew, durable: true},
	{law: "a projection that was away for a while is brought up", run: projectionWasAway, durable: true},
}

// population commits lives of all kinds: created, changed, deleted, restored,
// some several times in one transaction.
func population(r *rig) {
	var ids []entity.ID
	for n := range 8 {
		ids = append(ids, r.id())
		r.update(func(tx entity.Tx) error {
			d := person(ids[n], fmt.Sprint("person ", n))
			if n%3 == 0 {
				d.Type = "place"
			}
			v, err := tx.Create(d)
			if err != nil {
				return err
			}
			for i, edit := range []func(*entity.Manifest) error{alive(set("x", int64(n))), bury, restore(v.Manifest), bury} {
				if i >= n%5 {
					break
				}
				if _, err := tx.Put(ids[n/2], entity.Any, edit); err != nil {
					return err
				}
			}
			_, err = tx.Append(ids[0], "log", entity.Any, nil)
			return err
		})
	}
}

// alive is an edit that brings a tombstone back before it changes it.
func alive(edit func(*entity.Manifest) error) func(*entity.Manifest) error {
	return func(m *entity.Manifest) error {
		if m.Deleted() {
			m.Properties = entity.Properties{"label": "again"}
		}
		return edit(m)
	}
}

func projectionEqualsScan(r *rig) {
	population(r)
	r.verify()
	if len(r.roll.Counts()) == 0 {
		r.Error("nobody is left alive: the case proves nothing")
	}
}

func committedInOrder(r *rig) {
	r.harness.EachStep = false // a projection is told only since it was loaded
	population(r)
	var want []rollStep
	for _, rec := range r.contents().Records {
		for _, c := range rec.Changes {
			if c.Kind != entity.Appended {
				want = append(want, rollStep{c.ID, c.Ver})
			}
		}
	}
	r.same("steps", r.roll.steps(), want)
}

func projectionRollback(r *rig) {
	v := r.person("Ann")
	before := r.roll.Counts()
	r.unchanged(func() {
		_, err := r.try(func(tx entity.Tx) error {
			if _, err := tx.Create(person(r.id(), "Bob")); err != nil {
				return err
			}
			if _, err := tx.Put(v.Manifest.ID, entity.Any, bury); err != nil {
				return err
			}
			return errBoom
		})
		if err == nil {
			r.Error("Update: no error")
		}
	})
	r.same("memory", r.roll.Counts(), before)
	r.verify()
}

func rowsFound(r *rig) {
	population(r)
	r.view(func(rd entity.Reader) error {
		rows := rd.Rows(r.roll.Name())
		all, err := rowsOf(rows)
		if err != nil {
			return err
		}
		var keys []string
		for key, value := range all {
			keys = append(keys, key)
			got, err := rows.Get([]byte(key))
			if err != nil || string(got) != value {
				r.Errorf("Get(%s): %q, %v; want %q", key, got, err, value)
			}
		}
		slices.Sort(keys)
		froms := append(slices.Clone(keys), "", "v", "v1/person/", "v1/person/zzz", "v1/place/", "v2", "w")
		for _, prefix := range []string{"", "v1/", "v1/person/", "v1/place/", "v1/pl", keys[0], "v1/q", "w"} {
			for _, from := range froms {
				want := slices.DeleteFunc(slices.Clone(keys), func(k string) bool {
					return k < from || len(k) < len(prefix) || k[:len(prefix)] != prefix
				})
				got, err := scan(rows, prefix, from)
				if err != nil {
					return err
				}
				if !slices.Equal(got, want) {
					r.Errorf("Scan(%q, %q): %q\nwant %q", prefix, from, got, want)
				}
			}
		}
		return nil
	})
}

// scan takes down the keys of a Scan. An empty from is nil.
func scan(rows entity.Rows, prefix, from string) (keys []string, err error) {
	var start []byte
	if from != "" {
		start = []byte(from)
	}
	for row, err := range rows.Scan([]byte(prefix), start) {
		if err != nil {
			return nil, err
		}
		keys = append(keys, string(row.Key))
	}
	return keys, nil
}

func projectionLoads(r *rig) {
	population(r)
	before := r.roll.Counts()
	r.reopen()
	r.same("memory", r.roll.Counts(), before)
	r.same("steps told of at opening", len(r.roll.steps()), 0)
}

func projectionReplays(r *rig) {
	population(r)
	before := r.roll.Counts()
	for _, version := range []int{2, 3, 1} { // back, too: another release is another version
		r.roll = NewRoll(version)
		r.reopen()
		r.same("memory", r.roll.Counts(), before)
		r.verify() // no row of the version before is left
	}
	r.person("one more")
	r.same("people", r.roll.Counts()["person"], before["person"]+1)
}

func projectionIsNew(r *rig) {
	population(r)
	r.roll = &Roll{name: "late", version: 1}
	r.reopen()
	if r.roll.Counts()["person"] == 0 {
		r.Error("the projection knows nobody")
	}
	r.verify()
}

// projectionWasAway: another release may have run on the data, without it.
func projectionWasAway(r *rig) {
	r.person("Ann")
	if err := r.Close(); err != nil {
		r.Fatalf("Close: %v", err)
	}
	r.opts.Projections = nil
	r.open()
	if _, err := r.Update(r.ctx, author, func(tx entity.Tx) error {
		_, err := tx.Create(person(tx.NewID(), "Bob"))
		return err
	}); err != nil {
		r.Fatalf("Update: %v", err)
	}
	r.reopen()
	r.same("memory", r.roll.Counts(), map[string]int{"person": 2})
	r.verify()
}
