package entity

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Schema is the value of every manifest's field "schema".
const Schema = "arke/eidos@v1"

// Bounds on a manifest. A bound that is passed is an error of [KindInvalid]
// or, for the bytes, [KindTooLarge].
const (
	MaxType          = 100     // characters of a type's name
	MaxPredicate     = 100     // characters of a predicate
	MaxRelationships = 10_000  // relationships of one manifest
	MaxManifest      = 4 << 20 // bytes of a sealed manifest
	MaxNote          = 10_000  // characters of a note
)

// TimeLayout is how a manifest and every answer write a time: UTC with
// milliseconds.
const TimeLayout = "2006-01-02T15:04:05.000Z"

// FormatTime writes t in [TimeLayout].
func FormatTime(t time.Time) string { return t.UTC().Format(TimeLayout) }

// FormatMillis writes a time given in milliseconds since 1970.
func FormatMillis(ms int64) string { return FormatTime(time.UnixMilli(ms)) }

// Predicate names what a relationship says.
type Predicate string

// Predicates with a meaning of their own.
const (
	PredicateCollection Predicate = "collection" // entity → the collection it belongs to
	PredicateRoot       Predicate = "root"       // collection → its root entity
	PredicateContains   Predicate = "contains"   // folder → child
	PredicateIn         Predicate = "in"         // child → folder
	PredicateOwner      Predicate = "owner"      // collection → principal
	PredicatePublic     Predicate = "public"     // collection → everybody
	PredicateTenant     Predicate = "tenant"     // collection, group, agent, user → the tenant it belongs to
	PredicateParent     Predicate = "parent"     // tenant → the tenant above, from which it inherits settings and no roles
)

// Types with a profile of their own.
const (
	TypeCollection = "collection"
	TypeFolder     = "folder"
	TypeFile       = "file"
	TypeUser       = "user"
	TypeAgent      = "agent"
	TypeAgentJob   = "agent_job" // the record of a job that an agent was given
	TypeService    = "service"
	TypeGroup      = "group"
	TypeTenant     = "tenant"
	TypeChat       = "chat"
)

// Relationship is a directed, named edge from the entity that holds it to Peer.
// (Predicate, Peer) is unique within a manifest.
type Relationship struct {
	Predicate  Predicate  `cbor:"predicate" json:"predicate"`
	Peer       ID         `cbor:"peer" json:"peer"`
	PeerType   string     `cbor:"peer_type,omitempty" json:"peer_type,omitempty"`
	PeerLabel  string     `cbor:"peer_label,omitempty" json:"peer_label,omitempty"`
	Properties Properties `cbor:"properties,omitempty" json:"properties,omitempty"`
}

// Methods of an edit.
const (
	MethodManual = "manual"
	MethodAI     = "ai_generated"
	MethodSystem = "system"
	MethodImport = "import"
)

// Actor is who makes a change, as it is written into the manifest.
type Actor struct {
	UserID     ID     `cbor:"user_id" json:"user_id"`
	Method     string `cbor:"method" json:"method"`
	OnBehalfOf ID     `cbor:"on_behalf_of,omitempty" json:"on_behalf_of,omitempty"`
}

// Manifest is one version of an entity.
type Manifest struct {
	Schema        string         `cbor:"schema" json:"schema"`
	ID            ID             `cbor:"id" json:"id"`
	Type          string         `cbor:"type" json:"type"`
	CreatedAt     string         `cbor:"created_at" json:"created_at"` // TimeLayout; of version 1, copied forward
	Ver           int64          `cbor:"ver" json:"ver"`               // from 1
	TS            int64          `cbor:"ts" json:"ts"`                 // this version's time, ms since 1970
	Prev          *Link          `cbor:"prev" json:"prev"`             // nil exactly in version 1
	Properties    Properties     `cbor:"properties" json:"properties"`
	Relationships []Relationship `cbor:"relationships" json:"relationships"`
	EditedBy      Actor          `cbor:"edited_by" json:"edited_by"`
	Note          string         `cbor:"note,omitempty" json:"note,omitempty"`
}

// Value is the manifest as the tree that its block encodes.
func (m *Manifest) Value() map[string]any {
	rels := make([]any, len(m.Relationships))
	for i, r := range m.Relationships {
		rels[i] = r.Value()
	}
	by := map[string]any{"user_id": string(m.EditedBy.UserID), "method": m.EditedBy.Method}
	setText(by, "on_behalf_of", string(m.EditedBy.OnBehalfOf))
	v := map[string]any{
		"schema": m.Schema, "id": string(m.ID), "type": m.Type, "created_at": m.CreatedAt, "ver": m.Ver, "ts": m.TS,
		"prev": nil, "properties": m.Properties, "relationships": rels, "edited_by": by,
	}
	if m.Prev != nil {
		v["prev"] = *m.Prev
	}
	setText(v, "note", m.Note)
	return v
}

