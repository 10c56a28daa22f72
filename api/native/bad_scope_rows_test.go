package native_test

import "testing"

// scopeFixture makes scopes to do wrong with.
//
//	team     a tenant; user a user without any role, robot an agent
//	group    a group with robot and the reader in it
//	crew     a group
//	coll     a collection
//	roled    a collection in which the reader is an editor, with a role "spare"
func scopeFixture(t *testing.T, w *rig, vars map[string]string, post func(name, path, body string)) {
	t.Helper()
	post("team", "/tenants", `{"label":"team"}`)
	post("user", "/entities", `{"type":"user","properties":{"label":"user"}}`)
	post("robot", "/entities", `{"type":"agent","properties":{"label":"robot"}}`)
	post("group", "/groups", `{"label":"group"}`)
	for _, who := range []string{"robot", "reader"} {
		w.must(t, 201, "POST", "/groups/"+vars["group"]+"/members", object{"user_id": vars[who]})
	}
	post("crew", "/groups", `{"label":"crew"}`)
	post("coll", "/collections", `{"label":"coll"}`)
	post("roled", "/collections", `{"label":"roled"}`)
	for _, path := range []string{"/collections/" + vars["roled"], "/tenants/" + vars["team"]} {
		w.must(t, 201, "POST", path+"/roles", object{"role": "spare", "actions": []string{"file:view"}})
		w.must(t, 201, "POST", path+"/members", object{"user_id": vars["reader"], "role": "editor"})
	}
	for _, name := range []string{"team", "group", "roled"} {
		vars[name+"tip"] = w.must(t, 200, "GET", "/entities/"+vars[name]+"/tip", nil)["cid"].(string)
	}
}

