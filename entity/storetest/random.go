package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"time"

	"stemma/entity"
)

var historyCases = []lawCase{
	{law: "random histories leave what they leave in plain maps, CIDs and all", run: matchesOracle},
	{law: "racing reads and swaps are linearizable", run: linearizable},
}

// verb is what a random operation does.
type verb int

const (
	create verb = iota
	edit
	deleting
	restoring
	appending
	secret
	forget
	verbs
)

// aim is the tip that a random operation expects.
type aim int

const (
	aimAny aim = iota
	aimTip
	aimStale
	aims
)

// op is one operation of a random history: data, so that it can be played to
// two stores, and twice to one.
type op struct {
	do     verb
	id     entity.ID
	aim    aim
	chain  string
	key    string // of a secret
	value  []byte
	draft  entity.Draft
	change entity.Edit
}

// script is one transaction of a random history.
type script struct {
	wait time.Duration
	by   entity.Actor
	ops  []op
	fail bool // at the end
	lax  bool // go on after an operation that failed
}

// writer makes up random scripts.
type writer struct {
	*rand.Rand
	minted *entity.IDSource
	ids    []entity.ID
	actors []entity.Actor
}

// seed is STORETEST_SEED, or a new one.
func seed(r *rig) uint64 {
	if n, err := strconv.ParseUint(os.Getenv("STORETEST_SEED"), 10, 64); err == nil {
		return n
	}
	n := rand.Uint64()
	r.Logf("STORETEST_SEED=%d plays this again", n)
	return n
}

func newWriter(r *rig) *writer {
	w := &writer{Rand: rand.New(rand.NewPCG(seed(r), 0)), minted: r.ids, actors: []entity.Actor{author}}
	for _, method := range []string{entity.MethodAI, entity.MethodImport} {
		w.actors = append(w.actors, entity.Actor{UserID: r.id(), Method: method, OnBehalfOf: author.UserID})
	}
	for range 12 {
		w.ids = append(w.ids, r.id())
	}
	return w
}

func (w *writer) script() script {
	s := script{
		wait: time.Duration(w.IntN(3)) * time.Millisecond, by: w.actors[w.IntN(len(w.actors))],
		fail: w.IntN(8) == 0, lax: w.IntN(3) == 0,
	}
	for range 1 + w.IntN(5) {
		s.ops = append(s.ops, w.op())
	}
	return s
}

func (w *writer) op() op {
	o := op{
		do: verb(w.IntN(int(verbs))), id: w.ids[w.IntN(len(w.ids))], aim: aim(w.IntN(int(aims))),
		chain: []string{"log", "logs", "steps"}[w.IntN(3)], key: fmt.Sprint("key", w.IntN(4)), value: fmt.Append(nil, w.Uint64()),
	}
	if w.IntN(4) == 0 && o.do != create {
		o.do = edit
	}
	switch o.do {
	case create:
		if w.IntN(10) == 0 {
			o.id = w.minted.New(entity.Test)
		}
		o.draft = entity.Draft{ID: o.id, Type: []string{"person", "place", entity.TypeFolder}[w.IntN(3)], Properties: w.properties(2), Note: w.text()}
		for range w.IntN(3) {
			o.draft.Relationships = append(o.draft.Relationships, entity.Relationship{Predicate: w.predicate(), Peer: w.ids[w.IntN(len(w.ids))]})
		}
	case edit:
		o.change = w.edit()
	case appending:
		o.change.Properties = w.properties(1)
	}
	return o
}

func (w *writer) edit() entity.Edit {
	e := entity.Edit{Properties: w.properties(2), Note: w.text()}
	for range w.IntN(3) {
		e.RelationshipsAdd = append(e.RelationshipsAdd, entity.RelationshipEdit{Relationship: entity.Relationship{
			Predicate: w.predicate(), Peer: w.ids[w.IntN(len(w.ids))], PeerLabel: w.text(), Properties: w.properties(1),
		}})
	}
	if w.IntN(3) == 0 {
		e.RelationshipsRemove = []entity.RelationshipRef{{Predicate: w.predicate()}}
		e.PropertiesRemove = []any{w.key(), w.key()}
	}
	return e
}

func (w *writer) predicate() entity.Predicate {
	return []entity.Predicate{entity.PredicateCollection, "knows", "contains"}[w.IntN(3)]
}

func (w *writer) key() string { return []string{"label", "name", "a", "bb", "é", "deep"}[w.IntN(6)] }

func (w *writer) text() string { return []string{"", "x", "Ünï", "long 𝄞 text"}[w.IntN(4)] }

func (w *writer) properties(depth int) entity.Properties {
	p := entity.Properties{}
	for range w.IntN(4) {
		p[w.key()] = w.value(depth)
	}
	return p
}

func (w *writer) value(depth int) any {
	switch w.IntN(8) {
	case 0:
		return nil
	case 1:
		return w.IntN(2) == 0
	case 2:
		return w.Int64() - w.Int64()
	case 3:
		return 0.1 + float64(w.IntN(9))
	case 4:
		return []any{w.text(), int64(w.IntN(99))}
	case 5:
		if depth > 0 {
			return w.properties(depth - 1)
		}
	}
	return w.text()
}

