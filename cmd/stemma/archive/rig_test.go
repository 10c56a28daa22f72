package archive_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/ipfs/go-cid"

	"stemma/cmd/stemma/archive"
	"stemma/entity"
	"stemma/entity/listing"
	"stemma/entity/store"
	"stemma/files"
	"stemma/files/index"
	"stemma/graph"
	"stemma/versions/car"
)

var actor = entity.Actor{UserID: "01JH8Z0Y6V5RZ4Q8Q9V4T2W3XK", Method: entity.MethodManual}

// place is a store with its file contents. When the test ends it is checked.
type place struct {
	*store.Store
	blobs *files.Blobs
}

// newPlace opens a store in memory.
func newPlace(t testing.TB) *place { return placeIn(t, "") }

func placeIn(t testing.TB, dir string) *place {
	t.Helper()
	s, err := store.Open(store.Options{Dir: dir, Projections: []entity.Projection{graph.New(), listing.Projection{}, index.Projection{}}})
	if err != nil {
		t.Fatal(err)
	}
	blobs, err := files.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := s.Check(context.Background(), nil); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return &place{s, blobs}
}

func (p *place) update(t testing.TB, fn func(entity.Tx) error) {
	t.Helper()
	if _, err := p.Update(t.Context(), actor, fn); err != nil {
		t.Fatal(err)
	}
}

func (p *place) create(t testing.TB, d entity.Draft) (v *entity.Version) {
	t.Helper()
	p.update(t, func(tx entity.Tx) (err error) {
		d := d
		d.Properties, d.Relationships = entity.CloneProperties(d.Properties), slices.Clone(d.Relationships)
		v, err = tx.Create(d)
		return err
	})
	return v
}

func (p *place) put(t testing.TB, id entity.ID, edit func(*entity.Manifest) error) (v *entity.Version) {
	t.Helper()
	p.update(t, func(tx entity.Tx) (err error) {
		v, err = tx.Put(id, entity.Any, edit)
		return err
	})
	return v
}

func set(key string, value any) func(*entity.Manifest) error {
	return func(m *entity.Manifest) error {
		m.Properties[key] = value
		return nil
	}
}

func bury(m *entity.Manifest) error {
	m.Bury(entity.Tombstone{DeletedAt: m.CreatedAt, DeletedBy: actor.UserID, OriginalVer: m.Ver})
	return nil
}