func badScopeRows() map[string]badRow {
	rows := map[string]badRow{
		"listTenantAudit":      {path: "/tenants/$team/audit", faults: []fault{{name: "a note", path: "/tenants/$note/audit", status: 404}, {name: "before the first", path: "/tenants/$team/audit?before=0", status: 400}}},
		"getPermissions":       {path: "/permissions"},
		"getEntityPermissions": {path: "/entities/$person/permissions"},
		"getUser":              {path: "/users/$reader", faults: []fault{{name: "a note", path: "/users/$note", status: 404}, {name: "expand", path: "/users/$reader?expand=all", status: 400}}},
		"updateUser": {path: "/users/$user", body: `{"expect_tip":"$usertip","label":"l","properties":{"a":1},"relationships_add":[{"predicate":"p","peer":"$note"}]}`, faults: append(badEdits("usertip"),
			fault{name: "a note", path: "/users/$note", body: `{"expect_tip":"$notetip"}`, status: 404},
			fault{name: "its label removed", body: `{"expect_tip":"$usertip","properties_remove":["label"]}`, status: 400},
			fault{name: "into a tenant that is none", body: `{"expect_tip":"$usertip","relationships_add":[{"predicate":"tenant","peer":"$none"}]}`, status: 404},
			fault{name: "into a tenant that is a note", body: `{"expect_tip":"$usertip","relationships_add":[{"predicate":"tenant","peer":"$note"}]}`, status: 400})},
		"listUserCollections": {path: "/users/$reader/collections", faults: []fault{{name: "a note", path: "/users/$note/collections", status: 404}, {name: "two roles", path: "/users/$reader/collections?predicate=a&role=b", status: 400}}},
	}
	for _, k := range []struct{ name, path, of string }{{"Collection", "/collections", "$roled"}, {"Tenant", "/tenants", "$team"}} {
		roles, members := k.path+"/"+k.of+"/roles", k.path+"/"+k.of+"/members"
		wrong := func(body string) []fault {
			actions := func(name, list string) fault {
				return fault{name: name, body: body + `"actions":[` + list + `]}`, status: 400}
			}
			return []fault{
				actions("no action", `"view"`), actions("no verb", `"entity:fly"`), actions("a guarded type's all", `"collection:*"`), actions("everything", `"*:*"`), actions("a good one and a bad", `"*:view","x"`),
				{name: "a note", path: k.path + "/$note/roles", body: body + `"actions":["*:view"]}`, status: 404},
			}
		}
		rows["add"+k.name+"Role"] = badRow{path: roles, body: `{"role":"tester","actions":["*:view","file:upload"],"note":"n"}`, status: 201, faults: append(wrong(`{"role":"x",`),
			fault{name: "one that is there", body: `{"role":"editor","actions":["*:view"]}`, status: 409},
			fault{name: "a word with a meaning", body: `{"role":"root","actions":["*:view"]}`, status: 400},
			fault{name: "another", body: `{"role":"collection","actions":["*:view"]}`, status: 400})}
		update := []fault{
			{name: "an unknown role", path: roles + "/nobody", body: `{"actions":["*:view"]}`, status: 404},
			{name: "an owner who may not manage", path: roles + "/owner", body: `{"actions":["*:view"]}`, status: 400},
		}
		for _, f := range wrong(`{`) {
			if f.path != "" {
				f.path += "/spare"
			}
			update = append(update, f)
		}
		rows["update"+k.name+"Role"] = badRow{path: roles + "/spare", body: `{"actions":["*:view"],"note":"n"}`, faults: update}
		rows["delete"+k.name+"Role"] = badRow{path: roles + "/spare", faults: []fault{
			{name: "an unknown role", path: roles + "/nobody", status: 404},
			{name: "the owner's", path: roles + "/owner", status: 400},
			{name: "everybody's", path: roles + "/public", status: 400},
			{name: "one in use", path: roles + "/editor", status: 409},
			{name: "a note's", path: k.path + "/$note/roles/spare", status: 404},
		}}
		rows["list"+k.name+"Members"] = badRow{path: members, faults: []fault{{name: "a note", path: k.path + "/$note/members", status: 404}}}
		rows["add"+k.name+"Member"] = badRow{path: members, body: `{"user_id":"$user","role":"editor","expires_in":3600,"note":"n"}`, status: 201, faults: []fault{
			{name: "nobody", body: `{"user_id":"$none","role":"editor"}`, status: 404},
			{name: "a note", body: `{"user_id":"$note","role":"editor"}`, status: 400},
			{name: "a user of the other network", body: `{"user_id":"$far","role":"editor"}`, status: 404},
			{name: "a deleted one", body: `{"user_id":"$dead","role":"editor"}`, status: 400},
			{name: "no such role", body: `{"user_id":"$user","role":"king"}`, status: 404},
			{name: "no time", body: `{"user_id":"$user","role":"editor","expires_in":0}`, status: 400},
			{name: "for a century and more", body: `{"user_id":"$user","role":"editor","expires_in":9223372036854775807}`, status: 400},
			{name: "two spellings", body: `{"user_id":"$user","agent_id":"$robot","role":"editor"}`, status: 400},
			{name: "in a note", path: k.path + "/$note/members", status: 404},
		}}
		rows["remove"+k.name+"Member"] = badRow{path: members + "/$reader?role=editor", faults: []fault{
			{name: "without a role", path: members + "/$reader", status: 400},
			{name: "a role they lack", path: members + "/$reader?role=owner", status: 404},
			{name: "no such role", path: members + "/$reader?role=king", status: 404},
			{name: "the last owner", path: members + "/$owner?role=owner", status: 400},
			{name: "of a note", path: k.path + "/$note/members/$reader?role=editor", status: 404},
		}}
	}
	for _, k := range []struct{ name, path, of, free string }{{"Tenant", "/tenants", "team", "F3EE"}, {"Group", "/groups", "group", "F4EE"}} {
		id, tip := "$"+k.of, "$"+k.of+"tip"
		rows["create"+k.name] = badRow{path: k.path, body: `{"label":"s","id":"01KDVR0000000000000000` + k.free + `","description":"d","roles":{"owner":["tenant:manage","group:manage"]},"tenant":"$team","visibility":"private","properties":{},"relationships":[{"predicate":"p","peer":"$note"}],"note":"n"}`, status: 201, faults: []fault{
			{name: "an id taken", body: `{"label":"s","id":"` + id + `"}`, status: 409},
			{name: "an id of the other network", body: `{"label":"s","id":"$far"}`, status: 400},
			{name: "a role without sense", body: `{"label":"s","roles":{"a":["b"]}}`, status: 400},
			{name: "a tenant that is none", body: `{"label":"s","tenant":"$none"}`, status: 404},
			{name: "a tenant that is a note", body: `{"label":"s","tenant":"$note"}`, status: 400},
			{name: "seen by some", body: `{"label":"s","visibility":"some"}`, status: 400},
		}}
		rows["get"+k.name] = badRow{path: k.path + "/" + id, faults: []fault{{name: "a note", path: k.path + "/$note", status: 404}}}
		rows["update"+k.name] = badRow{path: k.path + "/" + id, body: `{"expect_tip":"` + tip + `","label":"l","description":"d","visibility":"public","properties":{"a":1},"relationships_add":[{"predicate":"p","peer":"$note"}]}`, faults: append(badEdits(k.of+"tip"),
			fault{name: "a note", path: k.path + "/$note", body: `{"expect_tip":"$notetip"}`, status: 404},
			fault{name: "its owner removed", body: `{"expect_tip":"` + tip + `","relationships_remove":[{"predicate":"owner"}]}`, status: 400})}
	}
	rows["listGroupMembers"] = badRow{path: "/groups/$group/members", faults: []fault{{name: "a note", path: "/groups/$note/members", status: 404}}}
	rows["addGroupMember"] = badRow{path: "/groups/$group/members", body: `{"user_id":"$user","role":"contains","expires_in":3600,"note":"n"}`, status: 201, faults: []fault{
		{name: "nobody", body: `{"user_id":"$none"}`, status: 404},
		{name: "a note", body: `{"user_id":"$note"}`, status: 400},
		{name: "another role", body: `{"user_id":"$user","role":"editor"}`, status: 400},
		{name: "in a note", path: "/groups/$note/members", status: 404},
	}}
	rows["removeGroupMember"] = badRow{path: "/groups/$group/members/$robot?role=contains", faults: []fault{
		{name: "who is not in it", path: "/groups/$group/members/$user", status: 404},
		{name: "another role", path: "/groups/$group/members/$robot?role=editor", status: 400},
		{name: "the last owner", path: "/groups/$group/members/$owner?role=owner", status: 400},
		{name: "of a note", path: "/groups/$note/members/$robot", status: 404},
	}}
	return rows
}
