package arweave

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/prometheus/client_golang/prometheus"

	"stemma/entity"
)

// Log is the transparency log that is anchored.
type Log interface {
	// Newest waits for a signed checkpoint larger than after, and gives its text.
	Newest(ctx context.Context, after int64) (text string, err error)
	// Latest is the size and time of the newest anchor, zero for none.
	Latest() (size int64, at time.Time)
	// Add records an anchor, once however often it is told. KindInvalid when the
	// checkpoint is not one of the log.
	Add(ctx context.Context, a Anchored) error
}

// Anchored is a checkpoint that was published.
type Anchored struct {
	Text string // of the checkpoint
	Size int64
	ID   string // of the item
	URL  string // where a gateway has it
	At   time.Time
}

// Options are the settings of [Start]. Log, Shelf, Wallet and Upload are needed.
type Options struct {
	Log     Log
	Shelf   Shelf // of the item that is being uploaded
	Wallet  *Wallet
	Upload  string        // URL of the upload service, like https://upload.ardrive.io/v1; /tx is added
	Gateway string        // URL of a gateway, for links; "": https://arweave.net
	Every   time.Duration // the least time from one anchor to the next; 0: an hour
	MaxWait time.Duration // the longest between two tries; 0: a quarter of an hour

	Transport http.RoundTripper // nil: [http.DefaultTransport]
	Logger    *slog.Logger      // nil: none
	Registry  prometheus.Registerer
}

// DefaultGateway is where links lead by default.
const DefaultGateway = "https://arweave.net"

// Anchorer anchors a log until it is closed.
type Anchorer struct {
	o       Options
	service *service
	metrics *metrics
	waits   backoff.ExponentialBackOff
	shown   reason // the last that was logged; "" when all is well
	cancel  context.CancelFunc
	done    chan struct{}
}

