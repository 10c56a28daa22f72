package portal_test

import (
	"maps"
	"strings"

	"stemma/api/wire"
)

// opRow is what the tables of tests have for an operation: a request that is
// answered well, whom it lets in, and faults that only it can meet.
type opRow struct {
	path, body string
	cookie     string
	status     int            // of the good request; 0: 200
	by         string         // whose the good request is; "": the owner
	public     bool           // nobody is asked who they are
	owners     bool           // for owners of the tenant alone
	theirs     bool           // it is about something of the tenant's: 404 to whoever is in another
	who        map[string]int // what else callers are answered than follows from that
	before     func(*world)   // makes more than furnish does
	faults     []fault
}

// fault is one bad request and the status of its answer. What is left empty is
// as in the good request.
type fault struct {
	name, path, body string
	headers          []string
	status           int
	says             string // in the answer
}

// opRows are those of every operation of the view. $agent, $key and $invite are
// the tenant's, $otheragent and $other are not.
func opRows() map[string]opRow {
	all := map[string]opRow{}
	for _, group := range []map[string]opRow{authRows, tenantRows, settingsRows, agentRows, memoryRows, knowledgeRows, chatRows, analyticsRows} {
		maps.Copy(all, group)
	}
	return all
}

var authRows = map[string]opRow{
	"portalSignUp": {path: "/auth/signup", body: `{"tenantName":"New","email":"new@example.com","password":"correct horse"}`, status: 201, public: true, faults: []fault{
		{name: "a short password", body: `{"email":"new@example.com","password":"horse"}`, status: 400, says: "8"},
		{name: "no address", body: `{"email":"new","password":"correct horse"}`, status: 400, says: "email"},
		{name: "a code of nobody", body: `{"email":"new@example.com","password":"correct horse","inviteToken":"beta_nonsense"}`, status: 400, says: "for another address"},
		{name: "an invitation of nobody", body: `{"email":"new@example.com","password":"correct horse","inviteToken":"nonsense"}`, status: 400, says: "ask for another"},
	}},
	"portalLogIn": {path: "/auth/login", body: `{"email":"sue@example.com","password":"correct horse"}`, public: true, before: (*world).account, faults: []fault{
		{name: "another password", body: `{"email":"sue@example.com","password":"wrong horse"}`, status: 401},
		{name: "an account of nobody", body: `{"email":"nobody@example.com","password":"correct horse"}`, status: 401},
	}},
	"portalSwitchTenant": {path: "/auth/switch-tenant", body: `{"tenantId":"$tenant"}`, who: map[string]int{stranger: 403, above: 403, both: 200, looks: 403}, faults: []fault{
		{name: "a tenant of nobody", body: `{"tenantId":"$nobody"}`, status: 403, says: "in no tenant"},
		{name: "another's", body: `{"tenantId":"$other"}`, status: 403},
		{name: "an agent", body: `{"tenantId":"$agent"}`, status: 403},
	}},
	"portalMe":             {path: "/me"},
	"portalSignInProvider": {path: "/auth/oidc", public: true},
	"portalStartSignIn": {path: "/auth/oidc/start?next=/app/runs", status: 303, public: true, faults: []fault{
		{name: "another server", path: "/auth/oidc/start?next=https://x.example/", status: 400, says: "a path of this server"},
		{name: "another server, short", path: "/auth/oidc/start?next=//x.example/", status: 400},
		{name: "another server, as browsers read it", path: `/auth/oidc/start?next=/%5Cx.example`, status: 400},
		{name: "another server, behind a tab", path: "/auth/oidc/start?next=/%09/x.example", status: 400},
		{name: "a script", path: "/auth/oidc/start?next=javascript:alert(1)", status: 400},
		{name: "no path", path: "/auth/oidc/start?next=runs", status: 400},
	}},
	"portalSignInCallback": {path: "/auth/oidc/callback?state=$state&code=$back", cookie: "stemma_oidc=$browser", status: 303, public: true, before: (*world).begun},
	"portalEndSignIn": {path: "/auth/oidc/session", body: `{"code":"$code"}`, cookie: "stemma_oidc=$browser", public: true, before: (*world).returned, faults: []fault{
		{name: "a code of nobody", body: `{"code":"nonsense"}`, status: 400, says: "begin it again"},
		{name: "another browser", headers: []string{"Cookie", "stemma_oidc=another"}, status: 400},
		{name: "no browser", headers: []string{"Cookie", ""}, status: 400},
		{name: "no cookie", headers: []string{"Cookie", "="}, status: 400},
		{name: "on another network", headers: []string{"X-Arke-Network", "test"}, status: 400},
	}},
	"portalSignupsEnabled": {path: "/v1/beta/signups-enabled", public: true},
	"portalBetaSignUp": {path: "/v1/beta/signup", body: `{"email":"new@example.com","name":"New"}`, public: true, before: (*world).wantsIn, faults: []fault{
		{name: "no address", body: `{"name":"New"}`, status: 400, says: "email is required"},
		{name: "an address of no form", body: `{"email":"new"}`, status: 400, says: "ann@example.com"},
		{name: "a long name", body: `{"email":"new@example.com","name":"` + strings.Repeat("a", 201) + `"}`, status: 400, says: "at most 200"},
	}},
}

