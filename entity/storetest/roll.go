package storetest

import (
	"cmp"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"sync"

	"stemma/entity"
)

// Roll is a projection for tests: a row for each living entity, under its type,
// and in memory how many there are of each. It keeps a trace of what it was
// told since it was loaded. It is safe for concurrent use.
type Roll struct {
	name    string
	version int

	mu    sync.Mutex
	count map[string]int
	trace []rollStep
}

// rollStep is a transition as [Roll] remembers it.
type rollStep struct {
	ID  entity.ID
	Ver int64 // made
}

// NewRoll makes a roll of a version. Rows of two versions share no key.
func NewRoll(version int) *Roll { return &Roll{name: "roll", version: version} }

// again is a roll like r that has not been loaded.
func (r *Roll) again() *Roll { return &Roll{name: r.name, version: r.version} }

// Name implements [entity.Projection].
func (r *Roll) Name() string { return r.name }

// Version implements [entity.Projection].
func (r *Roll) Version() int { return r.version }

func (r *Roll) key(m *entity.Manifest) []byte {
	return fmt.Appendf(nil, "v%d/%s/%s", r.version, m.Type, m.ID)
}

// rollValue is the row of a living entity: version and label.
func rollValue(m *entity.Manifest) []byte {
	return strconv.AppendInt([]byte(m.Label()+" "), m.Ver, 10)
}

// Apply implements [entity.Projection].
func (r *Roll) Apply(t entity.Transition, w entity.RowWriter) error {
	before, after := t.Live()
	if before != nil {
		w.Delete(r.key(before))
	}
	if after != nil {
		w.Set(r.key(after), rollValue(after))
	}
	return nil
}

// Load implements [entity.Projection].
func (r *Roll) Load(rows entity.Rows) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count, r.trace = map[string]int{}, nil
	for row, err := range rows.Scan(nil, nil) {
		if err != nil {
			return err
		}
		parts := strings.Split(string(row.Key), "/")
		r.count[parts[1]]++
	}
	return nil
}

// Committed implements [entity.Projection].
func (r *Roll) Committed(steps []entity.Transition) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range steps {
		before, after := t.Live()
		if before != nil {
			r.add(before.Type, -1)
		}
		if after != nil {
			r.add(after.Type, 1)
		}
		r.trace = append(r.trace, rollStep{t.ID, t.After.Ver})
	}
}

func (r *Roll) add(typ string, n int) {
	if r.count[typ] += n; r.count[typ] == 0 {
		delete(r.count, typ)
	}
}

// Counts are the living entities by type; a type that has none is left out.
func (r *Roll) Counts() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.count)
}

func (r *Roll) steps() []rollStep {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]rollStep(nil), r.trace...)
}

// naive makes rows and counts from nothing but the heads in c.
func (r *Roll) naive(c *contents) (rows map[string]string, counts map[string]int) {
	rows, counts = map[string]string{}, map[string]int{}
	for _, m := range c.tips {
		if !m.Deleted() {
			rows[string(r.key(m))] = string(rollValue(m))
			counts[m.Type]++
		}
	}
	return rows, counts
}

// rowsOf reads all rows of a projection, and that they ascend.
func rowsOf(rows entity.Rows) (map[string]string, error) {
	all, last := map[string]string{}, ""
	for row, err := range rows.Scan(nil, nil) {
		if err != nil {
			return nil, err
		}
		if len(all) > 0 && cmp.Compare(string(row.Key), last) <= 0 {
			return nil, audit("row %q comes after row %q", row.Key, last)
		}
		last = string(row.Key)
		all[last] = string(row.Value)
	}
	return all, nil
}
