package admin_test

import "strings"

// opRow is what the tables of tests have for an operation: a request that is
// answered well, and faults that only it can meet.
type opRow struct {
	path   string // after /v1/admin
	body   string
	status int // of the good request; 0: 200
	public bool
	faults []fault
}

// fault is one bad request and the status of its answer. What is left empty is as
// in the good request.
type fault struct {
	name    string
	path    string
	body    string
	headers []string
	status  int
	says    string // in the answer
}

// Variables: $tenant has an agent $agent with a key $key, with which $trace was made; $other is another one
// that $provider is granted to; $nobody names nothing.
var opRows = map[string]opRow{
	"adminLogIn": {path: "/auth/login", body: `{"username":"admin","password":"` + rootKey + `"}`, public: true, faults: []fault{
		{name: "no password", body: `{"username":"admin"}`, status: 400, says: "password is required"},
		{name: "no username", body: `{"password":"x"}`, status: 400, says: "username is required"},
		{name: "a username of a number", body: `{"username":7,"password":"x"}`, status: 400, says: "username must be text"},
		{name: "a long username", body: `{"username":"` + strings.Repeat("a", 255) + `","password":"x"}`, status: 400, says: "username"},
		{name: "a long password", body: `{"username":"admin","password":"` + strings.Repeat("a", 1001) + `"}`, status: 400, says: "password"},
		{name: "the seed of others", body: `{"username":"admin","password":"changeme"}`, status: 401, says: "wrong"},
		{name: "a key of nobody", body: `{"username":"admin","password":"uk_` + strings.Repeat("9", 64) + `"}`, status: 401},
		{name: "a key of an agent", body: `{"username":"admin","password":"$key"}`, status: 401},
	}},
	"adminChangePassword": {path: "/auth/change-password", body: `{"username":"root@example.com","newPassword":"correct horse"}`, faults: []fault{
		{name: "no password", body: `{"username":"root@example.com"}`, status: 400, says: "newPassword is required"},
		{name: "a short password", body: `{"username":"root@example.com","newPassword":"short"}`, status: 400, says: "8"},
		{name: "no address for the first", body: `{"newPassword":"correct horse"}`, status: 400, says: "give username, an email address"},
		{name: "an address of no form", body: `{"username":"admin","newPassword":"correct horse"}`, status: 400, says: "email address"},
		{name: "a password of a number", body: `{"username":"root@example.com","newPassword":12345678}`, status: 400},
	}},
	"adminListTenants": {path: "/tenants", faults: []fault{
		{name: "no limit", path: "/tenants?limit=0", status: 400, says: "limit"},
		{name: "a limit past all", path: "/tenants?limit=501", status: 400},
		{name: "a limit of text", path: "/tenants?limit=many", status: 400},
		{name: "an offset below 0", path: "/tenants?offset=-1", status: 400, says: "offset"},
		{name: "another status", path: "/tenants?status=gone", status: 400, says: "active, inactive"},
	}},
	"adminCreateTenant": {path: "/tenants", body: `{"name":"New"}`, status: 201, faults: append(nameFaults(`"x":1`, true), []fault{
		{name: "a slug of no form", body: `{"name":"x","orgSlug":"No Slug"}`, status: 400, says: "orgSlug"},
		{name: "a slug that is taken", body: `{"name":"x","orgSlug":"house"}`, status: 409, says: "taken"},
		{name: "under nobody", body: `{"name":"x","parentId":"$nobody"}`, status: 400, says: "there is no tenant"},
		{name: "under a provider", body: `{"name":"x","parentId":"$provider"}`, status: 400},
		{name: "under no id", body: `{"name":"x","parentId":"x"}`, status: 400, says: "parentId"},
		{name: "of nobody", body: `{"name":"x","ownerId":"$nobody"}`, status: 400, says: "there is no user"},
		{name: "of an agent", body: `{"name":"x","ownerId":"$agent"}`, status: 400, says: "there is no user"},
	}...)},
	"adminGetTenant":    {path: "/tenants/$tenant", faults: idFaults("/tenants/", "")},
	"adminUpdateTenant": {path: "/tenants/$tenant", body: `{"name":"Renamed"}`, faults: updateTenantFaults},
	"adminPatchTenant":  {path: "/tenants/$tenant", body: `{"status":"inactive"}`, faults: updateTenantFaults},
	"adminDeleteTenant": {path: "/tenants/$tenant?confirm=true", status: 204, faults: append(idFaults("/tenants/", "?confirm=true"), []fault{
		{name: "not confirmed", path: "/tenants/$tenant", status: 400, says: "?confirm=true"},
		{name: "not", path: "/tenants/$tenant?confirm=false", status: 400, says: "?confirm=true"},
		{name: "perhaps", path: "/tenants/$tenant?confirm=perhaps", status: 400, says: "confirm"},
	}...)},
	"adminSetTenantProvider": {path: "/tenants/$tenant/provider-config", body: `{"provider":"openai","apiKey":"sk-x"}`, faults: append(idFaults("/tenants/", "/provider-config"), []fault{
		{name: "nothing", body: `{}`, status: 400, says: "nothing is to change"},
		{name: "dots alone", body: `{"apiKey":"••••••••"}`, status: 400, says: "nothing is to change"},
		{name: "another kind", body: `{"provider":"bedrock"}`, status: 400, says: "openai, azure, ollama"},
		{name: "azure without a place", body: `{"provider":"azure"}`, status: 400, says: "needs base_url"},
		{name: "a place of no form", body: `{"provider":"openai","baseUrl":"nowhere"}`, status: 400, says: "must be a URL"},
		{name: "a place with a password", body: `{"provider":"openai","baseUrl":"https://a:b@x.example"}`, status: 400},
		{name: "no kind", body: `{"baseUrl":"https://x.example"}`, status: 400, says: "say which provider"},
		{name: "a provider that is not granted", body: `{"gatewayProviderId":"$provider"}`, status: 400, says: "open to the tenant"},
		{name: "a provider of nobody", body: `{"gatewayProviderId":"$nobody"}`, status: 400, says: "open to the tenant"},
		{name: "a key of a number", body: `{"provider":"openai","apiKey":7}`, status: 400, says: "apiKey must be text"},
	}...)},
	"adminDeleteTenantProvider": {path: "/tenants/$tenant/provider-config", status: 204, faults: idFaults("/tenants/", "/provider-config")},
	"adminListKeys":             {path: "/tenants/$tenant/api-keys", faults: idFaults("/tenants/", "/api-keys")},
	"adminCreateKey": {path: "/tenants/$tenant/api-keys", body: `{"name":"ci","agentId":"$agent"}`, status: 201, faults: append(append(idFaults("/tenants/", "/api-keys"), nameFaults(`"agentId":"$agent"`, true)...), []fault{
		{name: "a long name", body: `{"name":"` + strings.Repeat("a", 101) + `"}`, status: 400},
		{name: "an agent of nobody", body: `{"name":"x","agentId":"$nobody"}`, status: 404, says: "there is no agent"},
		{name: "another tenant's agent", path: "/tenants/$other/api-keys", status: 404, says: "there is no agent"},
		{name: "no agent at all", path: "/tenants/$other/api-keys", body: `{"name":"x"}`, status: 400, says: "agentId says which"},
	}...)},
	"adminRevokeKey": {path: "/tenants/$tenant/api-keys/$keyid", status: 204, faults: []fault{
		{name: "no such tenant", path: "/tenants/$nobody/api-keys/$keyid", status: 404, says: "there is no tenant"},
		{name: "no such key", path: "/tenants/$tenant/api-keys/$nobody", status: 404, says: "there is no API key"},
		{name: "an agent", path: "/tenants/$tenant/api-keys/$agent", status: 404},
		{name: "another tenant's key", path: "/tenants/$other/api-keys/$keyid", status: 404},
		{name: "a key of no form", path: "/tenants/$tenant/api-keys/x", status: 400},
		{name: "for good, perhaps", path: "/tenants/$tenant/api-keys/$keyid?permanent=perhaps", status: 400, says: "permanent"},
	}},
	"adminListProviders": {path: "/providers"},
	"adminCreateProvider": {path: "/providers", body: `{"name":"New","type":"openai","apiKey":"sk-x"}`, status: 201, faults: append(append(nameFaults(`"type":"openai"`, true), providerFaults...), []fault{
		{name: "no type", body: `{"name":"x"}`, status: 400, says: "type is required"},
		{name: "dots for a key", body: `{"name":"x","type":"openai","apiKey":"••••••••"}`, status: 400, says: "the dots stand for a key"},
	}...)},
	"adminGetProvider":        {path: "/providers/$provider", faults: idFaults("/providers/", "")},
	"adminUpdateProvider":     {path: "/providers/$provider", body: `{"name":"Renamed"}`, faults: append(append(idFaults("/providers/", ""), nameFaults(`"type":"openai"`, false)...), providerFaults...)},
	"adminDeleteProvider":     {path: "/providers/$provider", status: 204, faults: idFaults("/providers/", "")},
	"adminSetDefaultProvider": {path: "/providers/$provider/default", faults: idFaults("/providers/", "/default")},
	"adminSetProviderAvailability": {path: "/providers/$provider/availability", body: `{"tenantAvailable":true}`, faults: append(idFaults("/providers/", "/availability"), []fault{
		{name: "nothing", body: `{}`, status: 400, says: "tenantAvailable is required"},
		{name: "perhaps", body: `{"tenantAvailable":"yes"}`, status: 400, says: "true or false"},
	}...)},
	"adminListProviderTenants": {path: "/providers/$provider/tenants", faults: idFaults("/providers/", "/tenants")},
	"adminGrantProvider": {path: "/providers/$provider/tenants", body: `{"tenantId":"$tenant"}`, status: 201, faults: append(idFaults("/providers/", "/tenants"), []fault{
		{name: "to nobody", body: `{"tenantId":"$nobody"}`, status: 404, says: "there is no tenant"},
		{name: "to an agent", body: `{"tenantId":"$agent"}`, status: 404, says: "there is no tenant"},
		{name: "to no id", body: `{"tenantId":"x"}`, status: 400, says: "tenantId"},
		{name: "to nothing", body: `{}`, status: 400, says: "tenantId is required"},
	}...)},
	"adminRevokeProvider": {path: "/providers/$provider/tenants/$other", status: 204, faults: []fault{
		{name: "no such provider", path: "/providers/$nobody/tenants/$other", status: 404, says: "there is no provider"},
		{name: "not granted", path: "/providers/$provider/tenants/$tenant", status: 404, says: "is not granted"},
		{name: "nobody", path: "/providers/$provider/tenants/$nobody", status: 404, says: "is not granted"},
		{name: "no id", path: "/providers/$provider/tenants/x", status: 400},
	}},
	"adminListTraces": {path: "/traces?tenant_id=$tenant&limit=1", faults: append(tenantFaults("/traces?"), []fault{
		{name: "a limit past all", path: "/traces?limit=201", status: 400},
		{name: "a cursor of no form", path: "/traces?cursor=abc", status: 400, says: "nextCursor"},
		{name: "a cursor of no base64", path: "/traces?cursor=%2F%2F", status: 400, says: "nextCursor"},
		{name: "a long cursor", path: "/traces?cursor=" + strings.Repeat("a", 201), status: 400},
	}...)},
	"adminGetTrace":        {path: "/traces/$trace", faults: idFaults("/traces/", "")},
	"adminListBetaSignups": {path: "/beta/signups"},
	"adminApproveBetaSignup": {path: "/beta/approve/$beta", faults: []fault{
		{name: "nobody", path: "/beta/approve/$nobody", status: 404, says: "/v1/admin/beta/signups"},
		{name: "no id", path: "/beta/approve/x", status: 400},
	}},
	"adminAnalyticsSummary": {path: "/analytics/summary?tenant_id=$tenant", faults: append(tenantFaults("/analytics/summary?"), windowFaults("/analytics/summary?")...)},
	"adminAnalyticsTimeseries": {path: "/analytics/timeseries?window=2&bucket=30", faults: append(append(tenantFaults("/analytics/timeseries?"), windowFaults("/analytics/timeseries?")...), []fault{
		{name: "a bucket of 7 minutes", path: "/analytics/timeseries?bucket=7", status: 400, says: "multiple of 5"},
		{name: "no bucket", path: "/analytics/timeseries?bucket=0", status: 400},
		{name: "too many buckets", path: "/analytics/timeseries?window=8784&bucket=5", status: 400, says: "at most 2000"},
	}...)},
	"adminAnalyticsModels":  {path: "/analytics/models?window=48", faults: append(tenantFaults("/analytics/models?"), windowFaults("/analytics/models?")...)},
	"adminAnalyticsTenants": {path: "/analytics/tenants?window=48", faults: windowFaults("/analytics/tenants?")[:3]},
	"adminHealth":           {path: "/health"},
	"adminListSmokeTests": {path: "/smoke-tests?limit=1", faults: []fault{
		{name: "no limit", path: "/smoke-tests?limit=0", status: 400, says: "limit"},
		{name: "a limit past all", path: "/smoke-tests?limit=101", status: 400, says: "limit"},
		{name: "a limit of text", path: "/smoke-tests?limit=many", status: 400},
	}},
	"adminGetSmokeTest": {path: "/smoke-tests/r1", faults: []fault{
		{name: "no such run", path: "/smoke-tests/r2", status: 404, says: "no such run"},
		{name: "a long name", path: "/smoke-tests/" + strings.Repeat("a", 201), status: 400, says: "id"},
	}},
	"adminRunSmokeTests": {path: "/smoke-tests/run"},
	"adminGetPrices":     {path: "/prices"},
	"adminSetPrices": {path: "/prices", body: `{"prices":[{"model":"m-1","input":1,"output":2.5}]}`, faults: []fault{
		{name: "nothing", body: `{}`, status: 400, says: "prices is required"},
		{name: "an object", body: `{"prices":{}}`, status: 400},
		{name: "no model", body: `{"prices":[{"input":1}]}`, status: 400, says: "model"},
		{name: "below nothing", body: `{"prices":[{"model":"m","input":-1}]}`, status: 400, says: "US dollars"},
		{name: "too dear", body: `{"prices":[{"model":"m","input":1,"output":1e7}]}`, status: 400, says: "US dollars"},
		{name: "of text", body: `{"prices":[{"model":"m","input":"1"}]}`, status: 400, says: "input"},
		{name: "twice", body: `{"prices":[{"model":"m","input":1},{"model":"m","input":2}]}`, status: 400, says: "earlier row"},
		{name: "a star within", body: `{"prices":[{"model":"m*m","input":1}]}`, status: 400, says: "at its end alone"},
		{name: "another provider", body: `{"prices":[{"provider":"bedrock","model":"m","input":1}]}`, status: 400, says: "provider must be one of"},
		{name: "in place of others", body: `{"prices":[],"expect_tip":"bafyreidykglsfhoixmivffc5uwhcgshx4j465xwqntbmu43nb2dzqwfvae"}`, status: 409},
	}},
	"adminGetSettings": {path: "/settings"},
	"adminSetSettings": {path: "/settings", body: `{"signupsEnabled":false}`, faults: []fault{
		{name: "nothing", body: `{}`, status: 400, says: "nothing is to change"},
		{name: "perhaps", body: `{"signupsEnabled":"no"}`, status: 400, says: "true or false"},
		{name: "a provider of nobody", body: `{"defaultEmbedderProviderId":"$nobody","defaultEmbedderModel":"m"}`, status: 400, says: "there is no provider"},
		{name: "a tenant for a provider", body: `{"defaultEmbedderProviderId":"$tenant","defaultEmbedderModel":"m"}`, status: 400, says: "there is no provider"},
		{name: "a provider of no form", body: `{"defaultEmbedderProviderId":"x","defaultEmbedderModel":"m"}`, status: 400},
		{name: "both", body: `{"defaultEmbedderProviderId":"$provider","defaultEmbedderProvider":"openai","defaultEmbedderModel":"m"}`, status: 400, says: "not both"},
		{name: "no model", body: `{"defaultEmbedderProvider":"openai"}`, status: 400, says: "which model embeds"},
		{name: "a model of unknown dimensions", body: `{"defaultEmbedderProvider":"openai","defaultEmbedderModel":"m"}`, status: 400, says: "how many dimensions"},
		{name: "no dimensions at all", body: `{"defaultEmbedderProvider":"openai","defaultEmbedderModel":"m","defaultEmbedderDimensions":0}`, status: 400, says: "at least 1"},
		{name: "too many dimensions", body: `{"defaultEmbedderProvider":"openai","defaultEmbedderModel":"m","defaultEmbedderDimensions":16385}`, status: 400, says: "at most 16384"},
		{name: "another kind", body: `{"defaultEmbedderProvider":"bedrock","defaultEmbedderModel":"m","defaultEmbedderDimensions":8}`, status: 400, says: "openai, azure"},
		{name: "one without embeddings", body: `{"defaultEmbedderProvider":"anthropic","defaultEmbedderModel":"m","defaultEmbedderDimensions":8}`, status: 400, says: "has no embeddings"},
		{name: "azure without a place", body: `{"defaultEmbedderProvider":"azure","defaultEmbedderModel":"m","defaultEmbedderDimensions":8}`, status: 400, says: "base"},
		{name: "a key for nothing", body: `{"defaultEmbedderApiKey":"sk-x"}`, status: 400, says: "goes with defaultEmbedderProvider"},
		{name: "a key for one of the operator's", body: `{"defaultEmbedderProviderId":"$provider","defaultEmbedderModel":"bge-m3","defaultEmbedderApiKey":"sk-x"}`, status: 400, says: "has its own"},
	}},
}

