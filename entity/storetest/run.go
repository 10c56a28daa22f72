package storetest

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"stemma/entity"
)

// Store is what a harness opens.
type Store interface {
	entity.Store
	Close() error
}

// Harness is one place that holds a store.
type Harness struct {
	// Open opens the place: the first time it is empty.
	Open func(Options) (Store, error)
	// Check verifies all that the implementation knows of itself. It ends every
	// case, on the store that is open then. nil leaves it at [Audit].
	Check func(context.Context, Store) error
	// Durable says that after Close, Open gives back what was committed.
	Durable bool
	// EachStep closes and opens a durable store again after every step that a
	// case takes alone (steps that race with others are followed by one
	// reopening at their end).
	EachStep bool
}

// Run plays every case, each against a fresh harness.
func Run(t *testing.T, harness func(*testing.T) Harness) {
	for _, c := range slices.Concat(writeCases, conflictCases, transactionCases, readCases, logCases, chainCases, secretCases, adoptCases, projectionCases, raceCases, historyCases) {
		t.Run(c.law, func(t *testing.T) {
			h := harness(t)
			if c.durable && !h.Durable {
				return // the law is about what comes after Close; here nothing does
			}
			c.run(newRig(t, h, cmp.Or(c.network, entity.Main)))
		})
	}
}

// lawCase is a law and its proof.
type lawCase struct {
	law     string
	run     func(*rig)
	durable bool           // the law speaks of reopening
	network entity.Network // "" is main
}

// rig is one case under way.
type rig struct {
	*testing.T
	Store
	ctx     context.Context
	harness Harness
	opts    Options
	clock   *Clock
	roll    *Roll
	ids     *entity.IDSource // of the case's own ids
}

var author = entity.Actor{UserID: "01JQ00000000000000000AVTHR", Method: entity.MethodManual}

