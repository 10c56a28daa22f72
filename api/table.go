package api

import (
	"context"
	"net/http"
	"sync"

	"stemma/api/wire"
)

// Version of the API's document.
const Version = "1.0.0"

// View is a mapping from somebody's wire format to entities.
type View interface {
	Operations() []wire.Operation
}

// System is what the server itself answers, beside its views.
type System struct {
	Ready   func() error // nil when every part can serve
	Metrics http.Handler
}

// Operations is every operation of the server: those of the views, the
// server's own, and the documents that list them all.
func Operations(system System, views ...View) []wire.Operation {
	var ops []wire.Operation
	for _, v := range views {
		ops = append(ops, v.Operations()...)
	}
	ops = append(ops, system.operations()...)
	docs := &documents{}
	ops = append(ops, docs.operations()...)
	docs.all = ops
	return ops
}

const tagOther = "Other"

// Status is the answer of a probe.
type Status struct {
	Status string `json:"status"`
}

func (s System) operations() []wire.Operation {
	alive := func(path, id string) wire.Operation {
		return wire.Op(wire.Operation{
			Method: "GET", Path: path, ID: id, Tag: tagOther, Summary: "Is the process alive",
			Description: "200 once the server serves.", Success: []wire.Success{{Status: 200, Body: Status{}}},
		}, func(context.Context, *struct{}) (*wire.Reply, error) { return wire.OK(Status{"ok"}), nil })
	}
	ops := []wire.Operation{
		alive("/healthz", "healthz"),
		alive("/health", "health"), // as clients of gateways ask
		wire.Op(wire.Operation{
			Method: "GET", Path: "/readyz", ID: "readyz", Tag: tagOther, Summary: "Can the server do its work",
			Description: "200 while every store can be read and written, else 503.", Success: []wire.Success{{Status: 200, Body: Status{}}}, Errors: []int{503},
		}, func(context.Context, *struct{}) (*wire.Reply, error) {
			if err := s.Ready(); err != nil {
				return nil, err
			}
			return wire.OK(Status{"ready"}), nil
		}),
	}
	metrics := wire.Operation{
		Method: "GET", Path: "/metrics", ID: "metrics", Tag: tagOther, Summary: "Metrics for Prometheus",
		Description: "Request latencies, commit sizes and latencies, projection lag, graph size.",
		Success:     []wire.Success{{Status: 200, ContentType: "text/plain"}},
	}
	return append(ops, wire.Handle(metrics, s.Metrics))
}

// documents print the table; each is made once, when first asked for.
type documents struct {
	all       []wire.Operation
	once      sync.Once
	openapi   []byte
	reference string
	err       error
}

func (d *documents) print() {
	d.once.Do(func() {
		d.openapi, d.err = OpenAPI(d.all)
		d.reference = Reference(d.all)
	})
}

func (d *documents) operations() []wire.Operation {
	return []wire.Operation{
		wire.Op(wire.Operation{
			Method: "GET", Path: "/openapi.json", ID: "openapi", Tag: tagOther, Summary: "The OpenAPI 3.1 document",
			Description: "Printed from the table that routes. `stemma openapi` prints the same.",
			Success:     []wire.Success{{Status: 200, Body: map[string]any{}}},
		}, func(context.Context, *struct{}) (*wire.Reply, error) {
			d.print()
			return wire.Bytes("application/json", d.openapi), d.err
		}),
		wire.Op(wire.Operation{
			Method: "GET", Path: "/ops-reference", ID: "opsReference", Tag: tagOther, Summary: "The operations as plain text",
			Description: "The document in short, for the prompt of a language model.",
			Success:     []wire.Success{{Status: 200, ContentType: "text/plain"}},
		}, func(context.Context, *struct{}) (*wire.Reply, error) {
			d.print()
			return wire.Bytes("text/plain; charset=utf-8", []byte(d.reference)), nil
		}),
	}
}

var about = wire.Info{
	Title:       "Stemma",
	Version:     Version,
	Description: "An event-sourced entity graph server with content-addressed versions.",
}

// OpenAPI is the document of the operations, OpenAPI 3.1 in JSON.
func OpenAPI(ops []wire.Operation) ([]byte, error) { return wire.Document(about, ops) }

// Reference is the document of the operations as plain text.
func Reference(ops []wire.Operation) string { return wire.Reference(about, ops) }
