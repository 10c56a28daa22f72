package retrieval

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"stemma/entity"
)

// FileChunk is a chunk with the file that it is of.
type FileChunk struct {
	StoredChunk
	ID   string // as a [Passage] has it
	CID  entity.CID
	File *entity.Manifest
}

func chunkID(file entity.ID, at int) string { return fmt.Sprintf("%s:%d", file, at) }

// Page are chunks of files, in the order of both, from one on; total is how many
// there are of all.
func Page(r entity.Reader, all []*entity.Version, offset, limit int) (out []FileChunk, total int, err error) {
	for _, v := range all {
		set := SetOf(v.Manifest)
		skip := max(0, offset-total)
		total += int(set.Count)
		if len(out) == limit || skip >= int(set.Count) {
			continue
		}
		at := skip
		for ref, err := range r.Chain(v.Manifest.ID, ChainChunks, set.First+int64(skip)) {
			if err != nil {
				return nil, 0, err
			}
			if at == int(set.Count) || len(out) == limit {
				break
			}
			c, err := ReadChunk(r, ref.CID)
			if err != nil {
				return nil, 0, err
			}
			out = append(out, FileChunk{StoredChunk: c, ID: chunkID(v.Manifest.ID, at), CID: ref.CID, File: v.Manifest})
			at++
		}
	}
	return out, total, nil
}

// UpToDate tells whether a file's chunks are those of its content, the settings of
// its knowledge base, and the embedder.
func (b *Base) UpToDate(m *entity.Manifest, split Split) bool {
	_, stale := b.stale(m, split)
	return !stale
}

// Hash names how texts are cut: two knowledge bases of one hash and one embedder
// have the same vectors of the same file.
func (s Split) Hash() string {
	sum := sha256.Sum256([]byte("sentences-1 " + s.String()))
	return hex.EncodeToString(sum[:8])
}
