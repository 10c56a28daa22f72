package vector

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"path/filepath"

	"stemma/entity"
)

// The file is described in doc.go.
const (
	magic      = "STEMVEC1"
	recordHead = 8
	mostRecord = 1 << 30
)

// file is what the log needs of an [os.File].
type file interface {
	io.WriterAt
	io.ReaderAt
	Sync() error
	Truncate(int64) error
	Close() error
}

// logFile is the file that is appended to. size is where it ends: what is
// behind it was not written to the end.
type logFile struct {
	file   file
	path   string
	number int
	size   int64
	broken error // a failed fsync: nobody knows what is on disk
}

func crc(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

func logName(dir string, number int) string {
	return filepath.Join(dir, fmt.Sprintf("vectors-%08d.log", number))
}

// header is the beginning of a file of the space.
func header(space string, dims int) []byte {
	b := append([]byte(magic), 0, 0, 0, 0)
	b = binary.LittleEndian.AppendUint32(b, uint32(dims))
	b = append(b, space...)
	binary.LittleEndian.PutUint32(b[len(magic):], uint32(len(b)-len(magic)-4))
	return binary.LittleEndian.AppendUint32(b, crc(b))
}

// rowBytes is the length of a row's encoding.
func rowBytes(r Row) int64 {
	return int64(3 + len(r.ID) + len(r.Type) + len(r.Collection) + 4*len(r.Vector))
}

func fits(r Row) bool {
	return len(r.ID) <= math.MaxUint8 && len(r.Type) <= math.MaxUint8 && len(r.Collection) <= math.MaxUint8
}

func appendName[S ~string](b []byte, s S) []byte { return append(append(b, byte(len(s))), s...) }

// record is a batch, encoded.
func record(put []Row, remove []entity.ID, cursor entity.Seq) []byte {
	size := recordHead + 16
	for _, r := range put {
		size += int(rowBytes(r))
	}
	b := make([]byte, recordHead, size+27*len(remove))
	b = binary.LittleEndian.AppendUint64(b, uint64(cursor))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(remove)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(put)))
	for _, id := range remove {
		b = appendName(b, id)
	}
	for _, r := range put {
		b = appendName(appendName(appendName(b, r.ID), r.Type), r.Collection)
		for _, f := range r.Vector {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f))
		}
	}
	binary.LittleEndian.PutUint32(b, uint32(len(b)-recordHead))
	binary.LittleEndian.PutUint32(b[4:], crc(b[recordHead:]))
	return b
}

var errTorn = errors.New("a record that is not whole")

// decoder takes a payload apart; bad is set when there was less than was asked
// for.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) take(n int) []byte {
	if d.bad || n > len(d.b) {
		d.bad = true
		return make([]byte, n)
	}
	taken := d.b[:n]
	d.b = d.b[n:]
	return taken
}

func (d *decoder) name() string { return string(d.take(int(d.take(1)[0]))) }

// replay folds a payload into the rows. vector is room for one.
func (r *rows) replay(payload []byte, vector []float32) (entity.Seq, error) {
	d := decoder{b: payload}
	cursor := entity.Seq(binary.LittleEndian.Uint64(d.take(8)))
	removes, puts := binary.LittleEndian.Uint32(d.take(4)), binary.LittleEndian.Uint32(d.take(4))
	for ; removes > 0 && !d.bad; removes-- {
		r.remove(entity.ID(d.name()))
	}
	for ; puts > 0 && !d.bad; puts-- {
		row := Row{ID: entity.ID(d.name()), Type: d.name(), Collection: entity.ID(d.name()), Vector: vector}
		floats := d.take(4 * len(vector))
		for i := range vector {
			vector[i] = math.Float32frombits(binary.LittleEndian.Uint32(floats[4*i:]))
		}
		if !d.bad {
			r.put(row)
		}
	}
	if d.bad || len(d.b) > 0 {
		return 0, errTorn
	}
	return cursor, nil
}

// load reads f into new rows: as many whole records as it has, up to end. It is
// errTorn when the header is another or torn.
func load(f io.ReaderAt, length int64, head []byte, dims int) (r *rows, cursor entity.Seq, end int64, err error) {
	in := bufio.NewReaderSize(io.NewSectionReader(f, 0, length), 1<<20)
	found := make([]byte, len(head))
	if _, err := io.ReadFull(in, found); err != nil || !bytes.Equal(found, head) {
		return nil, 0, 0, notEOF(err, errTorn)
	}
	r, end = newRows(dims), int64(len(head))
	vector := make([]float32, dims)
	var payload []byte
	for {
		var b [recordHead]byte
		if _, err := io.ReadFull(in, b[:]); err != nil {
			return r, cursor, end, notEOF(err, nil)
		}
		n := int64(binary.LittleEndian.Uint32(b[:]))
		if n > length-end-recordHead || n > mostRecord || n < 16 {
			return r, cursor, end, nil
		}
		if int64(cap(payload)) < n {
			payload = make([]byte, n)
		}
		payload = payload[:n]
		if _, err := io.ReadFull(in, payload); err != nil {
			return r, cursor, end, notEOF(err, nil)
		}
		if crc(payload) != binary.LittleEndian.Uint32(b[4:]) {
			return r, cursor, end, nil
		}
		if cursor, err = r.replay(payload, vector); err != nil {
			return nil, 0, 0, err // whole and yet wrong: not of this format
		}
		end += recordHead + n
	}
}

// notEOF is err, unless it is nil or the end of the file, which is other.
func notEOF(err, other error) error {
	if err == nil || err == io.EOF || err == io.ErrUnexpectedEOF {
		return other
	}
	return err
}

// append adds a record and syncs it. What fails leaves the log as it was, or
// broken.
func (l *logFile) append(rec []byte) error {
	if l.broken != nil {
		return l.broken
	}
	if _, err := l.file.WriteAt(rec, l.size); err != nil {
		if cut := l.file.Truncate(l.size); cut != nil {
			l.broken = errors.Join(err, cut)
		}
		return err
	}
	if err := l.file.Sync(); err != nil {
		l.broken = err
		return err
	}
	l.size += int64(len(rec))
	return nil
}

// syncDir makes new names in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
