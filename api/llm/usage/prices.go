package usage

import (
	"encoding/json"

	"stemma/api/llm/price"
	"stemma/entity"
)

// TypePrices is the type of the entity that holds the prices which an
// administrator has set: its versions tell who set what, and when. There is one;
// of several the oldest holds.
const TypePrices = "price_table"

// tableOf reads prices out of a manifest: none where they are not of the form of
// [SetPrices].
func tableOf(m *entity.Manifest) (t price.Table) {
	raw, err := json.Marshal(m.Properties["prices"])
	if err != nil || json.Unmarshal(raw, &t) != nil || t.Check() != nil {
		return nil
	}
	return t
}

// Prices are the prices that were set, in the order in which they were; nil when
// there are none. They come before those of the server's flags, and those before
// [price.List].
func Prices(r entity.Reader) (price.Table, error) {
	v, err := PricesVersion(r)
	if err != nil || v == nil {
		return nil, err
	}
	return tableOf(v.Manifest), nil
}

// PricesVersion is the version that holds the prices, nil when none were set.
func PricesVersion(r entity.Reader) (*entity.Version, error) {
	id, err := pricesID(r)
	if err != nil || id == "" {
		return nil, err
	}
	return entity.Tip(r, id)
}

func pricesID(r entity.Reader) (entity.ID, error) {
	for row, err := range r.Rows(name).Scan([]byte{spacePrices}, nil) {
		if err != nil {
			return "", err
		}
		return entity.ID(row.Key[1:]), nil
	}
	return "", nil
}

// SetPrices sets the prices in place of those there were. expect is the version
// that they replace, [entity.Any] for any. KindInvalid as [price.Table.Check],
// KindConflict. Whether the caller may is the caller's to know: it is the
// operator's.
func SetPrices(tx entity.Tx, expect entity.Expect, t price.Table) (*entity.Version, error) {
	const op = "usage.SetPrices"
	if err := t.Check(); err != nil {
		return nil, err
	}
	raw, err := json.Marshal(append(price.Table{}, t...))
	if err != nil {
		return nil, entity.Internal(op, err)
	}
	rows, err := entity.ParseJSON(raw, entity.MaxDepth)
	if err != nil {
		return nil, err
	}
	id, err := pricesID(tx)
	if err != nil {
		return nil, err
	}
	if id == "" {
		if !expect.Allows(entity.CID{}) {
			return nil, expect.Mismatch(op, id, entity.CID{})
		}
		return tx.Create(entity.Draft{Type: TypePrices, Properties: entity.Properties{"label": "Prices of models", "prices": rows}})
	}
	return tx.Put(id, expect, func(m *entity.Manifest) error {
		m.Properties["prices"] = rows
		return nil
	})
}