// wantsIn has somebody ask to be let in, who is on the list then.
func (w *world) wantsIn() {
	if out := w.send("POST", "/v1/beta/signup", `{"email":"new@example.com"}`); out.Code != 201 {
		w.t.Fatal(out.Code, out.Body)
	}
}

// account makes somebody with a password, whom no other world needs.
func (w *world) account() { w.signUp("sue") }

var tenantRows = map[string]opRow{
	"portalListTenants": {path: "/tenants", who: map[string]int{left: 200, operator: 200, agentKey: 200}},
	"portalLeaveTenant": {path: "/tenants/$tenant/leave", status: 204, by: member, theirs: true, who: map[string]int{owner: 400, both: 204, looks: 400}, faults: []fault{
		{name: "another's", path: "/tenants/$other/leave", status: 404, says: "you are in no tenant"},
		{name: "an agent", path: "/tenants/$agent/leave", status: 404},
	}},
	"portalListSubtenants": {path: "/subtenants"},
	"portalCreateSubtenant": {path: "/subtenants", body: `{"name":"Below"}`, status: 201, owners: true, faults: []fault{
		{name: "blanks", body: `{"name":"  "}`, status: 400, says: "must not be empty"},
	}},
	"portalListMembers": {path: "/members"},
	"portalSetMemberRole": {path: "/members/$mia", body: `{"role":"owner"}`, owners: true, theirs: true, faults: []fault{
		{name: "the last owner", path: "/members/$ann", body: `{"role":"member"}`, status: 400, says: "make another member the owner first"},
		{name: "another's member", path: "/members/$eve", status: 404, says: "there is no member"},
		{name: "an agent", path: "/members/$agent", status: 404},
		{name: "another role", body: `{"role":"admin"}`, status: 400, says: "owner"},
	}},
	"portalRemoveMember": {path: "/members/$mia", status: 204, owners: true, theirs: true, faults: []fault{
		{name: "oneself", path: "/members/$ann", status: 400, says: "/leave"},
		{name: "another's member", path: "/members/$eve", status: 404},
		{name: "who was removed", path: "/members/$leo", status: 404},
	}},
	"portalInviteInfo": {path: "/invites/$invitetoken/info", public: true, faults: []fault{
		{name: "an invitation of nobody", path: "/invites/nonsense/info", status: 404, says: "no such invitation"},
		{name: "by its id", path: "/invites/$invite/info", status: 404},
		{name: "a long token", path: "/invites/" + strings.Repeat("a", 201) + "/info", status: 400},
	}},
	"portalAcceptInvite": {path: "/invites/$invitetoken/accept", who: map[string]int{stranger: 200, above: 200, both: 200, left: 200, operator: 200, looks: 403}, faults: []fault{
		{name: "an invitation of nobody", path: "/invites/nonsense/accept", status: 400, says: "ask for another"},
		{name: "by its id", path: "/invites/$invite/accept", status: 400},
		{name: "a long token", path: "/invites/" + strings.Repeat("a", 201) + "/accept", status: 400},
	}},
	"portalCreateInvite": {path: "/invites", body: `{"maxUses":2,"expiresInHours":1}`, status: 201, owners: true},
	"portalListInvites":  {path: "/invites", owners: true},
	"portalRevokeInvite": {path: "/invites/$invite", status: 204, owners: true, theirs: true, faults: []fault{
		{name: "a key", path: "/invites/$key", status: 404, says: "no invitation"},
	}},
}