// upload keeps content and makes a version of a file that names it.
func (p *place) upload(t testing.TB, id entity.ID, content string) {
	t.Helper()
	info, err := p.blobs.Ingest(t.Context(), bytes.NewReader([]byte(content)), 1<<20, int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	p.put(t, id, func(m *entity.Manifest) error {
		m.Properties[index.Uploaded], m.Properties[index.CID], m.Properties[index.Size] = true, info.CID.String(), info.Size
		return nil
	})
}

func fileDraft(collection entity.ID) entity.Draft {
	return entity.Draft{Type: entity.TypeFile, Properties: entity.Properties{
		index.Key: "k", index.Filename: "letter.txt", index.ContentType: "text/plain", index.Size: int64(0), index.Uploaded: false,
	}, Relationships: member(collection)}
}

func member(collection entity.ID) []entity.Relationship {
	if collection == "" {
		return nil
	}
	return []entity.Relationship{{Predicate: entity.PredicateCollection, Peer: collection, PeerType: entity.TypeCollection}}
}

// world is what fill has made.
type world struct {
	collections []entity.ID
	plain       []entity.ID
	files       []entity.ID
}

func (w *world) all() []entity.ID { return slices.Concat(w.collections, w.plain, w.files) }

// fill plays a random life of some entities: versions, deletions, chains, and
// files with contents, of which some are equal.
func fill(t testing.TB, p *place, steps int) *world {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Log("seed", seed)
	rnd := rand.New(rand.NewPCG(seed, 7))
	w := &world{}
	for i := range 2 {
		w.collections = append(w.collections, p.create(t, entity.Draft{Type: entity.TypeCollection, Properties: entity.Properties{"label": fmt.Sprint("c", i)}}).Manifest.ID)
	}
	for n := range steps {
		in := w.collections[rnd.IntN(2)]
		switch dice := rnd.IntN(10); {
		case dice < 2 || len(w.plain) == 0:
			w.plain = append(w.plain, p.create(t, entity.Draft{Type: "letter", Properties: entity.Properties{"n": int64(n)}, Relationships: member(in)}).Manifest.ID)
		case dice < 3 || len(w.files) == 0:
			w.files = append(w.files, p.create(t, fileDraft(in)).Manifest.ID)
		case dice < 5:
			p.upload(t, w.files[rnd.IntN(len(w.files))], fmt.Sprint("content ", rnd.IntN(steps/4)))
		case dice < 7:
			id, chain := w.plain[rnd.IntN(len(w.plain))], []string{"log", "steps"}[rnd.IntN(2)]
			p.update(t, func(tx entity.Tx) error {
				_, err := tx.Append(id, chain, entity.Any, entity.Properties{"n": int64(n)})
				return err
			})
		default:
			p.put(t, w.plain[rnd.IntN(len(w.plain))], func(m *entity.Manifest) error {
				if n%7 == 0 && !m.Deleted() {
					return bury(m)
				}
				m.Properties, m.Relationships = entity.Properties{"n": int64(n)}, member(in)
				return nil
			})
		}
	}
	return w
}

func (p *place) export(t testing.TB, s archive.Selection) ([]byte, archive.ExportReport) {
	t.Helper()
	var out bytes.Buffer
	report, err := archive.Export(t.Context(), p, &out, archive.ExportOptions{Select: s, Contents: p.blobs})
	if err != nil {
		t.Fatal(err)
	}
	if report.Bytes != int64(out.Len()) {
		t.Errorf("report says %d bytes of %d", report.Bytes, out.Len())
	}
	return out.Bytes(), report
}

// take imports a file that must be read to its end, and gives what was refused.
func (p *place) take(t testing.TB, file []byte, o archive.ImportOptions) (archive.ImportReport, []archive.Refusal) {
	t.Helper()
	var refused []archive.Refusal
	o.By, o.Refused = actor.UserID, func(r archive.Refusal) { refused = append(refused, r) }
	if o.Contents == nil {
		o.Contents = p.blobs
	}
	report, err := archive.Import(t.Context(), p, bytes.NewReader(file), o)
	if err != nil {
		t.Fatal(err)
	}
	if report.Refused != len(refused) {
		t.Errorf("report says %d were refused, told of %d", report.Refused, len(refused))
	}
	return report, refused
}

// histories are the chosen entities' versions and chains, in their order, and
// the contents that they name.
func (p *place) histories(t testing.TB, ids []entity.ID) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	err := p.View(t.Context(), func(r entity.Reader) error {
		for _, id := range ids {
			for ref, err := range r.History(id, 0) {
				if err != nil {
					return err
				}
				out[string(id)] = append(out[string(id)], ref.CID.String())
				m, err := r.Manifest(ref.CID)
				if err != nil {
					return err
				}
				if c, ok := index.Of(m.Properties); ok && m.Type == entity.TypeFile {
					out[string(id)] = append(out[string(id)], p.content(t, c.CID))
				}
			}
			for _, chain := range []string{"log", "steps"} {
				for ref, err := range r.Chain(id, chain, 1) {
					if err != nil {
						return err
					}
					out[string(id)] = append(out[string(id)], fmt.Sprint(chain, ref.N, ref.CID))
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (p *place) content(t testing.TB, c entity.CID) string {
	t.Helper()
	r, err := p.blobs.Get(t.Context(), c, 0, -1)
	if err != nil {
		return "missing " + c.String()
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// block is a block of a file.
type block struct {
	cid  entity.CID
	data []byte
}

func unpack(t testing.TB, file []byte) (roots []entity.CID, blocks []block) {
	t.Helper()
	in, err := car.NewReader(bytes.NewReader(file), car.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for {
		b, err := in.Next()
		if errors.Is(err, io.EOF) {
			return in.Roots(), blocks
		}
		if err == nil && b.Content != nil {
			b.Data, err = io.ReadAll(b.Content)
		}
		if err != nil {
			t.Fatal(err)
		}
		blocks = append(blocks, block{b.CID, b.Data})
	}
}

func pack(t testing.TB, blocks []block) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := car.NewWriter(&out)
	for i := 0; i < len(blocks) && err == nil; i++ {
		err = w.Write(blocks[i].cid, blocks[i].data)
	}
	if err == nil {
		err = w.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func isContent(b block) bool { return b.cid.Type() == cid.Raw }
