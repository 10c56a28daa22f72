package native_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"stemma/entity"
	"stemma/versions/car"
)

// askBlocks asks for blocks and gives those of the answer.
func askBlocks(t *testing.T, w *rig, want []string, headers ...string) (got []car.Block) {
	t.Helper()
	out := w.call("POST", "/ipfs/blocks", encode(t, object{"cids": want}), headers...)
	if out.Code != http.StatusOK || out.Header().Get("Content-Type") != "application/vnd.ipld.car" {
		t.Fatalf("status %d, %s: %s", out.Code, out.Header().Get("Content-Type"), out.Body)
	}
	r, err := car.NewReader(out.Body, car.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Roots()) != 0 {
		t.Errorf("roots %v", r.Roots())
	}
	for {
		b, err := r.Next()
		if err == io.EOF {
			return got
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, b)
	}
}

// Versions and blocks of chains come in the order asked, as they are stored,
// for the reader, for nobody in particular, and of deleted entities; what is
// not here, or on the other network, is left out.
func TestBlocks(t *testing.T) {
	w := newRig(t, rigOptions{})
	id, first := w.create(t, object{"type": "note", "properties": object{"label": strings.Repeat("long ", 40_000)}})
	second := w.must(t, 200, "PUT", "/entities/"+id, object{"expect_tip": first, "properties": object{"x": 1}})["cid"].(string)
	third := w.must(t, 200, "DELETE", "/entities/"+id, object{"expect_tip": second})["cid"].(string)
	other, fourth := w.create(t, object{"type": "note"})
	var link entity.ChainRef
	_, err := w.main().Update(t.Context(), entity.Actor{UserID: ownerID, Method: entity.MethodManual}, func(tx entity.Tx) (err error) {
		link, err = tx.Append(entity.ID(other), "steps", entity.Any, entity.Properties{"text": "a step"})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	missing := entity.SumBlock([]byte("nowhere")).String()
	ask := []string{fourth, missing, third, first, first, link.CID.String(), second}
	want := []string{fourth, third, first, first, link.CID.String(), second}
	for _, headers := range [][]string{nil, {"Authorization", "ApiKey " + readKey}, {"Authorization", ""}} {
		got := askBlocks(t, w, ask, headers...)
		if len(got) != len(want) {
			t.Fatalf("%d blocks; want %d", len(got), len(want))
		}
		for i, b := range got {
			if b.CID.String() != want[i] {
				t.Errorf("block %d is %s; want %s", i, b.CID, want[i])
			}
			err := w.main().View(t.Context(), func(r entity.Reader) error {
				stored, err := r.Block(b.CID)
				if !bytes.Equal(stored, b.Data) {
					t.Errorf("block %d is not what is stored", i)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		}
	}
	if got := askBlocks(t, w, ask, "X-Arke-Network", "test"); len(got) != 0 {
		t.Errorf("%d blocks on the other network", len(got))
	}
}

// What cannot be asked for is refused before anything is read.
func TestBlocksBadInput(t *testing.T) {
	w := newRig(t, rigOptions{})
	cid := entity.SumBlock([]byte("x")).String()
	for body, status := range map[string]int{
		``:                         400,
		`{}`:                       400,
		`{"cids":[]}`:              400,
		`{"cids":"` + cid + `"}`:   400,
		`{"cids":["bafy"]}`:        400,
		`{"cids":[1]}`:             400,
		`{"cids":[null]}`:          400,
		`{"cids":["` + cid + `"]}`: 200,
		fmt.Sprintf(`{"cids":[%s"%s"]}`, strings.Repeat(`"`+cid+`",`, 999), cid):  200,
		fmt.Sprintf(`{"cids":[%s"%s"]}`, strings.Repeat(`"`+cid+`",`, 1000), cid): 400,
	} {
		if out := w.call("POST", "/ipfs/blocks", body); out.Code != status {
			t.Errorf("%.80s: status %d, want %d: %.200s", body, out.Code, status, out.Body)
		}
	}
}
