package main

import (
	"bytes"
	"log/slog"
	"net/http"
	"regexp"
	"testing"
	"time"

	"stemma/api/llm/llmtest"
	"stemma/api/llm/price"
	"stemma/api/llm/usage"
	"stemma/entity"
)

// What an administrator has set comes before the flags, and those before the list;
// what a key and its tenant have spent by those prices on a day is known after a
// restart, so that a limit of dollars holds.
func TestSpentSurvives(t *testing.T) {
	today := func() string { return time.Now().UTC().Format(time.DateOnly) }
	began := today()
	up := llmtest.New(t, llmtest.Say("Hello, you."))
	o := serverOptions{data: t.TempDir(), bootstrapKey: testKey, logger: slog.New(slog.DiscardHandler), maxBody: 1 << 20, cacheBytes: 1 << 20,
		llm: llmFlags{LLM: up.URL + "/v1", LLMKind: "openai", LLMModel: "m-1"}, recorder: recorderFlags{Prices: []string{"m-1=5,5", "m-2=6,6"}}}
	s, err := openServer(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	var told bytes.Buffer
	s.llm.greet(&told, "x")
	key := regexp.MustCompile(`loom_sk_[A-Za-z0-9_-]{32}`).FindString(told.String())
	var tenant entity.ID
	_, err = s.stores[0].Update(t.Context(), entity.Actor{UserID: "system", Method: entity.MethodSystem}, func(tx entity.Tx) error {
		if _, err := usage.SetPrices(tx, entity.Any, price.Table{{Model: "m-1", Input: 1000, Output: 1000}}); err != nil {
			return err
		}
		for h, err := range tx.Heads() {
			if err != nil {
				return err
			}
			if h.Type == entity.TypeTenant {
				tenant = h.ID
			}
		}
		_, err := tx.Put(tenant, entity.Any, func(m *entity.Manifest) error {
			m.Properties["settings"] = map[string]any{"limits": map[string]any{"usd_per_day": 0.000001}}
			return nil
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for model, want := range map[string]float64{"m-1": 1000, "m-2": 6, "gpt-4o": 2.5, "m-3": -1} {
		if p, ok := s.price("openai", model); ok != (want >= 0) || ok && p.Input != want {
			t.Errorf("%s costs %v, %v; want %v", model, p.Input, ok, want)
		}
	}
	ask := func(want int) {
		t.Helper()
		if out := askModel(s, key, `{"messages":[{"role":"user","content":"One"}]}`); out.Code != want && today() == began {
			t.Errorf("%d, want %d: %s", out.Code, want, out.Body)
		}
	}
	ask(http.StatusOK) // nothing is spent yet, and what it will cost is not known
	ask(http.StatusTooManyRequests)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = openServer(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ask(http.StatusTooManyRequests)
	if usd, err := s.spent("tenant/"+string(tenant), time.Now().UTC().Truncate(24*time.Hour)); err != nil || usd <= 0 && today() == began {
		t.Errorf("the tenant has spent %v, %v", usd, err)
	}
}
