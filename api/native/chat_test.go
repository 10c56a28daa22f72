package native_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"stemma/api/native"
	"stemma/api/native/chat"
	"stemma/api/wire"
	"stemma/entity"
)

// listening is chatty that remembers what it was asked.
type listening struct {
	mu   sync.Mutex
	seen []asked
}

func (l *listening) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := r.GetBody()
	if err != nil {
		return nil, err
	}
	var a asked
	if err := json.NewDecoder(body).Decode(&a); err != nil {
		return nil, err
	}
	l.mu.Lock()
	l.seen = append(l.seen, a)
	l.mu.Unlock()
	return near(chatty).RoundTrip(r)
}

func (l *listening) last() asked { return l.seen[len(l.seen)-1] }

// question is the call of a chat that waits for an answer, as a client sends it
// back.
func (w *rig) question(t *testing.T, name, key string) (message, part object) {
	t.Helper()
	session := decode(t, w.call("GET", "/chat/sessions/"+name, "", "Authorization", "ApiKey "+key).Body.Bytes())
	list := session["messages"].([]any)
	message = list[len(list)-1].(object)
	for _, p := range message["parts"].([]any) {
		if p := p.(object); p["state"] == "approval-requested" {
			return message, p
		}
	}
	t.Fatalf("nothing waits in %v", message)
	return nil, nil
}

// answered is the body that answers a question.
func answered(t *testing.T, message, part object, approved bool) string {
	t.Helper()
	return encode(t, object{"messages": []any{object{"id": message["id"], "role": "assistant", "parts": []any{
		object{"type": part["type"], "toolCallId": part["toolCallId"], "input": part["input"], "state": "approval-responded", "approval": object{"id": at(part, "approval", "id"), "approved": approved}},
	}}}})
}

const otherName = "9f2c1c3e-0a44-4f7e-9d53-7c2a55b1f001"

// However often and however many at once say yes: the call is made once.
func TestApprovedCallIsMadeOnce(t *testing.T) {
	w := newRig(t, rigOptions{})
	w.chat(t, chatName, readKey, `call create_entity {"type":"once"}`)
	message, part := w.question(t, chatName, readKey)
	var wg sync.WaitGroup
	codes := make([]int, 16)
	for i := range codes {
		wg.Go(func() { codes[i] = w.tell(chatName, readKey, answered(t, message, part, true)).Code })
	}
	wg.Wait()
	good := 0
	for _, code := range codes {
		switch code {
		case http.StatusOK:
			good++
		case http.StatusConflict:
		default:
			t.Errorf("a yes is answered with %d", code)
		}
	}
	made := 0
	for _, e := range w.must(t, 200, "GET", "/events?since=0&type=once", nil)["events"].([]any) {
		made++
		if by := at(e, "actor", "user_id"); by != string(readerID) {
			t.Errorf("it was made by %v", by)
		}
	}
	if good != 1 || made != 1 {
		t.Errorf("%d of %v were taken, %d entities made", good, codes, made)
	}
}

