package events_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"stemma/entity"
	"stemma/events"
)

func sample() events.Event {
	d, _ := entity.DigestOf(entity.SumBlock([]byte("a block")))
	return events.Event{
		ID: 1234567, Entity: "01JH8Z0Y6V5RZ4Q8Q9V4T2W3XK", Block: d, TS: 1767225601007, Kind: entity.Updated, Type: "person", Ver: 12,
		Collection: collectionA, Actor: entity.Actor{UserID: author.UserID, Method: entity.MethodAI, OnBehalfOf: collectionB},
	}
}

// The wire form of an event, with everything and with nothing optional.
func TestAppendJSON(t *testing.T) {
	full := sample()
	bare := full
	bare.Kind, bare.Chain, bare.Collection, bare.Actor.OnBehalfOf = entity.Appended, "steps", "", ""
	const head = `{"id":1234567,"pi":"01JH8Z0Y6V5RZ4Q8Q9V4T2W3XK","entity_id":"01JH8Z0Y6V5RZ4Q8Q9V4T2W3XK","cid":"CID","ts":"2026-01-01T00:00:01.007Z",`
	for _, c := range []struct {
		event events.Event
		want  string
	}{
		{full, head + `"kind":"update","type":"person","ver":12,"collection_pi":"01JQ0000000000000000000000","collection_id":"01JQ0000000000000000000000","actor":{"user_id":"01JQ00000000000000000AVTHR","method":"ai_generated","on_behalf_of":"01JQ0000000000000000000001"}}`},
		{bare, head + `"kind":"append","type":"person","ver":12,"chain":"steps","actor":{"user_id":"01JQ00000000000000000AVTHR","method":"ai_generated"}}`},
	} {
		want := strings.Replace(c.want, "CID", c.event.CID().String(), 1)
		if got := string(c.event.AppendJSON([]byte("data: "))); got != "data: "+want {
			t.Errorf("got  %s\nwant data: %s", got, want)
		}
	}
}

// Every kind that there is has its name in the feed.
func TestKindsAreNamed(t *testing.T) {
	for _, name := range []string{"create", "update", "delete", "restore", "append"} {
		e := sample()
		var ok bool
		if e.Kind, ok = entity.ParseChangeKind(name); !ok {
			t.Fatalf("no kind %s", name)
		}
		var back struct{ Kind string }
		if err := json.Unmarshal(e.AppendJSON(nil), &back); err != nil || back.Kind != name {
			t.Errorf("%s is written %q, %v", name, back.Kind, err)
		}
	}
}

// Whatever text and numbers an event holds, its JSON is read back as them.
func FuzzAppendJSON(f *testing.F) {
	f.Add("person", "01JQ00000000000000000AVTHR", uint64(1), int64(0), int64(1))
	f.Add("a\"b\\c\n\r\t\x00\x1f", "\u2028\u00e9𝄞\x7f", uint64(1)<<63, int64(253402300799999), int64(-1))
	f.Add("\xff\xfe", "half \xe2\x82", ^uint64(0), int64(1), int64(1)<<62)
	f.Fuzz(func(t *testing.T, typ, user string, id uint64, ts, ver int64) {
		e := sample()
		e.ID, e.Type, e.Ver, e.TS, e.Actor.UserID, e.Chain = entity.Seq(id), typ, ver, ts%253402300800000, entity.ID(user), typ
		b := e.AppendJSON(nil)
		if !utf8.Valid(b) {
			t.Fatalf("not UTF-8: %q", b)
		}
		var got struct {
			ID    uint64
			TS    string
			Type  string
			Ver   int64
			Chain string
			Actor struct {
				UserID string `json:"user_id"`
			}
		}
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatalf("%v: %s", err, b)
		}
		text := func(s string) string { return string([]rune(s)) } // each bad byte one U+FFFD
		if got.ID != id || got.Type != text(typ) || got.Chain != text(typ) || got.Actor.UserID != text(user) || got.Ver != ver || got.TS != entity.FormatTime(time.UnixMilli(e.TS)) {
			t.Errorf("read back %+v from %s", got, b)
		}
	})
}

func BenchmarkAppendJSON(b *testing.B) {
	e := sample()
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = e.AppendJSON(buf[:0])
	}
	b.SetBytes(int64(len(buf)))
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkSince reads a log of 50,000 events in pages of 1,000.
func BenchmarkSince(b *testing.B) {
	s := open(b)
	for range 500 {
		update(b, s, func(tx entity.Tx) error {
			for range 100 {
				if _, err := tx.Create(draft("person", collectionA)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	f := events.Feed{Source: s}
	n := 0
	b.ResetTimer()
	for b.Loop() {
		for after, more := entity.Seq(0), true; more; {
			p, err := f.Since(b.Context(), after, events.MaxLimit, events.Filter{})
			if err != nil {
				b.Fatal(err)
			}
			n += len(p.Events)
			after, more = p.Cursor, p.HasMore
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "events/s")
}
