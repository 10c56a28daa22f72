package entity

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// edits are what was written, in a map that it is written to.
type edits struct {
	rows map[string]string
	told []string
}

func (e *edits) Set(key, value []byte) {
	e.rows[string(key)] = string(value)
	e.told = append(e.told, "set "+string(key))
}

func (e *edits) Delete(key []byte) {
	delete(e.rows, string(key))
	e.told = append(e.told, "delete "+string(key))
}

func (e *edits) Add([]byte, Sums) { panic("a row of sums") }

func rowsOfText(text string) (rows []Row) {
	for _, f := range strings.Fields(text) {
		key, value, _ := strings.Cut(f, "=")
		rows = append(rows, Row{Key: []byte(key), Value: []byte(value)})
	}
	return rows
}

// What both versions have is not touched, wherever it stands in their lists.
func TestMoveRows(t *testing.T) {
	for _, c := range []struct{ was, is, want string }{
		{"", "", "[]"},
		{"", "a=1", "[set a]"},
		{"a=1", "", "[delete a]"},
		{"a=1 b", "a=1 b", "[]"},
		{"a=1 b", "b a=1", "[]"},
		{"a=1", "a=2", "[set a]"},
		{"a b c", "b", "[delete a delete c]"},
		{"b", "a b c", "[set a set c]"},
	} {
		e := edits{rows: map[string]string{}}
		MoveRows(&e, rowsOfText(c.was), rowsOfText(c.is))
		if got := fmt.Sprint(e.told); got != c.want {
			t.Errorf("%q to %q: %s, want %s", c.was, c.is, got, c.want)
		}
	}
}

// Whatever the two, the rows are those of the second afterwards, and no row is
// written twice.
func TestMoveRowsEndsRight(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	draw := func() (rows []Row) {
		for _, k := range random.Perm(6)[:random.IntN(7)] {
			rows = append(rows, Row{Key: []byte{byte('a' + k)}, Value: []byte{byte('0' + random.IntN(2))}})
		}
		return rows
	}
	for range 2000 {
		was, is := draw(), draw()
		e := edits{rows: map[string]string{}}
		want := map[string]string{}
		for _, r := range was {
			e.rows[string(r.Key)] = string(r.Value)
		}
		for _, r := range is {
			want[string(r.Key)] = string(r.Value)
		}
		MoveRows(&e, was, is)
		slices.Sort(e.told)
		if fmt.Sprint(e.rows) != fmt.Sprint(want) || len(slices.Compact(e.told)) != len(e.told) {
			t.Fatalf("%s to %s: %v by %v", was, is, e.rows, e.told)
		}
	}
}
