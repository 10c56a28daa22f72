package memory

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"unicode/utf8"

	"stemma/api/llm/seal"
	"stemma/entity"
)

// Types of entities, their chain and relationships.
const (
	TypePartition    = "partition"
	TypeConversation = "conversation"
	Chain            = "messages"

	PredicatePartition entity.Predicate = "partition" // conversation → its partition
	PredicateAgent     entity.Predicate = "agent"     // conversation → the agent it is with
)

// MaxName is how many characters a client's name of a partition or conversation
// may have.
const MaxName = 255

// Place is where a conversation is.
type Place struct {
	Tenant       entity.ID
	Workspace    entity.ID // the collection of what is made
	Agent        entity.ID
	Partition    string    // the client's name for it; "": none
	Conversation string    // likewise, not ""
	Box          *seal.Box // of the tenant, where content is sealed; else nil
}

// Message is a message of a conversation.
type Message struct {
	N       int64 // its place in the chain
	TS      int64 // ms since 1970
	Role    string
	Content string
	Tokens  int64
	Run     entity.ID // that it was said in; "" when that is not known
	CID     entity.CID
}

// Snapshot is a summary of the messages before it.
type Snapshot struct {
	N, TS    int64
	Summary  string
	Archived int64 // how many messages it is of
	Through  int64 // up to which place
	CID      entity.CID
}

// Tokens estimates the tokens of a text.
func Tokens(text string) int64 { return int64((utf8.RuneCountInString(text) + 3) / 4) }

func indexKey(kind string, tenant entity.ID, names ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(names, "\x00")))
	return "llm/" + kind + "/" + string(tenant) + "/" + hex.EncodeToString(sum[:])
}

// lookup is the entity that a name leads to; "" for none, and for one that is
// deleted or is no longer in the workspace.
func lookup(r entity.Reader, key, typ string, workspace entity.ID) (entity.ID, error) {
	id, err := r.Secret(key)
	if err != nil || id == nil {
		return "", err
	}
	h, err := r.Head(entity.ID(id))
	switch {
	case err != nil && entity.KindOf(err) == entity.KindNotFound:
		return "", nil
	case err != nil:
		return "", err
	case h.Deleted || h.Type != typ || h.Collection != workspace:
		return "", nil
	}
	return h.ID, nil
}

// FindPartition is the partition of a name; "" for none.
func FindPartition(r entity.Reader, tenant, workspace entity.ID, name string) (entity.ID, error) {
	return lookup(r, indexKey("partition", tenant, name), TypePartition, workspace)
}

// EnsurePartition is [FindPartition], which it makes where there is none. box seals
// the title; nil where it stands in the clear, "" where the partition has none but
// its name.
func EnsurePartition(tx entity.Tx, tenant, workspace entity.ID, name, title string, box *seal.Box, above entity.ID) (id entity.ID, made bool, err error) {
	if id, err = FindPartition(tx, tenant, workspace, name); err != nil || id != "" {
		return id, false, err
	}
	m := &entity.Manifest{ID: tx.NewID(), Properties: entity.Properties{"external_id": name}}
	if err := SetTitle(m, title, box); err != nil {
		return "", false, err
	}
	related := inWorkspace(workspace)
	if above != "" {
		related = append(related, entity.Relationship{Predicate: entity.PredicateParent, Peer: above, PeerType: TypePartition})
	}
	v, err := tx.Create(entity.Draft{ID: m.ID, Type: TypePartition, Properties: m.Properties, Relationships: related})
	if err != nil {
		return "", false, err
	}
	tx.SetSecret(indexKey("partition", tenant, name), []byte(v.Manifest.ID))
	return v.Manifest.ID, true, nil
}

func inWorkspace(workspace entity.ID) []entity.Relationship {
	return []entity.Relationship{{Predicate: entity.PredicateCollection, Peer: workspace, PeerType: entity.TypeCollection}}
}

