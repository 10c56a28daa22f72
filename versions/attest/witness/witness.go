package witness

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"stemma/entity"
	"stemma/versions/attest"
)

// Options are the settings of [Open]. URL and Dir are needed.
type Options struct {
	URL string // of a Stemma server, or of a log by C2SP tlog-tiles
	Key string // verifier key of the log; "": the remembered one, or the first that the server names
	Dir string // of this log alone; made on first use

	Transport http.RoundTripper                          // nil: [http.DefaultTransport]
	Now       func() time.Time                           // nil: [time.Now]
	Sleep     func(context.Context, time.Duration) error // nil: by a timer, until ctx is done
}

// Witness watches one log. It is used by one goroutine.
type Witness struct {
	o      Options
	remote *remote
	state  state
	known  attest.Checkpoint // the zero value: none yet
}

// Open reads what is remembered, and asks nothing. KindInvalid when a setting is
// none, when what is remembered is damaged, or of another key than the one given;
// KindUnavailable when the directory cannot be used.
func Open(o Options) (*Witness, error) {
	const op = "witness.Open"
	prefix, err := parsePrefix(o.URL)
	if err != nil {
		return nil, err
	}
	if o.Key = strings.TrimSpace(o.Key); o.Key != "" {
		if _, err := note.NewVerifier(o.Key); err != nil {
			return nil, entity.Invalid(op, "%q is not a verifier key; one looks like stemma.example/tlog+1a2b3c4d+AZ…", o.Key)
		}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return nil, fromOS(op, err)
	}
	w := &Witness{o: o, remote: newRemote(prefix, o.Transport, o.Now)}
	if w.state, w.known, err = load(o.Dir); err != nil {
		return nil, err
	}
	if o.Key != "" && w.state.Key != "" && o.Key != w.state.Key {
		return nil, entity.Invalid(op, "%s remembers the log by the key %s, and %s was given; if the log has a new name, watch it in another directory", o.Dir, w.state.Key, o.Key)
	}
	if w.state.Key == "" {
		w.state.Key = o.Key
	}
	w.state.URL = prefix.String()
	return w, nil
}

// URL is the prefix of the log's URLs.
func (w *Witness) URL() string { return w.state.URL }

// Seen is the outcome of a look that raised no alarm.
type Seen struct {
	Checkpoint attest.Checkpoint
	Was        int64 // the size that was remembered before
	First      bool  // nothing was remembered
	// TrustedKey is the key when it was taken from the server in this look.
	TrustedKey string
}

// looks is how often a look is repeated before it fails, or raises an alarm that
// could have come of a broken copy.
const looks = 3

// Look compares what the log signs now with what is remembered, and remembers it.
// The errors: an [*Alarm]; KindUnavailable when the server does not answer as one
// with a log, which may pass; KindCanceled and KindTimeout when ctx is done.
func (w *Witness) Look(ctx context.Context) (Seen, error) {
	const op = "witness.Look"
	for n := 1; ; n++ {
		seen, err := w.once(ctx)
		var alarm *Alarm
		var gone *away
		pause := time.Duration(n) * firstPause
		switch {
		case err == nil:
			return seen, nil
		case ctx.Err() != nil:
			return Seen{}, ended(op, ctx)
		case errors.As(err, &alarm):
			if alarm.Reason.proven() || n == looks {
				alarm.At = w.o.Now()
				return Seen{}, errors.Join(alarm, alarm.keep(w.o.Dir))
			}
		case errors.As(err, &gone):
			if n == looks {
				return Seen{}, &entity.Error{Kind: entity.KindUnavailable, Op: op, Message: w.state.URL + " cannot be watched now", Err: err}
			}
			pause = max(pause, gone.after)
		default:
			return Seen{}, err
		}
		if err := w.o.Sleep(ctx, pause); err != nil {
			return Seen{}, ended(op, ctx)
		}
	}
}

// firstPause is between the first look and the second.
const firstPause = 500 * time.Millisecond

