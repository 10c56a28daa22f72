package archive_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"stemma/cmd/stemma/archive"
	"stemma/entity"
	"stemma/entity/storetest"
)

// sealed gives a block of anything that can be encoded.
func sealed(t testing.TB, v any) block {
	t.Helper()
	b, c, err := entity.EncodeBlock(v)
	if err != nil {
		t.Fatal(err)
	}
	return block{c, b}
}

// Each block that cannot be taken is refused with a reason that names it; the
// others are taken, and nothing else is written.
func TestRefused(t *testing.T) {
	from := newPlace(t)
	letter := from.create(t, entity.Draft{Type: "letter"}).Manifest.ID
	other := from.create(t, entity.Draft{Type: "letter"}).Manifest.ID
	for n := range 3 {
		from.put(t, letter, set("n", int64(n)))
	}
	from.update(t, func(tx entity.Tx) error {
		for range 3 {
			if _, err := tx.Append(letter, "log", entity.Any, nil); err != nil {
				return err
			}
		}
		return nil
	})
	_, file := unpack(t, mustExport(t, from, archive.Selection{Entity: letter}))
	_, others := unpack(t, mustExport(t, from, archive.Selection{Entity: other}))
	versions, chain := file[:4], file[4:]
	foreign := elsewhere(t, entity.Test)
	forgedLink := sealed(t, map[string]any{"prev": entity.Link{CID: versions[3].cid}})
	damaged := block{versions[1].cid, versions[2].data}
	for name, c := range map[string]struct {
		blocks []block
		taken  int
		want   []string // reasons, each of one refusal
	}{
		"a gap":              {slices.Concat(versions[:1], versions[2:], others), 2, []string{"it follows version 2 of " + string(letter), "it follows version 3 of " + string(letter)}},
		"no first version":   {slices.Concat(versions[1:2], others), 1, []string{"it follows version 1 of " + string(letter) + ", which is neither in the file nor here"}},
		"a chain's gap":      {slices.Concat(versions[:1], chain[:1], chain[2:]), 2, []string{"it follows block 2 of the chain log of " + string(letter)}},
		"a chain of nobody":  {slices.Concat(chain, others), 1, []string{"it follows version 1 of " + string(letter), "it follows version 1 of " + string(letter), "it follows version 1 of " + string(letter)}},
		"another network":    {slices.Concat(foreign, others), 1, []string{"of the test network"}},
		"damaged":            {slices.Concat(versions[:1], []block{damaged}, versions[2:3], others), 2, []string{"its bytes have another hash", "it follows version 2"}},
		"no block of ours":   {slices.Concat([]block{forgedLink}, others), 1, []string{"neither a version of an entity"}},
		"no cbor":            {slices.Concat([]block{{entity.SumBlock([]byte{0xff}), []byte{0xff}}}, others), 1, []string{"neither a version of an entity"}},
		"no strict manifest": {slices.Concat([]block{sealed(t, lax(t, versions[0]))}, others), 1, []string{"not a Manifest"}},
		"an invalid one":     {slices.Concat([]block{sealed(t, invalid(t, versions[0]))}, others), 1, []string{"Validation failed; created_at must be a time"}},
	} {
		t.Run(name, func(t *testing.T) {
			to := newPlace(t)
			report, refused := to.take(t, pack(t, c.blocks), archive.ImportOptions{})
			if report.Versions+report.ChainBlocks != c.taken || int(to.Seq()) != c.taken {
				t.Errorf("took %+v, want %d", report, c.taken)
			}
			var got []string
			for _, r := range refused {
				got = append(got, r.Reason)
				if r.CID == "" {
					t.Errorf("%+v has no name", r)
				}
			}
			slices.Sort(got)
			slices.Sort(c.want)
			if !slices.EqualFunc(got, c.want, strings.Contains) {
				t.Errorf("refused %q, want %q", got, c.want)
			}
		})
	}
}

