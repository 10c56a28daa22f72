package portal_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"stemma/api/llm/llmtest"
	"stemma/api/llm/provider"
	"stemma/api/llm/retrieval"
	"stemma/api/llm/tenant"
	"stemma/entity"
)

// put uploads parts to a path, and wants a status.
func (w *world) put(status int, token, path string, parts ...part) object {
	w.t.Helper()
	out := w.send("POST", path, upload(parts...), "Authorization", "Bearer "+token)
	if out.Code != status {
		w.t.Fatalf("%s: %d, want %d: %s", path, out.Code, status, out.Body)
	}
	return decode(w.t, out.Body.Bytes())
}

// A knowledge base from its making to its end: what it holds is found, each change
// of its files counts at once, and what an answer has named can be read for ever.
func TestKnowledgeBase(t *testing.T) {
	w := &world{rig: newRig(t)}
	ann := w.signUp("ann")
	made := w.put(200, ann.token, "/knowledge-bases", named(" alps "), part{field: "chunk_tokens", content: "20"}, part{field: "overlap_tokens", content: "0"},
		notes("marmots.md", "# Marmots\n\nMarmots sleep all winter. "+strings.Repeat("They whistle when an eagle comes near. ", 10)), part{"files", "ibex.txt", "application/octet-stream", "Ibex climb walls."})
	kb := "/knowledge-bases/" + text(made, "id")
	if text(made, "name") != "alps" || text(made, "org") != "ann-s-house" || text(made, "ref") != "ann-s-house/alps:latest" || at(made, "chunkCount").(float64) < 5 {
		t.Error(made)
	}
	listed := at(w.must(200, ann.token, "GET", "/knowledge-bases", nil), "knowledgeBases", 0)
	if text(listed, "vectorSpace") != "lexical/lexical-1 (512d)" || at(listed, "chunkCount") != at(made, "chunkCount") || at(listed, "fileCount") != 2.0 {
		t.Error(listed)
	}
	got := w.must(200, ann.token, "GET", kb, nil)
	if at(got, "searchReady") != true || at(got, "vectorSpace", "dimensions") != 512.0 || text(got, "vectorSpace", "preprocessingHash") == "" || at(got, "settings", "chunk_tokens") != 20.0 || text(got, "chunks", 0, "content") == "" {
		t.Error(got)
	}
	w.pages(ann.token, kb, int(at(made, "chunkCount").(float64)))
	found := w.must(200, ann.token, "POST", kb+"/search", object{"query": "what climbs walls", "topK": 1})
	if text(found, "chunks", 0, "sourcePath") != "ibex.txt" || at(found, "chunks", 0, "rank") != 1.0 || at(found, "latencies", "totalMs") == nil || len(found["chunks"].([]any)) != 1 {
		t.Error(found)
	}
	old, err := entity.ParseCID(text(found, "chunks", 0, "cid"))
	w.ok(err)
	// The same name is the next version; the same content is none.
	again := w.put(200, ann.token, kb+"/files", notes("ibex.txt", "Ibex swim."), notes("marmot.txt", "A marmot."))
	if text(again, "files", 0, "state") != "replaced" || text(again, "files", 1, "state") != "added" || at(again, "chunkCount").(float64) != at(made, "chunkCount").(float64)+1 {
		t.Error(again)
	}
	if again = w.put(200, ann.token, kb+"/files", notes("ibex.txt", "Ibex swim.")); text(again, "files", 0, "state") != "unchanged" {
		t.Error(again)
	}
	if found = w.must(200, ann.token, "POST", kb+"/search", object{"query": "ibex", "topK": 20}); text(found, "chunks", 0, "content") != "Ibex swim." || strings.Contains(fmt.Sprint(found), "walls") {
		t.Error(found)
	}
	if out := w.must(200, ann.token, "DELETE", kb+"/files/"+text(again, "files", 0, "fileId"), nil); out["deleted"] != true {
		t.Error(out)
	}
	if found = w.must(200, ann.token, "POST", kb+"/search", object{"query": "ibex swim"}); strings.Contains(fmt.Sprint(found), "swim.") {
		t.Error("of a file that is gone:", found)
	}
	if out := w.must(200, ann.token, "DELETE", kb, nil); out["deleted"] != true {
		t.Error(out)
	}
	w.must(404, ann.token, "GET", kb, nil)
	w.must(404, ann.token, "POST", kb+"/search", object{"query": "ibex"})
	w.ok(w.store.View(t.Context(), func(r entity.Reader) error {
		c, err := retrieval.ReadChunk(r, old)
		if c.Content != "Ibex climb walls." {
			t.Errorf("what was quoted is %q", c.Content)
		}
		return err
	}))
	w.put(200, ann.token, "/knowledge-bases", named("alps"), notes("a.txt", "The name is free again."))
}

