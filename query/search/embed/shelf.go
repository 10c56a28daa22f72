package embed

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"os"
	"slices"
)

// shelf is one of the two files of a cache, or as much in memory. doc.go has the
// format.
type shelf struct {
	file *os.File // nil: in memory
	size int64
	at   map[cacheKey]place
}

// place is where a vector is: in the file, or here.
type place struct {
	offset int64
	dims   uint32
	vector []float32
}

const recordHead = len(cacheKey{}) + 8

func recordBytes(v []float32) int64 { return int64(recordHead + 4*len(v)) }

func newShelf(f *os.File) *shelf { return &shelf{file: f, at: map[cacheKey]place{}} }

// openShelf reads where the records are, and cuts off what is not one.
func openShelf(path string) (*shelf, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		_ = f.Close() // only opened
		return nil, err
	}
	s := newShelf(f)
	head := make([]byte, recordHead)
	for {
		if _, err := f.ReadAt(head, s.size); err != nil {
			break // the end, or as good as
		}
		dims := binary.LittleEndian.Uint32(head[len(cacheKey{}):])
		end := s.size + int64(recordHead) + 4*int64(dims)
		if dims > mostDimensions || end > info.Size() {
			break
		}
		s.at[cacheKey(head[:len(cacheKey{})])] = place{offset: s.size, dims: dims}
		s.size = end
	}
	if err := f.Truncate(s.size); err != nil {
		_ = f.Close() // only read from
		return nil, err
	}
	return s, nil
}

func (s *shelf) close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}

// get is the vector of a key, for the caller to keep; nil where there is none,
// or a broken one.
func (s *shelf) get(k cacheKey) []float32 {
	p, ok := s.at[k]
	if !ok || p.vector != nil {
		return slices.Clone(p.vector)
	}
	b := make([]byte, recordHead+4*int(p.dims))
	if _, err := s.file.ReadAt(b, p.offset); err != nil || checksum(b) != binary.LittleEndian.Uint32(b[recordHead-4:]) {
		delete(s.at, k)
		return nil
	}
	v := make([]float32, p.dims)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[recordHead+4*i:]))
	}
	return v
}

func (s *shelf) put(k cacheKey, v []float32) {
	if _, ok := s.at[k]; ok {
		return
	}
	p := place{offset: s.size, dims: uint32(len(v))}
	if s.file == nil {
		p.vector = slices.Clone(v)
	} else {
		b := binary.LittleEndian.AppendUint32(slices.Clone(k[:]), p.dims)
		b = append(b, 0, 0, 0, 0)
		for _, f := range v {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f))
		}
		binary.LittleEndian.PutUint32(b[recordHead-4:], checksum(b))
		if _, err := s.file.WriteAt(b, s.size); err != nil {
			return // the next is written over it
		}
	}
	s.at[k] = p
	s.size += recordBytes(v)
}

// checksum is that of a record without the field that holds it.
func checksum(b []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	return crc32.Update(crc32.Checksum(b[:recordHead-4], table), table, b[recordHead:])
}
