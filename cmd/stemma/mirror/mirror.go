package mirror

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"

	"stemma/entity"
	"stemma/events/syncclient"
)

// ErrUntrue: an event says what its block, or the history before it, does not.
var ErrUntrue = errors.New("the source is damaged, or cannot be trusted")

// Options say what is mirrored and how.
type Options struct {
	Source   *syncclient.Client
	Contents Contents       // nil: contents of files stay where they are
	Once     bool           // end when up to date, instead of waiting for more
	Wait     time.Duration  // for which one question waits for an event; 0: the client's own
	Progress func(Progress) // called after each transaction, and when up to date; may be nil
}

// Contents is where the contents of files go.
type Contents interface {
	// Of names what a version refers to.
	Of(*entity.Manifest) []entity.CID
	// Has tells whether a content is there already.
	Has(context.Context, entity.CID) (bool, error)
	// Put stores what in gives, or nothing when in fails.
	Put(ctx context.Context, c entity.CID, in io.Reader) error
}

// Progress is how far a mirror is.
type Progress struct {
	At     entity.Seq // the last event that is here
	Latest entity.Seq // the last that the source is known to have
}

// Report is what a run has done.
type Report struct {
	From, To entity.Seq // the last event before and after
	Latest   entity.Seq // of the source, as far as is known
	Bytes    int64      // of blocks
	Contents int        // stored
}

// Run brings s up to the source, and keeps it there unless o.Once is set, until
// ctx ends (KindCanceled) or the source cannot be believed. It goes on where an
// earlier run ended, however that did.
func Run(ctx context.Context, s entity.Store, o Options) (Report, error) {
	m := &run{o: o, store: s}
	from, err := m.begin(ctx)
	if err != nil {
		return m.report, err
	}
	ctx, cancel := context.WithCancel(ctx)
	pieces := make(chan piece, ahead)
	go func() {
		defer close(pieces)
		f := fetcher{source: o.Source, contents: o.Contents, out: pieces}
		if err := f.run(ctx, from, syncclient.FollowOptions{Live: !o.Once, Wait: o.Wait}); err != nil {
			f.send(context.WithoutCancel(ctx), piece{err: err})
		}
	}()
	for p := range pieces {
		if err = m.take(ctx, p); err != nil {
			break
		}
	}
	cancel()
	for range pieces { // the fetcher must have ended before Run does
		continue
	}
	return m.report, err
}

// ahead is how many pieces may wait for their transaction.
const ahead = 3

// run is one Run: the side of the store.
type run struct {
	o      Options
	store  entity.Store
	report Report
}

// note is what the store remembers of its source.
type note struct {
	Source string `json:"source"`
}

const noteKey = "mirror"

// SourceOf tells of which server a store is the mirror, "" when it is none.
func SourceOf(r entity.Reader) (string, error) {
	text, err := r.Secret(noteKey)
	if err != nil || text == nil {
		return "", err
	}
	var n note
	if err := json.Unmarshal(text, &n); err != nil {
		return "", entity.Internal("mirror.SourceOf", err)
	}
	return n.Source, nil
}

// begin gives the cursor that the log is, and notes the source. A source that
// has moved to another address is the same one as long as it knows the event
// that the mirror ends with.
func (m *run) begin(ctx context.Context) (at syncclient.Cursor, err error) {
	const op = "mirror.Run"
	if have, want := m.store.Network(), m.o.Source.Network(); have != want {
		return at, entity.Invalid(op, "the store is of the network %s, the source's is %s", have, want)
	}
	var source string
	err = m.store.View(ctx, func(r entity.Reader) error {
		if source, err = SourceOf(r); err != nil {
			return err
		}
		for rec, err := range r.LogBefore(0) {
			if err != nil {
				return err
			}
			at = syncclient.At(rec.Last(), rec.Changes[len(rec.Changes)-1].CID())
			break
		}
		return nil
	})
	if err != nil {
		return at, err
	}
	if source == "" && at.Seq > 0 {
		return at, entity.Invalid(op, "the directory holds a store of its own, with %d changes; a mirror needs a directory for itself", at.Seq)
	}
	m.report.From, m.report.To = at.Seq, at.Seq
	if source == m.o.Source.Server() {
		return at, nil
	}
	text, err := json.Marshal(note{Source: m.o.Source.Server()})
	if err != nil {
		return at, entity.Internal(op, err)
	}
	_, err = m.store.Update(ctx, entity.Actor{}, func(tx entity.Tx) error {
		tx.SetSecret(noteKey, text)
		return nil
	})
	return at, err
}

func (m *run) progress() {
	if m.o.Progress != nil {
		m.o.Progress(Progress{At: m.report.To, Latest: max(m.report.Latest, m.report.To)})
	}
}
