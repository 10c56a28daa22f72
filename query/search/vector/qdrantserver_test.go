package vector

import (
	"cmp"
	"encoding/json"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// qdrantServer speaks the part of Qdrant's HTTP interface that is used here, as
// https://api.qdrant.tech describes it, and refuses fields that it does not
// know. It finds exactly.
type qdrantServer struct {
	*httptest.Server
	t           *testing.T
	mu          sync.Mutex
	collections map[string]*qdrantCollection
	requests    []string
	fail        func(path string) int // a status, or 0
}

type qdrantCollection struct {
	vectors wireVectors
	indexed map[string]bool
	points  map[string]qdrantPoint
}

type qdrantPoint struct {
	ID      string            `json:"id"`
	Vector  []float32         `json:"vector,omitempty"`
	Payload map[string]string `json:"payload"`
	Version int               `json:"version"`
	Score   float64           `json:"score,omitempty"`
}

func newQdrantServer(t *testing.T) *qdrantServer {
	s := &qdrantServer{t: t, collections: map[string]*qdrantCollection{}}
	mux := http.NewServeMux()
	handle := func(pattern string, f func(c *qdrantCollection, r *http.Request) (any, int)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, f) })
	}
	handle("GET /collections/{name}", s.info)
	handle("PUT /collections/{name}", s.create)
	handle("DELETE /collections/{name}", s.drop)
	handle("PUT /collections/{name}/index", s.index)
	handle("GET /collections/{name}/points/{id}", s.point)
	handle("PUT /collections/{name}/points", s.upsert)
	handle("POST /collections/{name}/points/delete", s.remove)
	handle("POST /collections/{name}/points/query", s.query)
	handle("POST /collections/{name}/points/scroll", s.scroll)
	handle("POST /collections/{name}/points/count", s.count)
	handle("POST /collections/{name}/facet", s.facet)
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func (s *qdrantServer) serve(w http.ResponseWriter, r *http.Request, f func(*qdrantCollection, *http.Request) (any, int)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r.Method+" "+r.URL.RequestURI())
	code := 0
	if s.fail != nil {
		code = s.fail(r.URL.Path)
	}
	c := s.collections[r.PathValue("name")]
	var result any
	switch {
	case code != 0:
	case r.Header.Get("api-key") != "secret":
		code = http.StatusUnauthorized
	case c == nil && (r.Method != http.MethodPut || strings.Count(r.URL.Path, "/") > 2):
		code = http.StatusNotFound
	default:
		result, code = f(c, r)
	}
	w.WriteHeader(code)
	status := any("ok")
	if code != http.StatusOK {
		status = map[string]string{"error": "Not found, or wrong input"}
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"result": result, "status": status, "time": 0.001})
}

func (s *qdrantServer) decode(r *http.Request, v any) {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		s.t.Errorf("%s: %v", r.URL, err)
	}
	if r.Header.Get("Content-Type") != "application/json" {
		s.t.Errorf("%s is not JSON", r.URL)
	}
}

func (s *qdrantServer) info(c *qdrantCollection, _ *http.Request) (any, int) {
	return map[string]any{"status": "green", "points_count": len(c.points), "config": map[string]any{"params": map[string]any{"vectors": c.vectors}}}, 200
}

func (s *qdrantServer) create(c *qdrantCollection, r *http.Request) (any, int) {
	if c != nil {
		return nil, http.StatusConflict
	}
	var ask struct{ Vectors wireVectors }
	s.decode(r, &ask)
	s.collections[r.PathValue("name")] = &qdrantCollection{vectors: ask.Vectors, indexed: map[string]bool{}, points: map[string]qdrantPoint{}}
	return true, 200
}

func (s *qdrantServer) drop(_ *qdrantCollection, r *http.Request) (any, int) {
	delete(s.collections, r.PathValue("name"))
	return true, 200
}

func (s *qdrantServer) index(c *qdrantCollection, r *http.Request) (any, int) {
	var ask struct {
		Field  string `json:"field_name"`
		Schema string `json:"field_schema"`
	}
	s.decode(r, &ask)
	c.indexed[ask.Field] = ask.Schema == "keyword"
	return map[string]any{"operation_id": 1, "status": "completed"}, 200
}

func (s *qdrantServer) point(c *qdrantCollection, r *http.Request) (any, int) {
	p, ok := c.points[r.PathValue("id")]
	if !ok {
		return nil, http.StatusNotFound
	}
	return p, 200
}

