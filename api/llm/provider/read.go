package provider

import "encoding/json"

// Whole is what is to be known of a whole answer of the pivot.
type Whole struct {
	ID, Model string
	Choices   int
	Message   json.RawMessage // of the first choice
	Finish    string          // likewise
	Usage     *Usage
}

// ReadWhole reads an answer. What cannot be read is not there.
func ReadWhole(body []byte) *Whole {
	if w, ok := quickWhole(body); ok {
		return w
	}
	return slowWhole(body)
}

func slowWhole(body []byte) *Whole {
	var in struct {
		ID      string `json:"id"`
		Model   string `json:"model"`
		Choices []struct {
			Message json.RawMessage `json:"message"`
			Finish  string          `json:"finish_reason"`
		} `json:"choices"`
		Usage *Usage `json:"usage"`
	}
	_ = json.Unmarshal(body, &in)
	w := &Whole{ID: in.ID, Model: in.Model, Choices: len(in.Choices), Usage: in.Usage}
	if w.Choices > 0 {
		w.Message, w.Finish = in.Choices[0].Message, in.Choices[0].Finish
	}
	return w
}

func quickWhole(body []byte) (*Whole, bool) {
	var r reader
	var w Whole
	seen := once{}
	ok := members(body, func(key string, value []byte) bool {
		switch key {
		case "id":
			r.text(value, &w.ID)
		case "model":
			r.text(value, &w.Model)
		case "usage":
			w.Usage = r.usage(value)
		case "choices":
			return seen.first(key) && scan(value, '[', func(_, choice []byte) bool {
				w.Choices++
				var finish string
				var message json.RawMessage
				ok := members(choice, func(key string, value []byte) bool {
					switch key {
					case "message":
						message = value
					case "finish_reason":
						r.text(value, &finish)
					}
					return true
				})
				if w.Choices == 1 {
					w.Message, w.Finish = message, finish
				}
				return ok
			})
		}
		return key != "usage" || seen.first(key)
	})
	return &w, r.all(ok)
}

// once are keys that were met: what is given twice encoding/json lays over each
// other.
type once struct{ choices, delta, usage bool }

func (o *once) first(key string) bool {
	at := map[string]*bool{"choices": &o.choices, "delta": &o.delta, "usage": &o.usage}[key]
	if *at {
		return false
	}
	*at = true
	return true
}

// usage reads what an answer used; nil of null.
func (r *reader) usage(raw []byte) *Usage {
	if string(raw) == "null" {
		return nil
	}
	u := &Usage{}
	ok := members(raw, func(key string, value []byte) bool {
		switch key {
		case "prompt_tokens":
			r.number(value, &u.Prompt)
		case "completion_tokens":
			r.number(value, &u.Completion)
		case "total_tokens":
			r.number(value, &u.Total)
		case "prompt_tokens_details":
			if u.Details != nil {
				return false
			}
			if string(value) == "null" {
				return true
			}
			u.Details = &PromptDetails{}
			return members(value, func(key string, value []byte) bool {
				if key == "cached_tokens" {
					r.number(value, &u.Details.Cached)
				}
				return true
			})
		}
		return true
	})
	r.failed = r.failed || !ok
	return u
}

// read reads a chunk, as [json.Unmarshal] does.
func (c *Chunk) read(data []byte) error {
	if quick, ok := quickChunk(data); ok {
		*c = *quick
		return nil
	}
	return json.Unmarshal(data, c)
}

func quickChunk(data []byte) (*Chunk, bool) {
	var r reader
	var c Chunk
	seen := once{}
	ok := members(data, func(key string, value []byte) bool {
		switch key {
		case "id":
			r.text(value, &c.ID)
		case "model":
			r.text(value, &c.Model)
		case "usage":
			c.Usage = r.usage(value)
			return seen.first(key)
		case "error":
			c.Error = value
		case "choices":
			c.Choices = make([]ChunkChoice, 0, 1)
			return seen.first(key) && scan(value, '[', func(_, choice []byte) bool {
				c.Choices = append(c.Choices, ChunkChoice{})
				return r.choice(choice, &c.Choices[len(c.Choices)-1])
			})
		}
		return true
	})
	return &c, r.all(ok)
}

func (r *reader) choice(raw []byte, into *ChunkChoice) bool {
	seen := once{}
	return members(raw, func(key string, value []byte) bool {
		switch key {
		case "index":
			var n int64
			r.number(value, &n)
			into.Index = int(n)
		case "finish_reason":
			r.text(value, &into.Finish)
		case "delta":
			return seen.first(key) && members(value, func(key string, value []byte) bool {
				d := &into.Delta
				switch key {
				case "content":
					r.optional(value, &d.Content)
				case "refusal":
					r.optional(value, &d.Refusal)
				case "reasoning_content":
					r.text(value, &d.Reasoning)
				case "reasoning_signature":
					r.text(value, &d.Signature)
				case "tool_calls":
					d.ToolCalls = nil
					r.slow(value, &d.ToolCalls)
				}
				return true
			})
		}
		return true
	})
}