var settingsRows = map[string]opRow{
	"portalGetSettings":        {path: "/settings"},
	"portalGetProviders":       {path: "/settings/providers"},
	"portalAvailableProviders": {path: "/available-providers"},
	"portalSetSettings":        {path: "/settings", body: settingsBody, owners: true, faults: settingsFaults},
	"portalPatchSettings":      {path: "/settings", body: settingsBody, owners: true, faults: settingsFaults},
	"portalSetProviders": {path: "/settings/providers", body: `{"provider":"openai","apiKey":"sk-1","availableModels":["m"]}`, owners: true, faults: append(providerFaults(`{`, `}`), []fault{
		{name: "twice", body: `{"provider":"openai","providerConfig":{"provider":"openai"}}`, status: 400, says: "not both"},
	}...)},
}

const settingsBody = `{"name":"House","orgSlug":"the-house","provider":"openai","apiKey":"sk-1","systemPrompt":"Be kind.","limits":{"usdPerDay":1}}`

var settingsFaults = append(append(providerFaults(`{`, `}`), toolFaults(`{`, `}`)...), []fault{
	{name: "an embedder without a model", body: `{"embedder":{"provider":"openai"}}`, status: 400, says: "embedder.model"},
	{name: "an embedder of unknown dimensions", body: `{"embedder":{"provider":"openai","model":"m"}}`, status: 400, says: "embedder.dimensions"},
	{name: "an embedder of no dimensions", body: `{"embedder":{"provider":"openai","model":"m","dimensions":0}}`, status: 400, says: "from 1"},
	{name: "an embedder of a kind that has none", body: `{"embedder":{"provider":"anthropic","model":"m","dimensions":8}}`, status: 400, says: "openai"},
	{name: "an embedder with a key", body: `{"embedder":{"provider":"openai","model":"text-embedding-3-small","apiKey":"sk-1"}}`, status: 400, says: "the tenant's provider"},
	{name: "a slug that is taken", body: `{"orgSlug":"other-house"}`, status: 409, says: "choose another"},
	{name: "a slug of capitals", body: `{"orgSlug":"House"}`, status: 400},
	{name: "a slug with - at its end", body: `{"orgSlug":"house-"}`, status: 400},
	{name: "a name of blanks", body: `{"name":"  "}`, status: 400, says: "must not be empty"},
}...)

// providerFaults are those of a provider's fields, standing between two texts.
func providerFaults(open, end string) []fault {
	with := func(fields string) string { return open + fields + end }
	return []fault{
		{name: "another kind of provider", body: with(`"provider":"robots"`), status: 400, says: "openai, azure, ollama, anthropic"},
		{name: "azure without its address", body: with(`"provider":"azure"`), status: 400, says: "base_url"},
		{name: "an address with a query", body: with(`"provider":"openai","baseUrl":"https://x.example/?a=b"`), status: 400},
		{name: "an address of files", body: with(`"provider":"openai","baseUrl":"file:///etc/passwd"`), status: 400},
		{name: "an address with a password", body: with(`"provider":"openai","baseUrl":"https://a:b@x.example"`), status: 400},
		{name: "no kind", body: with(`"baseUrl":"https://x.example"`), status: 400, says: "say which provider"},
		{name: "the operator's provider of nobody", body: with(`"gatewayProviderId":"$nobody"`), status: 400, says: "available-providers"},
		{name: "a tenant as provider", body: with(`"gatewayProviderId":"$tenant"`), status: 400},
		{name: "a map of numbers", body: with(`"provider":"openai","deploymentMap":{"a":1}`), status: 400},
	}
}

// toolFaults are those of skills and endpoints.
func toolFaults(open, end string) []fault {
	with := func(fields string) string { return open + fields + end }
	return []fault{
		{name: "a skill without a name", body: with(`"skills":[{"type":"function"}]`), status: 400, says: "skills.0"},
		{name: "two skills of a name", body: with(`"skills":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"f"}}]`), status: 400, says: "repeats"},
		{name: "a skill that is text", body: with(`"skills":["f"]`), status: 400},
		{name: "an endpoint without a URL", body: with(`"mcpEndpoints":[{"name":"x"}]`), status: 400, says: "URL"},
		{name: "an endpoint with a secret", body: with(`"mcpEndpoints":[{"name":"x","url":"https://x.example","token":"t"}]`), status: 400, says: "secret"},
		{name: "a model that is a number", body: with(`"availableModels":[1]`), status: 400},
	}
}

