package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"

	"stemma/entity"
	"stemma/query/search/embed"
)

func portalCall(s *server, key, method, path, kind, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://stemma/v1/portal"+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", kind)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	out := httptest.NewRecorder()
	s.handler.ServeHTTP(out, r)
	return out
}

// formOf is an upload of files, name and content in turn.
func formOf(t *testing.T, name string, files ...string) (kind, body string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	err := w.WriteField("name", name)
	for i := 0; i < len(files) && err == nil; i += 2 {
		part, bad := w.CreateFormFile("files", files[i])
		if err = bad; err == nil {
			_, err = part.Write([]byte(files[i+1]))
		}
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), b.String()
}

func into(t *testing.T, out *httptest.ResponseRecorder, v any) {
	t.Helper()
	if out.Code != http.StatusOK {
		t.Fatalf("%d %s", out.Code, out.Body)
	}
	if err := json.Unmarshal(out.Body.Bytes(), v); err != nil {
		t.Fatal(err)
	}
}

func knowingServer(t *testing.T, o serverOptions) *server {
	t.Helper()
	o.logger, o.maxBody, o.cacheBytes = slog.New(slog.DiscardHandler), 1<<20, 1<<20
	s, err := openServer(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What the README shows: a fresh server, the first user's key makes the knowledge
// base that the first agent has, of text and of PDF, and the printed key gets
// quotes of it, also behind a restart. What was quoted is read by its CID.
func TestKnowledgeOfTheFirstAgent(t *testing.T) {
	o := serverOptions{data: t.TempDir(), bootstrapKey: testKey, llm: llmFlags{LLM: builtInLLM}}
	s := knowingServer(t, o)
	var told bytes.Buffer
	s.llm.greet(&told, "127.0.0.1:8080")
	key := regexp.MustCompile(`loom_sk_[A-Za-z0-9_-]{32}`).FindString(told.String())
	const ask = `{"messages":[{"role":"user","content":"What do marmots do all winter?"}]}`
	if out := askModel(s, key, ask); out.Code != http.StatusOK || !strings.Contains(out.Body.String(), `make it with POST /v1/portal/knowledge-bases`) {
		t.Errorf("without a knowledge base: %d %s", out.Code, out.Body)
	}
	kind, body := formOf(t, "documents", "marmots.md", "# Marmots\n\nMarmots sleep all winter.", "birds.pdf", onePagePDF("A ptarmigan in the snow"))
	var made struct {
		ID         entity.ID
		ChunkCount int
	}
	into(t, portalCall(s, testKey, "POST", "/knowledge-bases", kind, body), &made)
	if made.ChunkCount < 2 {
		t.Errorf("%+v", made)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = knowingServer(t, o)
	defer s.Close()
	var answer struct {
		Choices []struct{ Message struct{ Content string } }
		Sources []struct {
			Path string `json:"sourcePath"`
			CID  string
		} `json:"rag_sources"`
	}
	into(t, askModel(s, key, ask), &answer)
	if len(answer.Sources) == 0 || answer.Sources[0].Path != "marmots.md" || !strings.Contains(answer.Choices[0].Message.Content, "[1] # Marmots") && !strings.Contains(answer.Choices[0].Message.Content, "Marmots sleep all winter. (source: marmots.md)") {
		t.Fatalf("%+v", answer)
	}
	if out := portalCall(s, testKey, "DELETE", "/knowledge-bases/"+string(made.ID), "", ""); out.Code != http.StatusOK {
		t.Errorf("%d %s", out.Code, out.Body)
	}
	r := httptest.NewRequest("GET", "http://stemma/ipfs/"+answer.Sources[0].CID+"?format=raw", nil)
	r.Header.Set("Authorization", "ApiKey "+testKey)
	out := httptest.NewRecorder()
	s.handler.ServeHTTP(out, r)
	if out.Code != http.StatusOK || !strings.Contains(out.Body.String(), "sleep all winter") {
		t.Errorf("what was quoted, of a knowledge base that is gone: %d %.300s", out.Code, out.Body)
	}
	out = askModel(s, key, strings.TrimSuffix(ask, "}")+`,"stream":true}`)
	if out.Code != http.StatusOK || !strings.HasSuffix(out.Body.String(), "data: [DONE]\n\n") || strings.Contains(out.Body.String(), "rag_sources") {
		t.Errorf("of a knowledge base that is gone: %d %s", out.Code, out.Body)
	}
}

// The first user's key opens the portal as the owner of the tenant that the first
// start with --llm-url has made.
func TestFirstUserOwnsTheFirstTenant(t *testing.T) {
	s := knowingServer(t, serverOptions{bootstrapKey: testKey, llm: llmFlags{LLM: builtInLLM}})
	defer s.Close()
	out := portalCall(s, testKey, "GET", "/me", "", "")
	if body := out.Body.String(); out.Code != http.StatusOK || !strings.Contains(body, `"role":"owner"`) || !strings.Contains(body, `"name":"Default"`) || !strings.Contains(body, `"name":"Assistant"`) {
		t.Errorf("%d %s", out.Code, out.Body)
	}
}

// A server that embeds nothing says so and chats on, and one that is read-only
// finds what is there and takes nothing in.
func TestKnowledgeWithoutEmbedderAndReadOnly(t *testing.T) {
	kind, body := formOf(t, "documents", "marmots.md", "Marmots sleep all winter.")
	for name, o := range map[string]serverOptions{"no search": {noSearch: true}, "no embeddings": {search: searchFlags{Embeddings: noEmbeddings}}} {
		o.bootstrapKey, o.llm = testKey, llmFlags{LLM: builtInLLM}
		s := knowingServer(t, o)
		if out := portalCall(s, testKey, "POST", "/knowledge-bases", kind, body); out.Code != http.StatusServiceUnavailable || !strings.Contains(out.Body.String(), "--embeddings-url") {
			t.Errorf("%s: an upload is answered with %d %s", name, out.Code, out.Body)
		}
		if out := portalCall(s, testKey, "GET", "/embedder-info", "", ""); !strings.Contains(out.Body.String(), `"available":false`) {
			t.Errorf("%s: %s", name, out.Body)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	o := serverOptions{data: t.TempDir(), bootstrapKey: testKey, llm: llmFlags{LLM: builtInLLM}}
	s := knowingServer(t, o)
	var made struct{ ID entity.ID }
	into(t, portalCall(s, testKey, "POST", "/knowledge-bases", kind, body), &made)
	key := s.llm.key
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	blind := o
	blind.noSearch = true
	s = knowingServer(t, blind)
	if out := askModel(s, key, `{"messages":[{"role":"user","content":"Marmots?"}]}`); out.Code != http.StatusOK || !strings.Contains(out.Body.String(), "no embedder") {
		t.Errorf("a chat without an embedder is answered with %d %s", out.Code, out.Body)
	}
	if out := portalCall(s, testKey, "GET", "/knowledge-bases/"+string(made.ID), "", ""); out.Code != http.StatusOK || !strings.Contains(out.Body.String(), `"searchReady":false`) {
		t.Errorf("a knowledge base without an embedder: %d %s", out.Code, out.Body)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	o.readOnly = true
	s = knowingServer(t, o)
	defer s.Close()
	if out := portalCall(s, testKey, "POST", "/knowledge-bases/"+string(made.ID)+"/search", "application/json", `{"query":"marmots"}`); out.Code != http.StatusOK || !strings.Contains(out.Body.String(), "all winter") {
		t.Errorf("a search of a read-only server: %d %s", out.Code, out.Body)
	}
	before := s.stores[0].Seq()
	if out := portalCall(s, testKey, "POST", "/knowledge-bases/"+string(made.ID)+"/files", kind, body); out.Code < 400 || out.Code >= 500 && out.Code != http.StatusServiceUnavailable || s.stores[0].Seq() != before {
		t.Errorf("an upload to a read-only server: %d %s", out.Code, out.Body)
	}
}

// A tenant's own embedder goes before the server's, with the key of its provider;
// one of other vectors has its files embedded again; and an address that is
// private is asked for nobody but where the operator lets it.
func TestTenantEmbedder(t *testing.T) {
	var keys sync.Map
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Input []string
			Model string
		}
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			t.Error(err)
		}
		keys.Store(r.Header.Get("Authorization"), true)
		dims := map[string]int{"small": 64, "large": 128}[in.Model]
		vectors, err := embed.NewLexical(embed.LexicalOptions{Dimensions: dims}).Embed(r.Context(), embed.Document, in.Input)
		if err != nil {
			t.Error(err)
		}
		var list []map[string]any
		for i, v := range vectors {
			list = append(list, map[string]any{"index": i, "embedding": v})
		}
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(map[string]any{"data": list}); err != nil {
			t.Error(err)
		}
	}))
	defer service.Close()
	own := func(model string, dims int) string {
		return fmt.Sprintf(`{"provider":"openai","baseUrl":"%s/v1","apiKey":"sk-tenant","embedder":{"provider":"openai","base_url":"%s/v1","model":"%s","dimensions":%d}}`, service.URL, service.URL, model, dims)
	}
	kind, body := formOf(t, "documents", "marmots.md", "Marmots sleep all winter.")
	for private, status := range map[bool]int{true: http.StatusOK, false: http.StatusServiceUnavailable} {
		s := knowingServer(t, serverOptions{bootstrapKey: testKey, llm: llmFlags{LLM: builtInLLM, LLMPrivate: private}, search: searchFlags{Embeddings: noEmbeddings}})
		defer s.Close()
		if out := portalCall(s, testKey, "PATCH", "/settings", "application/json", own("small", 64)); out.Code != http.StatusOK {
			t.Fatal(out.Code, out.Body)
		}
		if out := portalCall(s, testKey, "GET", "/embedder-info", "", ""); !strings.Contains(out.Body.String(), `"model":"small","dimensions":64`) {
			t.Error(out.Body)
		}
		out := portalCall(s, testKey, "POST", "/knowledge-bases", kind, body)
		if out.Code != status {
			t.Fatalf("private %v: %d %s", private, out.Code, out.Body)
		}
		if !private {
			continue
		}
		var made struct{ ID entity.ID }
		into(t, out, &made)
		if out := portalCall(s, testKey, "PATCH", "/settings", "application/json", own("large", 128)); out.Code != http.StatusOK {
			t.Fatal(out.Code, out.Body)
		}
		for at := entity.Seq(0); ; at = s.stores[0].Seq() {
			var kb struct{ SearchReady bool }
			if into(t, portalCall(s, testKey, "GET", "/knowledge-bases/"+string(made.ID), "", ""), &kb); kb.SearchReady {
				break
			}
			if err := s.stores[0].Wait(t.Context(), at); err != nil {
				t.Fatal(err)
			}
		}
		found := portalCall(s, testKey, "POST", "/knowledge-bases/"+string(made.ID)+"/search", "application/json", `{"query":"marmots in winter"}`)
		if found.Code != http.StatusOK || !strings.Contains(found.Body.String(), "sleep all winter") {
			t.Errorf("%d %s", found.Code, found.Body)
		}
	}
	s := knowingServer(t, serverOptions{bootstrapKey: testKey, llm: llmFlags{LLM: builtInLLM}})
	defer s.Close()
	if out := portalCall(s, testKey, "PATCH", "/settings", "application/json", `{"embedder":{"gateway_provider_id":"01JH8Z0Y6V5RZ4Q8Q9V4T2W3XK","model":"bge-m3"}}`); out.Code != http.StatusOK {
		t.Fatal(out.Code, out.Body)
	}
	if out := portalCall(s, testKey, "GET", "/embedder-info", "", ""); !strings.Contains(out.Body.String(), `"available":false`) {
		t.Error(out.Body)
	}
	if out := portalCall(s, testKey, "POST", "/knowledge-bases", kind, body); out.Code != http.StatusServiceUnavailable || !strings.Contains(out.Body.String(), "there is no provider") {
		t.Errorf("of a provider that is not there: %d %s", out.Code, out.Body)
	}
	if _, ok := keys.Load("Bearer sk-tenant"); !ok {
		t.Error("the embedder was not given the tenant's key")
	}
}

// What the operator sets for all embeds the knowledge bases of tenants that name
// nothing, by a provider of any kind that has embeddings, and before the server's
// flags; a change embeds them again; a tenant's own goes before it.
func TestDefaultEmbedder(t *testing.T) {
	var asked sync.Map
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Input    []string
			Requests []struct {
				Content struct{ Parts []struct{ Text string } }
			}
		}
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			t.Error(err)
		}
		asked.Store(r.URL.String()+" "+r.Header.Get("Authorization")+r.Header.Get("Api-Key")+r.Header.Get("X-Goog-Api-Key"), true)
		for _, q := range in.Requests {
			in.Input = append(in.Input, q.Content.Parts[0].Text)
		}
		vectors, err := embed.NewLexical(embed.LexicalOptions{Dimensions: 64}).Embed(r.Context(), embed.Document, in.Input)
		if err != nil {
			t.Error(err)
		}
		data, values := []map[string]any{}, []map[string]any{}
		for i, v := range vectors {
			data, values = append(data, map[string]any{"index": i, "embedding": v}), append(values, map[string]any{"values": v})
		}
		out := map[string]any{"data": data}
		if in.Requests != nil {
			out = map[string]any{"embeddings": values}
		}
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(out); err != nil {
			t.Error(err)
		}
	}))
	defer service.Close()
	s := knowingServer(t, serverOptions{bootstrapKey: testKey, llm: llmFlags{LLM: builtInLLM}, search: searchFlags{Embeddings: noEmbeddings}})
	defer s.Close()
	operator := caller{t, s, "Bearer " + testKey}
	ready := func(kb entity.ID) {
		t.Helper()
		for {
			at := s.stores[0].Seq()
			var is struct{ SearchReady bool }
			if into(t, portalCall(s, testKey, "GET", "/knowledge-bases/"+string(kb), "", ""), &is); is.SearchReady {
				return
			}
			if err := s.stores[0].Wait(t.Context(), at); err != nil {
				t.Fatal(err)
			}
		}
	}
	search := func(kb entity.ID) {
		t.Helper()
		found := portalCall(s, testKey, "POST", "/knowledge-bases/"+string(kb)+"/search", "application/json", `{"query":"marmots in winter"}`)
		if found.Code != http.StatusOK || !strings.Contains(found.Body.String(), "sleep all winter") {
			t.Errorf("%d %s", found.Code, found.Body)
		}
	}
	kind, body := formOf(t, "documents", "marmots.md", "Marmots sleep all winter.")
	if out := portalCall(s, testKey, "POST", "/knowledge-bases", kind, body); out.Code != http.StatusServiceUnavailable {
		t.Fatalf("without an embedder: %d %s", out.Code, out.Body)
	}
	var made struct{ ID entity.ID }
	house := operator.must(201, "POST", "/v1/admin/providers", fmt.Sprintf(`{"name":"House","type":"azure","baseUrl":"%s/azure","deployment":"d-1","apiKey":"sk-house"}`, service.URL))["id"].(string)
	for _, c := range []struct{ set, url string }{
		{fmt.Sprintf(`{"defaultEmbedderProvider":"openai","defaultEmbedderBaseUrl":"%s/v1","defaultEmbedderModel":"m-1","defaultEmbedderDimensions":64,"defaultEmbedderApiKey":"sk-1"}`, service.URL), "/v1/embeddings Bearer sk-1"},
		{fmt.Sprintf(`{"defaultEmbedderProvider":"gemini","defaultEmbedderBaseUrl":"%s/g","defaultEmbedderModel":"m-2","defaultEmbedderDimensions":64,"defaultEmbedderApiKey":"sk-2"}`, service.URL), "/g/v1beta/models/m-2:batchEmbedContents sk-2"},
		{fmt.Sprintf(`{"defaultEmbedderProviderId":"%s","defaultEmbedderProvider":"","defaultEmbedderModel":"m-3","defaultEmbedderDimensions":64}`, house), "/azure/openai/deployments/d-1/embeddings?api-version=2024-10-21 sk-house"},
	} {
		operator.must(200, "PUT", "/v1/admin/settings", c.set)
		if made.ID == "" {
			into(t, portalCall(s, testKey, "POST", "/knowledge-bases", kind, body), &made)
		}
		ready(made.ID)
		search(made.ID)
		if _, ok := asked.Load(c.url); !ok {
			t.Errorf("%s was not asked", c.url)
		}
	}
	operator.must(204, "DELETE", "/v1/admin/providers/"+house, "")
	if out := portalCall(s, testKey, "POST", "/knowledge-bases/"+string(made.ID)+"/search", "application/json", `{"query":"marmots"}`); out.Code != http.StatusServiceUnavailable || !strings.Contains(out.Body.String(), "there is no provider") {
		t.Errorf("of a provider that is gone: %d %s", out.Code, out.Body)
	}
}

// A tenant's embedder may be of any kind that has embeddings.
func TestTenantEmbedderOfEveryKind(t *testing.T) {
	s := knowingServer(t, serverOptions{bootstrapKey: testKey, llm: llmFlags{LLM: builtInLLM}, search: searchFlags{Embeddings: noEmbeddings}})
	defer s.Close()
	for embedder, status := range map[string]int{
		`{"provider":"azure","base_url":"https://a.example","deployment":"d","api_version":"2024-10-21","model":"text-embedding-3-small"}`: 200,
		`{"provider":"gemini","model":"gemini-embedding-001"}`:                                                                             200,
		`{"provider":"ollama","model":"bge-m3"}`:                                                                                           200,
		`{"provider":"azure","model":"text-embedding-3-small"}`:                                                                            400,
		`{"provider":"anthropic","model":"m","dimensions":8}`:                                                                              400,
	} {
		if out := portalCall(s, testKey, "PATCH", "/settings", "application/json", `{"embedder":`+embedder+`}`); out.Code != status {
			t.Errorf("%s: %d %s", embedder, out.Code, out.Body)
		}
	}
}
