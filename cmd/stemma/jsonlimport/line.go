package jsonlimport

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"

	"stemma/entity"
)

// Bounds on a line.
const (
	MaxLine = 16 << 20 // bytes
	maxKey  = 1000     // bytes of a client's key
)

// nesting is how deep a line may be: a manifest's properties, in the members
// around them.
const nesting = entity.MaxDepth + 4

// item is a line that can be imported, an entity or a relationship.
type item struct {
	lineRef
	draft       entity.Draft
	collections []entity.ID // that the entity is in, to be looked up
	source      entity.ID   // of a relationship; "" makes the item an entity
	edit        entity.RelationshipEdit
}

// lineRef says where a line is.
type lineRef struct {
	No     int64 // from 1
	Offset int64 // of its first byte in the file
	Length int64
}

// names turns references into identifiers.
type names struct {
	network entity.Network
	keys    string
}

// byKey is the identifier that a client's key stands for. Equal keys give equal
// identifiers, for ever.
func (n names) byKey(key string) entity.ID { return n.derive("key", key) }

// byText is the identifier of an entity that has neither key nor id.
func (n names) byText(line []byte) entity.ID { return n.derive("line", string(line)) }

func (n names) derive(kind, key string) entity.ID {
	sum := sha256.Sum256([]byte("stemma import jsonl\x00" + n.keys + "\x00" + kind + "\x00" + key))
	return entity.DeriveID(n.network, 0, sum)
}

// parser reads lines.
type parser struct {
	names      names
	collection entity.ID // of entities that name none
}

// object is a JSON object whose members are taken out one by one; what is left
// at the end is unknown. The first thing that is wrong sticks.
type object struct {
	what    string // for messages: "an entity line"
	members map[string]any
	known   []string
	err     error
}

func (o *object) fail(format string, args ...any) {
	if o.err == nil {
		o.err = entity.Invalid("jsonlimport.parse", format, args...)
	}
}

func (o *object) take(name string) (any, bool) {
	o.known = append(o.known, name)
	v, ok := o.members[name]
	delete(o.members, name)
	return v, ok && v != nil
}

func (o *object) text(name string) string {
	v, ok := o.take(name)
	if !ok {
		return ""
	}
	s, ok := v.(string)
	if !ok {
		o.fail("%q must be text", name)
	}
	return s
}

func (o *object) properties(name string) entity.Properties {
	v, ok := o.take(name)
	if !ok {
		return nil
	}
	p, ok := v.(map[string]any)
	if !ok {
		o.fail("%q must be an object", name)
	}
	return p
}

// done gives the first thing that is wrong.
func (o *object) done() error {
	for name := range o.members {
		o.fail("%s has no member %q; it has %s", o.what, clip(name), strings.Join(o.known, ", "))
		break
	}
	return o.err
}

// reference reads an identifier or a key.
func (o *object) reference(name string, n names, everybody bool) entity.ID {
	v, ok := o.take(name)
	if !ok {
		return ""
	}
	switch v := v.(type) {
	case string:
		if everybody && v == string(entity.Wildcard) {
			return entity.Wildcard
		}
		return o.id(name, v, n)
	case map[string]any:
		if key, ok := v["key"].(string); ok && len(v) == 1 {
			return o.key(name, key, n)
		}
	}
	o.fail(`%q must be an id like "01JH8Z0Y6V5RZ4Q8Q9V4T2W3XK" or a key like {"key":"ann"}`, name)
	return ""
}

func (o *object) id(name, text string, n names) entity.ID {
	id, err := entity.ParseID(text)
	switch {
	case err != nil:
		o.fail("%q: %s", name, message(err))
	case id.Network() != n.network:
		o.fail("%q: id %s belongs to the %s network, this is %s", name, id, id.Network(), n.network)
	}
	return id
}

func (o *object) key(name, key string, n names) entity.ID {
	if key == "" || len(key) > maxKey {
		o.fail("%q: a key has 1 to %d bytes", name, maxKey)
	}
	return n.byKey(key)
}

// parse reads a line. The error's message says what is wrong with it.
func (p parser) parse(text []byte, it *item) error {
	v, err := entity.ParseJSON(text, nesting)
	if err != nil {
		return err
	}
	members, ok := v.(map[string]any)
	if !ok {
		return entity.Invalid("jsonlimport.parse", `a line is an object: an entity, like {"type":"person","key":"ann"}, or {"relationship":{…}}`)
	}
	if inner, ok := members["relationship"]; ok {
		return p.relationship(members, inner, it)
	}
	return p.entity(members, text, it)
}

