package native

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"stemma/api/auth"
	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/access"
	"stemma/events"
)

const tagEvents = "Events"

// keepAlive is how often a silent stream says that it is alive.
const keepAlive = 15 * time.Second

func (s *Service) eventOps() []wire.Operation {
	return []wire.Operation{wire.Op(wire.Operation{
		Method: "GET", Path: "/events", ID: "listEvents", Tag: tagEvents, Summary: "List changes of entities",
		Description: "Newest first; `cursor` asks for older ones. With `since` ascending from after that number: remember the `cursor` of each answer, and nothing is missed or seen twice, across restarts too. `wait` holds an empty answer back for so many seconds. With `Accept: text/event-stream` events are pushed as they are committed; `Last-Event-ID` (or `since`) says where to begin, else with the next. Kept for ever. What the caller may not view is left out, and its number with it.",
		Permission:  "events:list", Auth: wire.AuthOptional,
		Success: []wire.Success{{Status: 200, Body: EventsResponse{}}, {Status: 200, ContentType: "text/event-stream"}}, Errors: []int{400},
	}, s.events)}
}

type eventsIn struct {
	Cursor      int64  `query:"cursor" min:"1" doc:"events with smaller ids"`
	Since       *int64 `query:"since" min:"0" doc:"events with greater ids, ascending; 0 from the first"`
	Limit       int    `query:"limit" default:"100" min:"1" max:"1000"`
	Wait        int    `query:"wait" default:"0" min:"0" max:"60" doc:"seconds, with since"`
	Network     string `query:"network" enum:"main,test" doc:"in place of the header X-Arke-Network"`
	Type        string `query:"type" doc:"separated by commas"`
	Kind        string `query:"kind" doc:"of create, update, delete, restore, append; separated by commas. append, a block of a chain, only when named"`
	Collection  string `query:"collection" alias:"collection_id,collection_pi" doc:"ids, separated by commas"`
	Entity      string `query:"entity" alias:"entity_id,entity_pi,pi" doc:"ids, separated by commas"`
	Accept      string `header:"Accept"`
	LastEventID string `header:"Last-Event-ID"`
}

// EventsResponse is a page of the feed.
type EventsResponse struct {
	Events  []EventBody `json:"events"`
	HasMore bool        `json:"has_more"`
	Cursor  entity.Seq  `json:"cursor" doc:"where to go on: pass it as cursor (newest first) or as since (ascending)"`
	Latest  entity.Seq  `json:"latest" doc:"the newest change there was: pass it as since to follow from here"`
	// There only when it is not 0.
	Withheld int `json:"withheld,omitempty" doc:"how many changes of this page the caller may not view: with them its numbers are complete"`
	page     events.Page
}

// EventBody is one change of an entity.
type EventBody struct {
	ID           entity.Seq   `json:"id"`
	PI           entity.ID    `json:"pi"`
	EntityID     entity.ID    `json:"entity_id"`
	CID          string       `json:"cid"`
	TS           string       `json:"ts"`
	Kind         string       `json:"kind" enum:"create,update,delete,restore,append"`
	Type         string       `json:"type"`
	Ver          int64        `json:"ver"`
	Chain        string       `json:"chain,omitempty"`
	CollectionPI entity.ID    `json:"collection_pi,omitempty"`
	CollectionID entity.ID    `json:"collection_id,omitempty"`
	Actor        entity.Actor `json:"actor"`
}

// AppendJSON writes the page straight from the feed's events.
func (e *EventsResponse) AppendJSON(b []byte) []byte {
	b = append(b, `{"events":[`...)
	for i := range e.page.Events {
		if i > 0 {
			b = append(b, ',')
		}
		b = e.page.Events[i].AppendJSON(b)
	}
	b = append(b, `],"has_more":`...)
	b = strconv.AppendBool(b, e.page.HasMore)
	b = append(b, `,"cursor":`...)
	b = strconv.AppendUint(b, uint64(e.page.Cursor), 10)
	b = append(b, `,"latest":`...)
	b = strconv.AppendUint(b, uint64(e.page.Latest), 10)
	if e.page.Withheld > 0 {
		b = append(b, `,"withheld":`...)
		b = strconv.AppendInt(b, int64(e.page.Withheld), 10)
	}
	return append(b, '}')
}

