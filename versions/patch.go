package versions

import (
	"slices"
	"strconv"
	"strings"

	"stemma/entity"
)

// The operations of a patch (RFC 6902, section 4). The other three of the RFC
// are never written.
const (
	OpAdd     = "add"
	OpRemove  = "remove"
	OpReplace = "replace"
)

// Operation is one step of a JSON patch.
type Operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`            // a JSON pointer (RFC 6901) into the document
	Value *any   `json:"value,omitempty"` // nil exactly for OpRemove; may point at nil, which is null
}

// Document is what a patch applies to: the parts of a version that an edit
// changes, {"type":…, "properties":{…}, "relationships":[…]}. An entity or a
// manifest as clients receive it has these three under the same names, so that
// a patch applies to either as it is. nil gives an empty object.
//
// It shares its values with m.
func Document(m *entity.Manifest) map[string]any {
	if m == nil {
		return map[string]any{}
	}
	return map[string]any{"type": m.Type, "properties": orEmpty(m.Properties), "relationships": relationshipValues(m.Relationships)}
}

func relationshipValues(rels []entity.Relationship) []any {
	out := make([]any, len(rels))
	for i, r := range rels {
		out[i] = r.Value()
	}
	return out
}

// Patch is the JSON patch (RFC 6902) that turns the [Document] of from into
// that of to; never nil. With a nil from it adds all three members, and so
// applies to an empty object and to a document alike.
//
// Objects are compared member by member, relationships by predicate and peer,
// other arrays by position between the elements they begin and end with alike:
// the patch is small for small edits and linear to compute for all.
func Patch(from, to *entity.Manifest) []Operation {
	p := patcher{ops: []Operation{}}
	if from == nil {
		p.object("", nil, Document(to))
		return p.ops
	}
	if from.Type != to.Type {
		p.write(OpReplace, "/type", to.Type)
	}
	p.object("/properties", from.Properties, to.Properties)
	p.relationships("/relationships", from.Relationships, to.Relationships)
	return p.ops
}

type patcher struct{ ops []Operation }

func (p *patcher) write(op, path string, v any) {
	p.ops = append(p.ops, Operation{Op: op, Path: path, Value: &v})
}

func (p *patcher) remove(path string) {
	p.ops = append(p.ops, Operation{Op: OpRemove, Path: path})
}

var escape = strings.NewReplacer("~", "~0", "/", "~1")

func member(path, key string) string { return path + "/" + escape.Replace(key) }

func element(path string, i int) string { return path + "/" + strconv.Itoa(i) }

// value writes what turns a into b at path.
func (p *patcher) value(path string, a, b any) {
	if x, ok := a.(map[string]any); ok {
		if y, ok := b.(map[string]any); ok {
			p.object(path, x, y)
			return
		}
	}
	if x, ok := a.([]any); ok {
		if y, ok := b.([]any); ok {
			p.array(path, x, y)
			return
		}
	}
	if !entity.EqualValues(a, b) {
		p.write(OpReplace, path, b)
	}
}

func (p *patcher) object(path string, a, b map[string]any) {
	for _, k := range sortedKeys(a, b) {
		was, had := a[k]
		is, has := b[k]
		switch {
		case !has:
			p.remove(member(path, k))
		case !had:
			p.write(OpAdd, member(path, k), is)
		default:
			p.value(member(path, k), was, is)
		}
	}
}

// array leaves alone what both begin and end with, turns the rest of a into
// the rest of b by position, and removes or inserts what is over.
func (p *patcher) array(path string, a, b []any) {
	start := 0
	for start < len(a) && start < len(b) && entity.EqualValues(a[start], b[start]) {
		start++
	}
	endA, endB := len(a), len(b)
	for endA > start && endB > start && entity.EqualValues(a[endA-1], b[endB-1]) {
		endA--
		endB--
	}
	both := min(endA, endB) // where the shorter rest ends
	for i := start; i < both; i++ {
		p.value(element(path, i), a[i], b[i])
	}
	for i := endA - 1; i >= both; i-- {
		p.remove(element(path, i))
	}
	for i := both; i < endB; i++ {
		p.write(OpAdd, element(path, i), b[i])
	}
}

// relationships removes those that are gone, from the last to the first, then
// goes through b: what is new is inserted where it stands, what was there is
// compared in place. That holds when the kept ones kept their order, as after
// every edit; else, and when none is kept, other means do.
func (p *patcher) relationships(path string, a, b []entity.Relationship) {
	before, after := byKey(a), byKey(b)
	kept := func(rels []entity.Relationship, other map[edgeKey]entity.Relationship) []edgeKey {
		var keys []edgeKey
		for _, r := range rels {
			if _, ok := other[keyOf(r)]; ok {
				keys = append(keys, keyOf(r))
			}
		}
		return keys
	}
	keptA, keptB := kept(a, after), kept(b, before)
	switch {
	case len(keptA) == 0 && len(a) > 0:
		p.write(OpReplace, path, relationshipValues(b))
		return
	case !slices.Equal(keptA, keptB):
		p.array(path, relationshipValues(a), relationshipValues(b))
		return
	}
	for i, r := range slices.Backward(a) {
		if _, ok := after[keyOf(r)]; !ok {
			p.remove(element(path, i))
		}
	}
	for i, r := range b {
		if was, ok := before[keyOf(r)]; ok {
			if _, differs := compareRelationship(was, r); differs {
				p.object(element(path, i), was.Value(), r.Value())
			}
		} else {
			p.write(OpAdd, element(path, i), r.Value())
		}
	}
}