// pages reads chunks and sources, which have to be as many as was said.
func (w *world) pages(token, kb string, chunks int) {
	w.t.Helper()
	seen := map[string]bool{}
	for offset := 0; offset < chunks; offset += 2 {
		page := w.must(200, token, "GET", fmt.Sprintf("%s/chunks?limit=2&offset=%d", kb, offset), nil)
		if at(page, "total") != float64(chunks) {
			w.t.Error(page)
		}
		for _, c := range page["chunks"].([]any) {
			seen[text(c, "id")] = true
		}
	}
	if beyond := w.must(200, token, "GET", fmt.Sprintf("%s/chunks?offset=%d", kb, chunks), nil); len(seen) != chunks || len(beyond["chunks"].([]any)) != 0 {
		w.t.Errorf("%d chunks on pages, of %d", len(seen), chunks)
	}
	count, tokens := 0.0, 0.0
	for _, s := range w.must(200, token, "GET", kb+"/sources", nil)["sources"].([]any) {
		count += at(s, "chunkCount").(float64)
		tokens += at(s, "totalTokens").(float64)
	}
	if count != float64(chunks) || tokens < count {
		w.t.Errorf("the sources have %v chunks and %v tokens", count, tokens)
	}
}

// Another cut reaches the files behind the answer, and until then it is told that
// it has not.
func TestKnowledgeIsCutAgain(t *testing.T) {
	w := &world{rig: newRig(t)}
	ann := w.signUp("ann")
	made := w.put(200, ann.token, "/knowledge-bases", named("alps"), notes("a.txt", strings.Repeat("Marmots whistle when an eagle comes near. ", 40)))
	kb := "/knowledge-bases/" + text(made, "id")
	ask := object{"query": "what do marmots do"}
	if found := w.must(200, ann.token, "POST", kb+"/search", ask); len(found["chunks"].([]any)) != 1 {
		t.Error(found)
	}
	got := w.must(200, ann.token, "PATCH", kb, object{"chunk_tokens": 40, "overlapTokens": 0, "similarity_threshold": 0.99})
	if at(got, "searchReady") != false || at(got, "settings", "chunk_tokens") != 40.0 || at(got, "chunkCount") != made["chunkCount"] {
		t.Error(got)
	}
	ctx, stop := context.WithCancel(t.Context())
	var over sync.WaitGroup
	over.Go(func() { w.base.Follow(ctx, w.store, slog.New(slog.DiscardHandler)) })
	defer func() { stop(); over.Wait() }()
	for at := entity.Seq(0); ; at = w.store.Seq() {
		if got = w.must(200, ann.token, "GET", kb, nil); got["searchReady"] == true {
			break
		}
		w.ok(w.store.Wait(t.Context(), at))
	}
	if n := at(got, "chunkCount").(float64); n < 10 {
		t.Errorf("%v chunks", n)
	}
	if found := w.must(200, ann.token, "POST", kb+"/search", ask); len(found["chunks"].([]any)) != 0 {
		t.Errorf("below the threshold: %v", found)
	}
}

// Of an upload that is refused nothing is left: neither entities nor bytes.
func TestRefusedUploadsLeaveNothing(t *testing.T) {
	w := newWorld(t)
	w.collect()
	kept := func() (n int) {
		for _, err := range w.blobs.List(t.Context()) {
			w.ok(err)
			n++
		}
		return n
	}
	seq, before := w.store.Seq(), kept()
	for _, f := range uploadFaults(named("alps")) {
		w.send("POST", "/knowledge-bases", f.body, append([]string{"Authorization", w.callers[owner]}, f.headers...)...)
		if w.store.Seq() != seq || kept() != before {
			t.Errorf("%s: the log went from %d to %d, content from %d to %d", f.name, seq, w.store.Seq(), before, kept())
		}
	}
}

