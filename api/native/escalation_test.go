package native_test

import (
	"fmt"
	"net/http"
	"testing"

	"stemma/api/auth"
	"stemma/entity"
	"stemma/entity/access"
)

// caller makes a user with a key.
func (w *rig) caller(t *testing.T, label string) (id, header string) {
	t.Helper()
	w.keys++
	key := fmt.Sprintf("uk_%064d", 500_000+w.keys)
	_, err := w.main().Update(t.Context(), entity.Actor{UserID: ownerID, Method: entity.MethodSystem}, func(tx entity.Tx) error {
		v, err := tx.Create(entity.Draft{Type: entity.TypeUser, Properties: entity.Properties{"label": label}})
		if err != nil {
			return err
		}
		id = string(v.Manifest.ID)
		return auth.SetKey(tx, key, access.Principal{ID: v.Manifest.ID, Kind: access.User})
	})
	if err != nil {
		t.Fatal(err)
	}
	return id, "ApiKey " + key
}

// as sends a request in somebody's name.
func (w *rig) as(t *testing.T, header, method, path string, body any) (status int, answer object) {
	t.Helper()
	text := ""
	if body != nil {
		text = encode(t, body)
	}
	out := w.call(method, path, text, "Authorization", header)
	return out.Code, decode(t, out.Body.Bytes())
}

