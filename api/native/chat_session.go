package native

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"stemma/api/auth"
	"stemma/api/native/chat"
	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/guard"
	"stemma/entity/scope"
)

// chatChain is the chain of a chat's messages.
const chatChain = "messages"

// chatEntity is the entity of a chat. Under a UUID everybody has chats of their
// own: equal callers and names give an equal id, for ever.
func chatEntity(ctx context.Context, name string) entity.ID {
	if len(name) == idLength {
		return entity.ID(name)
	}
	key := "stemma chat\x00" + string(auth.From(ctx).ID) + "\x00" + strings.ToLower(name)
	return entity.DeriveID(wire.NetworkOf(ctx), 0, sha256.Sum256([]byte(key)))
}

const idLength = 26

// newUUID makes a name of an id that nobody can guess (RFC 9562, version 4).
func newUUID(id entity.ID) string {
	b := sha256.Sum256([]byte(id))
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

// openedChat is a chat in one turn.
type openedChat struct {
	s            *Service
	name         string
	id           entity.ID
	last         entity.ChainRef
	conversation *chat.Conversation
}

func (s *Service) openChat(ctx context.Context, name string) *openedChat {
	if name == "" {
		name = newUUID(s.chat.ids.New(entity.Main))
	}
	name = strings.ToLower(name)
	return &openedChat{s: s, name: name, id: chatEntity(ctx, name)}
}

func (c *openedChat) key(ctx context.Context) string {
	return string(wire.NetworkOf(ctx)) + "/" + string(c.id)
}

// take takes in what was said, in a chat that is made where there is none.
func (c *openedChat) take(ctx context.Context, said []chat.Incoming) error {
	return c.s.update(ctx, func(tx txn) error {
		if err := tx.May("chat:send", entity.Head{}); err != nil {
			return err
		}
		var entries []chat.Entry
		_, err := tx.Head(c.id)
		begins := err != nil && entity.KindOf(err) == entity.KindNotFound
		switch {
		case err != nil && !begins:
			return err
		case !begins:
			if entries, c.last, err = tx.chat(c.id); err != nil {
				return err
			}
		default:
			c.last = entity.ChainRef{}
		}
		c.conversation = chat.Fold(entries)
		more, err := c.conversation.Accept(said)
		if err != nil {
			return err
		}
		if err := c.s.chat.hasRoom(c.conversation.Bytes); err != nil {
			return err
		}
		if begins {
			if err := c.begin(tx, c.conversation); err != nil {
				return err
			}
		}
		for _, e := range more {
			if err := c.append(tx, e); err != nil {
				return err
			}
		}
		return nil
	})
}

// begin makes the entity.
func (c *openedChat) begin(tx txn, said *chat.Conversation) error {
	first := slices.IndexFunc(said.Messages, func(m chat.Message) bool { return m.Role == chat.User })
	owner := tx.Principal()
	_, err := tx.Create(entity.Draft{
		ID: c.id, Type: entity.TypeChat, Properties: entity.Properties{"label": inShort(said.Messages[first].Content(), 50), "chat_id": c.name},
		Relationships: []entity.Relationship{{Predicate: entity.PredicateOwner, Peer: owner.ID, PeerType: owner.Kind.String()}},
	})
	return err
}

// chat reads a chat that the principal may send to.
func (t txn) chat(id entity.ID) ([]chat.Entry, entity.ChainRef, error) {
	h, err := t.head("chat:send", id)
	if err == nil {
		err = liveChat(h)
	}
	if err != nil {
		return nil, entity.ChainRef{}, err
	}
	return chatEntries(t.Reader, id)
}

// liveChat is KindNotFound for what is no chat, or was deleted.
func liveChat(h entity.Head) error {
	if err := ofType(h, entity.TypeChat); err != nil {
		return err
	}
	if h.Deleted {
		return entity.NotFound("native.chat", "Chat not found: it was deleted; begin another under a new X-Chat-ID")
	}
	return nil
}

// chatEntries are the entries of a chat, with the last of the chain.
func chatEntries(r *guard.Reader, id entity.ID) (entries []chat.Entry, last entity.ChainRef, err error) {
	for at, err := range r.Chain(id, chatChain, 1) {
		if err != nil {
			return nil, last, err
		}
		e, _, err := chatEntry(r, at.CID)
		if err != nil {
			return nil, last, err
		}
		entries, last = append(entries, e), at
	}
	return entries, last, nil
}

func chatEntry(r *guard.Reader, at entity.CID) (e chat.Entry, before entity.CID, err error) {
	data, err := r.Block(at)
	if err != nil {
		return e, before, err
	}
	var b entity.ChainBlock
	if err := entity.DecodeBlock(data, &b); err != nil {
		return e, before, err
	}
	e, err = chat.OpenEntry(&b)
	return e, b.PrevCID(), err
}

// keep is the engine's [chat.Keep]: nobody else has written meanwhile.
func (c *openedChat) keep(ctx context.Context, e chat.Entry) error {
	last := c.last
	return c.s.update(ctx, func(tx txn) error {
		h, err := tx.head("chat:send", c.id)
		if err == nil {
			err = liveChat(h)
		}
		if err != nil {
			return err
		}
		c.last = last
		return c.append(tx, e)
	})
}

func (c *openedChat) append(tx txn, e chat.Entry) error {
	body, err := e.Body()
	if err != nil {
		return err
	}
	expect := entity.At(c.last.CID)
	c.last, err = tx.Append(c.id, chatChain, expect, body)
	return err
}

// inShort is a text in at most n characters on one line.
func inShort(text string, n int) string {
	line := []rune(strings.Join(strings.Fields(text), " "))
	return string(line[:min(n, len(line))])
}

// ChatListItem is a chat in a list.
type ChatListItem struct {
	ID        string  `json:"id" doc:"the X-Chat-ID"`
	EntityID  string  `json:"entityId"`
	Title     *string `json:"title"`
	CreatedAt string  `json:"createdAt"`
	UpdatedAt string  `json:"updatedAt"`
	Preview   *string `json:"lastMessagePreview" doc:"the beginning of what was said last"`
}

// ListChatsResponse is a page of the caller's chats.
type ListChatsResponse struct {
	Chats   []ChatListItem `json:"chats"`
	Total   int            `json:"total"`
	HasMore bool           `json:"hasMore"`
}

type listChatsIn struct {
	Limit  int `query:"limit" default:"20" min:"1" max:"100"`
	Offset int `query:"offset" default:"0" min:"0"`
}

func (s *Service) listChats(ctx context.Context, in *listChatsIn) (*wire.Reply, error) {
	out := ListChatsResponse{Chats: []ChatListItem{}}
	err := s.view(ctx, func(r *guard.Reader) error {
		if err := r.May("chat:view", entity.Head{}); err != nil {
			return err
		}
		var mine []entity.Head
		for id, err := range scope.Of(r, r.Principal().ID) {
			if err != nil {
				return err
			}
			h, err := r.Head(id)
			switch {
			case err != nil && entity.KindOf(err) != entity.KindNotFound:
				return err
			case err == nil && h.Type == entity.TypeChat && !h.Deleted:
				mine = append(mine, h)
			}
		}
		slices.SortFunc(mine, func(a, b entity.Head) int {
			return cmp.Or(cmp.Compare(b.CreatedAt, a.CreatedAt), cmp.Compare(b.ID, a.ID))
		})
		out.Total = len(mine)
		page := mine[min(in.Offset, len(mine)):]
		out.HasMore = len(page) > in.Limit
		for _, h := range page[:min(in.Limit, len(page))] {
			item, err := chatItem(r, h)
			if err != nil {
				return err
			}
			out.Chats = append(out.Chats, item)
		}
		return nil
	})
	return wire.OK(out), err
}

// previewDepth is how many blocks are looked at for something that was said.
const previewDepth = 8

func chatItem(r *guard.Reader, h entity.Head) (item ChatListItem, err error) {
	m, err := r.Manifest(h.CID())
	if err != nil {
		return item, err
	}
	name, _ := m.Properties["chat_id"].(string)
	item = ChatListItem{ID: name, EntityID: string(h.ID), Title: &h.Label, CreatedAt: entity.FormatMillis(h.CreatedAt), UpdatedAt: entity.FormatMillis(h.TS)}
	last, err := r.ChainHead(h.ID, chatChain)
	if err != nil {
		return item, err
	}
	at := last.CID
	for i := 0; i < previewDepth && at.Defined() && item.Preview == nil; i++ {
		e, before, err := chatEntry(r, at)
		if err != nil {
			return item, err
		}
		if i == 0 {
			item.UpdatedAt = entity.FormatMillis(e.At)
		}
		if text := inShort((&chat.Message{Parts: e.Parts}).Content(), 100); text != "" {
			item.Preview = &text
		}
		at = before
	}
	return item, nil
}

type chatIn struct {
	ID string `path:"id" pattern:"^([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|II[0-9A-HJKMNP-TV-Z]{24}|[0-9A-HJKMNP-TV-Z]{26})$"`
}

// ChatSession is a chat with what was said in it.
type ChatSession struct {
	ID        string            `json:"id" doc:"the X-Chat-ID"`
	EntityID  string            `json:"entityId"`
	CreatedAt string            `json:"createdAt"`
	UpdatedAt string            `json:"updatedAt"`
	OwnerID   *string           `json:"ownerId"`
	Title     *string           `json:"title"`
	Messages  []ChatSessionItem `json:"messages"`
}

// ChatSessionItem is a message of a chat.
type ChatSessionItem struct {
	ID        string           `json:"id"`
	Role      string           `json:"role"`
	Content   string           `json:"content"`
	CreatedAt string           `json:"createdAt"`
	Calls     []ToolInvocation `json:"toolInvocations,omitempty"`
	Parts     []chat.UIPart    `json:"parts" doc:"as the AI SDK has them"`
	Metadata  *chat.Metadata   `json:"metadata,omitempty"`
}

// ToolInvocation is a call of a tool.
type ToolInvocation struct {
	CallID string          `json:"toolCallId"`
	Tool   string          `json:"toolName"`
	Args   json.RawMessage `json:"args"`
	Result json.RawMessage `json:"result,omitempty"`
	State  string          `json:"state"`
}

// namedChat is a chat of the path.
func namedChat(ctx context.Context, r *guard.Reader, in *chatIn, a string) (entity.Head, error) {
	h, err := r.Allowed(actionOf(a), chatEntity(ctx, in.ID))
	if err != nil {
		return h, err
	}
	return h, liveChat(h)
}

func (s *Service) getChat(ctx context.Context, in *chatIn) (*wire.Reply, error) {
	var out ChatSession
	err := s.view(ctx, func(r *guard.Reader) error {
		h, err := namedChat(ctx, r, in, "chat:view")
		if err != nil {
			return err
		}
		item, err := chatItem(r, h)
		if err != nil {
			return err
		}
		m, err := r.Manifest(h.CID())
		if err != nil {
			return err
		}
		out = ChatSession{ID: item.ID, EntityID: item.EntityID, CreatedAt: item.CreatedAt, UpdatedAt: item.UpdatedAt, Title: item.Title, Messages: []ChatSessionItem{}}
		for _, rel := range m.Relationships {
			if rel.Predicate == entity.PredicateOwner {
				owner := string(rel.Peer)
				out.OwnerID = &owner
			}
		}
		entries, _, err := chatEntries(r, h.ID)
		if err != nil {
			return err
		}
		for _, m := range chat.Fold(entries).Messages {
			out.Messages = append(out.Messages, chatMessage(&m))
		}
		return nil
	})
	return wire.OK(out), err
}

func chatMessage(m *chat.Message) ChatSessionItem {
	item := ChatSessionItem{ID: m.ID, Role: string(m.Role), Content: m.Content(), CreatedAt: entity.FormatMillis(m.At), Parts: m.UIParts()}
	if m.Role == chat.Assistant {
		item.Metadata = &chat.Metadata{Usage: &m.Usage, Finish: m.Finish, Partial: m.Partial}
	}
	for i, p := range m.Parts {
		if p.Type == chat.ToolCall {
			u := item.Parts[i]
			item.Calls = append(item.Calls, ToolInvocation{CallID: p.CallID, Tool: p.Tool, Args: u.Input, Result: u.Output, State: u.State})
		}
	}
	return item
}

// ChatDeletedResponse tells that a chat was deleted.
type ChatDeletedResponse struct {
	Success bool `json:"success"`
}

func (s *Service) deleteChat(ctx context.Context, in *chatIn) (*wire.Reply, error) {
	err := s.update(ctx, func(tx txn) error {
		h, err := namedChat(ctx, tx.Reader, in, "chat:delete")
		if err != nil {
			return err
		}
		_, err = tx.Put(h.ID, entity.Any, s.bury(tx, "", ""))
		return err
	})
	return wire.OK(ChatDeletedResponse{Success: true}), err
}
