package native_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"stemma/api/outbound"
	"stemma/entity"
)

// agent makes an active agent at the test's host that uses others, in a
// collection of its own.
func (w *rig) agentOf(t *testing.T, label string, uses ...string) (id, tip string) {
	t.Helper()
	shop := w.must(t, 201, "POST", "/collections", object{"label": "shop"})["id"]
	list := []object{}
	for _, u := range uses {
		list = append(list, object{"pi": u})
	}
	e := w.must(t, 201, "POST", "/agents", object{"label": label, "collection": shop, "endpoint": "http://" + agentHost, "actions_required": []string{"entity:view", "note:create"}, "uses_agents": list})
	id = e["id"].(string)
	return id, w.approve(t, id)
}

func (w *rig) invoke(t *testing.T, status int, agent string, in object) object {
	t.Helper()
	return w.must(t, status, "POST", "/agents/"+agent+"/invoke", in)
}

// bindings are the relationships of a collection to an agent.
func (w *rig) bindings(t *testing.T, collection, agent string) (out []object) {
	t.Helper()
	for _, r := range w.must(t, 200, "GET", "/collections/"+collection, nil)["relationships"].([]any) {
		if r := r.(object); r["peer"] == agent {
			out = append(out, r)
		}
	}
	return out
}

func (w *rig) collection(t *testing.T, body object) string {
	t.Helper()
	return w.must(t, 201, "POST", "/collections", body)["id"].(string)
}

// Whatever route an agent is written by, it is verified by nobody but the server,
// and another endpoint is not verified; nor is what comes back from the dead.
func TestAgentRules(t *testing.T) {
	w := newRig(t, rigOptions{})
	id, tip := w.agentOf(t, "a")
	put := func(status int, path string, body object) object {
		t.Helper()
		body["expect_tip"] = tip
		e := w.must(t, status, "PUT", path, body)
		if status == 200 {
			tip = e["cid"].(string)
		}
		return e
	}
	state := func(e object) string {
		return fmt.Sprint(at(e, "properties", "status"), " ", at(e, "properties", "endpoint_verified_at") != nil)
	}
	for _, path := range []string{"/entities/" + id, "/agents/" + id} {
		put(400, path, object{"properties": object{"endpoint_verified_at": "2030-01-01T00:00:00.000Z"}})
		put(400, path, object{"properties_remove": []string{"endpoint_verified_at"}})
	}
	put(400, "/entities/"+id, object{"properties": object{"status": "running"}})
	put(400, "/entities/"+id, object{"properties": object{"actions_required": []string{"all"}}})
	if got := state(put(200, "/agents/"+id, object{"endpoint": "http://b.example"})); got != "development false" {
		t.Errorf("another endpoint: %s", got)
	}
	put(400, "/agents/"+id, object{"status": "active"})
	put(400, "/entities/"+id, object{"properties": object{"status": "active"}})
	e := w.must(t, 200, "POST", "/entities/"+id+"/restore", object{"expect_tip": tip, "ver": 2})
	if got := state(e); got != "development false" {
		t.Errorf("back to the endpoint that was verified: %s", got)
	}
	w.approve(t, id)
	tip = w.must(t, 200, "GET", "/entities/"+id+"/tip", nil)["cid"].(string)
	dead := w.must(t, 200, "DELETE", "/entities/"+id, object{"expect_tip": tip})["cid"]
	if got := state(w.must(t, 200, "POST", "/entities/"+id+"/restore", object{"expect_tip": dead})); got != "development false" {
		t.Errorf("back from the dead: %s", got)
	}
	w.must(t, 400, "POST", "/entities", object{"type": "agent", "properties": object{"label": "b", "status": "active", "endpoint_verified_at": "x"}})
	batch := w.must(t, 207, "POST", "/entities/batch", object{"entities": []object{{"type": "agent", "properties": object{"label": "b", "endpoint_verified_at": "x"}}}})
	if at(batch, "summary", "failed") == nil || fmt.Sprint(at(batch, "summary", "succeeded")) != "0" {
		t.Errorf("a batch verified an agent: %v", batch)
	}
}