func newRig(t *testing.T, h Harness, n entity.Network) *rig {
	clock := NewClock()
	r := &rig{T: t, harness: h, clock: clock, roll: NewRoll(1), ids: entity.NewIDSource(clock.Now, Entropy(7))}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	r.ctx = ctx
	r.opts = Options{Network: n, Projections: []entity.Projection{r.roll}, Clock: clock.Now, Entropy: Entropy(1)}
	r.open()
	t.Cleanup(func() {
		defer cancel()
		r.verify()
		if err := r.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return r
}

func (r *rig) open() {
	r.Helper()
	s, err := r.harness.Open(r.opts)
	if err != nil {
		r.Fatalf("open: %v", err)
	}
	r.Store = s
}

// reopen closes a durable store and opens it again; of another it does nothing.
func (r *rig) reopen() {
	r.Helper()
	if !r.harness.Durable {
		return
	}
	if err := r.Close(); err != nil {
		r.Fatalf("Close: %v", err)
	}
	r.roll = r.roll.again()
	r.opts.Projections = []entity.Projection{r.roll}
	r.open()
}

// stepDone reopens if the harness asks for it after each step.
func (r *rig) stepDone() {
	r.Helper()
	if r.harness.EachStep {
		r.reopen()
	}
}

// verify holds the store to what must be true at any time.
func (r *rig) verify() {
	r.Helper()
	if check := r.harness.Check; check != nil {
		if err := check(r.ctx, r.Store); err != nil {
			r.Errorf("Check: %v", err)
		}
	}
	var c *contents
	var rows map[string]string
	err := r.View(r.ctx, func(rd entity.Reader) (err error) {
		if c, err = read(rd); err != nil {
			return err
		}
		rows, err = rowsOf(rd.Rows(r.roll.Name()))
		return err
	})
	if err != nil {
		r.Errorf("audit: %v", err)
		return
	}
	naive, counts := r.roll.naive(c)
	r.same("rows of the projection", rows, naive)
	r.same("memory of the projection", r.roll.Counts(), counts)
}

// id mints an identifier of the store's network.
func (r *rig) id() entity.ID { return r.ids.New(r.opts.Network) }

// try runs a transaction a second after the last.
func (r *rig) try(fn func(entity.Tx) error) (entity.Seq, error) {
	r.Helper()
	r.clock.Advance(time.Second)
	seq, err := r.Update(r.ctx, author, fn)
	r.stepDone()
	return seq, err
}

// update is a try that must succeed.
func (r *rig) update(fn func(entity.Tx) error) entity.Seq {
	r.Helper()
	seq, err := r.try(fn)
	if err != nil {
		r.Fatalf("Update: %v", err)
	}
	return seq
}

// create makes an entity in a transaction of its own.
func (r *rig) create(d entity.Draft) (v *entity.Version) {
	r.Helper()
	r.update(func(tx entity.Tx) (err error) {
		v, err = tx.Create(d)
		return err
	})
	return v
}

// person makes an entity of type person.
func (r *rig) person(label string) *entity.Version {
	r.Helper()
	return r.create(person(r.id(), label))
}

func person(id entity.ID, label string) entity.Draft {
	return entity.Draft{ID: id, Type: "person", Properties: entity.Properties{"label": label}}
}

// put makes a version in a transaction of its own.
func (r *rig) put(id entity.ID, expect entity.Expect, edit func(*entity.Manifest) error) (v *entity.Version, err error) {
	r.Helper()
	_, err = r.try(func(tx entity.Tx) (err error) {
		v, err = tx.Put(id, expect, edit)
		return err
	})
	return v, err
}

// mustPut is a put that must succeed.
func (r *rig) mustPut(id entity.ID, expect entity.Expect, edit func(*entity.Manifest) error) *entity.Version {
	r.Helper()
	v, err := r.put(id, expect, edit)
	if err != nil {
		r.Fatalf("Put: %v", err)
	}
	return v
}

// set is an edit that merges one property.
func set(key string, value any) func(*entity.Manifest) error {
	return entity.Edit{Properties: entity.Properties{key: value}}.Apply
}

// bury is an edit that makes a tombstone.
func bury(m *entity.Manifest) error {
	m.Bury(entity.Tombstone{DeletedAt: m.CreatedAt, DeletedBy: m.EditedBy.UserID, OriginalVer: m.Ver})
	return nil
}

// restore is an edit that brings back what from held.
func restore(from *entity.Manifest) func(*entity.Manifest) error {
	return func(m *entity.Manifest) error {
		live := from.Clone()
		m.Properties, m.Relationships = live.Properties, live.Relationships
		return nil
	}
}

// view reads the latest state and must succeed.
func (r *rig) view(fn func(entity.Reader) error) {
	r.Helper()
	if err := r.View(r.ctx, fn); err != nil {
		r.Fatalf("View: %v", err)
	}
}

func (r *rig) head(id entity.ID) (h entity.Head) {
	r.Helper()
	r.view(func(rd entity.Reader) (err error) {
		h, err = rd.Head(id)
		return err
	})
	return h
}

// contents reads everything and must succeed.
func (r *rig) contents() (c *contents) {
	r.Helper()
	r.view(func(rd entity.Reader) (err error) {
		c, err = read(rd)
		return err
	})
	return c
}

// wantKind reports an err that is not of the kind. Like what else may be called
// in a closure it does not end the case, which only the case's goroutine may.
func (r *rig) wantKind(err error, want entity.Kind) {
	r.Helper()
	if err == nil || entity.KindOf(err) != want {
		r.Errorf("error: %v\nwant one of kind %s", err, want)
	}
}

// wantTips reports an err that is not a lost compare-and-swap of expected
// against actual, in a form that a client can read.
func (r *rig) wantTips(err error, id entity.ID, expected entity.Expect, actual entity.CID) {
	r.Helper()
	r.wantKind(err, entity.KindConflict)
	want := expected.Mismatch("", id, actual)
	if tips := tipsOf(err); tips == nil || *tips != *want.Tips {
		r.Errorf("tips: %+v\nwant %+v", tips, *want.Tips)
	}
	var e *entity.Error
	if errors.As(err, &e) && e.Message != want.Message {
		r.Errorf("message: %s\nwant: %s", e.Message, want.Message)
	}
}

var comparing = gocmp.Options{
	gocmp.Comparer(func(a, b entity.CID) bool { return a == b }),
	cmpopts.IgnoreUnexported(contents{}),
}

// same reports where got is not want.
func (r *rig) same(what string, got, want any) {
	r.Helper()
	if diff := gocmp.Diff(want, got, comparing); diff != "" {
		r.Errorf("%s (- want, + got):\n%s", what, diff)
	}
}

// unchanged runs fn and fails if anything in the store is different after it.
func (r *rig) unchanged(fn func()) {
	r.Helper()
	before := r.contents()
	fn()
	r.same("the store's contents", r.contents(), before)
}

// tipsOf are the two sides of a lost compare-and-swap, nil of another error.
func tipsOf(err error) *entity.Tips {
	var e *entity.Error
	if errors.As(err, &e) {
		return e.Tips
	}
	return nil
}

// errBoom is an error that no store makes.
var errBoom = errors.New("boom")
