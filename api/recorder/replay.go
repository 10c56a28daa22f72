package recorder

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"stemma/api/recorder/anomaly"
	"stemma/api/recorder/narrate"
	"stemma/api/recorder/run"
	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/guard"
)

// ReplayResponse is a run as a story.
type ReplayResponse struct {
	Run       RunItem         `json:"run"`
	Summary   string          `json:"summary"`
	Entries   []ReplayEntry   `json:"entries"`
	Anomalies []anomaly.Found `json:"anomalies"`
}

// ReplayEntry is one entry of a story.
type ReplayEntry struct {
	N         int64    `json:"n" doc:"the place in the chain"`
	Kind      run.Kind `json:"kind" enum:"start,step,tool,context,end"`
	Ref       string   `json:"ref,omitempty" doc:"step_id, tool_call_id or context_packet_id"`
	Step      int64    `json:"step,omitempty" doc:"the sequence of the step it is, or belongs to"`
	At        string   `json:"at"`
	OffsetMS  int64    `json:"offset_ms" doc:"since the run began"`
	Status    string   `json:"status" enum:"ok,error,timeout"`
	Narrative string   `json:"narrative"`
	Badges    []Badge  `json:"badges,omitempty"`
	Hash      string   `json:"hash"`
	DeletedAt *string  `json:"content_deleted_at,omitempty"`
}

// Badge is an anomaly at an entry.
type Badge struct {
	Code     string           `json:"code"`
	Severity anomaly.Severity `json:"severity" enum:"low,medium,high"`
	Reason   string           `json:"reason"`
}

func (s *Service) replay(ctx context.Context, in *oneRunIn) (*wire.Reply, error) {
	var out ReplayResponse
	err := s.view(ctx, func(r *guard.Reader) error {
		t, err := read(r, in.Run)
		if err != nil {
			return err
		}
		out, err = s.story(t)
		return err
	})
	if err != nil {
		return nil, err
	}
	return wire.OK(out), nil
}

// story tells a run.
func (s *Service) story(t *told) (ReplayResponse, error) {
	found, err := s.anomalies(t)
	if err != nil {
		return ReplayResponse{}, err
	}
	badges := map[int64][]Badge{}
	for _, f := range found {
		at := f.Entry
		if at == 0 {
			at = int64(len(t.all)) // of the whole run: at its end
		}
		badges[at] = append(badges[at], Badge{f.Code, f.Severity, f.Reason})
	}
	out := ReplayResponse{Run: t.item(), Summary: narrate.Summary(t.all), Anomalies: found, Entries: make([]ReplayEntry, len(t.all))}
	for i, e := range t.all {
		out.Entries[i] = ReplayEntry{
			N: e.N, Kind: e.Kind, Ref: refOf(t.head.ID, e), Step: max(e.Sequence, e.Step), At: entity.FormatMillis(e.Time()), OffsetMS: e.Time() - t.start().Time(),
			Status: narrate.Status(e), Narrative: narrate.Sentence(e), Badges: badges[e.N], Hash: e.Hash(), DeletedAt: deletedAt(e),
		}
	}
	return out, nil
}

// refOf is an entry's name, "" of a start or end.
func refOf(id entity.ID, e *run.Entry) string {
	if e.Kind == run.KindStart || e.Kind == run.KindEnd {
		return ""
	}
	return run.EntryName(id, e.Kind, e.N)
}

// TimelineResponse is a run in short.
type TimelineResponse struct {
	RunID  string          `json:"run_id"`
	Status string          `json:"status"`
	Events []TimelineEvent `json:"events"`
}

// TimelineEvent is one entry in short.
type TimelineEvent struct {
	T          string   `json:"t"`
	OffsetMS   int64    `json:"offset_ms"`
	Kind       run.Kind `json:"kind" enum:"start,step,tool,context,end"`
	Ref        string   `json:"ref,omitempty"`
	Label      string   `json:"label"`
	Status     string   `json:"status" enum:"ok,error,timeout"`
	DurationMS *float64 `json:"duration_ms,omitempty"`
	DeletedAt  *string  `json:"content_deleted_at,omitempty"`
}