// Each way in which an endpoint can fail to show that it is the agent's has its
// code, and none of them verifies it.
func TestVerify(t *testing.T) {
	w := newRig(t, rigOptions{})
	f, gone := w.hire(t)
	id, _ := w.agentOf(t, "a")
	path := "/agents/" + id + "/verify"
	confirm := func(want string) {
		t.Helper()
		out := w.must(t, 200, "POST", path, object{"confirm": true})
		if got := fmt.Sprint(out["error"]); got != want {
			t.Errorf("%v; want %s", out, want)
		}
	}
	serve := func(token, agent string) {
		f.set(func(f *foreign) {
			f.verify = encode(t, object{"verification_token": token, "agent_id": agent, "more": 1})
		})
	}
	confirm("no_token")
	token := w.must(t, 200, "POST", path, nil)["verification_token"].(string)
	f.set(func(f *foreign) { f.verify = `[]` })
	confirm("invalid_response")
	f.set(func(f *foreign) { f.verify = `{"verification_token":7}` })
	confirm("invalid_response")
	serve("vt_"+strings.Repeat("0", 64), id)
	confirm("token_mismatch")
	serve(token, unknownID)
	confirm("agent_id_mismatch")
	w.clock.Advance(time.Hour)
	confirm("token_expired")
	serve(token, id)
	confirm("token_expired")
	token = w.must(t, 200, "POST", path, nil)["verification_token"].(string)
	serve(token, id)
	tip := w.must(t, 200, "GET", "/entities/"+id+"/tip", nil)["cid"]
	w.must(t, 200, "PUT", "/agents/"+id, object{"expect_tip": tip, "endpoint": "http://" + agentHost + "/v2"})
	confirm("no_token")
	gone()
	w.must(t, 200, "POST", path, nil)
	confirm("fetch_failed")
	if e := w.must(t, 200, "GET", "/agents/"+id, nil); at(e, "properties", "endpoint_verified_at") != nil {
		t.Error("it is verified")
	}
}

// An endpoint at a private address is not called, and the error does not say what
// is there.
func TestVerifyPrivate(t *testing.T) {
	w := newRig(t, rigOptions{})
	shop := w.collection(t, object{"label": "shop"})
	for _, endpoint := range []string{"http://127.0.0.1:1", "http://[::1]", "http://169.254.169.254/latest", "http://10.0.0.1", "http://[::ffff:127.0.0.1]"} {
		id := w.must(t, 201, "POST", "/agents", object{"label": "a", "collection": shop, "endpoint": endpoint, "actions_required": []string{"entity:view"}})["id"].(string)
		w.must(t, 200, "POST", "/agents/"+id+"/verify", nil)
		out := w.must(t, 200, "POST", "/agents/"+id+"/verify", object{"confirm": true})
		if out["error"] != "fetch_failed" || !strings.Contains(out["message"].(string), "not a public one") {
			t.Errorf("%s: %v", endpoint, out)
		}
	}
}

// Agents that agents use are granted the same, each once however they are reached;
// a cycle ends, and those that are not there or disabled are warned about.
func TestInvokeUsesOthers(t *testing.T) {
	w := newRig(t, rigOptions{})
	w.hire(t)
	deep, deepTip := w.agentOf(t, "deep")
	off, offTip := w.agentOf(t, "off")
	w.must(t, 200, "PUT", "/agents/"+off, object{"expect_tip": offTip, "status": "disabled"})
	middle, _ := w.agentOf(t, "middle", deep, off, unknownID)
	top, _ := w.agentOf(t, "top", middle, deep)
	w.must(t, 200, "PUT", "/agents/"+deep, object{"expect_tip": deepTip, "uses_agents": []object{{"pi": top}, {"pi": deep}}})
	target := w.collection(t, object{"label": "target"})
	preview := w.invoke(t, 200, top, object{"target": target})
	if n := len(preview["grants"].([]any)); n != 3 {
		t.Errorf("%d grants: %v", n, preview)
	}
	reasons := map[string]any{}
	for _, x := range preview["warnings"].([]any) {
		reasons[at(x, "sub_agent_id").(string)] = fmt.Sprint(at(x, "reason"), " ", at(x, "parent_agent_id"))
	}
	if len(reasons) != 2 || reasons[off] != "disabled "+middle || reasons[unknownID] != "not_found "+middle {
		t.Errorf("warnings: %v", reasons)
	}
	if w.bindings(t, target, top) != nil {
		t.Error("a preview granted something")
	}
	w.invoke(t, 202, top, object{"target": target, "confirm": true})
	for _, id := range []string{top, middle, deep} {
		if len(w.bindings(t, target, id)) != 1 {
			t.Errorf("%s has %v", id, w.bindings(t, target, id))
		}
	}
	if w.bindings(t, target, off) != nil {
		t.Error("a disabled agent was granted something")
	}
}

