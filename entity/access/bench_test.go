package access_test

import (
	"testing"

	"stemma/entity"
	"stemma/entity/access"
)

// A decision with the policies at hand: the fourth member of a collection of a
// tenant, who is neither owner nor named first.
func BenchmarkCheck(b *testing.B) {
	w := world{}
	w.scope(tenant, entity.TypeTenant, nil, "owner "+string(ann), "member "+string(bob))
	w.scope(coll, entity.TypeCollection, nil, "owner "+string(ann), "viewer "+string(group)+" group", "editor "+string(robot), "public *", "tenant "+string(tenant))
	w.scope(group, entity.TypeGroup, nil, "owner "+string(ann), "contains "+string(bob))
	policies := map[entity.ID]*access.Policy{}
	for id, m := range w {
		policies[id] = access.PolicyOf(m)
	}
	look := func(id entity.ID) (*access.Policy, error) { return policies[id], nil }
	inside := entity.Head{ID: note, Type: "note", Collection: coll}
	for _, row := range []struct {
		name string
		who  access.Principal
		a    access.Action
	}{{"editor updates", access.Principal{ID: robot, Kind: access.Agent}, "entity:update"}, {"member of a group views", user(bob), "entity:view"}, {"stranger is refused", user(note), "entity:update"}} {
		b.Run(row.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_ = access.Check(row.who, row.a, inside, now, look)
			}
		})
	}
}
