package native

import (
	"slices"

	"stemma/entity"
	"stemma/entity/scope"
	"stemma/query/search"
)

type searchMineIn struct {
	textIn
	Type          string `json:"type" max:"100" doc:"only entities of this type"`
	Role          string `json:"role" enum:"owner,editor,viewer" doc:"only collections that the caller has this role in"`
	IncludePublic bool   `json:"include_public" doc:"also what belongs to no collection"`
	Limit         int    `json:"limit" default:"20" min:"1" max:"100"`
}

func (in *searchMineIn) find(k *seeker) (search.Results, error) {
	mine, err := k.mine(in.Role)
	if err != nil {
		return search.Results{}, err
	}
	n := len(mine)
	k.meta.Query, k.meta.IncludePublic, k.meta.CollectionsQueried, k.meta.CollectionsTotal = in.Query, &in.IncludePublic, &n, &n
	if in.IncludePublic {
		mine = append(mine, "")
	}
	if len(mine) == 0 {
		return search.Results{}, nil
	}
	q := search.Query{Text: in.Query, Mode: search.Mode(in.Mode), Highlights: in.Highlights, Collections: mine, Members: true, Limit: in.Limit, Visible: k.visible}
	if in.Type != "" {
		q.Types = []string{in.Type}
	}
	return k.index.Search(k.ctx, q)
}

// mine are the collections that the caller has a role in, the one given or any:
// directly, through a group, or through the tenant that they belong to.
func (k *seeker) mine(role string) ([]entity.ID, error) {
	me := k.r.Principal().ID
	found := map[entity.ID]bool{}
	direct, err := k.bound(me, role)
	if err != nil {
		return nil, err
	}
	groups, err := k.bound(me, "")
	if err != nil {
		return nil, err
	}
	for _, h := range groups {
		if h.Type != entity.TypeGroup {
			continue
		}
		through, err := k.bound(h.ID, role)
		if err != nil {
			return nil, err
		}
		direct = append(direct, through...)
	}
	for _, h := range direct {
		switch h.Type {
		case entity.TypeCollection:
			found[h.ID] = true
		case entity.TypeTenant:
			for e := range k.s.graph(k.ctx, k.r).Edges(h.ID, entity.Incoming, []entity.Predicate{entity.PredicateTenant}) {
				if c, err := k.r.Head(e.From); err == nil && c.Type == entity.TypeCollection && !c.Deleted {
					found[e.From] = true
				} else if unlessKind(err, entity.KindNotFound) != nil {
					return nil, err
				}
			}
		}
	}
	ids := make([]entity.ID, 0, len(found))
	for id := range found {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids, nil
}

// bound are the scopes that somebody has a role in that holds now, the one given
// or any, as far as the caller may view them.
func (k *seeker) bound(who entity.ID, role string) (heads []entity.Head, err error) {
	now := k.r.At().UnixMilli()
	for id, err := range scope.Of(k.r, who) {
		if err != nil {
			return nil, err
		}
		h, err := k.r.Head(id)
		if err != nil || h.Deleted {
			if err = unlessKind(err, entity.KindNotFound); err != nil {
				return nil, err
			}
			continue
		}
		p, err := k.r.Policy(id)
		if err != nil {
			return nil, err
		}
		if p == nil {
			continue
		}
		for _, b := range p.Bound[who] {
			if (role == "" || b.Role == role) && (b.Expires == 0 || b.Expires > now) {
				heads = append(heads, h)
				break
			}
		}
	}
	return heads, nil
}