// idFaults are those of an operation on what is between before and after.
func idFaults(before, after string) []fault {
	return []fault{
		{name: "no such id", path: before + "$nobody" + after, status: 404, says: "there is no"},
		{name: "an id of no form", path: before + "x" + after, status: 400},
		{name: "an id of something else", path: before + "$agent" + after, status: 404, says: "there is no"},
	}
}

// tenantFaults are those of what may be asked of one tenant.
func tenantFaults(path string) []fault {
	return []fault{
		{name: "of nobody", path: path + "tenant_id=$nobody", status: 404, says: "there is no tenant"},
		{name: "of an agent", path: path + "tenant_id=$agent", status: 404, says: "there is no tenant"},
		{name: "of no id", path: path + "tenant_id=x", status: 400, says: "tenant_id"},
	}
}

// windowFaults are those of a window; the first three are of the window alone.
func windowFaults(path string) []fault {
	return []fault{
		{name: "no window", path: path + "window=0", status: 400, says: "window"},
		{name: "a window past all", path: path + "window=87841", status: 400, says: "window"},
		{name: "a window of text", path: path + "window=day", status: 400, says: "window"},
		{name: "a rollup of text", path: path + "rollup=maybe", status: 400, says: "rollup"},
		{name: "another source", path: path + "source=proxy", status: 400, says: "gateway, recorder"},
	}
}

