package memory

import (
	"stemma/api/llm/seal"
	"stemma/entity"
)

// mostContent is how much of a message is kept: a block has to fit.
const mostContent = 512 << 10

// Append adds messages to the conversation at a place, which it makes where there
// is none. Sealing is for where the tenant wants it: wanted says so, and p.Box
// has to be there then.
func Append(tx entity.Tx, p Place, wanted bool, messages []Message) (State, error) {
	id, err := Find(tx, p)
	if err != nil {
		return State{}, err
	}
	if id == "" {
		if id, err = create(tx, p); err != nil {
			return State{}, err
		}
	}
	t, err := tailOf(tx, id)
	if err != nil {
		return State{}, err
	}
	var box *seal.Box
	if wanted {
		box = p.Box
	}
	for _, m := range messages {
		if len(m.Content) > mostContent {
			m.Content = m.Content[:mostContent]
		}
		tokens := Tokens(m.Content)
		t.count++
		t.live += tokens
		body := entity.Properties{"kind": "message", "role": m.Role, "token_estimate": tokens, "count": t.count, "live": t.live, "through": t.through}
		if m.Run != "" {
			body["run"] = string(m.Run)
		}
		if err := put(body, box, id, t.head.N+1, "content", m.Content); err != nil {
			return State{}, err
		}
		if t.head, err = tx.Append(id, Chain, entity.Any, body); err != nil {
			return State{}, err
		}
	}
	return State{ID: id, Live: t.live, Last: t.head.N}, nil
}

func create(tx entity.Tx, p Place) (entity.ID, error) {
	related := append(inWorkspace(p.Workspace), entity.Relationship{Predicate: PredicateAgent, Peer: p.Agent, PeerType: entity.TypeAgent})
	if p.Partition != "" {
		partition, _, err := EnsurePartition(tx, p.Tenant, p.Workspace, p.Partition, "", nil, "")
		if err != nil {
			return "", err
		}
		related = append(related, entity.Relationship{Predicate: PredicatePartition, Peer: partition, PeerType: TypePartition})
	}
	v, err := tx.Create(entity.Draft{Type: TypeConversation, Properties: entity.Properties{"label": p.Conversation, "external_id": p.Conversation}, Relationships: related})
	if err != nil {
		return "", err
	}
	tx.SetSecret(p.key(), []byte(v.Manifest.ID))
	return v.Manifest.ID, nil
}

// Summarise puts a summary in the place of all messages up to one, unless another
// one is there already.
func Summarise(tx entity.Tx, id entity.ID, box *seal.Box, wanted bool, through int64, summary string) error {
	t, err := tailOf(tx, id)
	if err != nil || t.through >= through || t.head.N < through {
		return err
	}
	archived, live := int64(0), int64(0)
	for ref, err := range tx.Chain(id, Chain, t.through+1) {
		if err != nil {
			return err
		}
		b, err := block(tx, ref.CID)
		if err != nil {
			return err
		}
		if b.Body["kind"] != "message" {
			continue
		}
		if b.N <= through {
			archived++
		} else if tokens, _ := b.Body["token_estimate"].(int64); true {
			live += tokens
		}
	}
	body := entity.Properties{"kind": "snapshot", "archived": archived, "count": t.count, "live": live, "through": through}
	if !wanted {
		box = nil
	}
	if len(summary) > mostContent {
		summary = summary[:mostContent]
	}
	if err := put(body, box, id, t.head.N+1, "summary", summary); err != nil {
		return err
	}
	_, err = tx.Append(id, Chain, entity.Any, body)
	return err
}

// History is all of a conversation, for who lists it.
func History(r entity.Reader, id entity.ID, box *seal.Box) (messages []Message, snapshots []Snapshot, err error) {
	for ref, err := range r.Chain(id, Chain, 1) {
		if err != nil {
			return nil, nil, err
		}
		b, err := block(r, ref.CID)
		if err != nil {
			return nil, nil, err
		}
		if b.Body["kind"] != "snapshot" {
			m, err := message(b, box)
			if err != nil {
				return nil, nil, err
			}
			m.CID = ref.CID
			messages = append(messages, m)
			continue
		}
		s := Snapshot{N: b.N, TS: b.TS, CID: ref.CID}
		s.Archived, _ = b.Body["archived"].(int64)
		s.Through, _ = b.Body["through"].(int64)
		if s.Summary, err = content(b, box, "summary"); err != nil {
			return nil, nil, err
		}
		snapshots = append(snapshots, s)
	}
	return messages, snapshots, nil
}

// First is what was said first, of the role user as conversations begin; the zero
// Message where nothing was. Errors are those of History.
func First(r entity.Reader, id entity.ID, box *seal.Box) (Message, error) {
	for ref, err := range r.Chain(id, Chain, 1) {
		if err != nil {
			return Message{}, err
		}
		b, err := block(r, ref.CID)
		if err != nil {
			return Message{}, err
		}
		return message(b, box)
	}
	return Message{}, nil
}

// Count is how many messages a conversation has, and when it was last active, ms
// since 1970 (0 for never).
func Count(r entity.Reader, id entity.ID) (messages, active int64, err error) {
	t, err := tailOf(r, id)
	if err != nil || t.head.N == 0 {
		return 0, 0, err
	}
	b, err := block(r, t.head.CID)
	if err != nil {
		return 0, 0, err
	}
	return t.count, b.TS, nil
}