// Value is the relationship as the tree that its block encodes: what is empty
// is left out.
func (r Relationship) Value() map[string]any {
	v := map[string]any{"predicate": string(r.Predicate), "peer": string(r.Peer)}
	setText(v, "peer_type", r.PeerType)
	setText(v, "peer_label", r.PeerLabel)
	if len(r.Properties) > 0 {
		v["properties"] = r.Properties
	}
	return v
}

func setText(v map[string]any, key, text string) {
	if text != "" {
		v[key] = text
	}
}

// Clone is a deep copy, for editing.
func (m *Manifest) Clone() *Manifest {
	c := *m
	c.Properties = CloneProperties(m.Properties)
	c.Relationships = slices.Clone(m.Relationships)
	for i, r := range c.Relationships {
		if r.Properties != nil {
			c.Relationships[i].Properties = CloneProperties(r.Properties)
		}
	}
	return &c
}

// PrevCID is the version before, undefined in version 1.
func (m *Manifest) PrevCID() CID {
	if m.Prev == nil {
		return CID{}
	}
	return m.Prev.CID
}

// Label is what to call the entity: the first of the properties label,
// filename and name that is non-empty text, "" when there is none.
func (m *Manifest) Label() string {
	for _, key := range [...]string{"label", "filename", "name"} {
		if s, _ := m.Properties[key].(string); s != "" {
			return s
		}
	}
	return ""
}

// Collection is the collection the entity belongs to: the peer of its first
// relationship "collection"; a collection is its own; "" for none.
func (m *Manifest) Collection() ID {
	if m.Type == TypeCollection {
		return m.ID
	}
	for _, r := range m.Relationships {
		if r.Predicate == PredicateCollection {
			return r.Peer
		}
	}
	return ""
}

// Related is the position of the relationship (p, peer), -1 when there is none.
func (m *Manifest) Related(p Predicate, peer ID) int {
	return slices.IndexFunc(m.Relationships, func(r Relationship) bool { return r.Predicate == p && r.Peer == peer })
}

// Seal validates m and gives its canonical bytes and CID. After it m must not
// change. The error is of [KindInvalid] or [KindTooLarge].
func (m *Manifest) Seal() ([]byte, CID, error) {
	if err := m.validate(); err != nil {
		return nil, CID{}, err
	}
	b, c, err := sealed(m, m.Properties)
	if err != nil {
		return nil, CID{}, err
	}
	if len(b) > MaxManifest {
		return nil, CID{}, errTooLarge(len(b))
	}
	return b, c, nil
}

func errTooLarge(n int) error {
	return Errorf(KindTooLarge, "entity.Seal", "the entity would take %d bytes; at most %d fit: put large content into a file", n, MaxManifest)
}

// DecodeManifest reads a manifest of this server's own store.
func DecodeManifest(block []byte) (*Manifest, error) {
	m := new(Manifest)
	if err := DecodeBlock(block, m); err != nil {
		return nil, err
	}
	return m, nil
}

// OpenManifest reads a manifest from outside: the bytes pass the strict
// validator, the manifest its rules, and sealing it would give the same bytes.
func OpenManifest(block []byte) (*Manifest, CID, error) {
	if err := ValidateBlock(block); err != nil {
		return nil, CID{}, err
	}
	m, err := DecodeManifest(block)
	if err != nil {
		return nil, CID{}, err
	}
	if err := m.Validate(); err != nil {
		return nil, CID{}, err
	}
	if len(block) > MaxManifest {
		return nil, CID{}, errTooLarge(len(block))
	}
	same, err := encodesTo(m, block)
	if err != nil {
		return nil, CID{}, err
	}
	if !same {
		return nil, CID{}, Invalid("entity.OpenManifest", "the block has optional fields that are present but empty; leave them out")
	}
	return m, SumBlock(block), nil
}

// Validate checks the rules that hold for every manifest and those of its
// type's profile.
func (m *Manifest) Validate() error {
	if err := m.validate(); err != nil {
		return err
	}
	return checkValue(m.Properties, 1)
}

