package access

import (
	"testing"

	"stemma/entity"
)

func TestCheck(t *testing.T) {
	anonymous := Principal{}
	stranger := Principal{ID: "01JH8Z0Y6V5RZ4Q8Q9V4T2W3XK", Kind: User}
	owner := Principal{ID: "01JH8Z0Y6V5RZ4Q8Q9V4T2W3XK", Kind: User, System: true}
	const allowed = entity.Kind(255)
	for _, row := range []struct {
		who    Principal
		action Action
		want   entity.Kind
	}{
		{anonymous, "entity:view", allowed},
		{anonymous, "entity:tip", allowed},
		{anonymous, "events:list", allowed},
		{anonymous, "entity:update", entity.KindUnauthenticated},
		{anonymous, "collection:manage", entity.KindUnauthenticated},
		{anonymous, "nonsense", entity.KindUnauthenticated},
		{stranger, "collection:view", allowed},
		{stranger, "entity:create", entity.KindForbidden},
		{stranger, "entity:delete", entity.KindForbidden},
		{owner, "entity:create", allowed},
		{owner, "collection:manage", allowed},
	} {
		err := Check(row.who, row.action, entity.Head{})
		if got := entity.KindOf(err); err == nil && row.want != allowed || err != nil && got != row.want {
			t.Errorf("%+v may %s: %v", row.who, row.action, err)
		}
	}
}