// play does one operation and says how it went.
func (o op) play(tx entity.Tx) (outcome string, err error) {
	switch o.do {
	case create:
		d := o.draft
		d.Properties = entity.CloneProperties(d.Properties)
		d.Relationships = append([]entity.Relationship{}, d.Relationships...)
		return cidOf(tx.Create(d))
	case secret:
		tx.SetSecret(o.key, append([]byte{}, o.value...))
		return "set", nil
	case forget:
		tx.DeleteSecret(o.key)
		return "deleted", nil
	}
	head, err := tx.Head(o.id)
	if err != nil && entity.KindOf(err) != entity.KindNotFound {
		return "", err
	}
	switch {
	case o.do == appending && head.Deleted, o.do == deleting && head.Deleted, o.do == edit && head.Deleted, o.do == restoring && !head.Deleted:
		return "passed over", nil // what a store does with these is not laid down
	case o.do == appending:
		last, err := tx.ChainHead(o.id, o.chain)
		if err != nil {
			return "", err
		}
		ref, err := tx.Append(o.id, o.chain, o.expect(last.CID, entity.CID{}), entity.CloneProperties(o.change.Properties))
		return fmt.Sprint(ref.N, " ", ref.CID), err
	case o.do == deleting:
		return cidOf(tx.Put(o.id, o.expect(head.CID(), entity.SumBlock(nil)), bury))
	case o.do == restoring:
		return o.restore(tx, head)
	}
	first, err := tx.VersionAt(o.id, 1)
	if err != nil && entity.KindOf(err) != entity.KindNotFound {
		return "", err
	}
	return cidOf(tx.Put(o.id, o.expect(head.CID(), first), o.change.Apply))
}

// restore brings back the version before a tombstone.
func (o op) restore(tx entity.Tx, head entity.Head) (string, error) {
	for ref, err := range tx.History(o.id, head.Ver-1) {
		if err != nil {
			return "", err
		}
		m, err := tx.Manifest(ref.CID)
		if err != nil {
			return "", err
		}
		return cidOf(tx.Put(o.id, o.expect(head.CID(), ref.CID), restore(m)))
	}
	return "nothing before", nil
}

func (o op) expect(tip, stale entity.CID) entity.Expect {
	switch o.aim {
	case aimTip:
		return entity.At(tip)
	case aimStale:
		return entity.At(stale)
	}
	return entity.Any
}

func cidOf(v *entity.Version, err error) (string, error) {
	if err != nil {
		return "", err
	}
	return v.CID.String(), nil
}

// outcome is how a transaction went.
type outcome struct {
	Seq entity.Seq
	Err string
	Ops []string
}

// perform plays a script as one transaction.
func (s script) perform(r *rig, to entity.Store) (out outcome) {
	seq, err := to.Update(r.ctx, s.by, func(tx entity.Tx) error {
		out.Ops = nil
		for _, o := range s.ops {
			text, err := o.play(tx)
			if err != nil {
				text = errorText(err)
			}
			out.Ops = append(out.Ops, text)
			if err != nil && !s.lax {
				return err
			}
		}
		if s.fail {
			return errBoom
		}
		return nil
	})
	out.Seq = seq
	if err != nil {
		out.Seq, out.Err = 0, errorText(err)
	}
	return out
}

// errorText is what must be the same in two stores' errors.
func errorText(err error) string {
	if errors.Is(err, errBoom) {
		return "boom"
	}
	text := entity.KindOf(err).String()
	if tips := tipsOf(err); tips != nil {
		text += fmt.Sprint(" ", tips.ID, " ", tips.Expected, " ", tips.Actual)
	}
	return text
}

// matchesOracle plays a random history to the store and to the oracle, and
// compares each answer, and from time to time everything in them.
func matchesOracle(r *rig) {
	steps := 250
	if r.harness.EachStep && r.harness.Durable {
		steps = 40
	}
	w := newWriter(r)
	opts := r.opts
	opts.Projections = []entity.Projection{r.roll.again()}
	opts.Entropy = Entropy(1)
	oracle, err := NewOracle(opts)
	if err != nil {
		r.Fatalf("NewOracle: %v", err)
	}
	for n := range steps {
		s := w.script()
		r.clock.Advance(s.wait)
		want := s.perform(r, oracle)
		r.same(fmt.Sprintf("transaction %d", n), s.perform(r, r.Store), want)
		r.stepDone()
		if n%50 == 49 || n == steps-1 {
			r.same("everything", r.everything(r.Store), r.everything(oracle))
		}
		if r.Failed() {
			r.Fatalf("after transaction %d: %+v", n, s)
		}
	}
}

// all is contents with what they leave out.
type all struct {
	Contents *contents
	Rows     map[string]string
	Secrets  map[string]string
}

func (r *rig) everything(s entity.Store) (a all) {
	err := s.View(r.ctx, func(rd entity.Reader) (err error) {
		if a.Contents, err = read(rd); err != nil {
			return err
		}
		a.Secrets = map[string]string{}
		for n := range 4 {
			key := fmt.Sprint("key", n)
			value, err := rd.Secret(key)
			if err != nil {
				return err
			}
			if value != nil {
				a.Secrets[key] = string(value)
			}
		}
		a.Rows, err = rowsOf(rd.Rows(r.roll.Name()))
		return err
	})
	if err != nil {
		r.Errorf("reading everything: %v", err)
	}
	return a
}
