package fulltext

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"sync"
	"time"

	"github.com/blevesearch/bleve/v2/index/scorch"
	index "github.com/blevesearch/bleve_index_api"
	bolt "go.etcd.io/bbolt/errors"

	"stemma/entity"
)

// version is that of what is on disk: another is wiped.
const version = 1

var (
	keyVersion = []byte("version")
	keyLog     = []byte("log")    // the name of the log
	keyCursor  = []byte("cursor") // big endian: the place in it
	keyWords   = []byte("words")  // big endian: the sum of the lengths of all documents
)

// Mark is a place in a log that has a name.
type Mark struct {
	Log string
	At  entity.Seq
}

// Index is an inverted index in a directory. It is safe for any number of
// readers beside one that calls [Index.Apply].
type Index struct {
	mu     sync.RWMutex // held for reading while anything is done; for writing by Close
	closed bool
	scorch index.Index
	queue  *index.AnalysisQueue
	mark   Mark // by the goroutine that calls Apply
}

// Open opens or creates an index. What cannot be read, is of another version, or
// stands at a mark that is not valid, is wiped: then the mark is the zero one.
// KindUnavailable when another process has it open.
func Open(dir string, valid func(Mark) bool) (*Index, error) {
	const op = "fulltext.Open"
	x, err := open(dir)
	switch {
	case errors.Is(err, bolt.ErrTimeout):
		return nil, &entity.Error{Kind: entity.KindUnavailable, Op: op, Message: "another process has the search index in " + dir + " open", Err: err}
	case err == nil && (x.mark == Mark{} || valid(x.mark)):
		return x, nil
	case err == nil:
		if err := x.Close(); err != nil {
			return nil, err
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		return nil, entity.Internal(op, err)
	}
	if x, err = open(dir); err != nil {
		return nil, entity.Internal(op, err)
	}
	return x, nil
}

// open is Open without mercy.
func open(dir string) (x *Index, err error) {
	defer func() {
		if v := recover(); v != nil { // a torn file may do that
			x, err = nil, fmt.Errorf("opening the search index: %v", v)
		}
	}()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	x = &Index{queue: index.NewAnalysisQueue(1)} // documents come analyzed
	queue := x.queue
	defer func() {
		if err != nil {
			queue.Close()
		}
	}()
	// A batch is searchable when it returns and on disk a little later, whole and
	// in order: what a crash takes is in the log, behind the cursor that is left.
	x.scorch, err = scorch.NewScorch(scorch.Name, map[string]any{
		"path": dir, "unsafe_batch": true, "bolt_timeout": "1s",
		"scorchPersisterOptions": map[string]any{"PersisterNapTimeMSec": 100, "PersisterNapUnderNumFiles": 200},
	}, x.queue)
	if err != nil {
		return nil, err
	}
	if err := x.scorch.Open(); err != nil {
		return nil, err
	}
	if err := x.identify(); err != nil {
		return nil, errors.Join(err, x.scorch.Close())
	}
	return x, nil
}

// identify reads what the index is of.
func (x *Index) identify() error {
	r, err := x.scorch.Reader()
	if err != nil {
		return err
	}
	defer r.Close()
	was, err := internal(r, keyVersion)
	if err != nil {
		return err
	}
	n, err := r.DocCount()
	switch {
	case err != nil:
		return err
	case was == 0 && n == 0:
		b := index.NewBatch()
		b.SetInternal(keyVersion, number(version))
		return x.scorch.Batch(b)
	case was != version:
		return fmt.Errorf("the index is of version %d and not %d", was, version)
	}
	x.mark, err = markOf(r)
	return err
}

func markOf(r index.IndexReader) (m Mark, err error) {
	at, err := internal(r, keyCursor)
	if err != nil {
		return m, err
	}
	log, err := r.GetInternal(keyLog)
	return Mark{Log: string(log), At: entity.Seq(at)}, err
}

// Close waits for searches, and until all that was applied is on disk.
func (x *Index) Close() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		return nil
	}
	x.closed = true
	err := errors.Join(x.flush(), x.scorch.Close())
	x.queue.Close()
	if err != nil {
		return entity.Internal("fulltext.Close", err)
	}
	return nil
}

