package audit

import (
	"context"
	"slices"

	"stemma/entity"
)

// write appends a block to the chain of each tenant that the entries concern,
// in one transaction, and logs the entries that concern none.
func (r *Recorder) write(ctx context.Context, s entity.Store, entries []*Entry) error {
	concerned := make([][]entity.ID, len(entries))
	if r.tenants != nil && s != nil {
		err := s.View(ctx, func(v entity.Reader) (err error) {
			for i, e := range entries {
				if concerned[i], err = r.concerned(v, e); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	var tenants []entity.ID // in the order they come up
	blocks := map[entity.ID][]any{}
	for i, e := range entries {
		if len(concerned[i]) == 0 {
			r.logger.LogAttrs(ctx, e.level(), "audit", e.attrs()...)
		}
		for _, t := range concerned[i] {
			if blocks[t] == nil {
				tenants = append(tenants, t)
			}
			blocks[t] = append(blocks[t], e.properties())
		}
	}
	if len(tenants) == 0 {
		return nil
	}
	_, err := s.Update(ctx, entity.Actor{UserID: "system", Method: entity.MethodSystem}, func(tx entity.Tx) error {
		for _, t := range tenants {
			if _, err := tx.Append(t, Chain, entity.Any, entity.Properties{"entries": blocks[t]}); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

// concerned are the tenants that an entry is for, each once: those of the
// target, and where it is of none those of the principal and of whom it acted
// for. So no tenant reads of what one of its members was refused in another. An
// entity that is not there has none.
func (r *Recorder) concerned(v entity.Reader, e *Entry) (tenants []entity.ID, err error) {
	for i, id := range []entity.ID{e.Target, e.Principal, e.By} {
		if id == "" {
			continue
		}
		if i > 0 && e.Target != "" && len(tenants) > 0 {
			break
		}
		more, err := r.tenants(v, id)
		if err != nil && entity.KindOf(err) != entity.KindNotFound {
			return nil, err
		}
		for _, t := range more {
			if !slices.Contains(tenants, t) {
				tenants = append(tenants, t)
			}
		}
	}
	return tenants, nil
}
