package attest

import (
	"encoding/base64"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"stemma/entity"
)

// Checkpoint is the signed head of a log. The zero value is none.
type Checkpoint struct {
	Origin string
	Size   int64
	Root   tlog.Hash
	Text   string // the signed note (C2SP tlog-checkpoint), whole
}

// sign makes the checkpoint of a tree.
func (k *key) sign(size int64, root tlog.Hash) (Checkpoint, error) {
	text := k.Name() + "\n" + strconv.FormatInt(size, 10) + "\n" + base64.StdEncoding.EncodeToString(root[:]) + "\n"
	signed, err := note.Sign(&note.Note{Text: text}, k)
	if err != nil {
		return Checkpoint{}, entity.Internal("attest.sign", err)
	}
	return Checkpoint{Origin: k.Name(), Size: size, Root: root, Text: string(signed)}, nil
}

// ParseCheckpoint reads a checkpoint that the key signed, in the form
// name+hash+key of signed notes. Other signatures, such as those of witnesses, may
// stand beside it. KindInvalid.
func ParseCheckpoint(text, vkey string) (c Checkpoint, err error) {
	const op = "attest.ParseCheckpoint"
	verifier, err := note.NewVerifier(strings.TrimSpace(vkey))
	if err != nil {
		return c, entity.Invalid(op, "%q is not a verifier key; one looks like stemma.example/tlog+1a2b3c4d+AZ…", vkey)
	}
	n, err := note.Open([]byte(text), note.VerifierList(verifier))
	if err != nil {
		return c, &entity.Error{Kind: entity.KindInvalid, Op: op, Err: err, Message: "the checkpoint is not signed by the key " + verifier.Name()}
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) < 4 || lines[0] != verifier.Name() {
		return c, entity.Invalid(op, "the checkpoint does not begin with %s, a size and a root", verifier.Name())
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return c, entity.Invalid(op, "%q is not the size of a tree", lines[1])
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return c, entity.Invalid(op, "%q is not the hash of a root", lines[2])
	}
	return Checkpoint{Origin: lines[0], Size: size, Root: root, Text: text}, nil
}