func (s *Service) timeline(ctx context.Context, in *oneRunIn) (*wire.Reply, error) {
	var out TimelineResponse
	err := s.view(ctx, func(r *guard.Reader) error {
		t, err := read(r, in.Run)
		if err != nil {
			return err
		}
		out = TimelineResponse{RunID: run.Name(t.head.ID), Status: t.summary.Status, Events: make([]TimelineEvent, len(t.all))}
		for i, e := range t.all {
			out.Events[i] = TimelineEvent{
				T: entity.FormatMillis(e.Time()), OffsetMS: e.Time() - t.start().Time(), Kind: e.Kind, Ref: refOf(t.head.ID, e),
				Label: narrate.Label(e), Status: narrate.Status(e), DurationMS: e.DurationMS, DeletedAt: deletedAt(e),
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return wire.OK(out), nil
}

type liveIn struct {
	oneRunIn
	After  *int64 `query:"after" min:"0" doc:"the place in the chain to go on from"`
	LastID *int64 `header:"Last-Event-ID" min:"0"`
}

// liveEvent is an entry as the stream has it.
type liveEvent struct {
	ReplayEntry
	Label string         `json:"label"`
	Step  *StepDetail    `json:"step_detail,omitempty"`
	Tool  *ToolDetail    `json:"tool_call,omitempty"`
	Know  *ContextDetail `json:"context_packet,omitempty"`
}

// keepAlive is how often a silent stream says that it is alive.
const keepAlive = 15 * time.Second

func (s *Service) live(ctx context.Context, in *liveIn) (*wire.Reply, error) {
	after := int64(0)
	switch {
	case in.LastID != nil:
		after = *in.LastID
	case in.After != nil:
		after = *in.After
	}
	// Before anything is sent, so that a refusal is answered as one.
	if err := s.view(ctx, func(r *guard.Reader) error {
		_, err := readHead(r, in.Run)
		return err
	}); err != nil {
		return nil, err
	}
	return &wire.Reply{Status: http.StatusOK, Stream: func(w http.ResponseWriter, r *http.Request) error {
		ctx, end := wire.Streaming(r.Context())
		defer end()
		return s.follow(ctx, wire.NewEventStream(w, r), in.Run, after)
	}}, nil
}

// livePage is how many entries are read on one state.
const livePage = 500

// follow sends entries as they are committed, and ends with the run.
func (s *Service) follow(ctx context.Context, stream *wire.EventStream, name string, after int64) error {
	if err := stream.Comment("following after " + strconv.FormatInt(after, 10)); err != nil {
		return err
	}
	store := s.stores[wire.NetworkOf(ctx)]
	started := int64(-1)
	for ctx.Err() == nil {
		var seq entity.Seq
		var page []*run.Entry
		var id entity.ID
		over := false
		err := s.view(ctx, func(r *guard.Reader) error {
			page = nil
			t, err := readHead(r, name) // who may no longer view it sees no more
			if err != nil {
				return err
			}
			id, seq, over = t.head.ID, r.Seq(), t.summary.Status != run.Running
			if started < 0 {
				first, err := run.At(r, id, 1)
				if err != nil {
					return err
				}
				started = first.Time()
			}
			for e, err := range run.Entries(r, id, after+1) {
				if err != nil {
					return err
				}
				if page = append(page, e); len(page) == livePage {
					break
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, e := range page {
			if err := send(stream, id, started, e); err != nil {
				return err
			}
			after = e.N
		}
		if err := stream.Flush(); err != nil {
			return err
		}
		switch {
		case len(page) > 0:
			continue
		case over:
			return nil
		}
		if err := wait(ctx, store, seq, stream); err != nil {
			return err
		}
	}
	return nil
}

// wait returns when something was committed, and says so now and then meanwhile
// that the stream is alive.
func wait(ctx context.Context, store entity.Store, seq entity.Seq, stream *wire.EventStream) error {
	for ctx.Err() == nil {
		quiet, cancel := context.WithTimeout(ctx, keepAlive)
		err := store.Wait(quiet, seq)
		cancel()
		if err == nil || ctx.Err() != nil {
			return nil
		}
		if entity.KindOf(err) != entity.KindTimeout {
			return err
		}
		if err := stream.Comment("alive"); err != nil {
			return err
		}
	}
	return nil
}

func send(stream *wire.EventStream, id entity.ID, started int64, e *run.Entry) error {
	event := liveEvent{Label: narrate.Label(e), ReplayEntry: ReplayEntry{
		N: e.N, Kind: e.Kind, Ref: refOf(id, e), Step: max(e.Sequence, e.Step), At: entity.FormatMillis(e.Time()), OffsetMS: e.Time() - started,
		Status: narrate.Status(e), Narrative: narrate.Sentence(e), Hash: e.Hash(), DeletedAt: deletedAt(e),
	}}
	switch e.Kind {
	case run.KindStep:
		d := stepDetail(id, e)
		event.Step = &d
	case run.KindTool:
		d := toolDetail(id, nil, e)
		event.Tool = &d
	case run.KindContext:
		d := contextDetail(id, nil, e)
		event.Know = &d
	}
	data, err := wire.Append(nil, event)
	if err != nil {
		return err
	}
	return stream.Send(strconv.FormatInt(e.N, 10), string(e.Kind), data)
}
