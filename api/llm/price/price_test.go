package price_test

import (
	"fmt"
	"math"
	"testing"

	"stemma/api/llm/price"
	"stemma/entity"
)

func dollars(f float64) *float64 { return &f }

// The first table that knows a model is believed; within one the row that says
// most of it.
func TestOf(t *testing.T) {
	set := price.Table{
		{Model: "gpt-4o", Input: 1}, {Model: "mine", Input: 7}, {Model: "llama*", Input: 3}, {Model: "llama-3*", Input: 4},
		{Provider: "ollama", Model: "*", Input: 0}, {Provider: "azure", Model: "gpt-4o", Input: 9}, {Provider: "gemini", Model: "x", Input: 5},
		{Model: "meta/free", Input: 6},
	}
	for name, want := range map[string]float64{
		"/gpt-4o": 1, "/gpt-4o-2024-08-06": 1, "/gpt-4o-mini": 0.15, "/gpt-4o-mini-2024-07-18": 0.15, "openrouter/openai/gpt-4.1:free": 2, "/mine": 7,
		"/claude-sonnet-4-20250514": 3, "/claude-opus-4-5-20251101": 5, "/claude-3-5-haiku-latest": 0.8, "/gemini-2.5-flash-lite": 0.1,
		"/llama-2": 3, "/llama-3.1": 4, "ollama/gpt-4o": 0, "ollama/llama-3": 0, "azure/gpt-4o": 9, "openai/gpt-4o": 1, "google/x": 5, "openrouter/meta/free": 6, "openrouter/other/mine": 7,
		"/gpt-4o-realtime-preview": -1, "/gpt-5.7": -1, "/unknown": -1, "/": -1, "/claude-opus-4-9": -1, "openai/x": -1,
	} {
		var provider, model string
		for i, c := range name {
			if c == '/' {
				provider, model = name[:i], name[i+1:]
				break
			}
		}
		p, ok := price.Of(provider, model, set, price.List())
		if ok != (want >= 0) || ok && p.Input != want {
			t.Errorf("%s costs %v (%v), want %v", name, p.Input, ok, want)
		}
	}
	p := price.Price{Input: 2, Cached: dollars(0)}
	if p.CachedInput() != 0 || p.CacheInput() != 2 {
		t.Errorf("%v from a cache, %v into it", p.CachedInput(), p.CacheInput())
	}
}

func TestCheck(t *testing.T) {
	if err := price.List().Check(); err != nil {
		t.Error(err)
	}
	for i, bad := range []price.Table{
		{{Model: ""}}, {{Model: " x"}}, {{Model: "a*b"}}, {{Model: "**"}}, {{Model: "x"}, {Model: "x"}}, {{Provider: "acme", Model: "x"}},
		{{Model: "x", Input: -1}}, {{Model: "x", Output: math.NaN()}}, {{Model: "x", Output: math.Inf(1)}}, {{Model: "x", Cached: dollars(2e6)}}, make(price.Table, price.MaxRows+1),
	} {
		err := bad.Check()
		if entity.KindOf(err) != entity.KindInvalid {
			t.Errorf("table %d: %v", i, err)
		}
	}
	var e *entity.Error
	if err := (price.Table{{Model: "x"}, {Model: "y", Input: -1}}).Check(); !asError(err, &e) || fmt.Sprint(e.Issues[0].Path) != "[prices 1 input]" {
		t.Errorf("%v", err)
	}
}

func asError(err error, e **entity.Error) bool {
	is, ok := err.(*entity.Error)
	*e = is
	return ok
}
