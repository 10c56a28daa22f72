package access_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"stemma/entity"
	"stemma/entity/access"
)

const (
	ann    = entity.ID("01JH8Z0Y6V5RZ4Q8Q9V4T2ANN0")
	bob    = entity.ID("01JH8Z0Y6V5RZ4Q8Q9V4T2B0B0")
	robot  = entity.ID("01JH8Z0Y6V5RZ4Q8Q9V4T2R0B0")
	group  = entity.ID("01JH8Z0Y6V5RZ4Q8Q9V4T2GRP0")
	coll   = entity.ID("01JH8Z0Y6V5RZ4Q8Q9V4T2C000")
	tenant = entity.ID("01JH8Z0Y6V5RZ4Q8Q9V4T2T000")
	note   = entity.ID("01JH8Z0Y6V5RZ4Q8Q9V4T2N000")
)

var now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// world is scopes by id, as their manifests.
type world map[entity.ID]*entity.Manifest

func (w world) look(id entity.ID) (*access.Policy, error) {
	if m := w[id]; m != nil {
		return access.PolicyOf(m), nil
	}
	return nil, nil
}

// scope makes a scope with bindings written as "role principal[ peer_type[ expires_at]]".
func (w world) scope(id entity.ID, typ string, props entity.Properties, bindings ...string) *entity.Manifest {
	if props == nil {
		props = entity.Properties{}
	}
	m := &entity.Manifest{ID: id, Type: typ, Ver: 1, Properties: props}
	for _, b := range bindings {
		part := append(strings.Fields(b), "", "")
		r := entity.Relationship{Predicate: entity.Predicate(part[0]), Peer: entity.ID(part[1]), PeerType: part[2]}
		if part[3] != "" {
			r.Properties = entity.Properties{"expires_at": part[3]}
		}
		m.Relationships = append(m.Relationships, r)
	}
	w[id] = m
	return m
}

func user(id entity.ID) access.Principal { return access.Principal{ID: id, Kind: access.User} }

func rolesOf(roles map[string][]string) entity.Properties {
	tree, err := entity.Normalize(map[string]any{"roles": roles})
	if err != nil {
		panic(err)
	}
	return tree.(map[string]any)
}

// A pattern grants its verb and what that implies, on its type; of the base type
// on every type but the guarded ones, which only view reaches.
func TestPatterns(t *testing.T) {
	for _, row := range []struct {
		pattern access.Action
		grants  []access.Action
		not     []access.Action
	}{
		{"*:view", []access.Action{"entity:view", "file:view", "file:download", "collection:view", "tenant:view", "group:view", "person:view", "entity:tip"},
			[]access.Action{"entity:update", "file:upload", "collection:update", "store:backup"}},
		{"entity:view", []access.Action{"file:view", "collection:view", "person:download"}, []access.Action{"entity:create"}},
		{"*:update", []access.Action{"entity:update", "entity:delete", "entity:restore", "file:upload", "file:reupload", "person:update", "agent:update", "user:update"},
			[]access.Action{"entity:view", "entity:create", "collection:update", "collection:delete", "tenant:update", "group:update", "agent:manage", "user:credentials"}},
		{"entity:update", []access.Action{"file:update", "folder:delete"}, []access.Action{"collection:update", "collection:delete", "file:download"}},
		{"file:update", []access.Action{"file:update", "file:upload", "file:delete"}, []access.Action{"folder:update", "entity:update"}},
		{"file:*", []access.Action{"file:view", "file:upload", "file:create", "file:delete"}, []access.Action{"folder:view", "entity:view"}},
		{"*:create", []access.Action{"entity:create", "file:create"}, []access.Action{"collection:create", "tenant:create", "entity:update", "entity:view"}},
		{"*:manage", []access.Action{"agent:manage", "agent:invoke", "entity:update", "file:upload", "entity:create", "entity:view"}, []access.Action{"collection:manage", "collection:view", "group:manage", "tenant:manage", "service:manage"}},
		{"collection:manage", []access.Action{"collection:manage", "collection:view", "collection:update", "collection:delete", "collection:create"}, []access.Action{"entity:view", "file:update", "tenant:manage"}},
		{"collection:update", []access.Action{"collection:update", "collection:delete", "collection:restore"}, []access.Action{"collection:manage", "collection:view", "entity:update"}},
		{"agent:*", []access.Action{"agent:manage", "agent:invoke", "agent:view"}, []access.Action{"user:view"}},
	} {
		for _, a := range row.grants {
			if !access.Grants([]access.Action{row.pattern}, a) {
				t.Errorf("%s does not grant %s", row.pattern, a)
			}
		}
		for _, a := range row.not {
			if access.Grants([]access.Action{row.pattern}, a) {
				t.Errorf("%s grants %s", row.pattern, a)
			}
		}
	}
}

