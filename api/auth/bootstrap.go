package auth

import (
	"context"
	"crypto/rand"
	"time"

	"stemma/entity"
	"stemma/entity/access"
)

const bootstrapSecret = "bootstrap"

// Bootstrap makes the first user of a store and its key, once. key "" mints
// one. It gives back the key when it made one or set the one it was given, ""
// when the store has its first user already and the key given is that user's.
// A key given later than the first start is added to the first user's.
func Bootstrap(ctx context.Context, s entity.Store, key string) (made string, err error) {
	id := entity.NewIDSource(time.Now, rand.Reader).New(s.Network())
	_, err = s.Update(ctx, entity.Actor{UserID: id, Method: entity.MethodSystem}, func(tx entity.Tx) error {
		made = ""
		key := key
		owner, err := tx.Secret(bootstrapSecret)
		if err != nil {
			return err
		}
		if owner != nil {
			return addKey(tx, key, entity.ID(owner), &made)
		}
		if _, err := tx.Create(entity.Draft{ID: id, Type: entity.TypeUser, Properties: entity.Properties{"label": "First user"}}); err != nil {
			return err
		}
		tx.SetSecret(bootstrapSecret, []byte(id))
		if key == "" {
			key = NewKey()
		}
		return addKey(tx, key, id, &made)
	})
	return made, err
}

func addKey(tx entity.Tx, key string, user entity.ID, made *string) error {
	if key == "" {
		return nil
	}
	if err := CheckKey(key); err != nil {
		return err
	}
	known, err := tx.Secret(secretName(keySpace, digestOf(key)))
	if err != nil || known != nil {
		return err
	}
	*made = key
	return SetKey(tx, key, access.Principal{ID: user, Kind: access.User, System: true})
}

// FirstUser is the user that [Bootstrap] made. KindNotFound before it has.
func FirstUser(r entity.Reader) (entity.ID, error) {
	owner, err := r.Secret(bootstrapSecret)
	if err == nil && owner == nil {
		err = entity.NotFound("auth.FirstUser", "the store has no first user; start 'stemma serve' on it once")
	}
	return entity.ID(owner), err
}

// NewKey mints a user's key for the operator.
func NewKey() string {
	key, err := mintKey(UserForm, rand.Reader)
	if err != nil {
		panic(err) // crypto/rand.Reader never fails
	}
	return key
}
