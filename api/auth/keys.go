package auth

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/fxamacker/cbor/v2"

	"stemma/entity"
	"stemma/entity/access"
)

// MostKeys is how many keys a principal may have at a time.
const MostKeys = 100

// KeySpec is what a new key shall be.
type KeySpec struct {
	Form    Form // "": that of its principal's kind
	Label   string
	Scopes  []access.Action // nil: all that its maker has
	Expires time.Time       // zero: never
}

// KeyInfo is what may be known about a key.
type KeyInfo struct {
	ID       string
	Prefix   string
	Label    string
	Scopes   []access.Action
	Created  time.Time // zero when that is not known
	Expires  time.Time // zero for never
	LastUsed time.Time // zero when it was not
}

// MintKey makes a key of a principal, in the transaction at hand. maker is who
// asks for it: the key has no more scopes than the maker's credential, else
// KindForbidden, and may do everything only where the maker may and asks for
// itself. KindInvalid for a principal with [MostKeys] keys.
func (a *Authenticator) MintKey(tx entity.Tx, of entity.Head, maker access.Principal, spec KeySpec) (key string, info KeyInfo, err error) {
	const op = "auth.MintKey"
	kind, ok := kindOf(of.Type)
	if !ok {
		return "", info, entity.Invalid(op, "%s is of type %s; keys are for users, agents and services", of.ID, of.Type)
	}
	scopes, err := narrowed(spec.Scopes, maker.Scopes)
	if err != nil {
		return "", info, err
	}
	now := a.now()
	live, err := pruneKeys(tx, of.ID, now)
	if err != nil {
		return "", info, err
	}
	if live >= MostKeys {
		return "", info, entity.Invalid(op, "%s has %d keys, which is as many as there may be; revoke one first", of.ID, live)
	}
	if key, err = mintKey(cmp.Or(spec.Form, formFor(kind)), a.entropy); err != nil {
		return "", info, err
	}
	g := grant{
		User: of.ID, Owner: maker.System && maker.ID == of.ID, Kind: kind, ID: string(tx.NewID()), Prefix: Shown(key),
		Label: spec.Label, Scopes: scopes, Created: now.UnixMilli(),
	}
	if !spec.Expires.IsZero() {
		g.Expires = spec.Expires.UnixMilli()
	}
	return key, g.info(), putGrant(tx, digestOf(key), &g)
}

// kindOf is the kind of principal that entities of a type are.
func kindOf(typ string) (access.Kind, bool) {
	switch typ {
	case entity.TypeUser:
		return access.User, true
	case entity.TypeAgent:
		return access.Agent, true
	case entity.TypeService:
		return access.Service, true
	}
	return access.Anonymous, false
}

// narrowed are the scopes asked for, when those of the maker cover them; none
// asked for are the maker's.
func narrowed(asked, maker []access.Action) ([]access.Action, error) {
	if len(asked) == 0 || len(maker) == 0 {
		return slices.Concat(asked, maker), nil
	}
	for _, a := range asked {
		if !slices.ContainsFunc(maker, func(m access.Action) bool { return covers(m, a) }) {
			return nil, entity.Errorf(entity.KindForbidden, "auth.MintKey", "Forbidden: the credential that asks has no scope %s, and cannot make a key that has", a)
		}
	}
	return asked, nil
}

// covers tells whether a pattern of actions holds for all that another does. Of
// a collection "*" reaches but the view.
func covers(wide, narrow access.Action) bool {
	wideType, wideVerb, _ := strings.Cut(string(wide), ":")
	typ, verb, _ := strings.Cut(string(narrow), ":")
	anyType := wideType == "*" && (typ != entity.TypeCollection || verb == "view")
	return (anyType || wideType == typ) && (wideVerb == "*" || wideVerb == verb)
}

