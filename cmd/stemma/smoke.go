package main

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"stemma/api/admin"
	"stemma/api/outbound"
)

// smokeFlags say who runs the smoke tests of this server.
type smokeFlags struct {
	SmokeRunner string `help:"Service that runs smoke tests of this server, for GET and POST /v1/admin/smoke-tests. It may be at a private address." env:"STEMMA_SMOKE_RUNNER" placeholder:"URL"`
}

// check refuses, before anything is opened, what is no URL.
func (f smokeFlags) check() error {
	if f.SmokeRunner == "" {
		return nil
	}
	if _, err := outbound.CheckURL(f.SmokeRunner); err != nil {
		return errors.New("--smoke-runner " + userText(err))
	}
	return nil
}

// askSmokeRunner asks the service at a URL; nil where there is none.
func askSmokeRunner(base string) admin.SmokeRunner {
	if base == "" {
		return nil
	}
	client := outbound.New(outbound.Options{AllowPrivate: true, Timeout: 30 * time.Second}) // whoever runs the server named it
	return func(ctx context.Context, method, path string) (int, []byte, error) {
		r := outbound.Request{Method: method, URL: strings.TrimSuffix(base, "/") + path, Header: http.Header{"Accept": {"application/json"}}}
		if method == http.MethodPost {
			r.Header.Set("Content-Type", "application/json")
			r.Body = []byte("{}")
		}
		out, err := client.Do(ctx, r)
		if err != nil {
			return 0, nil, err
		}
		return out.Status, out.Body, nil
	}
}