var agentRows = map[string]opRow{
	"portalListKeys": {path: "/api-keys"},
	"portalCreateKey": {path: "/api-keys", body: `{"name":"k","agentId":"$agent"}`, status: 201, owners: true, theirs: true, faults: []fault{
		{name: "another's agent", body: `{"name":"k","agentId":"$otheragent"}`, status: 404, says: "there is no agent"},
		{name: "an agent of nobody", body: `{"name":"k","agentId":"$nobody"}`, status: 404},
		{name: "no agent", body: `{"name":"k","agentId":"$key"}`, status: 404},
		{name: "blanks", body: `{"name":"  ","agentId":"$agent"}`, status: 400, says: "must not be empty"},
	}},
	"portalRevokeKey": {path: "/api-keys/$key", status: 204, owners: true, theirs: true, faults: []fault{
		{name: "an agent", path: "/api-keys/$agent", status: 404, says: "no API key"},
	}},
	"portalLimits":     {path: "/limits"},
	"portalListAgents": {path: "/agents"},
	"portalCreateAgent": {path: "/agents", body: `{"name":"b","systemPrompt":"Be kind.","providerConfig":{"provider":"openai"},"mergePolicies":{"skills":"ignore"},"limits":{"usdPerDay":1}}`, status: 201,
		faults: append(append(agentFaults(`{"name":"b",`), providerFaults(`{"name":"b","providerConfig":{`, `}}`)...), fault{name: "blanks", body: `{"name":"  "}`, status: 400, says: "must not be empty"})},
	"portalGetAgent": {path: "/agents/$agent", theirs: true, faults: noAgent("")},
	"portalUpdateAgent": {path: "/agents/$agent", body: `{"name":"c","providerConfig":{"model":"m","provider":"openai"}}`, theirs: true,
		faults: append(append(append(agentFaults(`{`), providerFaults(`{"providerConfig":{`, `}}`)...), noAgent("")...), []fault{
			{name: "another tip", body: `{"expect_tip":"bafyreidykglsfhoixmivffc5uwhcgshx4j465xwqntbmu43nb2dzqwfvae","name":"c"}`, status: 409},
			{name: "blanks", body: `{"name":"  "}`, status: 400, says: "must not be empty"},
		}...)},
	"portalDeleteAgent":  {path: "/agents/$agent", status: 204, theirs: true, faults: noAgent("")},
	"portalResolveAgent": {path: "/agents/$agent/resolved", theirs: true, faults: noAgent("/resolved")},
}

// noAgent are names of what is no agent of the tenant's.
func noAgent(tail string) []fault {
	return []fault{
		{name: "another's agent", path: "/agents/$otheragent" + tail, status: 404, says: "there is no agent"},
		{name: "a key", path: "/agents/$key" + tail, status: 404},
		{name: "the tenant", path: "/agents/$tenant" + tail, status: 404},
	}
}

func agentFaults(open string) []fault {
	return append(toolFaults(open, `}`), []fault{
		{name: "another kind", body: open + `"kind":"robot"}`, status: 400, says: "inference"},
		{name: "another policy", body: open + `"mergePolicies":{"skills":"prepend"}}`, status: 400, says: "merge"},
		{name: "a negative limit", body: open + `"limits":{"usdPerDay":-1}}`, status: 400},
		{name: "no tokens", body: open + `"conversationTokenLimit":0}`, status: 400},
	}...)
}

// wants is the status that a caller is answered with.
func (row opRow) wants(op *wire.Operation, caller string) int {
	good := max(row.status, 200)
	if status, ok := row.who[caller]; ok {
		return status
	}
	switch caller {
	case anonymous, expired, tampered:
		if !row.public {
			return 401
		}
	case left, operator, agentKey:
		if !row.public {
			return 403
		}
	case stranger, above, both:
		if row.theirs {
			return 404
		}
	case member:
		if row.owners {
			return 403
		}
	case looks:
		if !row.public && (row.owners || op.Method != "GET") {
			return 403
		}
	}
	return good
}
