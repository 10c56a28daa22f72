package query

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"stemma/entity"
)

// TestCondition: what property filters hold for.
func TestCondition(t *testing.T) {
	v, err := entity.ParseJSON([]byte(`{"n":1850,"f":1.5,"big":9007199254740993,"s":"Ann Lee","b":true,"z":null,
		"list":[1,"two",[3]],"empty":[],"o":{"a":{"b":"deep"}},"works":[{"title":"Sea"},{"title":"Land","year":1900}],
		"link":{"/":"bafyreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"}}`), 0)
	if err != nil {
		t.Fatal(err)
	}
	props := v.(map[string]any)
	for text, want := range map[string]bool{
		`n = 1850`: true, `n = 1850.0`: true, `n != 1850`: false, `n > 1849.5`: true, `n < 1850.5`: true, `n >= 1850`: true, `n <= 1849`: false,
		`f = 1.5`: true, `f > 1`: true, `f < 2`: true, `f > 1.6`: false, `big = 9007199254740992`: false, `big > 9007199254740992.0`: true, `big < 1e300`: true, `big > -1e300`: true,
		`n = "1850"`: false, `n < "2"`: false, `n != "1850"`: true, `s = "Ann Lee"`: true, `s ~ "ANN"`: true, `s ~ "bob"`: false, `n ~ "18"`: false, `s < "B"`: true, `s < 5`: false,
		`b = true`: true, `b = false`: false, `b != false`: true, `b = "true"`: false,
		`z = null`: true, `z != null`: false, `none = null`: true, `none != null`: false, `n = null`: false, `n != null`: true, `empty = null`: false,
		`none = 1`: false, `none != 1`: true, `none < 1`: false, `none.x.y = 1`: false, `n.x = 1`: false,
		`list = 1`: true, `list = "two"`: true, `list = 3`: true, `list = 4`: false, `list != 4`: true, `list ~ "TW"`: true, `empty = 1`: false,
		`o.a.b = "deep"`: true, `o.a.b.c = "deep"`: false, `o = "deep"`: false, `o != null`: true, `o.a != null`: true, `o.x = null`: true,
		`works.title = "Land"`: true, `works.title ~ "sea"`: true, `works.title = "Sky"`: false, `works.year != null`: true, `works.month = null`: true,
		`link ~ "bafyrei"`: true,
	} {
		q, err := Parse("@a [" + text + "]")
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if got := q.Filter.Where[0].holds(props); got != want {
			t.Errorf("%s: %t", text, got)
		}
	}
	if orderMixed(math.MaxInt64, 1<<63) != -1 || orderMixed(math.MinInt64, -(1<<63)) != 0 || orderMixed(-2, -1.5) != -1 || orderMixed(-1, -1.5) != 1 {
		t.Error("int64 and float64 at the edges")
	}
}

// hub is one person who knows n others, each of whom knows the last.
func hub(n int) *world {
	w := newWorld()
	w.add("HUB", "person", nil)
	w.add("LAST", "person", nil)
	for i := range n {
		id := entity.ID(fmt.Sprintf("P%05d", i))
		w.add(id, "person", nil)
		w.link("HUB", "knows", id)
		w.link(id, "knows", "LAST")
	}
	return w
}

// TestBudget: a bound that is met cuts the answer short and says so, in each
// way of searching; what is there is right.
func TestBudget(t *testing.T) {
	w := hub(500)
	for _, text := range []string{
		`@HUB -[knows]-> type:person`, `@HUB -[knows]{2}->`, `@HUB -[knows]{,3}-> type:person -[knows]-> type:person`,
		`type:person -[knows]-> type:person`, `type:person[x = null] | limit 400`, `@HUB -[knows]{2,}-> @LAST`, `@LAST <-[knows]- type:person <-[*]- @HUB`,
	} {
		q, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		full, err := q.Run(ctx(), w, Options{Lookup: w})
		if err != nil || full.Meta.Truncated || len(full.Items) == 0 {
			t.Errorf("%s: %+v, %v; want an answer", text, full, err)
		}
		yielded := 0
		w.looked = func() { yielded++ }
		res, err := q.Run(ctx(), w, Options{MaxEdges: 100, Lookup: w})
		w.looked = nil
		if err != nil || !res.Meta.Truncated || !strings.Contains(res.Meta.Reason, "bound of 100 edges") || res.Meta.Error != "" {
			t.Errorf("%s: %+v, %v; want it truncated", text, res, err)
			continue
		}
		if yielded > 105 { // each stage that the bound ends has looked at one more
			t.Errorf("%s looked at %d edges with a bound of 100", text, yielded)
		}
		for _, item := range res.Items {
			if _, ok := verify(t, w, q, item); !ok {
				t.Errorf("%s: a wrong result", text)
			}
		}
	}
}

