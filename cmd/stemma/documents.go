package main

import (
	"cmp"
	"fmt"
	"net/http"
	"runtime"
	"time"

	"stemma/api"
	"stemma/api/admin"
	"stemma/api/gateway"
	"stemma/api/native"
	"stemma/api/portal"
	"stemma/api/recorder"
	"stemma/cmd/stemma/backup"
)

// openapiCmd prints the document without a server.
type openapiCmd struct{}

// Run prints it.
func (openapiCmd) Run(io *streams) error {
	system := api.System{Ready: func() error { return nil }, Metrics: http.NotFoundHandler()}
	doc, err := api.OpenAPI(api.Operations(system, native.New(time.Now), recorder.New(recorder.Options{}), gateway.New(nil, time.Now), portal.New(portal.Options{}), admin.New(admin.Options{}), backup.View{}))
	if err == nil {
		_, err = fmt.Fprintf(io.out, "%s\n", doc)
	}
	return err
}

// versionCmd prints what this binary is.
type versionCmd struct{}

// Run prints it.
func (versionCmd) Run(io *streams) error {
	_, err := fmt.Fprintf(io.out, "stemma %s (%s, %s %s/%s)\n", api.Version, cmp.Or(revision(), "unknown revision"), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
