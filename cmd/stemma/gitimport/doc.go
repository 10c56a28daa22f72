// Package gitimport reads the history of a git repository into a store: every
// path becomes an entity whose versions are the commits that changed it.
//
// # What becomes what
//
//	type         one per             relationships
//	collection   repository          public, owner, root → folder
//	folder       directory           collection, in → folder, contains → folder | source_file
//	source_file  path                collection, in → folder, changed_in → commit
//	commit       commit              collection, authored_by, committed_by → person, parent → commit, changed → source_file
//	person       address of e-mail   collection
//
// A source_file's versions are written in the name of the commit's author (the
// person, method "import") with the commit's subject as note. A path that git
// deletes becomes a tombstone, one that comes back is restored. A rename is a
// deletion and an addition: git stores none either, and guessing one would
// make an entity's history depend on a measure of likeness.
//
// # Laws
//
//   - After an import the living source_file entities are the files of the ref.
//   - All commits that the ref reaches become entities, parents before children
//     and a first parent's side before the others'. Files have a linear history,
//     so only the mainline, the chain of first parents, writes versions of
//     them; what a side branch did arrives with the merge. A commit "changed"
//     what differs from its first parent, on the mainline or not.
//   - The commit that a version is made against is the last one that wrote
//     files, not the first parent. The two are the same until history is
//     rewritten or another ref is imported; then files go straight from the
//     state they are in to that of the ref, and nothing is left behind.
//   - An identifier is a function of the label, the root commit and the thing's
//     own key. So an import needs no table of what it has done: a commit is done
//     when its entity exists, which is written in the last transaction of the
//     commit together with a block on the collection's chain "mainline".
//   - A commit too large for one transaction takes several. The first of them
//     appends a block that says so; a run that finds such a block at the end of
//     the chain finishes that commit first. Writing a part twice writes nothing.
//   - A run that was killed and is run again gives what one run would have
//     given. A run that finds nothing new writes nothing.
//   - Two imports of one repository at a time: one of them fails with
//     KindConflict and leaves nothing half done.
//
// # Bounds
//
//	text          in a version for valid UTF-8 without NUL of at most [Options.MaxText] bytes
//	contains      at most 2,000 a folder; then the folder has contains_partial; "in" is always complete
//	changed       at most 9,000 a commit; then it has changed_partial; changed_in is always complete
//
// The bound on contains is below entity.MaxRelationships since a folder is
// written again for every child that comes: a folder that grows to n children
// one by one costs n²/2 edges of disk.
//
// Submodules are passed over: their content is in another repository. Paths,
// names and messages that are not UTF-8 are shown with U+FFFD; such a path keeps
// its bytes in path_bytes. A message whose header says Latin-1 is read as that.
// Mailmaps are not applied.
//
// # Concurrency
//
// One goroutine reads the repository ahead of the one that writes; Import
// returns when both have ended.
package gitimport