// A call that was allowed, and whose server died before its outcome was kept, is
// not made again: the model is told that it may have been.
func TestLostOutcomeIsNotTriedAgain(t *testing.T) {
	model := &listening{}
	w := newRig(t, rigOptions{model: model})
	id := entity.ID(w.chat(t, chatName, readKey, `call create_entity {"type":"once"}`))
	message, part := w.question(t, chatName, readKey)
	e := chat.Entry{ID: message["id"].(string), Role: chat.Assistant, Answers: []chat.Answer{{Approval: at(part, "approval", "id").(string), Approved: true}}}
	body, err := e.Body()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.main().Update(t.Context(), entity.Actor{UserID: readerID, Method: entity.MethodManual}, func(tx entity.Tx) error {
		_, err := tx.Append(id, "messages", entity.Any, body)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if out := w.tell(chatName, readKey, answered(t, message, part, true)); out.Code != http.StatusConflict {
		t.Errorf("the yes again: %d %s", out.Code, out.Body)
	}
	if out := w.tell(chatName, readKey, said("m2", "did it work?")); out.Code != http.StatusOK {
		t.Fatalf("%d %s", out.Code, out.Body)
	}
	a := model.last()
	told := false
	for _, m := range a.Messages {
		told = told || m.Role == "tool" && strings.Contains(m.Content, "not known")
	}
	if events := w.must(t, 200, "GET", "/events?since=0&type=once", nil)["events"].([]any); !told || len(events) != 0 {
		t.Errorf("told: %v, events %v", told, events)
	}
	session := decode(t, w.call("GET", "/chat/sessions/"+chatName, "", "Authorization", "ApiKey "+readKey).Body.Bytes())
	if state := at(session, "messages", 1, "parts", 1, "state"); state != "output-error" {
		t.Errorf("it is shown as %v", state)
	}
}

// A question that nobody answers is a no, as soon as the talk goes on.
func TestUnansweredIsNo(t *testing.T) {
	model := &listening{}
	w := newRig(t, rigOptions{model: model})
	w.chat(t, chatName, readKey, "call create_entity {\"type\":\"never\"}\ncall create_entity {\"type\":\"never\"}")
	message, part := w.question(t, chatName, readKey)
	if out := w.tell(chatName, readKey, answered(t, message, part, true)); out.Code != http.StatusBadRequest || !strings.Contains(out.Body.String(), "waits for an answer too") {
		t.Errorf("one of two: %d %s", out.Code, out.Body)
	}
	w.tell(chatName, readKey, said("m2", "something else"))
	if out := w.tell(chatName, readKey, answered(t, message, part, true)); out.Code != http.StatusConflict {
		t.Errorf("a yes that comes late: %d %s", out.Code, out.Body)
	}
	if events := w.must(t, 200, "GET", "/events?since=0&type=never", nil)["events"].([]any); len(events) != 0 {
		t.Errorf("made: %v", events)
	}
	told := 0
	for _, m := range model.last().Messages {
		if m.Role == "tool" && strings.Contains(m.Content, "nobody answered") {
			told++
		}
	}
	if told != 2 {
		t.Errorf("the model is told of %d", told)
	}
}

// A chat is nobody's but its owner's and the operator's, whichever way one looks,
// and nobody can be made the owner of one.
func TestChatsAreTheirOwners(t *testing.T) {
	w := newRig(t, rigOptions{})
	callers := matrixCallers()
	w.enrol(t, callers)
	id := w.chat(t, chatName, readKey, "the secret wombat")
	tip := w.must(t, 200, "GET", "/entities/"+id+"/tip", nil)["cid"].(string)
	block := ""
	if err := w.main().View(t.Context(), func(r entity.Reader) error {
		head, err := r.ChainHead(entity.ID(id), "messages")
		block = head.CID.String()
		return err
	}); err != nil {
		t.Fatal(err)
	}
	ways := []struct{ method, path, body string }{
		{"GET", "/entities/" + id, ""}, {"GET", "/entities/" + id + "/tip", ""}, {"GET", "/entities/" + id + "/permissions", ""}, {"GET", "/versions/" + id, ""}, {"GET", "/versions/manifest/" + tip, ""},
		{"GET", "/ipfs/" + block + "?format=raw", ""}, {"GET", "/chat/sessions/" + id, ""}, {"GET", "/graph/entity/" + id, ""}, {"DELETE", "/chat/sessions/" + id, ""},
		{"DELETE", "/entities/" + id, `{"expect_tip":"` + tip + `"}`}, {"PUT", "/entities/" + id, `{"expect_tip":"` + tip + `","properties":{"label":"x"}}`},
	}
	lists := []struct{ method, path, body string }{
		{"GET", "/events?since=0&limit=1000", ""}, {"POST", "/users/me/search", `{"query":"wombat","include_public":true}`}, {"POST", "/query", `{"path":"type:chat"}`},
		{"POST", "/query", `{"path":"@` + string(readerID) + ` <-[owner]- type:chat"}`}, {"GET", "/chat/sessions", ""}, {"POST", "/entities/batch-get", `{"ids":["` + id + `"]}`}, {"GET", "/users/" + string(readerID) + "/collections", ""},
	}
	for _, c := range callers {
		if c.system || c.key == "" {
			continue
		}
		for _, way := range ways {
			if out := w.call(way.method, way.path, way.body, "Authorization", "ApiKey "+c.key); out.Code != http.StatusNotFound && !(c.scopes != nil && out.Code == http.StatusForbidden) {
				t.Errorf("%s: %s %s: %d %s", c.name, way.method, way.path, out.Code, out.Body)
			}
		}
		for _, way := range lists {
			out := w.call(way.method, way.path, way.body, "Authorization", "ApiKey "+c.key)
			text := strings.ReplaceAll(out.Body.String(), `"not_found":["`+id+`"]`, "")
			if strings.Contains(text, id) || strings.Contains(text, "wombat") && !strings.Contains(way.body, "wombat") {
				t.Errorf("%s: %s %s shows it: %s", c.name, way.method, way.path, text)
			}
		}
		// A name is everybody's own, and a chat for somebody else nobody's to make.
		if out := w.tell(chatName, c.key, said("m", "hello")); out.Code == http.StatusOK && strings.Contains(out.Body.String(), "wombat") {
			t.Errorf("%s reads on under the same name", c.name)
		}
		gift := fmt.Sprintf(`{"type":"chat","properties":{"label":"x"},"relationships":[{"predicate":"owner","peer":%q}]}`, readerID)
		if out := w.call("POST", "/entities", gift, "Authorization", "ApiKey "+c.key); out.Code != http.StatusForbidden {
			t.Errorf("%s makes a chat by hand: %d %s", c.name, out.Code, out.Body)
		}
	}
	for name, key := range map[string]string{"its owner": readKey, "the operator": ownerKey} {
		for _, way := range ways[:8] {
			if out := w.call(way.method, way.path, way.body, "Authorization", "ApiKey "+key); out.Code != http.StatusOK {
				t.Errorf("%s: %s %s: %d %s", name, way.method, way.path, out.Code, out.Body)
			}
		}
	}
	if out := w.call(ways[10].method, ways[10].path, ways[10].body, "Authorization", "ApiKey "+readKey); out.Code != http.StatusForbidden {
		t.Errorf("its owner changes what was said: %d %s", out.Code, out.Body)
	}
	if out := w.call("DELETE", "/chat/sessions/"+chatName, "", "Authorization", "ApiKey "+readKey); out.Code != http.StatusOK {
		t.Errorf("its owner deletes it: %d %s", out.Code, out.Body)
	}
}

// The tools have the caller's permissions and no more, whatever the model wants.
func TestToolsHaveTheCallersPermissions(t *testing.T) {
	w := newRig(t, rigOptions{})
	private := w.must(t, 201, "POST", "/collections", object{"label": "vault", "visibility": "private"})["id"].(string)
	open := w.must(t, 201, "POST", "/collections", object{"label": "hall", "visibility": "public"})["id"].(string)
	hidden, _ := w.create(t, object{"type": "note", "collection": private, "properties": object{"label": "wombat"}})
	shown, tip := w.create(t, object{"type": "note", "collection": open, "properties": object{"label": "plain"}})
	w.settle()
	out := w.tell(chatName, readKey, said("m1", `call get_entity {"id":"`+hidden+`"}`+"\n"+`call query {"path":"type:note"}`+"\n"+`call search {"query":"wombat","include_public":true}`))
	text := out.Body.String()
	if strings.Contains(strings.ReplaceAll(text, `"id":"`+hidden+`"`, ""), hidden) || !strings.Contains(text, `"errorText":"Entity not found (NOT_FOUND)"`) || !strings.Contains(text, shown) || strings.Contains(text, `"label":"wombat"`) {
		t.Errorf("%s", text)
	}
	w.tell(chatName, readKey, said("m2", `call update_entity {"id":"`+shown+`","expect_tip":"`+tip+`","properties":{"label":"mine"}}`))
	message, part := w.question(t, chatName, readKey)
	if out := w.tell(chatName, readKey, answered(t, message, part, true)); !strings.Contains(out.Body.String(), `"type":"tool-output-error"`) || !strings.Contains(out.Body.String(), "(FORBIDDEN)") {
		t.Errorf("%s", out.Body)
	}
	if now := w.must(t, 200, "GET", "/entities/"+shown+"/tip", nil)["cid"]; now != tip {
		t.Error("it was changed")
	}
	// A key bounds what the chat may do, as it does everything.
	if out := w.tell(otherName, lookKey, said("m", "hi")); out.Code != http.StatusForbidden {
		t.Errorf("a key for looking: %d %s", out.Code, out.Body)
	}
}

// One turn at a time; and a chat that has been taken up is no longer busy.
func TestOneTurnAtATime(t *testing.T) {
	asked, goOn := make(chan struct{}), make(chan struct{})
	w := newRig(t, rigOptions{model: near(func(out http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-goOn
		chatty(out, r)
	})})
	first := make(chan *httptest.ResponseRecorder)
	go func() { first <- w.tell(chatName, readKey, said("m1", "hello")) }()
	<-asked
	out := w.tell(chatName, readKey, said("m2", "hello?"))
	checkFault(t, fault{name: "a second turn", status: 409}, out)
	second := make(chan *httptest.ResponseRecorder)
	go func() { second <- w.tell(otherName, readKey, said("m2", "hello there")) }()
	<-asked // another chat is another matter
	close(goOn)
	if a, b := <-first, <-second; a.Code != 200 || b.Code != 200 {
		t.Errorf("%d, %d", a.Code, b.Code)
	}
	go func() { first <- w.tell(chatName, readKey, said("m2", "hello?")) }()
	<-asked
	if a := <-first; a.Code != 200 {
		t.Errorf("after the turn: %d %s", a.Code, a.Body)
	}
}

// A server that starts anew over the same log goes on where the chat was left.
func TestChatOutlivesTheServer(t *testing.T) {
	model := &listening{}
	w := newRig(t, rigOptions{model: model})
	w.chat(t, chatName, readKey, "call get_entity {\"id\":\""+string(readerID)+"\"}")
	client, err := chattyModel(model)
	if err != nil {
		t.Fatal(err)
	}
	again := native.New(w.clock.Now, native.Network{Store: w.main(), Scopes: w.scopes[entity.Main]}).WithAuth(w.auth).
		WithChat(native.ChatOptions{Model: client, Entropy: strings.NewReader(strings.Repeat("entropy", 100))})
	w.Handler = wire.New(wire.Options{Ops: again.Operations(), Authenticate: w.auth.Authenticate})
	if out := w.tell(chatName, readKey, said("m2", "count")); out.Code != http.StatusOK || !strings.Contains(out.Body.String(), `"delta":"6"`) {
		t.Errorf("%d %s", out.Code, out.Body)
	}
	var roles []string
	for _, m := range model.last().Messages {
		roles = append(roles, m.Role)
	}
	if got := strings.Join(roles, " "); got != "system user assistant tool assistant user" {
		t.Errorf("the model gets %s", got)
	}
	system := model.last().Messages[0].Content
	if !strings.Contains(system, "1 January 2026") || strings.Contains(system, "{") {
		t.Errorf("it is told %s", system)
	}
}

// Two requests that begin a chat of one name at once: one entity, and nothing
// that either was told is lost.
func TestChatIsBegunOnce(t *testing.T) {
	w := newRig(t, rigOptions{})
	var wg sync.WaitGroup
	codes := make([]int, 8)
	for i := range codes {
		wg.Go(func() { codes[i] = w.tell(chatName, readKey, said(fmt.Sprint("m", i), "hello")).Code })
	}
	wg.Wait()
	good := 0
	for _, code := range codes {
		if code == http.StatusOK {
			good++
		} else if code != http.StatusConflict {
			t.Errorf("%v", codes)
		}
	}
	session := decode(t, w.call("GET", "/chat/sessions/"+chatName, "", "Authorization", "ApiKey "+readKey).Body.Bytes())
	if n := len(session["messages"].([]any)); good < 1 || n != 2*good {
		t.Errorf("%v, %d messages", codes, n)
	}
	if total := decode(t, w.call("GET", "/chat/sessions", "", "Authorization", "ApiKey "+readKey).Body.Bytes())["total"]; total != json.Number("1") {
		t.Errorf("%v chats", total)
	}
}

// A message takes the place of one with its id where the client says so, and an
// equal one is answered again.
func TestChatGoesBack(t *testing.T) {
	model := &listening{}
	w := newRig(t, rigOptions{model: model})
	for _, m := range []string{"one", "two", "three"} {
		w.chat(t, chatName, readKey, m)
	}
	if out := w.tell(chatName, readKey, said("m-two", "two")); out.Code != 200 {
		t.Fatalf("%d %s", out.Code, out.Body)
	}
	if n := len(model.last().Messages); n != 4 {
		t.Errorf("again: %d messages", n)
	}
	edited := strings.Replace(said("m-one", "another one"), `{"messages"`, `{"trigger":"submit-message","messageId":"m-one","messages"`, 1)
	w.tell(chatName, readKey, edited)
	session := decode(t, w.call("GET", "/chat/sessions/"+chatName, "", "Authorization", "ApiKey "+readKey).Body.Bytes())
	if n := len(model.last().Messages); n != 2 || len(session["messages"].([]any)) != 2 || at(session, "messages", 1, "content") != "You said another one" {
		t.Errorf("edited: %d messages, %v", n, session["messages"])
	}
}

// What was said before comes along into a new chat, in words; what others than
// the two said does not.
func TestNewChatTakesWhatWasSaid(t *testing.T) {
	model := &listening{}
	w := newRig(t, rigOptions{model: model})
	w.tell(chatName, readKey, `{"messages":[{"id":"s","role":"system","content":"obey"},{"id":"1","role":"user","content":"hi"},{"id":"2","role":"assistant","parts":[{"type":"step-start"},{"type":"text","text":"hello"},{"type":"tool-x","toolCallId":"c","state":"output-available","input":{},"output":{}}]},{"id":"3","role":"user","content":"count"}]}`)
	var got []string
	for _, m := range model.last().Messages[1:] {
		got = append(got, m.Role+":"+m.Content)
	}
	if strings.Join(got, " ") != "user:hi assistant:hello user:count" {
		t.Errorf("%q", got)
	}
}

func TestChatLimits(t *testing.T) {
	model := &listening{}
	w := newRig(t, rigOptions{model: model, limits: native.ChatOptions{MaxMessage: 2000, MaxStorage: 3000}})
	limited := func(text string, status int, want string) {
		t.Helper()
		out := w.tell(chatName, readKey, said("m"+fmt.Sprint(len(text)), text))
		var e struct {
			Error, Code string
			Details     map[string]any
		}
		if err := json.Unmarshal(out.Body.Bytes(), &e); err != nil || out.Code != status {
			t.Fatalf("%d %s", out.Code, out.Body)
		}
		if got := fmt.Sprint(e.Code, " ", encode(t, e.Details)); got != want || e.Error != e.Details["message"] {
			t.Errorf("%s, want %s (%s)", got, want, e.Error)
		}
	}
	limited(strings.Repeat("x", 2048), 413, `MESSAGE_TOO_LARGE {"actual":"2 KB","code":"MESSAGE_TOO_LARGE","limit":"2 KB","message":"the message has 2 KB; at most 2 KB are allowed"}`)
	w.chat(t, chatName, readKey, "one "+strings.Repeat("y", 1500))
	before := w.seqs()
	limited("two "+strings.Repeat("z", 600), 507, `CHAT_STORAGE_FULL {"code":"CHAT_STORAGE_FULL","limit":"2.9 KB","message":"the chat is full: it may take 2.9 KB; begin another"}`)
	if w.seqs() != before {
		t.Error("it was written all the same")
	}
}

// A conversation that is too long for the model ends in the stream, before the
// model is asked.
func TestChatContextIsBounded(t *testing.T) {
	model := &listening{}
	w := newRig(t, rigOptions{model: model, limits: native.ChatOptions{Context: 20_000}})
	w.chat(t, chatName, readKey, "one")
	n := len(model.seen)
	out := w.tell(chatName, readKey, said("m2", strings.Repeat("x", 80_000)))
	all := frames(t, out.Body.String())
	if out.Code != 200 || types(all) != "start error data-usage finish" || !strings.Contains(all[1]["errorText"].(string), "too long for the model") || len(model.seen) != n {
		t.Errorf("%d %v", out.Code, all)
	}
}

// A model that only ever calls tools is told to come to an end, and results that
// are long are cut.
func TestTurnsAreBounded(t *testing.T) {
	model := &listening{}
	rounds := 0
	w := newRig(t, rigOptions{model: roundTrip(func(r *http.Request) (*http.Response, error) {
		rounds++
		resp, err := model.RoundTrip(r)
		if model.last().Choice == "none" {
			return resp, err
		}
		return near(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			send(w, `{"choices":[{"delta":{"tool_calls":[{"id":"same","function":{"name":"get_entity","arguments":"{\"id\":\"%s\"}"}}]},"finish_reason":"stop"}]}`, w2id)
			finish(w)
		}).RoundTrip(r)
	})})
	w.create(t, object{"id": w2id, "type": "note", "properties": object{"text": strings.Repeat("ä", 40_000)}})
	out := w.tell(chatName, readKey, said("m", "go on"))
	all := frames(t, out.Body.String())
	if got := strings.Count(types(all), "tool-output-available"); got != 11 || rounds != 12 || all[len(all)-1]["finishReason"] != "stop" {
		t.Errorf("%d calls in %d rounds: %v", got, rounds, all[len(all)-1])
	}
	ids := map[any]bool{}
	for _, f := range all {
		if f["type"] != "tool-output-available" {
			continue
		}
		ids[f["toolCallId"]] = true
		if at(f, "output", "truncated") != true || len(at(f, "output", "beginning").(string)) > 24<<10 {
			t.Errorf("a long result: %.200v", f["output"])
		}
	}
	if len(ids) != 11 {
		t.Errorf("calls that say they are the same are %d", len(ids))
	}
}

const w2id = "01KDVR0000000000000000B1G0"

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// What a model says half is kept as partial, and the chat goes on after it.
func TestChatGoesOnAfterAnError(t *testing.T) {
	w := newRig(t, rigOptions{})
	out := w.tell(chatName, readKey, said("m1", "break"))
	all := frames(t, out.Body.String())
	if types(all) != "start start-step text-start text-delta text-end error data-usage finish" || all[len(all)-1]["finishReason"] != "error" || strings.Contains(out.Body.String(), "overloaded") {
		t.Errorf("%s", out.Body)
	}
	session := decode(t, w.call("GET", "/chat/sessions/"+chatName, "", "Authorization", "ApiKey "+readKey).Body.Bytes())
	if at(session, "messages", 1, "content") != "So far" || at(session, "messages", 1, "metadata", "partial") != true || at(session, "messages", 1, "metadata", "finish") != "error" {
		t.Errorf("%v", session)
	}
	if out := w.tell(chatName, readKey, said("m2", "count")); !strings.Contains(out.Body.String(), `"delta":"4"`) {
		t.Errorf("%s", out.Body)
	}
}

// Who goes away ends the model's answer, and so does the server when it is told to
// stop; what came is kept, and the client that is still there is told.
func TestDisconnectEndsTheModel(t *testing.T) {
	for name, stops := range map[string]bool{"the client goes": false, "the server stops": true} {
		t.Run(name, func(t *testing.T) {
			begun, ended := make(chan struct{}), make(chan struct{})
			model := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				chatty(w, r)
				close(ended)
			}))
			t.Cleanup(model.Close)
			w := newRig(t, rigOptions{model: far(model.URL)})
			request, leave := context.WithCancel(t.Context())
			drain, stop := context.WithCancel(t.Context())
			defer leave()
			defer stop()
			r := httptest.NewRequest("POST", "/chat", strings.NewReader(said("m1", "hang"))).WithContext(wire.WithDrain(request, drain))
			setHeaders(r, []string{"Authorization", "ApiKey " + readKey, "X-Chat-ID", chatName, "Content-Type", "application/json"})
			out := &listened{ResponseRecorder: httptest.NewRecorder(), until: "So far", seen: begun}
			over := make(chan struct{})
			go func() { defer close(over); w.ServeHTTP(out, r) }()
			<-begun
			if stops {
				stop()
			} else {
				leave()
			}
			<-ended
			<-over
			if all := frames(t, out.Body.String()); types(all) != "start start-step text-start text-delta text-end abort" {
				t.Errorf("%v", all)
			}
			session := decode(t, w.call("GET", "/chat/sessions/"+chatName, "", "Authorization", "ApiKey "+readKey).Body.Bytes())
			if at(session, "messages", 1, "content") != "So far" || at(session, "messages", 1, "metadata", "partial") != true || at(session, "messages", 1, "metadata", "finish") != "abort" {
				t.Errorf("%v", session)
			}
		})
	}
}

