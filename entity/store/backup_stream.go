package store

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash"
	"io"
	"iter"
	"syscall"

	"stemma/entity"
)

// A backup's bytes: the line backupMagic, a line of JSON ([BackupInfo]), then
// rows, then the end.
//
//	row   uvarint n > 0, n bytes key, uvarint m, m bytes value
//	end   00, uvarint number of rows, SHA-256 of all bytes before it (32)
const (
	backupMagic  = "stemma backup 2\n" // rows of format 3, which the release before would not know
	backupMagic1 = "stemma backup 1\n"
)

// Bounds on what a reader believes.
const (
	maxBackupHeader = 64 << 10
	maxBackupKey    = 64 << 10
	maxBackupValue  = 64 << 20
)

type backupWriter struct {
	out  *bufio.Writer
	sum  hash.Hash
	rows uint64
	len  []byte
}

func newBackupWriter(w io.Writer, info BackupInfo) (*backupWriter, error) {
	sum := sha256.New()
	b := &backupWriter{out: bufio.NewWriterSize(io.MultiWriter(w, sum), 1<<18), sum: sum}
	header, err := json.Marshal(info)
	if err != nil {
		return nil, entity.Internal("store.Backup", err)
	}
	_, err = b.out.WriteString(backupMagic + string(header) + "\n")
	return b, backupWriteError(err)
}

func (b *backupWriter) row(key, value []byte) error {
	b.rows++
	for _, part := range [][]byte{key, value} {
		b.len = binary.AppendUvarint(b.len[:0], uint64(len(part)))
		if _, err := b.out.Write(b.len); err != nil {
			return backupWriteError(err)
		}
		if _, err := b.out.Write(part); err != nil {
			return backupWriteError(err)
		}
	}
	return nil
}

func (b *backupWriter) finish() error {
	if _, err := b.out.Write(binary.AppendUvarint([]byte{0}, b.rows)); err != nil {
		return backupWriteError(err)
	}
	if err := b.out.Flush(); err != nil {
		return backupWriteError(err)
	}
	if _, err := b.out.Write(b.sum.Sum(nil)); err != nil {
		return backupWriteError(err)
	}
	return backupWriteError(b.out.Flush())
}

func backupWriteError(err error) error {
	var ours *entity.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &ours):
		return err
	case errors.Is(err, syscall.ENOSPC):
		return &entity.Error{Kind: entity.KindFull, Op: "store.Backup", Message: "the disk is full; the backup is not complete", Err: err}
	}
	return &entity.Error{Kind: entity.KindUnavailable, Op: "store.Backup", Message: "the backup could not be written", Err: err}
}

// BackupReader reads a backup. It belongs to one goroutine.
type BackupReader struct {
	info BackupInfo
	in   *bufio.Reader
	sum  hash.Hash
	rows uint64
	key  []byte
	val  []byte
}

// OpenBackup reads a backup's head. The error is of KindInvalid when the bytes
// are none.
func OpenBackup(r io.Reader) (*BackupReader, error) {
	b := &BackupReader{in: bufio.NewReaderSize(r, 1<<18), sum: sha256.New()}
	magic := make([]byte, len(backupMagic))
	if err := b.full(magic); err != nil && !errors.Is(err, io.EOF) {
		return nil, damaged(err)
	}
	if string(magic) != backupMagic && string(magic) != backupMagic1 {
		return nil, entity.Invalid("store.OpenBackup", "this is not a backup of this release: it does not begin with %q", backupMagic[:len(backupMagic)-1])
	}
	var header []byte
	for !bytes.HasSuffix(header, []byte("\n")) {
		c, err := b.in.ReadByte()
		if err != nil || len(header) > maxBackupHeader {
			return nil, damaged(err)
		}
		header = append(header, c)
	}
	b.sum.Write(header)
	if err := json.Unmarshal(header, &b.info); err != nil {
		return nil, damaged(err)
	}
	return b, nil
}

