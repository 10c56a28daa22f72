package portal

import (
	"context"
	"maps"
	"math"

	"stemma/api/llm/retrieval"
	"stemma/api/wire"
	"stemma/entity"
)

// KnowledgeSettings are how files are cut and what a search gives.
type KnowledgeSettings struct {
	ChunkTokens   int     `json:"chunk_tokens"`
	OverlapTokens int     `json:"overlap_tokens"`
	TopK          int     `json:"top_k"`
	Threshold     float64 `json:"similarity_threshold" doc:"0: none"`
}

func settingsOf(s retrieval.Settings) KnowledgeSettings {
	return KnowledgeSettings{s.Split.Size, s.Split.Overlap, s.TopK, s.Threshold}
}

// settingBounds are the bounds of settings, by the names that they are kept under.
var settingBounds = map[string]struct {
	least, most float64
	whole       bool
}{
	"chunk_tokens":         {retrieval.LeastSize, retrieval.MostSize, true},
	"overlap_tokens":       {0, retrieval.MostSize / 2, true},
	"top_k":                {1, retrieval.MostTopK, true},
	"similarity_threshold": {0, 1, false},
}

// setSetting puts one setting into the tree of them.
func setSetting(tree map[string]any, name string, v float64) error {
	b := settingBounds[name]
	if b.whole && v != math.Trunc(v) || !(v >= b.least && v <= b.most) {
		kind := "a number"
		if b.whole {
			kind = "a whole number"
		}
		return issue(name, "%s must be %s from %v to %v", name, kind, b.least, b.most)
	}
	tree[name] = number(v)
	return nil
}

// number is a number as manifests have it.
func number(v float64) any {
	if v == math.Trunc(v) {
		return int64(v)
	}
	return v
}

// checkSettings looks at the settings together.
func checkSettings(tree map[string]any) error {
	size, overlap := int64(retrieval.DefaultSplit.Size), int64(0)
	if n, ok := tree["chunk_tokens"].(int64); ok {
		size = n
	}
	if n, ok := tree["overlap_tokens"].(int64); ok {
		overlap = n
	}
	if overlap > size/2 {
		return issue("overlap_tokens", "overlap_tokens must be at most half of chunk_tokens: %d", size/2)
	}
	return nil
}

type updateKnowledgeIn struct {
	idIn
	Size      *int64   `json:"chunk_tokens" alias:"chunkTokens" min:"20" max:"8000"`
	Overlap   *int64   `json:"overlap_tokens" alias:"overlapTokens" min:"0" max:"4000" doc:"at most half of chunk_tokens"`
	TopK      *int64   `json:"top_k" alias:"topK" min:"1" max:"50" doc:"passages that an agent is given"`
	Threshold *float64 `json:"similarity_threshold" alias:"similarityThreshold" min:"0" max:"1" doc:"passages below it are not given; 0: none"`
}

func (s *Service) updateKnowledge(ctx context.Context, in *updateKnowledgeIn) (*wire.Reply, error) {
	changes := map[string]any{}
	for name, v := range map[string]*int64{"chunk_tokens": in.Size, "overlap_tokens": in.Overlap, "top_k": in.TopK} {
		if v != nil {
			changes[name] = *v
		}
	}
	if in.Threshold != nil {
		changes["similarity_threshold"] = number(*in.Threshold)
	}
	if len(changes) == 0 {
		return nil, entity.Invalid("portal.updateKnowledge", "there is nothing to change; send chunk_tokens, overlap_tokens, top_k or similarity_threshold")
	}
	var out KnowledgeBaseDetail
	err := s.update(ctx, func(t txn) error {
		if _, err := t.owned(in.ID); err != nil {
			return err
		}
		_, err := t.tx.Put(in.ID, entity.Any, func(m *entity.Manifest) error {
			tree, _ := m.Properties["settings"].(map[string]any)
			if tree == nil {
				tree = map[string]any{}
			}
			maps.Copy(tree, changes)
			m.Properties["settings"] = tree
			return checkSettings(tree)
		})
		if err != nil {
			return err
		}
		base, err := s.shown(ctx, t.here)
		if err == nil {
			out, err = t.detail(base, in.ID)
		}
		return err
	})
	return wire.OK(out), err
}
