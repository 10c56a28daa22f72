package vector

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"stemma/entity"
)

// QdrantOptions are the settings of [OpenQdrant]. All but Key, Timeout and
// Transport are needed, and Latest where the log is not empty.
type QdrantOptions struct {
	URL        string // like "http://127.0.0.1:6333"
	Key        string // sent as "api-key"; "": none
	Collection string // at the service; of one store
	Space      string
	Dimensions int
	Latest     entity.Seq        // the last change of the log that is followed
	Timeout    time.Duration     // of one request; 0: 30 s
	Transport  http.RoundTripper // nil: [http.DefaultTransport]
}

// Qdrant is a [Store] in a collection of a Qdrant service, from version 1.12 on.
// What it finds is as near as the service's index finds it.
type Qdrant struct {
	o      QdrantOptions
	client *http.Client
	base   string     // of the collection
	write  sync.Mutex // held by who changes anything

	mu          sync.RWMutex // of what follows
	cursor      entity.Seq
	types       map[string]bool // that there may be
	collections map[string]bool
	known       bool // the two are complete
}

var _ Store = (*Qdrant)(nil)

const (
	// metaPoint holds cursor and space.
	metaPoint = "00000000-0000-0000-0000-000000000000"
	// noCollection stands for "", which no id of a collection reads like.
	noCollection = "none"
	upsertRows   = 256
	scrollRows   = 256
	mostPage     = 1024  // rows of a page of a search
	mostNamed    = 10000 // collections that a filter names
)

// OpenQdrant connects to a collection, and makes it where there is none. One of
// another space or other dimensions is deleted and made anew, and so is one that
// has seen more than the log has: a backup was restored, or the log is another.
func OpenQdrant(ctx context.Context, o QdrantOptions) (*Qdrant, error) {
	const op = "vector.OpenQdrant"
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || o.Collection == "" {
		return nil, entity.Invalid(op, "a Qdrant store needs a URL like http://127.0.0.1:6333 and a collection, not %q and %q", o.URL, o.Collection)
	}
	if o.Dimensions < 1 || o.Dimensions > 1<<16 {
		return nil, entity.Invalid(op, "%d dimensions; 1 to 65536 are possible", o.Dimensions)
	}
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	q := &Qdrant{
		o: o, client: &http.Client{Transport: o.Transport, Timeout: o.Timeout},
		base:  strings.TrimSuffix(o.URL, "/") + "/collections/" + url.PathEscape(o.Collection),
		types: map[string]bool{}, collections: map[string]bool{}, known: true,
	}
	ours, err := q.load(ctx)
	if err == nil && !ours {
		err = q.create(ctx)
	}
	if err != nil {
		return nil, err
	}
	return q, nil
}

// load reads what is there; false where it is not of this space.
func (q *Qdrant) load(ctx context.Context) (ours bool, err error) {
	var info wireInfo
	if err := q.find(ctx, http.MethodGet, "", nil, &info); err != nil {
		if entity.KindOf(err) == entity.KindNotFound {
			return false, nil
		}
		return false, err
	}
	if v := info.Config.Params.Vectors; v.Size != q.o.Dimensions || v.Distance != "Cosine" {
		return false, nil
	}
	var meta wirePoint
	if err := q.find(ctx, http.MethodGet, "/points/"+metaPoint, nil, &meta); err != nil {
		if entity.KindOf(err) == entity.KindNotFound {
			return false, nil
		}
		return false, err
	}
	cursor, err := strconv.ParseUint(meta.Payload.Cursor, 10, 64)
	if err != nil || meta.Payload.Space != q.o.Space || entity.Seq(cursor) > q.o.Latest {
		return false, nil
	}
	q.cursor = entity.Seq(cursor)
	for field, names := range map[string]map[string]bool{"type": q.types, "collection": q.collections} {
		var facet wireFacet
		if err := q.call(ctx, http.MethodPost, "/facet", wireFacetRequest{Key: field, Limit: mostNamed, Exact: true}, &facet); err != nil {
			return false, err
		}
		for _, hit := range facet.Hits {
			names[hit.Value] = true
		}
		q.known = q.known && len(facet.Hits) < mostNamed
	}
	return true, nil
}

func (q *Qdrant) create(ctx context.Context) error {
	if err := q.find(ctx, http.MethodDelete, "", nil, nil); err != nil && entity.KindOf(err) != entity.KindNotFound {
		return err
	}
	var ask wireCreate
	ask.Vectors.Size, ask.Vectors.Distance = q.o.Dimensions, "Cosine"
	if err := q.call(ctx, http.MethodPut, "", ask, nil); err != nil {
		return err
	}
	for _, field := range []string{"type", "collection"} {
		if err := q.call(ctx, http.MethodPut, "/index?wait=true", wireIndex{field, "keyword"}, nil); err != nil {
			return err
		}
	}
	return q.tell(ctx, 0)
}

// tell writes the cursor, when all that it speaks of is there.
func (q *Qdrant) tell(ctx context.Context, cursor entity.Seq) error {
	anywhere := make([]float32, q.o.Dimensions)
	anywhere[0] = 1
	meta := wirePoint{ID: metaPoint, Vector: anywhere, Payload: wirePayload{Space: q.o.Space, Cursor: strconv.FormatUint(uint64(cursor), 10)}}
	return q.call(ctx, http.MethodPut, "/points?wait=true", wireUpsert{[]wirePoint{meta}}, nil)
}

