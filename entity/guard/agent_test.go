package guard_test

import (
	"maps"
	"testing"

	"stemma/entity"
	"stemma/entity/guard"
)

// What may become of an agent, by whoever may edit it: the state before, what is
// set ("": removed), and the state after, nil for a refusal.
func TestAgentTransitions(t *testing.T) {
	w := newWorld(t)
	type props = entity.Properties
	const a, b, at = "https://a.example", "https://b.example", "2026-01-01T00:00:00.000Z"
	fresh := props{"label": "x", "endpoint": a, "status": "development"}
	with := func(p, more props) props {
		out := maps.Clone(p)
		for k, v := range more {
			if out[k] = v; v == "" {
				delete(out, k)
			}
		}
		return out
	}
	proven := with(fresh, props{"endpoint_verified_at": at})
	active := with(proven, props{"status": "active"})
	for _, c := range []struct {
		name        string
		before, set props
		vouched     bool
		after       props
	}{
		{"a label", active, props{"label": "y"}, false, with(active, props{"label": "y"})},
		{"verified by hand", fresh, props{"endpoint_verified_at": at}, false, nil},
		{"verified by the server", fresh, props{"endpoint_verified_at": at}, true, proven},
		{"active at once", fresh, props{"status": "active"}, false, nil},
		{"active", proven, props{"status": "active"}, false, active},
		{"at another time", active, props{"endpoint_verified_at": "2027-01-01T00:00:00.000Z"}, false, nil},
		{"not verified any more", active, props{"endpoint_verified_at": ""}, false, nil},
		{"not verified, and not active", active, props{"endpoint_verified_at": "", "status": "disabled"}, false, with(fresh, props{"status": "disabled"})},
		{"another endpoint", active, props{"endpoint": b}, false, with(fresh, props{"endpoint": b})},
		{"another endpoint, verified by hand", active, props{"endpoint": b, "endpoint_verified_at": "2027-01-01T00:00:00.000Z"}, false, with(fresh, props{"endpoint": b})},
		{"another endpoint, of a disabled one", with(active, props{"status": "disabled"}), props{"endpoint": b}, false, with(fresh, props{"endpoint": b, "status": "disabled"})},
		{"no endpoint", active, props{"endpoint": ""}, false, with(fresh, props{"endpoint": ""})},
		{"an endpoint that is no URL", active, props{"endpoint": "a"}, false, nil},
		{"an endpoint that is a number", active, props{"endpoint": int64(7)}, false, nil},
		{"a status there is not", active, props{"status": "retired"}, false, nil},
		{"actions that are none", active, props{"actions_required": []any{"*:update"}}, false, nil},
		{"actions that are text", active, props{"actions_required": "entity:view"}, false, nil},
		{"uses itself", active, props{"uses_agents": []any{props{"pi": "me"}}}, false, nil},
		{"a schema that is text", active, props{"input_schema": "{}"}, false, nil},
	} {
		id := entity.ID("")
		if _, err := w.store.Update(t.Context(), entity.Actor{UserID: w.who["operator"].ID, Method: entity.MethodSystem}, func(tx entity.Tx) error {
			v, err := tx.Create(entity.Draft{Type: entity.TypeAgent, Properties: maps.Clone(c.before)})
			if err == nil {
				id = v.Manifest.ID
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		var got props
		err := w.update("operator", func(tx *guard.Tx) error {
			if _, err := tx.Allowed("agent:update", id); err != nil {
				return err
			}
			if c.vouched {
				tx.Vouch(id)
			}
			v, err := tx.Put(id, entity.Any, func(m *entity.Manifest) error {
				m.Properties = with(m.Properties, c.set)
				return nil
			})
			if err == nil {
				got = v.Manifest.Properties
			}
			return err
		})
		switch {
		case c.after == nil && entity.KindOf(err) != entity.KindInvalid || c.after == nil && err == nil:
			t.Errorf("%s: %v", c.name, err)
		case c.after != nil && (err != nil || !entity.EqualValues(got, c.after)):
			t.Errorf("%s: %v, want %v: %v", c.name, got, c.after, err)
		}
	}
}

// The record of a job is made by the server, and its part of it stays.
func TestJobRecords(t *testing.T) {
	w := newWorld(t)
	draft := entity.Draft{Type: entity.TypeAgentJob, Properties: entity.Properties{"agent": "a", "status": "pending"}}
	err := w.update("operator", func(tx *guard.Tx) error { _, err := tx.Create(draft); return err })
	if err == nil || entity.KindOf(err) != entity.KindInvalid {
		t.Errorf("made by hand: %v", err)
	}
	var id entity.ID
	err = w.update("operator", func(tx *guard.Tx) error {
		id = tx.NewID()
		draft.ID = id
		tx.Vouch(id)
		_, err := tx.Create(draft)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, ok := range map[string]bool{"note": true, "status": false, "agent": false, "input_sha256": false, "completed_at": false} {
		err := w.update("operator", func(tx *guard.Tx) error {
			if _, err := tx.Allowed("entity:update", id); err != nil {
				return err
			}
			_, err := tx.Put(id, entity.Any, func(m *entity.Manifest) error { m.Properties[name] = "other"; return nil })
			return err
		})
		if (err == nil) != ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