// Of two knowledge bases of a name that are made at the same time, one is.
func TestKnowledgeNamesAreNotRaced(t *testing.T) {
	w := &world{rig: newRig(t)}
	ann := w.signUp("ann")
	const times = 6
	codes := make([]int, times)
	var over sync.WaitGroup
	for i := range times {
		over.Go(func() {
			codes[i] = w.send("POST", "/knowledge-bases", upload(named("alps"), notes("a.txt", fmt.Sprint("Ibex ", i))), "Authorization", "Bearer "+ann.token).Code
		})
	}
	over.Wait()
	made := 0
	for _, c := range codes {
		switch c {
		case http.StatusOK:
			made++
		case http.StatusConflict:
		default:
			t.Errorf("status %d", c)
		}
	}
	if n := len(w.must(200, ann.token, "GET", "/knowledge-bases", nil)["knowledgeBases"].([]any)); made != 1 || n != 1 {
		t.Errorf("%d were made, %d are there: %v", made, n, codes)
	}
}

// A chat in the portal is the agent's turn: by its provider, out of its knowledge
// base, remembered, and 502 where the provider gives nothing.
func TestPortalChat(t *testing.T) {
	w := &world{rig: newRig(t)}
	ann := w.signUp("ann")
	up := llmtest.New(t, llmtest.Say("They sleep [1]."), llmtest.JSON(200, `{"id":"x","object":"chat.completion","model":"m","choices":[]}`))
	w.put(200, ann.token, "/knowledge-bases", named("alps"), notes("marmots.md", "Marmots sleep all winter."))
	id := w.agent(ann, object{"knowledgeBaseRef": "ann-s-house/alps:latest", "conversationsEnabled": true, "providerConfig": object{"provider": "openai", "baseUrl": up.URL + "/v1", "model": "m", "apiKey": "sk-1"}})
	ask := object{"messages": []object{{"role": "user", "content": "What do marmots do all winter?"}}, "conversation_id": "c"}
	got := w.must(200, ann.token, "POST", "/agents/"+id+"/chat", ask)
	if text(got, "message", "content") != "They sleep [1]." || text(got, "conversation_id") != "c" || at(got, "usage", "prompt_tokens") == nil || text(got, "model") == "" {
		t.Error(got)
	}
	source, _ := at(got, "rag_sources", 0).(map[string]any)
	for _, name := range []string{"chunk_id", "content", "similarity", "knowledge_base", "rank", "sourcePath", "similarityScore", "contentPreview", "cid"} {
		if source[name] == nil {
			t.Errorf("rag_sources has no %s: %v", name, source)
		}
	}
	if sent := string(up.Last().Body); !strings.Contains(sent, "[1] Marmots sleep all winter. (source: marmots.md)") {
		t.Error(sent)
	}
	if out := w.call(ann.token, "POST", "/agents/"+id+"/chat", ask); out.Code != http.StatusBadGateway || !strings.Contains(out.Body.String(), "no choices") {
		t.Errorf("%d %s", out.Code, out.Body)
	}
	if talk := w.must(200, ann.token, "GET", "/conversations", nil); text(talk, "conversations", 0, "external_id") != "c" {
		t.Error(talk)
	}
}

// A tenant below has the embedder of the one above; the key of a provider goes to
// that provider's address alone.
func TestEmbedderIsInherited(t *testing.T) {
	w := &world{rig: newRig(t)}
	ann := w.signUp("ann")
	below := entity.ID(text(w.must(201, ann.token, "POST", "/subtenants", object{"name": "Below"}), "subtenant", "id"))
	of := func(id entity.ID) (e *tenant.Embedder) {
		t.Helper()
		w.ok(w.store.View(t.Context(), func(r entity.Reader) (err error) {
			e, err = tenant.EmbedderOf(r, w.box, id)
			return err
		}))
		return e
	}
	if e := of(below); e != nil {
		t.Errorf("nobody has said anything: %v", e)
	}
	for address, key := range map[string]string{"https://a.example/v1": "sk-1", "https://b.example/v1": ""} {
		w.must(200, ann.token, "PATCH", "/settings", object{"provider": "openai", "baseUrl": "https://a.example/v1", "apiKey": "sk-1", "embedder": object{"provider": "openai", "base_url": address, "model": "text-embedding-3-large"}})
		want := tenant.Embedder{Kind: provider.OpenAI, BaseURL: address, Key: key, Model: "text-embedding-3-large", Dimensions: 3072, Foreign: true}
		if e := of(below); e == nil || *e != want {
			t.Errorf("%+v, want %+v", e, want)
		}
	}
	w.must(200, ann.token, "PATCH", "/settings", object{"embedder": object{}})
	if e := of(below); e != nil {
		t.Errorf("it was taken away: %v", e)
	}
}
