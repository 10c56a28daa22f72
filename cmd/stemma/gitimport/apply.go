package gitimport

import (
	"context"
	"path"
	"strings"
	"unicode/utf8"

	"stemma/entity"
)

// Types and predicates of an import beside those of package entity.
const (
	typeFile   = "source_file"
	typeCommit = "commit"
	typePerson = "person"

	predicateChanged     entity.Predicate = "changed"      // commit → file
	predicateChangedIn   entity.Predicate = "changed_in"   // file → the commit that made this version
	predicateParent      entity.Predicate = "parent"       // commit → commit
	predicateAuthoredBy  entity.Predicate = "authored_by"  // commit → person
	predicateCommittedBy entity.Predicate = "committed_by" // commit → person, when another than the author
)

// writer writes parts.
type writer struct {
	store  entity.Store
	ids    ids
	at     cursor // of the chain, as of the last transaction
	report *Report
}

// write puts a part into the store, in one transaction if it fits.
func (w *writer) write(ctx context.Context, p part) error {
	var did tally
	var at cursor
	author := w.ids.person(personKey(p.commit.Author))
	_, err := w.store.Update(ctx, entity.Actor{UserID: author, Method: entity.MethodImport}, func(tx entity.Tx) error {
		r := run{tx: tx, ids: w.ids, part: p, at: w.at, folders: folders{byPath: make(map[string]*folderDelta)}}
		if err := r.all(); err != nil {
			return err
		}
		did, at = r.did, r.at
		return nil
	})
	if entity.KindOf(err) == entity.KindTooLarge {
		if left, right, ok := p.halve(); ok {
			if err := w.write(ctx, left); err != nil {
				return err
			}
			return w.write(ctx, right)
		}
	}
	if err != nil {
		return errMoved(err)
	}
	w.at = at
	w.report.add(did)
	return nil
}

// tally counts what one transaction wrote.
type tally struct{ commits, files, folders, people, versions, deleted int }

// run is one run of a part's closure.
type run struct {
	tx      entity.Tx
	ids     ids
	part    part
	at      cursor
	folders folders
	did     tally
	subject string
}

func (r *run) all() error {
	r.subject = subject(r.part.commit)
	if err := r.alone(); err != nil {
		return err
	}
	if err := r.person(r.part.commit.Author); err != nil {
		return err
	}
	if r.part.first && !r.part.last && !(r.at.begun && r.at.commit == r.part.commit.Hash) {
		if err := r.moveCursor(true); err != nil {
			return err
		}
	}
	for _, e := range r.part.edits {
		if err := r.edit(e); err != nil {
			return err
		}
	}
	if err := r.writeFolders(); err != nil {
		return err
	}
	if !r.part.last {
		return nil
	}
	if err := r.commit(); err != nil {
		return err
	}
	if !r.part.mainline {
		return nil
	}
	return r.moveCursor(false)
}

// alone refuses to write files when another import has moved the chain.
func (r *run) alone() error {
	ref, err := r.tx.ChainHead(r.ids.collection, chainName)
	if err == nil && r.part.mainline && ref.CID != r.at.head {
		err = entity.At(r.at.head).Mismatch(op, r.ids.collection, ref.CID)
	}
	return err
}

// moveCursor appends to the chain.
func (r *run) moveCursor(begun bool) error {
	next := cursor{commit: r.part.commit.Hash, from: r.part.from, begun: begun}
	ref, err := r.tx.Append(r.ids.collection, chainName, entity.At(r.at.head), next.body())
	if err != nil {
		return err
	}
	next.head = ref.CID
	r.at = next
	return nil
}

func (r *run) edit(e edit) error {
	parent, _ := splitPath(e.path)
	switch e.action {
	case addFile, modifyFile:
		if e.action == addFile {
			r.folders.add(parent, r.ids.file(e.path), typeFile)
		}
		return r.writeFile(e, parent)
	case deleteFile:
		r.folders.drop(parent, r.ids.file(e.path))
		return r.bury(r.ids.file(e.path), &r.did.deleted)
	case addFolder:
		r.folders.at(e.path).create = true
		r.folders.add(parent, r.ids.folder(e.path), entity.TypeFolder)
	case deleteFolder:
		r.folders.at(e.path).remove = true
		r.folders.drop(parent, r.ids.folder(e.path))
	}
	return nil
}

