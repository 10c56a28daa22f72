package wire

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"testing"

	"stemma/entity"
)

type called struct {
	ID    entity.ID `path:"id"`
	Limit int       `query:"limit" default:"10" min:"1" max:"50"`
	Since int       `query:"since"`
	Later int       `json:"since" doc:"a change"`
	Types []string  `query:"types"`
	Rels  []struct {
		Peer entity.ID `json:"peer" req:"true"`
	} `json:"relationships"`
	Match string `header:"If-None-Match" default:"none"`
	Coll  string `json:"collection" alias:"collection_pi" req:"true"`
}

// A call from inside binds what a request would, by name and wherever it would
// stand, with the caller and the network of the context.
func TestCallBindsLikeARequest(t *testing.T) {
	const id = "01KDVR0000000000000000WNR0"
	var got called
	var network entity.Network
	op := Op(Operation{Method: "POST", Path: "/things/{id}", ID: "thing", Auth: AuthRequired}, func(ctx context.Context, in *called) (*Reply, error) {
		got, network = *in, NetworkOf(ctx)
		return OK(map[string]any{"ok": true}), nil
	})
	ctx := &meta{Context: t.Context(), network: entity.Test}
	reply, err := op.Call(ctx, map[string]any{"id": id, "since": int64(7), "types": []any{"a", "b"}, "collection_pi": "c", "relationships": []any{map[string]any{"peer": id}}})
	if err != nil || reply.Status != http.StatusOK {
		t.Fatal(reply, err)
	}
	if got.ID != id || got.Limit != 10 || got.Later != 7 || got.Since != 0 || !slices.Equal(got.Types, []string{"a", "b"}) || got.Coll != "c" || got.Match != "none" || got.Rels[0].Peer != id || network != entity.Test {
		t.Errorf("%+v on %s", got, network)
	}
	for name, in := range map[string]map[string]any{
		"nothing":          {},
		"no path":          {"collection": "c"},
		"no id":            {"id": "x", "collection": "c"},
		"a limit too high": {"id": id, "collection": "c", "limit": int64(51)},
		"a limit of text":  {"id": id, "collection": "c", "limit": "5"},
		"a header":         {"id": id, "collection": "c", "If-None-Match": "x"},
		"a slip":           {"id": id, "collection": "c", "limt": int64(5)},
		"wrong within":     {"id": id, "collection": "c", "relationships": []any{map[string]any{}}},
	} {
		if _, err := op.Call(ctx, in); entity.KindOf(err) != entity.KindInvalid || err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The schema names what Call takes, and nothing else.
func TestInputSchemaIsOfTheCall(t *testing.T) {
	op := Op(Operation{Method: "POST", Path: "/things/{id}", ID: "thing"}, func(context.Context, *called) (*Reply, error) { return nil, nil })
	text, err := op.InputSchema()
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Type       string
		Properties map[string]map[string]any
		Required   []string
		Additional bool `json:"additionalProperties"`
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for name := range schema.Properties {
		names = append(names, name)
	}
	slices.Sort(names)
	if schema.Type != "object" || !slices.Equal(names, []string{"collection", "id", "limit", "relationships", "since", "types"}) ||
		!slices.Equal(schema.Required, []string{"id", "collection"}) || schema.Properties["since"]["description"] != "a change" || schema.Properties["limit"]["maximum"] != 50.0 {
		t.Errorf("%s", text)
	}
}

// A refusal inside a request is told as the request's own would be, and streams
// and uploads are no calls.
func TestCallRefuses(t *testing.T) {
	op := Op(Operation{Method: "GET", Path: "/x", ID: "x"}, func(context.Context, *struct{}) (*Reply, error) {
		return nil, entity.Errorf(entity.KindForbidden, "test", "no")
	})
	var told error
	ctx := &meta{Context: t.Context(), denied: func(_ context.Context, r *http.Request, e *entity.Error) {
		if r.Header.Get("X-Api-Key") == "k" {
			told = e
		}
	}, from: origin{header: http.Header{"X-Api-Key": {"k"}}}}
	if _, err := op.Call(ctx, nil); entity.KindOf(err) != entity.KindForbidden || !errors.Is(told, err) {
		t.Errorf("%v, told %v", err, told)
	}
	stream := Op(Operation{Method: "GET", Path: "/x", ID: "x"}, func(context.Context, *struct{}) (*Reply, error) {
		return &Reply{Stream: func(http.ResponseWriter, *http.Request) error { return nil }}, nil
	})
	upload := Op(Operation{Method: "POST", Path: "/x", ID: "x"}, func(context.Context, *struct {
		Body Upload `body:"raw"`
	}) (*Reply, error) {
		return nil, nil
	})
	raw := Handle(Operation{Method: "GET", Path: "/x", ID: "x"}, http.NotFoundHandler())
	for name, op := range map[string]Operation{"a stream": stream, "an upload": upload, "a handler": raw} {
		if _, err := op.Call(ctx, nil); entity.KindOf(err) != entity.KindNotImplemented {
			t.Errorf("%s: %v", name, err)
		}
	}
}
