package scope

import (
	"iter"
	"sync"

	"stemma/entity"
	"stemma/entity/access"
)

const name = "scope"

const (
	spaceScope  = 's'
	spaceMember = 'm'
)

// Index is the projection, and the policies of the last commit. It is safe for
// concurrent use.
type Index struct {
	mu       sync.RWMutex
	policies map[entity.ID]*access.Policy
	closed   int // how many of them are

	roles map[string]map[string][]access.Action // defaults by type, shared
}

var _ entity.Projection = (*Index)(nil)

// New makes an empty index.
func New() *Index {
	return &Index{policies: make(map[entity.ID]*access.Policy), roles: make(map[string]map[string][]access.Action)}
}

// Name implements [entity.Projection].
func (*Index) Name() string { return name }

// Version implements [entity.Projection].
func (*Index) Version() int { return 1 }

// Policy is the policy of a scope, nil where there is none.
func (x *Index) Policy(id entity.ID) *access.Policy {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.policies[id]
}

// Open tells that nobody can be kept from viewing anything: no scope is closed.
func (x *Index) Open() bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.closed == 0
}

// Len is the number of scopes.
func (x *Index) Len() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return len(x.policies)
}

// after is the policy that a step leaves, nil for none.
func after(t entity.Transition) *access.Policy {
	switch {
	case !t.After.Deleted():
		return access.PolicyOf(t.After)
	case t.Before == nil || t.Before.Deleted():
		return nil
	}
	p := access.PolicyOf(t.Before)
	if p != nil {
		p.Ver = t.After.Ver
	}
	return p
}

// Apply implements [entity.Projection].
func (x *Index) Apply(t entity.Transition, w entity.RowWriter) error {
	now := after(t)
	if now == nil {
		return nil
	}
	row, err := encode(now)
	if err != nil {
		return err
	}
	w.Set(scopeKey(t.ID), row)
	before, after := t.Live()
	was, is := members(before), members(after)
	for who := range was {
		if is[who] == nil {
			w.Delete(memberKey(who, t.ID))
		}
	}
	for who := range is {
		if was[who] == nil {
			w.Set(memberKey(who, t.ID), nil)
		}
	}
	return nil
}

// members are who is bound in a live scope, by whom it is found.
func members(m *entity.Manifest) map[entity.ID][]access.Binding {
	if m == nil {
		return nil
	}
	if p := access.PolicyOf(m); p != nil {
		return p.Bound
	}
	return nil
}

// Load implements [entity.Projection].
func (x *Index) Load(rows entity.Rows) error {
	for row, err := range rows.Scan([]byte{spaceScope}, nil) {
		if err != nil {
			return err
		}
		p, err := x.decode(entity.ID(row.Key[1:]), row.Value)
		if err != nil {
			return err
		}
		x.put(p)
	}
	return nil
}

// Committed implements [entity.Projection].
func (x *Index) Committed(steps []entity.Transition) {
	for _, t := range steps {
		if p := after(t); p != nil {
			x.mu.Lock()
			x.put(p)
			x.mu.Unlock()
		}
	}
}

// put takes a policy in; x.mu is held, or nobody else is here yet.
func (x *Index) put(p *access.Policy) {
	if old := x.policies[p.ID]; old != nil && old.Closed() {
		x.closed--
	}
	if p.Closed() {
		x.closed++
	}
	if p.HasDefaultRoles() {
		p.Roles = x.defaults(p.Type)
	}
	x.policies[p.ID] = p
}

func (x *Index) defaults(typ string) map[string][]access.Action {
	if x.roles[typ] == nil {
		x.roles[typ] = access.DefaultRoles(typ)
	}
	return x.roles[typ]
}

// Of yields the scopes in which a principal, a group or [entity.Wildcard] has a
// role, ascending by id: roles that have expired among them, deleted scopes not.
func Of(r entity.Reader, who entity.ID) iter.Seq2[entity.ID, error] {
	return func(yield func(entity.ID, error) bool) {
		prefix := memberKey(who, "")
		for row, err := range r.Rows(name).Scan(prefix, nil) {
			if err != nil {
				yield("", err)
				return
			}
			if !yield(entity.ID(row.Key[len(prefix):]), nil) {
				return
			}
		}
	}
}

func scopeKey(id entity.ID) []byte { return append([]byte{spaceScope}, id...) }

// memberKey has the length of who in front, as * is shorter than an id.
func memberKey(who, id entity.ID) []byte {
	return append(append([]byte{spaceMember, byte(len(who))}, who...), id...)
}

// Tenants are the tenants that an entity concerns: itself, those that it belongs
// to or that its collection does, and of a principal those in which it has a
// role. Each once; none of what is not there.
func Tenants(r entity.Reader, id entity.ID) ([]entity.ID, error) {
	t := tenants{r: r, seen: map[entity.ID]bool{}}
	if err := t.climb(id, 0); err != nil {
		return nil, err
	}
	for in, err := range Of(r, id) {
		if err != nil {
			return nil, err
		}
		if err := t.add(in); err != nil {
			return nil, err
		}
	}
	return t.found, nil
}

type tenants struct {
	r     entity.Reader
	seen  map[entity.ID]bool
	found []entity.ID
}

// maxAbove bounds how many levels of tenants are climbed.
const maxAbove = 4

// climb goes from an entity to its collection and to the tenants above.
func (t *tenants) climb(id entity.ID, depth int) error {
	if t.seen[id] || depth > maxAbove {
		return nil
	}
	t.seen[id] = true
	h, err := t.r.Head(id)
	if err != nil {
		return unlessAbsent(err)
	}
	if h.Type == entity.TypeTenant {
		t.found = append(t.found, id)
	}
	above := []entity.ID{h.Collection}
	if access.Own(h.Type) {
		m, err := t.r.Manifest(h.CID())
		if err != nil {
			return unlessAbsent(err)
		}
		if p := access.PolicyOf(m); p != nil {
			above = append(above, p.Above...)
		}
	}
	for _, up := range above {
		if up == "" {
			continue
		}
		if err := t.climb(up, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// add takes in a scope that is itself a tenant.
func (t *tenants) add(id entity.ID) error {
	h, err := t.r.Head(id)
	if err == nil && h.Type == entity.TypeTenant && !t.seen[id] {
		t.seen[id] = true
		t.found = append(t.found, id)
	}
	return unlessAbsent(err)
}

func unlessAbsent(err error) error {
	if err != nil && entity.KindOf(err) == entity.KindNotFound {
		return nil
	}
	return err
}
