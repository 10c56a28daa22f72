package native

import (
	"stemma/entity"
	"stemma/query/search"
)

// similarIn is what every search for what is alike takes.
type similarIn struct {
	ID      entity.ID `json:"id" alias:"pi" req:"true"`
	Refresh bool      `json:"refresh" doc:"without effect: nothing is answered from a cache"`
	answerIn
}

type similarCollectionsIn struct {
	similarIn
	Limit int `json:"limit" default:"10" min:"1" max:"100"`
}

func (in *similarCollectionsIn) find(k *seeker) (search.Results, error) {
	if err := k.place(in.ID); err != nil {
		return search.Results{}, err
	}
	k.meta.like(in.ID)
	return k.index.SimilarCollections(k.ctx, search.SimilarQuery{ID: in.ID, Limit: in.Limit, Visible: k.visible})
}

type similarItemsIn struct {
	similarIn
	Collection  entity.ID `json:"collection_id" alias:"collection_pi,collection" doc:"whose likes are searched; by default the entity's"`
	Limit       int       `json:"limit" default:"20" min:"1" max:"100"`
	Tier1       int       `json:"tier1_limit" default:"10" min:"1" max:"50"`
	Tier2       int       `json:"tier2_limit" default:"5" min:"1" max:"20"`
	IncludeSame bool      `json:"include_same_collection" default:"true"`
}

func (in *similarItemsIn) find(k *seeker) (search.Results, error) {
	h, err := k.r.Allowed("entity:view", in.ID)
	if err != nil {
		return search.Results{}, err
	}
	if h.Deleted {
		return search.Results{}, entity.NotFound("native.similar", "Entity not found: %s is deleted", in.ID)
	}
	k.meta.like(in.ID)
	collection := in.Collection
	if collection == "" {
		collection = h.Collection
	}
	if collection != "" {
		switch err := k.place(collection); {
		case in.Collection == "" && entity.KindOf(err) == entity.KindNotFound && err != nil:
			collection = ""
		case err != nil:
			return search.Results{}, err
		}
	}
	if collection == "" { // it belongs to none, or to one that the caller may not view
		k.meta.searched(0)
		return k.index.Similar(k.ctx, search.SimilarQuery{ID: in.ID, Limit: in.Limit, Visible: k.visible})
	}
	found, err := k.index.SimilarItems(k.ctx, search.SimilarItemsQuery{
		ID: in.ID, Collection: collection, Tier1: in.Tier1, Tier2: in.Tier2, ExcludeSame: !in.IncludeSame, Limit: in.Limit, Visible: k.visible,
	})
	k.meta.searched(len(found.Searched))
	return found, err
}
