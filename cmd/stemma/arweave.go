package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"stemma/entity"
	"stemma/versions/attest"
	"stemma/versions/attest/arweave"
)

// arweaveFlags say whether the log of attestations is anchored on Arweave.
type arweaveFlags struct {
	Upload   string        `name:"arweave-upload-url" help:"Anchor the log of attestations on Arweave, through the upload service at this URL like https://upload.ardrive.io/v1 (Turbo, or any that takes a signed data item at /tx below it). Needs --arweave-wallet; off by default." env:"STEMMA_ARWEAVE_UPLOAD_URL" placeholder:"URL"`
	Wallet   string        `name:"arweave-wallet" help:"File with the Arweave wallet that signs and pays: a JWK." env:"STEMMA_ARWEAVE_WALLET" placeholder:"FILE"`
	Interval time.Duration `name:"arweave-interval" help:"How long from one anchor to the next, at least." default:"1h" env:"STEMMA_ARWEAVE_INTERVAL"`
	Gateway  string        `name:"arweave-gateway" help:"Gateway that links to anchors lead to, and where they are read back." default:"https://arweave.net" env:"STEMMA_ARWEAVE_GATEWAY" placeholder:"URL"`
}

// check refuses settings that cannot be. The zero value anchors nothing.
func (f *arweaveFlags) check() error {
	if f.Gateway != "" {
		if err := arweave.CheckGateway(f.Gateway); err != nil {
			return errors.New("--arweave-gateway: " + userText(err))
		}
	}
	switch {
	case f.Upload == "" && f.Wallet == "":
		return nil
	case f.Upload == "":
		return errors.New("--arweave-wallet is of no use without --arweave-upload-url")
	case f.Wallet == "":
		return errors.New("--arweave-upload-url needs --arweave-wallet")
	case f.Interval <= 0:
		return fmt.Errorf("--arweave-interval is %s; more than 0s", f.Interval)
	}
	if err := arweave.CheckUpload(f.Upload); err != nil {
		return errors.New("--arweave-upload-url: " + userText(err))
	}
	if _, err := arweave.OpenWallet(f.Wallet); err != nil {
		return errors.New("--arweave-wallet: " + userText(err))
	}
	return nil
}

// openAnchors begins to anchor the log of attestations, where that is set. What
// is anchored can be read back from the gateway on any server.
func (s *server) openAnchors(o serverOptions, readOnly bool, registry *prometheus.Registry) error {
	f := o.arweave
	if s.attest == nil {
		if f.Upload != "" && !readOnly {
			return errors.New("--arweave-upload-url anchors the log of attestations, which --no-attest leaves out")
		}
		return nil
	}
	if f.Gateway == "" {
		f.Gateway = arweave.DefaultGateway
	}
	gateway, err := arweave.NewGateway(f.Gateway, nil)
	if err != nil {
		return err
	}
	for i := range s.networks {
		n := &s.networks[i]
		if n.Attest == nil {
			continue
		}
		n.Outside = outside{gateway}
		if f.Upload == "" || readOnly {
			continue
		}
		wallet, err := arweave.OpenWallet(f.Wallet)
		if err != nil {
			return err
		}
		s.anchors, err = arweave.Start(arweave.Options{
			Log: anchored{n.Attest}, Shelf: arweave.InStore(n.Store), Wallet: wallet, Upload: f.Upload, Gateway: f.Gateway, Every: f.Interval, Logger: o.logger, Registry: registry,
		})
		if err != nil {
			return err
		}
		o.logger.Info("the log of attestations is anchored on Arweave", "service", f.Upload, "wallet", wallet.Address(), "interval", f.Interval)
	}
	return nil
}

// closeAnchors ends anchoring, while the log of attestations is open.
func (s *server) closeAnchors() error {
	if s.anchors == nil {
		return nil
	}
	return s.anchors.Close()
}

// anchored is the log of attestations as it is anchored.
type anchored struct{ log *attest.Log }

func (a anchored) Newest(ctx context.Context, after int64) (string, error) {
	c, err := a.log.WaitCheckpoint(ctx, after)
	return c.Text, err
}

func (a anchored) Latest() (int64, time.Time) {
	last, _ := a.log.LatestAnchor()
	return last.Size, last.At
}

func (a anchored) Add(ctx context.Context, b arweave.Anchored) error {
	return a.log.AddAnchor(ctx, attest.Anchor{Size: b.Size, Tx: b.ID, URL: b.URL, At: b.At.UTC(), Checkpoint: b.Text})
}

// outside reads anchors back from a gateway.
type outside struct{ gateway *arweave.Gateway }

// Check compares what the gateway has with what was anchored; signed tells that
// the gateway gave the signature under that name too, and that it is of this
// checkpoint.
func (o outside) Check(ctx context.Context, a attest.Anchor) (signed bool, err error) {
	found, err := o.gateway.Fetch(ctx, a.Tx)
	if err != nil {
		return false, err
	}
	if string(found.Data) != a.Checkpoint {
		return false, entity.Errorf(entity.KindConflict, "stemma.Check", "what is there under the name of the anchor is not the checkpoint that was anchored")
	}
	return found.Item != nil, nil
}
