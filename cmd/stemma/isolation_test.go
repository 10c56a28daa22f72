package main

import (
	"context"
	"fmt"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"stemma/api"
	"stemma/api/gateway"
	"stemma/api/native"
)

var named = regexp.MustCompile(`\b(?:[0-9A-Z]{26}|baf[a-z2-7]{56})\b`)

// mustNotShow makes sure that an answer has nothing of Ann's tenant: no text, and
// no name that was not in the request.
func (w *houses) mustNotShow(request string, out *httptest.ResponseRecorder) {
	w.t.Helper()
	answer := out.Body.String() + fmt.Sprint(out.Result().Header)
	if strings.Contains(answer, marker) || strings.Contains(strings.ToLower(answer), "sk-"+strings.ToLower(marker)) {
		w.t.Errorf("%s is answered with content of another tenant: %.600s", request, answer)
	}
	own := map[string]bool{}
	for _, n := range append(w.ids, w.blocks...) {
		own[n] = true
	}
	for _, n := range named.FindAllString(answer, -1) {
		if own[n] && !strings.Contains(request, n) {
			w.t.Errorf("%s is answered with the name %s of another tenant: %.600s", request, n, answer)
		}
	}
}

var pathNames = regexp.MustCompile(`\{(\w+)\}`)

// Whoever is not in a tenant learns nothing of it: by no operation of any view
// that reads, whatever names they know.
func TestTenantsSeeNothingOfEachOther(t *testing.T) {
	w := newHouses(t)
	settled, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	if err := w.search.indexes[0].Wait(settled, w.stores[0].Seq()); err != nil {
		t.Fatal(err)
	}
	ops := w.ops
	for _, v := range []api.View{native.New(time.Now, w.networks...).WithAuth(w.auth), w.recorder, gateway.New(w.llm.engine, time.Now)} {
		ops = append(ops, v.Operations()...)
	}
	tried := 0
	for _, op := range ops {
		params := pathNames.FindAllStringSubmatch(op.Path, -1)
		if op.Method != "GET" || strings.HasSuffix(op.Path, "/live") || strings.Contains(op.Path, "attestations") || strings.HasPrefix(op.Path, "/tile") {
			continue
		}
		names := w.ids
		if strings.Contains(op.Path, "{cid}") {
			names = w.blocks
		}
		if len(params) == 0 {
			names = []string{""}
		}
		for _, name := range names {
			path := pathNames.ReplaceAllStringFunc(op.Path, func(p string) string {
				if p == "{ver}" || p == "{version}" {
					return "1"
				}
				return name
			})
			for who, token := range map[string]string{"a stranger": w.eve.token, "nobody": ""} {
				out := w.call(token, "GET", path, nil)
				w.mustNotShow("GET "+path+" by "+who, out)
				if name != "" && (out.Code < 300 || out.Code >= 500) && op.ID != "portalInviteInfo" {
					t.Errorf("GET %s by %s (%s): %d %.300s", path, who, op.ID, out.Code, out.Body)
				}
				tried++
			}
		}
	}
	for _, id := range w.ids {
		for path, body := range map[string]object{
			"/query": {"query": "@" + id}, "/query/explain": {"query": "@" + id + " <-[*]{1,3}-> type:note"}, "/entities/batch-get": {"ids": []string{id}},
			"/graph/paths": {"source_ids": []string{id}, "target_ids": []string{w.eve.tenant}, "max_depth": 4}, "/graph/reachable": {"source_ids": []string{id}, "target_type": "note", "max_depth": 4},
			"/search/similar/items": {"entity_id": id}, "/search/similar/collections": {"collection_id": id}, "/search/entities": {"query": "note", "collection": id},
		} {
			w.mustNotShow(fmt.Sprintf("POST %s %v", path, body), w.call(w.eve.token, "POST", path, body))
			tried++
		}
	}
	for _, path := range []string{"/search/entities", "/search/collections", "/search/agents", "/search/discover", "/users/me/search"} {
		out := w.call(w.eve.token, "POST", path, object{"query": "house agent note collection alphaSECRET"})
		if answer := strings.ReplaceAll(out.Body.String(), "house agent note collection alphaSECRET", ""); strings.Contains(answer, marker) {
			t.Errorf("POST %s: %s", path, answer)
		}
	}
	for _, query := range []string{`"alphaSECRET"`, `@:public "house"`, `type:tenant`, `type:agent`, `type:run`, `type:invite`, `type:api_key`, `type:conversation`, `type:partition`, `type:provider`, `type:collection`} {
		out := w.call(w.eve.token, "POST", "/query", object{"query": query})
		answer := strings.ReplaceAll(out.Body.String(), `\"alphaSECRET\"`, "")
		for _, id := range w.ids {
			if strings.Contains(answer, id) || strings.Contains(answer, marker) {
				t.Errorf("the query %s shows %s: %s", query, id, answer)
				break
			}
		}
	}
	if tried < 1000 {
		t.Errorf("%d requests are too few: what is Ann's was not found", tried)
	}
	// Ann sees what the others do not: the names are right.
	if out := w.call(w.ann.token, "GET", "/v1/portal/available-providers", nil); !strings.Contains(out.Body.String(), w.provider) {
		t.Errorf("the provider that is open to Ann's: %d %s", out.Code, out.Body)
	}
	if out := w.call(w.ann.token, "POST", "/query", object{"query": `"alphaSECRET"`}); !strings.Contains(out.Body.String(), w.things["note"]) {
		t.Errorf("a query by Ann: %d %s", out.Code, out.Body)
	}
	for name, id := range w.things {
		if out := w.call(w.ann.token, "GET", "/entities/"+id, nil); len(id) == 26 && out.Code != 200 {
			t.Errorf("GET the %s by Ann: %d %s", name, out.Code, out.Body)
		}
	}
}