// nameFaults are those of the name of something; rest are good members.
func nameFaults(rest string, required bool) []fault {
	faults := []fault{
		{name: "an empty name", body: `{"name":"",` + rest + `}`, status: 400, says: "name"},
		{name: "a name of nothing", body: `{"name":"  ",` + rest + `}`, status: 400, says: "must not be empty"},
		{name: "a name of a number", body: `{"name":7,` + rest + `}`, status: 400, says: "name must be text"},
		{name: "a name past all", body: `{"name":"` + strings.Repeat("a", 201) + `",` + rest + `}`, status: 400, says: "name"},
	}
	if required {
		faults = append(faults, fault{name: "no name", body: `{` + rest + `}`, status: 400, says: "name is required"})
	}
	return faults
}

var updateTenantFaults = append(append(idFaults("/tenants/", ""), nameFaults(`"status":"active"`, false)...), []fault{
	{name: "nothing", body: `{}`, status: 400, says: "nothing is to change"},
	{name: "another status", body: `{"status":"gone"}`, status: 400, says: "active, inactive"},
	{name: "a slug of no form", body: `{"orgSlug":"-"}`, status: 400, says: "orgSlug"},
	{name: "a slug that is taken", body: `{"orgSlug":"other"}`, status: 409, says: "taken"},
}...)

