package gitimport

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"stemma/entity"
)

const op = "gitimport.Import"

// source is a repository that is read. Only one goroutine at a time uses it.
type source struct {
	path    string
	repo    *git.Repository
	objects *filesystem.Storage
	trees   trees
}

func openSource(path string) (*source, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, &entity.Error{Kind: entity.KindInvalid, Op: op, Message: "cannot read " + path + ": give the path of a git work tree or bare repository", Err: err}
	}
	notGit := entity.Invalid(op, "%s is not a git repository: give the top folder of a work tree (the one that holds .git) or a bare repository", path)
	if !info.IsDir() {
		return nil, notGit
	}
	opened, err := git.PlainOpenWithOptions(path, &git.PlainOpenOptions{EnableDotGitCommonDir: true})
	if errors.Is(err, git.ErrRepositoryNotExists) {
		return nil, notGit
	}
	if err != nil {
		return nil, &entity.Error{Kind: entity.KindInvalid, Op: op, Message: path + " is a git repository of a kind that cannot be read here; plain SHA-1 repositories can", Err: err}
	}
	files, ok := opened.Storer.(*filesystem.Storage)
	if !ok {
		return nil, entity.Internal(op, errors.New("go-git opened a repository that is not on disk"))
	}
	// The same directory again, with pack files kept open and alternates found
	// anywhere on the disk.
	s := &source{path: path}
	s.objects = filesystem.NewStorageWithOptions(files.Filesystem(), cache.NewObjectLRUDefault(), filesystem.Options{KeepDescriptors: true, AlternatesFS: osfs.New("/")})
	if s.repo, err = git.Open(s.objects, nil); err != nil {
		return nil, s.fail("the repository", err)
	}
	s.trees.read = s.tree
	if err := s.refuseShallow(); err != nil {
		_ = s.Close() // nothing was written; the first error is the one to know
		return nil, err
	}
	return s, nil
}

// Close closes the pack files.
func (s *source) Close() error {
	if err := s.objects.Close(); err != nil && !errors.Is(err, fs.ErrClosed) {
		return s.fail("the repository", err)
	}
	return nil
}

func (s *source) refuseShallow() error {
	cut, err := s.objects.Shallow()
	if err != nil {
		return s.fail("the repository", err)
	}
	if len(cut) > 0 {
		return entity.Invalid(op, "%s is a shallow clone, its history ends at %s: run \"git fetch --unshallow\" in it and import again", s.path, short(cut[0]))
	}
	return nil
}

// label is what to call the repository when nobody says: its folder's name.
func (s *source) label() string {
	abs, err := filepath.Abs(s.path)
	if err != nil {
		abs = s.path
	}
	if filepath.Base(abs) == git.GitDirName {
		abs = filepath.Dir(abs)
	}
	name := strings.TrimSuffix(filepath.Base(abs), ".git")
	if name == "" || name == string(filepath.Separator) {
		return "repository"
	}
	return valid(name)
}

// resolve finds the commit that a ref names.
func (s *source) resolve(ref string) (*object.Commit, error) {
	head, headErr := s.repo.Reference(plumbing.HEAD, true)
	if ref == "HEAD" && headErr != nil {
		if names := s.branches(); len(names) > 0 {
			return nil, entity.Invalid(op, "HEAD of %s names a branch without commits: say which one to import, of %s", s.path, strings.Join(names, ", "))
		}
		return nil, entity.Invalid(op, "%s has no commits yet: there is nothing to import before the first \"git commit\"", s.path)
	}
	if ref == "HEAD" {
		return s.commit(head.Hash())
	}
	if strings.ContainsAny(ref[:1], "^~:@-") { // go-git's parser assumes a name first
		return nil, s.unknown(ref)
	}
	hash, err := s.repo.ResolveRevision(plumbing.Revision(ref))
	if err != nil {
		return nil, s.unknown(ref)
	}
	return s.commit(*hash)
}

func (s *source) unknown(ref string) error {
	names := s.branches()
	if len(names) == 0 {
		return entity.Invalid(op, "%q names no commit of %s, which has no branches", ref, s.path)
	}
	return entity.Invalid(op, "%q names no commit of %s: give a branch, a tag or a hash; its branches are %s", ref, s.path, strings.Join(names, ", "))
}

// branches lists the first of the branches' names.
func (s *source) branches() []string {
	const most = 20
	refs, err := s.repo.Branches()
	if err != nil {
		return nil
	}
	var names []string
	_ = refs.ForEach(func(r *plumbing.Reference) error { // ends early, never fails otherwise
		names = append(names, valid(r.Name().Short()))
		if len(names) == most {
			return io.EOF
		}
		return nil
	})
	slices.Sort(names)
	return names
}

func (s *source) commit(hash plumbing.Hash) (*object.Commit, error) {
	c, err := object.GetCommit(s.objects, hash)
	if err != nil {
		return nil, s.fail("commit "+hash.String(), err)
	}
	return c, nil
}

func (s *source) tree(hash plumbing.Hash) ([]object.TreeEntry, error) {
	t, err := object.GetTree(s.objects, hash)
	if err != nil {
		return nil, s.fail("tree "+hash.String(), err)
	}
	return t.Entries, nil
}

// blob reads a blob unless it is longer than most; then content is nil.
func (s *source) blob(hash plumbing.Hash, most int64) (size int64, content []byte, err error) {
	size, err = s.objects.EncodedObjectSize(hash)
	if err == nil && size > most {
		return size, nil, nil
	}
	// A size that cannot be found may be that of an object of an alternate.
	b, err := object.GetBlob(s.objects, hash)
	if err != nil {
		return 0, nil, s.fail("blob "+hash.String(), err)
	}
	if b.Size > most {
		return b.Size, nil, nil
	}
	r, err := b.Reader()
	if err != nil {
		return 0, nil, s.fail("blob "+hash.String(), err)
	}
	content = make([]byte, b.Size)
	_, err = io.ReadFull(r, content)
	if err = errors.Join(err, r.Close()); err != nil {
		return 0, nil, s.fail("blob "+hash.String(), err)
	}
	return b.Size, content, nil
}

// fail translates an error of go-git about what.
func (s *source) fail(what string, err error) error {
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		return &entity.Error{Kind: entity.KindInvalid, Op: op, Message: what + " is missing in " + s.path + ": the repository is damaged or a partial clone; run \"git fsck\" in it, or clone it whole, and import again", Err: err}
	}
	return &entity.Error{Kind: entity.KindInvalid, Op: op, Message: what + " cannot be read in " + s.path + "; run \"git fsck\" in it", Err: err}
}

func short(h plumbing.Hash) string { return h.String()[:10] }

// ctxError is ctx's error as one of ours.
func ctxError(ctx context.Context) error {
	switch err := ctx.Err(); {
	case err == nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		return &entity.Error{Kind: entity.KindTimeout, Op: op, Message: "the deadline passed; run the import again to go on", Err: err}
	default:
		return &entity.Error{Kind: entity.KindCanceled, Op: op, Message: "interrupted; run the import again to go on", Err: err}
	}
}