// validate is [Manifest.Validate] but for the values of properties.
func (m *Manifest) validate() error {
	c := checker{}
	c.require(m.Schema == Schema, "schema", "must be "+Schema)
	if _, err := ParseID(string(m.ID)); err != nil {
		c.add(err.(*Error).Message, "id")
	}
	c.text("type", m.Type, 1, MaxType)
	at, err := time.Parse(TimeLayout, m.CreatedAt)
	c.require(err == nil && at.Format(TimeLayout) == m.CreatedAt, "created_at", "must be a time like "+TimeLayout)
	c.require(m.Ver >= 1, "ver", "must be at least 1")
	c.require((m.Ver == 1) == (m.Prev == nil), "prev", "must be null in version 1 and a link in every other")
	c.require(m.Prev == nil || isBlock(m.Prev.CID), "prev", "must be a link to a manifest (bafyrei…)")
	c.require(m.TS >= 0, "ts", "must be milliseconds since 1970")
	c.require(m.Properties != nil, "properties", "must be an object")
	c.require(m.Relationships != nil, "relationships", "must be an array")
	c.require(m.EditedBy.UserID != "", "edited_by", "must name the user")
	c.require(utf8.ValidString(string(m.EditedBy.UserID)) && utf8.ValidString(string(m.EditedBy.OnBehalfOf)), "edited_by", "must be valid UTF-8")
	c.require(slices.Contains([]string{MethodManual, MethodAI, MethodSystem, MethodImport}, m.EditedBy.Method), "edited_by", "method must be manual, ai_generated, system or import")
	c.text("note", m.Note, 0, MaxNote)
	c.relationships(m.Relationships, m.ID.Network())
	c.tombstone(m)
	if len(c.issues) == 0 {
		c.profile(m)
	}
	return c.err("entity.Validate")
}

// checker gathers issues.
type checker struct{ issues []Issue }

func (c *checker) add(message string, path ...any) {
	c.issues = append(c.issues, Issue{Path: path, Message: message})
}

func (c *checker) require(ok bool, field, message string) {
	if !ok {
		c.add(message, field)
	}
}

func (c *checker) text(field, s string, least, most int) {
	n := utf8.RuneCountInString(s)
	switch {
	case !utf8.ValidString(s):
		c.add("must be valid UTF-8", field)
	case n < least:
		c.add("must not be empty", field)
	case n > most:
		c.add("must be at most "+itoa(most)+" characters", field)
	}
}

func (c *checker) err(op string) error {
	if len(c.issues) == 0 {
		return nil
	}
	return &Error{Kind: KindInvalid, Op: op, Message: "Validation failed", Issues: c.issues}
}

func (c *checker) relationships(rels []Relationship, network Network) {
	if len(rels) > MaxRelationships {
		c.add("must hold at most "+itoa(MaxRelationships)+" relationships, not "+itoa(len(rels))+"; let the many point at the one instead", "relationships")
		return
	}
	type edge struct {
		p    Predicate
		peer ID
	}
	const few = 8 // that are found sooner without a map
	var seen map[edge]struct{}
	if len(rels) > few {
		seen = make(map[edge]struct{}, len(rels))
	}
	for i, r := range rels {
		c.relationship(i, r, network)
		e := edge{r.Predicate, r.Peer}
		_, twice := seen[e]
		if seen == nil {
			twice = slices.ContainsFunc(rels[:i], func(r Relationship) bool { return e == edge{r.Predicate, r.Peer} })
		} else {
			seen[e] = struct{}{}
		}
		if twice {
			c.add("repeats the predicate and peer of an earlier one", "relationships", i)
		}
	}
}

func (c *checker) relationship(i int, r Relationship, network Network) {
	if n := utf8.RuneCountInString(string(r.Predicate)); n == 0 || n > MaxPredicate || !utf8.ValidString(string(r.Predicate)) || strings.ContainsFunc(string(r.Predicate), isControl) {
		c.add("must be 1 to "+itoa(MaxPredicate)+" characters of text", "relationships", i, "predicate")
	}
	if r.Peer != Wildcard {
		if id, err := ParseID(string(r.Peer)); err != nil {
			c.add(err.(*Error).Message, "relationships", i, "peer")
		} else if id.Network() != network {
			c.add("is on the "+string(id.Network())+" network, the entity on "+string(network)+"; the two share nothing", "relationships", i, "peer")
		}
	}
	if !utf8.ValidString(r.PeerType) || !utf8.ValidString(r.PeerLabel) {
		c.add("must be valid UTF-8", "relationships", i)
	}
	var e *Error
	if err := checkValue(r.Properties, 1); errors.As(err, &e) {
		c.add(cmp.Or(e.Message, "holds a value that is not of a manifest"), "relationships", i, "properties")
	}
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }
