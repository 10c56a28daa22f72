package mirror_test

import (
	"fmt"
	"testing"

	"stemma/entity"
	"stemma/entity/store"
	"stemma/graph"
)

// BenchmarkMirror copies 50,000 events, each with its manifest, over HTTP from
// disk to disk, both ends in this process. Entities are as in the row of the
// import: a few properties, two relationships.
func BenchmarkMirror(b *testing.B) {
	const events, batch = 50_000, 500
	s := newSource(b)
	var ids []entity.ID
	for n := 0; n < events; n += batch {
		_, err := s.main().Update(b.Context(), people[2], func(tx entity.Tx) error {
			made := ids
			for i := range batch {
				v, err := tx.Create(benchDraft(ids, n+i))
				if err != nil {
					return err
				}
				made = append(made, v.Manifest.ID)
			}
			ids = made
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ResetTimer()
	for b.Loop() {
		b.StopTimer()
		copied := openStore(b, store.Options{Dir: b.TempDir()}, graph.New())
		b.StartTimer()
		if r := s.mustOnce(b, copied); r.To != events {
			b.Fatalf("%+v", r)
		}
	}
	b.ReportMetric(float64(events)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

func benchDraft(ids []entity.ID, n int) entity.Draft {
	d := entity.Draft{Type: "person", Properties: entity.Properties{
		"label": fmt.Sprint("Person ", n), "born": int64(1850 + n%100), "place": "Shaker Village", "note": "found in the parish register",
	}}
	if len(ids) > 1 {
		d.Relationships = []entity.Relationship{
			{Predicate: entity.PredicateCollection, Peer: ids[0]}, {Predicate: "knows", Peer: ids[1+n%(len(ids)-1)]},
		}
	}
	return d
}