func (s *Service) events(ctx context.Context, in *eventsIn) (*wire.Reply, error) {
	filter, err := in.filter()
	if err != nil {
		return nil, err
	}
	network := wire.NetworkOf(ctx)
	if in.Network != "" && entity.Network(in.Network) != network {
		network = entity.Network(in.Network)
		ctx = auth.With(ctx, access.Principal{}) // who one is on one network says nothing on the other
	}
	if err := access.CheckStore(auth.From(ctx), "events:list"); err != nil {
		return nil, err
	}
	feed := events.Feed{Source: s.guards[network].Feed(auth.From(ctx))}
	if strings.Contains(in.Accept, "text/event-stream") {
		return in.stream(feed, filter)
	}
	var page events.Page
	switch {
	case in.Since != nil && in.Cursor != 0:
		return nil, invalidField("goes with newest first, since with ascending: give one of them", "cursor")
	case in.Since == nil && in.Wait > 0:
		return nil, invalidField("goes with since", "wait")
	case in.Since == nil:
		page, err = feed.Before(ctx, entity.Seq(in.Cursor), in.Limit, filter)
	case in.Wait > 0:
		page, err = in.poll(ctx, feed, filter)
	default:
		page, err = feed.Since(ctx, entity.Seq(*in.Since), in.Limit, filter)
	}
	if err != nil {
		return nil, err
	}
	return wire.OK(&EventsResponse{page: page}), nil
}

func (in *eventsIn) poll(ctx context.Context, feed events.Feed, filter events.Filter) (events.Page, error) {
	ctx, end := wire.Streaming(ctx)
	defer end()
	ctx, cancel := context.WithTimeout(ctx, time.Duration(in.Wait)*time.Second)
	defer cancel()
	return feed.Poll(ctx, entity.Seq(*in.Since), in.Limit, filter)
}

func (in *eventsIn) filter() (events.Filter, error) {
	var f events.Filter
	for _, name := range list(in.Kind) {
		kind, ok := entity.ParseChangeKind(name)
		if !ok {
			return f, invalidField("must be of create, update, delete, restore and append, separated by commas", "kind")
		}
		f.Kinds = append(f.Kinds, kind)
	}
	f.Types = list(in.Type)
	var err error
	if f.Collections, err = idList("collection", in.Collection); err != nil {
		return f, err
	}
	f.Entities, err = idList("entity", in.Entity)
	return f, err
}

// list splits at commas, without blanks and empty parts.
func list(text string) (parts []string) {
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}

func idList(field, text string) (ids []entity.ID, err error) {
	for _, part := range list(text) {
		id, err := entity.ParseID(part)
		if err != nil {
			var e *entity.Error
			errors.As(err, &e)
			return nil, invalidField(e.Message, field)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// stream answers server-sent events until the client or the server goes away.
func (in *eventsIn) stream(feed events.Feed, filter events.Filter) (*wire.Reply, error) {
	var after entity.Seq
	switch {
	case in.LastEventID != "":
		n, err := strconv.ParseUint(in.LastEventID, 10, 64)
		if err != nil {
			return nil, invalidField("must be the id of an event: a whole number", "Last-Event-ID")
		}
		after = entity.Seq(n)
	case in.Since != nil:
		after = entity.Seq(*in.Since)
	default:
		if err := feed.Source.View(context.Background(), func(r entity.Reader) error {
			after = r.Seq()
			return nil
		}); err != nil {
			return nil, err
		}
	}
	return &wire.Reply{Status: http.StatusOK, Stream: func(w http.ResponseWriter, r *http.Request) error {
		ctx, end := wire.Streaming(r.Context())
		defer end()
		return tail(ctx, wire.NewEventStream(w, r), feed, after, filter)
	}}, nil
}

// tail sends what comes after a cursor, and a comment while nothing does.
func tail(ctx context.Context, stream *wire.EventStream, feed events.Feed, after entity.Seq, filter events.Filter) error {
	if _, err := feed.Since(ctx, after, 1, filter); err != nil {
		return err // answered as an error, since nothing is sent yet
	}
	if err := stream.Comment("following after " + strconv.FormatUint(uint64(after), 10)); err != nil {
		return err
	}
	var buf []byte
	for ctx.Err() == nil {
		quiet, cancel := context.WithTimeout(ctx, keepAlive)
		err := feed.Tail(quiet, after, filter, func(p events.Page) error {
			for i := range p.Events {
				e := &p.Events[i]
				buf = e.AppendJSON(buf[:0])
				if err := stream.Send(strconv.FormatUint(uint64(e.ID), 10), e.Kind.String(), buf); err != nil {
					return err
				}
			}
			after = p.Cursor
			return stream.Flush()
		})
		cancel()
		if err != nil {
			return err
		}
		if err := stream.Comment("alive"); err != nil {
			return err
		}
	}
	return nil
}
