package gitimport

import (
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/object"

	"stemma/entity"
)

// Bounds on what a commit and a person hold.
const (
	maxChanged = 9000     // relationships "changed", of entity.MaxRelationships
	maxMessage = 64 << 10 // characters
	maxSubject = 200      // characters
	maxAliases = 100
)

// commit creates the entity of the commit; that it exists says that the commit
// is done. There is one already when the files go back to an older commit.
func (r *run) commit() error {
	c, id := r.part.commit, r.commitID()
	if before, err := r.tip(id); err != nil || before != nil {
		return err
	}
	if r.part.committedBy {
		if err := r.person(c.Committer); err != nil {
			return err
		}
	}
	p := entity.Properties{
		"label": r.subject, "hash": c.Hash.String(), "tree": c.TreeHash.String(),
		"authored_at": stamp(c.Author.When), "committed_at": stamp(c.Committer.When),
		"files_changed": int64(len(r.part.changed)), "mainline": r.part.mainline,
	}
	if m := message(c); m != r.subject {
		p["message"] = m
	}
	if len(r.part.changed) > maxChanged {
		p["changed_partial"] = true
	}
	r.did.commits++
	_, err := r.tx.Create(entity.Draft{ID: id, Type: typeCommit, Properties: p, Relationships: r.commitRelationships(), Note: r.subject})
	return err
}

func (r *run) commitRelationships() []entity.Relationship {
	c := r.part.commit
	rels := []entity.Relationship{
		{Predicate: entity.PredicateCollection, Peer: r.ids.collection, PeerType: entity.TypeCollection},
		{Predicate: predicateAuthoredBy, Peer: r.ids.person(personKey(c.Author)), PeerType: typePerson, PeerLabel: personName(c.Author)},
	}
	if r.part.committedBy {
		rels = append(rels, entity.Relationship{Predicate: predicateCommittedBy, Peer: r.ids.person(personKey(c.Committer)), PeerType: typePerson, PeerLabel: personName(c.Committer)})
	}
	for i, p := range r.part.parents {
		again := slices.ContainsFunc(r.part.parents[:i], func(q parentRef) bool { return q.id == p.id })
		if !again {
			rels = append(rels, entity.Relationship{Predicate: predicateParent, Peer: p.id, PeerType: typeCommit})
		}
	}
	for _, d := range r.part.changed[:min(len(r.part.changed), maxChanged)] {
		rels = append(rels, entity.Relationship{
			Predicate: predicateChanged, Peer: r.ids.file(d.path), PeerType: typeFile,
			Properties: entity.Properties{"change": d.action.String()},
		})
	}
	return rels
}

// message is a commit's text without the blank lines around it.
func message(c *object.Commit) string {
	return clip(strings.TrimSpace(decodeMessage(c.Message, string(c.Encoding))), maxMessage)
}

// subject is a commit's first line, or its hash when it says nothing.
func subject(c *object.Commit) string {
	line, _, _ := strings.Cut(message(c), "\n")
	if line = strings.TrimSpace(line); line == "" {
		return "commit " + short(c.Hash)
	}
	return clip(line, maxSubject)
}

// personKey is what makes two signatures one person: the address, whatever the
// name; without an address the name.
func personKey(s object.Signature) string {
	if mail := strings.ToLower(strings.TrimSpace(valid(s.Email))); mail != "" {
		return mail
	}
	return "name:" + strings.TrimSpace(valid(s.Name))
}

// personName is what to call a person.
func personName(s object.Signature) string {
	for _, name := range []string{s.Name, s.Email} {
		if name = strings.TrimSpace(valid(name)); name != "" {
			return clip(name, maxSubject)
		}
	}
	return "unknown"
}

// person makes sure that who signed is there, under the name used.
func (r *run) person(s object.Signature) error {
	id, name := r.ids.person(personKey(s)), personName(s)
	before, err := r.tip(id)
	if err != nil {
		return err
	}
	if before == nil {
		r.did.people++
		p := entity.Properties{"label": name, "name": name}
		if mail := strings.TrimSpace(valid(s.Email)); mail != "" {
			p["email"] = clip(mail, 500)
		}
		rels := []entity.Relationship{{Predicate: entity.PredicateCollection, Peer: r.ids.collection, PeerType: entity.TypeCollection}}
		_, err := r.tx.Create(entity.Draft{ID: id, Type: typePerson, Properties: p, Relationships: rels, Note: r.subject})
		return err
	}
	aliases, _ := before.Properties["aliases"].([]any)
	if before.Deleted() || before.Properties["name"] == name || slices.Contains(aliases, any(name)) || len(aliases) >= maxAliases {
		return nil
	}
	_, err = r.tx.Put(id, entity.Any, func(m *entity.Manifest) error {
		m.Properties["aliases"] = append(slices.Clone(aliases), any(name))
		m.Note = "also signs as " + name
		return nil
	})
	return err
}