// expiring is a context whose end comes when it has been asked n times.
type expiring struct {
	context.Context
	left int
	err  error
}

func (e *expiring) Err() error {
	if e.left--; e.left < 0 {
		return e.err
	}
	return nil
}

// TestDeadline: a deadline that passes truncates, wherever it finds the query;
// a canceled request is an error.
func TestDeadline(t *testing.T) {
	w := hub(2000)
	for _, text := range []string{
		`@HUB -[knows]-> type:person`, `@HUB -[knows]{2,3}-> @LAST`, `type:person[x = null] -[knows]->`, `type:person | limit 1000`,
		`@HUB -[~know]-> [x = null]`, `type:person -[knows]-> type:person <-[knows]- @HUB`,
	} {
		q, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, left := range []int{0, 1, 2, 3} {
			res, err := q.Run(&expiring{ctx(), left, context.DeadlineExceeded}, w, Options{Lookup: w, Scorer: w})
			if err != nil || !res.Meta.Truncated || res.Meta.Reason != "the deadline passed" {
				t.Errorf("%s, deadline after %d looks: %+v, %v", text, left, res, err)
			}
			if _, err := q.Run(&expiring{ctx(), left, context.Canceled}, w, Options{Lookup: w, Scorer: w}); entity.KindOf(err) != entity.KindCanceled {
				t.Errorf("%s, canceled after %d looks: %v", text, left, err)
			}
		}
	}
	done, cancel := context.WithCancel(ctx())
	cancel()
	q, _ := Parse(`"ann"`)
	if _, err := q.Run(done, w, Options{Scorer: w}); entity.KindOf(err) != entity.KindCanceled {
		t.Errorf("canceled before the scorer: %v", err)
	}
}

// TestMetadata: the clock is the one given, and options are checked.
func TestMetadata(t *testing.T) {
	w := hub(3)
	at := time.Unix(0, 0)
	now := func() time.Time { at = at.Add(1500 * time.Microsecond); return at }
	q, err := Parse(`@HUB -[knows]->`)
	if err != nil {
		t.Fatal(err)
	}
	res, err := q.Run(ctx(), w, Options{Now: now})
	if err != nil || res.Meta.ExecutionTime != 1.5 || res.Meta.K != DefaultK || res.Meta.KExplore != 3*DefaultK {
		t.Errorf("%+v, %v", res, err)
	}
	for _, o := range []Options{{K: -1}, {K: 101}, {KExplore: 301}, {KExplore: -1}, {MaxEdges: -1}} {
		if _, err := q.Run(ctx(), w, o); entity.KindOf(err) != entity.KindInvalid {
			t.Errorf("%+v: %v", o, err)
		}
	}
	for _, text := range []string{`@HUB [x = 1]`, `@:collection(HUB) type:person`} {
		q, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := q.Run(ctx(), w, Options{}); entity.KindOf(err) != entity.KindNotImplemented {
			t.Errorf("%s without a Lookup: %v", text, err)
		}
	}
}

// BenchmarkHub walks 100,000 edges.
func BenchmarkHub(b *testing.B) {
	w := hub(50_000)
	q, err := Parse(`@HUB -[knows]{2}-> @LAST`)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := q.Run(ctx(), w, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
