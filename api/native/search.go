package native

import (
	"context"
	"time"

	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/access"
	"stemma/entity/guard"
	"stemma/query/search"
)

const tagSearch = "Search"

// searchWait bounds how long a search waits for the index to have a write that
// the caller names.
const searchWait = 5 * time.Second

// searchRow is a row of the table of searches. All of them are one mechanism:
// decide the permission, wait for `since`, search what the caller may see, and
// read the hits as the caller may see them.
type searchRow struct {
	path, id, summary, doc string
	permission             access.Action
	errors                 []int
	expand                 expansion // where the request does not say
}

// searched is what the input of a search does: the search.
type searched[In any] interface {
	*In
	asked() *answerIn
	find(*seeker) (search.Results, error)
}

func (s *Service) searchOps() []wire.Operation {
	const found = " Only what the caller may view is searched, so that as many hits come back as there are. What was deleted is not found from the moment on that the delete was answered; what was written is within half a second, and at once with `since`, the number of the write's event, or `fresh`. `metadata.missing` names the part (`meaning`) that could not answer."
	return []wire.Operation{
		searchOp[similarCollectionsIn](s, searchRow{"/search/similar/collections", "searchSimilarCollections", "Find similar collections",
			"By weighted centroids: of what a collection says of itself and of what is in it." + found, "search:similar", []int{404}, expandPreview}),
		searchOp[similarItemsIn](s, searchRow{"/search/similar/items", "searchSimilarItems", "Find similar items across collections",
			"In two tiers: `tier1_limit` collections like the entity's, then `tier2_limit` entities of each that are like the entity, each worth a tenth less for every better one of its collection. An entity that belongs to no collection, with no `collection_pi` either, is compared with everything." + found, "search:similar", []int{404}, expandPreview}),
		searchOp[searchCollectionsIn](s, searchRow{"/search/collections", "searchCollections", "Search collections by text",
			"By what they say of themselves, by their centroids, and by their members. `types`: only those with a member of one of these." + found, "search:query", nil, expandPreview}),
		searchOp[searchAgentsIn](s, searchRow{"/search/agents", "searchAgents", "Search agents by text",
			"`official`: those of the collection that the server's operator has named for it or, where none is named, those that everybody may view. `all`: all that the caller may view. Whole entities are answered unless `expand` says otherwise." + found, "search:query", nil, expandFull}),
		searchOp[searchEntitiesIn](s, searchRow{"/search/entities", "searchEntities", "Search entities within collections",
			"In one or several collections; `per_collection_limit` bounds the hits of each." + found, "search:query", []int{404}, expandPreview}),
		searchOp[discoverIn](s, searchRow{"/search/discover", "searchDiscover", "Discover entities across all collections",
			"In two steps: the collections that the text is about, then entities in each of them." + found, "search:query", nil, expandPreview}),
		searchOp[searchMineIn](s, searchRow{"/users/me/search", "searchMyCollections", "Search one's own collections",
			"All collections that the caller has a role in, directly, by a group or by a tenant; with `include_public` also what belongs to no collection." + found, "search:execute", nil, expandPreview}),
	}
}

// searchOp makes the operation of a row.
func searchOp[In any, P searched[In]](s *Service, row searchRow) wire.Operation {
	return wire.Op(wire.Operation{
		Method: "POST", Path: row.path, ID: row.id, Tag: tagSearch, Summary: row.summary, Description: row.doc,
		Permission: string(row.permission), Auth: wire.AuthRequired, Reads: true,
		Success: []wire.Success{{Status: 200, Body: SearchResponse{}}}, Errors: append([]int{400, 401, 403, 501, 503}, row.errors...),
	}, func(ctx context.Context, in *In) (*wire.Reply, error) {
		q := P(in)
		begin := time.Now()
		index, err := s.searchIndex(ctx)
		if err != nil {
			return nil, err
		}
		asked := q.asked()
		if err := s.caughtUp(ctx, asked.sinceIn); err != nil {
			return nil, err
		}
		if asked.Expand == "" {
			asked.Expand = string(row.expand)
		}
		var out SearchResponse
		err = s.view(ctx, func(r *guard.Reader) error {
			if err := r.May(row.permission, entity.Head{}); err != nil {
				return err
			}
			k := &seeker{ctx: ctx, s: s, r: r, index: index, visible: r.Visibility()}
			found, err := q.find(k)
			if err != nil {
				return err
			}
			out, err = newExpander(r, asked.Expand).search(found)
			k.meta.ResultCount, k.meta.Missing, k.meta.Cursor = len(out.Results), found.Missing, found.Seen
			out.Metadata = k.meta
			return err
		})
		out.Metadata.ExecutionTimeMS = float64(time.Since(begin)) / float64(time.Millisecond)
		return wire.OK(out), err
	})
}

// seeker is one search by one caller, on one state of the store.
type seeker struct {
	ctx     context.Context
	s       *Service
	r       *guard.Reader
	index   *search.Index
	visible entity.Visibility // what the caller may see; goes into the search
	meta    SearchMetadata    // filled in by the search
}

// answerIn is what every search takes.
type answerIn struct {
	Expand string `json:"expand" enum:"preview,full,none" doc:"what each hit carries: entity_preview, entity, or neither"`
	sinceIn
}

func (in *answerIn) asked() *answerIn { return in }

// sinceIn names a write that a search is to have seen.
type sinceIn struct {
	Since  int64 `json:"since" default:"0" min:"0" doc:"the number of a change, such as that of one's own write: it is searched, after waiting for at most five seconds"`
	Fresh  bool  `json:"fresh" doc:"as if since were the last change there is: whatever was answered before is searched"`
	Behind int64 `query:"since" default:"0" min:"0" doc:"the same; the larger counts"`
}

// caughtUp waits until the index has what the caller has seen. One that takes
// too long answers with what it has; the cursor in the metadata says so.
func (s *Service) caughtUp(ctx context.Context, in sinceIn) error {
	n, since := s.network(ctx), entity.Seq(max(in.Since, in.Behind))
	if since == 0 && !in.Fresh || n.Search == nil {
		return nil
	}
	var last entity.Seq
	if err := n.Store.View(ctx, func(r entity.Reader) error { last = r.Seq(); return nil }); err != nil {
		return err
	}
	if since > last {
		return invalidField("must be the number of a change that has happened", "since")
	}
	if in.Fresh {
		since = last
	}
	waiting, cancel := context.WithTimeout(ctx, searchWait)
	defer cancel()
	err := n.Search.Wait(waiting, since)
	if ctx.Err() == nil && waiting.Err() != nil {
		return nil
	}
	return err
}

// searchIndex is the network's, or the error of a server that has none.
func (s *Service) searchIndex(ctx context.Context) (*search.Index, error) {
	if x := s.network(ctx).Search; x != nil {
		return x, nil
	}
	return nil, entity.Errorf(entity.KindNotImplemented, "native.search", "this server has no search index")
}