func TestCheckPattern(t *testing.T) {
	for pattern, good := range map[access.Action]bool{
		"*:view": true, "entity:update": true, "person:view": true, "file:*": true, "agent:*": true, "my-type.2:view": true,
		"collection:*": false, "tenant:*": false, "group:*": false, "service:*": false, "store:*": false, "*:*": false, "view": false, "": false, ":": false, "entity:": false, ":view": false,
		"entity:fly": false, "Entity:view": false, "entity:view:more": false, "entity view": false, "entity:*view": false, "*:views": false, "é:view": false,
	} {
		err := access.CheckPattern(pattern)
		if (err == nil) != good {
			t.Errorf("%q: %v", pattern, err)
		}
		if err != nil && entity.KindOf(err) != entity.KindInvalid {
			t.Errorf("%q: kind %v", pattern, entity.KindOf(err))
		}
	}
	for _, a := range access.Actions() {
		if err := access.CheckPattern(a); err != nil {
			t.Errorf("%s is in the table and cannot be a role's: %v", a, err)
		}
	}
}

// check runs one decision and compares it: "" allowed by nobody's word, else the
// method, or the kind of error behind a "!".
func check(t *testing.T, w world, p access.Principal, a access.Action, on entity.Head, want string) {
	t.Helper()
	d, err := access.Decide(p, a, on, now, w.look)
	if err != nil {
		t.Fatal(err)
	}
	got := string(d.Method)
	if err := access.Check(p, a, on, now, w.look); err != nil {
		if d.Allowed {
			t.Errorf("%+v %s on %+v: allowed by %s, and refused: %v", p, a, on, d.Method, err)
		}
		got = "!" + entity.KindOf(err).String()
	}
	if got != want {
		t.Errorf("%s (%s) may %s on %s %s in %q: %s, want %s", p.ID, p.Kind, a, on.Type, on.ID, on.Collection, got, want)
	}
}

