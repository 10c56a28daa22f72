package usage

import (
	"stemma/api/recorder/run"
	"stemma/entity"
)

// Source is how what is counted came here. The zero value is all of it.
type Source string

// The sources.
const (
	Gateway  Source = "gateway"  // agents' turns
	Recorder Source = "recorder" // runs that a recorder was told of, or that its proxy saw
)

// Of are the scopes of tenants, without those of tenants below them.
func (s Source) Of(r entity.Reader, tenants []entity.ID) (all []Scope, err error) {
	if s != Recorder {
		all = Tenants(tenants)
	}
	if s == Gateway {
		return all, nil
	}
	for _, id := range tenants {
		collection, err := run.CollectionOf(r, id)
		if err != nil {
			return nil, err
		}
		if collection != "" {
			all = append(all, Recordings(collection))
		}
	}
	return all, nil
}

// OfAll are the scopes of everybody.
func (s Source) OfAll() []Scope {
	switch s {
	case Gateway:
		return []Scope{All()}
	case Recorder:
		return []Scope{AllRecorded()}
	}
	return []Scope{All(), AllRecorded()}
}
