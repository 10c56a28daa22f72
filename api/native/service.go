package native

import (
	"context"
	"strings"
	"time"

	"stemma/api/auth"
	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/access"
	"stemma/files"
	"stemma/graph"
)

// Network is one network's store with the engines over it.
type Network struct {
	Store entity.Store
	Graph *graph.Index
	Blobs *files.Blobs // content of files; the index of package files/index is among Store's projections

	MaxFile int64 // bytes of a file's content; 0: DefaultMaxFile
}

// Service answers the operations of this view.
type Service struct {
	networks map[entity.Network]Network
	now      func() time.Time
	auth     *auth.Authenticator // see WithAuth
}

// New makes the view over the given networks.
func New(now func() time.Time, networks ...Network) *Service {
	s := &Service{networks: make(map[entity.Network]Network), now: now}
	for _, n := range networks {
		s.networks[n.Store.Network()] = n
	}
	return s
}

// Operations is the table of the API, in the order of the reference.
func (s *Service) Operations() []wire.Operation {
	var all []wire.Operation
	for _, group := range [][]wire.Operation{
		s.sessionOps(), s.keyOps(),
		s.collectionOps(), s.entityOps(), s.relationshipOps(), s.folderOps(), s.fileOps(), s.versionOps(), s.ipfsOps(), s.blockOps(), s.graphOps(), s.queryOps(), s.eventOps(),
	} {
		all = append(all, group...)
	}
	return all
}

func (s *Service) network(ctx context.Context) Network { return s.networks[wire.NetworkOf(ctx)] }

// view runs fn on the latest state of the request's network.
func (s *Service) view(ctx context.Context, fn func(entity.Reader) error) error {
	return s.network(ctx).Store.View(ctx, fn)
}

// update runs fn as a transaction of the request's principal.
func (s *Service) update(ctx context.Context, fn func(txn) error) error {
	p := auth.From(ctx)
	_, err := s.network(ctx).Store.Update(ctx, p.Actor(), func(tx entity.Tx) error {
		return fn(txn{Tx: tx, principal: p})
	})
	return err
}

// txn is a transaction of a principal.
type txn struct {
	entity.Tx
	principal access.Principal
}

// allow decides an action on an entity. On a collection the action of the
// base type "entity" stands for the collection's own, but for view.
func allow(p access.Principal, a access.Action, on entity.Head) error {
	if verb, ok := strings.CutPrefix(string(a), "entity:"); ok && verb != "view" && on.Type == entity.TypeCollection {
		a = access.Action("collection:" + verb)
	}
	return access.Check(p, a, on)
}

// head reads an entity that the principal may take the action on.
func (t txn) head(a access.Action, id entity.ID) (entity.Head, error) {
	h, err := t.Head(id)
	if err != nil {
		return h, err
	}
	return h, allow(t.principal, a, h)
}

// live is head for an entity that is not deleted and, where typ is given, of
// that type.
func (t txn) live(a access.Action, id entity.ID, typ ...string) (entity.Head, error) {
	h, err := t.head(a, id)
	if err != nil {
		return h, err
	}
	if err := ofType(h, typ...); err != nil {
		return h, err
	}
	if h.Deleted {
		return h, entity.Invalid("native.live", "entity %s is deleted; restore it first with POST /entities/%s/restore", id, id)
	}
	return h, nil
}

// ofType is KindNotFound for an entity of another type, as a client that asks
// for a folder has no use for a user.
func ofType(h entity.Head, typ ...string) error {
	for _, t := range typ {
		if h.Type == t {
			return nil
		}
	}
	if len(typ) == 0 {
		return nil
	}
	return entity.NotFound("native.ofType", "%s not found: %s is of type %s", capital(typ[0]), h.ID, h.Type)
}

// actionOf names an action of the table in package access.
func actionOf(s string) access.Action { return access.Action(s) }

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// put writes the next version of a live entity that the principal may take the
// action on.
func (t txn) put(a access.Action, id entity.ID, tip wire.Tip, edit func(*entity.Manifest) error, typ ...string) (*entity.Version, error) {
	if _, err := t.live(a, id, typ...); err != nil {
		return nil, err
	}
	return t.Put(id, tip.Expect(), edit)
}

// manifestOf reads the tip of a live or deleted entity that the principal may
// view.
func (s *Service) manifestOf(ctx context.Context, r entity.Reader, a access.Action, id entity.ID, typ ...string) (entity.Head, *entity.Manifest, error) {
	h, err := r.Head(id)
	if err != nil {
		return h, nil, err
	}
	if err := allow(auth.From(ctx), a, h); err != nil {
		return h, nil, err
	}
	if err := ofType(h, typ...); err != nil {
		return h, nil, err
	}
	m, err := r.Manifest(h.CID())
	return h, m, err
}
