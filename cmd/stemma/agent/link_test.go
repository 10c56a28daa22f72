package agent

import (
	"fmt"
	"testing"

	"stemma/entity"
)

// What is mentioned is what has the label, whole and alone; what several are
// called by, and what is too short to tell, is nobody.
func TestTies(t *testing.T) {
	entities := []Entity{
		{ID: "A", Properties: map[string]any{"label": "Ann Lee", "place": "Leeds"}},
		{ID: "B", Properties: map[string]any{"label": "Leeds", "place": "leeds"}},
		{ID: "C", Properties: map[string]any{"label": "Job"}},
		{ID: "D", Properties: map[string]any{"label": "Twin"}},
		{ID: "E", Properties: map[string]any{"label": "Twin"}},
		{ID: "F", Properties: map[string]any{"label": "Note", "text": "ANN LEE, of Leeds; Twin and Job, Annlee", "deep": []any{map[string]any{"x": "ann-lee again"}}, "place": "Leeds"}},
		{ID: "G", Properties: map[string]any{"place": map[string]any{"a": int64(1)}}},
		{ID: "H", Properties: map[string]any{"place": map[string]any{"a": int64(1)}}},
	}
	l := &linker{property: "place", mentions: true, byLabel: map[string]entity.ID{}, labels: map[entity.ID]string{}, values: map[string]entity.ID{}}
	for _, e := range entities {
		if err := l.learn(e); err != nil {
			t.Fatal(err)
		}
	}
	want := map[entity.ID]string{
		"A": "[{mentions B Leeds}]", "B": "[]", "C": "[]", "D": "[]", "E": "[]",
		"F": "[{same_place A Ann Lee} {mentions A Ann Lee} {mentions B Leeds}]", "G": "[]", "H": "[{same_place G }]",
	}
	for _, e := range entities {
		if got := fmt.Sprint(l.of(e)); got != want[e.ID] {
			t.Errorf("%s: %s, want %s", e.ID, got, want[e.ID])
		}
	}
}

func TestTop(t *testing.T) {
	if got := fmt.Sprint(top(map[string]int{"b": 2, "a": 2, "c": 3, "d": 1}, 3)); got != "[{c 3} {a 2} {b 2}]" {
		t.Error(got)
	}
}
