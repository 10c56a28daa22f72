package usage_test

import (
	"testing"

	"stemma/api/llm/price"
	"stemma/api/llm/usage"
	"stemma/entity"
)

// Prices are kept as versions of one entity, known in memory as soon as they are
// set, and after a restart.
func TestPrices(t *testing.T) {
	w := newRig(t, 1)
	w.close()
	p := usage.New()
	w.open(p)
	cached := 0.5
	first := price.Table{{Model: "gpt-4o*", Input: 1, Output: 2, Cached: &cached}, {Provider: "ollama", Model: "*"}}
	var tip entity.CID
	set := func(expect entity.Expect, table price.Table) error {
		_, err := w.store.Update(t.Context(), person, func(tx entity.Tx) error {
			v, err := usage.SetPrices(tx, expect, table)
			if err == nil {
				tip = v.CID
			}
			return err
		})
		return err
	}
	if got := p.Prices(); got != nil {
		t.Errorf("%v before any are set", got)
	}
	w.ok(set(entity.At(entity.CID{}), first))
	if err := set(entity.At(entity.CID{}), first); entity.KindOf(err) != entity.KindConflict {
		t.Errorf("set over what is there: %v", err)
	}
	if err := set(entity.Any, price.Table{{Model: "x", Input: -1}}); entity.KindOf(err) != entity.KindInvalid {
		t.Errorf("a negative price: %v", err)
	}
	if got, ok := price.Of("openai", "gpt-4o-2024-08-06", p.Prices()); !ok || got.Output != 2 || got.CachedInput() != 0.5 {
		t.Errorf("%+v, %v", got, ok)
	}
	w.view(func(r entity.Reader) {
		got, err := usage.Prices(r)
		w.ok(err)
		v, err := usage.PricesVersion(r)
		w.ok(err)
		if len(got) != 2 || got[1].Provider != "ollama" || v.CID != tip {
			t.Errorf("%+v in %s", got, v.CID)
		}
	})
	w.ok(set(entity.At(tip), first[:1]))
	w.close()
	p = usage.New()
	w.open(p)
	if got := p.Prices(); len(got) != 1 || *got[0].Cached != 0.5 {
		t.Errorf("after a restart %+v", got)
	}
	w.view(func(r entity.Reader) {
		v, err := usage.PricesVersion(r)
		w.ok(err)
		if v.Manifest.Ver != 2 {
			t.Errorf("version %d", v.Manifest.Ver)
		}
	})
}