// A grant is made longer and never shorter, ends by itself, and is taken back when
// the agent declines or does not answer, to what was there before.
func TestGrants(t *testing.T) {
	w := newRig(t, rigOptions{})
	f, gone := w.hire(t)
	id, _ := w.agentOf(t, "a")
	key := w.must(t, 201, "POST", "/agents/"+id+"/keys", object{})["key"].(string)
	target := w.collection(t, object{"label": "target", "visibility": "private"})
	note := encode(t, object{"type": "note", "collection": target})
	writes := func() int { return w.call("POST", "/entities", note, "Authorization", "ApiKey "+key).Code }
	until := func() string {
		b := w.bindings(t, target, id)
		if len(b) != 1 {
			return fmt.Sprint(b)
		}
		return at(b[0], "properties", "expires_at").(string)
	}
	if w.bindings(t, target, id) != nil || writes() != 404 {
		t.Fatal("it has something before it was invoked")
	}
	first := w.invoke(t, 202, id, object{"target": target, "expires_in": 600, "confirm": true})
	hour := until()
	if writes() != 201 || hour != first["expires_at"] {
		t.Errorf("granted until %s, answered %v, and writing gives %d", hour, first["expires_at"], writes())
	}
	if jobs := w.must(t, 200, "GET", "/collections/"+first["job_collection"].(string), nil); at(jobs, "properties", "visibility") != "private" {
		t.Error("the jobs of a private collection are public")
	}
	w.invoke(t, 202, id, object{"target": target, "expires_in": 60, "confirm": true})
	if until() != hour {
		t.Errorf("it was shortened from %s to %s", hour, until())
	}
	longer := w.invoke(t, 202, id, object{"target": target, "expires_in": 900, "confirm": true})
	if until() != longer["expires_at"] || at(longer, "grants", 0, "was_update") != true {
		t.Errorf("until %s, answered %v", until(), longer)
	}
	f.set(func(f *foreign) { f.accept, f.code = `{"accepted":false,"error":"no"}`, 503 })
	if out := w.invoke(t, 202, id, object{"target": target, "expires_in": 3600, "confirm": true}); out["status"] != "rejected" || until() != longer["expires_at"] {
		t.Errorf("declined: %v, until %s", out, until())
	}
	for _, bad := range []string{`{}`, `nothing`, `{"accepted":true,"job_id":"job_another"}`, ``} {
		f.set(func(f *foreign) { f.accept, f.code = bad, 200 })
		w.invoke(t, 502, id, object{"target": target, "expires_in": 3600, "confirm": true})
		if until() != longer["expires_at"] {
			t.Errorf("after %q it has until %s", bad, until())
		}
	}
	w.clock.Advance(901 * time.Second)
	if writes() != 404 {
		t.Error("its time is over, and it writes")
	}
	gone()
	w.invoke(t, 502, id, object{"target": target, "confirm": true})
	if b := w.bindings(t, target, id); b != nil || writes() != 404 {
		t.Errorf("the agent does not answer and has %v", b)
	}
}

// Of two invocations at the same time that are both declined nothing is left,
// whichever is undone first; where the second is accepted, what it gave stays.
func TestGrantsOverlap(t *testing.T) {
	for _, accepted := range []bool{false, true} {
		w := newRig(t, rigOptions{})
		f, _ := w.hire(t)
		id, _ := w.agentOf(t, "a")
		target := w.collection(t, object{"label": "target"})
		calls, second, release, both := make(chan int, 2), make(chan struct{}), make(chan struct{}), make(chan object, 1)
		calls <- 1
		calls <- 2
		invoke := func(seconds int) object {
			out := w.send("POST", "/agents/"+id+"/invoke", encode(t, object{"target": target, "expires_in": seconds, "confirm": true}))
			return decode(t, out.Body.Bytes())
		}
		f.set(func(f *foreign) {
			f.process = func(rw http.ResponseWriter) {
				if <-calls == 1 { // and while it is asked, it is asked for more
					go func() { both <- invoke(1200) }()
					<-second
					io.WriteString(rw, `{"accepted":false,"error":"no"}`)
					return
				}
				close(second)
				<-release
				fmt.Fprintf(rw, `{"accepted":%t}`, accepted)
			}
		})
		first := invoke(600)
		close(release)
		last := <-both
		want := map[bool]string{true: "started", false: "rejected"}[accepted]
		if first["status"] != "rejected" || last["status"] != want {
			t.Errorf("first %v, then %v", first, last)
		}
		if b := w.bindings(t, target, id); (len(b) == 1) != accepted {
			t.Errorf("%s: it has %v", want, b)
		}
	}
}

