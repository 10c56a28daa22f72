package graph

import (
	"context"
	"strings"
	"testing"

	"stemma/entity"
)

// outline writes a tree as "1(2(3) 4)".
func outline(n *TreeNode) string {
	if n == nil {
		return ""
	}
	s := shortID(n.ID)
	if len(n.Children) == 0 {
		return s
	}
	var parts []string
	for _, c := range n.Children {
		if c.Depth != n.Depth+1 {
			return "wrong depth"
		}
		parts = append(parts, outline(c))
	}
	return s + "(" + strings.Join(parts, " ") + ")"
}

// library is a collection 1 with folders 2, 3 (in 2) and 4, files 10 to 15 and
// an entity 16 in no folder; 20 belongs to another collection 19.
func library(t *testing.T) *Snapshot {
	w := newWorld(t)
	home := rel("collection", 1)
	w.add(1, entity.TypeCollection, rel("owner", 50))
	w.add(50, "user")
	w.add(2, "folder", home, rel("contains", 3), rel("contains", 10), rel("contains", 99))
	w.add(3, "folder", home, rel("in", 2), rel("contains", 11), rel("contains", 2))
	w.add(4, "folder", home, rel("contains", 12), rel("contains", 20))
	w.add(10, "file", home, rel("in", 2))
	w.add(11, "file", home)
	w.add(12, "file", home)
	w.add(13, "file", home, rel("in", 4), rel("collection", 19))
	w.add(14, "file", home, rel("in", 98))
	w.add(15, "file", home)
	w.add(16, "note", home, rel("cites", 15), rel("cites", 16))
	w.add(19, entity.TypeCollection, rel("contains", 15))
	w.add(20, "file", rel("collection", 19))
	w.add(21, "file", home)
	w.put(testID(21), nil)
	return w.commit()
}

func TestTree(t *testing.T) {
	s := library(t)
	for _, c := range []struct {
		name      string
		q         TreeQuery
		want      string
		truncated bool
	}{
		{"folder", TreeQuery{Root: testID(4), Depth: 2}, "4(12 20)", false},
		{"folder, within the collection", TreeQuery{Root: testID(4), Depth: 2, Collection: testID(1)}, "4(12)", false},
		{"within an unknown collection", TreeQuery{Root: testID(4), Depth: 2, Collection: testID(70)}, "4", false},
		{"cycle, dead ends, depth", TreeQuery{Root: testID(3), Depth: 1}, "3(2 11)", false},
		{"up along in", TreeQuery{Root: testID(10), Depth: 3, Predicates: []entity.Predicate{"in"}}, "10(2)", false},
		{"collection when named", TreeQuery{Root: testID(16), Depth: 1, Predicates: []entity.Predicate{"collection"}}, "16(1)", false},
		{"no predicate at all", TreeQuery{Root: testID(16), Depth: 1, Predicates: []entity.Predicate{}}, "16", false},
		{"loop", TreeQuery{Root: testID(16), Depth: 4}, "16(15)", false},
		// 3 is in 2 and contains it in turn, so that 2 stands in a folder as well.
		{"collection, top level", TreeQuery{Root: testID(1), Depth: 1}, "1(50 4 14 15 16)", false},
		{"collection, deeper", TreeQuery{Root: testID(1), Depth: 2}, "1(50 4(12 20) 14 15 16)", false},
		{"collection, by predicate", TreeQuery{Root: testID(1), Depth: 2, Predicates: []entity.Predicate{"owner"}}, "1(50)", false},
		{"limit cuts the deepest", TreeQuery{Root: testID(1), Depth: 2, Limit: 7}, "1(50 4(12) 14 15 16)", true},
		{"limit of exactly all", TreeQuery{Root: testID(1), Depth: 2, Limit: 8}, "1(50 4(12 20) 14 15 16)", false},
		{"limit of one", TreeQuery{Root: testID(4), Depth: 2, Limit: 1}, "4", true},
		{"bound", TreeQuery{Root: testID(4), Depth: 2, MaxEdges: 2}, "4(12)", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			root, total, truncated, err := s.Tree(context.Background(), c.q)
			if err != nil {
				t.Fatal(err)
			}
			if got := outline(root); got != c.want || truncated != c.truncated {
				t.Errorf("tree %s, truncated %v; want %s, %v", got, truncated, c.want, c.truncated)
			}
			if n := strings.Count(strings.NewReplacer("(", " ", ")", "").Replace(c.want), " ") + 1; total != n {
				t.Errorf("total %d, want %d", total, n)
			}
		})
	}
}
