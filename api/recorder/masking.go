package recorder

import (
	"context"

	"stemma/api/recorder/mask"
	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/guard"
)

// propMasking is the property of the collection of recordings that holds what is
// to be masked.
const propMasking = "masking"

func (s *Service) maskOps() []wire.Operation {
	return []wire.Operation{
		wire.Op(wire.Operation{
			Method: "GET", Path: "/api/monitoring/masking", ID: "getMasking", Tag: tagMonitoring, Summary: "Get what is masked", Permission: "collection:view", Auth: wire.AuthRequired,
			Description: "The rules that are applied to all that is recorded, before it is stored.",
			Success:     []wire.Success{{Status: 200, Body: MaskingResponse{}}}, Errors: []int{401, 403},
		}, s.getMasking),
		wire.Op(wire.Operation{
			Method: "PUT", Path: "/api/monitoring/masking", ID: "setMasking", Tag: tagMonitoring, Summary: "Set what is masked", Permission: "collection:update", Auth: wire.AuthRequired,
			Description: "In place of the rules there were. They hold for what is recorded from now on, by whichever way; what is stored already cannot change. A rule has a `pattern`, a `path`, or both: the pattern there only.",
			Success:     []wire.Success{{Status: 200, Body: MaskingResponse{}}}, Errors: []int{400, 401, 403},
		}, s.setMasking),
	}
}

// MaskingResponse is what is masked.
type MaskingResponse struct {
	Rules []mask.Rule `json:"rules"`
}

type setMaskingIn struct {
	Rules *[]mask.Rule `json:"rules" req:"true" max:"100"`
}

func (s *Service) getMasking(ctx context.Context, _ *struct{}) (*wire.Reply, error) {
	out := MaskingResponse{Rules: []mask.Rule{}}
	err := s.view(ctx, func(r *guard.Reader) error {
		id, err := recordings(r)
		if err != nil || id == "" {
			return err
		}
		if _, err := r.Allowed("collection:view", id); err != nil {
			return err
		}
		m, err := tipOf(r, id)
		if err == nil {
			out.Rules = rulesOf(m)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return wire.OK(out), nil
}

func (s *Service) setMasking(ctx context.Context, in *setMaskingIn) (*wire.Reply, error) {
	if _, err := mask.Compile(*in.Rules); err != nil {
		return nil, err
	}
	list := make([]any, len(*in.Rules))
	for i, r := range *in.Rules {
		f := fields{"name": r.Name}.name("pattern", r.Pattern).name("path", r.Path).name("replacement", r.Replacement)
		list[i] = map[string]any(f)
	}
	err := s.update(ctx, func(tx *guard.Tx) error {
		id, err := ensureRecordings(tx)
		if err != nil {
			return err
		}
		if _, err := tx.Allowed("collection:update", id); err != nil {
			return err
		}
		_, err = tx.Put(id, entity.Any, func(m *entity.Manifest) error {
			m.Properties[propMasking] = list
			m.Note = "what is masked"
			return nil
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return wire.OK(MaskingResponse{Rules: *in.Rules}), nil
}

// rulesOf reads the rules of a collection of recordings.
func rulesOf(m *entity.Manifest) []mask.Rule {
	out := []mask.Rule{}
	list, _ := m.Properties[propMasking].([]any)
	for _, v := range list {
		p, _ := v.(map[string]any)
		text := func(key string) string {
			s, _ := p[key].(string)
			return s
		}
		out = append(out, mask.Rule{Name: text("name"), Pattern: text("pattern"), Path: text("path"), Replacement: text("replacement")})
	}
	return out
}

// mask are the rules of a collection as the transaction reads them. Rules that
// cannot be read, which only an edit past this view can leave behind, refuse
// what is to be recorded: better nothing than what must not be kept.
func (a *applier) mask(collection entity.ID) (mask.Rules, error) {
	if known, ok := a.masking[collection]; ok {
		return known, nil
	}
	h, err := a.tx.Reader.Reader.Head(collection)
	if err != nil {
		return mask.Rules{}, err
	}
	rules, ok := mask.Rules{}, false
	if made, found := a.s.masks.Load(h.CID()); found {
		rules, ok = made.(mask.Rules)
	}
	if !ok {
		m, err := a.tx.Reader.Reader.Manifest(h.CID())
		if err != nil {
			return rules, err
		}
		if rules, err = mask.Compile(rulesOf(m)); err != nil {
			return rules, entity.Invalid("recorder.mask", "the masking rules of collection %s cannot be read; set them again with PUT /api/monitoring/masking", collection)
		}
		a.s.masks.Store(h.CID(), rules)
	}
	a.masking[collection] = rules
	return rules, nil
}
