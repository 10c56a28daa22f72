package main

import (
	"context"
	"time"

	"stemma/api/auth"
	mirroring "stemma/cmd/stemma/mirror" // crash_audit_test.go has a variable mirror
	"stemma/entity"
	"stemma/entity/access"
	"stemma/entity/store"
)

// letIn gives the callers of the server their keys. readOnly is why writes are
// refused, "" when they are not.
//
// A mirror's log belongs to its source: the first user that another server
// begins with would be a change of its own and end the mirror. So it is served
// read-only or not at all, and its reader is known by a key alone.
func (s *server) letIn(ctx context.Context, o serverOptions) (readOnly string, err error) {
	source := o.mirrorOf
	for _, st := range s.stores {
		err := st.View(ctx, func(r entity.Reader) error {
			of, err := mirroring.SourceOf(r)
			if of != "" {
				source = of
			}
			return err
		})
		if err != nil {
			return "", err
		}
	}
	switch {
	case !o.readOnly && source != "":
		return "", entity.Invalid("stemma.serve", "%s is a mirror of %s: serve it with --read-only, and write there", o.data, source)
	case !o.readOnly:
		return "", s.bootstrap(ctx, o.bootstrapKey)
	case source != "":
		readOnly = "this is a read-only mirror of " + source + "; write there"
	default:
		readOnly = "this server is read-only"
	}
	return readOnly, s.admitReader(ctx, o.bootstrapKey)
}

// readerSecret is the user that keys of a read-only server stand for. There is
// no such entity.
const readerSecret = "reader"

// admitReader makes a key that may read everything, without a change in any log: the one
// that is given, or at the first start one for both networks.
func (s *server) admitReader(ctx context.Context, key string) error {
	for _, st := range s.stores {
		made, err := setReader(ctx, st, key)
		if err != nil {
			return err
		}
		s.keys[st.Network()] = made
		if key == "" {
			key = made
		}
	}
	return nil
}

func setReader(ctx context.Context, st *store.Store, given string) (made string, err error) {
	_, err = st.Update(ctx, entity.Actor{}, func(tx entity.Tx) error {
		made = ""
		key := given
		user, err := tx.Secret(readerSecret)
		if err != nil {
			return err
		}
		if user == nil {
			user = []byte(tx.NewID())
			tx.SetSecret(readerSecret, user)
			if key == "" {
				key = auth.NewKey()
			}
		}
		if key == "" {
			return nil
		}
		if _, err := auth.Resolve(tx, key, time.Now()); err == nil {
			return nil // it opens this store already
		}
		made = key
		return auth.SetKey(tx, key, access.Principal{ID: entity.ID(user), Kind: access.User, System: true, Scopes: []access.Action{"*:view"}})
	})
	return made, err
}
