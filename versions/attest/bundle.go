package attest

import (
	"context"
	"encoding/base64"

	"golang.org/x/mod/sumdb/tlog"

	"stemma/entity"
)

// BundleVersion is the form that bundles have now.
const BundleVersion = 1

// Bundle is evidence that blocks were in a log: with the key of the log it can be
// checked without any server. It may have any number of blocks, such as a version
// and the chain whose head that pins.
type Bundle struct {
	Version     int           `json:"version" doc:"1"`
	Checkpoint  string        `json:"checkpoint" doc:"a signed note"`
	VerifierKey string        `json:"verifier_key,omitempty" doc:"what the server says its key is; who checks has it from elsewhere"`
	Entries     []BundleEntry `json:"entries"`
}

// BundleEntry is a block and its way to the root.
type BundleEntry struct {
	CID       string   `json:"cid"`
	Block     string   `json:"block" doc:"the dag-cbor bytes, in base64"`
	LeafIndex int64    `json:"leaf_index"`
	Proof     []string `json:"proof" doc:"hashes in base64, from the leaf's neighbour up"`
}

// Evidence is the bundle's entry for a block.
func (p Proof) Evidence(c entity.CID, block []byte) BundleEntry {
	return BundleEntry{CID: c.String(), Block: base64.StdEncoding.EncodeToString(block), LeafIndex: p.Leaf, Proof: HashTexts(p.Hashes)}
}

// Block is a block that a bundle shall prove.
type Block struct {
	CID   entity.CID
	Bytes []byte
}

// Bundle proves blocks under one checkpoint. seen is as in [Log.Prove], and so are
// the errors: KindNotFound while one of them is under no checkpoint yet.
func (l *Log) Bundle(ctx context.Context, blocks []Block, seen entity.Seq) (*Bundle, error) {
	b := &Bundle{Version: BundleVersion, VerifierKey: l.VerifierKey(), Entries: make([]BundleEntry, len(blocks))}
	var head Checkpoint
	for i, block := range blocks {
		p, err := l.Prove(ctx, block.CID, seen)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			head = p.Checkpoint
		}
		if p.Leaf >= head.Size {
			return nil, entity.NotFound("attest.Bundle", "%s is not attested by the checkpoint of %d leaves", block.CID, head.Size)
		}
		if p.Size != head.Size { // the log has grown meanwhile
			if p.Hashes, err = l.Inclusion(ctx, p.Leaf, head.Size); err != nil {
				return nil, err
			}
		}
		b.Entries[i] = p.Evidence(block.CID, block.Bytes)
	}
	b.Checkpoint = head.Text
	return b, nil
}

// HashTexts are hashes in base64.
func HashTexts(hashes []tlog.Hash) []string {
	out := make([]string, len(hashes))
	for i, h := range hashes {
		out[i] = base64.StdEncoding.EncodeToString(h[:])
	}
	return out
}

// Verified is a block that a bundle proves: a version or a block of a chain.
type Verified struct {
	CID      entity.CID
	Leaf     int64
	Manifest *entity.Manifest   // nil for a block of a chain
	Block    *entity.ChainBlock // nil for a version
}

// Verify checks everything from the bytes of each block to the signature of the
// checkpoint. KindInvalid names the first link that is broken.
func (b *Bundle) Verify(vkey string) (Checkpoint, []Verified, error) {
	const op = "attest.Verify"
	switch {
	case b.Version != BundleVersion:
		return Checkpoint{}, nil, entity.Invalid(op, "the bundle is of version %d; this reads version %d", b.Version, BundleVersion)
	case len(b.Entries) == 0:
		return Checkpoint{}, nil, entity.Invalid(op, "the bundle has no entries, and proves nothing")
	}
	head, err := ParseCheckpoint(b.Checkpoint, vkey)
	if err != nil {
		return head, nil, err
	}
	var out []Verified
	for i, e := range b.Entries {
		v, err := e.verify(head)
		if err != nil {
			return head, nil, entity.Invalid(op, "entry %d (%s): %s", i+1, e.CID, reason(err))
		}
		out = append(out, v)
	}
	return head, out, nil
}

func (e BundleEntry) verify(head Checkpoint) (v Verified, err error) {
	const op = "attest.verify"
	block, err := base64.StdEncoding.DecodeString(e.Block)
	if err != nil {
		return v, entity.Invalid(op, "the block is not base64")
	}
	v.CID, v.Leaf = entity.SumBlock(block), e.LeafIndex
	if v.CID.String() != e.CID {
		return v, entity.Invalid(op, "the bytes of the block hash to %s", v.CID)
	}
	var chainErr error
	if v.Manifest, _, err = entity.OpenManifest(block); err != nil {
		if v.Block, _, chainErr = entity.OpenChainBlock(block); chainErr != nil {
			return v, entity.Invalid(op, "the block is neither a version (%s) nor of a chain (%s)", reason(err), reason(chainErr))
		}
		v.Manifest = nil
	}
	proof := make([]tlog.Hash, len(e.Proof))
	for i, text := range e.Proof {
		if proof[i], err = tlog.ParseHash(text); err != nil {
			return v, entity.Invalid(op, "hash %d of the proof is not one: 32 bytes in base64", i+1)
		}
	}
	if e.LeafIndex < 0 || e.LeafIndex >= head.Size {
		return v, entity.Invalid(op, "the checkpoint is of %d leaves, and has no leaf %d", head.Size, e.LeafIndex)
	}
	if err := tlog.CheckRecord(proof, head.Size, head.Root, e.LeafIndex, LeafHash(v.CID)); err != nil {
		return v, entity.Invalid(op, "the proof does not lead from leaf %d to the root of the checkpoint", e.LeafIndex)
	}
	return v, nil
}

// reason is the message of an error, for another message.
func reason(err error) string {
	if e, ok := err.(*entity.Error); ok && e.Message != "" {
		return e.Message
	}
	return err.Error()
}
