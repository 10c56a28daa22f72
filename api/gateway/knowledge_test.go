package gateway_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"stemma/api/llm/llmtest"
	"stemma/api/llm/retrieval"
	"stemma/api/llm/tenant"
	"stemma/api/llm/turn"
	"stemma/entity"
	"stemma/files"
	"stemma/files/extract"
	"stemma/query/search/embed"
)

// library is knowledge bases over the store of a rig, which are searched as the
// server does.
type library struct {
	*rig
	base *retrieval.Base
}

func newLibrary(t *testing.T, embedder retrieval.Embedder, o rigOptions, script ...llmtest.Answer) *library {
	t.Helper()
	blobs, err := files.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	l := &library{base: retrieval.New(retrieval.Options{Blobs: blobs, Texts: extract.New(extract.Options{}), Embedder: embedder})}
	o.turn.Retrieve = l.retrieve
	l.rig = newRig(t, o, script...)
	return l
}

func (l *library) retrieve(ctx context.Context, q turn.Query) (out []turn.Passage, err error) {
	question, err := l.base.Ask(ctx, q.Text)
	if err != nil {
		return nil, &turn.EmbeddingError{Err: err}
	}
	err = l.store.View(ctx, func(r entity.Reader) error {
		kb, err := retrieval.Named(r, q.Tenant, q.KnowledgeBase)
		if err != nil {
			return err
		}
		found, err := l.base.Nearest(ctx, r, kb, question, 0)
		for _, p := range found {
			out = append(out, turn.Passage(p))
		}
		return err
	})
	return out, err
}

// shelve makes a knowledge base of the tenant's, of files: name and content in turn.
func (l *library) shelve(name string, settings object, texts ...string) (kb entity.ID) {
	l.t.Helper()
	var docs []*retrieval.Document
	for i := 0; i < len(texts); i += 2 {
		d, err := l.base.Read(context.Background(), retrieval.Upload{Name: texts[i], Content: strings.NewReader(texts[i+1])}, retrieval.DefaultSplit)
		l.ok(err)
		docs = append(docs, d)
	}
	l.ok(l.base.Add(context.Background(), l.store, docs, func() error {
		l.update(func(tx entity.Tx) error {
			v, err := tx.Create(entity.Draft{
				Type: entity.TypeCollection, Properties: entity.Properties{"label": name, "kind": tenant.KindKnowledgeBase, "settings": normal(settings)},
				Relationships: []entity.Relationship{{Predicate: entity.PredicateTenant, Peer: l.tenant, PeerType: entity.TypeTenant}},
			})
			if err != nil {
				return err
			}
			kb = v.Manifest.ID
			for _, d := range docs {
				if err := d.Create(tx, kb); err != nil {
					return err
				}
			}
			return nil
		})
		return nil
	}))
	return kb
}

var alps = []string{
	"marmots.txt", "Marmots sleep all winter in their burrows. " + strings.Repeat("They whistle when an eagle comes near. ", 10),
	"ibex.txt", "Ibex climb the walls of dams.",
}

// sourceOf looks at a source for all names that clients know.
func sourceOf(t *testing.T, source any, path, says string) {
	t.Helper()
	s, _ := source.(map[string]any)
	content := text(s, "content")
	preview := content[:min(len(content), 150)]
	if !strings.HasSuffix(text(s, "chunk_id"), ":0") || !strings.Contains(content, says) || text(s, "contentPreview") != preview || at(s, "similarity") != at(s, "similarityScore") || at(s, "similarity").(float64) <= 0 ||
		text(s, "knowledge_base") != "alps" || at(s, "rank") != 1.0 || text(s, "sourcePath") != path || !strings.HasPrefix(text(s, "cid"), "bafyrei") {
		t.Errorf("a source is %v", source)
	}
}

// What is found of a real knowledge base goes before the question, numbered; the
// client is told of it under all names, whole and streamed, by OpenAI's format and
// by Anthropic's; and the run names the chunks by their CIDs, which can be read.
func TestKnowledge(t *testing.T) {
	l := newLibrary(t, embed.NewLexical(embed.LexicalOptions{}), rigOptions{agent: object{"knowledge_base": "alps", "system_prompt": "Be brief."}}, llmtest.Say("They sleep [1]."))
	l.shelve("alps", nil, alps...)
	ask := object{"messages": []object{{"role": "system", "content": "Rhyme."}, {"role": "user", "content": "Where do marmots sleep all winter?"}}}
	got := l.chat(200, ask)
	sourceOf(t, at(got, "rag_sources", 0), "marmots.txt", "in their burrows")
	sent := l.sent()
	if !strings.HasPrefix(sent, "system: --- Knowledge Base Context ---\n[1] Marmots sleep all winter") || !strings.Contains(sent, "(source: marmots.txt)\n") || !strings.Contains(sent, "cite") || !strings.HasSuffix(sent, "\n\nBe brief.\n\nRhyme. | user: Where do marmots sleep all winter?") {
		t.Errorf("the provider is sent %s", sent)
	}
	r := l.lastRun()
	documents, _ := r.steps[1]["retrieved_documents"].([]any)
	if r.kinds() != "start context step end" || len(documents) == 0 || at(r.Properties["rag"], "chunks") != int64(len(documents)) || at(r.Properties["rag"], "stage_failed") != "none" || at(r.Properties["rag"], "fallback") != false {
		t.Fatalf("%s %v %v", r.kinds(), documents, r.Properties["rag"])
	}
	l.ok(l.store.View(t.Context(), func(r entity.Reader) error {
		c, err := retrieval.ReadChunk(r, at(documents, 0, "cid").(entity.Link).CID)
		if c.Content != text(got, "rag_sources", 0, "content") {
			t.Errorf("the run names %q", c.Content)
		}
		return err
	}))

	chunks := strings.Split(strings.TrimSpace(l.call("POST", "/v1/chat/completions", streamed(ask)).Body.String()), "\n\n")
	last := decode(t, []byte(strings.TrimPrefix(chunks[len(chunks)-2], "data: ")))
	sourceOf(t, at(last, "rag_sources", 0), "marmots.txt", "in their burrows")
	if chunks[len(chunks)-1] != "data: [DONE]" || len(last["choices"].([]any)) != 0 {
		t.Error(chunks)
	}

	message := object{"max_tokens": 9, "messages": []object{{"role": "user", "content": "Where do marmots sleep all winter?"}}}
	got = decode(t, l.call("POST", "/v1/messages", message).Body.Bytes())
	sourceOf(t, at(got, "rag_sources", 0), "marmots.txt", "in their burrows")
	out := l.call("POST", "/v1/messages", streamed(message)).Body.String()
	told := ""
	for line := range strings.Lines(out) {
		if data, ok := strings.CutPrefix(line, "data: "); ok && strings.Contains(data, "rag_sources") {
			told = data
		}
	}
	if told == "" || !strings.Contains(out, "message_stop") {
		t.Fatalf("a stream of Anthropic's format tells no sources: %s", out)
	}
	sourceOf(t, at(decode(t, []byte(told)), "rag_sources", 0), "marmots.txt", "in their burrows")
}