// Start begins to anchor. It asks nobody anything: that a service is away does
// not keep a server from starting. KindInvalid when a URL is none.
func Start(o Options) (*Anchorer, error) {
	if o.Gateway == "" {
		o.Gateway = DefaultGateway
	}
	if o.Every <= 0 {
		o.Every = time.Hour
	}
	if o.MaxWait <= 0 {
		o.MaxWait = 15 * time.Minute
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if err := CheckGateway(o.Gateway); err != nil {
		return nil, err
	}
	s, err := newService(o.Upload, o.Transport, time.Now)
	if err != nil {
		return nil, err
	}
	a := &Anchorer{o: o, service: s, done: make(chan struct{})}
	if a.metrics, err = newMetrics(o.Registry, o.Log); err != nil {
		return nil, err
	}
	a.waits = backoff.ExponentialBackOff{InitialInterval: min(time.Second, o.MaxWait), RandomizationFactor: 0.25, Multiplier: 2, MaxInterval: o.MaxWait}
	ctx, cancel := context.WithCancel(context.Background())
	a.cancel = cancel
	go func() {
		defer close(a.done)
		a.run(ctx)
	}()
	return a, nil
}

// Close ends it, in the middle of an upload if there is one: the item is
// uploaded again at the next start. It is called while the shelf is there.
func (a *Anchorer) Close() error {
	a.cancel()
	<-a.done
	return nil
}

// run anchors one checkpoint after the other until ctx ends.
func (a *Anchorer) run(ctx context.Context) {
	for ctx.Err() == nil {
		f := a.step(ctx)
		if ctx.Err() != nil {
			return
		}
		var wait time.Duration
		if f == nil {
			a.waits.Reset()
		} else {
			a.metrics.failed(f)
			wait = a.wait(f)
		}
		a.tell(f, wait)
		_ = sleep(ctx, wait) // which the loop looks at
	}
}

// wait is how long to wait after a failure.
func (a *Anchorer) wait(f *failure) time.Duration {
	wait := a.waits.NextBackOff()
	if f.reason.lasting() {
		wait = a.o.MaxWait
	}
	return max(min(wait, a.o.MaxWait), f.after)
}

// tell logs a reason once, for as long as it is the same.
func (a *Anchorer) tell(f *failure, wait time.Duration) {
	switch {
	case f == nil && a.shown != "":
		a.shown = ""
		a.o.Logger.Info("anchoring on Arweave goes on")
	case f != nil && f.reason != a.shown:
		a.shown = f.reason
		a.o.Logger.Warn("a checkpoint is not anchored on Arweave yet; this is tried again for as long as it takes", "reason", string(f.reason), "error", f.err, "next", wait)
	}
}

// step anchors the item that was begun, or else the newest checkpoint when it is
// time.
func (a *Anchorer) step(ctx context.Context) *failure {
	i, err := a.begun(ctx)
	if err != nil {
		return &failure{reason: noStore, err: err}
	}
	if i == nil {
		var f *failure
		if i, f = a.begin(ctx); f != nil {
			return f
		}
	}
	a.metrics.underway(true)
	f := a.service.upload(ctx, i)
	if f != nil && (f.reason == balance || f.reason == refused) && addressOf(i.Owner) != a.o.Wallet.Address() {
		// The wallet was changed since, perhaps for this very reason.
		known := a.service.confirm(ctx, i.ID())
		if known != nil && known.reason == unconfirmed {
			a.o.Logger.Warn("the item of a former wallet is given up: the upload service does not take it", "id", i.ID(), "error", f.err)
			if ended := a.end(ctx); ended != nil {
				return ended
			}
			return f
		}
		f = known
	}
	if f != nil {
		return f
	}
	return a.record(ctx, i)
}

// begin waits until there is something to anchor, signs it and writes it down.
func (a *Anchorer) begin(ctx context.Context) (*Item, *failure) {
	size, at := a.o.Log.Latest()
	if size > 0 {
		if err := sleep(ctx, min(time.Until(at.Add(a.o.Every)), a.o.Every)); err != nil {
			return nil, &failure{reason: noLog, err: err}
		}
	}
	text, err := a.o.Log.Newest(ctx, size)
	if err != nil {
		return nil, &failure{reason: noLog, err: err}
	}
	i, err := a.o.Wallet.Anchor(text)
	if err != nil {
		return nil, &failure{reason: noLog, err: err}
	}
	if err := a.keep(ctx, i); err != nil {
		return nil, &failure{reason: noStore, err: err}
	}
	return i, nil
}

// record makes an anchor of an item that the service has.
func (a *Anchorer) record(ctx context.Context, i *Item) *failure {
	_, size, _, err := head(string(i.Data))
	if err == nil {
		err = a.o.Log.Add(ctx, Anchored{Text: string(i.Data), Size: size, ID: i.ID(), URL: Link(a.o.Gateway, i.ID()), At: time.Now()})
	}
	foreign := err != nil && entity.KindOf(err) == entity.KindInvalid
	if err != nil && !foreign {
		return &failure{reason: noStore, err: err}
	}
	if f := a.end(ctx); f != nil {
		return f
	}
	if foreign { // it will be published no more, and the next one not at once
		return &failure{reason: noLog, after: a.o.Every, err: fmt.Errorf("the item %s was published, and its checkpoint is not one of this log: %w", i.ID(), err)}
	}
	a.metrics.anchored()
	a.o.Logger.Info("checkpoint anchored on Arweave", "size", size, "id", i.ID())
	return nil
}

// end forgets the item that was being uploaded.
func (a *Anchorer) end(ctx context.Context) *failure {
	if err := a.keep(ctx, nil); err != nil {
		return &failure{reason: noStore, err: err}
	}
	a.metrics.underway(false)
	return nil
}

// begun is the item that is being uploaded, nil for none. One that cannot be
// read can never be uploaded, and is given up.
func (a *Anchorer) begun(ctx context.Context) (i *Item, err error) {
	b, err := a.o.Shelf.Get(ctx)
	if err != nil || b == nil {
		return nil, err
	}
	if i, err = Parse(b); err == nil {
		err = i.Verify()
	}
	if err != nil {
		a.o.Logger.Error("the item that was being uploaded is damaged, and given up", "error", err)
		return nil, nil
	}
	return i, nil
}

// keep writes down the item that is going to be uploaded; nil for none.
func (a *Anchorer) keep(ctx context.Context, i *Item) error {
	var b []byte
	if i != nil {
		var err error
		if b, err = i.Bytes(); err != nil {
			return err
		}
	}
	return a.o.Shelf.Put(ctx, b)
}

// Link is where a gateway shows an item.
func Link(gateway, id string) string { return strings.TrimSuffix(gateway, "/") + "/" + id }

// sleep waits, not at all for what has passed.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}
