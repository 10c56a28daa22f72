package auth_test

import (
	"net/http/httptest"
	"testing"

	"stemma/api/auth"
	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/access"
)

// BenchmarkAuthenticate is what every request pays for its credential.
func BenchmarkAuthenticate(b *testing.B) {
	s := open(b, entity.Main)
	key := must(auth.Bootstrap(b.Context(), s, ""))(b)
	a := must(auth.New(auth.Options{Stores: []entity.Store{s}}))(b)
	defer a.Close()
	scoped := ""
	_, err := s.Update(b.Context(), entity.Actor{UserID: "system", Method: entity.MethodSystem}, func(tx entity.Tx) (err error) {
		first := must(auth.FirstUser(tx))(b)
		h := must(tx.Head(first))(b)
		scoped, _, err = a.MintKey(tx, h, access.Principal{ID: first}, auth.KeySpec{Label: "of a program", Scopes: []access.Action{"*:view", "entity:update"}})
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	for name, header := range map[string]string{"key": "ApiKey " + key, "scoped": "ApiKey " + scoped} {
		b.Run(name, func(b *testing.B) {
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set("Authorization", header)
			b.ReportAllocs()
			for b.Loop() {
				if _, standing, err := a.Authenticate(r); err != nil || standing != wire.Registered {
					b.Fatal(standing, err)
				}
			}
		})
	}
}
