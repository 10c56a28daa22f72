package main

import (
	"fmt"
	"strings"
	"testing"

	"stemma/entity"
)

// attempt is a request that would get somebody further than they may.
type attempt struct {
	name, method, path string
	body               object
}

// attempts are those on Ann's tenant of somebody with an id and a collection of
// their own; tip reads the tip of an entity.
func (w *houses) attempts(who resident, own string, tip func(string) string) []attempt {
	tenant, workspace, th := w.ann.tenant, w.things["workspace"], w.things
	owner := object{"predicate": "owner", "peer": who.id, "peer_type": "user"}
	in := func(predicate, peer string) object { return object{"predicate": predicate, "peer": peer} }
	put := func(id string, fields object) object {
		fields["expect_tip"] = tip(id)
		return fields
	}
	rels := func(list ...object) object { return object{"relationships_add": list} }
	list := []attempt{
		{"owner of the tenant", "PUT", "/entities/" + tenant, put(tenant, rels(owner))},
		{"member of the tenant", "PUT", "/entities/" + tenant, put(tenant, rels(object{"predicate": "editor", "peer": who.id, "peer_type": "user"}))},
		{"owner, connected", "POST", "/connect", object{"source_id": tenant, "target_id": who.id, "predicate": "owner", "expect_tip": tip(tenant)}},
		{"owner, related", "POST", "/relationships", object{"source_id": tenant, "target_id": who.id, "source_predicate": "owner", "expect_source_tip": tip(tenant)}},
		{"owner, added", "POST", "/tenants/" + tenant + "/members", object{"user_id": who.id, "role": "owner"}},
		{"everybody's role", "POST", "/tenants/" + tenant + "/roles", object{"role": "public", "actions": []string{"*:view"}}},
		{"another role", "PUT", "/tenants/" + tenant + "/roles/member", object{"actions": []string{"*:update"}}},
		{"the tenant as it was", "POST", "/entities/" + tenant + "/restore", object{"expect_tip": tip(tenant), "ver": 1}},
		{"settings by hand", "PUT", "/entities/" + tenant, put(tenant, object{"properties": object{"settings": object{}}})},
		{"settings", "PATCH", "/v1/portal/settings", object{"name": "mine", "orgSlug": "alpha-house"}},
		{"owner of the workspace", "PUT", "/entities/" + workspace, put(workspace, rels(owner))},
		{"member of the workspace", "POST", "/collections/" + workspace + "/members", object{"user_id": who.id, "role": "owner"}},
		{"a public workspace", "PUT", "/collections/" + workspace, put(workspace, object{"visibility": "public"})},
		{"out of the tenant", "PUT", "/entities/" + workspace, put(workspace, object{"relationships_remove": []object{{"predicate": "tenant"}}})},
		{"into another's", "PUT", "/entities/" + th["agent"], put(th["agent"], object{"relationships_add": []object{in("collection", own)}, "relationships_remove": []object{in("collection", workspace)}})},
		{"the agent's owner", "PUT", "/entities/" + th["agent"], put(th["agent"], rels(owner))},
		{"another's agent", "PUT", "/entities/" + th["agent"], put(th["agent"], rels(in("tenant", w.eve.tenant)))},
		{"a public agent", "PUT", "/entities/" + th["agent"], put(th["agent"], object{"properties": object{"visibility": "public"}})},
		{"a key of the agent", "POST", "/agents/" + th["agent"] + "/keys", object{}},
		{"the invitation used again", "PUT", "/entities/" + th["invite"], put(th["invite"], object{"properties": object{"use_count": 0, "expires_at": "2099-01-01T00:00:00.000Z"}})},
		{"the key hidden", "DELETE", "/entities/" + th["key"], object{"expect_tip": tip(th["key"])}},
		{"the key as revoked", "PUT", "/entities/" + th["key"], put(th["key"], object{"properties": object{"status": "revoked"}})},
		{"all of it gone", "DELETE", "/entities/" + th["agent"] + "/cascade", object{"expect_tip": tip(th["agent"]), "collection_id": workspace, "cascade_predicates": []string{"*"}}},
		{"the conversation gone", "DELETE", "/entities/" + th["conversation"], object{"expect_tip": tip(th["conversation"])}},
		{"the group", "POST", "/groups/" + th["group"] + "/members", object{"user_id": who.id}},
		{"the operator's provider", "PUT", "/entities/" + w.provider, put(w.provider, rels(in("available_to", w.eve.tenant)))},
		{"open to all", "PUT", "/entities/" + w.provider, put(w.provider, object{"properties": object{"tenant_available": true, "base_url": "https://elsewhere.example"}})},
		{"of one that is another's", "PATCH", "/v1/portal/settings", object{"gatewayProviderId": w.provider}},
		{"a backup", "GET", "/admin/backup", nil},
		{"a key of a provider", "GET", "/entities/" + th["agent"] + "/chain/secrets", nil},
	}
	// What would lie in the tenant, by each way in.
	for _, typ := range []string{"note", "invite", "api_key", "run", "conversation", "agent_job", "file", "folder", "session", "collection", "tenant", "group", "user", "service", "provider", "store"} {
		for _, way := range []object{in("collection", workspace), in("tenant", tenant), in("parent", tenant)} {
			if way["predicate"] == "parent" && typ != "tenant" {
				continue // means nothing on others
			}
			draft := object{"type": typ, "properties": object{"label": "x", "status": "active", "tenant": tenant, "roles": object{"owner": []string{"*:view", typ + ":create", typ + ":manage", "collection:manage", "tenant:manage", "group:manage"}}}, "relationships": []object{owner, way}}
			if typ == "tenant" {
				delete(draft["properties"].(object), "status") // which is the server's
			}
			name := fmt.Sprintf("a %s with %s", typ, way["predicate"])
			list = append(list, attempt{name, "POST", "/entities", draft}, attempt{name + ", of many", "POST", "/entities/batch", object{"entities": []object{draft}}})
		}
	}
	// What is the operator's, in a collection whose roles say otherwise.
	for _, typ := range []string{"service", "provider", "invite", "api_key", "agent_job"} {
		draft := object{"type": typ, "properties": object{"label": "x", "kind": "openai", "is_default": true, "tenant_available": true}, "relationships": []object{owner, in("collection", own)}}
		list = append(list, attempt{"a " + typ + " of one's own", "POST", "/entities", draft}, attempt{"a " + typ + " in nothing", "POST", "/entities", object{"type": typ, "properties": object{"label": "x"}, "relationships": []object{owner}}})
	}
	return list
}

