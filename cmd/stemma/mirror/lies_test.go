package mirror_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"stemma/cmd/stemma/mirror"
	"stemma/entity"
	"stemma/entity/store"
	"stemma/events/syncclient"
)

// object is decoded JSON.
type object = map[string]any

// rewriteEvents lets edit change every page of events.
func rewriteEvents(edit func(page object, events []any) []any) func(http.Handler) http.Handler {
	return rewrite("/events", func(body []byte) []byte {
		dec := json.NewDecoder(bytes.NewReader(body))
		dec.UseNumber()
		var page object
		if err := dec.Decode(&page); err != nil {
			return body
		}
		events, _ := page["events"].([]any)
		page["events"] = edit(page, events)
		out, err := json.Marshal(page)
		if err != nil {
			panic(err)
		}
		return out
	})
}

// rewriteEvent lets edit change one event, by its number.
func rewriteEvent(id int, edit func(object)) func(http.Handler) http.Handler {
	return rewriteEvents(func(_ object, events []any) []any {
		for _, e := range events {
			if e := e.(object); e["id"] == json.Number(fmt.Sprint(id)) {
				edit(e)
			}
		}
		return events
	})
}

// section is a block in a CAR, with its name.
type section struct {
	cid   entity.CID
	block []byte
}

// rewriteBlocks lets edit change every answer with blocks.
func rewriteBlocks(edit func([]section) []section) func(http.Handler) http.Handler {
	return rewrite("/ipfs/blocks", func(body []byte) []byte {
		n, size := binary.Uvarint(body)
		header := body[:size+int(n)]
		var sections []section
		for rest := body[len(header):]; len(rest) > 0; {
			n, size := binary.Uvarint(rest)
			part := rest[size : size+int(n)]
			rest = rest[size+int(n):]
			sections = append(sections, section{entity.CIDOf(entity.Digest(part[4:36])), part[36:]})
		}
		out := bytes.Clone(header)
		for _, s := range edit(sections) {
			out = binary.AppendUvarint(out, uint64(36+len(s.block)))
			out = append(out, s.cid.Bytes()...)
			out = append(out, s.block...)
		}
		return out
	})
}

func rewrite(path string, edit func([]byte) []byte) func(http.Handler) http.Handler {
	return func(real http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != path {
				real.ServeHTTP(w, r)
				return
			}
			answer := httptest.NewRecorder()
			real.ServeHTTP(answer, r)
			body := answer.Body.Bytes()
			if answer.Code == http.StatusOK {
				body = edit(body)
			}
			w.Header().Set("Content-Type", answer.Header().Get("Content-Type"))
			w.WriteHeader(answer.Code)
			_, _ = w.Write(body)
		})
	}
}

// swapBlock gives another block wherever the event's is asked for.
func swapBlock(c entity.CID, swap func([]byte) []byte) func(http.Handler) http.Handler {
	return rewriteBlocks(func(sections []section) []section {
		for i := range sections {
			if sections[i].cid == c {
				sections[i].block = swap(bytes.Clone(sections[i].block))
			}
		}
		return sections
	})
}

// forge gives, for one event, a block of the liar's own under its right CID.
func forge(e step, block []byte) func(http.Handler) http.Handler {
	forged := entity.SumBlock(block)
	events := rewriteEvent(int(e.Seq), func(event object) { event["cid"] = forged.String() })
	blocks := func(real http.Handler) http.Handler { // the real server does not have it
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/ipfs/blocks" {
				real.ServeHTTP(w, r)
				return
			}
			var in struct {
				CIDs []string `json:"cids"`
			}
			if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
				panic(err)
			}
			for i, c := range in.CIDs {
				if c == forged.String() {
					in.CIDs[i] = e.Change.CID().String()
				}
			}
			body, err := json.Marshal(in)
			if err != nil {
				panic(err)
			}
			asked := httptest.NewRequest(r.Method, r.URL.Path, bytes.NewReader(body))
			asked.Header = r.Header.Clone()
			asked.Header.Del("Content-Length")
			rewriteBlocks(func(sections []section) []section {
				for i := range sections {
					if sections[i].cid == e.Change.CID() {
						sections[i] = section{forged, block}
					}
				}
				return sections
			})(real).ServeHTTP(w, asked)
		})
	}
	return func(real http.Handler) http.Handler { return events(blocks(real)) }
}

// lie is something that a source may do, and how it is found out.
type lie struct {
	name  string
	front func(t *testing.T, s *store.Store, log []step) (front func(http.Handler) http.Handler, at entity.Seq)
	want  error
}