// Somebody who may update a collection, and not manage it, gets no further by
// any endpoint that carries a role: what is refused changes nothing. The same
// requests by the owner show that it is the right that is missing.
func TestRolesAreChangedByManageOnly(t *testing.T) {
	w := newRig(t, rigOptions{})
	ann, annKey := w.caller(t, "Ann")
	bob, bobKey := w.caller(t, "Bob")
	_, c := w.as(t, annKey, "POST", "/collections", object{"label": "c", "roles": object{
		"owner":  []string{"*:view", "*:update", "*:create", "collection:update", "collection:manage"},
		"keeper": []string{"*:view", "*:update", "*:create", "collection:update"},
	}})
	coll := c["id"].(string)
	w.as(t, annKey, "POST", "/collections/"+coll+"/members", object{"user_id": bob, "role": "owner"})
	w.as(t, annKey, "DELETE", "/collections/"+coll+"/members/"+bob+"?role=owner", nil)
	if status, e := w.as(t, annKey, "POST", "/collections/"+coll+"/members", object{"user_id": bob, "role": "keeper"}); status != http.StatusCreated {
		t.Fatal(status, e)
	}
	_, n := w.as(t, bobKey, "POST", "/entities", object{"type": "note", "collection": coll})
	note := n["id"].(string)
	tip := func(id string) string {
		return w.must(t, 200, "GET", "/entities/"+id+"/tip", nil)["cid"].(string)
	}
	owner := object{"predicate": "owner", "peer": bob, "peer_type": "user"}
	everybody := object{"predicate": "keeper", "peer": "*"}
	attempts := []struct {
		name, method, path string
		body               func() object
	}{
		{"relationships_add on the collection", "PUT", "/collections/" + coll, func() object { return object{"expect_tip": tip(coll), "relationships_add": []object{owner}} }},
		{"on the entity", "PUT", "/entities/" + coll, func() object { return object{"expect_tip": tip(coll), "relationships_add": []object{owner}} }},
		{"everybody", "PUT", "/entities/" + coll, func() object { return object{"expect_tip": tip(coll), "relationships_add": []object{everybody}} }},
		{"more time", "PUT", "/entities/" + coll, func() object {
			return object{"expect_tip": tip(coll), "relationships_add": []object{{"predicate": "keeper", "peer": bob, "properties": object{"expires_at": "2099-01-01T00:00:00Z"}}}}
		}},
		{"connect", "POST", "/connect", func() object {
			return object{"source_id": coll, "target_id": bob, "predicate": "owner", "expect_tip": tip(coll)}
		}},
		{"relationships", "POST", "/relationships", func() object {
			return object{"source_id": coll, "target_id": bob, "source_predicate": "owner", "expect_source_tip": tip(coll)}
		}},
		{"relationships, from the other side", "POST", "/relationships", func() object {
			return object{"source_id": bob, "target_id": coll, "source_predicate": "owns", "target_predicate": "owner", "expect_source_tip": tip(bob), "expect_target_tip": tip(coll)}
		}},
		{"the property roles", "PUT", "/entities/" + coll, func() object {
			return object{"expect_tip": tip(coll), "properties": object{"roles": object{"keeper": []string{"*:view", "collection:update", "collection:manage"}}}}
		}},
		{"a role for a predicate that is there", "PUT", "/entities/" + coll, func() object {
			return object{"expect_tip": tip(coll), "properties": object{"roles": object{"knows": []string{"collection:manage"}}}}
		}},
		{"visibility", "PUT", "/collections/" + coll, func() object { return object{"expect_tip": tip(coll), "visibility": "private"} }},
		{"a role", "POST", "/collections/" + coll + "/roles", func() object { return object{"role": "king", "actions": []string{"*:view"}} }},
		{"a role's actions", "PUT", "/collections/" + coll + "/roles/keeper", func() object { return object{"actions": []string{"*:view", "collection:manage"}} }},
		{"a member", "POST", "/collections/" + coll + "/members", func() object { return object{"user_id": bob, "role": "owner"} }},
		{"himself, away", "DELETE", "/collections/" + coll + "/members/" + bob + "?role=keeper", func() object { return nil }},
		{"a version with himself as owner", "POST", "/entities/" + coll + "/restore", func() object { return object{"expect_tip": tip(coll), "ver": 2} }},
		{"another's role, disconnected", "POST", "/connect/disconnect", func() object {
			return object{"source_id": coll, "target_id": bob, "predicate": "keeper", "expect_tip": tip(coll)}
		}},
		{"another's role, by relationships", "DELETE", "/relationships", func() object {
			return object{"source_id": coll, "target_id": bob, "source_predicate": "keeper", "expect_source_tip": tip(coll)}
		}},
	}
	for _, a := range attempts {
		before := tip(coll)
		body := a.body()
		if status, e := w.as(t, bobKey, a.method, a.path, body); status != http.StatusForbidden {
			t.Errorf("%s by Bob: %d %v", a.name, status, e["error"])
		}
		if tip(coll) != before {
			t.Fatalf("%s was refused and changed the collection", a.name)
		}
	}
	// What takes only the right to update is his.
	if status, e := w.as(t, bobKey, "PUT", "/collections/"+coll, object{"expect_tip": tip(coll), "label": "d", "relationships_add": []object{{"predicate": "about", "peer": note}}}); status != http.StatusOK {
		t.Errorf("a label by Bob: %d %v", status, e)
	}
	for _, a := range attempts {
		if a.name == "relationships, from the other side" { // Bob's own entity is Bob's
			continue
		}
		if status, e := w.as(t, annKey, a.method, a.path, a.body()); status >= 400 {
			t.Errorf("%s by Ann: %d %v", a.name, status, e["error"])
		}
		if status, e := w.as(t, annKey, "POST", "/entities/"+coll+"/restore", object{"expect_tip": tip(coll), "ver": 5}); status != http.StatusOK {
			t.Fatalf("after %s: back to where it was: %d %v", a.name, status, e)
		}
	}
	_ = ann
}

