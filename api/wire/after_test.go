package wire

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"stemma/entity"
)

type afterIn struct {
	ID      entity.ID         `path:"id"`
	Role    string            `json:"role" enum:"owner,member"`
	Key     string            `json:"apiKey"`
	Open    bool              `json:"open" req:"true"`
	Rate    *float64          `json:"rate"`
	Models  []string          `json:"models"`
	Headers map[string]string `json:"headers"`
	Nested  *struct {
		Key string `json:"key"`
	} `json:"nested"`
}

// Who is told afterwards has what the request had by name, and by value what cannot
// be a secret; of a request that is refused nothing is told.
func TestAfter(t *testing.T) {
	var told []string
	op := Op(Operation{Method: "PUT", Path: "/things/{id}", ID: "putThing", Auth: AuthNone}, func(_ context.Context, in *afterIn) (*Reply, error) {
		if in.Key == "refused" {
			return nil, entity.Invalid("test", "refused")
		}
		return NoContent(), nil
	})
	op.After(func(_ context.Context, given []Given) { told = append(told, strings.Trim(fmt.Sprint(given), "[]")) })
	if !op.Writes() {
		t.Error("a PUT changes nothing")
	}
	h := New(Options{Ops: []Operation{op}})
	const path = "/things/01KDVR00000000000000000ANN"
	for _, c := range []struct{ body, want string }{
		{`{"role":"owner","apiKey":"sk-1","open":false,"rate":2.5,"models":["sk-2"],"headers":{"a":"sk-3"},"nested":{"key":"sk-4"}}`,
			"id=01KDVR00000000000000000ANN role=owner apiKey open=false rate=2.5 models headers nested"},
		{`{"open":true}`, "id=01KDVR00000000000000000ANN open=true"},
		{`{"open":true,"apiKey":"refused"}`, ""},
		{`{"open":1}`, ""},
	} {
		told = nil
		call(h, "PUT", path, c.body)
		if got := strings.Join(told, "|"); got != c.want {
			t.Errorf("%s: told %q, want %q", c.body, got, c.want)
		}
	}
}