// pointID is the UUID of a row: of the form of version 8, out of a hash.
func pointID(id entity.ID) string {
	sum := sha256.Sum256([]byte(id))
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80
	h := hex.EncodeToString(sum[:16])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

func wireCollection(c entity.ID) string { return cmp.Or(string(c), noCollection) }

func ourCollection(c string) entity.ID {
	if c == noCollection {
		return ""
	}
	return entity.ID(c)
}

// Apply implements [Store]. What was sent before a failure stays; applied again,
// it is the same.
func (q *Qdrant) Apply(ctx context.Context, put []Row, remove []entity.ID, cursor entity.Seq) error {
	points := make([]wirePoint, len(put))
	for i, r := range put {
		u, err := unit("vector.Apply", r.Vector, q.o.Dimensions)
		if err != nil {
			return err
		}
		points[i] = wirePoint{ID: pointID(r.ID), Vector: u, Payload: wirePayload{ID: r.ID, Type: r.Type, Collection: wireCollection(r.Collection)}}
	}
	q.write.Lock()
	defer q.write.Unlock()
	q.mu.Lock()
	for _, p := range points { // before they can be found
		q.types[p.Payload.Type], q.collections[p.Payload.Collection] = true, true
	}
	q.mu.Unlock()
	for part := range slices.Chunk(remove, 4*upsertRows) {
		ids := make([]string, len(part))
		for i, id := range part {
			ids[i] = pointID(id)
		}
		if err := q.call(ctx, http.MethodPost, "/points/delete?wait=true", wireDelete{ids}, nil); err != nil {
			return err
		}
	}
	for part := range slices.Chunk(points, upsertRows) {
		if err := q.call(ctx, http.MethodPut, "/points?wait=true", wireUpsert{part}, nil); err != nil {
			return err
		}
	}
	if err := q.tell(ctx, cursor); err != nil {
		return err
	}
	q.mu.Lock()
	q.cursor = cursor
	q.mu.Unlock()
	return nil
}

// Cursor implements [Store].
func (q *Qdrant) Cursor() entity.Seq {
	q.mu.RLock()
	defer q.mu.RUnlock()
	return q.cursor
}

// Nearest implements [Store]. The service leaves out what the filter's names and
// the sights of collections exclude; what has to be asked about one by one is
// paged through.
func (q *Qdrant) Nearest(ctx context.Context, v []float32, k int, f Filter) ([]Match, error) {
	u, err := unit("vector.Nearest", v, q.o.Dimensions)
	if err != nil || k <= 0 {
		return nil, err
	}
	sieve := q.sieve(f)
	if sieve.nothing {
		return []Match{}, nil
	}
	found := []Match{}
	for offset, limit := 0, min(k, mostPage); len(found) < k; limit = min(2*limit, mostPage) {
		ask := wireQuery{Query: u, Filter: sieve.filter, Limit: limit, Offset: offset, WithPayload: true}
		var page wirePage
		if err := q.call(ctx, http.MethodPost, "/points/query", ask, &page); err != nil {
			return nil, err
		}
		for _, p := range page.Points {
			if sieve.passes(p.Payload) {
				found = append(found, Match{p.Payload.ID, max(-1, min(1, p.Score))})
			}
		}
		if len(page.Points) < limit {
			break
		}
		offset += limit
	}
	slices.SortFunc(found, func(a, b Match) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ID, b.ID))
	})
	return found[:min(k, len(found))], nil
}

// Vector implements [Store].
func (q *Qdrant) Vector(ctx context.Context, id entity.ID) ([]float32, error) {
	var p wirePoint
	err := q.find(ctx, http.MethodGet, "/points/"+pointID(id), nil, &p)
	if entity.KindOf(err) == entity.KindNotFound && err != nil {
		return nil, entity.NotFound("vector.Vector", "no vector of %.64s", string(id))
	}
	return p.Vector, err
}

// Mean implements [Store]. It fetches the rows that pass.
func (q *Qdrant) Mean(ctx context.Context, f Filter) (Mean, error) {
	m, sieve := newMeaner(q.o.Dimensions), q.sieve(f)
	if sieve.nothing {
		return Mean{}, nil
	}
	ask := wireScroll{Filter: sieve.filter, Limit: scrollRows, WithPayload: true, WithVector: true}
	for {
		var page wirePage
		if err := q.call(ctx, http.MethodPost, "/points/scroll", ask, &page); err != nil {
			return Mean{}, err
		}
		for _, p := range page.Points {
			if len(p.Vector) == q.o.Dimensions && sieve.passes(p.Payload) {
				m.add(p.Vector)
			}
		}
		if page.Next == nil {
			return m.mean(), nil
		}
		ask.Offset = page.Next
	}
}

// Stats implements [Store]. It asks the service how many rows there are, for two
// seconds at most.
func (q *Qdrant) Stats() Stats {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	var n wireCount
	_ = q.call(ctx, http.MethodPost, "/points/count", wireCountRequest{Exact: true}, &n) // 0 is "not known"
	return Stats{Space: q.o.Space, Dimensions: q.o.Dimensions, Rows: max(0, n.Count-1), Cursor: q.Cursor()}
}

// Close implements [Store].
func (q *Qdrant) Close() error {
	q.client.CloseIdleConnections()
	return nil
}
