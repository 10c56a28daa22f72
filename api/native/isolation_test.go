package native_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"stemma/api/wire"
	"stemma/entity"
)

// side is one of two tenants that must know nothing of one another.
type isolated struct {
	marker  string // in every label and property that it writes
	vars    map[string]string
	callers []*matrixCaller
	sent    map[string]bool // ids and CIDs that its members wrote into requests
}

var nameForm = regexp.MustCompile(`\b(?:[0-9A-Z]{26}|baf[a-z2-7]{56})\b`)

// own are the names of what the side has: what an answer to others must not hold.
func (s *isolated) own() map[string]bool {
	names := map[string]bool{}
	for _, v := range s.vars {
		if nameForm.MatchString(v) {
			names[v] = true
		}
	}
	for _, c := range s.callers {
		if c.p.ID != "" && len(s.vars) > 0 { // who is in no tenant is a user that everybody may view
			names[string(c.p.ID)] = true
		}
	}
	return names
}

// Two tenants, and whoever is in neither: of thousands of requests of every
// kind, about what is theirs and what is not, with names that they should not
// even know, no answer has a byte of the other's: no label, no property, no
// content, and no name that the caller had not sent before.
func TestTenantsAreIsolated(t *testing.T) {
	const requests = 2000
	for seed := range uint64(2) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 7))
			w := newRig(t, rigOptions{})
			sides := []*isolated{{marker: "alphaSECRET"}, {marker: "betaSECRET"}, {marker: "nobodySECRET"}}
			for _, s := range sides[:2] {
				s.callers = slices.DeleteFunc(matrixCallers(), func(c *matrixCaller) bool { return c.system || c.name == "anonymous" || c.name == "stranger" })
				w.enrolAs(t, s)
			}
			sides[2].callers = slices.DeleteFunc(matrixCallers(), func(c *matrixCaller) bool { return c.name != "anonymous" && c.name != "stranger" })
			w.enrolAs(t, sides[2])
			sides[2].vars = map[string]string{}
			rows := badRows()
			shared := w.sharedNames(t)
			for range requests {
				s := sides[rng.IntN(len(sides))]
				c := s.callers[rng.IntN(len(s.callers))]
				op := &w.ops[rng.IntN(len(w.ops))]
				row := rows[op.ID]
				if rng.IntN(10) == 0 {
					op = &w.ops[slices.IndexFunc(w.ops, func(op wire.Operation) bool { return op.ID == "query" })]
					row = badRow{path: op.Path, body: `{"path":"` + isolatedTexts[rng.IntN(len(isolatedTexts))] + `","k":100,"expand":"preview"}`}
				}
				if matrixRows[op.ID] == "credentials" || row.before != nil {
					continue
				}
				vars := mixed(rng, s.vars, sides[rng.IntN(2)].vars, sides[rng.IntN(2)].vars)
				path, body := fill(vars, row.path), chosenID.ReplaceAllString(fill(vars, row.body), "")
				body = strings.ReplaceAll(body, `"visibility":"public"`, `"visibility":"private"`) // what is made public is no secret
				for _, name := range nameForm.FindAllString(path+" "+body, -1) {
					s.sent[name] = true
				}
				headers := []string{"Authorization", ""}
				if c.key != "" {
					headers[1] = "ApiKey " + c.key
				}
				if op.ID == "uploadFile" {
					headers = append(headers, "Content-Type", "application/json")
				}
				out := w.call(op.Method, path, body, headers...)
				for _, other := range sides {
					if other != s {
						other.mustNotShow(t, s, shared, fmt.Sprintf("%s %s %s by %s of %s", op.Method, path, body, c.name, s.marker), out)
					}
				}
				if out.Code < 300 && len(s.vars) > 0 {
					s.refresh(t, w)
				}
			}
		})
	}
}

// isolatedTexts are path queries by text, which find what is in both tenants.
var isolatedTexts = []string{
	`\"note* person folder*\"`, `@:collections \"coll* note\"`, `@:public \"note* user agent tenant\"`, `@:collection($coll) \"note*\"`,
	`\"note* person\" <-[~know]-> \"note*\"`, `@$person <-[*]{1,3}-> \"note* folder*\"`, `type:user ~ \"viewer editor owner\"`, `type:note \"has collection\"`,
}

// enrolAs makes a side's callers and, of a tenant, what it has.
func (w *rig) enrolAs(t *testing.T, s *isolated) {
	t.Helper()
	w.keys += 100
	w.enrol(t, s.callers)
	s.sent = map[string]bool{}
	if len(s.callers) > 2 {
		s.vars = fixtureMarked(t, w, `"tenant":"$team"`, s.marker)
		w.bindAll(t, s.vars, s.callers)
		w.admitAll(t, s)
	}
}

// admitAll makes the callers the tenant's, with the user and the agent of the
// fixture.
func (w *rig) admitAll(t *testing.T, s *isolated) {
	t.Helper()
	ids := []entity.ID{entity.ID(s.vars["user"]), entity.ID(s.vars["robot"])}
	for _, c := range s.callers {
		ids = append(ids, c.p.ID)
	}
	_, err := w.main().Update(t.Context(), entity.Actor{UserID: ownerID, Method: entity.MethodSystem}, func(tx entity.Tx) error {
		for _, id := range ids {
			if _, err := tx.Put(id, entity.Any, func(m *entity.Manifest) error {
				m.Relationships = append(m.Relationships, entity.Relationship{Predicate: entity.PredicateTenant, Peer: entity.ID(s.vars["team"]), PeerType: entity.TypeTenant})
				return nil
			}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	s.refresh(t, w)
}

// sharedNames are what everybody may know: the rig's own users, and names of
// nothing.
func (w *rig) sharedNames(*testing.T) map[string]bool {
	return map[string]bool{string(ownerID): true, string(readerID): true, unknownID: true, unknownCID: true}
}

// mixed takes each variable from one of the maps.
func mixed(rng *rand.Rand, maps_ ...map[string]string) map[string]string {
	out := map[string]string{}
	for _, m := range maps_ {
		maps.Copy(out, m)
	}
	for name := range out {
		if v, ok := maps_[rng.IntN(len(maps_))][name]; ok {
			out[name] = v
		}
	}
	return out
}

// mustNotShow looks through an answer for what is the side's alone.
func (s *isolated) mustNotShow(t *testing.T, to *isolated, shared map[string]bool, request string, out *httptest.ResponseRecorder) {
	t.Helper()
	answer := out.Body.String() + fmt.Sprint(out.Result().Header)
	if strings.Contains(answer, s.marker) {
		t.Fatalf("%s\nis answered with content of %s:\n%.2000s", request, s.marker, answer)
	}
	own := s.own()
	for _, name := range nameForm.FindAllString(answer, -1) {
		if own[name] && !shared[name] && !to.sent[name] {
			t.Fatalf("%s\nis answered with the name %s of %s:\n%.2000s", request, name, s.marker, answer)
		}
	}
}

// refresh reads the tips of what the side has, as the operator.
func (s *isolated) refresh(t *testing.T, w *rig) {
	t.Helper()
	for name := range s.vars {
		if id, ok := strings.CutSuffix(name, "tip"); ok && s.vars[id] != "" {
			s.vars[name] = w.must(t, 200, "GET", "/entities/"+s.vars[id]+"/tip", nil)["cid"].(string)
		}
	}
}
