package main

import (
	"net/http"
	"os/exec"
	"regexp"
	"testing"

	"stemma/api/llm/llmtest"
)

var providerServes = regexp.MustCompile(`(?m)^The provider serves on (http://\S+)$`)

// withProvider is a server that people sign in to by an OIDC provider, npm
// oidc-provider, which ends with the test.
func withProvider(t *testing.T) uiServer {
	p := &process{cmd: exec.CommandContext(t.Context(), "node", "e2e/provider.mjs"), stdout: newTranscript(), stderr: newTranscript(), ended: make(chan struct{})}
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = uiDir, p.stdout, p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() { <-p.ended }) // the test's context has ended by then
	at := p.stdout.await(p.ended, providerServes)
	if at == "" {
		t.Fatalf("the provider ended: %v\n%s%s", p.err, p.stdout, p.stderr)
	}
	return uiServer{
		flags: []string{"--oidc-issuer", at, "--oidc-client-id", "stemma", "--oidc-client-secret", "a secret of the client", "--oidc-name", "Example House"},
		env:   []string{"STEMMA_PROVIDER=" + at},
	}
}

// pricedModel is a server whose agents ask a model that has a price, and fails when
// it is asked to.
func pricedModel(t *testing.T) uiServer {
	up := llmtest.New(t, func(w http.ResponseWriter, r *http.Request, seen *llmtest.Request) {
		model, _ := seen.Object()["model"].(string)
		if model == "m-broken" {
			llmtest.JSON(http.StatusBadRequest, `{"error":{"message":"There is no such model","type":"invalid_request_error"}}`)(w, r, seen)
			return
		}
		llmtest.JSON(http.StatusOK, `{"id":"c","object":"chat.completion","created":1,"model":"`+model+`","choices":[{"index":0,"message":{"role":"assistant","content":"Hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1000,"completion_tokens":500,"total_tokens":1500}}`)(w, r, seen)
	})
	return uiServer{flags: []string{"--llm-url", up.URL + "/v1", "--llm-model", "m-1", "--price", "m-1=1,2"}}
}
