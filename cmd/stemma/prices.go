package main

import (
	"context"
	"strings"
	"time"

	"stemma/api/llm/price"
	"stemma/api/llm/provider"
	"stemma/api/llm/turn"
	"stemma/api/llm/usage"
	"stemma/entity"
)

// openPrices joins the tables that say what models cost: the one that an
// administrator keeps in the main network, the flags', and the list prices.
func (s *server) openPrices(o serverOptions) error {
	_, own, err := o.recorder.tables()
	list, set := price.List(), s.counts[entity.Main]
	s.price = func(provider, model string) (price.Price, bool) {
		return price.Of(provider, model, set.Prices(), own, list)
	}
	return err
}

// turnPrice is [turn.Options.Price].
func (s *server) turnPrice(kind provider.Kind, model string) (turn.Price, bool) {
	p, ok := s.price(string(kind), model)
	return turn.Price{Input: p.Input, Output: p.Output, Cached: p.Cached}, ok
}

// spent is [budget.Options.Spent]: what an account has spent on a day, as runs say
// that are written down. Its name has an identifier of its network behind the
// first slash.
func (s *server) spent(name string, day time.Time) (usd float64, err error) {
	_, id, _ := strings.Cut(name, "/")
	network := entity.ID(id).Network()
	for _, st := range s.stores {
		if st.Network() != network {
			continue
		}
		err = st.View(context.Background(), func(r entity.Reader) (err error) {
			usd, err = usage.Spent(r, name, day)
			return err
		})
	}
	return usd, err
}
