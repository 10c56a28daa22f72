package wire

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"stemma/entity"
)

// Given is a member of an input that a request had. Value is there of what cannot be
// a secret: an identifier, a number, a truth, one of the words that there are.
type Given struct{ Name, Value string }

// String is the name, with the value where there is one.
func (g Given) String() string {
	if g.Value == "" {
		return g.Name
	}
	return g.Name + "=" + g.Value
}

// afterwards is who is told of an operation. Copies of a row share it.
type afterwards struct {
	tell func(ctx context.Context, given []Given)
}

// After has fn told of every call of the operation that is answered well, before
// the answer leaves. It is for rows that were made by [Op], while the table is made.
func (op *Operation) After(fn func(ctx context.Context, given []Given)) { op.after.tell = fn }

// Writes tells whether the operation may change something.
func (op *Operation) Writes() bool { return op.writes() }

func (a *afterwards) run(ctx context.Context, in reflect.Value, p *plan, h func() (*Reply, error)) (*Reply, error) {
	reply, err := h()
	if err == nil && a.tell != nil {
		a.tell(ctx, p.given(in))
	}
	return reply, err
}

// given are the members of path and body that are not empty, or are required, in
// order.
func (p *plan) given(in reflect.Value) (all []Given) {
	fields := p.path
	if p.body != nil {
		fields = slices.Concat(fields, p.body.fields)
	}
	for _, f := range fields {
		v := in.FieldByIndex(f.index)
		if v.IsZero() && !f.rules.required {
			continue
		}
		for v.Kind() == reflect.Pointer {
			v = v.Elem()
		}
		g := Given{Name: f.name}
		if f.tellable(v) {
			g.Value = fmt.Sprint(v.Interface())
		}
		all = append(all, g)
	}
	return all
}

// tellable tells whether a value cannot be a secret.
func (f *field) tellable(v reflect.Value) bool {
	n := f.node
	for n.kind == kindPointer {
		n = n.elem
	}
	switch n.kind {
	case kindID:
		_, err := entity.ParseID(v.String())
		return err == nil
	case kindText:
		return slices.Contains(f.rules.enum, strings.ToLower(v.String()))
	case kindBool, kindInt, kindFloat:
		return true
	}
	return false
}