// A standing role that covers what an agent needs is enough, and stays.
func TestGrantedForGood(t *testing.T) {
	w := newRig(t, rigOptions{})
	w.hire(t)
	id, _ := w.agentOf(t, "a")
	target := w.collection(t, object{"label": "target"})
	w.must(t, 201, "POST", "/collections/"+target+"/members", object{"user_id": id, "role": "editor"})
	preview := w.invoke(t, 200, id, object{"target": target})
	if preview["grants_needed"] != false || at(preview, "grants", 0, "already_granted") != true {
		t.Errorf("preview: %v", preview)
	}
	before := w.must(t, 200, "GET", "/entities/"+target+"/tip", nil)["cid"]
	if out := w.invoke(t, 202, id, object{"target": target, "confirm": true}); out["target_cid"] != before {
		t.Errorf("%v; the target's tip was %s", out, before)
	}
}

// What is granted takes the right to grant it. Where nothing has to be, the agent
// still does nothing for somebody that they may not do themselves.
func TestInvokeIsNoDetour(t *testing.T) {
	w := newRig(t, rigOptions{})
	w.hire(t)
	id, tip := w.agentOf(t, "a")
	w.must(t, 200, "PUT", "/entities/"+id, object{"expect_tip": tip, "properties": object{"roles": object{"owner": []string{"agent:*"}, "caller": []string{"agent:invoke"}}},
		"relationships_add": []object{{"predicate": "caller", "peer": readerID, "peer_type": "user"}}})
	target := w.collection(t, object{"label": "target"})
	reader := []string{"Authorization", "ApiKey " + readKey}
	try := func(body object) (int, object) {
		out := w.call("POST", "/agents/"+id+"/invoke", encode(t, body), reader...)
		return out.Code, decode(t, out.Body.Bytes())
	}
	for _, step := range []struct {
		name string
		do   func()
		can  bool
	}{
		{"a viewer", func() {}, false},
		{"a viewer, of an agent with a standing role", func() {
			w.must(t, 201, "POST", "/collections/"+target+"/members", object{"user_id": id, "role": "editor"})
		}, false},
		{"an editor", func() {
			w.must(t, 201, "POST", "/collections/"+target+"/members", object{"user_id": readerID, "role": "editor"})
		}, true},
	} {
		step.do()
		code, preview := try(object{"target": target})
		if code != 200 || preview["can_proceed"] != step.can {
			t.Errorf("%s: %d %v", step.name, code, preview)
		}
		want := map[bool]int{true: 202, false: 403}[step.can]
		if code, out := try(object{"target": target, "confirm": true}); code != want {
			t.Errorf("%s: %d, want %d: %v", step.name, code, want, out)
		}
	}
	jobs := w.collection(t, object{"label": "jobs"})
	if code, out := try(object{"target": target, "job_collection": jobs, "confirm": true}); code != 403 {
		t.Errorf("a record in somebody else's collection: %d %v", code, out)
	}
}

