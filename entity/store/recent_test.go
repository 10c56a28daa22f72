package store

import (
	"fmt"
	"testing"

	"stemma/entity"
)

// The end of the log that is kept in memory is what lies on disk, as far as it
// reaches, and is not there where it does not.
func TestRecentRecords(t *testing.T) {
	s := openPacked(t, t.TempDir())
	defer mustClose(t, s)
	for i := range 2 * mostRecent {
		if _, err := s.Update(t.Context(), packer, func(tx entity.Tx) error {
			for range i%3 + 1 {
				if _, err := tx.Create(entity.Draft{Type: "note"}); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	v := s.view()
	defer v.release()
	kept := 0
	for after := range v.Seq() + 2 {
		var want, got []string
		for r, err := range v.records(logKey(after+1), false) {
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, fmt.Sprintf("%+v", *r))
		}
		records, ok := s.recents.after(after, v.Seq())
		if !ok {
			continue
		}
		kept++
		for _, r := range records {
			got = append(got, fmt.Sprintf("%+v", *r))
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("after %d\nkept are %s\nwant     %s", after, got, want)
		}
	}
	if kept < mostRecent || kept > int(v.Seq()) {
		t.Errorf("of %d changes %d are kept", v.Seq(), kept)
	}
	if records, ok := s.recents.after(v.Seq()-1, v.Seq()-1); !ok || len(records) > 0 {
		t.Errorf("after the last there are %d records", len(records))
	}
	if _, ok := s.recents.after(0, v.Seq()); ok {
		t.Error("the beginning of the log is kept")
	}
}
