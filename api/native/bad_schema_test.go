package native_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"stemma/api/wire"
)

// documented is the OpenAPI document of the operations. What it says of a
// parameter or a member is broken on purpose, rule by rule, so that a rule that
// is written down and not kept is found.
type documented struct {
	ops     map[string]object
	schemas object
}

func newDocumented(t *testing.T, ops []wire.Operation) *documented {
	t.Helper()
	text, err := wire.Document(wire.Info{Title: "t", Version: "1"}, ops)
	if err != nil {
		t.Fatal(err)
	}
	doc := decode(t, text)
	d := &documented{ops: map[string]object{}, schemas: at(doc, "components", "schemas").(object)}
	for _, path := range doc["paths"].(object) {
		for _, op := range path.(object) {
			op := op.(object)
			d.ops[op["operationId"].(string)] = op
		}
	}
	return d
}

func jsonInto(text []byte, v any) error { return json.NewDecoder(bytes.NewReader(text)).Decode(v) }

// params are the parameters of an operation that stand in a place.
func (d *documented) params(op *wire.Operation, in string) (out []object) {
	list, _ := d.ops[op.ID]["parameters"].([]any)
	for _, p := range list {
		if p := p.(object); p["in"] == in {
			out = append(out, p)
		}
	}
	return out
}

const (
	unknownID  = "01KDVR0000000000000000N0NE"
	unknownCID = "bafyreidykglsfhoixmivffc5uwhcgshx4j465xwqntbmu43nb2dzqwfvae"
	badBytes   = "%ff%fe%ff%fe%ff%fe%ff%fe%ff%fe%ff%fe%ff"
)

// malformedIDs are in no network's form.
var malformedIDs = []string{"short", "01kdvr0000000000000000n0ne", unknownID + "0", "01KDVR0000000000000000NOUN", "II" + unknownID, "*", "........................../"[:26]}

// pathFaults put malformed and unknown names into the path, one at a time.
func (d *documented) pathFaults(op *wire.Operation, row badRow) (faults []fault) {
	for _, p := range d.params(op, "path") {
		name := p["name"].(string)
		with := func(value string) string { return replaceSegment(op.Path, row.path, name, value) }
		faults = append(faults, fault{name: name + " of bytes", path: with(badBytes), status: 400})
		pattern, ok := at(p, "schema", "pattern").(string)
		if !ok {
			continue // text of no one form: the row knows what is wrong
		}
		bad, unknown := malformedIDs, []string{unknownID, "II" + unknownID[2:]}
		if strings.HasPrefix(pattern, "^baf") {
			bad, unknown = []string{"short", unknownCID + "a", unknownCID[1:], "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG"}, []string{unknownCID}
		}
		for _, v := range bad {
			faults = append(faults, fault{name: name + " " + v, path: with(url.PathEscape(v)), status: 400})
		}
		for _, v := range unknown {
			faults = append(faults, fault{name: "unknown " + name, path: with(v), status: 404})
		}
	}
	return faults
}

// replaceSegment puts value where pattern has {name}, or its star.
func replaceSegment(pattern, path, name, value string) string {
	path, query, asked := strings.Cut(path, "?")
	segments, names := strings.Split(path, "/"), strings.Split(pattern, "/")
	if at := slices.Index(names, "{"+name+"}"); at >= 0 {
		segments[at] = value
	} else { // the rest of the path
		segments = append(segments[:len(names)-1], value)
	}
	path = strings.Join(segments, "/")
	if asked {
		path += "?" + query
	}
	return path
}

// queryFaults break the rules of each query parameter.
func (d *documented) queryFaults(op *wire.Operation, row badRow) (faults []fault) {
	for _, p := range d.params(op, "query") {
		name, schema := p["name"].(string), p["schema"].(object)
		values := []string{badBytes}
		for _, v := range d.breaches(schema, 0) {
			switch v := v.(type) {
			case string:
				if v != "" { // an empty parameter counts as none
					values = append(values, url.QueryEscape(v))
				}
			case json.Number:
				if schema["type"] != "string" {
					values = append(values, v.String())
				}
			}
		}
		if schema["type"] == "integer" {
			values = append(values, "1.5", "0x10", "%201")
		}
		for _, v := range values {
			faults = append(faults, fault{name: name + "=" + v, path: withQuery(row.path, name, v), status: 400})
		}
	}
	return faults
}

// withQuery puts a parameter into a query, in place of one of that name.
func withQuery(path, name, value string) string {
	path, query, _ := strings.Cut(path, "?")
	rest := slices.DeleteFunc(strings.Split(query, "&"), func(part string) bool { return part == "" || strings.HasPrefix(part, name+"=") })
	return path + "?" + strings.Join(append(rest, name+"="+value), "&")
}

