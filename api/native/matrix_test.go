package native_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"stemma/api/auth"
	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/access"
)

// matrixRows say, for every operation, what its good request (that of the table
// of bad input) takes: actions and what they are about, in the order in which
// they are asked. An operation that is not here fails the test.
//
//	entity:update person    the action on that entity of the fixture
//	note:create +coll       to create a note in that collection or tenant
//	query:execute -         about the store as a whole
//	=                       whoever the level of the operation lets in
//	207: …                  when it is refused, that is the answer
//	credentials             what it is about is the request's own credential, cookie or
//	                        password, and no role: see the scripts
var matrixRows = map[string]string{
	"signUp": "credentials", "logIn": "credentials", "refreshSession": "credentials", "logOut": "credentials", "changePassword": "credentials", "register": "credentials",
	"jwks": "=", "openidConfiguration": "=", "getMe": "=", "createMyKey": "user:credentials me", "listMyKeys": "user:credentials me", "revokeMyKey": "credentials",
	"createAgentKey": "agent:manage agent", "listAgentKeys": "agent:manage agent", "revokeAgentKey": "agent:manage agent",
	"createService": "service:create -", "createServiceKey": "service:manage service", "listServiceKeys": "service:manage service", "revokeServiceKey": "service:manage service",
	"getUser": "user:view reader", "updateUser": "user:update user", "listUserCollections": "user:view reader",

	"createCollection": "collection:create -; collection:create +team", "getCollection": "collection:view coll", "updateCollection": "collection:update coll",
	"setCollectionRoot": "collection:update coll; entity:view member", "listCollectionEntities": "collection:view coll",
	"addCollectionRole": "collection:manage roled", "updateCollectionRole": "collection:manage roled", "deleteCollectionRole": "collection:manage roled",
	"listCollectionMembers": "collection:view roled", "addCollectionMember": "collection:manage roled", "removeCollectionMember": "collection:manage roled",
	"addTenantRole": "tenant:manage team", "updateTenantRole": "tenant:manage team", "deleteTenantRole": "tenant:manage team",
	"listTenantAudit": "tenant:manage team", "listTenantMembers": "tenant:view team", "addTenantMember": "tenant:manage team", "removeTenantMember": "tenant:manage team",
	"createTenant": "tenant:create -; tenant:create +team", "getTenant": "tenant:view team", "updateTenant": "tenant:update team; tenant:manage team",
	"listGroupMembers": "group:view group", "addGroupMember": "group:manage group", "removeGroupMember": "group:manage group",
	"createGroup": "group:create -; group:create +team", "getGroup": "group:view group", "updateGroup": "group:update group; group:manage group",

	"createAgent": "agent:create +coll", "getAgent": "agent:view bot", "updateAgent": "agent:update bot", "verifyAgent": "agent:manage bot",
	"invokeAgent": "agent:invoke bot; collection:view coll", "getJobStatus": "agent:view bot; entity:view job", "signingKey": "=",

	"createEntity": "note:create +coll", "createEntities": "207: note:create +coll", "getEntities": "=",
	"getEntity": "entity:view person", "updateEntity": "entity:update person", "deleteEntity": "entity:delete person", "previewEntity": "entity:view person",
	"getTip": "entity:tip person", "restoreEntity": "entity:restore dead", "getEntityCollection": "entity:view person", "cascadeDelete": "entity:delete +coll",
	"getTree": "entity:view person", "diffEntity": "entity:view person", "getPermissions": "=", "getEntityPermissions": "entity:view person",
	"addRelationship": "entity:update person; entity:update note", "removeRelationship": "entity:update person",
	"connect": "entity:update person", "disconnect": "entity:update person",

	"createFolder": "folder:update folder; folder:create +coll", "getFolder": "folder:view folder", "updateFolder": "folder:update folder",
	"addChild": "folder:update sub; folder:update free", "removeChild": "folder:update sub; folder:update leaf", "addChildren": "folder:update sub; folder:update free",
	"addParent": "folder:update sub; folder:update free", "removeParent": "folder:update folder; folder:update sub",
	"createFile": "file:create +coll", "getFile": "file:view file", "updateFile": "file:update full", "uploadFile": "file:upload file",
	"downloadFile": "file:download full", "reuploadFile": "file:reupload again",

	"listVersions": "entity:view person", "getManifest": "404: entity:view person", "getBlock": "404: entity:view person", "getBlocks": "=",
	"getEntityAttestation": "entity:view person", "getVersionAttestation": "entity:view person", "getAttestationHead": "=", "getConsistencyProof": "=", "verifyAttestation": "=",
	"getCheckpoint": "=", "getTile": "=",
	"findPaths": "graph:query -", "findReachable": "graph:query -", "getGraphEntity": "entity:view person",
	"searchSimilarCollections": "search:similar -; collection:view coll", "searchSimilarItems": "search:similar -; entity:view person", "searchCollections": "search:query -",
	"searchAgents": "search:query -", "searchEntities": "search:query -; collection:view coll", "searchDiscover": "search:query -", "searchMyCollections": "search:execute -",
	"sendChat": "chat:send -", "listChatSessions": "chat:view -", "getChatSession": "chat:view chat", "deleteChatSession": "chat:delete chat",
	"query": "query:execute -", "querySyntax": "=", "explainQuery": "query:execute -", "listEvents": "=",
}

