package syncclient_test

import (
	"context"
	"fmt"
	"log"
	"net/http/httptest"

	"stemma/entity"
	"stemma/events/syncclient"
)

// index is somebody's own database: what it has learned and how far it has
// read change together, or not at all.
type index struct {
	labels map[entity.ID]string
	cursor string
}

// Keep an index of labels up to date. Run again, by a timer or after a crash,
// it goes on where the stored cursor is.
func Example() {
	ctx := context.Background()
	stores, handler, err := openServer() // in life: somebody's server
	if err != nil {
		log.Fatal(err)
	}
	server := httptest.NewServer(handler)
	defer server.Close()

	client, err := syncclient.New(server.URL, syncclient.Options{})
	if err != nil {
		log.Fatal(err)
	}
	mine := index{labels: map[entity.ID]string{}}
	sync := func() error {
		from, err := syncclient.ParseCursor(mine.cursor)
		if err != nil {
			return err
		}
		for batch, err := range client.Follow(ctx, from, syncclient.FollowOptions{}) {
			if err != nil {
				return err
			}
			for _, e := range batch.Events {
				block, err := client.Block(ctx, e.CID) // its hash is checked
				if err != nil {
					return err
				}
				m, err := entity.DecodeManifest(block)
				if err != nil {
					return err
				}
				fmt.Printf("event %d: %s of version %d: %s\n", e.ID, e.Kind, e.Ver, m.Label())
				mine.labels[e.Entity] = m.Label()
			}
			mine.cursor = batch.Cursor.String() // with the labels, in one transaction
		}
		return nil
	}

	var ann entity.ID
	edit := func(fn func(entity.Tx) error) {
		if _, err := stores[0].Update(ctx, author, fn); err != nil {
			log.Fatal(err)
		}
	}
	edit(func(tx entity.Tx) error {
		v, err := tx.Create(entity.Draft{Type: "person", Properties: entity.Properties{"label": "Ann Lee"}})
		if err == nil {
			ann = v.Manifest.ID
		}
		return err
	})
	if err := sync(); err != nil {
		log.Fatal(err)
	}
	edit(func(tx entity.Tx) error {
		_, err := tx.Put(ann, entity.Any, func(m *entity.Manifest) error { m.Properties["label"] = "Mother Ann"; return nil })
		return err
	})
	if err := sync(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(mine.labels[ann])
	// Output:
	// event 1: create of version 1: Ann Lee
	// event 2: update of version 2: Mother Ann
	// Mother Ann
}