// pruneKeys drops a principal's expired keys and counts the others.
func pruneKeys(tx entity.Tx, id entity.ID, now time.Time) (live int, err error) {
	all, err := keysOf(tx, id)
	if err != nil {
		return 0, err
	}
	kept := all[:0:0]
	for _, d := range all {
		g, err := grantOf(tx, d)
		if err != nil {
			return 0, err
		}
		if g == nil || g.expired(now) {
			dropKey(tx, d)
			continue
		}
		kept = append(kept, d)
	}
	if len(kept) == len(all) {
		return len(kept), nil
	}
	return len(kept), putKeys(tx, id, kept)
}

func dropKey(tx entity.Tx, d digest) {
	tx.DeleteSecret(secretName(keySpace, d))
	tx.DeleteSecret(secretName(keyUseSpace, d))
}

func (g *grant) info() KeyInfo {
	i := KeyInfo{ID: g.ID, Prefix: g.Prefix, Label: g.Label, Scopes: g.Scopes}
	if i.ID == "" {
		i.ID = g.Prefix
	}
	if g.Created != 0 {
		i.Created = time.UnixMilli(g.Created)
	}
	if g.Expires != 0 {
		i.Expires = time.UnixMilli(g.Expires)
	}
	return i
}

// Keys are the keys of a principal that hold, oldest first.
func (a *Authenticator) Keys(r entity.Reader, id entity.ID) (out []KeyInfo, err error) {
	all, err := keysOf(r, id)
	if err != nil {
		return nil, err
	}
	for _, d := range all {
		g, err := grantOf(r, d)
		if err != nil {
			return nil, err
		}
		if g == nil || g.expired(a.now()) {
			continue
		}
		info := g.info()
		if info.LastUsed, err = lastUse(r, d); err != nil {
			return nil, err
		}
		if at := a.uses.lastOf(r.Network(), d); at.After(info.LastUsed) {
			info.LastUsed = at
		}
		out = append(out, info)
	}
	return out, nil
}

func lastUse(r entity.Reader, d digest) (time.Time, error) {
	b, err := r.Secret(secretName(keyUseSpace, d))
	if err != nil || b == nil {
		return time.Time{}, err
	}
	var ms int64
	if err := cbor.Unmarshal(b, &ms); err != nil {
		return time.Time{}, entity.Internal("auth.lastUse", err)
	}
	return time.UnixMilli(ms), nil
}

// RevokeKey ends the key of a principal that begins with prefix, and gives what
// lists showed of it. KindNotFound when there is none, KindExists when there
// are several.
func (a *Authenticator) RevokeKey(tx entity.Tx, id entity.ID, prefix string) (shown string, err error) {
	const op = "auth.RevokeKey"
	all, err := keysOf(tx, id)
	if err != nil {
		return "", err
	}
	found := -1
	for i, d := range all {
		g, err := grantOf(tx, d)
		if err != nil {
			return "", err
		}
		if g == nil || !strings.HasPrefix(g.Prefix, prefix) {
			continue
		}
		if found >= 0 {
			return "", entity.Errorf(entity.KindExists, op, "several keys begin with %s; give the characters that the list shows", prefix)
		}
		found, shown = i, g.Prefix
	}
	if found < 0 {
		return "", entity.NotFound(op, "no key begins with %s", prefix)
	}
	dropKey(tx, all[found])
	return shown, putKeys(tx, id, slices.Delete(all, found, found+1))
}

// RevokeKeyByID ends the key of a principal that has the id which [KeyInfo] gave.
// KindNotFound when there is none, or no longer.
func (a *Authenticator) RevokeKeyByID(tx entity.Tx, id entity.ID, key string) error {
	all, err := keysOf(tx, id)
	if err != nil {
		return err
	}
	for i, d := range all {
		g, err := grantOf(tx, d)
		if err != nil {
			return err
		}
		if g != nil && g.ID == key {
			dropKey(tx, d)
			return putKeys(tx, id, slices.Delete(all, i, i+1))
		}
	}
	return entity.NotFound("auth.RevokeKeyByID", "there is no key %s", key)
}