// Nobody gets something into a collection, or out of it, by writing the
// relationship by hand, wherever a relationship can be written.
func TestCollectionsAreEnteredByCreateOnly(t *testing.T) {
	w := newRig(t, rigOptions{})
	_, annKey := w.caller(t, "Ann")
	_, eveKey := w.caller(t, "Eve")
	_, c := w.as(t, annKey, "POST", "/collections", object{"label": "c"})
	coll := c["id"].(string)
	_, n := w.as(t, annKey, "POST", "/entities", object{"type": "note", "collection": coll})
	note := n["id"].(string)
	_, m := w.as(t, eveKey, "POST", "/entities", object{"type": "note"})
	eves, evesTip := m["id"].(string), m["cid"].(string)
	in := object{"predicate": "collection", "peer": coll}
	for name, a := range map[string]struct {
		method, path string
		body         object
		status       int
	}{
		"create":         {"POST", "/entities", object{"type": "note", "collection": coll}, 403},
		"create by hand": {"POST", "/entities", object{"type": "note", "relationships": []object{in}}, 403},
		"a second one":   {"POST", "/entities", object{"type": "note", "relationships": []object{{"predicate": "collection", "peer": coll}}}, 403},
		"batch":          {"POST", "/entities/batch", object{"entities": []object{{"type": "note", "relationships": []object{in}}}}, 207},
		"batch default":  {"POST", "/entities/batch", object{"default_collection": coll, "entities": []object{{"type": "note"}}}, 207},
		"folder":         {"POST", "/folders", object{"label": "f", "collection": coll}, 403},
		"folder by hand": {"POST", "/folders", object{"label": "f", "relationships": []object{in}}, 403},
		"file":           {"POST", "/files", object{"key": "1", "filename": "a", "content_type": "text/plain", "size": 1, "collection": coll}, 403},
		"update":         {"PUT", "/entities/" + eves, object{"expect_tip": evesTip, "relationships_add": []object{in}}, 403},
		"connect":        {"POST", "/connect", object{"source_id": eves, "target_id": coll, "predicate": "collection", "expect_tip": evesTip}, 403},
		"relationships":  {"POST", "/relationships", object{"source_id": eves, "target_id": coll, "source_predicate": "collection", "expect_source_tip": evesTip}, 403},
		"taking out":     {"PUT", "/entities/" + note, object{"expect_tip": n["cid"], "relationships_remove": []object{{"predicate": "collection"}}}, 403},
		"disconnecting":  {"POST", "/connect/disconnect", object{"source_id": note, "target_id": coll, "predicate": "collection", "expect_tip": n["cid"]}, 403},
		"cascade":        {"DELETE", "/entities/" + note + "/cascade", object{"expect_tip": n["cid"], "collection_id": coll, "cascade_predicates": []string{"*"}}, 403},
		"root":           {"PUT", "/collections/" + coll + "/root", object{"expect_tip": c["cid"], "entity_id": note}, 403},
		"a user":         {"POST", "/entities", object{"type": "user", "properties": object{"label": "u"}}, 403},
		"a service":      {"POST", "/entities", object{"type": "service", "properties": object{"label": "u"}}, 403},
		"no owner":       {"POST", "/entities", object{"type": "collection", "properties": object{"label": "u"}}, 400},
	} {
		if status, e := w.as(t, eveKey, a.method, a.path, a.body); status != a.status {
			t.Errorf("%s by Eve: %d, want %d: %v", name, status, a.status, e)
		}
	}
	list := w.must(t, 200, "GET", "/collections/"+coll+"/entities", nil)
	if n := len(list["entities"].([]any)); n != 1 {
		t.Errorf("the collection has %d entities", n)
	}
}

// The server writes a peer's label only where all who read it may read the peer.
func TestLabelsStayWhereTheyBelong(t *testing.T) {
	w := newRig(t, rigOptions{})
	_, annKey := w.caller(t, "Ann")
	_, c := w.as(t, annKey, "POST", "/collections", object{"label": "c", "visibility": "private"})
	_, secret := w.as(t, annKey, "POST", "/entities", object{"type": "note", "collection": c["id"], "properties": object{"label": "secret"}})
	_, open := w.as(t, annKey, "POST", "/entities", object{"type": "note", "properties": object{"label": "open"}})
	status, e := w.as(t, annKey, "POST", "/connect", object{"source_id": open["id"], "target_id": secret["id"], "expect_tip": open["cid"]})
	if status != http.StatusCreated || at(e, "source", "relationships", 0, "peer_label") != nil {
		t.Errorf("the label of what is private, on what is not: %d %v", status, at(e, "source", "relationships"))
	}
	status, e = w.as(t, annKey, "POST", "/connect", object{"source_id": secret["id"], "target_id": open["id"], "expect_tip": secret["cid"]})
	if got := at(e, "source", "relationships", 1, "peer_label"); status != http.StatusCreated || got != "open" {
		t.Errorf("the label of what is not private: %d %v", status, got)
	}
	_, e = w.as(t, "", "GET", "/entities/"+open["id"].(string)+"?expand=relationships:full", nil)
	if at(e, "relationships", 0, "peer_entity") != nil {
		t.Errorf("expanded for anybody: %v", e)
	}
}

