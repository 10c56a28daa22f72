package portal

import (
	"context"

	"stemma/api/llm/agent"
	"stemma/api/llm/memory"
	"stemma/api/llm/seal"
	"stemma/api/llm/tenant"
	"stemma/api/wire"
	"stemma/entity"
)

func (s *Service) conversationOps() []wire.Operation {
	return []wire.Operation{
		wire.Op(row(wire.Operation{
			Method: "GET", Path: "/conversations", ID: "portalListConversations", Summary: "List conversations with the tenant's agents", Permission: anyMember,
			Description: "Newest first. `next_cursor` is the `cursor` of the next page. Whoever may view the tenant may read all that was said with its agents.",
			Success:     []wire.Success{{Status: 200, Body: Conversations{}}}, Errors: []int{400, 404},
		}), s.listConversations),
		wire.Op(row(wire.Operation{
			Method: "GET", Path: "/conversations/{id}", ID: "portalGetConversation", Summary: "Read a conversation", Permission: anyMember,
			Description: "All that was said, with the summaries that agents were given of it since. What is kept sealed is opened. The id of a message or a summary is the CID of its block.",
			Success:     []wire.Success{{Status: 200, Body: ConversationResponse{}}}, Errors: []int{400, 404, 503},
		}), s.getConversation),
		wire.Op(row(wire.Operation{
			Method: "DELETE", Path: "/conversations/{id}", ID: "portalDeleteConversation", Summary: "Delete a conversation", Permission: ownerOnly,
			Description: "Agents remember nothing of it: a chat that names it again begins a new one. The log keeps what was said, as it does of everything.",
			Success:     []wire.Success{{Status: 204}}, Errors: []int{400, 404},
		}), s.deleteConversation),
	}
}

// Conversation is one in a list.
type Conversation struct {
	ID           entity.ID  `json:"id"`
	ExternalID   string     `json:"external_id" doc:"what its client calls it"`
	AgentID      *entity.ID `json:"agent_id"`
	PartitionID  *entity.ID `json:"partition_id"`
	CreatedAt    string     `json:"created_at"`
	LastActiveAt string     `json:"last_active_at"`
	MessageCount int64      `json:"message_count"`
	Begins       string     `json:"begins" doc:"the first 120 characters of what was said first; empty where it is sealed and cannot be opened"`
}

// Conversations is a page of them.
type Conversations struct {
	Conversations []Conversation `json:"conversations"`
	Next          *string        `json:"next_cursor" alias:"nextCursor" doc:"null on the last page"`
}

// Message is what was said.
type Message struct {
	ID         entity.CID  `json:"id"`
	Role       string      `json:"role"`
	Content    string      `json:"content"`
	Tokens     int64       `json:"token_estimate"`
	SnapshotID *entity.CID `json:"snapshot_id" doc:"of the summary that it is in; null as long as agents are given it as it is"`
	Run        *entity.ID  `json:"run_id" doc:"the run that it was said in"`
	CreatedAt  string      `json:"created_at"`
}

// Snapshot is a summary of what was said before.
type Snapshot struct {
	ID        entity.CID `json:"id"`
	Summary   string     `json:"summary"`
	Archived  int64      `json:"messages_archived"`
	CreatedAt string     `json:"created_at"`
}

// ConversationResponse is a conversation with all that was said.
type ConversationResponse struct {
	Conversation struct {
		Conversation
		Messages  []Message  `json:"messages"`
		Snapshots []Snapshot `json:"snapshots"`
	} `json:"conversation"`
}

func (h here) conversation(m *entity.Manifest, box *seal.Box) (Conversation, error) {
	c := Conversation{ID: m.ID, ExternalID: text(m.Properties, "external_id"), CreatedAt: m.CreatedAt, LastActiveAt: m.CreatedAt}
	c.AgentID, c.PartitionID = orNone(agent.Peer(m, memory.PredicateAgent)), orNone(agent.Peer(m, memory.PredicatePartition))
	count, active, err := memory.Count(h.Reader, m.ID)
	if err != nil {
		return c, err
	}
	if c.MessageCount = count; active > 0 {
		c.LastActiveAt = entity.FormatMillis(active)
	}
	first, err := memory.First(h.Reader, m.ID, box)
	if err != nil && entity.KindOf(err) != entity.KindUnavailable {
		return c, err
	}
	words := []rune(first.Content)
	c.Begins = string(words[:min(len(words), 120)])
	return c, nil
}