// memberFaults break the rules of each member of the body, one at a time, in a
// copy of the good body.
func (d *documented) memberFaults(t *testing.T, op *wire.Operation, row badRow) (faults []fault) {
	schema, _ := at(d.ops[op.ID], "requestBody", "content", "application/json", "schema").(object)
	if schema == nil {
		t.Fatalf("%s takes a body that the document does not describe", op.ID)
	}
	good := decode(t, []byte(row.body))
	d.members(schema, good, nil, func(path []any, bad any) {
		copied := decode(t, []byte(row.body))
		set(copied, path, bad)
		text, err := json.Marshal(copied)
		if err != nil {
			t.Fatal(err)
		}
		faults = append(faults, fault{name: fmt.Sprintf("%v: %.40s", path, encode(t, bad)), body: string(text), status: 400})
	})
	return faults
}

// absent stands for a member that is taken away.
type absent struct{}

// members calls emit for every breach of the schema in value and below it.
func (d *documented) members(schema object, value object, path []any, emit func(path []any, bad any)) {
	schema = d.resolve(schema)
	props, _ := schema["properties"].(object)
	for name, member := range props {
		member := d.resolve(member.(object))
		here := append(slices.Clone(path), name)
		if d.required(schema, name) && value[name] != nil {
			emit(here, absent{})
			emit(here, nil)
		}
		for _, bad := range d.breaches(member, 0) {
			emit(here, bad)
		}
		switch v := value[name].(type) {
		case object:
			d.members(member, v, here, emit)
		case []any:
			items, _ := member["items"].(object)
			if items == nil || len(v) == 0 {
				continue
			}
			for _, bad := range d.breaches(items, 0) {
				emit(append(slices.Clone(here), 0), bad)
			}
			if most, ok := member["maxItems"].(json.Number); ok {
				n, _ := most.Int64()
				emit(here, slices.Repeat(v[:1], int(n)+1))
			}
			if inner, ok := v[0].(object); ok {
				d.members(items, inner, append(slices.Clone(here), 0), emit)
			}
		}
	}
}

func (d *documented) resolve(schema object) object {
	if ref, ok := schema["$ref"].(string); ok {
		return d.schemas[ref[strings.LastIndexByte(ref, '/')+1:]].(object)
	}
	return schema
}

// required tells whether a member must be there, under this or another name.
func (d *documented) required(schema object, name string) bool {
	has := func(list any) bool {
		names, _ := list.([]any)
		return slices.Contains(names, any(name))
	}
	if has(schema["required"]) {
		return true
	}
	all, _ := schema["allOf"].([]any)
	for _, one := range all {
		either, _ := one.(object)["anyOf"].([]any)
		for _, spelling := range either {
			if has(spelling.(object)["required"]) {
				return true
			}
		}
	}
	return false
}

// breaches are values that a schema does not allow.
func (d *documented) breaches(schema object, depth int) (out []any) {
	schema = d.resolve(schema)
	number := func(key string, by int64) {
		if n, ok := schema[key].(json.Number); ok {
			i, err := n.Int64()
			if err == nil {
				out = append(out, json.Number(fmt.Sprint(i+by)))
			}
		}
	}
	switch schema["type"] {
	case "string":
		out = append(out, json.Number("7"), true, []any{}, object{"a": "b"})
		if n, ok := schema["maxLength"].(json.Number); ok {
			i, _ := n.Int64()
			out = append(out, strings.Repeat("é", int(i)+1))
		}
		if schema["minLength"] != nil {
			out = append(out, "")
		}
		if schema["enum"] != nil {
			out = append(out, "nonsense", "")
		}
		if p, _ := schema["pattern"].(string); strings.Contains(p, "HJKMNP") {
			out = append(out, "short", "01kdvr0000000000000000n0ne", unknownID+"0")
		} else if p != "" {
			out = append(out, "No such-Thing!")
		}
	case "integer":
		out = append(out, "x", json.Number("1.5"), json.Number("1e30"), json.Number("99999999999999999999"), true, []any{})
		number("minimum", -1)
		number("maximum", 1)
	case "boolean":
		out = append(out, "true", json.Number("1"))
	case "object":
		out = append(out, "x", json.Number("7"), []any{}, true)
	case "array":
		out = append(out, "x", object{}, json.Number("7"))
		if schema["minItems"] != nil {
			out = append(out, []any{})
		}
	}
	return out
}

// set puts a value where path leads in decoded JSON.
func set(v any, path []any, value any) {
	for _, step := range path[:len(path)-1] {
		v = at(v, step)
	}
	switch step := path[len(path)-1].(type) {
	case int:
		v.([]any)[step] = value
	case string:
		if _, gone := value.(absent); gone {
			delete(v.(object), step)
			return
		}
		v.(object)[step] = value
	}
}
