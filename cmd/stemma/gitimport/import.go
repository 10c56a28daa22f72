package gitimport

import (
	"context"
	"unicode/utf8"

	"github.com/go-git/go-git/v5/plumbing/object"

	"stemma/entity"
)

// Stages that [Options.Progress] is told of.
const (
	StageReading   = "reading history"   // done counts commits, the total is not known yet: 0
	StageImporting = "importing commits" // done of total commits
)

// Options say what to import and for whom.
type Options struct {
	Path string    // the top folder of a work tree, or a bare repository
	Ref  string    // a branch, tag or hash; "" is HEAD
	By   entity.ID // the user who imports and owns the collection

	// Label names the collection; "" takes the folder's name. Label and root
	// commit together say which collection it is: another label is another
	// import.
	Label string

	MaxText   int64 // longest file in bytes whose text is kept; 0 is 64 KiB, at most 1 MiB
	PartFiles int   // most changes of files and folders in one transaction; 0 is 1,500

	// Progress is called by the goroutine that called [Import], after every
	// transaction and now and then between; nil is nobody.
	Progress func(done, total int, stage string)
}

// Report is what a run did. Counts are of this run.
type Report struct {
	Collection entity.ID // of the repository
	Label      string
	Head       string // the commit that the files are at
	Commits    int    // commits imported
	Files      int    // paths seen for the first time
	Folders    int    // folders seen for the first time
	People     int    // persons seen for the first time
	Versions   int    // versions of files written, tombstones not counted
	Deleted    int    // tombstones of files
	Submodules int    // paths passed over
}

// UpToDate tells whether there was nothing to import.
func (r Report) UpToDate() bool { return r.Commits == 0 && r.Versions == 0 && r.Deleted == 0 }

func (r *Report) add(t tally) {
	r.Commits += t.commits
	r.Files += t.files
	r.Folders += t.folders
	r.People += t.people
	r.Versions += t.versions
	r.Deleted += t.deleted
}

// Import brings the store up to a ref of a repository. It may be stopped at any
// point, by ctx or by force, and run again: it goes on where it was. On an
// error the report says what was imported until then.
//
// KindInvalid: the path is no repository that can be read, is empty or shallow,
// the ref names no commit, an option is wrong, an object is missing, or the
// collection was deleted. KindConflict: another import is at work.
// KindCanceled and KindTimeout: ctx ended. Else what the store answers.
func Import(ctx context.Context, store entity.Store, o Options) (Report, error) {
	if err := o.complete(store.Network()); err != nil {
		return Report{}, err
	}
	src, err := openSource(o.Path)
	if err != nil {
		return Report{}, err
	}
	report, err := importSource(ctx, store, src, o)
	if closed := src.Close(); err == nil {
		err = closed
	}
	return report, err
}

// complete fills in defaults and checks what was given.
func (o *Options) complete(network entity.Network) error {
	const largest = 1 << 20
	if o.Ref == "" {
		o.Ref = "HEAD"
	}
	if o.MaxText == 0 {
		o.MaxText = 64 << 10
	}
	if o.PartFiles == 0 {
		o.PartFiles = partFiles
	}
	if o.Progress == nil {
		o.Progress = func(int, int, string) {}
	}
	if _, err := entity.ParseID(string(o.By)); err != nil {
		return err
	}
	switch {
	case o.By.Network() != network:
		return entity.Invalid(op, "user %s belongs to the %s network, the store is %s", o.By, o.By.Network(), network)
	case o.MaxText < 0 || o.MaxText > largest:
		return entity.Invalid(op, "the bound on text is %d bytes; it must be 1 to %d", o.MaxText, largest)
	case o.PartFiles < 0:
		return entity.Invalid(op, "the changes in one transaction must be at least 1, not %d", o.PartFiles)
	case !utf8.ValidString(o.Label) || utf8.RuneCountInString(o.Label) > maxSubject:
		return entity.Invalid(op, "a label is at most %d characters of UTF-8", maxSubject)
	}
	return nil
}