// ownCollection is one whose roles name every action that there is a role for.
func (w *houses) ownCollection(who resident) string {
	w.t.Helper()
	actions := []string{"*:view", "*:update", "*:create", "*:manage"}
	for _, typ := range []string{"collection", "tenant", "group", "service", "provider", "user", "agent", "store", "invite", "api_key", "run", "agent_job"} {
		for _, verb := range []string{"view", "create", "update", "delete", "restore", "manage"} {
			actions = append(actions, typ+":"+verb)
		}
	}
	_, c := w.must(201, who.token, "POST", "/collections", object{"label": "mine", "roles": object{"owner": actions}})
	return c["id"].(string)
}

func (w *houses) tip(id string) (cid string) {
	w.t.Helper()
	err := w.stores[0].View(w.t.Context(), func(r entity.Reader) error {
		h, err := r.Head(entity.ID(id))
		cid = h.CID().String()
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return cid
}

// Neither a stranger nor a member gets further than their role by any operation
// that writes: what they try is refused, and nothing is written.
func TestNobodyRises(t *testing.T) {
	w := newHouses(t)
	for name, who := range map[string]resident{"a stranger": w.eve, "a member": w.mia} {
		own := w.ownCollection(who)
		for _, a := range w.attempts(who, own, w.tip) {
			if a.name == "settings" && name == "a stranger" {
				a.body = object{"orgSlug": "alpha-house"} // their own settings, and a name that is taken
			}
			before := w.stores[0].Seq()
			out := w.call(who.token, a.method, a.path, a.body)
			if out.Code < 400 && out.Code != 207 || out.Code >= 500 {
				t.Errorf("%s by %s: %d %.300s", a.name, name, out.Code, out.Body)
			}
			if made := w.written(before); len(made) > 0 {
				t.Errorf("%s by %s was written: %+v %d %.300s", a.name, name, made, out.Code, out.Body)
			}
			if name == "a stranger" {
				w.mustNotShow(fmt.Sprint(a), out)
			} else if strings.Contains(out.Body.String(), "sk-"+marker) {
				t.Errorf("%s by %s shows the key of a provider: %s", a.name, name, out.Body)
			}
		}
	}
	_, got := w.must(200, w.ann.token, "GET", "/v1/portal/members", nil)
	if all := fmt.Sprint(got["members"]); len(got["members"].([]any)) != 2 || strings.Count(all, "role:owner") != 1 || strings.Contains(all, w.eve.id) {
		t.Errorf("the members are %s", all)
	}
}

// An invitation leads into the tenant that made it, whatever its owner writes into
// it, and a tenant's owner switches nothing on that the operator has switched off.
func TestRecordsAreTheServers(t *testing.T) {
	w := newHouses(t)
	_, invite := w.must(201, w.eve.token, "POST", "/v1/portal/invites", object{})
	id := invite["id"].(string)
	collection := object{"predicate": "collection"}
	into := object{"predicate": "tenant", "peer": w.ann.tenant, "peer_type": "tenant"}
	for name, fields := range map[string]object{
		"into another tenant":      {"relationships_add": []object{into}},
		"and out of its own":       {"relationships_add": []object{into}, "relationships_remove": []object{collection}},
		"out of its own":           {"relationships_remove": []object{collection}},
		"as often as one likes":    {"properties": object{"use_count": -1000}},
		"for longer than it holds": {"properties": object{"expires_at": "2099-01-01T00:00:00.000Z"}},
	} {
		fields["expect_tip"] = w.tip(id)
		if out := w.call(w.eve.token, "PUT", "/entities/"+id, fields); out.Code < 400 || out.Code >= 500 {
			t.Errorf("%s: %d %s", name, out.Code, out.Body)
		}
	}
	max := w.signUp(object{"email": "max@example.com", "inviteToken": invite["token"]})
	if max.tenant != w.eve.tenant {
		t.Errorf("Max is in %s", max.tenant)
	}
	own := w.eve.tenant
	w.must(200, testKey, "PUT", "/entities/"+own, object{"expect_tip": w.tip(own), "properties": object{"status": "inactive"}})
	for name, a := range map[string]attempt{
		"switched on":           {method: "PUT", path: "/entities/" + own, body: object{"expect_tip": w.tip(own), "properties": object{"status": "active"}}},
		"as it was":             {method: "POST", path: "/entities/" + own + "/restore", body: object{"expect_tip": w.tip(own), "ver": 1}},
		"another's slug":        {method: "PUT", path: "/entities/" + own, body: object{"expect_tip": w.tip(own), "properties": object{"org_slug": "alpha-house"}}},
		"another's slug, anew":  {method: "POST", path: "/tenants", body: object{"label": "x", "properties": object{"org_slug": "alpha-house"}}},
		"by the portal, though": {method: "PATCH", path: "/v1/portal/settings", body: object{"name": "x"}},
	} {
		if out := w.call(w.eve.token, a.method, a.path, a.body); out.Code < 400 || out.Code >= 500 {
			t.Errorf("%s: %d %s", name, out.Code, out.Body)
		}
	}
	w.must(200, w.eve.token, "DELETE", "/entities/"+own, object{"expect_tip": w.tip(own)})
	if out := w.call(w.eve.token, "POST", "/entities/"+own+"/restore", object{"expect_tip": w.tip(own), "ver": 1}); out.Code != 400 {
		t.Errorf("dead and risen again: %d %s", out.Code, out.Body)
	}
}

// A key for clients of language models is one for nothing else.
func TestGatewayKeyIsBounded(t *testing.T) {
	w := newHouses(t)
	key, agent := w.things["loom"], w.things["agent"]
	w.must(200, key, "GET", "/v1/models", nil)
	for _, a := range []attempt{
		{method: "PUT", path: "/entities/" + agent, body: object{"expect_tip": w.tip(agent), "properties": object{"system_prompt": "x"}}},
		{method: "GET", path: "/entities/" + agent}, {method: "GET", path: "/entities/" + w.ann.tenant}, {method: "GET", path: "/v1/portal/me"},
		{method: "POST", path: "/entities", body: object{"type": "note", "properties": object{"label": "x"}}}, {method: "POST", path: "/agents/" + agent + "/keys", body: object{}},
		{method: "POST", path: "/entities", body: object{"type": "note", "collection": w.things["workspace"]}},
	} {
		if out := w.call(key, a.method, a.path, a.body); out.Code != 403 && out.Code != 404 && out.Code != 401 {
			t.Errorf("%s %s: %d %s", a.method, a.path, out.Code, out.Body)
		}
	}
}

// Who is removed is out at once, also of what they made and owned by another view,
// which is the owner's then; and a key that they made by that view asks no models.
func TestWhoIsRemovedIsOut(t *testing.T) {
	w := newHouses(t)
	for _, leaves := range []bool{false, true} {
		max := w.signUp(object{"email": fmt.Sprintf("max%t@example.com", leaves), "inviteToken": w.things["token"]})
		_, made := w.must(201, max.token, "POST", "/agents", object{"label": "Max's", "endpoint": "https://agent.example", "actions_required": []string{"entity:view"}, "collection": w.things["workspace"]})
		agent := made["id"].(string)
		_, key := w.must(201, max.token, "POST", "/agents/"+agent+"/keys", object{})
		w.must(200, max.token, "GET", "/entities/"+agent, nil)
		own := w.ownCollection(max)
		w.must(201, w.ann.token, "POST", "/collections/"+w.things["base"]+"/members", object{"user_id": max.id, "role": "viewer"})
		if leaves {
			w.must(204, max.token, "POST", "/v1/portal/tenants/"+w.ann.tenant+"/leave", nil)
		} else {
			w.must(204, w.ann.token, "DELETE", "/v1/portal/members/"+max.id, nil)
		}
		for _, path := range []string{"/entities/" + agent, "/agents/" + agent + "/keys", "/entities/" + w.things["workspace"], "/entities/" + w.things["note"]} {
			w.must(404, max.token, "GET", path, nil)
		}
		w.must(200, max.token, "GET", "/entities/"+own, nil)
		w.must(401, key["key"].(string), "GET", "/v1/models", nil)
		w.must(200, w.ann.token, "GET", "/agents/"+agent+"/keys", nil)
	}
}