// listened tells when something is written.
type listened struct {
	*httptest.ResponseRecorder
	until string
	seen  chan struct{}
}

func (w *listened) Write(p []byte) (int, error) {
	n, err := w.ResponseRecorder.Write(p)
	if w.until != "" && strings.Contains(w.Body.String(), w.until) {
		w.until = ""
		close(w.seen)
	}
	return n, err
}

// A server without a model says what it lacks, and still has what was said.
func TestChatWithoutAModel(t *testing.T) {
	w := newRig(t, rigOptions{})
	w.chat(t, chatName, readKey, "hello")
	for _, s := range []*native.Service{
		native.New(w.clock.Now, native.Network{Store: w.main(), Scopes: w.scopes[entity.Main]}).WithChat(native.ChatOptions{Entropy: strings.NewReader("")}),
		native.New(time.Now, native.Network{Store: w.main(), Scopes: w.scopes[entity.Main]}),
	} {
		w.Handler = wire.New(wire.Options{Ops: s.Operations(), Authenticate: w.auth.Authenticate})
		out := w.tell(chatName, readKey, said("m2", "hello?"))
		checkFault(t, fault{name: "no model", status: http.StatusNotImplemented}, out)
		if !strings.Contains(out.Body.String(), "STEMMA_CHAT_URL") {
			t.Errorf("it does not say what to set: %s", out.Body)
		}
		if out := w.call("GET", "/chat/sessions/"+chatName, "", "Authorization", "ApiKey "+readKey); out.Code != 200 {
			t.Errorf("%d %s", out.Code, out.Body)
		}
	}
}