func importSource(ctx context.Context, store entity.Store, src *source, o Options) (Report, error) {
	head, err := src.resolve(o.Ref)
	if err != nil {
		return Report{}, err
	}
	root, err := src.root(ctx, head, func(n int) { o.Progress(n, 0, StageReading) })
	if err != nil {
		return Report{}, err
	}
	label := o.Label
	if label == "" {
		label = clip(src.label(), maxSubject)
	}
	names := newIDs(store.Network(), label, root.Hash, root.Committer.When)
	report := Report{Collection: names.collection, Label: label}
	if err := begin(ctx, store, names, label, o.By); err != nil {
		return report, err
	}
	steps, at, err := outstanding(ctx, store, src, names, head, o)
	if err != nil {
		return report, err
	}
	w := &writer{store: store, ids: names, at: at, report: &report}
	p := &planner{source: src, ids: names, maxText: o.MaxText, files: o.PartFiles}
	err = transfer(ctx, p, w, steps, o.Progress)
	if !w.at.commit.IsZero() {
		report.Head = w.at.base().String()
	}
	report.Submodules = len(src.trees.submodules)
	return report, err
}

// begin creates the collection and its root folder, unless they are there.
func begin(ctx context.Context, store entity.Store, names ids, label string, by entity.ID) error {
	_, err := store.Update(ctx, entity.Actor{UserID: by, Method: entity.MethodImport}, func(tx entity.Tx) error {
		h, err := tx.Head(names.collection)
		switch {
		case err == nil && h.Deleted:
			return entity.Invalid(op, "the collection %s of this repository was deleted: restore it, or import under another label", names.collection)
		case err == nil:
			return nil
		case entity.KindOf(err) != entity.KindNotFound:
			return err
		}
		root := names.folder("")
		if _, err := tx.Create(entity.Draft{
			ID: names.collection, Type: entity.TypeCollection, Note: "import of the git repository " + label,
			Properties: entity.Properties{
				"label": label, "description": "The history of the git repository " + label + ".", "roles": roles(), "_profile_version": "v1",
			},
			Relationships: []entity.Relationship{
				{Predicate: entity.PredicatePublic, Peer: entity.Wildcard, PeerType: "wildcard"},
				{Predicate: entity.PredicateOwner, Peer: by, PeerType: entity.TypeUser},
				{Predicate: entity.PredicateRoot, Peer: root, PeerType: entity.TypeFolder},
			},
		}); err != nil {
			return err
		}
		_, err = tx.Create(entity.Draft{
			ID: root, Type: entity.TypeFolder, Properties: folderProperties(""), Note: "import of the git repository " + label,
			Relationships: []entity.Relationship{{Predicate: entity.PredicateCollection, Peer: names.collection, PeerType: entity.TypeCollection}},
		})
		return err
	})
	return err
}

// roles are the specification's default ones.
func roles() entity.Properties {
	return entity.Properties{
		"owner":  []any{"*:view", "*:update", "*:create", "collection:update", "collection:manage"},
		"editor": []any{"*:view", "*:update", "*:create"},
		"viewer": []any{"*:view"},
		"public": []any{"*:view"},
	}
}

// outstanding compares the repository with the store.
func outstanding(ctx context.Context, store entity.Store, src *source, names ids, head *object.Commit, o Options) (steps []step, at cursor, err error) {
	err = store.View(ctx, func(r entity.Reader) error {
		var err error
		if at, err = readCursor(r, names.collection); err != nil {
			return err
		}
		order := ordering{
			ctx: ctx, source: src,
			progress: func(n int) { o.Progress(n, 0, StageReading) },
			done: func(c *object.Commit) (bool, error) {
				_, err := r.Head(names.commit(c.Hash, c.Committer.When))
				if err != nil && entity.KindOf(err) == entity.KindNotFound {
					return false, nil
				}
				return err == nil, err
			},
		}
		steps, err = order.plan(head, at)
		return err
	})
	return steps, at, err
}

// transfer runs the planner ahead of the writer, and ends when both have.
func transfer(ctx context.Context, p *planner, w *writer, steps []step, progress func(int, int, string)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	parts := make(chan part, 8)
	p.out = parts
	var planned error // read after parts is closed
	go func() {
		defer close(parts)
		planned = p.run(ctx, steps, w.at)
	}()
	done := 0
	for x := range parts {
		if err := w.write(ctx, x); err != nil {
			cancel()
			for range parts { // until the planner has left
			}
			return err
		}
		if x.last {
			done++
		}
		progress(done, len(steps), StageImporting)
	}
	return planned
}
