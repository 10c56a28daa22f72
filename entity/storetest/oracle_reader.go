package storetest

import (
	"bytes"
	"iter"
	"maps"
	"slices"
	"sort"
	"strings"

	"stemma/entity"
)

// oracleReader reads the disk as of a commit.
type oracleReader struct {
	network entity.Network
	disk    *disk
	commit  int
	records []dated[*entity.Record]
}

func (o *Oracle) reader(commit int) oracleReader {
	o.disk.mu.RLock()
	defer o.disk.mu.RUnlock()
	all := o.disk.records
	n := sort.Search(len(all), func(i int) bool { return all[i].commit > commit })
	return oracleReader{o.opts.Network, o.disk, commit, all[:n]}
}

func (r oracleReader) Network() entity.Network { return r.network }

func (r oracleReader) Seq() entity.Seq {
	if len(r.records) == 0 {
		return 0
	}
	return r.records[len(r.records)-1].v.Last()
}

// seen and at are the tables' own, under the lock.
func seen[K comparable, V any](r oracleReader, t table[K, V], k K) []dated[V] {
	r.disk.mu.RLock()
	defer r.disk.mu.RUnlock()
	return t.seen(k, r.commit)
}

func at[K comparable, V any](r oracleReader, t table[K, V], k K) (V, bool) {
	r.disk.mu.RLock()
	defer r.disk.mu.RUnlock()
	return t.at(k, r.commit)
}

func (r oracleReader) Head(id entity.ID) (entity.Head, error) {
	h, ok := at(r, r.disk.heads, id)
	if !ok {
		return h, entity.NotFound("storetest.Head", "there is no entity %s", id)
	}
	return h, nil
}

func (r oracleReader) Heads() iter.Seq2[entity.Head, error] {
	r.disk.mu.RLock()
	ids := slices.Sorted(maps.Keys(r.disk.heads))
	r.disk.mu.RUnlock()
	return func(yield func(entity.Head, error) bool) {
		for _, id := range ids {
			if h, ok := at(r, r.disk.heads, id); ok && !yield(h, nil) {
				return
			}
		}
	}
}

func (r oracleReader) Manifest(c entity.CID) (*entity.Manifest, error) {
	b, err := r.Block(c)
	if err != nil {
		return nil, err
	}
	return entity.DecodeManifest(b)
}

func (r oracleReader) Block(c entity.CID) ([]byte, error) {
	b, ok := at(r, r.disk.blocks, c)
	if !ok || b == nil { // nil is one that was erased
		return nil, entity.NotFound("storetest.Block", "there is no block %s", c)
	}
	return bytes.Clone(b), nil
}

func (r oracleReader) VersionAt(id entity.ID, ver int64) (entity.CID, error) {
	list := seen(r, r.disk.heads, id)
	if ver < 1 || ver > int64(len(list)) {
		return entity.CID{}, entity.NotFound("storetest.VersionAt", "there is no version %d of %s", ver, id)
	}
	return list[ver-1].v.CID(), nil
}

func (r oracleReader) History(id entity.ID, from int64) iter.Seq2[entity.VersionRef, error] {
	return func(yield func(entity.VersionRef, error) bool) {
		list := seen(r, r.disk.heads, id)
		if len(list) == 0 {
			yield(entity.VersionRef{}, entity.NotFound("storetest.History", "there is no entity %s", id))
			return
		}
		if from > 0 && from < int64(len(list)) {
			list = list[:from]
		}
		for _, h := range slices.Backward(list) {
			if !yield(entity.VersionRef{Ver: h.v.Ver, CID: h.v.CID()}, nil) {
				return
			}
		}
	}
}

func (r oracleReader) Log(after entity.Seq) iter.Seq2[*entity.Record, error] {
	return func(yield func(*entity.Record, error) bool) {
		first := sort.Search(len(r.records), func(i int) bool { return r.records[i].v.Last() > after })
		for _, rec := range r.records[first:] {
			if !yield(rec.v, nil) {
				return
			}
		}
	}
}

func (r oracleReader) LogBefore(before entity.Seq) iter.Seq2[*entity.Record, error] {
	return func(yield func(*entity.Record, error) bool) {
		end := len(r.records)
		if before > 0 {
			end = sort.Search(end, func(i int) bool { return r.records[i].v.Seq >= before })
		}
		for _, rec := range slices.Backward(r.records[:end]) {
			if !yield(rec.v, nil) {
				return
			}
		}
	}
}

func (r oracleReader) ChainHead(id entity.ID, chain string) (entity.ChainRef, error) {
	ref, _ := at(r, r.disk.chains, chainKey{id, chain})
	return ref, nil
}

func (r oracleReader) Chain(id entity.ID, chain string, from int64) iter.Seq2[entity.ChainRef, error] {
	return func(yield func(entity.ChainRef, error) bool) {
		for _, ref := range seen(r, r.disk.chains, chainKey{id, chain}) {
			if ref.v.N >= from && !yield(ref.v, nil) {
				return
			}
		}
	}
}

func (r oracleReader) Secret(key string) ([]byte, error) {
	b, _ := at(r, r.disk.secrets, key)
	return bytes.Clone(b), nil
}

func (r oracleReader) Rows(projection string) entity.Rows { return oracleRows{r, projection} }

// oracleRows reads a projection's rows as of a commit.
type oracleRows struct {
	r    oracleReader
	name string
}

func (o oracleRows) Get(key []byte) ([]byte, error) {
	v, _ := at(o.r, o.r.disk.rows[o.name], string(key))
	return bytes.Clone(v), nil
}

func (o oracleRows) Scan(prefix, from []byte) iter.Seq2[entity.Row, error] {
	return func(yield func(entity.Row, error) bool) {
		for _, key := range o.keys(string(prefix), string(from)) {
			v, _ := at(o.r, o.r.disk.rows[o.name], key)
			if v != nil && !yield(entity.Row{Key: []byte(key), Value: v}, nil) {
				return
			}
		}
	}
}

func (o oracleRows) keys(prefix, from string) []string {
	o.r.disk.mu.RLock()
	defer o.r.disk.mu.RUnlock()
	var keys []string
	for key := range o.r.disk.rows[o.name] {
		if strings.HasPrefix(key, prefix) && key >= from {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}
