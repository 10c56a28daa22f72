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
)

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