var providerFaults = []fault{
	{name: "nothing", body: `{}`, status: 400},
	{name: "another type", body: `{"name":"x","type":"bedrock"}`, status: 400, says: "openai, azure, ollama"},
	{name: "azure without a place", body: `{"name":"x","type":"azure"}`, status: 400, says: "needs base_url"},
	{name: "a place of no form", body: `{"name":"x","type":"openai","baseUrl":"nowhere"}`, status: 400, says: "must be a URL"},
	{name: "a place with a query", body: `{"name":"x","type":"openai","baseUrl":"https://x.example/?key=1"}`, status: 400, says: "without a query"},
	{name: "models of text", body: `{"name":"x","type":"openai","availableModels":"m-1"}`, status: 400, says: "availableModels"},
	{name: "a model of a number", body: `{"name":"x","type":"openai","availableModels":[7]}`, status: 400},
	{name: "deployments of a list", body: `{"name":"x","type":"openai","deploymentMap":[]}`, status: 400},
	{name: "perhaps", body: `{"name":"x","type":"openai","tenantAvailable":"yes"}`, status: 400, says: "true or false"},
	{name: "a long key", body: `{"name":"x","type":"openai","apiKey":"` + strings.Repeat("a", 4097) + `"}`, status: 400, says: "apiKey"},
	{name: "two spellings", body: `{"name":"x","type":"openai","apiKey":"a","api_key":"b"}`, status: 400, says: "api_key"},
}
