package gitimport

import (
	"slices"
	"unicode/utf8"

	"stemma/entity"
)

// maxContains bounds a folder's relationships "contains"; see the package.
const maxContains = 2000

// folders gathers what one transaction changes about folders, so that each is
// written once.
type folders struct {
	order  []*folderDelta // as first touched, for the log to be a function of the commit
	byPath map[string]*folderDelta
}

type folderDelta struct {
	path           string
	create, remove bool
	add            []entity.Relationship
	drop           []entity.ID
}

func (f *folders) at(path string) *folderDelta {
	d := f.byPath[path]
	if d == nil {
		d = &folderDelta{path: path}
		f.byPath[path] = d
		f.order = append(f.order, d)
	}
	return d
}

func (f *folders) add(path string, child entity.ID, typ string) {
	d := f.at(path)
	d.add = append(d.add, entity.Relationship{Predicate: entity.PredicateContains, Peer: child, PeerType: typ})
}

func (f *folders) drop(path string, child entity.ID) {
	d := f.at(path)
	d.drop = append(d.drop, child)
}

func (r *run) writeFolders() error {
	for _, d := range r.folders.order {
		if err := r.writeFolder(d); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) writeFolder(d *folderDelta) error {
	id := r.ids.folder(d.path)
	if d.remove {
		var folders int
		return r.bury(id, &folders)
	}
	before, err := r.tip(id)
	if err != nil {
		return err
	}
	wanted := d.create || len(d.add) > 0
	switch {
	case before == nil && wanted:
		properties, rels := r.newFolder(d)
		r.did.folders++
		_, err = r.tx.Create(entity.Draft{ID: id, Type: entity.TypeFolder, Properties: properties, Relationships: rels, Note: r.subject})
	case before == nil:
	case before.Deleted() && wanted:
		_, err = r.tx.Put(id, entity.Any, func(m *entity.Manifest) error {
			m.Properties, m.Relationships = r.newFolder(d)
			m.Note = r.subject
			return nil
		})
	case before.Deleted():
	default:
		err = r.changeFolder(id, before, d)
	}
	return err
}

func (r *run) newFolder(d *folderDelta) (entity.Properties, []entity.Relationship) {
	parent, _ := splitPath(d.path)
	p := folderProperties(d.path)
	rels := []entity.Relationship{{Predicate: entity.PredicateCollection, Peer: r.ids.collection, PeerType: entity.TypeCollection}}
	if d.path != "" { // of the root only when somebody else deleted it
		rels = append(rels, entity.Relationship{Predicate: entity.PredicateIn, Peer: r.ids.folder(parent), PeerType: entity.TypeFolder})
	}
	rels = append(rels, d.add[:min(len(d.add), maxContains)]...)
	if len(d.add) > maxContains {
		p["contains_partial"] = true
	}
	return p, rels
}

func folderProperties(path string) entity.Properties {
	label := valid(path)
	if path == "" {
		label = "/"
	}
	p := entity.Properties{"label": clipFront(label, 500), "path": valid(path)}
	if !utf8.ValidString(path) {
		p["path_bytes"] = []byte(path)
	}
	return p
}

// changeFolder adds and drops children of a living folder; what is so already
// makes no version.
func (r *run) changeFolder(id entity.ID, before *entity.Manifest, d *folderDelta) error {
	children := make(map[entity.ID]struct{})
	for _, rel := range before.Relationships {
		if rel.Predicate == entity.PredicateContains {
			children[rel.Peer] = struct{}{}
		}
	}
	gone := make(map[entity.ID]struct{}, len(d.drop))
	for _, child := range d.drop {
		if _, held := children[child]; held {
			gone[child] = struct{}{}
			delete(children, child)
		}
	}
	var add []entity.Relationship
	partial := false
	for _, rel := range d.add {
		if _, held := children[rel.Peer]; held {
			continue
		}
		if len(children) >= maxContains {
			partial = before.Properties["contains_partial"] != true
			break
		}
		children[rel.Peer] = struct{}{}
		add = append(add, rel)
	}
	if len(gone) == 0 && len(add) == 0 && !partial {
		return nil
	}
	_, err := r.tx.Put(id, entity.Any, func(m *entity.Manifest) error {
		m.Relationships = slices.DeleteFunc(m.Relationships, func(rel entity.Relationship) bool {
			_, out := gone[rel.Peer]
			return out && rel.Predicate == entity.PredicateContains
		})
		m.Relationships = append(m.Relationships, add...)
		if partial {
			m.Properties["contains_partial"] = true
		}
		m.Note = r.subject
		return nil
	})
	return err
}
