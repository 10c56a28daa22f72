package tenant

import (
	"regexp"
	"slices"
	"time"

	"stemma/api/llm/agent"
	"stemma/entity"
	"stemma/entity/access"
	"stemma/entity/scope"
)

// The roles that the portal knows. Whoever has another role in a tenant is a
// member to it.
const (
	RoleOwner  = access.RoleOwner
	RoleMember = "member"
)

// Roles are those of a new tenant. A member may look at everything, make and use
// agents, and keep partitions; who owns a tenant may change that like the roles
// of any scope.
func Roles() map[string][]access.Action {
	roles := access.DefaultRoles(entity.TypeTenant)
	roles[RoleOwner] = append(roles[RoleOwner], "tenant:create", "agent:manage")
	roles[RoleMember] = append(roles[RoleMember], "agent:create", "agent:update", "agent:invoke", "partition:create", "partition:update")
	return roles
}

// Spec is what a new tenant shall be.
type Spec struct {
	Name   string
	Slug   string    // "": made from the name
	Parent entity.ID // "" for none
	Owner  entity.ID // the user who owns it
	At     time.Time // since when
}

// Create makes a tenant with its workspace. KindExists when the slug is taken.
func Create(tx entity.Tx, s Spec) (*entity.Version, error) {
	id, workspace := tx.NewID(), tx.NewID()
	slug, err := freeSlug(tx, s, id)
	if err != nil {
		return nil, err
	}
	roles, err := entity.Normalize(Roles())
	if err != nil {
		return nil, err
	}
	rels := []entity.Relationship{membership(RoleOwner, s.Owner, s.At)}
	if s.Parent != "" {
		rels = append(rels, entity.Relationship{Predicate: entity.PredicateParent, Peer: s.Parent, PeerType: entity.TypeTenant})
	}
	rels = append(rels, entity.Relationship{Predicate: agent.PredicateWorkspace, Peer: workspace, PeerType: entity.TypeCollection})
	vouch(tx, id)
	v, err := tx.Create(entity.Draft{ID: id, Type: entity.TypeTenant, Relationships: rels, Properties: entity.Properties{
		"label": s.Name, "org_slug": slug, "status": agent.StatusActive, "roles": roles, "settings": map[string]any{},
	}})
	if err != nil {
		return nil, err
	}
	_, err = tx.Create(workspaceDraft(workspace, id, s.Name))
	return v, err
}

// workspaceDraft has no owner of its own: who leaves the tenant leaves it.
func workspaceDraft(id, tenant entity.ID, name string) entity.Draft {
	return entity.Draft{
		ID: id, Type: entity.TypeCollection, Properties: entity.Properties{"label": clip(name+" workspace", 200), "kind": "workspace"},
		Relationships: []entity.Relationship{{Predicate: entity.PredicateTenant, Peer: tenant, PeerType: entity.TypeTenant}},
	}
}

func clip(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most])
	}
	return s
}

// membership is a role as a tenant's relationship.
func membership(role string, who entity.ID, at time.Time) entity.Relationship {
	return entity.Relationship{Predicate: entity.Predicate(role), Peer: who, PeerType: entity.TypeUser, Properties: entity.Properties{"granted_at": entity.FormatTime(at)}}
}

