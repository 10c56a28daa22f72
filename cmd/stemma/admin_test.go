package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"stemma/api/auth/authtest"
	"stemma/api/auth/external"
	"stemma/api/llm/llmtest"
)

// A provider that the operator makes is reached at a private address too, by the
// agents of the tenant that it is granted to; what they call costs what the
// operator has set, and the operator sees it.
func TestAdminProvidesModels(t *testing.T) {
	up := llmtest.New(t, llmtest.Say("Hello, you."))
	s, err := openServer(t.Context(), serverOptions{bootstrapKey: testKey, logger: slog.New(slog.DiscardHandler), maxBody: 1 << 20, cacheBytes: 1 << 20, noSearch: true, noAttest: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	call := func(status int, credential, method, path, body string) (out map[string]any) {
		t.Helper()
		r := httptest.NewRequest(method, "http://stemma"+path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+credential)
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		if w.Code != status || w.Body.Len() > 0 && json.Unmarshal(w.Body.Bytes(), &out) != nil {
			t.Fatalf("%s %s: %d, want %d: %s", method, path, w.Code, status, w.Body)
		}
		return out
	}
	id := func(v map[string]any) string { text, _ := v["id"].(string); return text }
	house := id(call(201, testKey, "POST", "/v1/admin/providers", `{"name":"House","type":"openai","baseUrl":"`+up.URL+`/v1","model":"m-1","apiKey":"sk-house"}`))
	acme := id(call(201, testKey, "POST", "/v1/admin/tenants", `{"name":"Acme"}`))
	call(201, testKey, "POST", "/v1/admin/providers/"+house+"/tenants", `{"tenantId":"`+acme+`"}`)
	call(200, testKey, "PUT", "/v1/admin/tenants/"+acme+"/provider-config", `{"gatewayProviderId":"`+house+`"}`)
	call(200, testKey, "PUT", "/v1/admin/prices", `{"prices":[{"model":"m-1","input":100,"output":400}]}`)
	portal, _ := call(200, testKey, "POST", "/v1/portal/auth/switch-tenant", `{"tenantId":"`+acme+`"}`)["token"].(string)
	call(201, portal, "POST", "/v1/portal/agents", `{"name":"Helper"}`)
	key, _ := call(201, testKey, "POST", "/v1/admin/tenants/"+acme+"/api-keys", `{"name":"website"}`)["key"].(string)
	if out := askModel(s, key, `{"messages":[{"role":"user","content":"One"}]}`); out.Code != 200 || up.Last() == nil || up.Last().Header.Get("Authorization") != "Bearer sk-house" {
		t.Fatalf("%d %s", out.Code, out.Body)
	}
	s.llm.runs.Flush()
	got := call(200, testKey, "GET", "/v1/admin/analytics/summary?tenant_id="+acme, "")
	if got["totalRequests"] != 1.0 || got["totalTokens"] != 25.0 || got["estimatedCostUSD"] != 0.004 {
		t.Error(got)
	}
	call(204, testKey, "DELETE", "/v1/admin/providers/"+house+"/tenants/"+acme, "")
	if out := askModel(s, key, `{"messages":[{"role":"user","content":"Two"}]}`); out.Code != 403 || len(up.Seen()) != 1 {
		t.Errorf("%d %s", out.Code, out.Body)
	}
}

// Whoever runs the server logs in with the key of the first start, and closes it
// to new accounts, by whichever way these are made and on both networks apart; it
// is closed after the next start, and a flag closes it for good.
func TestAdminClosesSignups(t *testing.T) {
	o := serverOptions{data: t.TempDir(), bootstrapKey: testKey, logger: slog.New(slog.DiscardHandler), maxBody: 1 << 20, cacheBytes: 1 << 20, noSearch: true, noAttest: true,
		external: external.Options{Secret: []byte(authtest.Secret), Audience: "authenticated"}}
	var s *server
	people := 0
	call := func(status int, credential, method, path, body string, headers ...string) (out map[string]any) {
		t.Helper()
		r := httptest.NewRequest(method, "http://stemma"+path, strings.NewReader(body))
		r.RemoteAddr = fmt.Sprintf("192.0.2.%d:1", people%250+1)
		r.Header.Set("Content-Type", "application/json")
		if credential != "" {
			r.Header.Set("Authorization", "Bearer "+credential)
		}
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		if w.Code != status {
			t.Errorf("%s %s: %d, want %d: %s", method, path, w.Code, status, w.Body)
		}
		if w.Body.Len() > 0 && json.Unmarshal(w.Body.Bytes(), &out) != nil {
			t.Errorf("%s %s: %s", method, path, w.Body)
		}
		return out
	}
	// arrive tries every way to make an account.
	arrive := func(status, registered int, headers ...string) {
		t.Helper()
		people++
		body := fmt.Sprintf(`{"email":"p%d@example.com","password":"correct horse"}`, people)
		call(status, "", "POST", "/auth/signup", body, headers...)
		if status == 201 {
			people++
			body = fmt.Sprintf(`{"email":"p%d@example.com","password":"correct horse"}`, people)
		}
		call(status, "", "POST", "/v1/portal/auth/signup", body, headers...)
		call(registered, authtest.Supabase(t, time.Now(), authtest.Claims{"sub": fmt.Sprint("p", people)}), "POST", "/auth/register", "{}", headers...)
	}
	start := func() (token string) {
		t.Helper()
		var err error
		if s, err = openServer(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		token, _ = call(200, "", "POST", "/v1/admin/auth/login", `{"username":"admin","password":"`+testKey+`"}`)["token"].(string)
		return token
	}
	end := func() {
		t.Helper()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	token := start()
	arrive(201, 201)
	call(200, token, "PUT", "/v1/admin/settings", `{"signupsEnabled":false}`)
	arrive(403, 403)
	arrive(201, 201, "X-Arke-Network", "test")
	end()
	token = start()
	arrive(403, 403)
	call(200, token, "PUT", "/v1/admin/settings", `{"signupsEnabled":true}`)
	arrive(201, 201)
	end()
	o.noSignups = true
	token = start()
	defer end()
	call(400, token, "PUT", "/v1/admin/settings", `{"signupsEnabled":true}`)
	if got := call(200, token, "GET", "/v1/admin/settings", ""); got["signupsEnabled"] != false {
		t.Error(got)
	}
	arrive(403, 201) // the flag is about passwords
}
