package native

import (
	"stemma/entity"
	"stemma/entity/access"
	"stemma/query/search"
)

// textIn is what every search by text takes.
type textIn struct {
	Query      string `json:"query" req:"true" min:"1" max:"500" doc:"words; \"quoted words\" must stand in this order, word* is every word that begins so"`
	Mode       string `json:"mode" default:"hybrid" enum:"hybrid,text,meaning" doc:"what ranks: full text, vectors, or both"`
	Highlights bool   `json:"highlights" doc:"the pieces of text in which words were found"`
	answerIn
}

type searchEntitiesIn struct {
	textIn
	Collection    entity.ID   `json:"collection_id" alias:"collection_pi,collection" doc:"this or collection_ids"`
	Collections   []entity.ID `json:"collection_ids" alias:"collection_pis,collections" min:"1" max:"20"`
	Limit         int         `json:"limit" default:"20" min:"1" max:"100"`
	Types         []string    `json:"types" max:"100"`
	PerCollection *int        `json:"per_collection_limit" min:"1" max:"50"`
}

func (in *searchEntitiesIn) find(k *seeker) (search.Results, error) {
	ids := in.Collections
	switch {
	case in.Collection == "" && ids == nil:
		return search.Results{}, invalidField("name a collection, or several in collection_ids", "collection_id")
	case in.Collection != "" && ids != nil:
		return search.Results{}, invalidField("is there beside collection_id; give one of the two", "collection_ids")
	case ids == nil:
		ids = []entity.ID{in.Collection}
	}
	for _, id := range ids {
		if err := k.place(id); err != nil {
			return search.Results{}, err
		}
	}
	each := 0
	if in.PerCollection != nil {
		each = *in.PerCollection
	}
	k.meta.Query, k.meta.CollectionIDs, k.meta.CollectionPIs = in.Query, ids, ids
	k.meta.searched(len(ids))
	return k.index.Search(k.ctx, search.Query{
		Text: in.Query, Mode: search.Mode(in.Mode), Highlights: in.Highlights, Types: in.Types, Collections: ids, Members: true,
		PerCollection: each, Limit: in.Limit, Visible: k.visible,
	})
}

// place makes sure that a collection is there for the caller.
func (k *seeker) place(id entity.ID) error {
	h, err := k.r.Allowed("collection:view", id)
	if err != nil {
		return err
	}
	if h.Deleted {
		return entity.NotFound("native.search", "Collection not found: %s is deleted", id)
	}
	return ofType(h, entity.TypeCollection)
}

type searchCollectionsIn struct {
	textIn
	Limit int      `json:"limit" default:"10" min:"1" max:"100"`
	Types []string `json:"types" max:"100" doc:"only collections that hold one of these"`
}

func (in *searchCollectionsIn) find(k *seeker) (search.Results, error) {
	k.meta.Query = in.Query
	return k.index.Collections(k.ctx, search.CollectionQuery{
		Text: in.Query, Mode: search.Mode(in.Mode), Highlights: in.Highlights, Holding: in.Types, Limit: in.Limit, Visible: k.visible,
	})
}

type discoverIn struct {
	textIn
	Limit         int      `json:"limit" default:"20" min:"1" max:"100"`
	Types         []string `json:"types" max:"100"`
	Collections   int      `json:"collection_limit" default:"10" min:"1" max:"50"`
	PerCollection int      `json:"per_collection_limit" default:"5" min:"1" max:"20"`
}

func (in *discoverIn) find(k *seeker) (search.Results, error) {
	k.meta.Query = in.Query
	found, err := k.index.Discover(k.ctx, search.Discover{
		Text: in.Query, Mode: search.Mode(in.Mode), Highlights: in.Highlights, Types: in.Types,
		Collections: in.Collections, PerCollection: in.PerCollection, Limit: in.Limit, Visible: k.visible,
	})
	k.meta.searched(len(found.Searched))
	return found, err
}

type searchAgentsIn struct {
	textIn
	Limit int    `json:"limit" default:"10" min:"1" max:"100"`
	Scope string `json:"scope" default:"official" enum:"official,all"`
}

func (in *searchAgentsIn) find(k *seeker) (search.Results, error) {
	k.meta.Query, k.meta.Scope = in.Query, in.Scope
	q := search.Query{
		Text: in.Query, Mode: search.Mode(in.Mode), Highlights: in.Highlights, Types: []string{entity.TypeAgent}, Limit: in.Limit, Visible: k.visible,
	}
	everybody := access.NewSight(access.Principal{}, k.r.At(), k.r.Policy)
	if official := k.s.network(k.ctx).OfficialAgents; in.Scope == "official" && official != "" {
		q.Collections = []entity.ID{official}
	} else if in.Scope == "official" {
		q.Visible = both{k.visible, everybody}
	}
	found, err := k.index.Search(k.ctx, q)
	if err == nil {
		err = everybody.Err()
	}
	return found, err
}

// both sees what the two see. The first may be nil, which sees everything.
type both [2]entity.Visibility

func (b both) Scope(collection entity.ID) entity.Sight {
	sight := b[1].Scope(collection)
	if b[0] == nil || sight == entity.SightNone {
		return sight
	}
	switch other := b[0].Scope(collection); {
	case other == entity.SightNone:
		return other
	case sight == entity.SightAll:
		return other
	}
	return sight
}

func (b both) Apart(typ string) bool {
	return b[1].Apart(typ) || b[0] != nil && b[0].Apart(typ)
}

func (b both) Sees(id entity.ID, typ string, collection entity.ID) bool {
	return b[1].Sees(id, typ, collection) && (b[0] == nil || b[0].Sees(id, typ, collection))
}