// matrixCaller is somebody who tries everything, with the roles that they have.
type matrixCaller struct {
	name   string
	role   string // in both collections
	tenant string // in the tenant
	group  bool   // the role is a group's that they are in
	ends   time.Duration
	kind   string
	scopes []access.Action
	system bool

	p   access.Principal
	key string
}

func matrixCallers() []*matrixCaller {
	return []*matrixCaller{
		{name: "anonymous"}, {name: "stranger", kind: "user"}, {name: "viewer", kind: "user", role: "viewer"}, {name: "editor", kind: "user", role: "editor"},
		{name: "owner", kind: "user", role: "owner"}, {name: "poster", kind: "user", role: "poster"}, {name: "past editor", kind: "user", role: "editor", ends: -time.Second},
		{name: "editor for an hour", kind: "user", role: "editor", ends: time.Hour}, {name: "editor by group", kind: "user", role: "editor", group: true},
		{name: "agent", kind: "agent", role: "editor"}, {name: "tenant's member", kind: "user", tenant: "member"}, {name: "tenant's editor", kind: "user", tenant: "editor"},
		{name: "tenant's owner", kind: "user", tenant: "owner"}, {name: "owner who only looks", kind: "user", role: "owner", scopes: []access.Action{"*:view"}},
		{name: "operator", kind: "user", system: true},
	}
}

