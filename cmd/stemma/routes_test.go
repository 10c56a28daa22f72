package main

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"stemma/api"
	"stemma/api/auth"
	"stemma/api/gateway"
	"stemma/api/native"
	"stemma/entity"
	"stemma/entity/access"
)

// otherRoutes are the operations of the server that are no view's: for each a
// good request and who is let in. Those of the views are tried by everybody in
// api/native, api/recorder, api/gateway, api/portal and api/admin (TestMatrix).
var otherRoutes = map[string]struct {
	path     string
	operator bool // nobody else; else everybody
	status   int
}{
	"backup":        {path: "/admin/backup", operator: true, status: 200},
	"backupContent": {path: "/admin/backup/content/bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku", operator: true, status: 404},
	"healthz":       {path: "/healthz", status: 200},
	"health":        {path: "/health", status: 200},
	"readyz":        {path: "/readyz", status: 200},
	"metrics":       {path: "/metrics", status: 200},
	"openapi":       {path: "/openapi.json", status: 200},
	"opsReference":  {path: "/ops-reference", status: 200},
	"appHome":       {path: "/", status: 200},
	"app":           {path: "/app", status: 200},
	"appPage":       {path: "/app/e/01ARZ3NDEKTSV4RRFFQ69G5FAV", status: 200},
	"appSignup":     {path: "/signup?invite=abc", status: 200},
	"appAsset":      {path: "/assets/none.js", status: 404},
}

// Every route that the server has is tried by everybody: a new one without a row
// fails here or in the view's matrix.
func TestEveryRouteHasARow(t *testing.T) {
	const operatorKey, userKey = "uk_operator_of_the_routes", "uk_somebody_of_the_routes"
	s, err := openServer(t.Context(), serverOptions{bootstrapKey: operatorKey, logger: slog.New(slog.NewTextHandler(io.Discard, nil)), maxBody: 1 << 20, cacheBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_, err = s.stores[0].Update(t.Context(), entity.Actor{UserID: "01JH8Z0Y6V5RZ4Q8Q9V4T2W3XK", Method: entity.MethodSystem}, func(tx entity.Tx) error {
		v, err := tx.Create(entity.Draft{Type: entity.TypeUser, Properties: entity.Properties{"label": "somebody"}})
		if err != nil {
			return err
		}
		return auth.SetKey(tx, userKey, access.Principal{ID: v.Manifest.ID, Kind: access.User})
	})
	if err != nil {
		t.Fatal(err)
	}
	call := func(path, key string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", "http://stemma"+path, nil)
		if key != "" {
			r.Header.Set("Authorization", "ApiKey "+key)
		}
		out := httptest.NewRecorder()
		s.handler.ServeHTTP(out, r)
		return out
	}
	ours := map[string]bool{}
	for _, v := range []api.View{native.New(time.Now, s.networks...), s.recorder, gateway.New(s.llm.engine, time.Now), s.portal, adminView(s, health{}, "")} {
		for _, op := range v.Operations() {
			ours[op.ID] = true
		}
	}
	var doc struct {
		Paths map[string]map[string]struct {
			OperationID string `json:"operationId"`
		}
	}
	if err := json.Unmarshal(call("/openapi.json", "").Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	for path, methods := range doc.Paths {
		for method, op := range methods {
			if ours[op.OperationID] {
				continue
			}
			row, ok := otherRoutes[op.OperationID]
			if !ok {
				t.Errorf("%s %s (%s) has no row", method, path, op.OperationID)
				continue
			}
			for key, want := range map[string]int{"": http.StatusUnauthorized, userKey: http.StatusForbidden, operatorKey: row.status} {
				if !row.operator {
					want = row.status
				}
				if out := call(row.path, key); out.Code != want {
					t.Errorf("%s with the key %q: %d, want %d: %.200s", row.path, key, out.Code, want, out.Body)
				}
			}
		}
	}
}
