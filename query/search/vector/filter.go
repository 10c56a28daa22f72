package vector

import "stemma/entity"

// plain is the part of a filter that is about names, as tables by number. It is
// read by many goroutines.
type plain struct {
	types, collections []bool // nil: any
}

func (r *rows) plain(f Filter) plain {
	var p plain
	if f.Types != nil {
		p.types = make([]bool, len(r.types.list))
		for _, t := range f.Types {
			if i, ok := r.types.number[t]; ok {
				p.types[i] = true
			}
		}
	}
	if f.Collections != nil {
		p.collections = make([]bool, len(r.collections.list))
		for _, c := range f.Collections {
			if i, ok := r.collections.number[string(c)]; ok {
				p.collections[i] = true
			}
		}
	}
	return p
}

func (p plain) passes(c *chunk, i int) bool {
	return (p.types == nil || p.types[c.types[i]]) && (p.collections == nil || p.collections[c.collections[i]])
}

// verdicts remember what a Visibility says of types and collections, for one
// query and one goroutine.
type verdicts struct {
	rows    *rows
	visible entity.Visibility
	apart   []verdict
	scope   []verdict
}

type verdict uint8

const (
	unasked verdict = iota
	no
	yes
	each // has to be asked about one by one
)

// reset makes v ready for a query.
func (v *verdicts) reset(r *rows, visible entity.Visibility) {
	v.rows, v.visible = r, visible
	if visible == nil {
		return
	}
	v.apart = blank(v.apart, len(r.types.list))
	v.scope = blank(v.scope, len(r.collections.list))
}

func blank(s []verdict, n int) []verdict {
	if cap(s) < n {
		return make([]verdict, n, n+n/2)
	}
	s = s[:n]
	clear(s)
	return s
}

// sees decides about the row at a position.
func (v *verdicts) sees(i int) bool {
	if v.visible == nil {
		return true
	}
	c, j := v.rows.chunks[i/chunkRows], i%chunkRows
	typ, col := c.types[j], c.collections[j]
	if v.apart[typ] == unasked {
		v.apart[typ] = no
		if v.visible.Apart(v.rows.types.list[typ]) {
			v.apart[typ] = each
		}
	}
	decided := v.apart[typ]
	if decided != each {
		if v.scope[col] == unasked {
			v.scope[col] = sight(v.visible.Scope(entity.ID(v.rows.collections.list[col])))
		}
		decided = v.scope[col]
	}
	if decided == each {
		return v.visible.Sees(c.ids[j], v.rows.types.list[typ], entity.ID(v.rows.collections.list[col]))
	}
	return decided == yes
}

func sight(s entity.Sight) verdict {
	switch s {
	case entity.SightAll:
		return yes
	case entity.SightSome:
		return each
	default:
		return no
	}
}
