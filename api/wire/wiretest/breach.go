package wiretest

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

type object = map[string]any

// Described is the OpenAPI document of the operations. What it says of a
// parameter or a member is broken on purpose, rule by rule, so that a rule that
// is written down and not kept is found.
type Described struct {
	ops     map[string]object
	schemas object
}

// Describe prints the document of the operations and reads it.
func Describe(t testing.TB, ops []wire.Operation) *Described {
	t.Helper()
	text, err := wire.Document(wire.Info{Title: "t", Version: "1"}, ops)
	if err != nil {
		t.Fatal(err)
	}
	doc := decode(t, text)
	d := &Described{ops: map[string]object{}, schemas: doc["components"].(object)["schemas"].(object)}
	for _, path := range doc["paths"].(object) {
		for _, op := range path.(object) {
			op := op.(object)
			d.ops[op["operationId"].(string)] = op
		}
	}
	return d
}

// Fault is one bad request made of a good one, and the status of its answer.
// What is left empty is as in the good one.
type Fault struct {
	Name    string
	Path    string // with the query
	Body    string
	Headers []string // key, value, key, value
	Status  int
}

// Faults are the bad requests that the document tells for an operation whose good
// request has the path, with its query, and the body: malformed and unknown names
// in the path, and breaches of each rule of a parameter or a member.
func (d *Described) Faults(t testing.TB, op *wire.Operation, path, body string) []Fault {
	t.Helper()
	faults := append(d.pathFaults(op, path), d.queryFaults(op, path)...)
	if body != "" && op.MaxBody >= 0 { // an upload is no JSON
		faults = slices.Concat(faults, BodyFaults(d.NeedsBody(op)), d.memberFaults(t, op, body))
	}
	return faults
}

// NeedsBody tells whether a request without a body is a bad one.
func (d *Described) NeedsBody(op *wire.Operation) bool {
	body, _ := d.ops[op.ID]["requestBody"].(object)
	return body["required"] == true
}

// decode reads an object with its numbers as they were written.
func decode(t testing.TB, text []byte) (out object) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&out); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return out
}