func TestDecide(t *testing.T) {
	w := world{}
	w.scope(coll, entity.TypeCollection, nil, "owner "+string(ann), "editor "+string(robot), "viewer "+string(group)+" group", "public * wildcard")
	w.scope(group, entity.TypeGroup, nil, "owner "+string(ann), "contains "+string(bob))
	w.scope(ann, entity.TypeUser, nil)
	w.scope(bob, entity.TypeUser, nil)
	inside := entity.Head{ID: note, Type: "note", Collection: coll}
	itself := entity.Head{ID: coll, Type: entity.TypeCollection, Collection: coll}
	nobody, owner, editor, member := access.Principal{}, user(ann), access.Principal{ID: robot, Kind: access.Agent}, user(bob)
	stranger, operator := user(tenant), access.Principal{ID: tenant, Kind: access.User, System: true}
	for _, row := range []struct {
		who  access.Principal
		a    access.Action
		on   entity.Head
		want string
	}{
		{nobody, "entity:view", inside, "collection"}, // by the role public
		{nobody, "entity:view", itself, "collection"},
		{nobody, "entity:update", inside, "!unauthenticated"},
		{nobody, "entity:create", entity.Head{Type: "note", Collection: coll}, "!unauthenticated"},
		{nobody, "collection:create", entity.Head{Type: entity.TypeCollection}, "!unauthenticated"},
		{nobody, "graph:query", entity.Head{}, "public"},
		{nobody, "chat:send", entity.Head{}, "!unauthenticated"},
		{nobody, "store:backup", entity.Head{}, "!unauthenticated"},
		{stranger, "entity:view", inside, "collection"},
		{stranger, "entity:update", inside, "!forbidden"},
		{stranger, "entity:delete", inside, "!forbidden"},
		{stranger, "collection:manage", itself, "!forbidden"},
		{stranger, "entity:create", entity.Head{Type: "note", Collection: coll}, "!forbidden"},
		{stranger, "entity:create", entity.Head{Type: "note"}, "open_season"},
		{stranger, "collection:create", entity.Head{Type: entity.TypeCollection}, "open_season"},
		{stranger, "entity:create", entity.Head{Type: entity.TypeUser}, "!forbidden"},
		{stranger, "entity:create", entity.Head{Type: entity.TypeService}, "!forbidden"},
		{stranger, "store:backup", entity.Head{}, "!forbidden"},
		{member, "entity:view", inside, "collection"},
		{member, "entity:update", inside, "!forbidden"},
		{member, "group:view", entity.Head{ID: group, Type: entity.TypeGroup}, "collection"},
		{member, "group:manage", entity.Head{ID: group, Type: entity.TypeGroup}, "!forbidden"},
		{stranger, "group:view", entity.Head{ID: group, Type: entity.TypeGroup}, "!not_found"},
		{nobody, "group:view", entity.Head{ID: group, Type: entity.TypeGroup}, "!not_found"},
		{editor, "entity:update", inside, "collection"},
		{editor, "entity:delete", inside, "collection"},
		{editor, "file:upload", entity.Head{ID: note, Type: entity.TypeFile, Collection: coll}, "collection"},
		{editor, "folder:update", entity.Head{ID: note, Type: entity.TypeFile, Collection: coll}, "collection"},
		{editor, "entity:update", itself, "!forbidden"},
		{editor, "collection:update", itself, "!forbidden"},
		{editor, "collection:delete", itself, "!forbidden"},
		{owner, "collection:update", itself, "collection"},
		{owner, "entity:delete", itself, "collection"},
		{owner, "collection:manage", itself, "collection"},
		{owner, "entity:update", inside, "collection"},
		{owner, "user:update", entity.Head{ID: ann, Type: entity.TypeUser}, "self"},
		{owner, "user:credentials", entity.Head{ID: ann, Type: entity.TypeUser}, "self"},
		{owner, "user:delete", entity.Head{ID: ann, Type: entity.TypeUser}, "!forbidden"},
		{owner, "user:view", entity.Head{ID: bob, Type: entity.TypeUser}, "public"},
		{owner, "user:update", entity.Head{ID: bob, Type: entity.TypeUser}, "!forbidden"},
		{owner, "user:credentials", entity.Head{ID: bob, Type: entity.TypeUser}, "!forbidden"},
		{stranger, "entity:update", entity.Head{ID: note, Type: "note"}, "open_season"},
		{nobody, "entity:update", entity.Head{ID: note, Type: "note"}, "!unauthenticated"},
		{nobody, "entity:view", entity.Head{ID: note, Type: "note"}, "open_season"},
		{operator, "store:backup", entity.Head{}, "system"},
		{operator, "user:credentials", entity.Head{ID: ann, Type: entity.TypeUser}, "system"},
	} {
		check(t, w, row.who, row.a, row.on, row.want)
	}
}

// A private collection, and what belongs to a tenant, is not there for those who
// have no role; a tenant's roles reach into its collections, and no further.
func TestPrivate(t *testing.T) {
	w := world{}
	w.scope(tenant, entity.TypeTenant, nil, "owner "+string(ann), "member "+string(bob))
	w.scope(coll, entity.TypeCollection, nil, "owner "+string(robot), "public * wildcard", "tenant "+string(tenant))
	inside, itself := entity.Head{ID: note, Type: "note", Collection: coll}, entity.Head{ID: coll, Type: entity.TypeCollection, Collection: coll}
	stranger := user(group)
	check(t, w, stranger, "entity:view", inside, "!not_found")
	check(t, w, stranger, "entity:update", inside, "!not_found")
	check(t, w, access.Principal{}, "entity:view", itself, "!not_found")
	check(t, w, user(ann), "entity:update", inside, "tenant")
	check(t, w, user(ann), "collection:manage", itself, "tenant")
	check(t, w, user(bob), "entity:view", inside, "tenant")
	check(t, w, user(bob), "entity:update", inside, "!forbidden")
	check(t, w, user(robot), "entity:update", inside, "collection")
	check(t, w, user(robot), "tenant:view", entity.Head{ID: tenant, Type: entity.TypeTenant}, "!not_found")

	w.scope(coll, entity.TypeCollection, entity.Properties{"visibility": "public"}, "owner "+string(robot), "tenant "+string(tenant))
	check(t, w, stranger, "entity:view", inside, "public")
	w.scope(coll, entity.TypeCollection, entity.Properties{"visibility": "private"}, "owner "+string(robot), "public * wildcard")
	check(t, w, stranger, "entity:view", inside, "!not_found")
	check(t, w, user(robot), "entity:view", inside, "collection")
	w.scope(coll, entity.TypeCollection, rolesOf(map[string][]string{"poster": {"entity:create"}}), "owner "+string(robot), "poster "+string(bob), "tenant "+string(tenant))
	check(t, w, user(bob), "entity:delete", inside, "!forbidden") // has a role, may know
}