// flushed bounds the time that Close takes to bring what it has to the disk.
const flushed = 10 * time.Second

// flush waits until everything is on disk. What is not, on a disk that is full,
// comes again from the log.
func (x *Index) flush() error {
	done := make(chan error, 1)
	b := index.NewBatch()
	b.SetInternal(keyVersion, number(version))
	b.SetPersistedCallback(func(err error) { done <- err })
	if err := x.scorch.Batch(b); err != nil {
		return err
	}
	late := time.NewTimer(flushed)
	defer late.Stop()
	select {
	case err := <-done:
		return err
	case <-late.C:
		return nil
	}
}

// Mark is the place in the log up to which the documents are there. It is for
// the goroutine that calls Apply.
func (x *Index) Mark() Mark { return x.mark }

// Apply puts and removes documents and moves the mark, as one. Searches that
// begin later see it. No id is named twice.
func (x *Index) Apply(put Prepared, remove []entity.ID, mark Mark) error {
	err := x.read("fulltext.Apply", func(r index.IndexReader) error {
		words, err := internal(r, keyWords)
		if err != nil {
			return err
		}
		b := index.NewBatch()
		for _, doc := range put {
			b.Update(doc.written())
			was, err := length(r, doc.id)
			if err != nil {
				return err
			}
			words += uint64(doc.length) - was
		}
		for _, id := range remove {
			was, err := length(r, string(id))
			if err != nil {
				return err
			}
			if was > 0 {
				b.Delete(string(id))
				words -= was
			}
		}
		b.SetInternal(keyLog, []byte(mark.Log))
		b.SetInternal(keyCursor, number(uint64(mark.At)))
		b.SetInternal(keyWords, number(words))
		return x.scorch.Batch(b)
	})
	if err == nil {
		x.mark = mark
	}
	return err
}

// length is the length of a document that is there, 0 for none.
func length(r index.IndexReader, id string) (uint64, error) {
	at, err := r.InternalID(id)
	if err != nil || at == nil {
		return 0, err
	}
	all, err := r.TermFieldReader(context.Background(), termAll, fieldAll, true, true, false)
	if err != nil {
		return 0, err
	}
	defer all.Close()
	doc, err := all.Advance(at, nil)
	if err != nil || doc == nil || !doc.ID.Equals(at) {
		return 0, err
	}
	return uint64(lengthOf(doc.Norm)), nil
}

// lengthOf is the length that a field's norm stands for.
func lengthOf(norm float64) float64 { return math.Round(1 / (norm * norm)) }

// read runs fn on the state of the last Apply.
func (x *Index) read(op string, fn func(index.IndexReader) error) (err error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if x.closed {
		return entity.Errorf(entity.KindUnavailable, op, "the search index is closed")
	}
	defer func() {
		if v := recover(); v != nil { // a torn file may do that
			err = entity.Internal(op, fmt.Errorf("the index is broken: %v", v))
		}
	}()
	r, err := x.scorch.Reader()
	if err != nil {
		return entity.Internal(op, err)
	}
	defer func() {
		if closeErr := r.Close(); err == nil && closeErr != nil {
			err = entity.Internal(op, closeErr)
		}
	}()
	err = fn(r)
	var known *entity.Error
	if err != nil && !errors.As(err, &known) {
		err = entity.Internal(op, err)
	}
	return err
}

func number(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func internal(r index.IndexReader, key []byte) (uint64, error) {
	b, err := r.GetInternal(key)
	if err != nil || len(b) != 8 {
		return 0, err
	}
	return binary.BigEndian.Uint64(b), nil
}
