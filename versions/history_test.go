package versions_test

import (
	"fmt"
	"slices"
	"testing"

	"stemma/entity"
	"stemma/versions"
)

func TestHistoryPages(t *testing.T) {
	s := newMemory()
	s.fill(t, idA, 25)
	s.fill(t, idB, 3)
	for _, limit := range []int{1, 7, 10, 24, 25, 26, versions.MaxLimit} {
		var seen []int64
		var from entity.CID
		for {
			page, err := versions.History(s, idA, from, limit)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range page.Versions {
				want := versions.Info{Ver: v.Ver, CID: s.versions[idA][v.Ver-1], TS: entity.FormatMillis(epoch + v.Ver*1000),
					EditedBy: entity.Actor{UserID: idC, Method: entity.MethodManual}, Note: fmt.Sprint("edit ", v.Ver)}
				if v != want {
					t.Fatalf("got %+v, want %+v", v, want)
				}
				seen = append(seen, v.Ver)
			}
			if page.HasMore != page.Next.Defined() || page.HasMore && len(page.Versions) != limit {
				t.Fatalf("limit %d: a page of %d with HasMore %v and Next %v", limit, len(page.Versions), page.HasMore, page.Next)
			}
			if !page.HasMore {
				break
			}
			from = page.Next
		}
		if len(seen) != 25 || seen[0] != 25 || seen[24] != 1 || !slices.IsSortedFunc(seen, func(a, b int64) int { return int(b - a) }) {
			t.Errorf("limit %d: the pages together hold %v, want 25 down to 1", limit, seen)
		}
	}
}

// from is part of the page: the first of it.
func TestHistoryFrom(t *testing.T) {
	s := newMemory()
	s.fill(t, idA, 5)
	for ver := int64(1); ver <= 5; ver++ {
		page, err := versions.History(s, idA, s.versions[idA][ver-1], 1)
		if err != nil || len(page.Versions) != 1 || page.Versions[0].Ver != ver || page.HasMore != (ver > 1) {
			t.Errorf("from version %d: %+v, %v", ver, page, err)
		}
	}
}

func TestHistoryRefuses(t *testing.T) {
	s := newMemory()
	s.fill(t, idA, 3)
	s.fill(t, idB, 3)
	stray := manifest(t, idA, `{"never":"committed"}`)
	stray.Ver, stray.Prev = 2, &entity.Link{CID: s.versions[idA][0]}
	late := stray.Clone()
	late.Ver = 9
	for name, tt := range map[string]struct {
		id    entity.ID
		from  entity.CID
		limit int
		kind  entity.Kind
	}{
		"limit 0":              {idA, entity.CID{}, 0, entity.KindInvalid},
		"limit -1":             {idA, entity.CID{}, -1, entity.KindInvalid},
		"limit 1001":           {idA, entity.CID{}, versions.MaxLimit + 1, entity.KindInvalid},
		"unknown entity":       {idC, entity.CID{}, 10, entity.KindNotFound},
		"unknown entity, from": {idC, s.versions[idA][0], 10, entity.KindInvalid},
		"another entity's":     {idA, s.versions[idB][1], 10, entity.KindInvalid},
		"unknown version":      {idA, entity.SumBlock(nil), 10, entity.KindNotFound},
		"a file":               {idA, entity.SumRaw(nil), 10, entity.KindNotFound},
		"never a version":      {idA, s.keep(t, stray), 10, entity.KindNotFound},
		"past the tip":         {idA, s.keep(t, late), 10, entity.KindNotFound},
	} {
		page, err := versions.History(s, tt.id, tt.from, tt.limit)
		if err == nil || entity.KindOf(err) != tt.kind || page.Versions != nil {
			t.Errorf("%s: %+v, %v; want %v", name, page, err, tt.kind)
		}
	}
}

// Law: nothing walks prev links. What a page, a diff and a restore look up is
// the same number of things at 10 and at 10,000 versions, at either end.
func TestLookUpsDoNotGrow(t *testing.T) {
	counts := map[int]map[string]int{}
	for _, n := range []int{10, 10_000} {
		s := newMemory()
		s.fill(t, idA, n)
		grave := manifest(t, idA, `{}`)
		grave.Bury(entity.Tombstone{OriginalVer: 3, DeletedBy: idC})
		tip := s.put(t, grave)
		third, middle := s.versions[idA][2], s.versions[idA][n/2]
		reads := map[string]int{}
		count := func(name string, fn func() error) {
			s.reads = 0
			if err := fn(); err != nil {
				t.Fatalf("%s of %d versions: %v", name, n, err)
			}
			reads[name] = s.reads
		}
		page := func(from entity.CID, limit int) func() error {
			return func() error { _, err := versions.History(s, idA, from, limit); return err }
		}
		diff := func(from, to entity.CID) func() error {
			return func() error { _, err := versions.Diff(s, idA, from, to); return err }
		}
		count("newest page", page(entity.CID{}, 3))
		count("page in the middle", page(middle, 3))
		count("page at version 3", page(third, 3))
		count("default diff", diff(entity.CID{}, entity.CID{}))
		count("diff to version 3", diff(entity.CID{}, third))
		count("diff from version 3 to the tip", diff(third, entity.CID{}))
		count("diff from the middle to version 3", diff(middle, third))
		count("version 3", func() error { _, err := versions.At(s, idA, 3); return err })
		count("restore", func() error {
			m, err := s.Manifest(tip)
			if err != nil {
				return err
			}
			v, err := versions.LastLive(s, m)
			if err == nil && v.Manifest.Ver != 3 {
				err = fmt.Errorf("restored version %d, want 3", v.Manifest.Ver)
			}
			return err
		})
		counts[n] = reads
	}
	for name, few := range counts[10] {
		if many := counts[10_000][name]; many != few || many > 10 {
			t.Errorf("%s: %d look-ups at 10 versions, %d at 10,000; want the same, at most 10", name, few, many)
		}
	}
	if counts[10]["version 3"] != 2 || counts[10]["restore"] != 3 {
		t.Errorf("version 3 takes %d look-ups and a restore %d; want 2 (its CID, its manifest) and 3 (with the tip)", counts[10]["version 3"], counts[10]["restore"])
	}
}
