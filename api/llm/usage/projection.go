package usage

import (
	"encoding/binary"
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"stemma/api/llm/price"
	"stemma/entity"
)

// name of the projection and its rows.
const name = "usage"

const (
	spaceSums   = 's'
	spaceModels = 'm'
	spaceList   = 'l'
	spacePrices = 'p'
)

// level is a width of buckets.
type level byte

const (
	level5 level = iota
	levelHour
	levelDay
	levels
)

// width in ms.
func (l level) width() int64 {
	return [levels]time.Duration{5 * time.Minute, time.Hour, 24 * time.Hour}[l].Milliseconds()
}

// Scope is whose calls are looked at.
type Scope struct{ prefix string }

// All are the calls of everybody.
func All() Scope { return Scope{"a"} }

// Tenant are the calls of a tenant's agents, without those of tenants below it.
func Tenant(id entity.ID) Scope { return Scope{"t" + string(id)} }

// Tenants are the scopes of several.
func Tenants(ids []entity.ID) []Scope {
	out := make([]Scope, len(ids))
	for i, id := range ids {
		out[i] = Tenant(id)
	}
	return out
}

// AllRecorded are the runs that recorders of everybody were told of.
func AllRecorded() Scope { return Scope{"r"} }

// Recordings are the runs that a recorder was told of which lie in a collection.
func Recordings(collection entity.ID) Scope { return Scope{"c" + string(collection)} }

// Agent are the calls of an agent.
func Agent(id entity.ID) Scope { return Scope{"g" + string(id)} }

func keyScope(key string) Scope { return Scope{"k" + key + "\x00"} }

func rowKey(space byte, l level, s Scope, bucket uint32) []byte {
	return appendKey(nil, space, l, s, bucket)
}

func appendKey(to []byte, space byte, l level, s Scope, bucket uint32) []byte {
	return binary.BigEndian.AppendUint32(append(append(to, space, byte(l)), s.prefix...), bucket)
}

// Projection keeps the rows, and the prices in memory. New makes one; it belongs
// to one store.
type Projection struct {
	mu     sync.Mutex
	tables map[entity.ID]price.Table
	prices atomic.Pointer[price.Table]
}

// New makes a projection.
func New() *Projection { return &Projection{tables: map[entity.ID]price.Table{}} }

// Name implements [entity.Projection].
func (*Projection) Name() string { return name }

// Version implements [entity.Projection].
func (*Projection) Version() int { return 2 }

// Apply implements [entity.Projection].
func (*Projection) Apply(t entity.Transition, w entity.RowWriter) error {
	if t.After.Type == TypePrices || t.Before != nil && t.Before.Type == TypePrices {
		return applyPrices(t, w)
	}
	if t.Before == nil && ours(t.After) {
		for _, key := range listed(t.After) {
			w.Set(key, nil)
		}
	}
	before, after := t.Live()
	if ours(after) && ended(after) && (t.Before == nil || ours(before) && !ended(before)) {
		count(callOf(after), w)
	} else if (t.Before == nil || before != nil) && recorded(before, after) {
		count(recordedCall(after), w)
	}
	return nil
}

// count adds a call to the rows of its scopes.
func count(c *call, w entity.RowWriter) {
	brief := c.sums
	if last := len(brief) - 1; brief[last].Place >= histogram {
		brief = brief[:last:last]
	}
	scopes := append(make([]Scope, 0, 3), All())
	if c.recordings != "" {
		scopes = append(scopes[:0], AllRecorded(), Recordings(c.recordings))
	}
	if c.tenant != "" {
		scopes = append(scopes, Tenant(c.tenant))
	}
	key := make([]byte, 0, 64+len(c.model))
	for l := range levels {
		bucket := uint32(c.at / l.width())
		for _, s := range scopes {
			key = appendKey(key[:0], spaceSums, l, s, bucket)
			w.Add(key, c.sums)
			key = append(appendKey(key[:0], spaceModels, l, s, bucket), c.model...)
			w.Add(key, brief)
		}
		if c.agent != "" {
			key = appendKey(key[:0], spaceSums, l, Agent(c.agent), bucket)
			w.Add(key, c.sums)
		}
	}
	if c.key != "" {
		w.Add(rowKey(spaceSums, levelDay, keyScope(c.key), uint32(c.at/levelDay.width())), brief)
	}
}

// listed are the rows by which a run is listed. They stay when it is deleted:
// readers pass over them.
func listed(m *entity.Manifest) [][]byte {
	tail := cursorOf(m)
	scopes := []Scope{All()}
	if id := tenantOf(m); id != "" {
		scopes = append(scopes, Tenant(id))
	}
	if id := peer(m, "agent"); len(id) == idLength {
		scopes = append(scopes, Agent(id))
	}
	keys := make([][]byte, len(scopes))
	for i, s := range scopes {
		keys[i] = append(listPrefix(s), tail...)
	}
	return keys
}

func listPrefix(s Scope) []byte { return append([]byte{spaceList}, s.prefix...) }

func applyPrices(t entity.Transition, w entity.RowWriter) error {
	_, after := t.Live()
	key := append([]byte{spacePrices}, t.ID...)
	if after == nil {
		w.Delete(key)
		return nil
	}
	row, err := json.Marshal(tableOf(after))
	if err != nil {
		return entity.Internal("usage.applyPrices", err)
	}
	w.Set(key, row)
	return nil
}

// Load implements [entity.Projection].
func (p *Projection) Load(rows entity.Rows) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.tables)
	for row, err := range rows.Scan([]byte{spacePrices}, nil) {
		if err != nil {
			return err
		}
		var t price.Table
		if err := json.Unmarshal(row.Value, &t); err != nil {
			return entity.Internal("usage.Load", err)
		}
		p.tables[entity.ID(row.Key[1:])] = t
	}
	p.showLocked()
	return nil
}

// Committed implements [entity.Projection].
func (p *Projection) Committed(steps []entity.Transition) {
	p.mu.Lock()
	defer p.mu.Unlock()
	changed := false
	for _, t := range steps {
		if t.After.Type != TypePrices && (t.Before == nil || t.Before.Type != TypePrices) {
			continue
		}
		changed = true
		if _, after := t.Live(); after != nil {
			p.tables[t.ID] = tableOf(after)
		} else {
			delete(p.tables, t.ID)
		}
	}
	if changed {
		p.showLocked()
	}
}

// showLocked shows the oldest table.
func (p *Projection) showLocked() {
	var t price.Table
	if len(p.tables) > 0 {
		t = p.tables[slices.Min(slices.Collect(maps.Keys(p.tables)))]
	}
	p.prices.Store(&t)
}

// Prices are those that an administrator has set, as of the last commit.
func (p *Projection) Prices() price.Table {
	if t := p.prices.Load(); t != nil {
		return *t
	}
	return nil
}