// What is sent is signed as the specification says, as node's crypto sees it too.
func TestSignedCalls(t *testing.T) {
	w := newRig(t, rigOptions{})
	f, _ := w.hire(t)
	id, _ := w.agentOf(t, "a")
	target := w.collection(t, object{"label": "target"})
	out := w.invoke(t, 202, id, object{"target": target, "input": object{"text": "ä \"quoted\""}, "confirm": true})
	published := w.must(t, 200, "GET", "/.well-known/signing-key", nil)
	key, err := base64.StdEncoding.DecodeString(published["public_key"].(string))
	if err != nil || published["algorithm"] != "Ed25519" || published["key_id"] == "" {
		t.Fatal(published, err)
	}
	header := f.sent.Header.Get("X-Arke-Signature")
	if err := outbound.CheckSignature(ed25519.PublicKey(key), header, f.body, w.clock.Now()); err != nil {
		t.Error(err)
	}
	sent := decode(t, f.body)
	for field, want := range map[string]any{"job_id": out["job_id"], "target": target, "job_collection": out["job_collection"], "api_base": "https://stemma.example", "expires_at": out["expires_at"], "network": "main"} {
		if sent[field] != want {
			t.Errorf("%s is %v, want %v", field, sent[field], want)
		}
	}
	if ua := f.sent.Header.Get("User-Agent"); ua != "Arke/1.0" || !strings.HasPrefix(f.sent.Header.Get("X-Arke-Request-Id"), "req_") {
		t.Errorf("headers %v", f.sent.Header)
	}
	const verify = `const c=require('crypto');const [k,h,b]=process.argv.slice(1);
const p=Object.fromEntries(h.split(',').map(x=>[x.slice(0,x.indexOf('=')),x.slice(x.indexOf('=')+1)]));
const key=c.createPublicKey({key:Buffer.concat([Buffer.from('302a300506032b6570032100','hex'),Buffer.from(k,'base64')]),format:'der',type:'spki'});
process.stdout.write(String(c.verify(null,Buffer.concat([Buffer.from(p.t+'.'),Buffer.from(b,'base64')]),key,Buffer.from(p.v1,'base64'))));`
	for body, want := range map[string]string{string(f.body): "true", string(f.body) + " ": "false"} {
		got, err := exec.CommandContext(t.Context(), "node", "-e", verify, published["public_key"].(string), header, base64.StdEncoding.EncodeToString([]byte(body))).Output()
		if err != nil || string(got) != want {
			t.Errorf("node says %s, want %s: %v", got, want, err)
		}
	}
	if raw, err := secretOf(w, "agent-signing"); err != nil || len(raw) != ed25519.SeedSize {
		t.Errorf("the key is not in the secret space: %d bytes, %v", len(raw), err)
	}
}

func secretOf(w *rig, key string) (raw []byte, err error) {
	err = w.main().View(context.Background(), func(r entity.Reader) error {
		raw, err = r.Secret(key)
		return err
	})
	return raw, err
}

const running = `{"job_id":"$job","status":"running","progress":{"total":3,"pending":2,"done":1,"error":0},"started_at":"2026-01-01T00:00:00.000Z","updated_at":"%d"}`

// What an agent says is asked for once a second however many ask, kept once, and
// answered when the agent has gone away.
func TestJobStatus(t *testing.T) {
	w := newRig(t, rigOptions{})
	f, gone := w.hire(t)
	id, _ := w.agentOf(t, "a")
	target := w.collection(t, object{"label": "target"})
	job := w.invoke(t, 202, id, object{"target": target, "expires_in": 600, "confirm": true})["job_id"].(string)
	path := "/agents/" + id + "/jobs/" + job + "/status"
	record := entity.ID(strings.TrimPrefix(job, "job_"))
	chain := func() (n int64) {
		err := w.main().View(context.Background(), func(r entity.Reader) error {
			ref, err := r.ChainHead(record, "progress")
			n = ref.N
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if out := w.call("GET", path, ""); out.Code != 502 {
		t.Errorf("an agent that does not know the job, and has said nothing: %d %s", out.Code, out.Body)
	}
	w.clock.Advance(time.Second)
	f.set(func(f *foreign) { f.status, f.statuses, f.hold = fmt.Sprintf(running, 1), 0, make(chan struct{}) })
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			if out := w.send("GET", path, ""); out.Code != 200 || !strings.Contains(out.Body.String(), `"running"`) {
				t.Errorf("%d %s", out.Code, out.Body)
			}
		})
	}
	close(f.hold)
	all.Wait()
	f.set(func(f *foreign) {
		if f.statuses != 1 {
			t.Errorf("100 callers made %d calls", f.statuses)
		}
		f.hold = nil
	})
	for i := range 3 {
		w.clock.Advance(time.Second)
		f.set(func(f *foreign) { f.status = fmt.Sprintf(running, i+2) })
		w.must(t, 200, "GET", path+"?detail=full&errors=3", nil)
	}
	if f.query != "detail=full&errors=3" || chain() != 1 {
		t.Errorf("the agent was asked %q, and %d things are kept", f.query, chain())
	}
	gone()
	w.clock.Advance(time.Second)
	out := w.must(t, 200, "GET", path, nil)
	if out["cached"] != true || out["status"] != "running" || out["cached_at"] == nil || out["cached_because"] == "" || out["expired"] != nil {
		t.Errorf("the agent has gone away: %v", out)
	}
	w.clock.Advance(10 * time.Minute)
	out = w.must(t, 200, "GET", path, nil)
	if out["status"] != "error" || out["expired"] != true || at(out, "error", "code") != "expired" {
		t.Errorf("its time is over: %v", out)
	}
	if e := w.must(t, 200, "GET", "/entities/"+string(record), nil); at(e, "properties", "status") != "expired" {
		t.Errorf("the record says %v", e["properties"])
	}
	f, _ = w.hire(t)
	f.set(func(f *foreign) { f.status = strings.Replace(fmt.Sprintf(running, 9), "running", "done", 1) })
	w.clock.Advance(time.Second)
	w.must(t, 200, "GET", path, nil)
	if e := w.must(t, 200, "GET", "/entities/"+string(record), nil); at(e, "properties", "status") != "done" || at(e, "edited_by", "user_id") != id || chain() != 2 {
		t.Errorf("it came back and said that it was done: %v", e)
	}
}

