package native_test

import (
	"encoding/json"
	"regexp"
	"testing"
)

// What the published clients of the specification look for in the body of a
// lost compare-and-swap (arke-notes, section 2): withCasRetry retries when the
// text of the error begins with casPrefix or the body holds status 409, and
// takes the tips from the text or from details; parseApiError takes them from
// details; older helpers search the whole body for any of four words.
var (
	casPrefix = regexp.MustCompile(`^CAS failure:`)
	casTips   = regexp.MustCompile(`expected tip (\S+), got (\S+)`)
	casOlder  = regexp.MustCompile(`(?i)409|Conflict|cas|expect_tip`)
)

// checkConflict holds the body of a lost compare-and-swap against every known
// client and gives the tips it names.
func checkConflict(t *testing.T, text []byte) (expected, actual string) {
	t.Helper()
	var body struct {
		Error, Code, Message string
		Status               int
		Details              struct{ Expected, Expect, Actual string }
	}
	if err := json.Unmarshal(text, &body); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	d := body.Details
	switch {
	case !casPrefix.MatchString(body.Error), body.Status != 409, body.Code != "CAS_FAILURE", body.Message != body.Error:
		t.Errorf("a client would not try again: %s", text)
	case d.Expected == "" || d.Actual == "" || d.Expect != d.Expected:
		t.Errorf("a client does not find the tips: %s", text)
	case body.Error != "CAS failure: expected tip "+d.Expected+", got "+d.Actual:
		t.Errorf("the text names other tips than the details: %s", text)
	case !casOlder.Match(text):
		t.Errorf("an older client does not see a conflict: %s", text)
	}
	return d.Expected, d.Actual
}

// Every operation that takes a tip answers a lost compare-and-swap so that a
// client can find the tip to try again with, and with it succeeds.
func TestConflictIsWhatClientsRead(t *testing.T) {
	w := newRig(t, rigOptions{})
	id, first := w.create(t, object{"type": "note"})
	second := w.must(t, 200, "PUT", "/entities/"+id, object{"expect_tip": first})["cid"].(string)
	out := w.call("PUT", "/entities/"+id, encode(t, object{"expect_tip": first}))
	if out.Code != 409 {
		t.Fatalf("status %d: %s", out.Code, out.Body)
	}
	expected, actual := checkConflict(t, out.Body.Bytes())
	if expected != first || actual != second {
		t.Errorf("the conflict is between %s and %s, not %s and %s", expected, actual, first, second)
	}
	text := decode(t, out.Body.Bytes())["error"].(string)
	if m := casTips.FindStringSubmatch(text); m == nil || m[1] != first || m[2] != second {
		t.Errorf("the tips are not found in %q", text)
	}
	if etag := out.Header().Get("Etag"); etag != "" {
		t.Errorf("an error has the ETag %s", etag)
	}
	w.must(t, 200, "PUT", "/entities/"+id, object{"expect_tip": actual})
}
