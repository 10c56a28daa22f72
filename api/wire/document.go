package wire

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"stemma/entity"
)

// Info is what a document says about the whole of an API.
type Info struct {
	Title, Version, Description string
	Server                      string    // base URL; "" for "/"
	ErrorBody                   ErrorBody // of operations that have none of their own; nil: ArkeError
}

// Document prints the OpenAPI 3.1 description of the operations that are not
// hidden. Equal tables give equal bytes. The error names two operations with
// one ID.
func Document(info Info, ops []Operation) ([]byte, error) {
	d := &document{schemas: newSchemas(), errorBody: info.ErrorBody}
	if d.errorBody == nil {
		d.errorBody = ArkeError
	}
	if info.Server == "" {
		info.Server = "/"
	}
	ids := map[string]string{}
	for i := range ops {
		op := &ops[i]
		if op.Hidden {
			continue
		}
		if other, twice := ids[op.ID]; twice {
			return nil, entity.Internal("wire.Document", fmt.Errorf("%s and %s %s have the same ID %q", other, op.Method, op.Path, op.ID))
		}
		ids[op.ID] = op.Method + " " + op.Path
		d.add(op)
	}
	out := object{
		{"openapi", "3.1.0"},
		{"info", object{{"title", info.Title}, {"version", info.Version}}.with("description", info.Description)},
		{"servers", []any{object{{"url", info.Server}}}},
		{"tags", d.tags},
		{"paths", d.paths},
		{"components", d.components()},
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, out.AppendJSON(nil), "", "  "); err != nil {
		return nil, entity.Internal("wire.Document", err)
	}
	pretty.WriteByte('\n')
	return pretty.Bytes(), nil
}

type document struct {
	*schemas
	errorBody ErrorBody
	tags      []any
	paths     object
	failures  []failure      // what some operation may answer
	bodies    []reflect.Type // of errors, in the order they were met
}

// failure is an error answer: a status with a form of body.
type failure struct {
	status, body int // body is a place in document.bodies
}

func (d *document) add(op *Operation) {
	if op.Tag != "" && !slices.ContainsFunc(d.tags, func(t any) bool { return t.(object)[0].value == op.Tag }) {
		d.tags = append(d.tags, object{{"name", op.Tag}})
	}
	path := documentPath(op.Path)
	i := slices.IndexFunc(d.paths, func(m member) bool { return m.key == path })
	if i < 0 {
		i = len(d.paths)
		d.paths = append(d.paths, member{path, object{}})
	}
	d.paths[i].value = append(d.paths[i].value.(object), member{strings.ToLower(op.Method), d.operation(op)})
}

// restName stands for chi's "*", which OpenAPI has no word for.
const restName = "path"

func documentPath(path string) string {
	return pathParam.ReplaceAllStringFunc(path, func(m string) string {
		if m == "*" {
			return "{" + restName + "}"
		}
		name, _, _ := strings.Cut(strings.Trim(m, "{}"), ":")
		return "{" + name + "}"
	})
}

func (d *document) operation(op *Operation) object {
	o := object{{"operationId", op.ID}}
	if op.Tag != "" {
		o = o.with("tags", []any{op.Tag})
	}
	o = o.with("summary", op.Summary).with("description", op.Description)
	o = o.with("security", security(op.Auth))
	o = o.with("x-arke-permission", op.Permission).with("x-arke-action", op.Permission).with("x-arke-auth", op.Auth.String())
	if op.BearerKeys {
		o = o.with("x-stemma-bearer-keys", true)
	}
	o = o.with("parameters", d.parameters(op))
	if body := d.requestBody(op); body != nil {
		o = o.with("requestBody", body)
	}
	return o.with("responses", d.responses(op))
}

func security(a Auth) []any {
	bearer, key := object{{"bearerAuth", []any{}}}, object{{"apiKeyAuth", []any{}}}
	switch a {
	case AuthRequired:
		return []any{bearer, key}
	case AuthOptional:
		return []any{object{}, bearer, key}
	case AuthJWTOnly:
		return []any{bearer}
	}
	return []any{}
}

func (d *document) parameters(op *Operation) []any {
	var out []any
	if op.in == nil {
		for _, name := range op.pathParams() {
			out = append(out, parameter("path", name, true, typed("string")))
		}
	} else {
		for _, f := range op.in.path {
			out = append(out, d.parameter("path", f.name, f))
		}
		for _, f := range op.in.query {
			out = append(out, d.parameter("query", f.name, f))
			for _, other := range f.alias {
				p := d.parameter("query", other, f)
				p = replace(p, "description", "Another spelling of "+f.name+".")
				out = append(out, replace(replace(p, "required", false), "deprecated", true))
			}
		}
		for _, f := range op.in.header {
			// OpenAPI has other places for these three.
			if f.name != "Accept" && f.name != "Content-Type" && f.name != "Authorization" {
				out = append(out, d.parameter("header", f.name, f))
			}
		}
	}
	out = append(out, object{{"$ref", "#/components/parameters/Network"}})
	if op.Auth != AuthNone {
		out = append(out, object{{"$ref", "#/components/parameters/OnBehalfOf"}})
	}
	return out
}

func (d *document) parameter(in, name string, f *field) object {
	required := f.rules.required && len(f.alias) == 0
	p := parameter(in, name, required, d.request(f.node, &f.rules))
	if f.node.kind == kindList {
		p = p.with("style", "form").with("explode", false)
	}
	return p.with("description", f.rules.doc)
}

func parameter(in, name string, required bool, schema object) object {
	if name == "*" {
		name = restName
	}
	return object{{"name", name}, {"in", in}, {"required", required || in == "path"}, {"schema", schema}}
}