func (p parser) entity(members map[string]any, text []byte, it *item) error {
	o := &object{what: "an entity line", members: members}
	key, hasKey := o.take("key")
	id := o.text("id")
	it.draft.Type = o.text("type")
	it.draft.Properties = o.properties("properties")
	it.draft.Note = o.text("note")
	collection := o.reference("collection", p.names, false)
	rels, hasRels := o.take("relationships")
	if hasRels {
		p.relationships(o, rels, it)
	}
	switch k, isText := key.(string); {
	case hasKey && id != "":
		o.fail("give a key or an id, not both")
	case hasKey && !isText:
		o.fail(`"key" must be text`)
	case hasKey:
		it.draft.ID = o.key("key", k, p.names)
	case id != "":
		it.draft.ID = o.id("id", id, p.names)
	default:
		it.draft.ID = p.names.byText(text)
	}
	if it.draft.Type == "" {
		o.fail(`an entity line needs a "type"`)
	}
	p.place(o, it, collection)
	return o.done()
}

func (p parser) relationships(o *object, v any, it *item) {
	list, ok := v.([]any)
	if !ok {
		o.fail(`"relationships" must be an array`)
		return
	}
	it.draft.Relationships = make([]entity.Relationship, 0, len(list)+1)
	for i, v := range list {
		members, ok := v.(map[string]any)
		if !ok {
			o.fail("relationship %d must be an object", i+1)
			return
		}
		r := &object{what: "a relationship", members: members}
		rel := p.edge(r, "peer")
		if err := r.done(); err != nil {
			o.fail("relationship %d: %s", i+1, message(err))
			return
		}
		it.draft.Relationships = append(it.draft.Relationships, rel)
	}
}

// edge reads what both forms of a relationship have.
func (p parser) edge(o *object, peer string) entity.Relationship {
	r := entity.Relationship{
		Predicate: entity.Predicate(o.text("predicate")),
		Peer:      o.reference(peer, p.names, true),
		PeerType:  o.text("peer_type"),
		PeerLabel: o.text("peer_label"),
	}
	if props := o.properties("properties"); len(props) > 0 {
		r.Properties = props
	}
	if r.Predicate == "" || r.Peer == "" {
		o.fail(`a relationship needs a "predicate" and a %q`, peer)
	}
	return r
}

// place puts an entity into the collection that the line names, or into the
// one of the import where it is in none.
func (p parser) place(o *object, it *item, named entity.ID) {
	d := &it.draft
	if d.Type == entity.TypeCollection {
		if named != "" {
			o.fail("a collection is in no other collection")
		}
		return
	}
	isMembership := func(r entity.Relationship) bool { return r.Predicate == entity.PredicateCollection }
	to := named
	if to == "" && !slices.ContainsFunc(d.Relationships, isMembership) {
		to = p.collection
	}
	if to != "" {
		d.Relationships = append(d.Relationships, entity.Relationship{Predicate: entity.PredicateCollection, Peer: to, PeerType: entity.TypeCollection})
	}
	for _, r := range d.Relationships {
		if isMembership(r) {
			it.collections = append(it.collections, r.Peer)
		}
	}
}

func (p parser) relationship(members map[string]any, inner any, it *item) error {
	outer := &object{what: "a relationship line", members: members}
	outer.take("relationship")
	fields, ok := inner.(map[string]any)
	if !ok {
		outer.fail(`"relationship" must be an object with source, predicate and target`)
	}
	if err := outer.done(); err != nil {
		return err
	}
	o := &object{what: "a relationship line", members: fields}
	it.source = o.reference("source", p.names, false)
	it.edit.Relationship = p.edge(o, "target")
	if it.source == "" {
		o.fail(`a relationship line needs a "source"`)
	}
	if err := o.done(); err != nil {
		return err
	}
	return checkEdge(it.source, it.edit.Relationship)
}

// checkEdge applies a manifest's rules to one relationship.
func checkEdge(source entity.ID, r entity.Relationship) error {
	m := entity.Manifest{
		Schema: entity.Schema, ID: source, Type: "x", CreatedAt: "2000-01-01T00:00:00.000Z", Ver: 1,
		Properties: entity.Properties{}, Relationships: []entity.Relationship{r}, EditedBy: entity.Actor{UserID: source, Method: entity.MethodImport},
	}
	return m.Validate()
}

// message is what an error says to the person who reads the report.
func message(err error) string {
	var e *entity.Error
	if !errors.As(err, &e) || e.Message == "" {
		return err.Error()
	}
	var b strings.Builder
	b.WriteString(e.Message)
	for i, issue := range e.Issues {
		if i == 5 {
			fmt.Fprintf(&b, "; and %d more", len(e.Issues)-i)
			break
		}
		b.WriteString([]string{": ", "; "}[min(i, 1)])
		for j, step := range issue.Path {
			if j > 0 {
				b.WriteByte('.')
			}
			fmt.Fprint(&b, step)
		}
		b.WriteByte(' ')
		b.WriteString(issue.Message)
	}
	return b.String()
}

// clip shortens a stranger's text for a message.
func clip(s string) string {
	const most = 64
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

var (
	bom      = []byte("\xef\xbb\xbf")
	edgeLine = []byte(`{"relationship"`)
)

// trim takes away what surrounds a line's JSON.
func trim(text []byte) []byte { return bytes.Trim(text, " \t\r\n") }