func encode(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// params are the parameters of an operation that stand in a place.
func (d *Described) params(op *wire.Operation, in string) (out []object) {
	list, _ := d.ops[op.ID]["parameters"].([]any)
	for _, p := range list {
		if p := p.(object); p["in"] == in {
			out = append(out, p)
		}
	}
	return out
}

// Names of nothing.
const (
	UnknownID  = "01KDVR0000000000000000N0NE"
	UnknownCID = "bafyreidykglsfhoixmivffc5uwhcgshx4j465xwqntbmu43nb2dzqwfvae"

	badBytes = "%ff%fe%ff%fe%ff%fe%ff%fe%ff%fe%ff%fe%ff"
)

// malformedIDs are in no network's form.
var malformedIDs = []string{"short", "01kdvr0000000000000000n0ne", UnknownID + "0", "01KDVR0000000000000000NOUN", "II" + UnknownID, "*", "........................../"[:26]}

// pathFaults put malformed and unknown names into the path, one at a time.
func (d *Described) pathFaults(op *wire.Operation, good string) (faults []Fault) {
	for _, p := range d.params(op, "path") {
		name := p["name"].(string)
		with := func(value string) string { return replaceSegment(op.Path, good, name, value) }
		faults = append(faults, Fault{Name: name + " of bytes", Path: with(badBytes), Status: 400})
		pattern, ok := p["schema"].(object)["pattern"].(string)
		if !ok {
			continue // text of no one form: the row knows what is wrong
		}
		bad, unknown := malformedIDs, []string{UnknownID, "II" + UnknownID[2:]}
		if strings.HasPrefix(pattern, "^baf") {
			bad, unknown = []string{"short", UnknownCID + "a", UnknownCID[1:], "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG"}, []string{UnknownCID}
		}
		for _, v := range bad {
			faults = append(faults, Fault{Name: name + " " + v, Path: with(url.PathEscape(v)), Status: 400})
		}
		for _, v := range unknown {
			faults = append(faults, Fault{Name: "unknown " + name, Path: with(v), Status: 404})
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
func (d *Described) queryFaults(op *wire.Operation, good string) (faults []Fault) {
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
		switch schema["type"] {
		case "integer":
			values = append(values, "1.5", "0x10", "%201")
		case "boolean":
			values = []string{badBytes, "maybe", "2"} // true and 1 are good here
		}
		for _, v := range values {
			faults = append(faults, Fault{Name: name + "=" + v, Path: withQuery(good, name, v), Status: 400})
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
func (d *Described) memberFaults(t testing.TB, op *wire.Operation, good string) (faults []Fault) {
	var body struct {
		Content map[string]struct{ Schema json.RawMessage }
	}
	if err := json.Unmarshal([]byte(encode(t, d.ops[op.ID]["requestBody"])), &body); err != nil || body.Content["application/json"].Schema == nil {
		t.Fatalf("%s takes a body that the document does not describe (%v)", op.ID, err)
	}
	schema := decode(t, body.Content["application/json"].Schema)
	d.members(schema, decode(t, []byte(good)), nil, func(path []any, bad any) {
		copied := decode(t, []byte(good))
		set(copied, path, bad)
		faults = append(faults, Fault{Name: fmt.Sprintf("%v: %.40s", path, encode(t, bad)), Body: encode(t, copied), Status: 400})
	})
	return faults
}

// absent stands for a member that is taken away.
type absent struct{}

// members calls emit for every breach of the schema in value and below it.
func (d *Described) members(schema object, value object, path []any, emit func(path []any, bad any)) {
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

func (d *Described) resolve(schema object) object {
	if ref, ok := schema["$ref"].(string); ok {
		return d.schemas[ref[strings.LastIndexByte(ref, '/')+1:]].(object)
	}
	return schema
}

// required tells whether a member must be there, under this or another name.
func (d *Described) required(schema object, name string) bool {
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
func (d *Described) breaches(schema object, depth int) (out []any) {
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
			out = append(out, "short", "01kdvr0000000000000000n0ne", UnknownID+"0")
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
		switch step := step.(type) {
		case int:
			v = v.([]any)[step]
		case string:
			v = v.(object)[step]
		}
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

// BodyFaults are bodies that no operation can read; that one is missing is a
// fault where it is required.
func BodyFaults(required bool) (faults []Fault) {
	for name, body := range map[string]string{
		"cut short":              `{"expect_tip":"x"`,
		"no JSON":                `expect_tip=x`,
		"two values":             `{} {}`,
		"a trailing comma":       `{"a":1,}`,
		"a comment":              `{"a":1} // no`,
		"single quotes":          `{'a':1}`,
		"NaN":                    `{"a":NaN}`,
		"a huge number":          `{"properties":{"a":1e999}}`,
		"a huge integer":         `{"properties":{"a":` + strings.Repeat("9", 400) + `}}`,
		"a leading zero":         `{"a":01}`,
		"a duplicate key":        `{"note":"a","note":"b"}`,
		"a duplicate key within": `{"properties":{"a":{"b":1,"b":2}}}`,
		"a duplicate by escape":  `{"note":"a","n\u006fte":"b"}`,
		"invalid UTF-8":          "{\"note\":\"\xff\xfe\"}",
		"an overlong form":       "{\"note\":\"\xc0\xaf\"}",
		"an unpaired surrogate":  `{"note":"\ud800"}`,
		"a raw control":          "{\"note\":\"a\nb\"}",
		"an array":               `[]`,
		"a string":               `"x"`,
		"a number":               `7`,
		"false":                  `false`,
		"nested objects":         strings.Repeat(`{"a":`, 200) + "1" + strings.Repeat("}", 200),
		"nested arrays":          strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000),
		"deep and unclosed":      strings.Repeat(`{"a":[`, 300_000),
		"a bad link":             `{"properties":{"a":{"/":"nothing"}}}`,
	} {
		faults = append(faults, Fault{Name: name, Body: body, Status: 400})
	}
	for name, body := range map[string]string{"empty": " ", "an empty object": `{}`, "null": `null`} {
		if required {
			faults = append(faults, Fault{Name: name, Body: body, Status: 400})
		}
	}
	for name, headers := range map[string][]string{
		"plain text":      {"Content-Type", "text/plain"},
		"a form":          {"Content-Type", "application/x-www-form-urlencoded"},
		"another charset": {"Content-Type", "application/json; charset=utf-16"},
		"a broken type":   {"Content-Type", "application/json; ="},
		"compressed":      {"Content-Encoding", "gzip"},
	} {
		faults = append(faults, Fault{Name: name, Headers: headers, Status: 415})
	}
	return faults
}
