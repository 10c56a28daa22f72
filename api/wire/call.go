package wire

import (
	"context"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"stemma/entity"
)

// Call runs the operation from inside the server, as a request of ctx's caller
// on ctx's network would: in has by name what a request has in its path, query
// and body, in the form of [Operation.InputSchema]. Values are those of
// [entity.ParseJSON] and become the handler's. What a request would be refused
// for is refused here, and so is a member that nothing takes, which a request
// may have; refusals are told to [Options.Denied] of the request that ctx is of.
// That ctx's caller may come in at all was decided when that one came in.
func (op *Operation) Call(ctx context.Context, in map[string]any) (*Reply, error) {
	if op.call == nil {
		return nil, entity.Errorf(entity.KindNotImplemented, "wire.Call", "%s %s is for requests only", op.Method, op.Path)
	}
	reply, err := op.call(ctx, in)
	if m := metaOf(ctx); err != nil && m != nil {
		m.tellDenied(ctx, &http.Request{Header: m.from.header}, err)
	}
	if err == nil && reply != nil && reply.Stream != nil {
		return nil, entity.Errorf(entity.KindNotImplemented, "wire.Call", "%s %s answers a stream, which is for requests only", op.Method, op.Path)
	}
	return reply, err
}

// bindCall is bind for what does not come from a request.
func (p *plan) bindCall(in map[string]any, dst reflect.Value) error {
	if p.upload != nil || p.whole != nil {
		return entity.Errorf(entity.KindNotImplemented, "wire.Call", "a body without named members is for requests only")
	}
	var b binder
	outside := &node{kind: kindStruct, fields: p.outside()}
	b.members(outside, in, dst)
	known := outside.fields
	if p.body != nil {
		b.members(p.body, in, dst)
		known = slices.Concat(known, p.body.fields)
	}
	for _, f := range p.header {
		b.fallback(f, dst)
	}
	for name := range in {
		if !slices.ContainsFunc(known, func(f *field) bool { return slices.Contains(f.names(), name) }) {
			b.addAt(name, "is not known here; there are "+strings.Join(firstNames(known), ", "))
		}
	}
	return b.err()
}

// outside are the fields in path and query, without those that the body has too.
func (p *plan) outside() (out []*field) {
	for _, f := range slices.Concat(p.path, p.query) {
		same := func(g *field) bool { return slices.Contains(g.names(), f.name) }
		if p.body == nil || !slices.ContainsFunc(p.body.fields, same) {
			out = append(out, f)
		}
	}
	return out
}

func firstNames(fields []*field) (names []string) {
	for _, f := range fields {
		names = append(names, f.name)
	}
	return names
}

// InputSchema is the JSON schema of what [Operation.Call] takes: an object, with
// each member under its first name.
func (op *Operation) InputSchema() ([]byte, error) {
	s := newSchemas()
	s.at = "#/$defs/"
	var props object
	required := []any{}
	if op.in != nil {
		fields := op.in.outside()
		if op.in.body != nil {
			fields = slices.Concat(fields, op.in.body.fields)
		}
		for _, f := range fields {
			props = append(props, member{f.name, s.request(f.node, &f.rules).with("description", f.rules.doc)})
			if f.rules.required {
				required = append(required, f.name)
			}
		}
	}
	schema := typed("object").with("properties", props).with("required", required).with("additionalProperties", false)
	if defs := s.components(); len(defs) > 0 {
		schema = schema.with("$defs", defs)
	}
	return Append(nil, schema)
}
