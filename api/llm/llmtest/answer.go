package llmtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// JSON answers with a document.
func JSON(status int, body string, headers ...string) Answer {
	return Body(status, "application/json", body, headers...)
}

// Body answers with anything.
func Body(status int, contentType, body string, headers ...string) Answer {
	return func(w http.ResponseWriter, _ *http.Request, _ *Request) {
		w.Header().Set("Content-Type", contentType)
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

// Events answers with a stream of these bytes, flushed one by one.
func Events(pieces ...string) Answer {
	return func(w http.ResponseWriter, _ *http.Request, _ *Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		send(w, pieces...)
	}
}

func send(w http.ResponseWriter, pieces ...string) {
	for _, p := range pieces {
		fmt.Fprint(w, p)
		_ = http.NewResponseController(w).Flush() // a caller that is gone is seen by the next answer
	}
}

// Cut answers with the beginning of a stream and cuts the connection.
func Cut(pieces ...string) Answer {
	return func(w http.ResponseWriter, _ *http.Request, _ *Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		send(w, pieces...)
		panic(http.ErrAbortHandler)
	}
}

// Stall answers with the beginning of a stream, or with nothing at all, and then
// waits until the caller hangs up.
func (u *Upstream) Stall(pieces ...string) Answer {
	return func(w http.ResponseWriter, r *http.Request, _ *Request) {
		if len(pieces) > 0 {
			w.Header().Set("Content-Type", "text/event-stream")
			send(w, pieces...)
		}
		<-r.Context().Done()
		u.gone <- struct{}{}
	}
}

// usage is what every answer of [Say] has cost.
const usage = `{"prompt_tokens":20,"completion_tokens":5,"total_tokens":25}`

// Chunk is an event of OpenAI's stream with a delta.
func Chunk(delta, finish string) string {
	f := "null"
	if finish != "" {
		f = `"` + finish + `"`
	}
	return `data: {"id":"chatcmpl-7","object":"chat.completion.chunk","created":1700000000,"model":"m-1","choices":[{"index":0,"delta":` + delta + `,"finish_reason":` + f + "}]}\n\n"
}

func text(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// streamed tells whether a request asks for a stream.
func streamed(r *Request) bool { return r.Object()["stream"] == true }

// wantsUsage tells whether it asks for usage at the stream's end.
func wantsUsage(r *Request) bool {
	o, _ := r.Object()["stream_options"].(map[string]any)
	return o["include_usage"] == true
}

// Say answers a chat in OpenAI's format with a text, word by word where a stream
// is asked for.
func Say(s string) Answer { return message(s, "stop", nil) }

// Call answers a chat in OpenAI's format with calls of tools: name, arguments,
// name, arguments.
func Call(pairs ...string) Answer { return message("", "tool_calls", pairs) }

func message(s, finish string, calls []string) Answer {
	return func(w http.ResponseWriter, r *http.Request, seen *Request) {
		var whole, pieces []string
		for i := 0; i+1 < len(calls); i += 2 {
			call := fmt.Sprintf(`"id":"call_%d","type":"function","function":{"name":%s,"arguments":`, i/2+1, text(calls[i]))
			whole = append(whole, "{"+call+text(calls[i+1])+"}}")
			half := len(calls[i+1]) / 2
			pieces = append(pieces,
				Chunk(fmt.Sprintf(`{"tool_calls":[{"index":%d,%s""}}]}`, i/2, call), ""),
				Chunk(fmt.Sprintf(`{"tool_calls":[{"index":%d,"function":{"arguments":%s}}]}`, i/2, text(calls[i+1][:half])), ""),
				Chunk(fmt.Sprintf(`{"tool_calls":[{"index":%d,"function":{"arguments":%s}}]}`, i/2, text(calls[i+1][half:])), ""))
		}
		if !streamed(seen) {
			content := text(s)
			if calls != nil {
				content = `null,"tool_calls":[` + strings.Join(whole, ",") + "]"
			}
			JSON(200, `{"id":"chatcmpl-7","object":"chat.completion","created":1700000000,"model":"m-1","choices":[{"index":0,"message":{"role":"assistant","content":`+content+`},"finish_reason":"`+finish+`"}],"usage":`+usage+`}`, "X-Provider", "scripted")(w, r, seen)
			return
		}
		w.Header().Set("X-Provider", "scripted")
		all := []string{Chunk(`{"role":"assistant","content":""}`, "")}
		for word := range strings.SplitAfterSeq(s, " ") {
			if word != "" {
				all = append(all, Chunk(`{"content":`+text(word)+`}`, ""))
			}
		}
		all = append(append(all, pieces...), Chunk("{}", finish))
		if wantsUsage(seen) {
			all = append(all, `data: {"id":"chatcmpl-7","object":"chat.completion.chunk","created":1700000000,"model":"m-1","choices":[],"usage":`+usage+"}\n\n")
		}
		Events(append(all, "data: [DONE]\n\n")...)(w, r, seen)
	}
}

// AnthropicSay answers in Anthropic's format.
func AnthropicSay(s string) Answer {
	return func(w http.ResponseWriter, r *http.Request, seen *Request) {
		if !streamed(seen) {
			JSON(200, `{"id":"msg_7","type":"message","role":"assistant","model":"claude-x","content":[{"type":"text","text":`+text(s)+`}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":20,"output_tokens":5}}`)(w, r, seen)
			return
		}
		event := func(name, data string) string {
			return "event: " + name + "\ndata: {\"type\":\"" + name + "\"" + data + "}\n\n"
		}
		Events(
			event("message_start", `,"message":{"id":"msg_7","type":"message","role":"assistant","content":[],"model":"claude-x","stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":20,"output_tokens":1}}`),
			event("content_block_start", `,"index":0,"content_block":{"type":"text","text":""}`),
			event("ping", ""),
			event("content_block_delta", `,"index":0,"delta":{"type":"text_delta","text":`+text(s)+`}`),
			event("content_block_stop", `,"index":0`),
			event("message_delta", `,"delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":5}`),
			event("message_stop", ""),
		)(w, r, seen)
	}
}

// GeminiSay answers in Gemini's format.
func GeminiSay(s string) Answer {
	return func(w http.ResponseWriter, r *http.Request, seen *Request) {
		whole := func(s, finish string) string {
			return `{"candidates":[{"content":{"parts":[{"text":` + text(s) + `}],"role":"model"}` + finish + `,"index":0}],"usageMetadata":{"promptTokenCount":20,"candidatesTokenCount":5,"totalTokenCount":25},"modelVersion":"gemini-x","responseId":"r7"}`
		}
		if !strings.Contains(seen.Path, ":streamGenerateContent") {
			JSON(200, whole(s, `,"finishReason":"STOP"`))(w, r, seen)
			return
		}
		Events("data: "+whole(s, "")+"\n\n", "data: "+whole("", `,"finishReason":"STOP"`)+"\n\n")(w, r, seen)
	}
}
