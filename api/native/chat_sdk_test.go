package native_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The published AI SDK chats with the server: text, tools, yes and no, an error
// half way, a stop, and going on elsewhere.
func TestAISDKChats(t *testing.T) {
	if _, err := os.Stat(filepath.Join(javascript, "node_modules", "ai")); err != nil {
		t.Fatalf("%s has no node_modules: run make test (it runs npm ci there): %v", javascript, err)
	}
	hung := make(chan struct{})
	model := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		var a asked
		if err := json.Unmarshal(body, &a); err != nil {
			t.Error(err)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		chatty(w, r)
		if _, said := a.last(); said == "hang" {
			close(hung) // chatty has seen the end of the request
		}
	}))
	t.Cleanup(model.Close)
	w := newRig(t, rigOptions{model: far(model.URL)})
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	id, _ := w.create(t, object{"type": "person", "properties": object{"label": "Ann"}})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", "chat.mjs", server.URL, readKey, id)
	cmd.Dir = javascript
	var stderr strings.Builder
	cmd.Stderr = &stderr
	got, err := cmd.Output()
	if err != nil {
		t.Fatalf("node chat.mjs: %v\n%s\n%s", err, got, stderr.String())
	}
	const want = `text: ready step text(You said hello) {"usage":{"input_tokens":100,"output_tokens":10}} [{"type":"data-usage","data":{"input_tokens":100,"output_tokens":10},"transient":true}]
read: step tool-get_entity(output-available person 1) step text
yes: asked step tool-create_entity(approval-requested)
yes: 6 step tool-create_entity(output-available letter 1) step text
no: asked step tool-create_entity(approval-requested)
no: 8 step tool-create_entity(output-denied) step text
error: error the model's provider model.example broke off its answer (SERVICE_UNAVAILABLE) step text(So far)
stopped: true
abort: step text(So far)
stored: uauauauauaua {"usage":{"input_tokens":0,"output_tokens":0},"finish":"abort","partial":true} So far
resumed: ready step text(20)
again: 14 step text(20)
header: v1 true
frames: 0 start start-step tool-input-start tool-input-start tool-input-start tool-input-available tool-output-available tool-input-error tool-input-available tool-approval-request finish-step data-usage finish
message: step tool-get_entity(output-available person 1) tool-nothing(output-error there is no tool "nothing" (VALIDATION_ERROR)) tool-create_entity(approval-requested)
message_delta: false
`
	if string(got) != want {
		t.Errorf("npm ai prints\n%s\nwant\n%s", got, want)
	}
	<-hung // the stop reached the model
}
