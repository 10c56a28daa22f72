package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
)

// What people change in the portal and the operator for a tenant is in the tenant's
// account: who, what, and never a secret. Other tenants read nothing of it.
func TestAuditOfConfiguration(t *testing.T) {
	s, err := openServer(t.Context(), serverOptions{bootstrapKey: testKey, logger: slog.New(slog.DiscardHandler), maxBody: 1 << 20, cacheBytes: 1 << 20, noSearch: true, noAttest: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	enter := func(name, more string) (c caller, tenant, user string) {
		t.Helper()
		e := caller{T: t, s: s}.must(201, "POST", "/v1/portal/auth/signup", `{"tenantName":"`+name+`","email":"`+name+`@example.com","password":"correct horse"`+more+`}`)
		id := func(of string) string { return e[of].(map[string]any)["id"].(string) }
		return caller{t, s, "Bearer " + e["token"].(string)}, id("tenant"), id("user")
	}
	ann, acme, annID := enter("ann", "")
	eve, other, _ := enter("eve", "")
	const secret = "sk-secret-of-this-test"

	ann.must(200, "PUT", "/v1/portal/settings", `{"name":"Acme"}`)
	ann.must(200, "PUT", "/v1/portal/settings/providers", `{"provider":"openai","apiKey":"`+secret+`","model":"m-1"}`)
	ann.must(400, "PUT", "/v1/portal/settings/providers", `{"provider":"nobody","apiKey":"`+secret+`"}`)
	ann.must(200, "PUT", "/api/monitoring/retention", `{"days":30}`)
	ann.must(200, "PUT", "/api/monitoring/retention/hold", `{"reason":"case 7"}`)
	invite := ann.must(201, "POST", "/v1/portal/invites", `{"maxUses":1}`)
	token := invite["token"].(string)
	bob, _, bobID := enter("bob", `,"inviteToken":"`+token+`"`)
	ann.must(200, "PATCH", "/v1/portal/members/"+bobID, `{"role":"owner"}`)
	agent := bob.must(201, "POST", "/v1/portal/agents", `{"name":"Helper","providerConfig":{"provider":"openai","apiKey":"`+secret+`"}}`)["agent"].(map[string]any)["id"].(string)
	bob.must(201, "POST", "/v1/portal/api-keys", `{"name":"website","agentId":"`+agent+`"}`)
	bob.must(204, "DELETE", "/v1/portal/invites/"+invite["id"].(string), "")
	bob.must(204, "POST", "/v1/portal/tenants/"+acme+"/leave", "")
	operator := caller{t, s, "Bearer " + testKey}
	house := operator.must(201, "POST", "/v1/admin/providers", `{"name":"House","type":"openai","model":"m-1","apiKey":"`+secret+`"}`)["id"].(string)
	operator.must(201, "POST", "/v1/admin/providers/"+house+"/tenants", `{"tenantId":"`+acme+`"}`)
	operator.must(200, "PUT", "/v1/admin/tenants/"+acme+"/provider-config", `{"provider":"openai","apiKey":"`+secret+`"}`)
	operator.must(200, "PATCH", "/v1/admin/tenants/"+acme, `{"status":"active"}`)
	operator.must(200, "PUT", "/v1/admin/prices", `{"prices":[{"model":"m-1","input":1,"output":4}]}`)
	operator.must(200, "PUT", "/v1/admin/settings", `{"signupsEnabled":true}`)
	if err := s.audit.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}

	first := caller{t, s, "ApiKey " + testKey}.must(200, "GET", "/users/me", "")["id"].(string)
	read := func(c caller, of string) (lines []string, text string) {
		t.Helper()
		entries := c.must(200, "GET", "/tenants/"+of+"/audit?action=config.changed", "")["entries"]
		raw, err := json.Marshal(entries)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries.([]any) {
			entry := e.(map[string]any)["entry"].(map[string]any)
			lines = append(lines, fmt.Sprintf("%v by %v: %v", entry["op"], entry["principal"], entry["given"]))
		}
		slices.Sort(lines)
		return lines, string(raw)
	}
	got, text := read(ann, acme)
	want := []string{
		"adminGrantProvider by " + first + ": id=" + house + ", tenantId=" + acme,
		"adminPatchTenant by " + first + ": id=" + acme + ", status=active",
		"adminSetTenantProvider by " + first + ": id=" + acme + ", provider, apiKey",
		"portalCreateAgent by " + bobID + ": name, providerConfig",
		"portalCreateInvite by " + annID + ": maxUses=1, expiresInHours=168",
		"portalCreateKey by " + bobID + ": name, agentId=" + agent,
		"portalLeaveTenant by " + bobID + ": id=" + acme,
		"portalRevokeInvite by " + bobID + ": id=" + invite["id"].(string),
		"portalSetMemberRole by " + annID + ": userId=" + bobID + ", role=owner",
		"portalSetProviders by " + annID + ": provider, apiKey, model",
		"setRetention by " + annID + ": days=30",
		"holdRetention by " + annID + ": reason",
		"portalSetSettings by " + annID + ": name",
	}
	slices.Sort(want)
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the account has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, private := range []string{secret, token, "website", "correct horse"} {
		if strings.Contains(text, private) {
			t.Errorf("the account has %q", private)
		}
	}
	if got, _ := read(eve, other); len(got) != 0 {
		t.Errorf("another tenant reads %v", got)
	}
}
