package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

var agentGreeting = regexp.MustCompile(`(?m)^The agent \S+ serves on (http://\S+)$`)

// office is a server in a process of its own, and somebody who asks it.
type office struct {
	t   *testing.T
	url string
}

func newOffice(t *testing.T) *office {
	t.Helper()
	p := serve(t, t.TempDir(), "--bootstrap-key", testKey, "--allow-private-agents", "--no-search")
	return &office{t, p.url(t)}
}

// ask sends JSON as the owner, or with another key, and wants a status.
func (o *office) ask(status int, method, path, body string, key ...string) map[string]any {
	o.t.Helper()
	code, text, err := ask(o.t.Context(), method, o.url+path, append(key, testKey)[0], body)
	if err != nil || code != status {
		o.t.Fatalf("%s %s %s: %d, want %d: %s %v", method, path, body, code, status, text, err)
	}
	out := map[string]any{}
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		o.t.Fatalf("%s %s: %v in %s", method, path, err, text)
	}
	return out
}

// employee is an agent in a process of its own.
type employee struct {
	*process
	id, key, token, state, url string
}

// employ makes an agent, starts it, verifies it and makes it active. server is
// where the agent finds the server.
func (o *office) employ(server string) *employee {
	o.t.Helper()
	e := &employee{state: o.t.TempDir()}
	shop := o.ask(201, "POST", "/collections", `{"label":"agents"}`)["id"]
	made := o.ask(201, "POST", "/agents", fmt.Sprintf(`{"label":"Helper","collection":%q,"endpoint":"http://127.0.0.1:1","actions_required":["entity:view","entity:create","entity:update"]}`, shop))
	e.id = made["id"].(string)
	e.key = o.ask(201, "POST", "/agents/"+e.id+"/keys", `{}`)["key"].(string)
	e.start(o, server) // to have its address
	o.ask(200, "PUT", "/agents/"+e.id, fmt.Sprintf(`{"expect_tip":%q,"endpoint":%q}`, made["cid"], e.url))
	e.token = o.ask(200, "POST", "/agents/"+e.id+"/verify", ``)["verification_token"].(string)
	if out := o.ask(200, "POST", "/agents/"+e.id+"/verify", `{"confirm":true}`); out["error"] != "fetch_failed" {
		o.t.Fatalf("an agent without its token: %v", out)
	}
	e.stop(o.t)
	e.start(o, server)
	if out := o.ask(200, "POST", "/agents/"+e.id+"/verify", `{"confirm":true}`); out["verified"] != true {
		o.t.Fatalf("not verified: %v", out)
	}
	tip := o.ask(200, "GET", "/entities/"+e.id+"/tip", ``)["cid"]
	o.ask(200, "PUT", "/agents/"+e.id, fmt.Sprintf(`{"expect_tip":%q,"status":"active"}`, tip))
	return e
}

// start starts the agent's process, where it was before once it has been.
func (e *employee) start(o *office, server string) {
	o.t.Helper()
	addr := "127.0.0.1:0"
	if e.url != "" {
		addr = strings.TrimPrefix(e.url, "http://")
	}
	args := []string{"agent", "serve", "--server", server, "--id", e.id, "--addr", addr, "--state", e.state, "--jobs", "1"}
	if e.token != "" {
		args = append(args, "--verification-token", e.token)
	}
	p, err := launch(o.t.Context(), []string{"STEMMA_AGENT_KEY=" + e.key}, "stemma", args...)
	if err != nil {
		o.t.Fatal(err)
	}
	o.t.Cleanup(func() { <-p.ended })
	e.process = p
	if e.url = p.stdout.await(p.ended, agentGreeting); e.url == "" {
		o.t.Fatalf("the agent ended before it served: %v\n%s%s", p.err, p.stdout, p.stderr)
	}
}

// until polls the status of a job until it is as wanted.
func (o *office) until(agent, job string, ok func(map[string]any) bool) map[string]any {
	o.t.Helper()
	for {
		out := o.ask(200, "GET", "/agents/"+agent+"/jobs/"+job+"/status", ``)
		if ok(out) {
			return out
		}
	}
}

func over(s map[string]any) bool { return s["status"] == "done" || s["status"] == "error" }