// find gives the first event, from the tenth on, of the kind and version.
func find(t *testing.T, log []step, kind entity.ChangeKind, ver int64) step {
	t.Helper()
	for _, s := range log[10:] {
		if s.Change.Kind == kind && s.Change.Ver >= ver {
			return s
		}
	}
	t.Fatalf("the source has no %s of version %d", kind, ver)
	return step{}
}

// editing is a lie that changes a member of an event.
func editing(name string, kind entity.ChangeKind, edit func(object)) lie {
	return lie{name: name, want: mirror.ErrUntrue, front: func(t *testing.T, _ *store.Store, log []step) (func(http.Handler) http.Handler, entity.Seq) {
		e := find(t, log, kind, 1)
		return rewriteEvent(int(e.Seq), edit), e.Seq
	}}
}

// forging is a lie that changes a manifest and hashes it anew.
func forging(name string, edit func(*entity.Manifest)) lie {
	return lie{name: name, want: mirror.ErrUntrue, front: func(t *testing.T, s *store.Store, log []step) (func(http.Handler) http.Handler, entity.Seq) {
		e := find(t, log, entity.Updated, 3)
		var m *entity.Manifest
		err := s.View(t.Context(), func(r entity.Reader) error {
			was, err := r.Manifest(e.Change.CID())
			m = was.Clone()
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		edit(m)
		block, _, err := entity.EncodeBlock(m)
		if err != nil {
			t.Fatal(err)
		}
		return forge(e, block), e.Seq
	}}
}

// swapping is a lie about the bytes behind a CID.
func swapping(name string, want error, swap func([]byte) []byte) lie {
	return lie{name: name, want: want, front: func(t *testing.T, _ *store.Store, log []step) (func(http.Handler) http.Handler, entity.Seq) {
		e := find(t, log, entity.Updated, 2)
		return swapBlock(e.Change.CID(), swap), e.Seq
	}}
}

var elsewhere = entity.SumBlock([]byte("elsewhere"))

var lies = []lie{
	swapping("a block with a changed byte", syncclient.ErrBlock, func(b []byte) []byte { b[len(b)-1] ^= 1; return b }),
	swapping("a block with a byte more", syncclient.ErrBlock, func(b []byte) []byte { return append(b, 0) }),
	{name: "a block under another's name", want: nil, front: func(t *testing.T, _ *store.Store, log []step) (func(http.Handler) http.Handler, entity.Seq) {
		return rewriteBlocks(func(s []section) []section {
			for i := range s {
				if s[i].cid == log[20].Change.CID() {
					s[i] = section{log[5].Change.CID(), s[i].block}
				}
			}
			return s
		}), log[20].Seq
	}},
	{name: "a block left out", want: nil, front: func(t *testing.T, _ *store.Store, log []step) (func(http.Handler) http.Handler, entity.Seq) {
		return rewriteBlocks(func(s []section) []section {
			return slices.DeleteFunc(s, func(s section) bool { return s.cid == log[20].Change.CID() })
		}), log[20].Seq
	}},
	{name: "an event left out", want: syncclient.ErrGap, front: func(t *testing.T, _ *store.Store, log []step) (func(http.Handler) http.Handler, entity.Seq) {
		return rewriteEvents(func(_ object, events []any) []any {
			return slices.DeleteFunc(events, func(e any) bool { return e.(object)["id"] == json.Number("21") })
		}), 1 // a page with a gap is not taken at all
	}},
	{name: "the end left out", want: syncclient.ErrGap, front: func(t *testing.T, _ *store.Store, log []step) (func(http.Handler) http.Handler, entity.Seq) {
		return rewriteEvents(func(page object, events []any) []any {
			page["cursor"] = events[len(events)-2].(object)["id"]
			return events[:len(events)-1]
		}), 1
	}},
	{name: "an event twice", want: mirror.ErrUntrue, front: func(t *testing.T, _ *store.Store, log []step) (func(http.Handler) http.Handler, entity.Seq) {
		e := find(t, log, entity.Updated, 2)
		return rewriteEvents(func(page object, events []any) []any { // the one after it says the same again
			again := events[e.Seq-1].(object)
			next := events[e.Seq].(object)
			for k, v := range again {
				if k != "id" {
					next[k] = v
				}
			}
			return events
		}), e.Seq + 1
	}},
	editing("another version", entity.Updated, func(e object) { e["ver"] = 77 }),
	editing("another entity", entity.Updated, func(e object) { e["entity_id"] = "01JQ0000000000000000000000" }),
	editing("another kind", entity.Updated, func(e object) { e["kind"] = "restore" }),
	editing("a creation that is none", entity.Deleted, func(e object) { e["kind"] = "create" }),
	editing("another type", entity.Created, func(e object) { e["type"] = "letter" }),
	editing("another collection", entity.Updated, func(e object) { e["collection_id"] = "01JQ0000000000000000000000" }),
	editing("a version said to be of a chain", entity.Updated, func(e object) { e["chain"] = "steps" }),
	editing("another chain", entity.Appended, func(e object) { e["chain"] = "usage" }),
	editing("a block of a chain said to be a version", entity.Appended, func(e object) { e["kind"] = "update" }),
	editing("another position", entity.Appended, func(e object) { e["ver"] = 99 }),
	editing("another type of a chain", entity.Appended, func(e object) { e["type"] = "letter" }),
	editing("another entity of a chain", entity.Appended, func(e object) { e["entity_id"] = "01JQ0000000000000000000000" }),
	forging("a history rewritten: prev", func(m *entity.Manifest) { m.Prev = &entity.Link{CID: elsewhere} }),
	forging("a history rewritten: ver", func(m *entity.Manifest) { m.Ver++ }),
	forging("a history begun anew", func(m *entity.Manifest) { m.Ver, m.Prev = 1, nil }),
	forging("an entity of the other network", func(m *entity.Manifest) { m.ID = "II" + m.ID[2:] }),
	forging("a manifest against the rules", func(m *entity.Manifest) { m.Schema = "arke/eidos@v9" }),
	{name: "a block that is no manifest", want: mirror.ErrUntrue, front: func(t *testing.T, _ *store.Store, log []step) (func(http.Handler) http.Handler, entity.Seq) {
		e := find(t, log, entity.Updated, 2)
		return forge(e, []byte("\xa1\x61a\x01")), e.Seq
	}},
	{name: "a block that is not strict", want: mirror.ErrUntrue, front: func(t *testing.T, _ *store.Store, log []step) (func(http.Handler) http.Handler, entity.Seq) {
		e := find(t, log, entity.Updated, 2)
		return forge(e, []byte("\xa2\x61b\x01\x61a\x01")), e.Seq
	}},
}

// A lie ends the mirror before it: the event is named, what came before is kept,
// nothing of the lie is. When the source comes to its senses the mirror goes on.
func TestLies(t *testing.T) {
	s := newSource(t)
	w := newWriter(s.main(), 9)
	w.write(t, 30)
	var log []step
	both(t, s.main(), s.main(), func(r, _ entity.Reader) { log = logOf(t, r, r.Seq()) })
	for _, l := range lies {
		t.Run(l.name, func(t *testing.T) {
			front, at := l.front(t, s.main(), log)
			s.lie(front)
			defer s.lie(nil)
			copied := newMirror(t, entity.Main)
			_, err := s.once(t, copied)
			switch {
			case err == nil:
				t.Fatal("it was believed")
			case l.want != nil && !errors.Is(err, l.want):
				t.Errorf("error %v; want %v", err, l.want)
			case l.want == nil && entity.KindOf(err) != entity.KindNotFound:
				t.Errorf("error %v; want a block that cannot be had", err)
			}
			if named := fmt.Sprintf("event %d ", at); at > 1 && !strings.Contains(err.Error(), named) {
				t.Errorf("error %q does not name %q", err, named)
			}
			wantPrefix(t, s.main(), copied, at-1)
			s.lie(nil)
			s.mustOnce(t, copied)
			wantSame(t, s.main(), copied)
		})
	}
}

// A source that was reset, replaced or rewritten is found out before anything
// of it is taken.
func TestForeignSource(t *testing.T) {
	was := newSource(t)
	newWriter(was.main(), 10).write(t, 20)
	for name, c := range map[string]struct {
		seed   uint64
		writes int
	}{"empty": {}, "shorter": {11, 3}, "longer": {11, 60}} {
		t.Run(name, func(t *testing.T) {
			copied := newMirror(t, entity.Main)
			was.mustOnce(t, copied)
			now := newSource(t)
			newWriter(now.main(), c.seed).write(t, c.writes)
			if _, err := now.once(t, copied); !errors.Is(err, syncclient.ErrForeignCursor) {
				t.Errorf("error %v", err)
			}
			wantSame(t, was.main(), copied)
		})
	}
}