// elsewhere is an entity of a store of the network.
func elsewhere(t testing.TB, n entity.Network) []block {
	t.Helper()
	s, err := storetest.NewOracle(storetest.Options{Network: n, Clock: storetest.NewClock().Now, Entropy: storetest.Entropy(5)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var out block
	if _, err := s.Update(t.Context(), actor, func(tx entity.Tx) error {
		v, err := tx.Create(entity.Draft{Type: "letter"})
		if err != nil {
			return err
		}
		b, c, err := v.Manifest.Seal()
		out = block{c, b}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return []block{out}
}

// lax is a manifest with a field that none has.
func lax(t testing.TB, b block) map[string]any {
	t.Helper()
	m, err := entity.DecodeManifest(b.data)
	if err != nil {
		t.Fatal(err)
	}
	v := m.Value()
	v["extra"] = "field"
	return v
}

// invalid is a manifest that breaks a rule.
func invalid(t testing.TB, b block) map[string]any {
	t.Helper()
	m, err := entity.DecodeManifest(b.data)
	if err != nil {
		t.Fatal(err)
	}
	v := m.Value()
	v["created_at"] = "yesterday"
	return v
}

func mustExport(t testing.TB, p *place, s archive.Selection) []byte {
	t.Helper()
	file, _ := p.export(t, s)
	return file
}

// Where two stores have gone different ways, the one that imports keeps its own.
func TestForks(t *testing.T) {
	from, to := newPlace(t), newPlace(t)
	id := from.create(t, entity.Draft{Type: "letter"}).Manifest.ID
	if _, refused := to.take(t, mustExport(t, from, archive.Selection{}), archive.ImportOptions{}); len(refused) > 0 {
		t.Fatal(refused)
	}
	for n := range 3 {
		from.put(t, id, set("theirs", int64(n)))
	}
	ours := to.put(t, id, set("ours", true))
	report, refused := to.take(t, mustExport(t, from, archive.Selection{}), archive.ImportOptions{})
	if report.Known != 1 || report.Versions != 0 || len(refused) != 3 {
		t.Errorf("%+v, %+v", report, refused)
	}
	for _, r := range refused {
		if r.Entity != id || r.N < 2 || !strings.Contains(r.Reason, fmt.Sprintf("version %d of %s as it is here", r.N-1, id)) && !strings.Contains(r.Reason, "neither in the file nor here") {
			t.Errorf("%+v", r)
		}
	}
	if err := to.View(t.Context(), func(r entity.Reader) error {
		h, err := r.Head(id)
		if h.CID() != ours.CID {
			t.Errorf("the tip is %s", h.CID())
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// What waits for others is bounded, and the error says what to do.
func TestBuffer(t *testing.T) {
	from := newPlace(t)
	id := from.create(t, entity.Draft{Type: "letter"}).Manifest.ID
	for n := range 40 {
		from.put(t, id, set("text", strings.Repeat("x", 100_000+n)))
	}
	_, blocks := unpack(t, mustExport(t, from, archive.Selection{Entity: id}))
	slices.Reverse(blocks)
	file := pack(t, blocks)
	to := newPlace(t)
	_, err := archive.Import(t.Context(), to, bytes.NewReader(file), archive.ImportOptions{By: actor.UserID, Buffer: 1 << 20})
	if err == nil || entity.KindOf(err) != entity.KindTooLarge || !strings.Contains(err.Error(), "--buffer") {
		t.Errorf("a buffer of 1 MiB: %v", err)
	}
	if report, refused := to.take(t, file, archive.ImportOptions{Buffer: 8 << 20}); report.Versions != 41 || len(refused) > 0 {
		t.Errorf("a buffer of 8 MiB: %+v, %v", report, refused)
	}
}

// An entity with more relationships than go into many keys is taken, alone in
// its transaction if need be.
func TestManyRelationships(t *testing.T) {
	from, to := newPlace(t), newPlace(t)
	ids := entity.NewIDSource(storetest.NewClock().Now, storetest.Entropy(3))
	for range 2 {
		d := entity.Draft{Type: "hub"}
		for i := range 9000 {
			d.Relationships = append(d.Relationships, entity.Relationship{Predicate: "knows", Peer: ids.New(entity.Main), PeerLabel: fmt.Sprint("peer ", i)})
		}
		id := from.create(t, d).Manifest.ID
		from.put(t, id, func(m *entity.Manifest) error {
			m.Relationships = m.Relationships[:10]
			return nil
		})
	}
	if report, refused := to.take(t, mustExport(t, from, archive.Selection{}), archive.ImportOptions{}); report.Versions != 4 || len(refused) > 0 {
		t.Errorf("%+v, %v", report, refused)
	}
}
