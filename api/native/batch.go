package native

import (
	"context"

	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/guard"
)

type batchCreateItem struct {
	createBody
	Type       string    `json:"type" req:"true" min:"1" max:"100"`
	Collection entity.ID `json:"collection" alias:"collection_pi,collection_id"`
}

type batchCreateIn struct {
	Entities          []batchCreateItem `json:"entities" req:"true" min:"1" max:"100"`
	DefaultCollection entity.ID         `json:"default_collection" doc:"of items that name none"`
}

// BatchCreateResult is the outcome of one item.
type BatchCreateResult struct {
	Success bool      `json:"success"`
	Index   int       `json:"index"`
	ID      entity.ID `json:"id,omitempty"`
	CID     string    `json:"cid,omitempty"`
	Type    string    `json:"type,omitempty"`
	Ver     int64     `json:"ver,omitempty"`
	Error   string    `json:"error,omitempty"`
	Code    string    `json:"code,omitempty"`
}

// BatchSummary counts a batch.
type BatchSummary struct {
	Total     int `json:"total"`
	Succeeded int `json:"succeeded"`
	Failed    int `json:"failed"`
}

// BatchCreateResponse has a result per item, in the order of the request.
type BatchCreateResponse struct {
	Results []BatchCreateResult `json:"results"`
	Summary BatchSummary        `json:"summary"`
}

const batchChunk = 10

func (s *Service) createBatch(ctx context.Context, in *batchCreateIn) (*wire.Reply, error) {
	out := BatchCreateResponse{Results: make([]BatchCreateResult, len(in.Entities)), Summary: BatchSummary{Total: len(in.Entities)}}
	for from := 0; from < len(in.Entities); from += batchChunk {
		to := min(from+batchChunk, len(in.Entities))
		if err := s.createChunk(ctx, in, from, to, out.Results); err != nil {
			return nil, err
		}
	}
	for _, r := range out.Results {
		if r.Success {
			out.Summary.Succeeded++
		}
	}
	out.Summary.Failed = out.Summary.Total - out.Summary.Succeeded
	if out.Summary.Failed > 0 {
		return &wire.Reply{Status: 207, Body: out}, nil
	}
	return wire.Created(out), nil
}

// createChunk creates items from..to in one transaction. An item that breaks a
// rule writes nothing and does not hinder its neighbours. Where they are too
// large together they are tried one by one.
func (s *Service) createChunk(ctx context.Context, in *batchCreateIn, from, to int, results []BatchCreateResult) error {
	err := s.update(ctx, func(tx txn) error {
		for i := from; i < to; i++ {
			item := in.Entities[i]
			if item.Collection == "" {
				item.Collection = in.DefaultCollection
			}
			v, err := tx.create("entity:create", item.createBody, "", item.Type, item.Collection, nil)
			if err != nil && entity.KindOf(err) == entity.KindInternal {
				return err
			}
			results[i] = batchResult(i, v, err)
		}
		return nil
	})
	if entity.KindOf(err) != entity.KindTooLarge || err == nil {
		return err
	}
	if to-from == 1 {
		results[from] = batchResult(from, nil, err)
		return nil
	}
	for i := from; i < to; i++ {
		if err := s.createChunk(ctx, in, i, i+1, results); err != nil {
			return err
		}
	}
	return nil
}

func batchResult(i int, v *entity.Version, err error) BatchCreateResult {
	if err != nil {
		message, code := describe(err)
		return BatchCreateResult{Index: i, Error: message, Code: code}
	}
	return BatchCreateResult{Success: true, Index: i, ID: v.Manifest.ID, CID: v.CID.String(), Type: v.Manifest.Type, Ver: v.Manifest.Ver}
}

type batchGetIn struct {
	IDs []entity.ID `json:"ids" alias:"pis,entity_ids" req:"true" min:"1" max:"100"`
}

// BatchGetResponse has the entities found, in the order of the request.
type BatchGetResponse struct {
	Entities []*EntityResponse `json:"entities"`
	NotFound []entity.ID       `json:"not_found"`
}

func (s *Service) getBatch(ctx context.Context, in *batchGetIn) (*wire.Reply, error) {
	out := BatchGetResponse{Entities: []*EntityResponse{}, NotFound: []entity.ID{}}
	err := s.view(ctx, func(r *guard.Reader) error {
		for _, id := range in.IDs {
			h, err := r.Head(id)
			switch {
			case err == nil:
			case entity.KindOf(err) == entity.KindNotFound:
				out.NotFound = append(out.NotFound, id)
				continue
			default:
				return err
			}
			m, err := r.Manifest(h.CID())
			if err != nil {
				return err
			}
			out.Entities = append(out.Entities, respond(h.CID(), m))
		}
		return nil
	})
	return wire.OK(out), err
}