// Info is what the backup says of itself. It is believed once [BackupReader.Rows]
// has come to its end without an error.
func (b *BackupReader) Info() BackupInfo { return b.info }

// Rows yields the rows and then checks their number and hash: a sequence that
// ends without an error was the backup, whole and unchanged. Key and Value are
// valid until the next row.
func (b *BackupReader) Rows() iter.Seq2[entity.Row, error] {
	return func(yield func(entity.Row, error) bool) {
		for {
			n, err := b.length(maxBackupKey)
			if err == nil && n == 0 {
				if err := b.end(); err != nil {
					yield(entity.Row{}, err)
				}
				return
			}
			if err == nil {
				err = b.part(&b.key, n)
			}
			if err == nil {
				n, err = b.length(maxBackupValue)
			}
			if err == nil {
				err = b.part(&b.val, n)
			}
			if err != nil {
				yield(entity.Row{}, damaged(err))
				return
			}
			b.rows++
			if !yield(entity.Row{Key: b.key, Value: b.val}, nil) {
				return
			}
		}
	}
}

// Manifest reads a row of a backup as a manifest of an entity of the type; nil
// when it is none.
func Manifest(row entity.Row, typ string) *entity.Manifest {
	if len(row.Key) == 0 || row.Key[0] != spaceBlock || len(typ) > 23 {
		return nil
	}
	// The pair as dag-cbor writes it, looked for before anything is decoded.
	pair := append([]byte("\x64type"), 0x60+byte(len(typ)))
	if !bytes.Contains(row.Value, append(pair, typ...)) {
		return nil
	}
	m, err := entity.DecodeManifest(row.Value)
	if err != nil || m.Type != typ {
		return nil
	}
	return m
}

// IsBlock tells whether a row of a backup is a block. A backup has one for each
// change.
func IsBlock(row entity.Row) bool {
	return len(row.Key) == 1+len(entity.Digest{}) && row.Key[0] == spaceBlock
}

func (b *BackupReader) full(p []byte) error {
	_, err := io.ReadFull(b.in, p)
	b.sum.Write(p)
	return err
}

func (b *BackupReader) part(into *[]byte, n int) error {
	if cap(*into) < n {
		*into = make([]byte, n)
	}
	*into = (*into)[:n]
	return b.full(*into)
}

func (b *BackupReader) length(most int) (int, error) {
	n, err := binary.ReadUvarint(hashedBytes{b})
	if err == nil && n > uint64(most) {
		err = errors.New("a length is out of bounds")
	}
	return int(n), err
}

func (b *BackupReader) end() error {
	n, err := binary.ReadUvarint(hashedBytes{b})
	if err != nil {
		return damaged(err)
	}
	want := b.sum.Sum(nil)
	var got [sha256.Size]byte
	if _, err := io.ReadFull(b.in, got[:]); err != nil {
		return damaged(err)
	}
	if n != b.rows || !bytes.Equal(got[:], want) {
		return damaged(errors.New("its SHA-256 is another"))
	}
	if _, err := b.in.ReadByte(); !errors.Is(err, io.EOF) {
		return damaged(errors.New("more follows its end"))
	}
	return nil
}

// hashedBytes reads bytes into the hash.
type hashedBytes struct{ b *BackupReader }

func (h hashedBytes) ReadByte() (byte, error) {
	c, err := h.b.in.ReadByte()
	if err == nil {
		h.b.sum.Write([]byte{c})
	}
	return c, err
}

func damaged(err error) error {
	const op = "store.OpenBackup"
	var ours *entity.Error
	switch {
	case errors.As(err, &ours):
		return err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return &entity.Error{Kind: entity.KindInvalid, Op: op, Message: "the backup is cut short", Err: err}
	}
	return &entity.Error{Kind: entity.KindInvalid, Op: op, Message: "the backup is damaged", Err: err}
}
