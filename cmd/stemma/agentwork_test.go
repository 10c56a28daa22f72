package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"stemma/cmd/stemma/agent"
	"stemma/entity"
)

// More entities than are read at a time are all worked on, and an edit that
// somebody else was faster with is made again on what is there.
func TestAgentWorksThroughPages(t *testing.T) {
	var handler atomic.Pointer[http.Handler]
	var rivals atomic.Int64
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := *handler.Load()
		byAgent := strings.HasPrefix(r.Header.Get("Authorization"), "ApiKey ak_")
		if id := strings.TrimPrefix(r.URL.Path, "/entities/"); byAgent && r.Method == "PUT" && id != r.URL.Path && rivals.Add(1)%3 == 1 {
			var tip struct{ CID string }
			if err := json.Unmarshal(askHandler(h, "GET", r.URL.Path+"/tip", "", testKey).Body.Bytes(), &tip); err != nil {
				t.Error(err)
			}
			if out := askHandler(h, "PUT", r.URL.Path, fmt.Sprintf(`{"expect_tip":%q,"properties":{"rival":true}}`, tip.CID), testKey); out.Code != 200 {
				t.Errorf("the rival: %d %s", out.Code, out.Body)
			}
		}
		h.ServeHTTP(w, r)
	}))
	defer front.Close()
	s, err := openServer(t.Context(), serverOptions{bootstrapKey: testKey, logger: slog.New(slog.DiscardHandler), maxBody: 1 << 20, noSearch: true, publicURL: front.URL, privateAgents: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	handler.Store(&s.handler)
	o := &office{t, front.URL}

	const n = 250
	target := o.ask(201, "POST", "/collections", `{"label":"many"}`)["id"].(string)
	for at := 0; at < n; at += 50 {
		var items []string
		for i := range 50 {
			items = append(items, fmt.Sprintf(`{"type":"place","properties":{"label":"Village %d","county":"%d"}}`, at+i, (at+i)%125))
		}
		o.ask(201, "POST", "/entities/batch", fmt.Sprintf(`{"default_collection":%q,"entities":[%s]}`, target, strings.Join(items, ",")))
	}

	var desk http.Handler = http.NotFoundHandler()
	house := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { desk.ServeHTTP(w, r) }))
	defer house.Close()
	shop := o.ask(201, "POST", "/collections", `{"label":"agents"}`)["id"]
	id := o.ask(201, "POST", "/agents", fmt.Sprintf(`{"label":"Helper","collection":%q,"endpoint":%q,"actions_required":["entity:view","entity:create","entity:update"]}`, shop, house.URL))["id"].(string)
	key := o.ask(201, "POST", "/agents/"+id+"/keys", `{}`)["key"].(string)
	token := o.ask(200, "POST", "/agents/"+id+"/verify", ``)["verification_token"].(string)
	a, err := agent.Open(agent.Options{Server: front.URL, ID: entity.ID(id), Key: key, Token: token, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	desk = a
	o.ask(200, "POST", "/agents/"+id+"/verify", `{"confirm":true}`)
	tip := o.ask(200, "GET", "/entities/"+id+"/tip", ``)["cid"]
	o.ask(200, "PUT", "/agents/"+id, fmt.Sprintf(`{"expect_tip":%q,"status":"active"}`, tip))

	job := o.ask(202, "POST", "/agents/"+id+"/invoke", fmt.Sprintf(`{"target":%q,"input":{"task":"link","property":"county","mentions":false},"confirm":true}`, target))["job_id"].(string)
	out := o.until(id, job, over)
	if fmt.Sprint(out["progress"]) != "map[done:250 error:0 pending:0 total:250]" || fmt.Sprint(out["result"]) != "map[edited:125 entities:250 relationships:125]" {
		t.Fatalf("%v", out)
	}
	found := o.ask(200, "POST", "/query", `{"path":"type:place[rival = true] -[same_county]-> type:place","k":100,"expand":"none"}`)
	if got := len(found["results"].([]any)); got < 40 {
		t.Errorf("of the entities that somebody else was faster with %d are linked", got)
	}
	if rivals.Load() <= 125 {
		t.Errorf("%d edits were tried; some were to be made again", rivals.Load())
	}
}