// What a knowledge base says of a search holds for its agents: how many passages,
// and how near they have to be.
func TestKnowledgeSettings(t *testing.T) {
	l := newLibrary(t, embed.NewLexical(embed.LexicalOptions{}), rigOptions{agent: object{"knowledge_base": "alps"}}, llmtest.Say("Yes"))
	kb := l.shelve("alps", object{"top_k": 1}, append([]string{"both.txt", "Marmots and ibex live in the alps."}, alps...)...)
	for name, c := range map[string]struct {
		settings object
		want     int
	}{
		"one passage":    {object{"top_k": 1}, 1},
		"three":          {object{"top_k": 3}, 3},
		"none that near": {object{"similarity_threshold": 0.99}, 0},
	} {
		l.set(kb, object{"settings": c.settings})
		got := l.chat(200, say("Do marmots and ibex sleep in the walls?"))
		if list, _ := got["rag_sources"].([]any); len(list) != c.want {
			t.Errorf("%s: %v", name, list)
		}
		if has := strings.Contains(l.sent(), "Knowledge Base Context"); has != (c.want > 0) {
			t.Errorf("%s: the provider is sent %s", name, l.sent())
		}
	}
}

// Nothing that fails in finding fails a chat: the run says at which stage it was,
// and that the chat went on without.
func TestKnowledgeFails(t *testing.T) {
	var down atomic.Bool
	lexical := embed.NewLexical(embed.LexicalOptions{Dimensions: 64})
	service := httptest.NewServer(embedding(t, lexical, &down))
	defer service.Close()
	remote, err := embed.NewRemote(embed.RemoteOptions{BaseURL: service.URL + "/v1", Model: "m", Dimensions: 64, Tries: 1})
	if err != nil {
		t.Fatal(err)
	}
	l := newLibrary(t, remote, rigOptions{agent: object{"knowledge_base": "alps"}}, llmtest.Say("Yes"))
	goesOn := func(name, stage string) {
		t.Helper()
		for _, ask := range []object{say("Who sleeps?"), streamed(say("Who sleeps?"))} {
			if out := l.call("POST", "/v1/chat/completions", ask); out.Code != http.StatusOK || strings.Contains(out.Body.String(), "rag_sources") || !strings.Contains(out.Body.String(), "Yes") {
				t.Errorf("%s: %d %s", name, out.Code, out.Body)
			}
			r := l.lastRun()
			if rag := r.Properties["rag"]; at(rag, "stage_failed") != stage || at(rag, "fallback") != true || r.Properties["status"] != "completed" || text(r.steps[1], "error_message") == "" {
				t.Errorf("%s: the run has %v %v", name, rag, r.steps[1])
			}
		}
	}
	goesOn("no knowledge base", "retrieval")
	l.shelve("alps", nil, alps...)
	if got := l.chat(200, say("Where do marmots sleep all winter?")); at(got, "rag_sources", 0) == nil {
		t.Error(got)
	}
	down.Store(true)
	goesOn("an embedder that is down", "embedding")
	down.Store(false)
	if got := l.chat(200, say("Where do marmots sleep all winter?")); at(got, "rag_sources", 0) == nil {
		t.Error(got)
	}
}

// embedding is a service of embeddings that can be down.
func embedding(t *testing.T, by *embed.Lexical, down *atomic.Bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Input []string }
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || down.Load() {
			http.Error(w, `{"error":{"message":"down"}}`, http.StatusServiceUnavailable)
			return
		}
		vectors, err := by.Embed(r.Context(), embed.Document, in.Input)
		if err != nil {
			t.Error(err)
		}
		var list []object
		for i, v := range vectors {
			list = append(list, object{"index": i, "embedding": v})
		}
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(object{"data": list}); err != nil {
			t.Error(err)
		}
	})
}