// A binding counts until its time, to the millisecond, and one whose time cannot
// be read never does.
func TestExpiry(t *testing.T) {
	inside := entity.Head{ID: note, Type: "note", Collection: coll}
	for ends, want := range map[string]string{
		"2026-01-01T00:00:00.001Z": "collection", "2026-01-01T00:00:00.000Z": "!forbidden", "2025-12-31T23:59:59Z": "!forbidden",
		"2026-01-01T01:00:00+02:00": "!forbidden", "soon": "!forbidden", "": "collection",
	} {
		w := world{}
		w.scope(coll, entity.TypeCollection, nil, "owner "+string(ann), "editor "+string(bob)+" user "+ends)
		check(t, w, user(bob), "entity:update", inside, want)
	}
	w := world{} // of a group, and of a membership in it
	w.scope(coll, entity.TypeCollection, nil, "owner "+string(ann), "editor "+string(group)+" group")
	w.scope(group, entity.TypeGroup, nil, "owner "+string(ann), "contains "+string(bob)+" user 2025-01-01T00:00:00Z", "contains "+string(robot)+" agent 2027-01-01T00:00:00Z")
	check(t, w, user(bob), "entity:update", inside, "!forbidden")
	check(t, w, user(robot), "entity:update", inside, "collection")
	check(t, w, user(ann), "entity:update", inside, "collection")
}

// The scopes of a credential cut down what its holder may do, the operator's too.
func TestScopes(t *testing.T) {
	w := world{}
	w.scope(coll, entity.TypeCollection, nil, "owner "+string(ann))
	inside := entity.Head{ID: note, Type: "note", Collection: coll}
	with := func(p access.Principal, scopes ...access.Action) access.Principal {
		p.Scopes = append([]access.Action{}, scopes...)
		return p
	}
	reader, operator := with(user(ann), "*:view"), access.Principal{ID: bob, Kind: access.User, System: true}
	check(t, w, reader, "entity:view", inside, "collection")
	check(t, w, reader, "entity:update", inside, "!forbidden")
	check(t, w, reader, "graph:query", entity.Head{}, "public")
	check(t, w, reader, "chat:send", entity.Head{}, "!forbidden")
	check(t, w, with(user(ann)), "entity:view", inside, "!forbidden")
	check(t, w, with(operator, "entity:update"), "entity:update", inside, "system")
	check(t, w, with(operator, "entity:update"), "store:backup", entity.Head{}, "!forbidden")
	check(t, w, with(user(ann), "file:upload"), "graph:query", entity.Head{}, "!forbidden")
}

// Sight agrees with Decide, whatever the policy.
func TestSight(t *testing.T) {
	types := []string{"note", entity.TypeFile, entity.TypeAgent, entity.TypeCollection, entity.TypeUser}
	policies := []entity.Properties{nil, {"visibility": "private"}, rolesOf(map[string][]string{"viewer": {"file:view"}, "editor": {"*:update"}}), rolesOf(map[string][]string{"viewer": {"entity:manage"}})}
	for i, props := range policies {
		for _, above := range []bool{false, true} {
			for _, role := range []string{"", "viewer", "editor", "owner"} {
				for _, scopes := range [][]access.Action{nil, {}, {"*:view"}, {"file:view"}, {"note:manage", "collection:view"}} {
					w := world{}
					bindings := []string{"owner " + string(robot)}
					if role != "" {
						bindings = append(bindings, role+" "+string(bob))
					}
					if above {
						bindings = append(bindings, "tenant "+string(tenant))
						w.scope(tenant, entity.TypeTenant, nil, "owner "+string(robot))
					}
					w.scope(coll, entity.TypeCollection, props, bindings...)
					p := user(bob)
					p.Scopes = scopes
					s := access.NewSight(p, now, w.look)
					for _, typ := range types {
						for _, in := range []entity.ID{"", coll} {
							on := entity.Head{ID: note, Type: typ, Collection: in}
							if typ == entity.TypeCollection {
								on.ID, on.Collection = coll, coll
							}
							d, err := access.Decide(p, "entity:view", on, now, w.look)
							if err != nil {
								t.Fatal(err)
							}
							sees := s.Scope(in) == entity.SightAll || s.Scope(in) == entity.SightSome && s.Sees(on.ID, typ, on.Collection)
							if s.Apart(typ) {
								sees = s.Sees(on.ID, typ, on.Collection)
							}
							if sees != d.Allowed {
								t.Errorf("policy %d, above %v, role %q, scopes %v: sees %s in %q: %v, may view: %v", i, above, role, scopes, typ, in, sees, d.Allowed)
							}
						}
					}
				}
			}
		}
	}
}