// Workspace is the collection that a tenant's agents are in, "" for none.
func Workspace(r agent.Source, tenant *entity.Manifest) (entity.ID, error) {
	id := agent.Peer(tenant, agent.PredicateWorkspace)
	if id == "" {
		return "", nil
	}
	h, err := r.Head(id)
	if err != nil && entity.KindOf(err) == entity.KindNotFound || h.Deleted {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	m, err := r.Manifest(h.CID())
	if err != nil || m.Type != entity.TypeCollection || agent.Peer(m, entity.PredicateTenant) != tenant.ID {
		return "", err
	}
	return id, nil
}

var slugForm = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9-]{1,48})[a-z0-9]$`)

// CheckSlug makes sure that a tenant can have the slug. KindInvalid.
func CheckSlug(slug string) error {
	if !slugForm.MatchString(slug) {
		return entity.Invalid("tenant.CheckSlug", "orgSlug must be 3 to 50 of a-z, 0-9 and -, with no - at its ends")
	}
	return nil
}

// TakeSlug makes sure that a tenant may have a slug: the form is right and nobody
// else has it, else KindExists.
func TakeSlug(r entity.Reader, id entity.ID, slug string) error {
	if err := CheckSlug(slug); err != nil {
		return err
	}
	has, err := BySlug(r, slug)
	if err == nil && has != "" && has != id {
		err = entity.Errorf(entity.KindExists, "tenant.TakeSlug", "orgSlug %s is taken; choose another", slug)
	}
	return err
}

// freeSlug is the slug asked for, or one that is made from the name: where that is
// taken, with the end of the id behind it.
func freeSlug(r entity.Reader, s Spec, id entity.ID) (string, error) {
	if s.Slug != "" {
		return s.Slug, TakeSlug(r, id, s.Slug)
	}
	slug := slugOf(s.Name)
	if CheckSlug(slug) == nil {
		if has, err := BySlug(r, slug); err != nil || has == "" {
			return slug, err
		}
	}
	return clipSlug(slug, 40) + lower(string(id[len(id)-8:])), nil
}

// slugOf writes a name as a slug, which may come out too short for one.
func slugOf(name string) string {
	var b []byte
	for _, c := range []byte(lower(name)) {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			b = append(b, c)
		case len(b) > 0 && b[len(b)-1] != '-':
			b = append(b, '-')
		}
	}
	for len(b) > 0 && b[len(b)-1] == '-' {
		b = b[:len(b)-1]
	}
	return string(b[:min(len(b), 50)])
}

func clipSlug(slug string, most int) string {
	if slug = slug[:min(len(slug), most)]; slug != "" {
		slug += "-"
	}
	return slug
}

func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// Slug is a tenant's, "" for none.
func Slug(m *entity.Manifest) string {
	slug, _ := m.Properties["org_slug"].(string)
	return slug
}

// Member is a user in a tenant.
type Member struct {
	ID     entity.ID
	Role   string // RoleOwner or RoleMember
	Joined string // as the manifest has it, "" where it does not say
}

// Members are the users of a tenant, by its own relationships, in the order in
// which they stand there. Who has a role by a group is not among them.
func Members(m *entity.Manifest, at time.Time) (out []Member) {
	p := access.PolicyOf(m)
	for _, r := range m.Relationships {
		if p.Roles[string(r.Predicate)] == nil || r.PeerType != entity.TypeUser && r.PeerType != "" || r.Peer == entity.Wildcard {
			continue
		}
		if ends := access.ExpiresAt(r); !ends.IsZero() && !at.Before(ends) {
			continue
		}
		member := Member{ID: r.Peer, Role: RoleMember}
		if string(r.Predicate) == RoleOwner {
			member.Role = RoleOwner
		}
		member.Joined, _ = r.Properties["granted_at"].(string)
		i := slices.IndexFunc(out, func(have Member) bool { return have.ID == r.Peer })
		switch {
		case i < 0:
			out = append(out, member)
		case member.Role == RoleOwner:
			out[i].Role = RoleOwner
		}
	}
	return out
}

// MemberOf is a user's place in a tenant; nil for none.
func MemberOf(m *entity.Manifest, user entity.ID, at time.Time) *Member {
	all := Members(m, at)
	i := slices.IndexFunc(all, func(have Member) bool { return have.ID == user })
	if i < 0 {
		return nil
	}
	return &all[i]
}

// Owners is how many of the members own the tenant.
func Owners(m *entity.Manifest, at time.Time) (n int) {
	for _, member := range Members(m, at) {
		if member.Role == RoleOwner {
			n++
		}
	}
	return n
}

// Seat gives a user a role in a tenant in place of those that it has there; ""
// takes them away. When it came stays.
func Seat(m *entity.Manifest, user entity.ID, role string, at time.Time) {
	p := access.PolicyOf(m)
	seat := membership(role, user, at)
	m.Relationships = slices.DeleteFunc(m.Relationships, func(r entity.Relationship) bool {
		if r.Peer != user || p.Roles[string(r.Predicate)] == nil {
			return false
		}
		if since, ok := r.Properties["granted_at"].(string); ok {
			seat.Properties["granted_at"] = since
		}
		return true
	})
	if role != "" {
		m.Relationships = append(m.Relationships, seat)
	}
}

// Membership is a tenant that a user is in.
type Membership struct {
	Member
	Tenant *entity.Manifest
}

// Of are the tenants of a user that are served, in the order of when the user
// came.
func Of(r entity.Reader, user entity.ID, at time.Time) (out []Membership, err error) {
	if user == "" {
		return nil, nil
	}
	for id, err := range scope.Of(r, user) {
		if err != nil {
			return nil, err
		}
		m, err := Live(r, id)
		if err != nil {
			return nil, err
		}
		if m == nil || !agent.Active(m) {
			continue
		}
		if member := MemberOf(m, user, at); member != nil {
			out = append(out, Membership{*member, m})
		}
	}
	slices.SortStableFunc(out, func(a, b Membership) int {
		switch {
		case a.Joined < b.Joined:
			return -1
		case a.Joined > b.Joined:
			return 1
		}
		return 0
	})
	return out, nil
}

// Live is a tenant that is not deleted; nil for anything else.
func Live(r agent.Source, id entity.ID) (*entity.Manifest, error) {
	h, err := r.Head(id)
	switch {
	case err != nil && entity.KindOf(err) == entity.KindNotFound:
		return nil, nil
	case err != nil || h.Deleted || h.Type != entity.TypeTenant:
		return nil, err
	}
	return r.Manifest(h.CID())
}

// MakeWorkspace gives a tenant that was made otherwise its workspace. The caller
// may manage the tenant.
func MakeWorkspace(tx entity.Tx, m *entity.Manifest) (entity.ID, error) {
	v, err := tx.Create(workspaceDraft(tx.NewID(), m.ID, m.Label()))
	if err != nil {
		return "", err
	}
	id := v.Manifest.ID
	permit(tx, m.ID)
	_, err = tx.Put(m.ID, entity.Any, func(m *entity.Manifest) error {
		m.Unrelate(entity.RelationshipRef{Predicate: agent.PredicateWorkspace})
		return m.Relate(entity.RelationshipEdit{Relationship: entity.Relationship{Predicate: agent.PredicateWorkspace, Peer: id, PeerType: entity.TypeCollection}})
	})
	return id, err
}
