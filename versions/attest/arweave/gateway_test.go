package arweave

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"stemma/entity"
)

// gatewayOf is a gateway with one item, which change may spoil: the data under
// /raw, or what its index says.
func gatewayOf(t *testing.T, i *Item, change func(w http.ResponseWriter, r *http.Request) bool) *Gateway {
	t.Helper()
	text := base64.RawURLEncoding.EncodeToString
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if change != nil && change(w, r) {
			return
		}
		switch r.URL.Path {
		case "/raw/" + i.ID():
			_, _ = w.Write(i.Data)
		case "/graphql":
			var ask struct {
				Query     string
				Variables struct{ ID string }
			}
			if err := json.NewDecoder(r.Body).Decode(&ask); err != nil || !strings.Contains(ask.Query, "transaction(id: $id)") || ask.Variables.ID != i.ID() {
				t.Errorf("asked %+v: %v", ask, err)
			}
			tags := []map[string]string{}
			for _, tag := range i.Tags {
				tags = append(tags, map[string]string{"name": tag.Name, "value": tag.Value})
			}
			_ = json.NewEncoder(w).Encode(map[string]any{"data": map[string]any{"transaction": map[string]any{
				"anchor": text(i.Anchor), "signature": text(i.Signature), "recipient": text(i.Target), "owner": map[string]any{"key": text(i.Owner)}, "tags": tags,
			}}})
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	g, err := NewGateway(server.URL+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// What a gateway has is read with its signature, or without where it has no
// index; other data, or another's signature, is noticed.
func TestFetch(t *testing.T) {
	w := wallet(t, "one")
	i, err := w.Anchor(checkpointOf(t, 7))
	if err != nil {
		t.Fatal(err)
	}
	other, err := w.Anchor(checkpointOf(t, 8))
	if err != nil {
		t.Fatal(err)
	}
	on := func(path string, do func(w http.ResponseWriter)) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.HasPrefix(r.URL.Path, path) {
				return false
			}
			do(w)
			return true
		}
	}
	says := func(status int, body string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) { w.WriteHeader(status); _, _ = io.WriteString(w, body) }
	}
	for name, c := range map[string]struct {
		change func(http.ResponseWriter, *http.Request) bool
		kind   entity.Kind // 0, internal: no error
		signed bool
	}{
		"as it is":                       {nil, 0, true},
		"no index":                       {on("/graphql", says(404, "")), 0, false},
		"an index that knows none":       {on("/graphql", says(200, `{"data":{"transaction":null}}`)), 0, false},
		"an index without the signature": {on("/graphql", says(200, `{"data":{"transaction":{"signature":"","owner":{"key":""}}}}`)), 0, false},
		"an index that is a page":        {on("/graphql", says(200, "<html>")), 0, false},
		"an index of no base64":          {on("/graphql", says(200, `{"data":{"transaction":{"signature":"!"}}}`)), 0, false},
		"other data":                     {on("/raw", says(200, string(other.Data))), entity.KindConflict, false},
		"no data":                        {on("/raw", says(200, "")), entity.KindConflict, false},
		"another's signature": {on("/graphql", says(200, fmt.Sprintf(`{"data":{"transaction":{"signature":%q,"owner":{"key":%q},"tags":[]}}}`,
			base64.RawURLEncoding.EncodeToString(other.Signature), base64.RawURLEncoding.EncodeToString(other.Owner)))), entity.KindConflict, false},
		"nothing there": {on("/raw", says(404, "Not Found")), entity.KindNotFound, false},
		"not there yet": {on("/raw", says(202, "Pending")), entity.KindUnavailable, false},
		"broken":        {on("/raw", says(500, "")), entity.KindUnavailable, false},
		"overloaded":    {on("/raw", says(429, "")), entity.KindUnavailable, false},
		"a redirect":    {on("/raw", func(w http.ResponseWriter) { w.Header().Set("Location", "/elsewhere"); w.WriteHeader(302) }), entity.KindUnavailable, false},
		"cut":           {on("/raw", func(w http.ResponseWriter) { w.Header().Set("Content-Length", "9"); _, _ = io.WriteString(w, "x") }), entity.KindUnavailable, false},
		"without end":   {on("/raw", says(200, strings.Repeat("x", MaxItem+1))), entity.KindTooLarge, false},
	} {
		found, err := gatewayOf(t, i, c.change).Fetch(t.Context(), i.ID())
		if (err != nil) != (c.kind != 0) || entity.KindOf(err) != c.kind {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err == nil && (string(found.Data) != string(i.Data) || (found.Item != nil) != c.signed || c.signed && (found.Item.ID() != i.ID() || found.Item.Tag("Size") != "7")) {
			t.Errorf("%s: %+v", name, found)
		}
	}
	if _, err := gatewayOf(t, i, nil).Fetch(t.Context(), "../admin"); err == nil || entity.KindOf(err) != entity.KindInvalid {
		t.Errorf("no id: %v", err)
	}
	g, err := NewGateway("http://127.0.0.1:1", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Fetch(t.Context(), i.ID()); entity.KindOf(err) != entity.KindUnavailable {
		t.Errorf("nobody there: %v", err)
	}
}
