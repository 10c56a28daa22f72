package versions

import "stemma/entity"

// LastLive finds what a restore of a deleted entity brings back: the version
// that its tombstone names. tip is the entity's tip.
//
// The error is KindInvalid when the entity is not deleted, and when the
// tombstone names another tombstone; then any live version of the history can
// still be brought back by [Revert].
func LastLive(r Reader, tip *entity.Manifest) (*entity.Version, error) {
	const op = "versions.LastLive"
	stone, ok := tip.Tombstone()
	if !ok {
		return nil, entity.Invalid(op, "entity %s is not deleted; there is nothing to restore", tip.ID)
	}
	v, err := At(r, tip.ID, stone.OriginalVer)
	if err != nil {
		return nil, err
	}
	if v.Manifest.Deleted() {
		return nil, entity.Invalid(op, "the tombstone of entity %s names version %d, which is a tombstone too; restore a live version of its history instead", tip.ID, stone.OriginalVer)
	}
	return v, nil
}

// At reads a version of an entity by its number. KindNotFound.
func At(r Reader, id entity.ID, ver int64) (*entity.Version, error) {
	c, err := r.VersionAt(id, ver)
	if err != nil {
		return nil, err
	}
	m, err := r.Manifest(c)
	if err != nil {
		return nil, err
	}
	return &entity.Version{CID: c, Manifest: m}, nil
}

// Revert is the edit that gives the next version the content of target: its
// type, properties and relationships, copied. The history goes on; nothing in
// it is lost. The edit's error is KindInvalid when target is a tombstone or of
// another entity.
func Revert(target *entity.Manifest) func(*entity.Manifest) error {
	return func(m *entity.Manifest) error {
		const op = "versions.Revert"
		if target.ID != m.ID {
			return entity.Invalid(op, "version %d is of entity %s, not of %s", target.Ver, target.ID, m.ID)
		}
		if target.Deleted() {
			return entity.Invalid(op, "version %d of entity %s is a tombstone; name a version that is not", target.Ver, target.ID)
		}
		content := target.Clone()
		m.Type, m.Properties, m.Relationships = content.Type, content.Properties, content.Relationships
		return nil
	}
}