// A stream shows what is for everybody, and passes over what is not, also when a
// scope is closed while it is followed.
func TestStreamPassesOverWhatIsHidden(t *testing.T) {
	w := newRig(t, rigOptions{})
	s := serveDrained(t, w)
	open := s.follow(t, "/events?since="+fmt.Sprint(w.main().Seq()), "")
	create := func(body object) string {
		t.Helper()
		id, _ := w.create(t, body)
		return id
	}
	next := func(want string) {
		t.Helper()
		e, err := open.next()
		if err != nil || e.body.PI != want {
			t.Fatalf("the stream shows %s, %v; want %s", e.body.PI, err, want)
		}
	}
	next(create(object{"type": "note"}))
	hidden := w.must(t, 201, "POST", "/collections", object{"label": "c", "visibility": "private"})
	create(object{"type": "note", "collection": hidden["id"]})
	next(create(object{"type": "note"}))
	shown := w.must(t, 201, "POST", "/collections", object{"label": "c"})
	next(shown["id"].(string))
	member := create(object{"type": "note", "collection": shown["id"]})
	next(member)
	w.must(t, 200, "PUT", "/collections/"+shown["id"].(string), object{"expect_tip": shown["cid"], "visibility": "private"})
	create(object{"type": "note", "collection": shown["id"]})
	next(create(object{"type": "note"}))
}

// Whoever makes collections and the roles in them makes no services with those: a
// service may do everything. Nor does such a role reach a service that there is.
func TestServicesAreTheOperators(t *testing.T) {
	w := newRig(t, rigOptions{})
	eve, eveKey := w.caller(t, "Eve")
	all := []string{"service:view", "service:create", "service:update", "service:delete", "service:restore", "service:manage"}
	_, c := w.as(t, eveKey, "POST", "/collections", object{"label": "mine",
		"roles":         object{"owner": append([]string{"*:view", "*:update", "*:create", "collection:update", "collection:manage"}, all...)},
		"relationships": []object{{"predicate": "owner", "peer": eve, "peer_type": "user"}},
	})
	coll := c["id"].(string)
	owner := object{"predicate": "owner", "peer": eve, "peer_type": "user"}
	draft := object{"type": "service", "collection": coll, "properties": object{"label": "x"}, "relationships": []object{owner}}
	real := w.must(t, 201, "POST", "/services", object{"label": "real"})
	id := real["id"].(string)
	before := w.main().Seq()
	for name, a := range map[string]struct {
		method, path string
		body         object
	}{
		"one in the collection":  {"POST", "/entities", draft},
		"one in nothing":         {"POST", "/entities", object{"type": "service", "properties": object{"label": "x"}, "relationships": []object{owner}}},
		"by the route for them":  {"POST", "/services", object{"label": "x"}},
		"one of many":            {"POST", "/entities/batch", object{"entities": []object{draft}}},
		"a key of one":           {"POST", "/services/" + id + "/keys", object{}},
		"into the collection":    {"PUT", "/entities/" + id, object{"expect_tip": real["cid"], "relationships_add": []object{{"predicate": "collection", "peer": coll, "peer_type": "collection"}}}},
		"another who manages it": {"PUT", "/entities/" + id, object{"expect_tip": real["cid"], "relationships_add": []object{owner}}},
	} {
		if status, e := w.as(t, eveKey, a.method, a.path, a.body); e["id"] != nil || e["key"] != nil {
			t.Errorf("%s: %d %v", name, status, e)
		}
	}
	if after := w.main().Seq(); after != before {
		t.Errorf("%d changes were made", after-before)
	}
}