// once looks once.
func (w *Witness) once(ctx context.Context) (seen Seen, err error) {
	trusted := ""
	if w.state.Key == "" {
		if trusted, err = w.remote.key(ctx); err != nil {
			return seen, err
		}
	}
	text, err := w.remote.checkpoint(ctx)
	if err != nil {
		return seen, err
	}
	key := w.state.Key + trusted // one of them is ""
	next, err := w.read(text, key)
	if err != nil {
		return seen, err
	}
	if err := w.compare(ctx, next); err != nil {
		return seen, err
	}
	seen = Seen{Checkpoint: next, Was: w.known.Size, First: w.known.Text == "", TrustedKey: trusted}
	if next.Size == w.known.Size && !seen.First {
		return seen, nil
	}
	s := w.state
	s.Key, s.Checkpoint, s.Seen = key, next.Text, w.o.Now().UTC()
	s.FirstUse = s.FirstUse || trusted != ""
	if err := s.save(w.o.Dir); err != nil {
		return Seen{}, err
	}
	w.state, w.known = s, next
	return seen, nil
}

// alarm makes one of what is remembered and what is seen.
func (w *Witness) alarm(reason Reason, seen, message string) *Alarm {
	return &Alarm{Reason: reason, Message: message, URL: w.state.URL, Key: w.state.Key, Known: w.known.Text, Seen: seen}
}

// read checks who signed a checkpoint. What is no signed note at all says nothing
// about the log.
func (w *Witness) read(text, key string) (attest.Checkpoint, error) {
	c, err := attest.ParseCheckpoint(text, key)
	if err == nil {
		return c, nil
	}
	var broken *note.InvalidSignatureError
	var unknown *note.UnverifiedNoteError
	switch {
	case errors.As(err, &broken):
		return c, w.alarm(Signature, text, "the signature is by the key of the log, and not of this checkpoint")
	case errors.As(err, &unknown):
		return c, w.alarm(OtherKey, text, "the checkpoint is not signed by the key "+key)
	}
	return c, &away{err: err}
}

// compare holds a checkpoint against the one that is remembered. The error is an
// *Alarm or an *away.
func (w *Witness) compare(ctx context.Context, next attest.Checkpoint) error {
	known := w.known
	switch {
	case known.Text != "" && next.Size == known.Size:
		if next.Root != known.Root {
			return w.alarm(Forked, next.Text, "two trees of the same size with two roots are signed")
		}
		return nil
	case next.Size < known.Size:
		return w.alarm(Shrank, next.Text, "the log is shorter than it was; or an old copy is given, by a cache or on purpose")
	case next.Size == 0:
		return nil
	}
	reader := tlog.TileHashReader(tlog.Tree{N: next.Size, Hash: next.Root}, tiles{ctx, w.remote})
	if known.Size == 0 { // it has to be there
		_, err := tlog.TreeHash(next.Size, reader)
		return w.unproven(next, err)
	}
	proof, err := tlog.ProveTree(next.Size, known.Size, reader)
	if err != nil {
		return w.unproven(next, err)
	}
	if err := tlog.CheckTree(proof, next.Size, next.Root, known.Size, known.Root); err != nil {
		return w.alarm(Inconsistent, next.Text, "the larger tree does not begin with the one that is remembered")
	}
	return nil
}

// unproven is what comes of tiles that could not be had, or are not those of the
// tree that was signed.
func (w *Witness) unproven(next attest.Checkpoint, err error) error {
	var gone *away
	if err == nil || errors.As(err, &gone) {
		return err
	}
	return w.alarm(Tiles, next.Text, "the tree that was signed is not the one that is served: "+err.Error())
}

func ended(op string, ctx context.Context) error {
	kind := entity.KindCanceled
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		kind = entity.KindTimeout
	}
	return &entity.Error{Kind: kind, Op: op, Message: "the look was ended", Err: ctx.Err()}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