// Who may be what is changed only by who may manage it.
func TestNeeds(t *testing.T) {
	w := world{}
	before := w.scope(coll, entity.TypeCollection, nil, "owner "+string(ann), "viewer "+string(bob))
	had := access.PolicyOf(before)
	old := entity.Head{ID: coll, Type: entity.TypeCollection, Collection: coll, Ver: 1}
	edit := func(change func(*entity.Manifest)) *entity.Manifest {
		m := before.Clone()
		change(m)
		return m
	}
	relate := func(p entity.Predicate, peer entity.ID) func(*entity.Manifest) {
		return func(m *entity.Manifest) {
			m.Relationships = append(m.Relationships, entity.Relationship{Predicate: p, Peer: peer})
		}
	}
	for name, row := range map[string]struct {
		after *entity.Manifest
		want  string
	}{
		"nothing":   {edit(func(*entity.Manifest) {}), "[]"},
		"a label":   {edit(func(m *entity.Manifest) { m.Properties["label"] = "x" }), "[]"},
		"a root":    {edit(relate("root", note)), "[]"},
		"an owner":  {edit(relate("owner", bob)), "[collection:manage]"},
		"everybody": {edit(relate("viewer", "*")), "[collection:manage]"},
		"nobody":    {edit(func(m *entity.Manifest) { m.Relationships = m.Relationships[:1] }), "[collection:manage]"},
		"longer": {edit(func(m *entity.Manifest) {
			m.Relationships[1].Properties = entity.Properties{"expires_at": "2027-01-01T00:00:00Z"}
		}), "[collection:manage]"},
		"roles":             {edit(func(m *entity.Manifest) { m.Properties = rolesOf(map[string][]string{"viewer": {"*:update"}}) }), "[collection:manage]"},
		"private":           {edit(func(m *entity.Manifest) { m.Properties["visibility"] = "private" }), "[collection:manage]"},
		"into a tenant":     {edit(relate("tenant", tenant)), "[collection:manage collection:create]"},
		"into a collection": {edit(relate("collection", note)), "[collection:create]"},
		"the last owner":    {edit(func(m *entity.Manifest) { m.Relationships = m.Relationships[1:] }), "!keeps an owner"},
		"an owner that ends": {edit(func(m *entity.Manifest) {
			m.Relationships[0].Properties = entity.Properties{"expires_at": "2027-01-01T00:00:00Z"}
		}), "!keeps an owner"},
		"an owner *":           {edit(relate("owner", "*")), "!cannot be everybody"},
		"a role without sense": {edit(func(m *entity.Manifest) { m.Properties = rolesOf(map[string][]string{"viewer": {"fly"}}) }), "!not an action"},
		"a role root":          {edit(func(m *entity.Manifest) { m.Properties = rolesOf(map[string][]string{"root": {"*:view"}}) }), "!another meaning"},
		"an owner who may not": {edit(func(m *entity.Manifest) { m.Properties = rolesOf(map[string][]string{"owner": {"*:view"}}) }), "!keeps collection:manage"},
		"a time without sense": {edit(func(m *entity.Manifest) { m.Relationships[1].Properties = entity.Properties{"expires_at": "soon"} }), "!must be a time"},
		"seen by some":         {edit(func(m *entity.Manifest) { m.Properties["visibility"] = "some" }), "!private or public"},
	} {
		step, err := access.Needs(had, old, before, row.after)
		got := []access.Action{}
		for _, n := range step.Needs {
			got = append(got, n.Action)
		}
		if text, fails := strings.CutPrefix(row.want, "!"); fails {
			if err == nil || !strings.Contains(err.Error(), text) || entity.KindOf(err) != entity.KindInvalid {
				t.Errorf("%s: %v %v, want an error with %q", name, got, err, text)
			}
		} else if err != nil || fmt.Sprint(got) != row.want {
			t.Errorf("%s: needs %v, %v; want %s", name, got, err, row.want)
		}
	}
}