// letters are a collection of linked and linkable entities.
func (o *office) letters(n int) string {
	o.t.Helper()
	id := o.ask(201, "POST", "/collections", `{"label":"Letters","visibility":"private"}`)["id"].(string)
	ann := o.ask(201, "POST", "/entities", fmt.Sprintf(`{"type":"person","collection":%q,"properties":{"label":"Ann Lee","place":"Manchester"}}`, id))["id"]
	o.ask(201, "POST", "/entities", fmt.Sprintf(`{"type":"person","collection":%q,"properties":{"label":"Mary Partington","place":"Manchester"}}`, id))
	for i := range n {
		o.ask(201, "POST", "/entities", fmt.Sprintf(`{"type":"letter","collection":%q,"properties":{"label":"Letter %d","text":"Dear Ann Lee, the community prospers"},"relationships":[{"predicate":"written_by","peer":%q}]}`, id, i, ann))
	}
	return id
}

// An agent in another process is verified, invoked and asked how it does, and what
// it has done is in the graph.
func TestAgentEndToEnd(t *testing.T) {
	o := newOffice(t)
	e := o.employ(o.url)
	letters := o.letters(3)
	invoke := func(task string) (job, jobs string) {
		body := fmt.Sprintf(`{"target":%q,"input":%s`, letters, task)
		if preview := o.ask(200, "POST", "/agents/"+e.id+"/invoke", body+`}`); preview["can_proceed"] != true {
			t.Fatalf("preview: %v", preview)
		}
		out := o.ask(202, "POST", "/agents/"+e.id+"/invoke", body+`,"confirm":true}`)
		if out["status"] != "started" {
			t.Fatalf("%v", out)
		}
		return out["job_id"].(string), out["job_collection"].(string)
	}

	job, jobs := invoke(`{"task":"summarise"}`)
	out := o.until(e.id, job, over)
	if out["status"] != "done" || fmt.Sprint(out["progress"]) != "map[done:5 error:0 pending:0 total:5]" {
		t.Fatalf("summarise: %v", out)
	}
	summary := o.ask(200, "GET", "/entities/"+out["result"].(map[string]any)["summary"].(string), ``)
	p := summary["properties"].(map[string]any)
	if fmt.Sprint(p["types"]) != "map[letter:3 person:2]" || p["label"] != "Summary of Letters" || !strings.Contains(fmt.Sprint(p["terms"]), "community") || !strings.Contains(fmt.Sprint(p["most_connected"]), "Ann Lee") {
		t.Errorf("the summary says %v", p)
	}
	if by := summary["edited_by"].(map[string]any); by["user_id"] != e.id || by["method"] != "ai_generated" || by["on_behalf_of"] == nil {
		t.Errorf("written by %v", by)
	}
	if log := fmt.Sprint(o.ask(200, "GET", "/collections/"+jobs+"/entities?type=file&expand=full", ``)); !strings.Contains(log, job+".json") || !strings.Contains(log, "log_data") {
		t.Errorf("the log: %s", log)
	}
	if c := fmt.Sprint(o.ask(200, "GET", "/collections/"+jobs, ``)["relationships"]); !strings.Contains(c, "contains") {
		t.Errorf("the log is not contained in its collection: %s", c)
	}
	record := o.ask(200, "GET", "/entities/"+strings.TrimPrefix(job, "job_"), ``)["properties"].(map[string]any)
	if record["status"] != "done" {
		t.Errorf("the record: %v", record)
	}

	job, _ = invoke(`{"task":"link","property":"place"}`)
	if out := o.until(e.id, job, over); out["status"] != "done" || fmt.Sprint(out["result"]) != "map[edited:4 entities:5 relationships:4]" {
		t.Fatalf("link: %v", out)
	}
	found := o.ask(200, "POST", "/query", `{"path":"type:person -[same_place]-> type:person[label ~ \"ann\"]","expand":"none"}`)
	if len(found["results"].([]any)) != 1 {
		t.Errorf("a query along what was linked: %v", found)
	}
	job, _ = invoke(`{"task":"link","property":"place"}`)
	if out := o.until(e.id, job, over); fmt.Sprint(out["result"]) != "map[edited:0 entities:5 relationships:0]" {
		t.Errorf("linked twice: %v", out)
	}
	declined := o.ask(202, "POST", "/agents/"+e.id+"/invoke", fmt.Sprintf(`{"target":%q,"input":{"task":"sing"},"confirm":true}`, letters))
	if declined["status"] != "rejected" || !strings.Contains(declined["error"].(string), "summarise or link") {
		t.Errorf("an unknown task: %v", declined)
	}
	forged, text, err := ask(t.Context(), "POST", e.url+"/process", "", `{"job_id":"x"}`, "X-Arke-Signature", "t=1,v1=AAAA")
	if err != nil || forged != http.StatusUnauthorized || !strings.Contains(text, `"accepted":false`) {
		t.Errorf("a request that nobody signed: %d %s %v", forged, text, err)
	}
	e.stop(t)
}

