package entity

// TombstoneKey is the one property of a deleted entity's manifest.
const TombstoneKey = "_tombstone"

// Tombstone says what a deleted entity's manifest records.
type Tombstone struct {
	DeletedAt   string // TimeLayout
	DeletedBy   ID
	Reason      string // "" for none
	OriginalVer int64  // the last live version
}

// Bury turns m, a copy of the live tip, into a tombstone: its properties and
// relationships are cleared. The history stays reachable through prev.
func (m *Manifest) Bury(t Tombstone) {
	stone := Properties{
		"deleted_at":   t.DeletedAt,
		"deleted_by":   string(t.DeletedBy),
		"original_ver": t.OriginalVer,
	}
	if t.Reason != "" {
		stone["reason"] = t.Reason
	}
	m.Properties = Properties{TombstoneKey: stone}
	m.Relationships = []Relationship{}
}

// Tombstone reads what [Manifest.Bury] wrote; ok is false for a live entity.
func (m *Manifest) Tombstone() (t Tombstone, ok bool) {
	stone, ok := m.Properties[TombstoneKey].(map[string]any)
	if !ok {
		return t, false
	}
	t.DeletedAt, _ = stone["deleted_at"].(string)
	by, _ := stone["deleted_by"].(string)
	t.DeletedBy = ID(by)
	t.Reason, _ = stone["reason"].(string)
	t.OriginalVer, _ = stone["original_ver"].(int64)
	return t, true
}

// Deleted tells whether m is a tombstone.
func (m *Manifest) Deleted() bool {
	_, ok := m.Properties[TombstoneKey].(map[string]any)
	return ok
}

// tombstone keeps the key to itself: a manifest that has it is a tombstone, of
// some version before, and nothing else.
func (c *checker) tombstone(m *Manifest) {
	if _, ok := m.Properties[TombstoneKey]; !ok {
		return
	}
	t, ok := m.Tombstone()
	if !ok || len(m.Properties) > 1 || len(m.Relationships) > 0 || t.OriginalVer < 1 || t.OriginalVer >= m.Ver {
		c.add("is written by deleting an entity, not by hand", "properties", TombstoneKey)
	}
}
