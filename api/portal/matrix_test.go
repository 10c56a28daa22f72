package portal_test

import (
	"maps"
	"slices"
	"testing"

	"stemma/entity/access"
)

// Every operation lets in whom it should and nobody else: all of them, tried by
// everybody. What is refused changes nothing.
func TestMatrix(t *testing.T) {
	var w *world
	rows := opRows()
	for i := range newRig(t).ops {
		if w == nil {
			w = newWorld(t)
		}
		op := &w.ops[i]
		row, ok := rows[op.ID]
		if !ok {
			t.Errorf("%s has no row", op.ID)
			continue
		}
		delete(rows, op.ID)
		if row.owners != (op.Permission == "tenant:manage") || row.public != (op.Permission == "") {
			t.Errorf("%s says that it takes %q", op.ID, op.Permission)
		}
		ready := w
		for _, caller := range slices.Sorted(maps.Keys(w.callers)) {
			if row.before != nil && ready != nil {
				row.before(w)
				ready = nil
			}
			before, want := w.store.Seq(), row.wants(op, caller)
			out := w.send(op.Method, row.path, row.body, "Authorization", w.callers[caller], "Cookie", row.cookie)
			if out.Code != want {
				t.Errorf("%s by %s: %d, want %d: %.300s", op.ID, caller, out.Code, want, out.Body)
			}
			switch wrote := w.store.Seq() != before; {
			case wrote && out.Code >= 400:
				t.Errorf("%s by %s was refused and wrote", op.ID, caller)
			case out.Code >= 400:
				checkError(t, op.ID+" by "+caller, out)
			case wrote:
				w = newWorld(t)
				ready = w
			}
		}
	}
	for id := range rows {
		t.Errorf("the row %s has no operation", id)
	}
}

// The actions that operations say they take are those of the tables.
func TestPermissionsAreRegistered(t *testing.T) {
	for _, op := range newRig(t).ops {
		if op.Permission != "" && !access.Registered(access.Action(op.Permission)) {
			t.Errorf("%s takes %s, which is not in the tables of package access", op.ID, op.Permission)
		}
		if op.ErrorBody == nil {
			t.Errorf("%s renders errors as another view does", op.ID)
		}
	}
}