// requestBody is nil for an operation that takes none.
func (d *document) requestBody(op *Operation) object {
	switch p := op.in; {
	case p == nil:
		return nil
	case p.upload != nil:
		var kinds object
		for _, kind := range op.BodyTypes {
			kinds = append(kinds, content(kind, typed("string").with("format", "binary"))...)
		}
		if kinds == nil {
			kinds = content("application/octet-stream", typed("string").with("format", "binary"))
		}
		return object{{"required", true}, {"content", kinds}}
	case p.body != nil:
		key := schemaKey{t: p.body.typ, request: true, op: op.ID}
		schema := d.define(key, func() object { return d.members(p.body) })
		return object{{"required", p.bodyRequired}, {"content", content("application/json", schema)}}
	case p.whole != nil:
		schema := d.request(p.whole.node, &p.whole.rules)
		return object{{"required", p.bodyRequired}, {"content", content("application/json", schema)}}
	}
	return nil
}

func content(kind string, schema object) object {
	return object{{kind, object{{"schema", schema}}}}
}

func (d *document) responses(op *Operation) object {
	var out object
	for _, s := range op.Success {
		key := strconv.Itoa(s.Status)
		at := slices.IndexFunc(out, func(m member) bool { return m.key == key })
		if at < 0 {
			at = len(out)
			text := s.Description
			if text == "" {
				text = http.StatusText(s.Status)
			}
			out = append(out, member{key, object{{"description", text}}})
		}
		out[at].value = d.addContent(out[at].value.(object), s)
	}
	body := d.errorType(op)
	for _, status := range op.failures() {
		f := failure{status, body}
		if !slices.Contains(d.failures, f) {
			d.failures = append(d.failures, f)
		}
		out = append(out, member{strconv.Itoa(status), object{{"$ref", "#/components/responses/" + f.name()}}})
	}
	return out
}

// errorType finds the form of an operation's errors by rendering one.
func (d *document) errorType(op *Operation) int {
	render := d.errorBody
	if op.ErrorBody != nil {
		render = op.ErrorBody
	}
	status, code := Status(entity.KindInvalid)
	t := reflect.TypeOf(render(entity.Invalid("wire.Document", "for example"), status, code, ""))
	i := slices.Index(d.bodies, t)
	if i < 0 {
		i = len(d.bodies)
		d.bodies = append(d.bodies, t)
	}
	return i
}

// addContent adds a form of the answer: another media type, or another shape
// of the same.
func (d *document) addContent(response object, s Success) object {
	if s.Body == nil && s.ContentType == "" {
		return response
	}
	kind, schema := s.ContentType, typed("string")
	if kind == "" {
		kind = "application/json"
	}
	if s.Body != nil {
		schema = d.answer(reflect.TypeOf(s.Body))
	}
	at := slices.IndexFunc(response, func(m member) bool { return m.key == "content" })
	if at < 0 {
		return response.with("content", content(kind, schema))
	}
	forms := response[at].value.(object)
	i := slices.IndexFunc(forms, func(m member) bool { return m.key == kind })
	if i < 0 {
		response[at].value = append(forms, content(kind, schema)...)
		return response
	}
	there := forms[i].value.(object)[0].value.(object)
	if there[0].key == "oneOf" {
		schema = object{{"oneOf", append(there[0].value.([]any), schema)}}
	} else {
		schema = object{{"oneOf", []any{there, schema}}}
	}
	forms[i].value = object{{"schema", schema}}
	return response
}

// failures are the statuses an operation may fail with: its own, and those of
// every operation of its form.
func (op *Operation) failures() []int {
	out := append([]int{http.StatusBadRequest, http.StatusInternalServerError}, op.Errors...)
	if op.Auth != AuthNone {
		out = append(out, http.StatusUnauthorized)
	}
	if op.in != nil && (op.in.hasJSON() || op.in.upload != nil) {
		out = append(out, http.StatusRequestTimeout, http.StatusRequestEntityTooLarge)
		if op.in.hasJSON() {
			out = append(out, http.StatusUnsupportedMediaType)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func failureText(status int) string {
	if status == statusClientClosed {
		return "Client Closed Request"
	}
	if s := http.StatusText(status); s != "" {
		return s
	}
	return "Status " + strconv.Itoa(status)
}

// name is NotFound, and NotFound2 for the second form of body.
func (f failure) name() string {
	name := identifier(failureText(f.status))
	if f.body > 0 {
		name += strconv.Itoa(f.body + 1)
	}
	return name
}

// components comes last: it names the schemas that all the rest refers to.
func (d *document) components() object {
	slices.SortFunc(d.failures, func(a, b failure) int { return cmp.Or(a.body-b.body, a.status-b.status) })
	var responses object
	for _, f := range d.failures {
		responses = append(responses, member{f.name(), object{
			{"description", failureText(f.status)}, {"content", content("application/json", d.answer(d.bodies[f.body]))},
		}})
	}
	return object{
		{"securitySchemes", object{
			{"bearerAuth", object{{"type", "http"}, {"scheme", "bearer"}, {"bearerFormat", "JWT"}}},
			{"apiKeyAuth", object{{"type", "apiKey"}, {"in", "header"}, {"name", "Authorization"},
				{"description", "Authorization: ApiKey uk_… (of a user), ak_… (of an agent) or sk_… (of a service); or the key alone as x-api-key"}}},
		}},
		{"parameters", object{
			{"Network", parameter("header", "X-Arke-Network", false, typed("string").
				with("enum", []any{string(entity.Main), string(entity.Test)}).with("default", string(entity.Main))).
				with("description", "The network the request is about. Ids of the test network begin with II.")},
			{"OnBehalfOf", parameter("header", "X-On-Behalf-Of", false, idSchema(false)).
				with("description", "The user a service account acts for.")},
		}},
		{"responses", responses},
		{"schemas", d.schemas.components()},
	}
}