// enrol makes the callers, with keys, once a rig.
func (w *rig) enrol(t *testing.T, callers []*matrixCaller) {
	t.Helper()
	_, err := w.main().Update(t.Context(), entity.Actor{UserID: ownerID, Method: entity.MethodSystem}, func(tx entity.Tx) error {
		for i, c := range callers {
			if c.kind == "" {
				continue
			}
			v, err := tx.Create(entity.Draft{Type: c.kind, Properties: entity.Properties{"label": c.name}})
			if err != nil {
				return err
			}
			c.p = access.Principal{ID: v.Manifest.ID, Kind: access.User, System: c.system, Scopes: c.scopes}
			if c.kind == "agent" {
				c.p.Kind = access.Agent
			}
			c.key = fmt.Sprintf("%s_%064d", map[string]string{"user": "uk", "agent": "ak"}[c.kind], 1000+w.keys+i)
			if err := auth.SetKey(tx, c.key, c.p); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// bindAll gives the callers their roles in the fixture's scopes.
func (w *rig) bindAll(t *testing.T, vars map[string]string, callers []*matrixCaller) {
	t.Helper()
	scopes := map[string]map[string][]entity.Relationship{"coll": {}, "roled": {}, "team": {}, "crew": {}}
	for _, c := range callers {
		if c.p.ID == "" {
			continue
		}
		give := func(in, role string) {
			r := entity.Relationship{Predicate: entity.Predicate(role), Peer: c.p.ID, PeerType: c.kind}
			if c.ends != 0 {
				r.Properties = entity.Properties{"expires_at": entity.FormatTime(w.clock.Now().Add(c.ends))}
			}
			scopes[in]["add"] = append(scopes[in]["add"], r)
		}
		switch {
		case c.group:
			give("crew", "contains")
		case c.role != "":
			give("coll", c.role)
			give("roled", c.role)
		}
		if c.tenant != "" {
			give("team", c.tenant)
		}
	}
	crew := entity.Relationship{Predicate: "editor", Peer: entity.ID(vars["crew"]), PeerType: entity.TypeGroup}
	_, err := w.main().Update(t.Context(), entity.Actor{UserID: ownerID, Method: entity.MethodSystem}, func(tx entity.Tx) error {
		for in, lists := range scopes {
			v, err := tx.Put(entity.ID(vars[in]), entity.Any, func(m *entity.Manifest) error {
				m.Relationships = append(m.Relationships, lists["add"]...)
				if in == "coll" || in == "roled" {
					m.Relationships = append(m.Relationships, crew)
					m.Properties["roles"].(map[string]any)["poster"] = []any{"*:create"}
				}
				return nil
			})
			if err != nil {
				return err
			}
			vars[in+"tip"] = v.CID.String()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// matrixWorlds are what the two collections of the fixture are.
var matrixWorlds = []struct{ name, coll string }{
	{"public", `"visibility":"public"`},
	{"private", `"visibility":"private"`},
	{"a tenant's", `"tenant":"$team"`},
}

// Every operation lets in exactly whom the tables of package access let in: all
// operations, tried by everybody, on what is public, private and a tenant's.
func TestMatrix(t *testing.T) {
	rows := badRows()
	for _, world := range matrixWorlds {
		t.Run(world.name, func(t *testing.T) {
			w := newRig(t, rigOptions{})
			callers := matrixCallers()
			w.enrol(t, callers)
			var vars map[string]string
			ready := "" // the operation that vars are made ready for
			for i := range w.ops {
				op := &w.ops[i]
				needs, ok := matrixRows[op.ID]
				if !ok {
					t.Errorf("%s has no row in the matrix", op.ID)
					continue
				}
				row := rows[op.ID]
				for _, c := range callers {
					if needs == "credentials" {
						continue
					}
					if vars == nil {
						vars = fixtureIn(t, w, world.coll)
						w.bindAll(t, vars, callers)
					}
					if row.before != nil && ready != op.ID {
						row.before(t, w, vars)
					}
					ready, vars["me"] = op.ID, string(c.p.ID)
					before := w.seqs()
					if status := w.tryAs(t, op, row, needs, c, vars); status < 300 && !op.Reads && op.Method != "GET" {
						ready = "" // what is to be revoked is
						if w.seqs() != before {
							vars = nil // its tips have moved on
						}
					}
				}
			}
		})
	}
	for id := range matrixRows {
		if _, ok := rows[id]; !ok {
			t.Errorf("the row %s has no operation", id)
		}
	}
}

// tryAs sends the good request as somebody and compares its status.
func (w *rig) tryAs(t *testing.T, op *wire.Operation, row badRow, needs string, c *matrixCaller, vars map[string]string) (got int) {
	t.Helper()
	refused := 0
	if status, rest, special := strings.Cut(needs, ": "); special {
		needs = rest
		if _, err := fmt.Sscan(status, &refused); err != nil {
			t.Fatal(err)
		}
	}
	want := max(row.status, http.StatusOK)
	if err := w.meets(op, needs, c.p, vars); err != nil {
		want, _ = wire.Status(entity.KindOf(err))
		if refused != 0 && want != http.StatusUnauthorized {
			want = refused
		}
	}
	headers := []string{"Authorization", ""}
	if c.key != "" {
		headers[1] = "ApiKey " + c.key
	}
	if op.ID == "uploadFile" {
		headers = append(headers, "Content-Type", "application/json")
	}
	before := w.seqs()
	body := chosenID.ReplaceAllString(row.body, "") // an id can be chosen once
	out := w.call(op.Method, fill(vars, row.path), fill(vars, body), headers...)
	if out.Code != want {
		t.Errorf("%s by %s: %d, want %d (%s): %.200s", op.ID, c.name, out.Code, want, needs, out.Body)
	}
	if out.Code >= 400 && w.seqs() != before {
		t.Errorf("%s by %s was refused and wrote", op.ID, c.name)
	}
	return out.Code
}

var chosenID = regexp.MustCompile(`"id":"01KDVR[0-9A-Z]*",`)

// meets is what the tables say of a request: nil or the first refusal.
func (w *rig) meets(op *wire.Operation, needs string, p access.Principal, vars map[string]string) error {
	if op.Auth == wire.AuthRequired && p.Anonymous() {
		return &entity.Error{Kind: entity.KindUnauthenticated}
	}
	if needs == "=" {
		return nil
	}
	look := func(id entity.ID) (*access.Policy, error) { return w.scopes[entity.Main].Policy(id), nil }
	check := func(a access.Action, on entity.Head) error { return access.Check(p, a, on, w.clock.Now(), look) }
	return w.main().View(context.Background(), func(r entity.Reader) error {
		for need := range strings.SplitSeq(needs, "; ") {
			action, about, _ := strings.Cut(need, " ")
			a := access.Action(action)
			if about == "-" {
				if err := check(a, entity.Head{}); err != nil {
					return err
				}
				continue
			}
			into, creates := strings.CutPrefix(about, "+")
			h, err := r.Head(entity.ID(vars[into]))
			if err != nil {
				return errors.Join(err, fmt.Errorf("the fixture has no %s", into))
			}
			if err := check("entity:view", h); entity.KindOf(err) == entity.KindNotFound && err != nil {
				return err
			}
			if creates {
				typ, _, _ := strings.Cut(action, ":")
				h = entity.Head{Type: typ, Collection: h.ID}
			}
			if err := check(a, h); err != nil {
				return err
			}
		}
		return nil
	})
}

// The actions that operations say they take are those of the tables.
func TestPermissionsAreRegistered(t *testing.T) {
	for _, op := range newRig(t, rigOptions{}).ops {
		if op.Permission != "" && !access.Registered(access.Action(op.Permission)) {
			t.Errorf("%s takes %s, which is not in the tables of package access", op.ID, op.Permission)
		}
		if !slices.Contains([]wire.Auth{wire.AuthNone, wire.AuthOptional, wire.AuthRequired, wire.AuthJWTOnly}, op.Auth) {
			t.Errorf("%s has the level %v", op.ID, op.Auth)
		}
	}
}