// A read-only server passes on what agents say and writes nothing, and has no key
// to sign with.
func TestJobStatusReadOnly(t *testing.T) {
	w := newRig(t, rigOptions{mute: true})
	f, gone := w.hire(t)
	f.set(func(f *foreign) { f.status = fmt.Sprintf(running, 7) })
	vars := map[string]string{}
	vars["coll"] = w.collection(t, object{"label": "coll"})
	agentFixture(t, w, vars, func(name, path, body string) {
		e := decode(t, []byte(strings.Replace(fill(vars, body), "https:", "http:", 1)))
		vars[name] = w.must(t, 201, "POST", path, e)["id"].(string)
	})
	before := w.seqs()
	path := "/agents/" + vars["bot"] + "/jobs/job_" + vars["job"] + "/status"
	if out := w.must(t, 200, "GET", path, nil); out["updated_at"] != "7" {
		t.Errorf("the agent says %v", out)
	}
	gone()
	w.clock.Advance(time.Second)
	if out := w.must(t, 200, "GET", path, nil); out["cached"] != true || out["updated_at"] != nil {
		t.Errorf("the agent has gone: %v", out)
	}
	w.clock.Advance(80 * 365 * 24 * time.Hour)
	if out := w.must(t, 200, "GET", path, nil); out["expired"] != true {
		t.Errorf("its time is over: %v", out)
	}
	w.must(t, 404, "GET", "/.well-known/signing-key", nil)
	if w.seqs() != before {
		t.Error("it wrote")
	}
}

// A status is for whoever may view the job's record: everybody else is answered as
// if there were no such job, and the agent is not asked.
func TestJobStatusIsPrivate(t *testing.T) {
	w := newRig(t, rigOptions{})
	f, _ := w.hire(t)
	f.set(func(f *foreign) { f.status = fmt.Sprintf(running, 1) })
	id, _ := w.agentOf(t, "a")
	target := w.collection(t, object{"label": "target", "visibility": "private"})
	job := w.invoke(t, 202, id, object{"target": target, "confirm": true})["job_id"].(string)
	want := strings.ReplaceAll(stripID(w.call("GET", "/agents/"+id+"/jobs/job_"+unknownID+"/status", "", "Authorization", "ApiKey "+readKey).Body.String()), unknownID, job[4:])
	for _, who := range []string{"", "ApiKey " + readKey} {
		out := w.call("GET", "/agents/"+id+"/jobs/"+job+"/status", "", "Authorization", who)
		if out.Code != http.StatusNotFound || stripID(out.Body.String()) != want {
			t.Errorf("%d %s\nwant %s", out.Code, out.Body, want)
		}
	}
	if f.statuses != 0 {
		t.Error("the agent was asked")
	}
	w.must(t, 200, "GET", "/agents/"+id+"/jobs/"+job+"/status", nil)
}

var requestID = regexp.MustCompile(`,"request_id":"[^"]*"`)

func stripID(body string) string { return requestID.ReplaceAllString(body, "") }
