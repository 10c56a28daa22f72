package wire

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// Operation is a row of a view's table: one method on one path, what it takes
// and answers, and who may call it. Rows are made by [Op] and [Handle].
type Operation struct {
	Method, Path string // Path in chi's form: /entities/{id}, /proxy/*
	ID           string // unique within a document: getEntity
	Tag          string // the group in the documents
	Summary      string // one line
	Description  string // Markdown
	Permission   string // the action that is checked, like entity:view; "" for none
	Auth         Auth
	BearerKeys   bool // an API key may come as "Authorization: Bearer uk_…" too
	Reads        bool // changes nothing, though its method is not GET: a read-only server answers it
	Success      []Success
	Errors       []int     // statuses beyond those every such operation has
	Hidden       bool      // served, not documented
	KeyInPath    bool      // its path may hold a credential: logs have the pattern in its place
	MaxBody      int64     // bytes of a body; 0: the router's limit; -1: none, for body:"raw" only
	BodyTypes    []string  // of a body:"raw", for the documents; none: application/octet-stream
	ErrorBody    ErrorBody // how its view renders errors; nil: the router's

	serve func(ctx context.Context, x *exchange, r *http.Request) (*Reply, error)
	call  func(ctx context.Context, in map[string]any) (*Reply, error)
	raw   http.Handler
	in    *plan
	after *afterwards
}

// Success is one good answer of an operation.
type Success struct {
	Status      int
	Body        any    // a zero value of the answer's Go type, for its schema; nil for none
	ContentType string // "": application/json
	Description string // "": the status's text
}

// writes tells whether the operation may change something.
func (op *Operation) writes() bool {
	return !op.Reads && op.Method != http.MethodGet && op.Method != http.MethodHead && op.Method != http.MethodOptions
}

// Op makes a row out of a function. In is a struct with the tags described in
// the package comment. It panics when a tag is wrong: tables are built at start.
func Op[In any](op Operation, h func(ctx context.Context, in *In) (*Reply, error)) Operation {
	op.check()
	p := compile(op, reflect.TypeFor[In]())
	op.in, op.after = p, &afterwards{}
	done := op.after
	op.serve = func(ctx context.Context, x *exchange, r *http.Request) (*Reply, error) {
		in := new(In)
		if err := p.bind(x, r, reflect.ValueOf(in).Elem()); err != nil {
			return nil, err
		}
		return done.run(ctx, reflect.ValueOf(in).Elem(), p, func() (*Reply, error) { return h(ctx, in) })
	}
	op.call = func(ctx context.Context, args map[string]any) (*Reply, error) {
		in := new(In)
		if err := p.bindCall(args, reflect.ValueOf(in).Elem()); err != nil {
			return nil, err
		}
		return done.run(ctx, reflect.ValueOf(in).Elem(), p, func() (*Reply, error) { return h(ctx, in) })
	}
	return op
}

// Handle makes a row out of an http.Handler that decodes and answers by
// itself: metrics, a proxy, static files. The router still checks who calls.
func Handle(op Operation, h http.Handler) Operation {
	op.check()
	op.raw = h
	return op
}

var pathParam = regexp.MustCompile(`\{([^}:]+)(?::[^}]*)?\}|\*`)

// pathParams are the names in a path, "*" for the rest.
func (op *Operation) pathParams() []string {
	var names []string
	for _, m := range pathParam.FindAllStringSubmatch(op.Path, -1) {
		if m[1] == "" {
			m[1] = "*"
		}
		names = append(names, m[1])
	}
	return names
}

var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

// check panics when the row itself is wrong; the input is checked by compile.
func (op *Operation) check() {
	fail := func(format string, args ...any) {
		panic(fmt.Sprintf("wire: operation %s %s: ", op.Method, op.Path) + fmt.Sprintf(format, args...))
	}
	if !slices.Contains(methods, op.Method) {
		fail("the method must be one of %s", strings.Join(methods, ", "))
	}
	if !strings.HasPrefix(op.Path, "/") {
		fail("the path must begin with a slash")
	}
	if op.ID == "" && !op.Hidden {
		fail("a documented operation needs an ID")
	}
	for _, s := range op.Success {
		if s.Status < 100 || s.Status > 399 {
			fail("status %d is not a success", s.Status)
		}
		if s.Body != nil {
			checkEncodable(reflect.TypeOf(s.Body))
		}
	}
}