// gate is a way to the server that holds the reading of entities until it is
// opened.
type gate struct {
	*httptest.Server
	shut atomic.Bool
	held chan struct{} // one for each that waits
}

func newGate(t *testing.T, server string) *gate {
	t.Helper()
	to, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{held: make(chan struct{}, 100)}
	through := httputil.NewSingleHostReverseProxy(to)
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.shut.Load() && r.URL.Path == "/entities/batch-get" {
			g.held <- struct{}{}
			_, _ = io.Copy(io.Discard, r.Body) // only then is it seen when the agent dies
			<-r.Context().Done()
			return
		}
		through.ServeHTTP(w, r)
	}))
	t.Cleanup(g.Close)
	return g
}

// An agent that is killed in the middle of a job has its status answered from what
// it said last; when it is back it says what happened. Meanwhile its key can write
// no longer than it was granted.
func TestAgentKilled(t *testing.T) {
	o := newOffice(t)
	g := newGate(t, o.url)
	e := o.employ(g.URL)
	letters := o.letters(2)
	g.shut.Store(true)
	out := o.ask(202, "POST", "/agents/"+e.id+"/invoke", fmt.Sprintf(`{"target":%q,"input":{"task":"link"},"confirm":true}`, letters))
	job := out["job_id"].(string)
	<-g.held
	busy := o.ask(202, "POST", "/agents/"+e.id+"/invoke", fmt.Sprintf(`{"target":%q,"confirm":true}`, letters))
	if busy["status"] != "rejected" || busy["retry_after"] != 30.0 {
		t.Errorf("a second job while one is at work: %v", busy)
	}
	alive := o.until(e.id, job, func(s map[string]any) bool { return s["status"] == "running" && s["phase"] == "reading" })
	if fmt.Sprint(alive["progress"]) != "map[done:0 error:0 pending:4 total:4]" || alive["cached"] != nil {
		t.Errorf("alive: %v", alive)
	}
	e.kill()
	if !e.killed() {
		t.Fatal("the agent was not killed")
	}
	dead := o.until(e.id, job, func(s map[string]any) bool { return s["cached"] == true })
	if dead["status"] != "running" || fmt.Sprint(dead["progress"]) != fmt.Sprint(alive["progress"]) || dead["cached_at"] == nil || dead["cached_because"] == "" {
		t.Errorf("dead: %v", dead)
	}
	g.shut.Store(false)
	e.start(o, g.URL)
	back := o.until(e.id, job, over)
	if problem, _ := back["error"].(map[string]any); back["status"] != "error" || problem["code"] != "interrupted" || back["cached"] != nil {
		t.Errorf("back: %v", back)
	}
	if record := o.ask(200, "GET", "/entities/"+strings.TrimPrefix(job, "job_"), ``)["properties"].(map[string]any); record["status"] != "error" || !strings.Contains(fmt.Sprint(record["error"]), "interrupted") {
		t.Errorf("the record: %v", record)
	}

	note := fmt.Sprintf(`{"type":"note","collection":%q}`, letters)
	o.ask(201, "POST", "/entities", note, e.key)
	c := o.ask(200, "GET", "/collections/"+letters, ``)
	for _, r := range c["relationships"].([]any) { // its time ends now
		if r := r.(map[string]any); r["peer"] == e.id {
			o.ask(200, "PUT", "/collections/"+letters, fmt.Sprintf(`{"expect_tip":%q,"relationships_add":[{"predicate":%q,"peer":%q,"properties":{"expires_at":%q}}]}`,
				c["cid"], r["predicate"], e.id, time.Now().UTC().Format(time.RFC3339)))
		}
	}
	o.ask(404, "POST", "/entities", note, e.key)
	e.stop(t)
}