func orNone(id entity.ID) *entity.ID {
	if id == "" {
		return nil
	}
	return &id
}

type listConversationsIn struct {
	Partition string    `query:"partition_id" max:"255" doc:"those of one partition: its uuid, or what clients call it"`
	Agent     entity.ID `query:"agent_id" doc:"those with one agent"`
	Limit     int       `query:"limit" default:"50" min:"1" max:"200"`
	Cursor    entity.ID `query:"cursor" doc:"next_cursor of the page before"`
}

func (s *Service) listConversations(ctx context.Context, in *listConversationsIn) (*wire.Reply, error) {
	var out Conversations
	err := s.view(ctx, func(h here) error {
		out = Conversations{Conversations: []Conversation{}}
		if in.Agent != "" {
			if _, err := h.live("agent:view", in.Agent, entity.TypeAgent, "agent"); err != nil {
				return err
			}
		}
		partition := entity.ID("")
		if in.Partition != "" {
			v, err := h.partition(in.Partition)
			if err != nil {
				return err
			}
			partition = v.Manifest.ID
		}
		for id, err := range memory.Conversations(h.raw, h.workspace, partition, in.Cursor) {
			if err != nil {
				return err
			}
			head, err := h.raw.Head(id)
			if err != nil {
				return err
			}
			if !h.Sees(head) {
				continue
			}
			m, err := h.raw.Manifest(head.CID())
			if err != nil {
				return err
			}
			if in.Agent != "" && agent.Peer(m, memory.PredicateAgent) != in.Agent {
				continue
			}
			if n := len(out.Conversations); n == in.Limit {
				next := string(out.Conversations[n-1].ID)
				out.Next = &next
				return nil
			}
			c, err := h.conversation(m, s.box(h))
			if err != nil {
				return err
			}
			out.Conversations = append(out.Conversations, c)
		}
		return nil
	})
	return secret(wire.OK(out)), err
}

// box opens what the tenant's conversations are sealed with; nil on a server that
// has no master key.
func (s *Service) box(h here) *seal.Box {
	if s.Box == nil {
		return nil
	}
	return s.Box.Of(h.tenant.ID)
}

func (s *Service) getConversation(ctx context.Context, in *idIn) (*wire.Reply, error) {
	var out ConversationResponse
	err := s.view(ctx, func(h here) error {
		v, err := h.live("entity:view", in.ID, memory.TypeConversation, "conversation")
		if err != nil {
			return err
		}
		c := &out.Conversation
		c.Messages, c.Snapshots = []Message{}, []Snapshot{}
		if c.Conversation, err = h.conversation(v.Manifest, s.box(h)); err != nil {
			return err
		}
		messages, snapshots, err := memory.History(h.Reader, in.ID, s.box(h))
		for _, snap := range snapshots {
			c.Snapshots = append(c.Snapshots, Snapshot{ID: snap.CID, Summary: snap.Summary, Archived: snap.Archived, CreatedAt: entity.FormatMillis(snap.TS)})
		}
		for _, m := range messages {
			said := Message{ID: m.CID, Role: m.Role, Content: m.Content, Tokens: m.Tokens, Run: orNone(m.Run), CreatedAt: entity.FormatMillis(m.TS)}
			for _, snap := range snapshots { // the first that reaches so far
				if m.N <= snap.Through {
					said.SnapshotID = &snap.CID
					break
				}
			}
			c.Messages = append(c.Messages, said)
		}
		return err
	})
	return secret(wire.OK(out)), err
}

func (s *Service) deleteConversation(ctx context.Context, in *idIn) (*wire.Reply, error) {
	return wire.NoContent(), s.update(ctx, func(t txn) error {
		if err := t.owns(); err != nil {
			return err
		}
		if _, err := t.live("entity:delete", in.ID, memory.TypeConversation, "conversation"); err != nil {
			return err
		}
		return tenant.Bury(t.tx, in.ID, entity.Any, t.At())
	})
}
