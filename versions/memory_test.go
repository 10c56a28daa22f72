package versions_test

import (
	"fmt"
	"iter"
	"testing"

	"stemma/entity"
	"stemma/versions"
)

var _ versions.Reader = entity.Reader(nil)

// memory is a store in maps: sealed blocks by CID and the CIDs of an entity's
// versions. It counts what is looked up.
type memory struct {
	blocks   map[entity.CID][]byte
	versions map[entity.ID][]entity.CID
	reads    int
}

func newMemory() *memory {
	return &memory{blocks: map[entity.CID][]byte{}, versions: map[entity.ID][]entity.CID{}}
}

func (s *memory) Head(id entity.ID) (entity.Head, error) {
	s.reads++
	all := s.versions[id]
	if len(all) == 0 {
		return entity.Head{}, entity.NotFound("memory.Head", "no entity %s", id)
	}
	d, _ := entity.DigestOf(all[len(all)-1])
	return entity.Head{ID: id, Tip: d, Ver: int64(len(all))}, nil
}

func (s *memory) Manifest(c entity.CID) (*entity.Manifest, error) {
	s.reads++
	block, ok := s.blocks[c]
	if !ok {
		return nil, entity.NotFound("memory.Manifest", "no block %s", c)
	}
	return entity.DecodeManifest(block)
}

func (s *memory) VersionAt(id entity.ID, ver int64) (entity.CID, error) {
	s.reads++
	all := s.versions[id]
	if ver < 1 || ver > int64(len(all)) {
		return entity.CID{}, entity.NotFound("memory.VersionAt", "entity %s has no version %d", id, ver)
	}
	return all[ver-1], nil
}

func (s *memory) History(id entity.ID, from int64) iter.Seq2[entity.VersionRef, error] {
	all := s.versions[id]
	if from == 0 {
		from = int64(len(all))
	}
	return func(yield func(entity.VersionRef, error) bool) {
		for ver := from; ver >= 1; ver-- {
			s.reads++
			if !yield(entity.VersionRef{Ver: ver, CID: all[ver-1]}, nil) {
				return
			}
		}
	}
}

// put seals m as the next version of its entity.
func (s *memory) put(t testing.TB, m *entity.Manifest) entity.CID {
	t.Helper()
	all := s.versions[m.ID]
	m.Ver, m.Prev = int64(len(all))+1, nil
	if len(all) > 0 {
		m.Prev = &entity.Link{CID: all[len(all)-1]}
	}
	c := s.keep(t, m)
	s.versions[m.ID] = append(all, c)
	return c
}

// keep stores the block of a manifest without making it a version.
func (s *memory) keep(t testing.TB, m *entity.Manifest) entity.CID {
	t.Helper()
	block, c, err := m.Seal()
	if err != nil {
		t.Fatal(err)
	}
	s.blocks[c] = block
	return c
}

const (
	idA = entity.ID("01JH8Z0Y6V5RZ4Q8Q9V4T2W3XA")
	idB = entity.ID("01JH8Z0Y6V5RZ4Q8Q9V4T2W3XB")
	idC = entity.ID("01JH8Z0Y6V5RZ4Q8Q9V4T2W3XC")
)

const epoch = 1795330800000 // 2026-11-22T07:00:00.000Z

// manifest has the properties of a JSON text and the relationships given.
func manifest(t testing.TB, id entity.ID, properties string, rels ...entity.Relationship) *entity.Manifest {
	t.Helper()
	p, err := entity.ParseJSON([]byte(properties), 0)
	if err != nil {
		t.Fatal(err)
	}
	return &entity.Manifest{
		Schema: entity.Schema, ID: id, Type: "letter", CreatedAt: entity.FormatMillis(epoch), Ver: 1, TS: epoch,
		Properties: p.(map[string]any), Relationships: append([]entity.Relationship{}, rels...),
		EditedBy: entity.Actor{UserID: idC, Method: entity.MethodManual},
	}
}

// fill gives an entity n versions; version i has {"n": i}, the note "edit i"
// and a time of i seconds.
func (s *memory) fill(t testing.TB, id entity.ID, n int) {
	t.Helper()
	for i := 1; i <= n; i++ {
		m := manifest(t, id, fmt.Sprintf(`{"n":%d}`, i))
		m.TS, m.Note = epoch+int64(i)*1000, fmt.Sprint("edit ", i)
		s.put(t, m)
	}
}
