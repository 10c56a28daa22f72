package wire

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"testing"

	"stemma/entity"
)

func TestClientOf(t *testing.T) {
	op := Op(Operation{Method: "GET", Path: "/", ID: "x"}, func(ctx context.Context, _ *struct{}) (*Reply, error) {
		c := ClientOf(ctx)
		return OK(map[string]any{"addr": c.Addr.String(), "secure": c.Secure, "agent": c.UserAgent}), nil
	})
	for _, c := range []struct {
		name, remote string
		tls, trust   bool
		forwarded    []string
		proto, want  string
	}{
		{name: "plain", remote: "192.0.2.1:99", want: `{"addr":"192.0.2.1","agent":"a/1","secure":false}`},
		{name: "TLS", remote: "[2001:db8::1]:99", tls: true, want: `{"addr":"2001:db8::1","agent":"a/1","secure":true}`},
		{name: "mapped", remote: "[::ffff:192.0.2.1]:99", want: `{"addr":"192.0.2.1","agent":"a/1","secure":false}`},
		{name: "a pipe", remote: "pipe", want: `{"addr":"invalid IP","agent":"a/1","secure":false}`},
		{name: "a liar", remote: "192.0.2.1:99", forwarded: []string{"10.0.0.1"}, proto: "https", want: `{"addr":"192.0.2.1","agent":"a/1","secure":false}`},
		{name: "a liar behind the proxy", remote: "192.0.2.1:99", trust: true, forwarded: []string{"10.0.0.1, 10.0.0.2, 198.51.100.7"}, proto: "https", want: `{"addr":"198.51.100.7","agent":"a/1","secure":true}`},
		{name: "two headers", remote: "192.0.2.1:99", trust: true, forwarded: []string{"10.0.0.1", "198.51.100.7"}, proto: "http", want: `{"addr":"198.51.100.7","agent":"a/1","secure":false}`},
		{name: "no address", remote: "192.0.2.1:99", trust: true, forwarded: []string{"unknown"}, want: `{"addr":"192.0.2.1","agent":"a/1","secure":false}`},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.remote
		r.Header.Set("User-Agent", "a/1")
		r.Header["X-Forwarded-For"] = c.forwarded
		if c.proto != "" {
			r.Header.Set("X-Forwarded-Proto", c.proto)
		}
		if c.tls {
			r.TLS = &tls.ConnectionState{}
		}
		w := httptest.NewRecorder()
		New(Options{Ops: []Operation{op}, TrustProxy: c.trust}).ServeHTTP(w, r)
		equal(t, c.name, w.Body.String(), c.want)
	}
	equal(t, "outside of a request", ClientOf(t.Context()), Client{})
}

// Every refusal is told, with what is known of the caller, and nothing else is.
func TestDenied(t *testing.T) {
	var told []string
	fails := func(path string, kind entity.Kind) Operation {
		return Op(Operation{Method: "GET", Path: path, ID: "x" + identifier(path), Auth: AuthOptional}, func(context.Context, *struct {
			ID string `path:"id"`
		}) (*Reply, error) {
			return nil, &entity.Error{Kind: kind, Op: "test"}
		})
	}
	h := New(Options{
		Ops:          []Operation{whoami(AuthRequired), fails("/forbidden/{id}", entity.KindForbidden), fails("/missing/{id}", entity.KindNotFound)},
		Authenticate: authenticate,
		Denied: func(ctx context.Context, r *http.Request, e *entity.Error) {
			name, _ := ctx.Value(callerKey{}).(string)
			told = append(told, e.Kind.String()+" "+OperationOf(ctx).Path+" "+PathValue(ctx, "id")+" "+name)
		},
	})
	for _, c := range [][2]string{{"/required", ""}, {"/required", "Bearer ann"}, {"/required", "nonsense"}, {"/required", "Bearer newcomer"}, {"/forbidden/7", "Bearer ann"}, {"/missing/7", "Bearer ann"}, {"/nowhere", ""}} {
		call(h, "GET", c[0], "", "Authorization", c[1])
	}
	equal(t, "told", told, []string{"unauthenticated /required  ", "unauthenticated /required  ", "forbidden /required  newcomer", "forbidden /forbidden/{id} 7 ann"})
}