// Find is the conversation at a place; "" for none.
func Find(r entity.Reader, p Place) (entity.ID, error) {
	return lookup(r, p.key(), TypeConversation, p.Workspace)
}

func (p Place) key() string {
	return indexKey("conversation", p.Tenant, p.Partition, p.Conversation)
}

// tail is what the last block of a chain tells.
type tail struct {
	head                 entity.ChainRef
	count, live, through int64
}

func tailOf(r entity.Reader, id entity.ID) (t tail, err error) {
	if t.head, err = r.ChainHead(id, Chain); err != nil || t.head.N == 0 {
		return t, err
	}
	b, err := block(r, t.head.CID)
	if err != nil {
		return t, err
	}
	t.count, _ = b.Body["count"].(int64)
	t.live, _ = b.Body["live"].(int64)
	t.through, _ = b.Body["through"].(int64)
	return t, nil
}

func block(r entity.Reader, c entity.CID) (*entity.ChainBlock, error) {
	raw, err := r.Block(c)
	if err != nil {
		return nil, err
	}
	b := new(entity.ChainBlock)
	if err := entity.DecodeBlock(raw, b); err != nil {
		return nil, entity.Internal("memory.block", err)
	}
	return b, nil
}

// State is what an agent remembers of a conversation.
type State struct {
	ID       entity.ID // "": it is new
	Summary  string    // of what was said before Messages; "" for none
	Messages []Message
	Live     int64 // tokens of Messages
	Last     int64 // place of the last of them
}

// Load reads what an agent remembers.
func Load(r entity.Reader, p Place) (s State, err error) {
	if s.ID, err = Find(r, p); err != nil || s.ID == "" {
		return s, err
	}
	return load(r, s.ID, p.Box)
}

func load(r entity.Reader, id entity.ID, box *seal.Box) (s State, err error) {
	s.ID = id
	t, err := tailOf(r, id)
	if err != nil || t.head.N == 0 {
		return s, err
	}
	s.Live = t.live
	for ref, err := range r.Chain(id, Chain, t.through+1) {
		if err != nil {
			return s, err
		}
		b, err := block(r, ref.CID)
		if err != nil {
			return s, err
		}
		if text, _ := b.Body["kind"].(string); text == "snapshot" {
			if s.Summary, err = content(b, box, "summary"); err != nil {
				return s, err
			}
			continue
		}
		m, err := message(b, box)
		if err != nil {
			return s, err
		}
		s.Messages, s.Last = append(s.Messages, m), m.N
	}
	return s, nil
}

func message(b *entity.ChainBlock, box *seal.Box) (m Message, err error) {
	m.N, m.TS = b.N, b.TS
	m.Role, _ = b.Body["role"].(string)
	m.Tokens, _ = b.Body["token_estimate"].(int64)
	run, _ := b.Body["run"].(string)
	m.Run = entity.ID(run)
	m.Content, err = content(b, box, "content")
	return m, err
}

// recordName is what a block's content is sealed under.
func recordName(id entity.ID, n int64) string {
	return "conversation/" + string(id) + "/" + strconv.FormatInt(n, 10)
}

// content reads a text that may be sealed.
func content(b *entity.ChainBlock, box *seal.Box, field string) (string, error) {
	sealed, _ := b.Body["sealed"].([]byte)
	if sealed == nil {
		text, _ := b.Body[field].(string)
		return text, nil
	}
	if box == nil {
		return "", entity.Errorf(entity.KindUnavailable, "memory.content", "the conversation is sealed, and this server has no master key that opens it; start it with STEMMA_MASTER_KEY")
	}
	plain, err := box.Open(recordName(b.ID, b.N), sealed)
	return string(plain), err
}

func put(body entity.Properties, box *seal.Box, id entity.ID, n int64, field, text string) error {
	text = strings.ToValidUTF8(text, "�")
	if box == nil {
		body[field] = text
		return nil
	}
	sealed, err := box.Seal(recordName(id, n), []byte(text))
	body["sealed"] = sealed
	return err
}
