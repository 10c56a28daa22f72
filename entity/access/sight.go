package access

import (
	"cmp"
	"strings"
	"time"

	"stemma/entity"
)

// Sight is what a principal may view: an [entity.Visibility].
type Sight struct {
	who  Principal
	at   time.Time
	look Lookup
	err  error
}

// NewSight is what the principal may view at a time. It is used by one
// goroutine; [Sight.Err] tells what look failed with, if it did: what could not
// be decided is hidden.
func NewSight(p Principal, at time.Time, look Lookup) *Sight {
	return &Sight{who: p, at: at, look: look}
}

// Err is the first error of the look-ups.
func (s *Sight) Err() error { return s.err }

func (s *Sight) failed(err error) bool {
	if err != nil && s.err == nil {
		s.err = err
	}
	return err != nil
}

// Everything tells that the principal may view whatever there is.
func (s *Sight) Everything() bool { return s.who.System && s.who.Scopes == nil }

// Scope implements [entity.Visibility].
func (s *Sight) Scope(collection entity.ID) entity.Sight {
	var t target
	err := t.init(entity.Head{Collection: collection}, s.at, s.look)
	if s.failed(err) {
		return entity.SightNone
	}
	all, some := s.who.System || t.public(), false
	if !all {
		err = t.roles(s.who, func(l level, role string) bool {
			all = granted(l.Roles[role], BaseType, "view")
			some = some || mentions(l.Roles[role], "view")
			return !all
		})
		if s.failed(err) {
			return entity.SightNone
		}
	}
	switch {
	case all && (s.who.Scopes == nil || granted(s.who.Scopes, BaseType, "view")):
		return entity.SightAll
	case (all || some) && (s.who.Scopes == nil || mentions(s.who.Scopes, "view")):
		return entity.SightSome
	}
	return entity.SightNone
}

// mentions tells whether some type's verb is granted.
func mentions(patterns []Action, verb string) bool {
	for _, p := range patterns {
		if typ, _ := p.split(); granted([]Action{p}, cmp.Or(strings.TrimSuffix(typ, Any), BaseType), verb) {
			return true
		}
	}
	return false
}

// Apart implements [entity.Visibility].
func (s *Sight) Apart(typ string) bool { return Own(typ) }

// Sees implements [entity.Visibility].
func (s *Sight) Sees(id entity.ID, typ string, collection entity.ID) bool {
	d, err := Decide(s.who, "entity:view", entity.Head{ID: id, Type: typ, Collection: collection}, s.at, s.look)
	return !s.failed(err) && d.Allowed
}
