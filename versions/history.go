package versions

import (
	"iter"

	"stemma/entity"
)

// Reader is what this package reads of a store; [entity.Reader] is one.
type Reader interface {
	// Head reads an entity's current state. KindNotFound.
	Head(entity.ID) (entity.Head, error)
	// Manifest reads a version by its CID. KindNotFound.
	Manifest(entity.CID) (*entity.Manifest, error)
	// VersionAt is one look-up however long the history. KindNotFound.
	VersionAt(id entity.ID, ver int64) (entity.CID, error)
	// History yields versions, newest first, from version from (0: the tip).
	History(id entity.ID, from int64) iter.Seq2[entity.VersionRef, error]
}

// Bounds on a page of history.
const (
	DefaultLimit = 10
	MaxLimit     = 1000
)

// Info is one version in a list.
type Info struct {
	Ver      int64        `json:"ver"`
	CID      entity.CID   `json:"cid"`
	TS       string       `json:"ts"` // entity.TimeLayout
	EditedBy entity.Actor `json:"edited_by"`
	Note     string       `json:"note,omitempty"`
}

// Page is a part of a history, newest first.
type Page struct {
	Versions []Info
	HasMore  bool
	Next     entity.CID // where the next page begins; undefined on the last one
}

// History reads at most limit versions of an entity, newest first, from the
// version from, which is part of the page; undefined means the tip.
//
// The error is KindInvalid for a limit outside 1 to [MaxLimit] and for a from
// of another entity, KindNotFound for an unknown entity or version.
func History(r Reader, id entity.ID, from entity.CID, limit int) (Page, error) {
	const op = "versions.History"
	if limit < 1 || limit > MaxLimit {
		return Page{}, entity.Invalid(op, "limit %d; a page holds 1 to %d versions", limit, MaxLimit)
	}
	start := int64(0)
	if from.Defined() {
		v, err := find(r, op, id, from)
		if err != nil {
			return Page{}, err
		}
		start = v.Manifest.Ver
	} else if _, err := r.Head(id); err != nil {
		return Page{}, err
	}
	page := Page{Versions: make([]Info, 0, min(limit, 64))}
	for ref, err := range r.History(id, start) {
		if err != nil {
			return Page{}, err
		}
		if len(page.Versions) == limit {
			page.HasMore, page.Next = true, ref.CID
			break
		}
		m, err := r.Manifest(ref.CID)
		if err != nil {
			return Page{}, err
		}
		page.Versions = append(page.Versions, Info{Ver: m.Ver, CID: ref.CID, TS: entity.FormatMillis(m.TS), EditedBy: m.EditedBy, Note: m.Note})
	}
	return page, nil
}

// find reads the version of id that c names and makes sure that it is one.
func find(r Reader, op string, id entity.ID, c entity.CID) (*entity.Version, error) {
	m, err := r.Manifest(c)
	if err != nil {
		return nil, unknown(op, id, c, err)
	}
	if m.ID != id {
		return nil, entity.Invalid(op, "%s is a version of entity %s, not of %s; name one of its own versions", c, m.ID, id)
	}
	at, err := r.VersionAt(id, m.Ver)
	if err != nil {
		return nil, unknown(op, id, c, err)
	}
	if at != c {
		return nil, unknown(op, id, c, nil)
	}
	return &entity.Version{CID: c, Manifest: m}, nil
}

// unknown says that c is no version of id when that is what err means, and
// hands on every other error.
func unknown(op string, id entity.ID, c entity.CID, err error) error {
	if err != nil && entity.KindOf(err) != entity.KindNotFound {
		return err
	}
	e := entity.NotFound(op, "entity %s has no version %s", id, c)
	e.Err = err
	return e
}
