package index

import (
	"iter"

	"github.com/fxamacker/cbor/v2"

	"stemma/entity"
)

// Lookup is the content of a file under a key; ok is false where there is none.
// One look-up, however long the file's history.
func Lookup(r entity.Reader, id entity.ID, key string) (c Content, ok bool, err error) {
	const op = "index.Lookup"
	row, err := r.Rows(name).Get(keyRow(spaceKey, id, key))
	if err != nil || row == nil {
		return c, false, err
	}
	var k keyed
	if err := cbor.Unmarshal(row, &k); err != nil {
		return c, false, entity.Internal(op, err)
	}
	named, err := entity.ParseCID(k.CID)
	if err != nil {
		return c, false, entity.Internal(op, err)
	}
	return Content{CID: named, Size: k.Size, ContentType: k.ContentType}, true, nil
}

// Used tells whether a key has ever stood in a version of the file, with
// content or without.
func Used(r entity.Reader, id entity.ID, key string) (bool, error) {
	row, err := r.Rows(name).Get(keyRow(spaceUsed, id, key))
	return row != nil, err
}

// Reference says that a version of a file names content.
type Reference struct {
	Digest entity.Digest // of the content's CID
	File   entity.ID
}

// References yields every reference there has ever been, ordered by digest.
func References(r entity.Reader) iter.Seq2[Reference, error] {
	return scan(r, []byte{spaceReference})
}

// Files yields the files that have had the content, also deleted ones.
func Files(r entity.Reader, content entity.Digest) iter.Seq2[Reference, error] {
	return scan(r, referencePrefix(content))
}

func scan(r entity.Reader, prefix []byte) iter.Seq2[Reference, error] {
	return func(yield func(Reference, error) bool) {
		for row, err := range r.Rows(name).Scan(prefix, nil) {
			if err != nil {
				yield(Reference{}, err)
				return
			}
			digest := row.Key[1 : 1+len(entity.Digest{})]
			ref := Reference{Digest: entity.Digest(digest), File: entity.ID(row.Key[1+len(digest):])}
			if !yield(ref, nil) {
				return
			}
		}
	}
}
