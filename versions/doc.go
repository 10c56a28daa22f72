// Package versions reads an entity's past: its history page by page, the
// difference between any two versions, and what a restore brings back.
//
// # Laws
//
//   - Nothing here walks prev links. A page costs its own versions, a diff at
//     most two manifests, a restore one, however long the history is: the store
//     finds version n in one look-up.
//   - Nothing is kept between calls and nothing is written. A [Reader] is valid
//     inside the transaction that gave it, and so is what is read through it;
//     manifests, and the values that [Changes] and [Patch] take from them, are
//     shared: read only.
//   - A CID that a caller names is checked twice: the manifest says it is of
//     the entity, and the store says it is that version. A manifest of another
//     entity is KindInvalid; one that never became a version is KindNotFound.
//   - Applying the [Patch] from a to b to the [Document] of a gives the document
//     of b, exactly: also integers past 2^53, empty keys, and keys with / or ~.
//   - The struct tags of what a client sees are the names of the specification
//     (arke-notes, Appendix B). Values are of the form of [entity.Properties].
package versions