// writeFile makes the version of a file that the commit made, unless an
// earlier run has.
func (r *run) writeFile(e edit, parent string) error {
	id := r.ids.file(e.path)
	before, err := r.tip(id)
	if err != nil {
		return err
	}
	rels := []entity.Relationship{
		{Predicate: entity.PredicateCollection, Peer: r.ids.collection, PeerType: entity.TypeCollection},
		{Predicate: entity.PredicateIn, Peer: r.ids.folder(parent), PeerType: entity.TypeFolder},
		{Predicate: predicateChangedIn, Peer: r.commitID(), PeerType: typeCommit},
	}
	if before == nil {
		r.did.files++
		r.did.versions++
		_, err := r.tx.Create(entity.Draft{ID: id, Type: typeFile, Properties: r.fileProperties(e), Relationships: rels, Note: r.subject})
		return err
	}
	if !before.Deleted() && before.Properties["commit"] == r.part.commit.Hash.String() && before.Properties["blob"] == e.entry.Hash.String() && before.Properties["mode"] == modeText(e.entry.Mode) {
		return nil
	}
	r.did.versions++
	_, err = r.tx.Put(id, entity.Any, func(m *entity.Manifest) error {
		m.Note = r.subject
		if m.Deleted() {
			m.Properties, m.Relationships = r.fileProperties(e), rels
			return nil
		}
		// What others have added to the entity stays.
		for _, key := range fileKeys {
			delete(m.Properties, key)
		}
		entity.Merge(m.Properties, r.fileProperties(e))
		m.Unrelate(entity.RelationshipRef{Predicate: predicateChangedIn})
		m.Relationships = append(m.Relationships, rels[2])
		return nil
	})
	return err
}

// fileKeys are the properties that an import sets on a file.
var fileKeys = []string{"label", "filename", "path", "path_bytes", "extension", "language", "mode", "blob", "size", "lines", "text", "binary", "text_omitted", "commit", "committed_at"}

func (r *run) fileProperties(e edit) entity.Properties {
	_, name := splitPath(e.path)
	p := entity.Properties{
		"label": valid(e.path), "path": valid(e.path), "filename": valid(name),
		"mode": modeText(e.entry.Mode), "blob": e.entry.Hash.String(), "size": e.content.size,
		"commit": r.part.commit.Hash.String(), "committed_at": stamp(r.part.commit.Committer.When),
	}
	if !utf8.ValidString(e.path) {
		p["path_bytes"] = []byte(e.path)
	}
	if ext := path.Ext(name); len(ext) > 1 && ext != name {
		p["extension"] = valid(ext[1:])
	}
	if l := language(name); l != "" {
		p["language"] = l
	}
	switch e.content.kind {
	case textContent:
		p["text"], p["lines"] = e.content.text, countLines(e.content.text)
	case binaryContent:
		p["binary"] = true
	case largeContent:
		p["text_omitted"] = true
	}
	return p
}

// bury writes a tombstone over a living entity and counts it.
func (r *run) bury(id entity.ID, count *int) error {
	before, err := r.tip(id)
	if err != nil || before == nil || before.Deleted() {
		return err
	}
	*count++
	_, err = r.tx.Put(id, entity.Any, func(m *entity.Manifest) error {
		m.Bury(entity.Tombstone{
			DeletedAt:   stamp(r.part.commit.Committer.When),
			DeletedBy:   r.tx.Actor().UserID,
			Reason:      "deleted in commit " + r.part.commit.Hash.String(),
			OriginalVer: m.Ver,
		})
		m.Note = r.subject
		return nil
	})
	return err
}

// tip reads an entity's latest manifest; nil when there never was one.
func (r *run) tip(id entity.ID) (*entity.Manifest, error) {
	h, err := r.tx.Head(id)
	if entity.KindOf(err) == entity.KindNotFound && err != nil {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return r.tx.Manifest(h.CID())
}

func (r *run) commitID() entity.ID {
	return r.ids.commit(r.part.commit.Hash, r.part.commit.Committer.When)
}

// splitPath gives the folder, "" for the root, and the last name.
func splitPath(p string) (folder, name string) {
	i := strings.LastIndexByte(p, '/')
	if i < 0 {
		return "", p
	}
	return p[:i], p[i+1:]
}
