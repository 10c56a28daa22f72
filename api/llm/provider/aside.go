package provider

import (
	"bytes"
	"encoding/json"
)

// aside is a member that carries what the pivot has no place for between
// Anthropic and clients: of a request the fields that only Anthropic has, of a
// message its content blocks, of a tool all of it. Anthropic gets back what is
// its own, and no other provider is sent it.
const aside = "x_anthropic"

// stripAside takes what is carried aside out of a request.
func stripAside(b Body) {
	delete(b, aside)
	for _, list := range []string{"messages", "tools"} {
		var items []Body
		if !bytes.Contains(b[list], []byte(aside)) || !b.Into(list, &items) {
			continue
		}
		kept := make([]json.RawMessage, 0, len(items))
		for _, item := range items {
			delete(item, aside)
			if len(item) > 0 { // a tool of Anthropic's own was nothing else
				kept = append(kept, encode(item))
			}
		}
		if b.Set(list, kept); len(kept) == 0 {
			delete(b, list)
		}
	}
}
