package scope

import (
	"cmp"
	"slices"

	"stemma/entity"
	"stemma/entity/access"
)

// row is a policy on disk.
type row struct {
	_          struct{} `cbor:",toarray"`
	Type       string
	Ver        int64
	Visibility string
	Above      []entity.ID
	Roles      map[string][]access.Action // empty: the type's defaults
	Bound      []bound
	Groups     []entity.ID
}

type bound struct {
	_       struct{} `cbor:",toarray"`
	Who     entity.ID
	Role    string
	Expires int64
}

func encode(p *access.Policy) ([]byte, error) {
	r := row{Type: p.Type, Ver: p.Ver, Visibility: p.Visibility, Above: p.Above, Groups: p.Groups}
	if !p.HasDefaultRoles() {
		r.Roles = p.Roles
	}
	for who, list := range p.Bound {
		for _, b := range list {
			r.Bound = append(r.Bound, bound{Who: who, Role: b.Role, Expires: b.Expires})
		}
	}
	slices.SortFunc(r.Bound, func(a, b bound) int {
		return cmp.Or(cmp.Compare(a.Who, b.Who), cmp.Compare(a.Role, b.Role), cmp.Compare(a.Expires, b.Expires))
	})
	block, _, err := entity.EncodeBlock(r)
	return block, err
}

func (x *Index) decode(id entity.ID, value []byte) (*access.Policy, error) {
	var r row
	if err := entity.DecodeBlock(value, &r); err != nil {
		return nil, entity.Internal("scope.Load", err)
	}
	p := &access.Policy{ID: id, Type: r.Type, Ver: r.Ver, Visibility: r.Visibility, Above: r.Above, Roles: r.Roles, Groups: r.Groups}
	if len(p.Roles) == 0 {
		p.Roles = x.defaults(p.Type)
	}
	if len(r.Bound) > 0 {
		p.Bound = make(map[entity.ID][]access.Binding, len(r.Bound))
	}
	for _, b := range r.Bound {
		p.Bound[b.Who] = append(p.Bound[b.Who], access.Binding{Role: b.Role, Expires: b.Expires})
	}
	return p, nil
}
