package admin

import (
	"context"

	"stemma/api/llm/price"
	"stemma/api/llm/usage"
	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/guard"
)

func (s *Service) priceOps() []wire.Operation {
	return []wire.Operation{
		wire.Op(row(wire.Operation{
			Method: "GET", Path: "/prices", ID: "adminGetPrices", Summary: "Get what models cost", Permission: administer,
			Description: "In US dollars for a million tokens. The prices that were set come before those of `STEMMA_PRICES`, and these before the providers' list prices.",
			Success:     []wire.Success{{Status: 200, Body: Prices{}}},
		}), s.getPrices),
		wire.Op(row(wire.Operation{
			Method: "PUT", Path: "/prices", ID: "adminSetPrices", Summary: "Set what models cost", Permission: administer,
			Description: "All of them, in place of those there were: calls from then on cost that. Each time is a version; with `expect_tip`, the `cid` of the prices that one has seen, they are set only if nobody was faster. A model's name may end with `*`.",
			Success:     []wire.Success{{Status: 200, Body: Prices{}}}, Errors: []int{400, 409},
		}), s.setPrices),
	}
}

// Prices are what models cost.
type Prices struct {
	Prices    price.Table `json:"prices"`
	List      price.Table `json:"listPrices" doc:"what holds for models that are not among prices"`
	CID       *string     `json:"cid" doc:"of this version, the expect_tip of the next; null when none were set"`
	Ver       int64       `json:"ver"`
	UpdatedAt *string     `json:"updatedAt"`
	UpdatedBy *entity.ID  `json:"updatedByAdminId"`
}

func pricesView(r entity.Reader) (out Prices, err error) {
	out.List = price.List()
	v, err := usage.PricesVersion(r)
	if err != nil || v == nil {
		return out, err
	}
	out.CID, out.Ver, out.UpdatedAt, out.UpdatedBy = orNull(v.CID.String()), v.Manifest.Ver, orNull(entity.FormatMillis(v.Manifest.TS)), orNull(v.Manifest.EditedBy.UserID)
	out.Prices, err = usage.Prices(r)
	return out, err
}

func (s *Service) getPrices(ctx context.Context, _ *struct{}) (*wire.Reply, error) {
	var out Prices
	err := s.view(ctx, func(r *guard.Reader) (err error) {
		out, err = pricesView(r)
		return err
	})
	return wire.OK(out), err
}

type setPricesIn struct {
	ExpectTip wire.Tip    `json:"expect_tip" alias:"expectTip"`
	Prices    price.Table `json:"prices" req:"true"`
}

func (s *Service) setPrices(ctx context.Context, in *setPricesIn) (*wire.Reply, error) {
	var out Prices
	err := s.update(ctx, func(tx *guard.Tx) error {
		v, err := usage.PricesVersion(tx)
		if err != nil {
			return err
		}
		if v != nil {
			tx.Permit(v.Manifest.ID)
		}
		if _, err := usage.SetPrices(tx, in.ExpectTip.Expect(), in.Prices); err != nil {
			return err
		}
		out, err = pricesView(tx)
		return err
	})
	return wire.OK(out), err
}
