package guard_test

import (
	"testing"

	"stemma/entity"
	"stemma/entity/guard"
)

// What the server writes of a type is changed by it alone, made, ended and
// brought back; what the operator may write too, nobody else may.
func TestRecords(t *testing.T) {
	w := newWorld(t, "ann")
	for _, c := range []struct {
		typ, property string
		made, ended   bool // by whoever may
		operator      bool // may write it
	}{
		{entity.TypeAgentJob, "status", false, true, false},
		{"invite", "use_count", false, false, false},
		{"invite", "expires_at", false, false, false},
		{"api_key", "status", false, false, false},
		{"run", "content_hold", true, true, false},
		{"session", "held_runs", true, true, false},
		{entity.TypeCollection, "content_hold", true, true, false},
		{entity.TypeTenant, "status", true, true, true},
		{entity.TypeTenant, "org_slug", true, true, true},
	} {
		name := c.typ + " " + c.property
		owner := entity.Relationship{Predicate: "owner", Peer: w.who["ann"].ID, PeerType: entity.TypeUser}
		draft := entity.Draft{Type: c.typ, Properties: entity.Properties{"label": "x"}}
		if c.typ == entity.TypeTenant || c.typ == entity.TypeCollection {
			draft.Relationships = []entity.Relationship{owner}
		}
		if err := w.update("ann", func(tx *guard.Tx) error { _, err := tx.Create(draft); return err }); (err == nil) != c.made {
			t.Errorf("%s made by Ann: %v", name, err)
		}
		draft.Properties = entity.Properties{"label": "x", c.property: "first"}
		if err := w.update("ann", func(tx *guard.Tx) error { _, err := tx.Create(draft); return err }); entity.KindOf(err) != entity.KindInvalid {
			t.Errorf("%s made by Ann with the server's part: %v", name, err)
		}
		var id entity.ID
		if err := w.update("ann", func(tx *guard.Tx) error {
			id = tx.NewID()
			draft.ID = id
			tx.Vouch(id)
			_, err := tx.Create(draft)
			return err
		}); err != nil {
			t.Fatal(name, err)
		}
		put := func(who string, edit func(*entity.Manifest)) error {
			return w.update(who, func(tx *guard.Tx) error {
				if _, err := tx.Allowed("entity:update", id); err != nil {
					return err
				}
				_, err := tx.Put(id, entity.Any, func(m *entity.Manifest) error { edit(m); return nil })
				return err
			})
		}
		if err := put("ann", func(m *entity.Manifest) { m.Properties["note"] = "x" }); err != nil {
			t.Errorf("%s: a note: %v", name, err)
		}
		if err := put("ann", func(m *entity.Manifest) { m.Properties[c.property] = "other" }); entity.KindOf(err) != entity.KindInvalid {
			t.Errorf("%s changed by Ann: %v", name, err)
		}
		if err := put("ann", func(m *entity.Manifest) { delete(m.Properties, c.property) }); entity.KindOf(err) != entity.KindInvalid {
			t.Errorf("%s taken away by Ann: %v", name, err)
		}
		if err := put("operator", func(m *entity.Manifest) { m.Properties[c.property] = "other" }); (err == nil) != c.operator {
			t.Errorf("%s changed by the operator: %v", name, err)
		}
		before := []any{}
		bury := func(m *entity.Manifest) {
			before = append(before, m.Properties[c.property])
			m.Bury(entity.Tombstone{DeletedAt: entity.FormatTime(w.clock.Now()), DeletedBy: w.who["ann"].ID, OriginalVer: m.Ver})
		}
		if err := put("ann", bury); (err == nil) != c.ended {
			t.Errorf("%s ended by Ann: %v", name, err)
		}
		if !c.ended {
			continue
		}
		back := func(value any) error {
			return put("ann", func(m *entity.Manifest) {
				m.Properties, m.Relationships = entity.Properties{"label": "x", c.property: value}, append([]entity.Relationship{}, draft.Relationships...)
			})
		}
		if err := back("another"); entity.KindOf(err) != entity.KindInvalid {
			t.Errorf("%s brought back as it was not: %v", name, err)
		}
		if err := back(before[0]); err != nil {
			t.Errorf("%s brought back as it was: %v", name, err)
		}
	}
}