// A tenant is put under another by who may make tenants there: it inherits the
// other's providers.
func TestNeedsOfParents(t *testing.T) {
	w := world{}
	before := w.scope(tenant, entity.TypeTenant, nil, "owner "+string(ann))
	after := before.Clone()
	after.Relationships = append(after.Relationships, entity.Relationship{Predicate: entity.PredicateParent, Peer: coll})
	step, err := access.Needs(access.PolicyOf(before), entity.Head{ID: tenant, Type: entity.TypeTenant}, before, after)
	want := []access.Need{{Action: "tenant:create", On: entity.Head{Type: entity.TypeTenant, Collection: coll}}}
	if err != nil || fmt.Sprint(step.Needs) != fmt.Sprint(want) {
		t.Errorf("%v, %v", step.Needs, err)
	}
}

// A new collection of a tenant needs no owner of its own, any other does.
func TestOwnersOfNewCollections(t *testing.T) {
	w := world{}
	m := w.scope(coll, entity.TypeCollection, nil)
	if _, err := access.Needs(nil, entity.Head{}, nil, m); entity.KindOf(err) != entity.KindInvalid {
		t.Errorf("a collection of nobody's: %v", err)
	}
	m.Relationships = append(m.Relationships, entity.Relationship{Predicate: entity.PredicateTenant, Peer: tenant})
	if _, err := access.Needs(nil, entity.Head{}, nil, m); err != nil {
		t.Errorf("a collection of a tenant: %v", err)
	}
}

// An ordinary entity needs create where it goes and delete where it leaves.
func TestNeedsOfMoves(t *testing.T) {
	at := func(in ...entity.ID) *entity.Manifest {
		m := &entity.Manifest{ID: note, Type: "note", Properties: entity.Properties{}}
		for _, c := range in {
			m.Relationships = append(m.Relationships, entity.Relationship{Predicate: "collection", Peer: c})
		}
		return m
	}
	for _, row := range []struct {
		before, after *entity.Manifest
		want          string
	}{
		{nil, at(), "[]"},
		{nil, at(coll), "[note:create@C]"},
		{nil, at(coll, tenant), "[note:create@C note:create@T]"},
		{at(coll), at(coll), "[]"},
		{at(coll), at(), "[note:delete@C]"},
		{at(coll), at(tenant), "[note:create@T note:delete@C]"},
		{at(coll), at(coll, tenant), "[note:create@T]"},
		{at(coll, tenant), at(tenant), "[note:delete@C]"},
		{at(), at(coll), "[note:create@C]"},
	} {
		old := entity.Head{}
		if row.before != nil {
			old = entity.Head{ID: note, Type: "note", Collection: row.before.Collection()}
		}
		step, err := access.Needs(nil, old, row.before, row.after)
		var got []string
		for _, n := range step.Needs {
			got = append(got, string(n.Action)+"@"+map[entity.ID]string{coll: "C", tenant: "T"}[n.On.Collection])
		}
		if err != nil || fmt.Sprint(got) != row.want {
			t.Errorf("%v: %v, want %s", got, err, row.want)
		}
	}
}

// New bindings are told of, so that somebody can look who they are.
func TestNeedsTellsWhoIsBound(t *testing.T) {
	w := world{}
	m := w.scope(coll, entity.TypeCollection, nil, "owner "+string(ann), "viewer "+string(group)+" group", "root "+string(note), "public *")
	step, err := access.Needs(nil, entity.Head{}, nil, m)
	if err != nil || !slices.Equal(step.Bound, []access.Bound{{Who: ann, At: 0}, {Who: group, Type: "group", At: 1}}) {
		t.Errorf("%+v, %v", step.Bound, err)
	}
	step, err = access.Needs(access.PolicyOf(m), entity.Head{ID: coll, Type: m.Type, Collection: coll}, m, m)
	if err != nil || len(step.Bound) > 0 {
		t.Errorf("%+v, %v", step.Bound, err)
	}
}

// Services and providers are the operator's: no role makes or changes one.
func TestSealedTypes(t *testing.T) {
	w := world{}
	for _, typ := range []string{entity.TypeService, "provider", "price_table"} {
		var actions []string
		for _, verb := range []string{"create", "update", "delete", "restore", "manage"} {
			actions = append(actions, typ+":"+verb)
		}
		w.scope(coll, entity.TypeCollection, rolesOf(map[string][]string{"forger": actions}), "owner "+string(ann), "forger "+string(bob))
		forger := access.Principal{ID: bob, Kind: access.User}
		for _, action := range actions {
			for _, on := range []entity.Head{{Type: typ}, {Type: typ, Collection: coll}} {
				check(t, w, forger, access.Action(action), on, "!forbidden")
			}
		}
	}
}
