package main

import (
	"cmp"
	"context"
	"errors"
	"path/filepath"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"stemma/entity"
	"stemma/versions/attest"
)

// attestFlags say how the log of attestations is kept.
type attestFlags struct {
	Attest bool   `help:"Keep a signed log of all changes of the main network, by which anybody can check that a version was there and that nothing was rewritten." default:"true" negatable:"" env:"STEMMA_ATTEST"`
	Origin string `name:"attest-origin" help:"Name of that log, by default --public-url without its scheme and with /tlog behind it. It is given when the log begins, and for good: another name begins another log with a new key, and ends the former." env:"STEMMA_ATTEST_ORIGIN" placeholder:"NAME"`
}

// check refuses settings that cannot be.
func (f *attestFlags) check() error {
	if f.Origin == "" {
		return nil
	}
	if err := attest.CheckOrigin(f.Origin); err != nil {
		return errors.New("--attest-origin: " + userText(err))
	}
	return nil
}

// attestDir is where a network's log of attestations is, below the data.
func attestDir(data string, network entity.Network) string {
	return filepath.Join(data, string(network), "attest")
}

// openAttest opens the log of attestations of the main network. A server that only
// reads shows the one that is there, and begins none: that of a mirror is its
// source's.
func (s *server) openAttest(ctx context.Context, o serverOptions, readOnly bool, registry *prometheus.Registry) (err error) {
	if o.noAttest {
		return nil
	}
	for i := range s.networks {
		n := &s.networks[i]
		if n.Store.Network() != entity.Main {
			continue
		}
		dir := ""
		if o.data != "" {
			dir = attestDir(o.data, entity.Main)
		}
		if readOnly && !attest.Exists(dir) {
			return nil
		}
		s.attest, err = attest.Open(ctx, attest.Options{
			Dir: dir, Store: n.Store, Origin: o.attestOrigin, Fallback: originOf(o.publicURL), ReadOnly: readOnly, Logger: o.logger, Registry: registry,
		})
		if err != nil {
			return err
		}
		n.Attest = s.attest
	}
	return nil
}

// originOf is the name of the log of a server: the URL below which its tiles are,
// without the scheme.
func originOf(publicURL string) string {
	_, rest, found := strings.Cut(publicURL, "://")
	if !found {
		rest = publicURL
	}
	return cmp.Or(strings.TrimSuffix(rest, "/"), "localhost") + "/tlog"
}

// closeAttest stops following, while the stores are open.
func (s *server) closeAttest() error {
	if s.attest == nil {
		return nil
	}
	return s.attest.Close()
}
