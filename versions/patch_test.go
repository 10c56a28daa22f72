package versions_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"stemma/entity"
	"stemma/versions"
)

// apply is RFC 6902 for the three operations that a patch uses, strict about
// what the RFC makes an error: a missing target, an index out of range.
func apply(doc any, ops []versions.Operation) (any, error) {
	doc = entity.CloneValue(doc)
	for _, op := range ops {
		if (op.Op == versions.OpRemove) != (op.Value == nil) {
			return nil, fmt.Errorf("%s at %q with value %v", op.Op, op.Path, op.Value)
		}
		if !strings.HasPrefix(op.Path, "/") {
			return nil, fmt.Errorf("the pointer %q", op.Path)
		}
		var tokens []string
		for token := range strings.SplitSeq(op.Path[1:], "/") {
			tokens = append(tokens, strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~"))
		}
		var err error
		if doc, err = step(doc, tokens, op); err != nil {
			return nil, fmt.Errorf("%s %s: %w", op.Op, op.Path, err)
		}
	}
	return doc, nil
}

// step gives at with op done under it.
func step(at any, tokens []string, op versions.Operation) (any, error) {
	key, last := tokens[0], len(tokens) == 1
	switch at := at.(type) {
	case map[string]any:
		v, there := at[key]
		switch {
		case !there && !(last && op.Op == versions.OpAdd):
			return nil, fmt.Errorf("no member %q", key)
		case last && op.Op == versions.OpRemove:
			delete(at, key)
		case last:
			at[key] = entity.CloneValue(*op.Value)
		default:
			v, err := step(v, tokens[1:], op)
			at[key] = v
			return at, err
		}
		return at, nil
	case []any:
		i, err := strconv.Atoi(key)
		most := len(at) - 1
		if last && op.Op == versions.OpAdd {
			most++
		}
		if err != nil || i < 0 || i > most || strconv.Itoa(i) != key {
			return nil, fmt.Errorf("index %q of %d elements", key, len(at))
		}
		switch {
		case last && op.Op == versions.OpAdd:
			return slices.Insert(at, i, entity.CloneValue(*op.Value)), nil
		case last && op.Op == versions.OpRemove:
			return slices.Delete(at, i, i+1), nil
		case last:
			at[i] = entity.CloneValue(*op.Value)
			return at, nil
		}
		at[i], err = step(at[i], tokens[1:], op)
		return at, err
	}
	return nil, fmt.Errorf("%q of a %T", key, at)
}

// checkPatch is the law: the patch applied to the one document is the other,
// also after a way through JSON as a client takes it.
func checkPatch(t *testing.T, from, to *entity.Manifest) []versions.Operation {
	t.Helper()
	ops := versions.Patch(from, to)
	if ops == nil {
		t.Fatal("a nil patch")
	}
	want := any(versions.Document(to))
	got, err := apply(versions.Document(from), ops)
	if err != nil || !entity.EqualValues(got, want) {
		t.Fatalf("%v\nfrom  %v\npatch %s\ngives %v\nwant  %v", err, versions.Document(from), text(t, ops), got, want)
	}
	if got, err = apply(versions.Document(from), reread(t, ops)); err != nil || !entity.EqualValues(got, want) {
		t.Fatalf("through JSON: %v\npatch %s\ngives %v\nwant  %v", err, text(t, ops), got, want)
	}
	return ops
}

func text(t *testing.T, ops []versions.Operation) string {
	t.Helper()
	b, err := json.Marshal(ops)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// reread is the patch as a client parses it.
func reread(t *testing.T, ops []versions.Operation) []versions.Operation {
	t.Helper()
	v, err := entity.ParseJSON([]byte(text(t, ops)), entity.MaxDepth+5)
	if err != nil {
		t.Fatal(err)
	}
	var back []versions.Operation
	for _, x := range v.([]any) {
		o := x.(map[string]any)
		op := versions.Operation{Op: o["op"].(string), Path: o["path"].(string)}
		if v, ok := o["value"]; ok {
			op.Value = &v
		}
		back = append(back, op)
	}
	return back
}

func TestPatch(t *testing.T) {
	link := `{"/":"` + entity.SumRaw(nil).String() + `"}`
	for name, tt := range map[string]struct{ from, to, want string }{
		"nothing":              {`{"a":1}`, `{"a":1}`, `[]`},
		"add":                  {`{}`, `{"a":{"b":1}}`, `[{"op":"add","path":"/properties/a","value":{"b":1}}]`},
		"add null":             {`{}`, `{"a":null}`, `[{"op":"add","path":"/properties/a","value":null}]`},
		"replace with null":    {`{"a":1}`, `{"a":null}`, `[{"op":"replace","path":"/properties/a","value":null}]`},
		"remove":               {`{"a":null}`, `{}`, `[{"op":"remove","path":"/properties/a"}]`},
		"inside":               {`{"a":{"b":{"c":1,"d":2}}}`, `{"a":{"b":{"c":1,"d":3}}}`, `[{"op":"replace","path":"/properties/a/b/d","value":3}]`},
		"past 2^53":            {`{"n":9007199254740992}`, `{"n":9007199254740993}`, `[{"op":"replace","path":"/properties/n","value":9007199254740993}]`},
		"int64 edges":          {`{"n":-9223372036854775808}`, `{"n":9223372036854775807}`, `[{"op":"replace","path":"/properties/n","value":9223372036854775807}]`},
		"empty keys":           {`{"":{"":1}}`, `{"":{"":2}}`, `[{"op":"replace","path":"/properties//","value":2}]`},
		"slash and tilde":      {`{"a/b":{"~":1,"~1":2}}`, `{"a/b":{"~":2,"~1":3}}`, `[{"op":"replace","path":"/properties/a~1b/~0","value":2},{"op":"replace","path":"/properties/a~1b/~01","value":3}]`},
		"a digit is a key":     {`{"0":1,"-":1}`, `{"0":2,"-":2}`, `[{"op":"replace","path":"/properties/-","value":2},{"op":"replace","path":"/properties/0","value":2}]`},
		"append":               {`{"a":[1]}`, `{"a":[1,2,3]}`, `[{"op":"add","path":"/properties/a/1","value":2},{"op":"add","path":"/properties/a/2","value":3}]`},
		"prepend":              {`{"a":[1,2]}`, `{"a":[0,1,2]}`, `[{"op":"add","path":"/properties/a/0","value":0}]`},
		"drop one of many":     {`{"a":[1,2,3,4,5]}`, `{"a":[1,2,4,5]}`, `[{"op":"remove","path":"/properties/a/2"}]`},
		"drop of equal ones":   {`{"a":[1,1,1]}`, `{"a":[1]}`, `[{"op":"remove","path":"/properties/a/2"},{"op":"remove","path":"/properties/a/1"}]`},
		"inside an element":    {`{"a":[{"x":1},{"x":2}]}`, `{"a":[{"x":1},{"x":3}]}`, `[{"op":"replace","path":"/properties/a/1/x","value":3}]`},
		"emptied":              {`{"a":[1,2]}`, `{"a":[]}`, `[{"op":"remove","path":"/properties/a/1"},{"op":"remove","path":"/properties/a/0"}]`},
		"object to array":      {`{"a":{"0":1}}`, `{"a":[1]}`, `[{"op":"replace","path":"/properties/a","value":[1]}]`},
		"whole to fraction":    {`{"a":1}`, `{"a":1.5}`, `[{"op":"replace","path":"/properties/a","value":1.5}]`},
		"false is not null":    {`{"a":null}`, `{"a":false}`, `[{"op":"replace","path":"/properties/a","value":false}]`},
		"a link is one value":  {`{"a":{"b":1}}`, `{"a":` + link + `}`, `[{"op":"replace","path":"/properties/a","value":` + link + `}]`},
		"keys in order":        {`{"b":1,"a":1}`, `{"c":1,"a":2}`, `[{"op":"replace","path":"/properties/a","value":2},{"op":"remove","path":"/properties/b"},{"op":"add","path":"/properties/c","value":1}]`},
		"an object is emptied": {`{"a":{"b":1}}`, `{"a":{}}`, `[{"op":"remove","path":"/properties/a/b"}]`},
	} {
		t.Run(name, func(t *testing.T) {
			got := text(t, checkPatch(t, manifest(t, idA, tt.from), manifest(t, idA, tt.to)))
			if got != tt.want {
				t.Errorf("\n got %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestPatchRelationships(t *testing.T) {
	in := func(peer entity.ID) entity.Relationship { return entity.Relationship{Predicate: "in", Peer: peer} }
	full := entity.Relationship{Predicate: "cites", Peer: idB, PeerType: "letter", PeerLabel: "L", Properties: object(t, `{"page":1}`)}
	edited := full
	edited.PeerLabel, edited.Properties = "", object(t, `{"page":2}`)
	for name, tt := range map[string]struct {
		from, to []entity.Relationship
		want     string
	}{
		"add":               {nil, []entity.Relationship{full}, `[{"op":"add","path":"/relationships/0","value":{"peer":"` + string(idB) + `","peer_label":"L","peer_type":"letter","predicate":"cites","properties":{"page":1}}}]`},
		"remove the first":  {[]entity.Relationship{in(idA), in(idB), full}, []entity.Relationship{in(idB), full}, `[{"op":"remove","path":"/relationships/0"}]`},
		"edit in place":     {[]entity.Relationship{in(idA), full}, []entity.Relationship{in(idA), edited}, `[{"op":"remove","path":"/relationships/1/peer_label"},{"op":"replace","path":"/relationships/1/properties/page","value":2}]`},
		"move a collection": {[]entity.Relationship{in(idA), full}, []entity.Relationship{full, in(idC)}, `[{"op":"remove","path":"/relationships/0"},{"op":"add","path":"/relationships/1","value":{"peer":"` + string(idC) + `","predicate":"in"}}]`},
		"cleared":           {[]entity.Relationship{in(idA), in(idB), full}, nil, `[{"op":"replace","path":"/relationships","value":[]}]`},
		"all others":        {[]entity.Relationship{in(idA), in(idB)}, []entity.Relationship{in(idC)}, `[{"op":"replace","path":"/relationships","value":[{"peer":"` + string(idC) + `","predicate":"in"}]}]`},
		"another order":     {[]entity.Relationship{in(idA), in(idB)}, []entity.Relationship{in(idB), in(idA)}, `[{"op":"replace","path":"/relationships/0/peer","value":"` + string(idB) + `"},{"op":"replace","path":"/relationships/1/peer","value":"` + string(idA) + `"}]`},
		"insert":            {[]entity.Relationship{in(idA), in(idB)}, []entity.Relationship{in(idA), in(idC), in(idB)}, `[{"op":"add","path":"/relationships/1","value":{"peer":"` + string(idC) + `","predicate":"in"}}]`},
	} {
		t.Run(name, func(t *testing.T) {
			got := text(t, checkPatch(t, manifest(t, idA, `{}`, tt.from...), manifest(t, idA, `{}`, tt.to...)))
			if got != tt.want {
				t.Errorf("\n got %s\nwant %s", got, tt.want)
			}
		})
	}
}

// The patch from nothing makes the document out of {} and out of an empty one;
// a change of type is in the patch too.
func TestPatchFromNothing(t *testing.T) {
	to := manifest(t, idA, `{"a":[1]}`, entity.Relationship{Predicate: "in", Peer: idB})
	ops := checkPatch(t, nil, to)
	if len(ops) != 3 {
		t.Errorf("patch %s; want type, properties and relationships", text(t, ops))
	}
	empty := manifest(t, idA, `{"x":1}`)
	empty.Type = "note"
	if got, err := apply(versions.Document(empty), ops); err != nil || !entity.EqualValues(got, any(versions.Document(to))) {
		t.Errorf("applied to another document: %v, %v", got, err)
	}
	checkPatch(t, empty, to)
}

// A few edits of a large manifest give a patch of a few operations.
func TestPatchIsSmall(t *testing.T) {
	from := manifest(t, idA, `{}`)
	for i := range entity.MaxRelationships {
		from.Relationships = append(from.Relationships, entity.Relationship{Predicate: entity.Predicate(fmt.Sprint("p", i)), Peer: idB})
	}
	to := from.Clone()
	to.Unrelate(entity.RelationshipRef{Predicate: "p0"})
	to.Unrelate(entity.RelationshipRef{Predicate: "p5000"})
	to.Relationships[7000].PeerLabel = "edited"
	to.Relationships = append(to.Relationships, entity.Relationship{Predicate: "new", Peer: idC})
	if ops := checkPatch(t, from, to); len(ops) != 4 {
		t.Errorf("%d operations for 4 edits", len(ops))
	}
}

// random makes values and edits of them; small alphabets, so that keys meet.
type random struct{ *rand.Rand }

var keys = []string{"", "a", "b", "/", "~", "~1", "a/b", "0", "-", "é", "__proto__"}

func (r random) scalar() any {
	all := []any{nil, true, false, "", "x", "/", int64(0), int64(1), int64(1 << 53), int64(1<<53 + 1), int64(math.MaxInt64), int64(math.MinInt64), 0.1, 1e300,
		entity.Link{CID: entity.SumRaw(nil)}, entity.Link{CID: entity.SumBlock(nil)}}
	return all[r.IntN(len(all))]
}

func (r random) value(depth int) any {
	switch n := r.IntN(6); {
	case n < 2 && depth > 0:
		return r.object(depth)
	case n == 2 && depth > 0:
		list := make([]any, r.IntN(6))
		for i := range list {
			list[i] = r.value(depth - 1)
		}
		return list
	}
	return r.scalar()
}

func (r random) object(depth int) map[string]any {
	o := map[string]any{}
	for range r.IntN(5) {
		o[keys[r.IntN(len(keys))]] = r.value(depth - 1)
	}
	if _, ok := o["/"]; ok && len(o) == 1 {
		o["a"] = nil // alone it would be a link
	}
	return o
}

// edit changes a value a little, or replaces it.
func (r random) edit(v any) any {
	switch v := v.(type) {
	case map[string]any:
		o := maps.Clone(v)
		for k, x := range v {
			switch r.IntN(4) {
			case 0:
				o[k] = r.edit(x)
			case 1:
				delete(o, k)
			}
		}
		maps.Copy(o, r.object(2))
		if _, ok := o["/"]; ok && len(o) == 1 {
			o["a"] = nil
		}
		return o
	case []any:
		list := slices.Clone(v)
		for range 1 + r.IntN(3) {
			switch i := r.IntN(len(list) + 1); {
			case r.IntN(3) == 0:
				list = slices.Insert(list, i, r.value(2))
			case i < len(list) && r.IntN(2) == 0:
				list = slices.Delete(list, i, i+1)
			case i < len(list):
				list[i] = r.edit(list[i])
			}
		}
		return list
	}
	return r.value(2)
}

func (r random) relationships() []entity.Relationship {
	rels := []entity.Relationship{}
	for _, p := range []entity.Predicate{"in", "cites", "a"} {
		for _, peer := range []entity.ID{idA, idB, idC, "*"} {
			if r.IntN(2) == 0 {
				x := entity.Relationship{Predicate: p, Peer: peer, PeerLabel: []string{"", "L", "M"}[r.IntN(3)]}
				if r.IntN(2) == 0 {
					x.Properties = r.object(2)
				}
				rels = append(rels, x)
			}
		}
	}
	if r.IntN(4) == 0 {
		r.Shuffle(len(rels), func(i, j int) { rels[i], rels[j] = rels[j], rels[i] })
	}
	return rels
}

// Law: the patch from a to b, applied to a's document, is b's, for any two
// manifests; and a patch between equal ones is empty.
func TestPatchProperty(t *testing.T) {
	const seed = 20261122
	t.Logf("seed %d", seed) // shown with a failure
	r := random{rand.New(rand.NewPCG(seed, 1))}
	for i := range 1500 {
		from, to := manifest(t, idA, `{}`, r.relationships()...), manifest(t, idA, `{}`, r.relationships()...)
		from.Properties = r.object(4)
		to.Properties = r.object(4)
		if i%2 == 0 {
			to.Properties = r.edit(from.Properties).(map[string]any)
		}
		for _, m := range []*entity.Manifest{from, to} {
			if err := m.Validate(); err != nil {
				t.Fatalf("seed %d, round %d: %v", seed, i, err)
			}
		}
		before := entity.CloneValue([]any{versions.Document(from), versions.Document(to)})
		checkPatch(t, from, to)
		checkPatch(t, nil, to)
		if ops := checkPatch(t, from, from.Clone()); len(ops) != 0 {
			t.Fatalf("seed %d, round %d: a patch between equals: %s", seed, i, text(t, ops))
		}
		if !entity.EqualValues(before, []any{versions.Document(from), versions.Document(to)}) {
			t.Fatalf("seed %d, round %d: making the patch changed a manifest", seed, i)
		}
	}
}

// Bytes take part as one value, as links do.
func TestPatchBytes(t *testing.T) {
	from, to := manifest(t, idA, `{}`), manifest(t, idA, `{}`)
	from.Properties["b"], to.Properties["b"] = []byte{1}, []byte{2}
	from.Properties["same"], to.Properties["same"] = []byte{1}, []byte{1}
	ops := versions.Patch(from, to)
	got, err := apply(versions.Document(from), ops)
	if err != nil || len(ops) != 1 || !entity.EqualValues(got, any(versions.Document(to))) {
		t.Errorf("%v gives %v, %v", ops, got, err)
	}
}
