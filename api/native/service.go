package native

import (
	"context"
	"strings"
	"time"

	"stemma/api/auth"
	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/access"
	"stemma/entity/guard"
	"stemma/entity/scope"
	"stemma/files"
	"stemma/graph"
	"stemma/query/search"
	"stemma/versions/attest"
)

// Network is one network's store with the engines over it.
type Network struct {
	Store  entity.Store
	Scopes *scope.Index  // among Store's projections
	Graph  *graph.Index  // likewise
	Blobs  *files.Blobs  // content of files; the index of package files/index is among Store's projections
	Search *search.Index // follows Store; nil: what needs it is answered with 501
	Attest *attest.Log   // likewise; of the main network alone

	Outside Outside // where Attest is anchored; nil: anchors are not read back

	OfficialAgents entity.ID // the collection of the agents that are official; "": see POST /search/agents
	MaxFile        int64     // bytes of a file's content; 0: DefaultMaxFile
}

// Service answers the operations of this view.
type Service struct {
	networks map[entity.Network]Network
	guards   map[entity.Network]*guard.Guard
	now      func() time.Time
	auth     *auth.Authenticator // see WithAuth
	agents   *calling            // see WithAgents
	asking   chan struct{}       // one for each question to the outside
	chat     *chats              // see WithChat
}

// New makes the view over the given networks.
func New(now func() time.Time, networks ...Network) *Service {
	s := &Service{networks: make(map[entity.Network]Network), guards: make(map[entity.Network]*guard.Guard), now: now, asking: make(chan struct{}, mostAsking)}
	for _, n := range networks {
		if n.Scopes == nil {
			panic("native.New: a network needs Scopes: without policies everything would be open")
		}
		s.networks[n.Store.Network()] = n
		s.guards[n.Store.Network()] = guard.New(n.Store, n.Scopes, now)
	}
	return s
}

// Operations is the table of the API, in the order of the reference.
func (s *Service) Operations() []wire.Operation {
	var all []wire.Operation
	for _, group := range [][]wire.Operation{
		s.sessionOps(), s.keyOps(),
		s.userOps(), s.collectionOps(), s.roleOps(), s.memberOps(), s.tenantOps(), s.auditOps(), s.entityOps(), s.permissionOps(), s.relationshipOps(), s.folderOps(), s.fileOps(), s.versionOps(), s.attestOps(), s.ipfsOps(), s.blockOps(), s.graphOps(), s.queryOps(), s.searchOps(), s.agentOps(), s.chatOps(), s.eventOps(),
	} {
		all = append(all, group...)
	}
	return all
}

func (s *Service) network(ctx context.Context) Network { return s.networks[wire.NetworkOf(ctx)] }

// view runs fn on the latest state of the request's network, as the request's
// principal may see it.
func (s *Service) view(ctx context.Context, fn func(*guard.Reader) error) error {
	return s.guards[wire.NetworkOf(ctx)].View(ctx, auth.From(ctx), fn)
}

// update runs fn as a transaction of the request's principal.
func (s *Service) update(ctx context.Context, fn func(txn) error) error {
	_, err := s.guards[wire.NetworkOf(ctx)].Update(ctx, auth.From(ctx), func(tx *guard.Tx) error { return fn(txn{tx}) })
	return err
}

// txn is a transaction of a principal.
type txn struct{ *guard.Tx }

// head reads an entity that the principal may take the action on.
func (t txn) head(a access.Action, id entity.ID) (entity.Head, error) { return t.Allowed(a, id) }

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

// mention is a peer as the server writes it into a relationship of holder: with
// its label only where everybody who may view the holder may view the peer too.
func (t txn) mention(holder, peer entity.Head) entity.Head {
	if peer.ID != holder.ID && peer.Collection != holder.Collection && !t.Public("entity:view", peer) {
		peer.Label = ""
	}
	return peer
}

// manifestOf reads the tip of a live or deleted entity that the principal may
// view.
func manifestOf(r *guard.Reader, a access.Action, id entity.ID, typ ...string) (entity.Head, *entity.Manifest, error) {
	h, err := r.Allowed(a, id)
	if err != nil {
		return h, nil, err
	}
	if err := ofType(h, typ...); err != nil {
		return h, nil, err
	}
	m, err := r.Reader.Manifest(h.CID()) // allowed
	return h, m, err
}
