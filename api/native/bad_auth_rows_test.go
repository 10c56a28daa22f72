package native_test

import (
	"net/http"
	"testing"
)

const account = `{"email":"eve@example.com","password":"correct horse"}`

// withSession signs eve up, or in, and names her $access and $refresh tokens.
func withSession(t *testing.T, w *rig, vars map[string]string) {
	t.Helper()
	out := w.call("POST", "/auth/signup", account)
	if out.Code != http.StatusCreated && out.Code != http.StatusOK {
		t.Fatalf("%d: %s", out.Code, out.Body)
	}
	vars["access"] = decode(t, out.Body.Bytes())["access_token"].(string)
	vars["refresh"] = cookieOf(out)
}

// withHolders makes an agent and a service, each and the owner with a key:
// $agent has $agentprefix.
func withHolders(t *testing.T, w *rig, vars map[string]string) {
	t.Helper()
	vars["agent"], _ = w.create(t, object{"type": "agent", "properties": object{"label": "bot"}})
	vars["service"] = w.must(t, 201, "POST", "/services", object{"label": "worker"})["id"].(string)
	for name, path := range map[string]string{"agent": "/agents/" + vars["agent"], "service": "/services/" + vars["service"], "my": "/users/me"} {
		vars[name+"prefix"] = w.must(t, 201, "POST", path+"/keys", object{})["key_prefix"].(string)
	}
}

// crossSite is what a browser says of a request that another site's page makes.
var crossSite = fault{name: "from another site", headers: []string{"Sec-Fetch-Site", "cross-site"}, status: 403}

func badAuthRows() map[string]badRow {
	cookie := []string{"Cookie", "stemma_refresh=$refresh"}
	noCookie := []fault{
		{name: "no cookie", headers: []string{"Cookie", "", "Authorization", ""}, status: 401},
		{name: "another cookie", headers: []string{"Cookie", "stemma=$refresh", "Authorization", ""}, status: 401},
		{name: "a cookie of nonsense", headers: []string{"Cookie", "stemma_refresh=nonsense", "Authorization", ""}, status: 401},
		{name: "a broken cookie", headers: []string{"Cookie", "stemma_refresh=\"a;;=", "Authorization", ""}, status: 401},
		crossSite,
	}
	emails := func(rest string) (faults []fault) {
		for _, email := range []string{"eve", "@example.com", "eve@", "eve@a@b", "e ve@example.com", `eve@exa\nmple.com`, `eve@\u0000`, "eve@ example.com", "   "} {
			faults = append(faults, fault{name: "the address " + email, body: `{"email":"` + email + `",` + rest + `}`, status: 400})
		}
		return append(faults, crossSite)
	}
	return map[string]badRow{
		"signUp": {path: "/auth/signup", body: `{"email":"new@example.com","password":"correct horse","label":"New"}`, status: 201, before: withSession, faults: append(emails(`"password":"correct horse"`),
			fault{name: "an address that is taken", body: `{"email":"EVE@example.com","password":"wrong horse"}`, status: 401},
			fault{name: "a short password", body: `{"email":"new@example.com","password":"1234567"}`, status: 400},
		)},
		"logIn": {path: "/auth/login", body: account, before: withSession, faults: append(emails(`"password":"correct horse"`),
			fault{name: "a wrong password", body: `{"email":"eve@example.com","password":"wrong horse"}`, status: 401},
			fault{name: "nobody's address", body: `{"email":"mallory@example.com","password":"correct horse"}`, status: 401},
		)},
		"refreshSession": {path: "/auth/refresh", before: withSession, headers: cookie, faults: noCookie},
		"logOut":         {path: "/auth/logout", before: withSession, headers: append(cookie, "Authorization", ""), status: 204, faults: noCookie},
		"changePassword": {path: "/auth/password", body: `{"old_password":"correct horse","new_password":"battery staple"}`, before: withSession, headers: []string{"Authorization", "Bearer $access"}, status: 204, faults: []fault{
			crossSite,
			{name: "a wrong old password", body: `{"old_password":"wrong horse","new_password":"battery staple"}`, status: 401},
			{name: "a short new password", body: `{"old_password":"correct horse","new_password":"1234567"}`, status: 400},
			{name: "of who has none", headers: []string{"Authorization", "ApiKey " + ownerKey}, status: 400},
		}},
		"register":            {path: "/auth/register"},
		"jwks":                {path: "/.well-known/jwks.json"},
		"openidConfiguration": {path: "/.well-known/openid-configuration"},
		"getMe":               {path: "/users/me"},
		"createService":       {path: "/services", body: `{"label":"worker","note":"n"}`, status: 201},
	}
}

func badKeyRows() map[string]badRow {
	const body = `{"label":"laptop","expires_in":3600,"scopes":["*:view","entity:update"]}`
	rows := map[string]badRow{}
	for name, path := range map[string]string{"My": "/users/me", "Agent": "/agents/$agent", "Service": "/services/$service"} {
		bodies := []fault{
			{name: "two expiries", body: `{"expires_in":3600,"expires_in_days":1}`, status: 400},
			{name: "a scope of the whole store", body: `{"scopes":["*"]}`, status: 400},
			{name: "a scope in capitals", body: `{"scopes":["Entity:view"]}`, status: 400},
			{name: "two scopes in one", body: `{"scopes":["entity:view\nentity:update"]}`, status: 400},
		}
		var others []fault
		if holder, ok := map[string]string{"Agent": "/agents", "Service": "/services"}[name]; ok {
			others = []fault{{name: "of a note", path: holder + "/$note/keys", status: 404}}
		}
		prefix := map[string]string{"My": "$myprefix", "Agent": "$agentprefix", "Service": "$serviceprefix"}[name]
		rows["create"+name+"Key"] = badRow{path: path + "/keys", body: body, before: withHolders, status: 201, faults: append(bodies, others...)}
		rows["list"+name+"Keys"] = badRow{path: path + "/keys", before: withHolders, faults: others}
		rows["revoke"+name+"Key"] = badRow{path: path + "/keys/" + prefix, before: withHolders, status: 204, faults: []fault{
			{name: "three characters", path: path + "/keys/uk_", status: 400},
			{name: "nineteen characters", path: path + "/keys/uk_ffffffffffffffff", status: 400},
			{name: "no key begins so", path: path + "/keys/zzzz", status: 404},
		}}
	}
	return rows
}