func (s *qdrantServer) upsert(c *qdrantCollection, r *http.Request) (any, int) {
	var ask struct{ Points []qdrantPoint }
	s.decode(r, &ask)
	for _, p := range ask.Points {
		if len(p.Vector) != c.vectors.Size || len(p.ID) != 36 {
			return nil, http.StatusBadRequest
		}
		length := float32(math.Sqrt(float64(Dot(p.Vector, p.Vector))))
		for i := range p.Vector {
			p.Vector[i] /= length // as for Cosine
		}
		c.points[p.ID] = p
	}
	if r.URL.Query().Get("wait") != "true" {
		s.t.Error("an upsert that is not waited for")
	}
	return map[string]any{"operation_id": 2, "status": "completed"}, 200
}

func (s *qdrantServer) remove(c *qdrantCollection, r *http.Request) (any, int) {
	var ask struct{ Points []string }
	s.decode(r, &ask)
	for _, id := range ask.Points {
		delete(c.points, id)
	}
	return map[string]any{"operation_id": 3, "status": "completed"}, 200
}

// qdrantFilter is both a filter and a condition: a filter may stand for one.
type qdrantFilter struct {
	Must    []qdrantFilter `json:"must"`
	Should  []qdrantFilter `json:"should"`
	MustNot []qdrantFilter `json:"must_not"`
	Key     string         `json:"key"`
	Match   *struct {
		Any []string `json:"any"`
	} `json:"match"`
	HasID []string `json:"has_id"`
}

func (f qdrantFilter) passes(c *qdrantCollection, p qdrantPoint) bool {
	yes := func(f qdrantFilter) bool { return f.passes(c, p) }
	no := func(f qdrantFilter) bool { return !f.passes(c, p) }
	return !slices.ContainsFunc(f.Must, no) && !slices.ContainsFunc(f.MustNot, yes) &&
		(len(f.Should) == 0 || slices.ContainsFunc(f.Should, yes)) &&
		(f.Match == nil || c.indexed[f.Key] && slices.Contains(f.Match.Any, p.Payload[f.Key])) &&
		(f.HasID == nil || slices.Contains(f.HasID, p.ID))
}

func (c *qdrantCollection) filtered(f qdrantFilter) []qdrantPoint {
	var all []qdrantPoint
	for _, p := range c.points {
		if f.passes(c, p) {
			all = append(all, p)
		}
	}
	slices.SortFunc(all, func(a, b qdrantPoint) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

func (s *qdrantServer) query(c *qdrantCollection, r *http.Request) (any, int) {
	var ask struct {
		Query         []float32
		Filter        qdrantFilter
		Limit, Offset int
		WithPayload   bool `json:"with_payload"`
	}
	s.decode(r, &ask)
	if len(ask.Query) != c.vectors.Size || ask.Limit < 1 {
		return nil, http.StatusBadRequest
	}
	all := c.filtered(ask.Filter)
	for i, p := range all {
		all[i].Score, all[i].Vector = cosine(ask.Query, p.Vector), nil
	}
	slices.SortStableFunc(all, func(a, b qdrantPoint) int { return cmp.Compare(b.Score, a.Score) })
	from := min(ask.Offset, len(all))
	return map[string]any{"points": all[from:min(from+ask.Limit, len(all))]}, 200
}

func (s *qdrantServer) scroll(c *qdrantCollection, r *http.Request) (any, int) {
	var ask struct {
		Filter      qdrantFilter
		Limit       int
		Offset      string
		WithPayload bool `json:"with_payload"`
		WithVector  bool `json:"with_vector"`
	}
	s.decode(r, &ask)
	all := slices.DeleteFunc(c.filtered(ask.Filter), func(p qdrantPoint) bool { return p.ID < ask.Offset })
	if len(all) <= ask.Limit {
		return map[string]any{"points": all, "next_page_offset": nil}, 200
	}
	return map[string]any{"points": all[:ask.Limit], "next_page_offset": all[ask.Limit].ID}, 200
}

func (s *qdrantServer) count(c *qdrantCollection, r *http.Request) (any, int) {
	var ask struct{ Exact bool }
	s.decode(r, &ask)
	return map[string]any{"count": len(c.points)}, 200
}

func (s *qdrantServer) facet(c *qdrantCollection, r *http.Request) (any, int) {
	var ask struct {
		Key   string
		Limit int
		Exact bool
	}
	s.decode(r, &ask)
	counts := map[string]int{}
	for _, p := range c.points {
		if v, ok := p.Payload[ask.Key]; ok {
			counts[v]++
		}
	}
	hits := []map[string]any{}
	for v, n := range counts {
		hits = append(hits, map[string]any{"value": v, "count": n})
	}
	return map[string]any{"hits": hits[:min(len(hits), ask.Limit)]}, 200
}
